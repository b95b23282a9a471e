# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of rules is proven loaded on each replica or taken back, also after a kill; monitoring is never left with half of it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import subprocess
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import config_task, instances
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring.rule_proof import same_expression
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_prometheus import FakePrometheus

GROUP = "/apis/monitoring.coreos.com/v1"
SPACE = f"{GROUP}/namespaces/monitoring"
RULES = f"{SPACE}/prometheusrules"
GOOD = {"alert": "Low", "expr": "qek_value  < 0.10", "for": "1m", "labels": {"severity": "none"}, "annotations": {"summary": "x"}}


def holder(run: str, pid: int = 0) -> dict[str, Any]:
    process = process_of(pid or os.getpid())
    return {"run": run, "who": run, "machine": process.machine, "pid": process.pid, "started": process.started}


def rules(name: str, *listed: dict[str, Any], labels: Any = None) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": [{"name": name, "rules": list(listed)}]},
    }


@pytest.fixture
def both(api: Any, monkeypatch: pytest.MonkeyPatch) -> list[FakePrometheus]:
    api.owners = True
    kinds = {"Namespace": False, "Secret": True}
    api.objects["/api/v1"] = {
        "resources": [{"name": f"{kind.lower()}s", "kind": kind, "namespaced": spaced, "verbs": ["list"]} for kind, spaced in kinds.items()]
    }
    api.objects[GROUP] = {"resources": [{"name": "prometheusrules", "kind": "PrometheusRule", "namespaced": True, "verbs": ["list"]}]}
    api.put("/api/v1/namespaces/monitoring", {"apiVersion": "v1", "kind": "Namespace"})
    prometheus = {"kind": "Prometheus", "metadata": {"name": "main", "namespace": "monitoring"}, "spec": {"ruleSelector": {}}}
    api.objects[f"{SPACE}/prometheuses"] = {"items": [prometheus], "metadata": {}}
    service = {"kind": "Service", "spec": {"selector": {"app": "p"}, "ports": [{"port": 9090}]}}
    api.put("/api/v1/namespaces/monitoring/services/prometheus-operator-kube-p-prometheus", service)
    api.controller = lambda path: api.objects[path]["metadata"].setdefault("creationTimestamp", "2026-11-24T13:00:00Z")
    found = [FakePrometheus(api, "a"), FakePrometheus(api, "b")]
    monkeypatch.setattr(config_task.routes.Routes, "cluster", Cluster(api.server, api.http))
    monkeypatch.setattr(config_task, "_endpoints", lambda addresses, given: [one.replica.endpoint for one in found])
    monkeypatch.setattr(instances, "_PAUSE", 0.01)
    return found


def run(*definitions: Any, check_mode: bool = False, promtool: str | None = None, code: int = 0, **options: Any) -> dict[str, Any]:
    given = {"definitions": list(definitions), "wait": 0.4, "holder": holder("me"), "files": [], **options}
    return config_task.run(given, lambda argv, **how: (code, "", "1: group x: bad rule"), lambda name: promtool, check_mode=check_mode)


def state(api: Any) -> dict[str, Any]:
    """Every object but the key that signs the journal, without what each write renews."""
    found = copy.deepcopy({path: one for path, one in api.objects.items() if not path.endswith("/meta-salvage-proof-key")})
    for one in found.values():
        for field in ("resourceVersion", "managedFields"):
            one.get("metadata", {}).pop(field, None)
    return found


def test_rules_are_loaded_by_each_replica_once(both: list[FakePrometheus], api: Any) -> None:
    planned = run(rules("one", GOOD), check_mode=True)
    assert planned["changed"] and planned["counts"]["created"] == 1 and f"{RULES}/one" not in api.objects
    assert [(method, path) for method, path in api.writes if method != "PATCH"] == [("POST", RULES)]  # a dry run too
    result = run(rules("one", GOOD, {"record": "a:b", "expr": "vector(1)"}))
    assert result["changed"] and result["counts"]["created"] == 1
    assert [(one["address"], one["rules"]) for one in result["replicas"]] == [("http://a", 2), ("http://b", 2)]
    assert result["configured_by"]["name"] == "main" and result["checked_by"] == ["the API server"]
    again = run(rules("one", GOOD, {"record": "a:b", "expr": "vector(1)"}))
    assert not again["changed"] and again["notes"] == []
    assert not [path for path in api.objects if path.endswith("/meta-salvage-prometheus-config") or "/leases/" in path]


