# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.workload import (
    Proof,
    choose_targets,
    configs_of,
    current_revision,
    path_of,
    pods_of,
    revisions_of,
    same_template,
    selector_of,
)
from hypothesis import given
from hypothesis import strategies as st

PASSED = Proof("passed", "2026-11-24T14:00:00Z").to_annotation()
FAILED = Proof("failed", "2026-11-24T15:00:00Z").to_annotation()


def revisions(shapes: Any, *proofs: str | None, current: int | None = None) -> list[Any]:
    """Revision i+1 with image api:i+1 and that proof; the last one runs."""
    running = current or len(proofs)
    keepers = [shapes.replicaset(n, shapes.template(f"api:{n}"), proof=proof) for n, proof in enumerate(proofs, 1)]
    return revisions_of("Deployment", shapes.deployment(shapes.template(f"api:{running}")), keepers)


def numbers(found: list[Any]) -> list[int]:
    return [revision.number for revision in found]


def test_revisions_are_by_owner_and_newest_first(shapes: Any) -> None:
    mine = [shapes.replicaset(n, shapes.template(f"api:{n}")) for n in (1, 3, 2)]
    foreign = shapes.replicaset(9, shapes.template("other:1"), owner="uid-other")
    found = revisions_of("Deployment", shapes.deployment(shapes.template("api:3")), [*mine, foreign])
    assert numbers(found) == [3, 2, 1]
    assert current_revision(found).number == 3  # type: ignore[union-attr]
    assert "pod-template-hash" not in found[0].template["metadata"]["labels"]


def test_pods_of_another_workload_with_the_same_labels_are_not_ours(shapes: Any) -> None:
    keepers = [shapes.replicaset(1, shapes.template()), shapes.replicaset(2, shapes.template(), owner="uid-other")]
    pods = [shapes.pod("mine", 1), shapes.pod("theirs", 2)]
    assert [pod["metadata"]["name"] for pod in pods_of("Deployment", shapes.deployment(), keepers, pods)] == ["mine"]


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


def test_a_restart_keeps_the_proof(shapes: Any) -> None:
    restarted = shapes.template()
    restarted["metadata"] = {**restarted["metadata"], "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    keepers = [shapes.replicaset(1, shapes.template(), proof=PASSED), shapes.replicaset(2, restarted)]
    assert choose_targets(revisions_of("Deployment", shapes.deployment(restarted), keepers), None, unproven=False) == []


def test_the_newest_finding_counts(shapes: Any) -> None:
    twin = shapes.template()
    twin["metadata"] = {**twin["metadata"], "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    keepers = [shapes.replicaset(1, shapes.template(), proof=PASSED), shapes.replicaset(2, twin, proof=FAILED)]
    assert not any(revision.proven for revision in revisions_of("Deployment", shapes.deployment(twin), keepers))


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


def test_every_way_to_read_a_config() -> None:
    template = {
        "spec": {
            "initContainers": [{"envFrom": [{"configMapRef": {"name": "init"}}]}],
            "containers": [
                {
                    "envFrom": [{"secretRef": {"name": "env-secret"}}, {"configMapRef": {"name": "init"}}],
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "key", "key": "x"}}},
                        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "key-secret", "key": "x"}}},
                    ],
                }
            ],
            "volumes": [
                {"name": "v", "configMap": {"name": "volume"}},
                {"name": "s", "secret": {"secretName": "volume-secret"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "projected"}}, {"secret": {"name": "projected-secret"}}]}},
                {"name": "e", "emptyDir": {}},
            ],
        }
    }
    assert sorted(configs_of(template)) == [
        ("ConfigMap", "init"),
        ("ConfigMap", "key"),
        ("ConfigMap", "projected"),
        ("ConfigMap", "volume"),
        ("Secret", "env-secret"),
        ("Secret", "key-secret"),
        ("Secret", "projected-secret"),
        ("Secret", "volume-secret"),
    ]


def test_selectors_as_queries() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"},
        {"key": "x", "operator": "NotIn", "values": ["y"]},
    ]
    workload = {"spec": {"selector": {"matchLabels": {"app": "api"}, "matchExpressions": expressions}}}
    assert selector_of(workload) == "app=api,tier in (a,b),!old,new,x notin (y)"


def test_paths() -> None:
    assert path_of("EndpointSlice", "a") == "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices"
    assert path_of("ConfigMap", "a", "c") == "/api/v1/namespaces/a/configmaps/c"


def test_fields_filled_in_with_nothing_make_no_difference(shapes: Any) -> None:
    one = shapes.template(securityContext={}, volumes=[])
    assert same_template(one, shapes.template())
    assert not same_template(one, shapes.template("api:2"))


@given(st.text())
def test_an_annotation_that_nobody_can_read_proves_nothing(text: str) -> None:
    proof = Proof.from_annotation(text)
    assert proof is None or proof.verdict in {"passed", "failed"}


@given(st.sampled_from(["passed", "failed"]), st.text(), st.text(), st.lists(st.tuples(st.text(), st.text(), st.text())))
def test_a_proof_survives_its_annotation(verdict: str, run: str, reason: str, copies: list[tuple[str, str, str]]) -> None:
    proof = Proof(verdict, "2026-11-24T14:00:00Z", run, reason, tuple(copies), {"source": reason})
    assert Proof.from_annotation(proof.to_annotation()) == proof
