# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green import colours as c
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.service_health import ServiceHealth
from hypothesis import given
from hypothesis import strategies as st


def service(selector: dict[str, str] | None, **annotations: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": 8000, "targetPort": "http"}]
    return {"metadata": {"name": "api", "annotations": annotations}, "spec": {"selector": selector, "ports": ports}}


def deployment(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "a"}, "spec": {"template": {"metadata": {"labels": labels}, "spec": {}}}}


def piece(*endpoints: tuple[str, str, bool | None], ports: tuple[str, ...] = ("http",)) -> dict[str, Any]:
    return {
        "ports": [{"name": port, "port": 8000} for port in ports],
        "endpoints": [
            {"addresses": [address], "targetRef": {"name": pod}, "conditions": {} if is_ready is None else {"ready": is_ready}}
            for address, pod, is_ready in endpoints
        ],
    }


BLUE = deployment("api", app="api", version="blue")
GREEN = deployment("api-green", app="api", version="green")


def test_the_selector_says_who_is_active() -> None:
    found = c.inspect(service({"app": "api", "version": "blue"}), [BLUE, GREEN, deployment("opa", app="opa")], "version")
    assert (found.active, sorted(found.deployments)) == ("blue", ["blue", "green"])
    assert found.labels("green") == {"app": "api", "version": "green"}
    with pytest.raises(SalvageError, match=r"version=red .* there: blue, green"):
        found.deployment("red")


def test_a_service_that_takes_every_colour_must_be_adopted_first() -> None:
    """Upstream selects by app alone: applying green would take traffic at once."""
    found = c.inspect(service({"app": "api"}), [BLUE, GREEN], "version")
    with pytest.raises(SalvageError, match="adopt it first"):
        c.must_be_coloured(found, "api")


@pytest.mark.parametrize("selector", [None, {}])
def test_no_selector(selector: Any) -> None:
    with pytest.raises(SalvageError, match="no selector"):
        c.inspect(service(selector), [BLUE], "version")


def test_a_selector_of_the_colour_alone_would_catch_other_applications() -> None:
    with pytest.raises(SalvageError, match="by version alone"):
        c.inspect(service({"version": "blue"}), [BLUE], "version")


def test_two_deployments_of_a_colour_would_be_mixed() -> None:
    with pytest.raises(SalvageError, match="both version=green"):
        c.inspect(service({"app": "api", "version": "blue"}), [BLUE, GREEN, deployment("api-2", app="api", version="green")], "version")


