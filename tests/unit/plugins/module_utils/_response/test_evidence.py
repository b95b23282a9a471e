# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence read from a cluster in memory, as each response needs it; and what is wrong with one source hides no other."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.options import from_params
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import evidence_logs, evidence_task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.evidence_options import JudgeOptions, settings_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.evidence_task import READERS
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.config_copies import copy_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proof_store import ProofStore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Proof, Subject
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.revisions import template_hash
from fake_evidence import SETS

NOW = time.time()
CORE, APPS = "/api/v1/namespaces/a", "/apis/apps/v1/namespaces/a"
DEPLOYMENT = f"{APPS}/deployments/api"
PROMETHEUS = "/api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1"
ALERTMANAGER = "/api/v1/namespaces/m/services/alertmanager:9093/proxy/api/v2/alerts"
RED_CODE = {"core_truth": "a", "ai_signature": {"verified": True}, "symbiosis_level": 0.8, "guardian_mode": False}
OPTIONS = {
    "name": "api", "namespace": "a", "api_url": "service://a/api:8000", "prometheus_url": "service://m/prometheus:9090",
    "alertmanager_url": "service://m/alertmanager:9093", "opa": {"namespace": "a"}, "request_timeout": 2.0, "deadline": 1.0,
}  # fmt: skip
Answer = Callable[..., dict[str, Any]]


def as_json(value: Any) -> Callable[[], tuple[int, str, str]]:
    return lambda: (200, "application/json", json.dumps(value))


def series(*rows: tuple[dict[str, str], Any], kind: str = "vector") -> Callable[[], tuple[int, str, str]]:
    name = "value" if kind == "vector" else "values"
    result = [{"metric": labels, name: value} for labels, value in rows]
    return as_json({"status": "success", "data": {"resultType": kind, "result": result}})


