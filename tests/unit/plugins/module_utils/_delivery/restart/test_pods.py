# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.restart.pods import PodChoice, restart_pods
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload

CORE, APPS = "/api/v1/namespaces/a", "/apis/apps/v1/namespaces/a"


@pytest.fixture
def system(api: Any, shapes: Any) -> Any:
    """Three pods; the eviction of one makes another at once."""
    template = shapes.template()
    api.put(f"{APPS}/replicasets/api-h1", shapes.replicaset(1, template))
    api.put(f"{APPS}/deployments/api", shapes.deployment(template, wanted=3))
    api.evicted = []
    for name in ("p0", "p1", "p2"):
        api.put(f"{CORE}/pods/{name}", shapes.pod(name, 1))
        evicts(api, shapes, name)
    return api


def evicts(api: Any, shapes: Any, name: str, **successor: Any) -> None:
    def evict() -> tuple[int, str, str]:
        api.evicted.append(name)
        api.remove(f"{CORE}/pods/{name}")
        api.put(f"{CORE}/pods/{name}-new", shapes.pod(f"{name}-new", 1, **successor))
        return 201, "application/json", '{"kind": "Status", "status": "Success"}'

    api.answers[f"{CORE}/pods/{name}/eviction"] = evict


def restart(api: Any, *names: str, uid: str = "", dry_run: bool = False, timeout: float = 2.0) -> dict[str, Any]:
    chosen = [PodChoice(name, uid or f"uid-{name}") for name in names]
    return restart_pods(Workload(api, "Deployment", "a", "api"), chosen, timeout, dry_run=dry_run)


def test_pods_are_restarted_one_after_the_other_and_once(system: Any) -> None:
    found = restart(system, "p0", "p1")
    assert (found["changed"], found["restarted"], found["ready"], system.evicted) == (True, ["p0", "p1"], 3, ["p0", "p1"])
    again = restart(system, "p0", "p1")
    assert (again["changed"], again["gone"], system.evicted) == (False, ["p0", "p1"], ["p0", "p1"])


def test_a_successor_of_the_same_name_is_left_alone(system: Any) -> None:
    assert restart(system, "p0", uid="another")["gone"] == ["p0"]
    assert system.evicted == []


def test_it_stops_at_a_successor_that_does_not_get_ready(system: Any, shapes: Any) -> None:
    evicts(system, shapes, "p0", ready=False)
    found = restart(system, "p0", "p1", timeout=0.3)
    assert found["failed"]
    assert "after the restart of p0: not ready after 0.3 s" in found["msg"]
    assert "the others stay" in found["msg"]
    assert system.evicted == ["p0"]


def test_it_stops_at_once_at_one_that_can_t_start(system: Any, shapes: Any) -> None:
    evicts(system, shapes, "p0", ready=False, state={"waiting": {"reason": "InvalidImageName", "message": "bad"}})
    found = restart(system, "p0", "p1", timeout=60)
    assert "InvalidImageName" in found["msg"]
    assert system.evicted == ["p0"]


def test_no_pod_goes_while_another_is_not_ready(system: Any, shapes: Any) -> None:
    system.put(f"{CORE}/pods/p2", shapes.pod("p2", 1, ready=False))
    found = restart(system, "p0")
    assert (found["failed"], found["changed"], system.evicted) == (True, False, [])
    assert "1 other pods are ready and 3 are wanted" in found["msg"]
    # The one that is not ready may go.
    assert restart(system, "p2")["restarted"] == ["p2"]


@pytest.mark.parametrize(
    ("code", "words"), [(429, "Cannot evict pod as it would violate the pod's disruption budget."), (500, "more than one")]
)
def test_a_budget_keeps_it(system: Any, code: int, words: str) -> None:
    system.answers[f"{CORE}/pods/p0/eviction"] = lambda: (code, "application/json", json.dumps({"kind": "Status", "message": words}))
    found = restart(system, "p0")
    assert (found["failed"], found["changed"]) == (True, False)
    assert words in found["msg"]


def test_check_mode_evicts_nothing(system: Any) -> None:
    system.answers.clear()
    assert restart(system, "p0", dry_run=True)["restarted"] == ["p0"]
    assert f"{CORE}/pods/p0" in system.objects


def test_the_only_pod_stays(system: Any, shapes: Any) -> None:
    system.put(f"{APPS}/deployments/api", shapes.deployment(shapes.template(), wanted=1))
    with pytest.raises(SalvageError, match="would make the service unavailable"):
        restart(system, "p0")