def blue(**metadata: Any) -> dict[str, Any]:
    labels = {"app": "api", "version": "blue"}
    spec = {"containers": [{"name": "api", "image": "api:1"}], "initContainers": [{"name": "migrate", "image": "m:1"}]}
    return {
        "metadata": {"name": "api", "namespace": "a", **metadata},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def test_images_of_containers_and_of_init_containers() -> None:
    made = c.green_from(blue(), "g", "version", "green", 2, None, {"api": "api:2", "migrate": "m:2"})
    spec = made["spec"]["template"]["spec"]
    assert [one["image"] for one in [*spec["containers"], *spec["initContainers"]]] == ["api:2", "m:2"]


def test_an_image_of_a_container_that_is_not_there_is_refused() -> None:
    """The old image would be promoted as if it were the new one."""
    with pytest.raises(SalvageError, match="images names apii, and g has the containers api, migrate"):
        c.green_from(blue(), "g", "version", "green", 2, None, {"apii": "api:2"})


def test_labels_by_which_a_gitops_tool_knows_its_own_are_not_copied() -> None:
    tools = {
        "app.kubernetes.io/instance": "shop",
        "app.kubernetes.io/managed-by": "Helm",
        "argocd.argoproj.io/instance": "shop",
        "kustomize.toolkit.fluxcd.io/name": "shop",
        "some-other-tool/owner": "x",
    }
    made = c.green_from(blue(labels={"app": "api", "app.kubernetes.io/name": "api", **tools}), "g", "version", "green", 2, None, {})
    assert made["metadata"]["labels"] == {"app": "api", "app.kubernetes.io/name": "api", "version": "green"}
    given = c.green_from(blue(), "g", "version", "green", 2, blue(labels={"team": "x"}), {})
    assert given["metadata"]["labels"] == {"team": "x", "version": "green"}


def test_the_selector_of_green_is_not_held_to_blue() -> None:
    old = blue()
    old["spec"]["selector"] = {
        "matchExpressions": [{"key": "version", "operator": "In", "values": ["blue"]}, {"key": "app", "operator": "Exists"}]
    }
    made = c.green_from(old, "g", "version", "green", 2, None, {})
    assert made["spec"]["selector"] == {
        "matchLabels": {"version": "green"},
        "matchExpressions": [{"key": "app", "operator": "Exists"}],
    }


def test_another_service_that_selects_green_is_found() -> None:
    def of(name: str, **selector: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"selector": selector or None}}

    services = [of("api", app="api", version="blue"), of("internal", app="api"), of("preview", app="api", version="green"), of("by-hand")]
    services.append(of("api-green", version="green"))  # for the new colour alone
    assert c.others_that_select(services, {"app": "api", "version": "green", "more": "x"}, "version", ["api", "preview"]) == ["internal"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"version": "blue"}}, False),
        ({"matchExpressions": [{"key": "version", "operator": "In", "values": ["blue"]}]}, False),
        ({"matchExpressions": [{"key": "version", "operator": "In", "values": ["blue", "green"]}]}, True),
        ({"matchExpressions": [{"key": "version", "operator": "NotIn", "values": ["green"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({}, True),
        (None, True),
    ],
)
def test_a_budget_that_protects_blue_must_protect_green(selector: Any, expected: bool) -> None:
    pdb = {"metadata": {"name": "p"}, "spec": {"selector": selector}}
    assert c.pdb_gate([pdb], {"app": "api", "version": "blue"}, {"app": "api", "version": "green"}).passed is expected


def test_endpoints_over_slices_and_families_count_once() -> None:
    one = piece(("10.0.0.1", "g1", True), ("10.0.0.2", "g2", None))
    other = piece(("10.0.0.1", "g1", True), ("fd::1", "g1", True))
    found = c.endpoints_of([one, other])
    assert sorted(found.ready) == ["10.0.0.1", "10.0.0.2", "fd::1"]
    assert c.endpoints_gate("e", found, {"g1", "g2"}, 2).passed
    assert not c.endpoints_gate("e", found, {"g1", "g2"}, 3).passed


@pytest.mark.parametrize(
    ("slices", "passed"),
    [
        ([], False),
        ([piece()], False),
        ([piece(("1", "g1", False))], False),
        ([piece(("1", "g1", True), ("2", "b1", True))], False),
        ([piece(("1", "g1", True), ("2", "b1", False))], True),
        ([piece(("1", "", True))], False),
    ],
)
def test_only_ready_pods_of_green_prove_the_switch(slices: Any, passed: bool) -> None:
    assert c.only_of(c.endpoints_of(slices), ["g1", "g2"], 1) is passed


def test_a_named_port_that_a_pod_does_not_have() -> None:
    gate = c.ports_gate(service({"app": "api"}), c.endpoints_of([piece(("1", "g1", True), ports=())]))
    assert (gate.passed, gate.reason) == (False, "not served: http")


@pytest.mark.parametrize(
    ("status", "spec", "generation", "passed"),
    [
        ({"observedGeneration": 1, "availableReplicas": 3, "updatedReplicas": 3, "replicas": 3}, {"replicas": 3}, 1, True),
        ({"observedGeneration": 1, "availableReplicas": 3, "updatedReplicas": 3, "replicas": 3}, {"replicas": 3}, 2, False),
        ({"observedGeneration": 1, "availableReplicas": 2, "updatedReplicas": 3, "replicas": 3}, {"replicas": 3}, 1, False),
        ({"observedGeneration": 1, "availableReplicas": 3, "updatedReplicas": 3, "replicas": 4}, {"replicas": 3}, 1, False),
        ({"observedGeneration": 1, "availableReplicas": 2, "updatedReplicas": 2, "replicas": 2}, {"replicas": 2}, 1, False),
        ({"observedGeneration": 1, "availableReplicas": 3, "updatedReplicas": 3, "replicas": 3}, {"replicas": 3, "paused": True}, 1, False),
        ({}, {"replicas": 3}, 1, False),
    ],
)
def test_rollout_gate(status: Any, spec: Any, generation: int, passed: bool) -> None:
    assert c.rollout_gate({"metadata": {"generation": generation}, "spec": spec, "status": status}, 3).passed is passed


def test_restarts_between_two_looks(shapes: Any) -> None:
    before = [shapes.pod("g1", 1), shapes.pod("g2", 1)]
    assert c.stable_gate(before, before).passed
    assert "restarted: g1" in c.stable_gate(before, [shapes.pod("g1", 1, restarts=1), before[1]]).reason
    assert not c.stable_gate(before, [shapes.pod("g3", 1), before[1]]).passed


def test_images_by_name_or_digest(shapes: Any) -> None:
    pod = shapes.pod("g1", 1)
    pod["spec"] = {"containers": [{"image": "r/api:2"}]}
    pod["status"]["containerStatuses"][0]["imageID"] = "r/api@sha256:abc"
    assert c.image_gate([pod], "r/api:2").passed
    assert c.image_gate([pod], "sha256:abc").passed
    assert not c.image_gate([pod], "sha256:abd").passed


def test_an_autoscaler_that_does_not_work_closes_the_gate() -> None:
    hpa = {
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api-green"}},
        "status": {"conditions": [{"type": "ScalingActive", "status": "False", "message": "no metrics"}]},
    }
    assert c.hpa_gate([hpa], "api-green").reason == "h: no metrics"
    assert c.hpa_gate([hpa], "api").passed


def test_a_budget_for_blue_alone() -> None:
    def pdb(**labels: str) -> dict[str, Any]:
        return {"metadata": {"name": "p"}, "spec": {"selector": {"matchLabels": labels}}}

    blue, green = {"app": "api", "version": "blue"}, {"app": "api", "version": "green"}
    assert c.pdb_gate([pdb(app="api")], blue, green).passed
    assert not c.pdb_gate([pdb(app="api", version="blue")], blue, green).passed


def test_health_of_every_pod() -> None:
    well = ServiceHealth("healthy")
    assert c.health_gate({"g1": well, "g2": well}).passed
    assert c.health_gate({"g1": well, "g2": ServiceHealth("unknown", "it says nothing")}).passed is False
    assert c.health_gate({}).passed is None
    sick = ServiceHealth("critical", "/health answered 500")
    assert "1 of 2 pods, g2: /health answered 500" in c.health_gate({"g1": well, "g2": sick}).reason


def test_no_return_path_needs_a_word() -> None:
    gates = [c.Gate("rollout", True, ""), c.return_gate(None, 1)]
    assert "no return path" in c.refusal(gates, allow_no_return=False)
    assert c.refusal(gates, allow_no_return=True) == ""
    assert c.refusal([c.Gate("health", None, "no pod was asked")], allow_no_return=True)


def test_green_is_sized_as_blue_is_now_and_selects_itself_alone() -> None:
    blue = deployment("api", app="api", version="blue")
    blue["spec"] |= {"replicas": 5, "selector": {"matchLabels": {"app": "api"}}, "paused": True, "minReadySeconds": 3}
    blue["spec"]["template"]["spec"] = {"containers": [{"name": "api", "image": "api:1"}]}
    green = c.green_from(blue, "api-green", "version", "green", 5, None, {"api": "api:2"})
    assert green["spec"]["replicas"] == 5
    assert green["spec"]["selector"]["matchLabels"] == {"app": "api", "version": "green"}
    assert green["spec"]["template"]["metadata"]["labels"]["version"] == "green"
    assert green["spec"]["template"]["spec"]["containers"][0]["image"] == "api:2"
    assert green["spec"]["minReadySeconds"] == 3
    assert "paused" not in green["spec"]
    assert blue["spec"]["template"]["spec"]["containers"][0]["image"] == "api:1"


JOURNAL = c.Journal("r1", "blue", "green", c.SETTLED, "2026-11-24T14:00:00Z", 1000.0)


@pytest.mark.parametrize(
    ("run", "target", "now", "phase", "blocked"),
    [
        ("r2", "red", 999, c.SETTLED, True),
        ("r2", "red", 1001, c.SETTLED, False),
        ("r1", "red", 999, c.SETTLED, False),
        ("r2", "green", 999, c.SETTLED, False),
        ("r2", "red", 999, c.DONE, False),
        ("r2", "red", 999, c.REVERTED, False),
    ],
)
def test_who_is_blocked_by_a_run_under_way(run: str, target: str, now: float, phase: str, blocked: bool) -> None:
    journal = c.Journal("r1", "blue", "green", phase, "", 1000.0)
    assert journal.blocks(run, target, now) is blocked


def test_the_journal_is_written_with_the_colour() -> None:
    found = c.inspect(service({"app": "api", "version": "blue"}), [BLUE, GREEN], "version")
    patch = c.switch_patch(found, JOURNAL)
    assert patch["spec"] == {"selector": {"version": "green"}}
    assert c.Journal.of({"metadata": patch["metadata"]}) == JOURNAL


@given(st.text())
def test_a_note_that_nobody_can_read_is_none(text: str) -> None:
    note = c.Journal.of(service({"app": "api"}, **{c.JOURNAL: text}))
    assert note is None or isinstance(note, c.Journal)


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["g1", "g2", "b1"]), st.sampled_from([True, False, None]))))
def test_a_stranger_that_is_ready_is_never_proven(endpoints: list[tuple[str, str, bool | None]]) -> None:
    found = c.endpoints_of([piece(*endpoints)])
    if "b1" in found.ready.values() or not found.ready:
        assert not c.only_of(found, ["g1", "g2"], 1)