BAD = {
    "an evaluation that fails": ({**GOOD, "expr": "fails"}, "the rule one/Low fails: many-to-many matching"),
    "a reload that fails": ({**GOOD, "expr": "broken"}, "its last reload failed"),
    "targets that are lost": ({**GOOD, "expr": "drops"}, "no target of x is up, and some were"),
}


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("existed", [False, True], ids=["new", "changed"])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_change_is_taken_back_and_that_is_proven(both: list[FakePrometheus], api: Any, case: str, existed: bool, lag: int) -> None:
    both[0].lag = lag
    rule, words = BAD[case]
    both[1].down_with = "drops"
    if existed:
        run(rules("one", GOOD))
    before = state(api)
    with pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before") as caught:
        run(rules("one", rule), rules("two", GOOD))
    assert words in str(caught.value)
    assert state(api) == before
    assert not run(rules("one", GOOD))["changed"] if existed else run(rules("one", GOOD))["changed"]


def test_a_replica_that_does_not_load_it(both: list[FakePrometheus], api: Any) -> None:
    both[1].deaf = True
    before = state(api)
    with pytest.raises(SalvageError, match=r"http://b: the group one is not loaded") as caught:
        run(rules("one", GOOD))
    assert caught.value.reason == "timeout" and state(api) == before


def test_nothing_is_changed_while_a_replica_does_not_answer(both: list[FakePrometheus], api: Any) -> None:
    both[1].silent = True
    with pytest.raises(SalvageError, match="not every replica answers: http://b is unreachable"):
        run(rules("one", GOOD))
    assert f"{RULES}/one" not in api.objects
    seen = run(state="verified")
    assert (seen["status"], list(seen["problems"])) == ("critical", ["http://b"])
    both[1].silent = False
    assert run(state="verified")["status"] == "healthy"
    api.put(f"{RULES}/other", {**rules("other", {**GOOD, "expr": "fails"})})
    assert run(state="verified")["found"] == [f"http://{name}: the rule other/Low fails: many-to-many matching" for name in "ab"]


def test_a_way_back_to_a_rule_that_failed_and_one_that_nobody_can_see(both: list[FakePrometheus], api: Any) -> None:
    api.put(f"{RULES}/one", {**rules("one", {**GOOD, "expr": "fails always"})})
    before = state(api)
    with pytest.raises(SalvageError, match="it was taken back"):
        run(rules("one", {**GOOD, "expr": "fails too"}))
    assert state(api) == before
    request = both[1].request

    def gone(method: str, url: str, **how: Any) -> Any:
        both[1].silent = f"{RULES}/two" in api.objects or both[1].silent
        return request(method, url, **how)

    both[1].request = gone  # type: ignore[method-assign]
    with pytest.raises(SalvageError, match=r"it could not be taken back \(http://b is unreachable"):
        run(rules("two", GOOD))
    both[1].silent, both[1].request = False, request  # type: ignore[method-assign]
    assert "took back what the run me left half done" in run(rules("three", GOOD))["notes"]


