# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Proof
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.revisions import (
    choose_targets,
    current_revision,
    revisions_of,
    same_template,
    short_history,
    template_hash,
)

PASSED, FAILED = "passed", "failed"


def proof(verdict: str, template: Any, at: str = "2026-11-24T14:00:00Z", **more: Any) -> Proof:
    return Proof(verdict, at, template_hash(template), **more)


def revisions(shapes: Any, *verdicts: str | None, current: int | None = None) -> list[Any]:
    """Revision i+1 with image api:i+1 and that verdict; the last one runs."""
    running = current or len(verdicts)
    templates = [shapes.template(f"api:{n}") for n in range(1, len(verdicts) + 1)]
    keepers = [shapes.replicaset(n, template) for n, template in enumerate(templates, 1)]
    proofs = [proof(verdict, template) for verdict, template in zip(verdicts, templates, strict=True) if verdict]
    return revisions_of("Deployment", shapes.deployment(shapes.template(f"api:{running}")), keepers, proofs)


def numbers(found: list[Any]) -> list[int]:
    return [revision.number for revision in found]


def test_revisions_are_by_owner_and_newest_first(shapes: Any) -> None:
    mine = [shapes.replicaset(n, shapes.template(f"api:{n}")) for n in (1, 3, 2)]
    foreign = shapes.replicaset(9, shapes.template("other:1"), owner="uid-other")
    found = revisions_of("Deployment", shapes.deployment(shapes.template("api:3")), [*mine, foreign])
    assert numbers(found) == [3, 2, 1]
    assert current_revision(found).number == 3  # type: ignore[union-attr]
    assert "pod-template-hash" not in found[0].template["metadata"]["labels"]


def test_back_to_the_newest_proven_revision_not_to_the_one_before(shapes: Any) -> None:
    assert numbers(choose_targets(revisions(shapes, PASSED, PASSED, None, None), None, unproven=False)) == [2, 1]


def test_a_revision_that_failed_is_none_to_go_back_to(shapes: Any) -> None:
    assert numbers(choose_targets(revisions(shapes, PASSED, FAILED, None), None, unproven=False)) == [1]
    assert numbers(choose_targets(revisions(shapes, None, FAILED, None), None, unproven=True)) == [1]


def test_already_there(shapes: Any) -> None:
    assert choose_targets(revisions(shapes, PASSED, PASSED), None, unproven=False) == []
    assert choose_targets(revisions(shapes, None, None), 2, unproven=False) == []


def test_a_named_revision(shapes: Any) -> None:
    assert numbers(choose_targets(revisions(shapes, None, PASSED, None), 1, unproven=False)) == [1]
    with pytest.raises(SalvageError, match=r"no revision 7; the revisions that are kept: 3, 2, 1"):
        choose_targets(revisions(shapes, None, None, None), 7, unproven=False)


def test_nothing_proven_is_no_reason_to_guess(shapes: Any) -> None:
    with pytest.raises(SalvageError, match="no revision is recorded as proven good"):
        choose_targets(revisions(shapes, None, None), None, unproven=False)
    assert numbers(choose_targets(revisions(shapes, None, None, None), None, unproven=True)) == [2]
    with pytest.raises(SalvageError):
        choose_targets(revisions(shapes, None), None, unproven=True)


@pytest.mark.parametrize(
    ("limit", "words"),
    [(None, ""), (10, ""), (2, ""), (1, "after two changes, also failed ones"), (0, "as soon as a change is complete")],
)
def test_a_history_that_leaves_no_way_back_is_told(limit: int | None, words: str) -> None:
    found = short_history({"spec": {"revisionHistoryLimit": limit}})
    assert words in found
    assert bool(found) == bool(words)


def test_a_restart_keeps_the_proof(shapes: Any) -> None:
    restarted = shapes.template()
    restarted["metadata"] = {**restarted["metadata"], "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    keepers = [shapes.replicaset(1, shapes.template()), shapes.replicaset(2, restarted)]
    found = revisions_of("Deployment", shapes.deployment(restarted), keepers, [proof(PASSED, shapes.template())])
    assert choose_targets(found, None, unproven=False) == []


def test_the_newest_finding_counts(shapes: Any) -> None:
    template = shapes.template()
    older, newer = proof(PASSED, template), proof(FAILED, template, "2026-11-24T15:00:00Z")
    for proofs in ([older, newer], [newer, older]):
        (found,) = revisions_of("Deployment", shapes.deployment(template), [shapes.replicaset(1, template)], proofs)
        assert not found.proven
    (found,) = revisions_of("Deployment", shapes.deployment(template), [shapes.replicaset(1, template)], [older, proof(FAILED, template)])
    assert not found.proven  # of the same second, written later


def test_an_annotation_of_the_workload_proves_nothing(shapes: Any) -> None:
    """The Deployment controller copies the annotations that a manifest brings to the ReplicaSet, at each of its visits."""
    template = shapes.template()
    keeper = shapes.replicaset(1, template)
    keeper["metadata"]["annotations"]["meta-salvage.euystacio/proven"] = '{"verdict": "passed", "at": "9999-01-01T00:00:00Z"}'
    (found,) = revisions_of("Deployment", shapes.deployment(template), [keeper])
    assert found.proof is None
    (found,) = revisions_of("Deployment", shapes.deployment(template), [keeper], [proof(FAILED, template)])
    assert not found.proven


def test_an_image_that_moved_is_not_proven(shapes: Any) -> None:
    (found,) = revisions(shapes, PASSED)
    assert found.proven
    assert not replace(found, moved=("api",)).proven
    assert replace(found, moved=("api",)).to_dict()["moved"] == ["api"]


def test_stateful_history() -> None:
    history = [
        {
            "metadata": {"name": f"db-{n}", "ownerReferences": [{"uid": "s", "controller": True}], "labels": {}},
            "revision": n,
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"containers": [{"image": f"db:{n}"}]}}}},
        }
        for n in (1, 2)
    ]
    workload = {"metadata": {"uid": "s"}, "spec": {}, "status": {"updateRevision": "db-1"}}
    found = revisions_of("StatefulSet", workload, history)
    assert [(r.number, r.current, r.images) for r in found] == [(2, False, ["db:2"]), (1, True, ["db:1"])]
    assert "$patch" not in found[0].template
    assert current_revision(revisions_of("DaemonSet", workload, history)).number == 2  # type: ignore[union-attr]


def test_fields_filled_in_with_nothing_make_no_difference(shapes: Any) -> None:
    one = shapes.template(securityContext={}, volumes=[])
    assert same_template(one, shapes.template())
    assert not same_template(one, shapes.template("api:2"))
