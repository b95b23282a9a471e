# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rollout_history import histories
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.template_changes import differences_of
from hypothesis import given
from hypothesis import strategies as st

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "MODE", "value": "slow"}]}]},
}


def keeper(number: int, template: dict[str, Any]) -> dict[str, Any]:
    template = copy.deepcopy(template)
    template["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
    return {
        "metadata": {
            "name": f"web-h{number}",
            "uid": f"u{number}",
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "creationTimestamp": f"2026-11-26T12:0{number}:00Z",
            "ownerReferences": [{"uid": "d", "controller": True, "kind": "Deployment", "name": "web"}],
        },
        "spec": {"template": template},
    }


def test_each_revision_says_what_it_changed() -> None:
    second = copy.deepcopy(TEMPLATE)
    container = second["spec"]["containers"][0]  # type: ignore[index]
    container.update(image="web:2", env=[{"name": "MODE", "value": "fast"}, {"name": "NEW", "value": "x"}])
    workload = {"metadata": {"name": "web", "namespace": "a", "uid": "d"}, "spec": {"template": second}}
    (found,) = histories("Deployment", [workload], [keeper(2, second), keeper(1, TEMPLATE)], lambda value: value)
    assert (found["namespace"], found["kind"], found["name"]) == ("a", "Deployment", "web")
    assert [(one["revision"], one["current"]) for one in found["revisions"]] == [(1, False), (2, True)]
    assert found["revisions"][0]["changes"] == []
    assert found["revisions"][1]["changes"] == [
        {"path": "spec.containers[web].env[MODE].value", "before": "slow", "after": "fast"},
        {"path": "spec.containers[web].env[NEW]", "before": None, "after": {"name": "NEW", "value": "x"}},
        {"path": "spec.containers[web].image", "before": "web:1", "after": "web:2"},
    ]


def test_values_are_redacted_before_they_are_compared() -> None:
    workload = {"metadata": {"name": "web", "namespace": "a", "uid": "d"}, "spec": {"template": TEMPLATE}}
    other = copy.deepcopy(TEMPLATE)
    other["spec"]["containers"][0]["env"][0]["value"] = "hunter2"  # type: ignore[index]

    def redact(value: Any) -> Any:
        text = copy.deepcopy(value)
        text["spec"]["containers"][0]["env"][0]["value"] = "[redacted]"
        return text

    (found,) = histories("Deployment", [workload], [keeper(1, other), keeper(2, TEMPLATE)], redact)
    assert "hunter2" not in str(found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_there_is_a_difference_where_values_differ_and_none_where_they_do_not(one: Any, other: Any) -> None:
    assert not list(differences_of(one, copy.deepcopy(one)))
    for change in differences_of(one, other):
        assert change["before"] != change["after"]