def test_what_was_deleted_since_is_not_created_again(both: list[FakePrometheus], api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run(rules("one", GOOD))
    with monkeypatch.context() as patched:
        patched.setattr(config_task.Instances, "wait_loaded", lambda self, *_given, **_how: ["it is not loaded"])
        with pytest.raises(SalvageError, match="it could not be taken back"):
            run(rules("one", {**GOOD, "expr": "qek_value < 0.2"}))
    api.remove(f"{RULES}/one")
    notes = run(rules("two", GOOD))["notes"]
    assert f"{RULES}/one" not in api.objects
    assert notes == ["not taken back: PrometheusRule monitoring/one: it was deleted since", "took back what the run me left half done"]


def test_a_rule_that_failed_before_keeps_no_other_change_from_it(both: list[FakePrometheus], api: Any) -> None:
    api.put(f"{RULES}/other", {**rules("other", {**GOOD, "expr": "fails"})})
    assert run(rules("one", GOOD))["changed"]


class KilledError(BaseException):
    pass


def killed(*_given: Any, **_how: Any) -> list[str]:
    raise KilledError


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
def test_a_run_that_was_killed_is_finished_or_taken_back_by_the_next(
    both: list[FakePrometheus], api: Any, monkeypatch: pytest.MonkeyPatch, at: int, bad: bool
) -> None:
    run(rules("one", GOOD))
    child = subprocess.Popen(["sleep", "60"])
    dead = holder("dead", child.pid)
    writes, request, killed = 0, api.http.request, False

    def until(method: str, url: str, **how: Any) -> Any:
        nonlocal writes, killed
        writes += method != "GET" and "dryRun" not in str(how.get("query"))
        if killed or writes >= at:
            killed = True
            raise KilledError
        return request(method, url, **how)

    changed = rules("one", {**GOOD, "expr": "fails" if bad else "qek_value < 0.2"})
    monkeypatch.setattr(api.http, "request", until)
    with contextlib.suppress(KilledError, SalvageError):
        run(changed, rules("two", GOOD), holder=dead)
    child.kill()
    child.wait()
    monkeypatch.setattr(api.http, "request", request)
    result = run(rules("one", GOOD))
    assert [path for path in api.objects if "/leases/" in path or path.endswith("/meta-salvage-prometheus-config")] == []
    assert api.objects[f"{RULES}/one"]["spec"] == rules("one", GOOD)["spec"]
    # From the journal to its end: what the killed run had proven stays, what it had not goes with the rest of it.
    assert result["notes"] == (["took back what the run dead left half done"] if at in range(3, 8 if bad else 6) else [])
    assert (f"{RULES}/two" in api.objects) == (at > 5 and not bad)
    assert run(state="verified")["status"] == "healthy"


@pytest.mark.parametrize("late", [1, 5, 20])
def test_rules_that_come_late_are_not_loaded_after_the_proof(
    both: list[FakePrometheus], monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """What a replica still has from before the change proves nothing."""
    run(rules("one", GOOD))
    for one in both:
        one.late.after = late
    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(config_task.Instances, "wait_loaded", killed)
        run(rules("one", {**GOOD, "for": "9m"}), rules("two", GOOD))
    assert run(rules("one", GOOD), wait=5.0)["notes"] == ["took back what the run me left half done"]
    for _time in range(3 * late):
        assert [[(group.name, group.rules[0].seconds) for group in instances.state_of(one.replica).groups] for one in both] == [
            [("one", 60)]
        ] * 2


def test_two_runs_at_once(both: list[FakePrometheus], api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    def second(self: Any, *_given: Any, **_how: Any) -> list[str]:
        with pytest.raises(SalvageError, match="other") as caught:
            run(rules("two", GOOD), holder=holder("second"))
        found.append(caught.value.reason)
        return []

    monkeypatch.setattr(config_task.Instances, "wait_loaded", second)
    run(rules("one", GOOD), holder=holder("the other"))
    assert found == ["conflict"] and f"{RULES}/two" not in api.objects


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "there are no manifests; name files, or give definitions"),
        (({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}},), "is a Secret; give PrometheusRules only"),
        ((rules("one", {"alert": "A"}),), "is not a rule; write alert or record, and expr"),
        ((rules("one", {**GOOD, "for": "soon"}),), "for of Low is 'soon', not a duration"),
        (({**rules("one"), "spec": {"groups": []}},), "has no groups"),
        (({**rules("one"), "spec": {"groups": [{"name": "a", "rules": []}, {"name": "a", "rules": []}]}},), "has the group 'a' twice"),
    ],
)
def test_what_is_refused_before_the_cluster_is_asked(both: list[FakePrometheus], api: Any, given: Any, words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        run(*given)
    assert api.requests == []


def test_promtool_refuses_before_anything_is_written(both: list[FakePrometheus], api: Any) -> None:
    with pytest.raises(SalvageError, match="promtool refuses the rules: 1: group x: bad rule"):
        run(rules("one", GOOD), promtool="/bin/promtool", code=1)
    assert f"{RULES}/one" not in api.objects
    assert run(rules("one", GOOD), promtool="/bin/promtool")["checked_by"] == ["promtool", "the API server"]


def test_the_admission_of_the_operator_is_named_only_where_it_refuses(
    both: list[FakePrometheus], api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = api.http.request
    status = {
        "kind": "Status", "message": 'admission webhook "rules" denied the request: Rules are not valid',
        "details": {"causes": [{"message": "group one: 1:1: parse error: unclosed left parenthesis"}]},
    }  # fmt: skip

    def request(method: str, url: str, **how: Any) -> Any:
        if "/prometheusrules" in url and method != "GET" and re.search("""["'][(]["']""", str(how.get("body"))):
            return Response(422, {"content-type": "application/json"}, json.dumps(status).encode(), 0.0)
        return plain(method, url, **how)

    monkeypatch.setattr(api.http, "request", request)
    assert run(rules("one", GOOD))["checked_by"] == ["the admission of the Prometheus Operator", "the API server"]
    with pytest.raises(SalvageError, match=r"nothing was changed: .*group one: 1:1: parse error: unclosed left"):
        run(rules("two", {**GOOD, "expr": "("}))
    assert f"{RULES}/two" not in api.objects


def test_rules_that_prometheus_would_not_take(both: list[FakePrometheus], api: Any) -> None:
    api.objects[f"{SPACE}/prometheuses"]["items"][0]["spec"] = {"ruleSelector": {"matchLabels": {"release": "x"}}}
    with pytest.raises(SalvageError, match="would never be loaded: Prometheus monitoring/main takes only rules with the labels"):
        run(rules("one", GOOD))
    assert run(rules("one", GOOD, labels={"release": "x"}))["changed"]


def test_a_pod_that_was_replaced_meanwhile_is_named_and_one_that_is_down_is_a_loss(both: list[FakePrometheus], api: Any) -> None:
    api.controller = lambda path: setattr(both[0], "up", ["b", "c"] if "/prometheusrules/" in path else both[0].up)
    assert run(rules("one", GOOD))["targets_gone"] == ["x a"]
    api.controller = lambda path: setattr(both[0], "down", ["b"] if "/prometheusrules/two" in path else [])
    with pytest.raises(SalvageError, match="the target b of x was up and is down"):
        run(rules("two", GOOD))


def test_the_layout_of_an_expression_costs_no_request_and_its_content_counts() -> None:
    asked: list[str] = []

    def form(expression: str) -> str:
        asked.append(expression)
        return expression.replace("0.10", "0.1")

    same = [
        ("sum(rate(x{a='b c'}[5m]))>1", "sum ( rate( x{a='b c'} [5m] ) )\n  > 1"),
        ('up{job="a"}', 'up {job = "a"}'),
    ]
    assert all(same_expression(one, other, form) for one, other in same) and asked == []
    assert same_expression("a > 0.10", "a > 0.1", form) and len(asked) == 2
    for one, other in (('up{job="a b"}', 'up{job="a  b"}'), ("up # > 1", "up > 1"), ("a1", "a 1"), ("a and b", "aandb")):
        assert not same_expression(one, other, form), one


def test_which_prometheus(both: list[FakePrometheus], api: Any) -> None:
    items = api.objects[f"{SPACE}/prometheuses"]["items"]
    items.append({"kind": "Prometheus", "metadata": {"name": "second", "namespace": "monitoring"}, "spec": {}})
    with pytest.raises(SalvageError, match="several Prometheuses in monitoring: main, second; set prometheus"):
        run(rules("one", GOOD))
    assert run(rules("one", GOOD), prometheus="main")["changed"]
    with pytest.raises(SalvageError, match="second takes no rules"):
        run(rules("one", GOOD), prometheus="second")
    with pytest.raises(SalvageError, match="there is no Prometheus third"):
        run(rules("one", GOOD), prometheus="third")
    # The pods at the address say which one it is.
    labels = {"app": "p", "operator.prometheus.io/name": "main"}
    api.put("/api/v1/namespaces/monitoring/pods/main-0", {"kind": "Pod", "metadata": {"labels": labels}, "status": {"phase": "Running"}})
    assert run(rules("two", GOOD))["configured_by"]["name"] == "main"
    with pytest.raises(SalvageError, match="leads to the Prometheus main, not to second; set prometheus_url to its Service"):
        run(rules("one", GOOD), prometheus="second")