def ago(seconds: float) -> str:
    return iso(int(NOW - seconds))


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the test: that of the import is too old for evidence after some minutes of other tests."""
    monkeypatch.setattr(sys.modules[__name__], "NOW", time.time())


@pytest.fixture
def system(api: Any, shapes: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Deployment of two pods with all that is around it."""
    template = shapes.template(env=[])
    container = template["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "100m"}, "limits": {"cpu": "250m", "memory": "128Mi"}}
    container["envFrom"] = [{"configMapRef": {"name": "config"}}, {"configMapRef": {"name": "euystacio-red-code"}}]
    written = [{"manager": "kubectl", "time": ago(1500), "fieldsV1": {"f:data": {}, "f:spec": {}}}]
    old = shapes.template("api:0")
    api.put(f"{APPS}/replicasets/api-h1", shapes.replicaset(1, old))
    api.put(f"{APPS}/replicasets/api-h2", shapes.replicaset(2, template))
    deployment = shapes.deployment(template)
    deployment["metadata"] |= {"managedFields": written, "creationTimestamp": ago(90000)}
    api.put(DEPLOYMENT, deployment)
    for name in ("config", "euystacio-red-code", "peace-bonds-policies"):
        data = {"red_code.json": json.dumps(RED_CODE)}
        api.put(f"{CORE}/configmaps/{name}", {"kind": "ConfigMap", "metadata": {"managedFields": written}, "data": data})
    for name in ("p0", "p1"):
        pod = shapes.pod(name, 2, state={"running": {"startedAt": ago(7200)}}, startTime=ago(7200))
        pod["spec"] = {"nodeName": "n1", "containers": [{**container, "ports": [{"name": "http", "containerPort": 8000}]}]}
        api.put(f"{CORE}/pods/{name}", pod)
        at = f"{CORE}/pods/{name}:8000/proxy"
        metric = {"current_value": 0.82, "timestamp": ago(1), "status": "alert"}
        api.answers[f"{at}/api/metrics/thresholds"] = as_json({"metrics": {"QEK": metric}})
        inputs = [{"name": "human_feedback", "quality": 0.97, "updated_at": ago(5)}]
        api.answers[f"{at}/api/metrics/qek/details"] = as_json({"inputs": inputs})
        api.answers[f"{at}/red_code.json"] = as_json(RED_CODE)
        api.answers[f"{CORE}/pods/{name}/log"] = lambda: (
            200,
            "text/plain",
            "ok\nERROR QEK below minimum threshold: 0.82 < 0.85\nout of memory\n",
        )
        usage = {"cpu": "240m", "memory": "120Mi"}
        metrics = {
            "metadata": {"labels": {"app": "api"}},
            "timestamp": ago(10),
            "containers": [{"name": container["name"], "usage": usage}],
        }
        api.put(f"/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/{name}", metrics)
    api.put("/apis/metrics.k8s.io/v1beta1/nodes/n1", {"metadata": {}, "timestamp": ago(10), "usage": {"cpu": "1", "memory": "1Gi"}})
    node = {
        "spec": {},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    api.put("/api/v1/nodes/n1", node)
    api.put(f"{CORE}/services/api", {"spec": {"selector": {"app": "api"}, "ports": [{"port": 8000, "targetPort": "http"}]}})
    api.put(
        "/apis/policy/v1/namespaces/a/poddisruptionbudgets/b",
        {"spec": {"selector": {"matchLabels": {"app": "api"}}}, "status": {"disruptionsAllowed": 1}},
    )
    target = {"kind": "Deployment", "name": "api"}
    conditions = [{"type": "ScalingActive", "status": "False", "message": "no metrics"}]
    scaler = {
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2},
        "status": {"currentReplicas": 2, "desiredReplicas": 2, "conditions": conditions},
    }
    api.put("/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h", scaler)
    api.put(f"{APPS}/deployments/opa-peace-bonds", {"metadata": {}, "spec": {"selector": {"matchLabels": {"app": "opa"}}}})
    api.put(f"{CORE}/pods/opa-1", {"metadata": {"labels": {"app": "opa"}}, "spec": {"containers": []}, "status": {"phase": "Running"}})
    decisions = [
        {
            "decision_id": f"{number}",
            "timestamp": ago(seconds),
            "path": "euystacio/peace_bonds",
            "input": {"provider": {"id": provider}},
            "result": result,
        }
        for number, (seconds, provider, result) in enumerate(
            [(60, "x", {"allow": False, "deny": ["no"]}), (70, "y", {"allow": True}), (1800, "x", {"allow": True})]
        )
    ]
    api.answers[f"{CORE}/pods/opa-1/log"] = lambda: (200, "text/plain", "\n".join(map(json.dumps, decisions)))
    events = {"events": [{"severity": "low", "provider_id": "x", "timestamp": ago(60)}], "total": 1}
    api.answers[f"{CORE}/services/api:8000/proxy/api/metrics/risk/events"] = as_json(events)
    points = [[NOW - at, "0.82"] for at in range(1000, 0, -18)]
    api.answers[f"{PROMETHEUS}/query_range"] = series(({"pod": "p0"}, points), kind="matrix")
    api.answers[f"{PROMETHEUS}/query"] = series(({"path": "/api"}, [NOW, "12.5"]))
    api.answers[f"{PROMETHEUS}/alerts"] = as_json({"status": "success", "data": {"alerts": []}})
    active = [
        {
            "labels": {"namespace": "a", "service": "api", "instance": "i", "pod": "p0"},
            "health": "up",
            "lastError": "",
            "lastScrape": ago(5),
        }
    ]
    api.answers[f"{PROMETHEUS}/targets"] = as_json({"status": "success", "data": {"activeTargets": active}})
    fires = {
        "labels": {"alertname": "QEKBelowMinimum", "namespace": "a"},
        "status": {"state": "active"},
        "startsAt": ago(1200),
        "fingerprint": "f1",
    }
    api.answers[ALERTMANAGER] = as_json([fires])
    monkeypatch.setattr(Routes, "cluster", api)
    return api


@pytest.fixture
def look(system: Any) -> Answer:
    def work(alert: Any = "QEKBelowMinimum", **more: Any) -> dict[str, Any]:
        (answer,) = evidence_task.run({"alert": alert, **OPTIONS, **more}, NOW)["answers"]
        return answer

    return work


def seen(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in answer["evidence"] if one["name"] == name]
    return found


def test_a_name_is_enough_and_all_of_the_evidence_is_there(look: Answer) -> None:
    answer = look()
    assert answer["missing"] == []
    assert answer["complete"]
    assert (answer["alert"]["fingerprint"], answer["alert"]["started_at"]) == ("f1", ago(1200))
    said = {name: one["answer"] for name, one in answer["verdicts"].items()}
    assert said == {
        "state": "breached", "persists": "yes", "red_code": "unknown", "input_data": "good", "recent_change": "changed", "way_back": "none",
    }  # fmt: skip
    logs = seen(answer, "logs")["value"]["logs"]
    assert [(one["where"], one["counts"]) for one in logs] == [
        (f"{pod}/api", {"error": 1, "memory": 1, "threshold": 1}) for pod in ("p0", "p1")
    ]
    assert answer["target"]["uid"] == "uid-d"


def proven(system: Any, shapes: Any, template: dict[str, Any], keeper: str) -> None:
    """A run has found the template good, with the content of red_code.json that it reads."""
    config = system.objects[f"{CORE}/configmaps/euystacio-red-code"]
    copy = copy_of(config, "ConfigMap", system.objects[f"{APPS}/replicasets/{keeper}"])
    system.put(f"{CORE}/configmaps/{copy['metadata']['name']}", copy)
    copies = (("ConfigMap", "euystacio-red-code", copy["metadata"]["name"]),)
    proof = Proof("passed", ago(9000), template_hash(template), "run-1", "", copies)
    ProofStore(system).add(Subject("Deployment", "a", "api", "uid-d"), proof, [proof.template], dry_run=False)


def test_the_way_back_says_what_it_would_change(system: Any, shapes: Any, look: Answer) -> None:
    proven(system, shapes, shapes.template("api:0"), "api-h1")
    answer = look()
    assert answer["verdicts"]["red_code"]["answer"] == "intact"
    back = answer["verdicts"]["way_back"]
    assert (back["answer"], back["details"]["revision"]) == ("proven", 1)
    assert any("image" in one and "api:1 -> api:0" in one for one in back["details"]["would_change"]), back
    (action,) = [one for one in answer["actions"] if one["name"] == "roll_back"]
    assert (action["decision"], action["parameters"]["current"]) == ("allowed", 2)


def test_a_red_code_that_was_changed_is_the_way_back_of_the_revision_itself(system: Any, shapes: Any, look: Answer) -> None:
    proven(system, shapes, system.objects[DEPLOYMENT]["spec"]["template"], "api-h2")
    path = f"{CORE}/configmaps/euystacio-red-code"
    text = json.dumps({**RED_CODE, "core_truth": "another"})
    system.put(path, {**system.objects[path], "data": {"red_code.json": text}})
    answer = look()
    assert answer["verdicts"]["red_code"]["answer"] == "altered"
    assert answer["verdicts"]["way_back"]["details"]["would_change"] == ["ConfigMap/euystacio-red-code (its content of then)"]


def test_a_digest_and_a_file_of_the_user_count(look: Answer, tmp_path: Path) -> None:
    file = tmp_path / "red_code.json"
    file.write_text('{"core_truth": NaN}')
    answer = look(red_code={"digest": "0" * 64, "file": str(file)})
    assert str(file) in answer["verdicts"]["red_code"]["reason"]
    assert answer["verdicts"]["red_code"]["answer"] == "altered"
    assert "can't be read" in seen(look(red_code={"file": "/nowhere"}), "red_code")["doubts"][0]


def test_evidence_of_the_other_responses(system: Any, look: Answer) -> None:
    cpu = look({"alertname": "HighCPUUsage"})
    said = {name: one["answer"] for name, one in cpu["verdicts"].items()}
    assert (said["state"], said["load"], said["autoscaling"], said["headroom"]) == ("breached", "broad", "broken", "enough")
    assert said["traffic"] == "normal"
    memory = look({"alertname": "HighMemoryUsage"})
    assert memory["verdicts"]["disruption"]["answer"] == "allowed"
    assert "Prometheus has no memory of p1" in seen(memory, "memory")["doubts"]
    bonds = look({"alertname": "PeaceBondsPolicyViolation"})
    assert bonds["verdicts"]["violation"]["details"]["providers"] == ["x"]
    assert bonds["verdicts"]["risk"]["answer"] == "usual"
    assert look({"alertname": "EuystacioApiDown"})["verdicts"]["state"]["answer"] == "healthy"
    assert look({"alertname": "PrometheusTargetDown", "instance": "i"})["verdicts"]["state"]["answer"] == "healthy"
    assert look({"alertname": "PrometheusTargetDown", "instance": "j"})["state"] == "unknown"
    backup = look({"alertname": "BackupTooOld", "cluster": "c"})
    assert backup["state"] == "breached"  # 12.5 s after the epoch


@pytest.mark.parametrize("name", ["QEKBelowMinimum", "HighCPUUsage", "HighMemoryUsage", "EuystacioApiDown"])
def test_an_alert_about_something_else_is_not_answered_by_the_state_of_the_workload(system: Any, look: Answer, name: str) -> None:
    """HighCPUUsage is about every pod of the namespace; the workload being well or not says nothing of OPA."""
    other = {"alertname": name, "namespace": "a", "pod": "opa-1"}
    for labels, words in ((other, "the pod opa-1"), ({**other, "namespace": "payments"}, "the namespace payments")):
        answer = look(labels)
        assert answer["state"] == "unknown", answer["summary"]
        assert words in answer["verdicts"]["state"]["reason"]
        assert {one["decision"] for one in answer["actions"]} <= {"refused", "proposed"}
    known = look({"alertname": name, "namespace": "a"})["state"]
    for labels in ({"pod": "p0"}, {"pod": "api-that-is-gone"}, {"namespace": "monitoring", "exported_namespace": "a"}):
        assert look({"alertname": name, "namespace": "a", **labels})["state"] == known != "unknown"
    system.stumble = lambda method, path: "403" if path == f"{CORE}/pods" else None
    assert "is not known" in look(other)["verdicts"]["state"]["reason"]


def test_a_container_that_is_full_is_not_hidden_by_one_beside_it_that_has_room(system: Any, look: Answer) -> None:
    """The alerts are about containers, and so are the limits."""
    beside: dict[str, Any] = {"name": "beside", "resources": {"limits": {"cpu": "4", "memory": "8Gi"}}}
    used = {"name": "beside", "usage": {"cpu": "10m", "memory": "10Mi"}}

    def put(**more: Any) -> None:
        for name in ("p0", "p1"):
            for path, of, one in (
                (f"{CORE}/pods", "spec", {**beside, **more}),
                ("/apis/metrics.k8s.io/v1beta1/namespaces/a/pods", "", used),
            ):
                found = system.objects[f"{path}/{name}"]
                listed = (found[of] if of else found)["containers"]
                listed[:] = [*listed[:1], one]
                system.put(f"{path}/{name}", found)

    put()
    for alert, says in (("HighCPUUsage", "96%"), ("HighMemoryUsage", "94%")):
        answer = look({"alertname": alert})
        assert (answer["state"], says in answer["verdicts"]["state"]["reason"]) == ("breached", True), answer["summary"]
    put(resources={})
    assert look({"alertname": "HighCPUUsage"})["state"] == "breached"
    for name in ("p0", "p1"):
        found = system.objects[f"/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/{name}"]
        found["containers"][0]["usage"] = {"cpu": "10m", "memory": "1Mi"}
    answer = look({"alertname": "HighCPUUsage"})
    assert (answer["state"], "beside of p" in answer["verdicts"]["state"]["reason"]) == ("unknown", True)
    found["containers"] = found["containers"][:1]
    assert "the metrics API does not know beside of p1" in look({"alertname": "HighCPUUsage"})["verdicts"]["state"]["reason"]


def test_whatever_one_source_does_hides_no_other(system: Any, look: Answer) -> None:
    for path in (f"{PROMETHEUS}/query_range", f"{PROMETHEUS}/query", f"{PROMETHEUS}/alerts", ALERTMANAGER):
        system.answers[path] = lambda: (200, "text/html", "<h1>Sign in</h1>")
    system.answers[f"{CORE}/pods/p1:8000/proxy/api/metrics/thresholds"] = lambda: (503, "text/plain", "no")
    system.answers[f"{CORE}/pods/p1:8000/proxy/red_code.json"] = lambda: (200, "application/json", "{")
    answer = look({"labels": {"alertname": "QEKBelowMinimum"}, "startsAt": ago(1200)})
    assert answer["verdicts"]["state"]["answer"] == "breached"  # one replica's word is enough
    assert answer["verdicts"]["persists"]["details"]["by"] == "alert"
    assert answer["verdicts"]["red_code"]["answer"] == "altered"
    assert not answer["complete"]
    assert {one.partition(":")[0] for one in answer["missing"]} >= {"firing", "metric", "history"}
    assert all(len(one) < 1000 and "\n" not in one for one in answer["missing"])


def test_a_cluster_that_refuses_makes_everything_unknown_and_nothing_follows(system: Any, look: Answer) -> None:
    system.stumble = lambda method, path: "403"
    for name in ("QEKBelowMinimum", "HVARExceededMaximum", "HighCPUUsage", "HighMemoryUsage", "EuystacioApiDown", "OPADown", "Other"):
        answer = look({"labels": {"alertname": name}, "startsAt": ago(1200)})
        # The start of the alert is what the alert itself says.
        known = {name for name, one in answer["verdicts"].items() if one["answer"] != "unknown"}
        assert known <= {"persists"}, name
        assert {one["decision"] for one in answer["actions"]} <= {"refused"}


def test_objects_of_another_form_are_unknown(system: Any, look: Answer) -> None:
    system.put("/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/h", {"spec": {"scaleTargetRef": None}})
    system.put("/apis/metrics.k8s.io/v1beta1/namespaces/a/pods/p0", {"metadata": {"labels": {"app": "api"}}, "containers": None})
    answer = look({"alertname": "HighCPUUsage"})
    assert "another form" in seen(answer, "autoscaler")["reason"]
    assert "another form" in seen(answer, "usage")["reason"]


def test_deployments_on_record_are_changes(look: Answer, tmp_path: Path) -> None:
    (tmp_path / "deploy-1.incident.json").write_text(json.dumps({"run": "deploy-1", "failed": ago(1300), "reason": "it crashed"}))
    (tmp_path / "deploy-2.incident.json").write_text("{")
    items = seen(look(record_dir=str(tmp_path)), "changes")["value"]["items"]
    assert [one["what"] for one in items if one["what"].startswith("deploy")] == ["deploy-1 failed: it crashed"]


def test_resolved_alerts_are_not_answered(system: Any) -> None:
    found = evidence_task.run({"alert": {"labels": {"alertname": "A"}, "status": "resolved"}, **OPTIONS}, NOW)
    assert found["answers"] == []
    assert found["not_answered"][0]["state"] == "resolved"


def test_kept_evidence_is_judged_without_a_cluster() -> None:
    alert_name, action, evidence = SETS["cpu"]
    given = {"alert": alert_name, "evidence": list(evidence.values()), "now": evidence["usage"]["at"] + 1}
    (answer,) = evidence_task.run(given, NOW)["answers"]
    assert next(one["decision"] for one in answer["actions"] if one["name"] == action) == "allowed"
    (again,) = evidence_task.run({**given, "before": answer["verdicts"]["state"]}, NOW)["answers"]
    assert again["outcome"] == "same"
    (late,) = evidence_task.run({**given, "now": None}, evidence["usage"]["at"] + 86400)["answers"]
    assert late["state"] == "unknown"


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ({"persists": "soon"}, "judge.persists: 'soon' is not a duration"),
        ({"cpu_limit": 1.5}, "judge.cpu_limit: 1.5 is not a share"),
        ({"scale_to": 0}, "judge.scale_to: 0 is not at least 1"),
        ({"max_age": "400d"}, "judge.max_age: 400d is not between"),
    ],
)
def test_settings_that_can_t_be_are_refused(judge: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        settings_of(from_params(JudgeOptions, judge))


def test_a_deadline_that_can_t_be_is_refused() -> None:
    with pytest.raises(SalvageError, match="write seconds above 0"):
        evidence_task.run({"alert": "A", "deadline": 0}, NOW)


def test_every_piece_of_evidence_has_a_reader() -> None:
    names = {name for _alert, _action, evidence in SETS.values() for name in evidence}
    assert names - {"alert", "firing"} <= READERS.keys()


def test_a_decision_log_that_does_not_end_is_given_up(system: Any, look: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_logs, "_MOST_BYTES", 100)
    found = seen(look({"alertname": "PeaceBondsPolicyViolation"}), "providers")
    assert "longer than 0 MiB" in found["doubts"][0]
