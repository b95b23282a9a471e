# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.blast_radius import affected, blast_radius, serving


def check(kind: str, name: str, status: str = "critical") -> dict[str, Any]:
    return {"status": status, "subject": {"kind": kind, "namespace": "a", "name": name}}


def report(*checks: Any) -> dict[str, Any]:
    return {"status": "critical", "parts": [{"name": "workloads", "checks": list(checks)}, None, {"checks": "x"}]}


def workload(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": name}, "spec": {"template": {"metadata": {"labels": labels}}}}


def service(name: str, selector: Any, namespace: str = "a") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"selector": selector}}


def test_what_is_not_healthy_is_affected_and_unknown_is_not_healthy() -> None:
    found = affected(
        report(check("Deployment", "x"), check("Deployment", "y", "healthy"), check("Pod", "p", "unknown"), {"status": "critical"}, 7)
    )
    assert found == {"Deployment": ["a/x"], "Pod": ["a/p"]}
    assert affected(None) == affected({"parts": None}) == {}


def test_a_service_serves_if_its_selector_takes_the_pods() -> None:
    workloads = [workload("x", app="x", tier="web")]
    services = [service("one", {"app": "x"}), service("two", {"app": "y"}), service("three", None), service("four", {"app": "x"}, "b")]
    assert serving(services, workloads) == ["a/one"]


def test_it_is_empty_where_nothing_was_looked_at_and_bounded_where_much_is_affected() -> None:
    assert blast_radius(None, [], [], None, []) == {}
    found = blast_radius(report(*(check("Deployment", f"d{number:03}") for number in range(100))), [], [], "x", ["Services: no"])
    assert (len(found["workloads"]), found["workloads"][-1]) == (31, "and 70 more")
    assert (found["failing_share"], found["unknown"]) == (None, ["Services: no"])


def test_the_services_are_read_from_the_cluster(api: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(Cluster, "connect", lambda *_args, **_how: api)
    api.put("/apis/apps/v1/namespaces/a/deployments/x", workload("x", app="x"))
    api.put("/api/v1/namespaces/a/services/front", service("front", {"app": "x"}))
    given = {"dir": str(tmp_path / "i"), "state": "opened", "title": "t", "find_services": True, "who": "x"}
    health = report(check("Deployment", "x"), check("StatefulSet", "gone"))
    found = task.run({**given, "health": health}, 1795608000.0, check_mode=False)["incident"]["blast_radius"]
    assert (found["services"], found["workloads"]) == (["a/front"], ["Deployment a/x", "StatefulSet a/gone"])
    assert "statefulsets/gone" in found["unknown"][0]
