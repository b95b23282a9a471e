# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as a task runs it, on a server that answers like a cluster with the service on it."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.modules import health_info
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

A = "/api/v1/namespaces/a"
APPS = "/apis/apps/v1/namespaces/a"
PROXY = f"{A}/services/{{}}/proxy"
COLUMNS = [{"name": name} for name in ("Name", "Ready", "Status", "Restarts", "Age")]


def refusal(code: int, message: str = "no") -> tuple[int, str, str]:
    return code, "application/json", json.dumps({"kind": "Status", "code": code, "message": message})


def table(*rows: tuple[str, str, str, str]) -> dict[str, Any]:
    return {"kind": "Table", "columnDefinitions": COLUMNS, "rows": [{"cells": [*row, "5d"]} for row in rows]}


def items(*objects: Any) -> dict[str, Any]:
    return {"kind": "List", "metadata": {}, "items": list(objects)}


def vector(*series: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [time.time(), value]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


CRASHED = {
    "metadata": {"namespace": "a", "name": "api-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "api", "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
    },
}


@pytest.fixture
def cluster(web: Any, pem: Any) -> Any:
    ready = {"type": "Ready", "status": "True"}
    web.answers.update(
        {
            "/version": {"gitVersion": "v1.34.4"},
            f"{A}/pods": table(("api-1", "1/1", "Running", "0"), ("api-2", "1/1", "Running", "0")),
            A: {"kind": "Namespace"},
            f"{APPS}/deployments": items(
                {"metadata": {"namespace": "a", "name": "api"}, "spec": {"replicas": 2}, "status": {"availableReplicas": 2}}
            ),
            f"{APPS}/statefulsets": items(),
            f"{APPS}/daemonsets": items(),
            "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers": items(),
            "/api/v1/nodes": items({"metadata": {"name": "n1"}, "status": {"conditions": [ready]}}),
            PROXY.format("api:8000") + "/health": {"status": "healthy", "version": "1.0"},
            PROXY.format("api:8000") + "/api/v1/metrics": {"QEK": 0.93},
            PROXY.format("opa:8181") + "/v1/data/bonds": lambda asked: {"result": {"allow": json.loads(asked.body)["input"]["good"]}},
            PROXY.format("prom:9090") + "/api/v1/alerts": {"status": "success", "data": {"alerts": []}},
            PROXY.format("prom:9090") + "/api/v1/query": vector(({"namespace": "a", "persistentvolumeclaim": "data"}, "0.4")),
            PROXY.format("prom:9090") + "/api/v1/query_range": {"status": "success", "data": {"resultType": "matrix", "result": []}},
            PROXY.format("am:9093") + "/api/v2/alerts": [],
            f"{A}/persistentvolumeclaims": items({"metadata": {"namespace": "a", "name": "data"}, "status": {"phase": "Bound"}}),
            f"{A}/secrets": items(
                {
                    "metadata": {"namespace": "a", "name": "tls"},
                    "data": {"tls.crt": pem().cert_data, "tls.key": base64.b64encode(b"s3cret").decode()},
                }
            ),
        }
    )
    return web


@pytest.fixture
def run(cluster: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)

    def call(**more: Any) -> dict[str, Any]:
        arguments = {
            "host": cluster.url,
            "api_key": "t0ken",
            "namespaces": ["a"],
            "api_url": "service://a/api:8000",
            "thresholds_path": "/api/v1/metrics",
            "profile": {"QEK": {"critical_min": 0.85}},
            "prometheus_url": "service://a/prom:9090",
            "alertmanager_url": "service://a/am:9093",
            "opa_url": "service://a/opa:8181",
            "opa_namespace": "a",
            "opa_path": "bonds",
            "opa_probes": [
                {"name": "good", "input": {"good": True}, "expect": True},
                {"name": "bad", "input": {"good": False}, "expect": False},
            ],
            **more,
        }
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            health_info.main()
        out = capsys.readouterr().out
        assert "Traceback" not in out
        for secret in ("t0ken", "s3cret", base64.b64encode(b"s3cret").decode()):
            assert secret not in out
        answer: dict[str, Any] = json.loads(out)
        return answer

    return call


def parts(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {part["name"]: (part["status"], part["reason"]) for part in result["report"]["parts"]}


def test_a_healthy_cluster(run: Any, cluster: Any, tmp_path: Path) -> None:
    result = run()
    assert set(parts(result).values()) == {("healthy", "")}
    report = result["report"]
    assert (result["changed"], report["status"], report["cluster"]["version"], report["changes"]) == (False, "healthy", "v1.34.4", [])
    assert {type(part["healthy"]) for part in report["parts"]} == {int}
    assert {asked.method for asked in cluster.asked} == {"GET", "POST"}
    assert {asked.path for asked in cluster.asked if asked.method == "POST"} == {PROXY.format("opa:8181") + "/v1/data/bonds"}


def test_only_suspicious_pods_are_looked_at_whole(run: Any, cluster: Any) -> None:
    cluster.answers[f"{A}/pods"] = table(("api-1", "0/1", "CrashLoopBackOff", "5 (1m ago)"), ("api-2", "1/1", "Running", "0"))
    cluster.answers[f"{A}/pods/api-1"] = CRASHED
    first = run(parts=["pods"])["report"]
    assert (first["status"], first["counts"]["healthy"], first["restarts"]) == ("critical", 1, {"a/api-1": 5})
    assert first["parts"][0]["checks"][0]["reason"].startswith("CrashLoopBackOff: container api restarted 5 times")
    assert not any(asked.path == f"{A}/pods/api-2" for asked in cluster.asked)
    cluster.answers[f"{A}/pods"] = table(("api-1", "1/1", "Running", "5 (9m ago)"), ("api-2", "1/1", "Running", "0"))
    second = run(parts=["pods"], previous=first)["report"]
    assert second["changes"] == [
        {"id": "pods", "from": "critical", "to": "healthy"},
        {"id": "pods/a/api-1", "from": "critical", "to": "healthy"},
    ]


def test_a_pod_that_went_and_one_that_may_not_be_seen(run: Any, cluster: Any) -> None:
    cluster.answers[f"{A}/pods"] = table(("gone", "0/1", "Terminating", "0"), ("hidden", "0/1", "CrashLoopBackOff", "0"))
    cluster.answers[f"{A}/pods/hidden"] = refusal(403)
    (check,) = run(parts=["pods"])["report"]["parts"][0]["checks"]
    assert (check["id"], check["status"]) == ("pods/a/hidden", "critical")


def test_of_very_many_the_rows_have_to_do(run: Any, cluster: Any) -> None:
    rows = [(f"api-{n}", "0/1", "CrashLoopBackOff", "5 (1m ago)") for n in range(130)]
    cluster.answers[f"{A}/pods"] = table(*rows)
    for name, *_rest in rows:
        cluster.answers[f"{A}/pods/{name}"] = {**CRASHED, "metadata": {**CRASHED["metadata"], "name": name}}
    report = run(parts=["pods"])["report"]
    assert report["counts"] == {"healthy": 0, "warning": 0, "critical": 130, "unknown": 0}
    assert sum("/pods/" in asked.path for asked in cluster.asked) == 100


def evicted(number: int) -> dict[str, Any]:
    metadata = {"namespace": "a", "name": f"ev-{number}", "ownerReferences": [{"kind": "ReplicaSet", "name": "ev", "controller": True}]}
    return {"metadata": metadata, "status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}


def lists(rows: list[tuple[str, str, str, str]], whole: list[dict[str, Any]], age: str = "5d") -> Any:
    """What the server answers: its table, or the objects."""
    cells = [[*row, age] for row in rows]
    as_table = {"kind": "Table", "columnDefinitions": COLUMNS, "rows": [{"cells": one} for one in cells]}
    return lambda asked: as_table if "Table" in asked.headers["accept"][0] else items(*whole)


def test_many_pods_with_one_trouble_are_one_finding_and_no_worse_than_one(run: Any, cluster: Any) -> None:
    cluster.answers[f"{A}/pods"] = lists([(f"ev-{n}", "0/1", "Evicted", "0") for n in range(105)], [evicted(n) for n in range(105)])
    report = run(parts=["pods"])["report"]
    (check,) = report["parts"][0]["checks"]
    assert (report["status"], report["counts"]["warning"]) == ("warning", 105)
    assert check["reason"].startswith(
        "105 pods of ReplicaSet/ev: Failed: Evicted: low on memory, its ReplicaSet replaces it (for example ev-0"
    )
    assert not any("/pods/" in asked.path for asked in cluster.asked)


@pytest.mark.parametrize(("status", "expected"), [("Terminating", "healthy"), ("ContainerCreating", "warning")])
def test_what_is_normal_for_one_pod_is_so_for_many(run: Any, cluster: Any, status: str, expected: str) -> None:
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 20))
    creating = {"phase": "Pending", "containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "ContainerCreating"}}}]}
    whole = [
        {
            "metadata": {
                "namespace": "a",
                "name": f"p-{n}",
                "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 10)),
                **({"deletionTimestamp": moment} if status == "Terminating" else {}),
            },
            "status": {"phase": "Running"} if status == "Terminating" else creating,
        }
        for n in range(150)
    ]
    cluster.answers[f"{A}/pods"] = lists([(f"p-{n}", "0/1", status, "0") for n in range(150)], whole, age="10s")
    assert run(parts=["pods"])["report"]["status"] == expected


def test_a_pod_with_the_name_of_an_earlier_one_counts_its_restarts_from_0(run: Any, cluster: Any) -> None:
    pod = {
        "metadata": {"namespace": "a", "name": "db-0"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "db", "restartCount": 3, "ready": True}],
        },
    }
    cluster.answers[f"{A}/pods/db-0"] = pod
    known = {"restarts": {"a/db-0": 5}, "generated_at": "2026-01-01T00:00:00Z"}
    row = ("db-0", "1/1", "Running", "3 (2m ago)")
    cluster.answers[f"{A}/pods"] = table(row)
    (check,) = run(parts=["pods"], previous=known)["report"]["parts"][0]["checks"]
    assert check["reason"].startswith("restarted 3 times since the last run")
    # one that is younger than the last run, though its count is higher than what was seen
    cluster.answers[f"{A}/pods"] = lists([row], [], age="40m")
    (check,) = run(parts=["pods"], previous={**known, "restarts": {"a/db-0": 2}})["report"]["parts"][0]["checks"]
    assert check["reason"].startswith("restarted 3 times since the last run")


@pytest.mark.parametrize("gates", ["0/1", "1/2", "?"])
def test_a_readiness_gate_that_is_not_open(run: Any, cluster: Any, gates: str) -> None:
    columns = [*COLUMNS, {"name": "Readiness Gates"}]
    cluster.answers[f"{A}/pods"] = {
        "kind": "Table",
        "columnDefinitions": columns,
        "rows": [{"cells": ["gated", "1/1", "Running", "0", "5d", gates]}, {"cells": ["open", "1/1", "Running", "0", "5d", "1/1"]}],
    }
    message = "corresponding condition of pod readiness gate does not exist"
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z", "message": message}
    cluster.answers[f"{A}/pods/gated"] = {
        "metadata": {"namespace": "a", "name": "gated"},
        "status": {"phase": "Running", "conditions": [ready]},
    }
    (check,) = run(parts=["pods"])["report"]["parts"][0]["checks"]
    assert (check["status"], message in check["reason"]) == ("critical", True)


def test_pods_of_a_node_that_is_not_ready_are_read_whole(run: Any, cluster: Any) -> None:
    columns = [*COLUMNS, {"name": "Node"}]
    rows = [{"cells": [name, "1/1", "Running", "0", "5d", node]} for name, node in (("lost", "n1"), ("fine", "n2"))]
    cluster.answers[f"{A}/pods"] = {"kind": "Table", "columnDefinitions": columns, "rows": rows}
    names = [{"name": "Name"}, {"name": "Status"}]
    states = [("n1", "NotReady,SchedulingDisabled"), ("n2", "Ready")]
    cluster.answers["/api/v1/nodes"] = {"kind": "Table", "columnDefinitions": names, "rows": [{"cells": list(one)} for one in states]}
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    lost = {"metadata": {"namespace": "a", "name": "lost"}, "status": {"phase": "Running", "conditions": [ready]}}
    cluster.answers[f"{A}/pods/lost"] = lost
    (check,) = run(parts=["pods"])["report"]["parts"][0]["checks"]
    assert (check["id"], check["status"]) == ("pods/a/lost", "critical")


@pytest.mark.parametrize(("condition", "listed"), [("Complete", 0), ("Failed", 1), (None, 1)])
def test_failed_pods_of_a_job_that_succeeded_on_retry(run: Any, cluster: Any, condition: str | None, listed: int) -> None:
    metadata = {"namespace": "a", "name": "job-1", "ownerReferences": [{"kind": "Job", "name": "job", "controller": True}]}
    cluster.answers[f"{A}/pods"] = table(("job-1", "0/1", "Error", "0"))
    cluster.answers[f"{A}/pods/job-1"] = {"metadata": metadata, "status": {"phase": "Failed"}}
    if condition:
        conditions = [{"type": condition, "status": "True"}]
        cluster.answers["/apis/batch/v1/namespaces/a/jobs/job"] = {"metadata": {"name": "job"}, "status": {"conditions": conditions}}
    assert len(run(parts=["pods"])["report"]["parts"][0]["checks"]) == listed


def test_what_is_forbidden_is_unknown_and_hides_nothing(run: Any, cluster: Any) -> None:
    for path in (f"{A}/pods", f"{APPS}/deployments", f"{A}/secrets", f"{A}/persistentvolumeclaims", "/api/v1/nodes", "/version"):
        cluster.answers[path] = refusal(403, "forbidden")
    previous = {"restarts": {"a/api-1": 3, "b/x": 1}}
    result = run(previous=previous)
    found = parts(result)
    assert {name for name, (status, _why) in found.items() if status == "unknown"} == {
        "pods",
        "workloads",
        "nodes",
        "opa",
        "storage",
        "certificates",
    }
    assert found["api"] == found["alerts"] == ("healthy", "")
    assert "answered 403: forbidden; ask for the right to it, or leave it out" in found["nodes"][1]
    assert (result["report"]["cluster"]["version"], result["report"]["restarts"]) == (None, {"a/api-1": 3})


@pytest.mark.parametrize(
    ("namespace", "status", "reason"),
    [
        (refusal(404), "critical", "a: there is no namespace a"),
        ({"kind": "Namespace"}, "unknown", "a: there are no pods in the namespace a"),
        (refusal(403), "unknown", "a: there are no pods in the namespace a"),
    ],
)
def test_a_namespace_without_pods(run: Any, cluster: Any, namespace: Any, status: str, reason: str) -> None:
    cluster.answers.update({f"{A}/pods": table(), A: namespace})
    assert parts(run(parts=["pods"]))["pods"] == (status, reason)


def test_services_that_do_not_answer(run: Any, cluster: Any) -> None:
    for name in ("api:8000", "prom:9090", "am:9093", "opa:8181"):
        for path in [path for path in cluster.answers if path.startswith(PROXY.format(name))]:
            cluster.answers[path] = refusal(503, "no endpoints available for service")
    found = parts(run())
    statuses = {name: status for name, (status, _why) in found.items()}
    assert statuses == {
        "pods": "healthy",
        "workloads": "healthy",
        "nodes": "healthy",
        "api": "critical",
        "thresholds": "unknown",
        "opa": "unknown",
        "alerts": "unknown",
        "storage": "unknown",
        "certificates": "healthy",
    }


def test_a_service_that_is_silent_is_down_and_holds_nobody_up(run: Any, cluster: Any) -> None:
    cluster.answers[PROXY.format("api:8000") + "/health"] = lambda asked: cluster.silence()
    assert parts(run(parts=["api"], request_timeout=0.2))["api"] == (
        "critical",
        "health: service://a/api:8000/health did not answer within 0.2 s",
    )
    found = parts(run(parts=["api", "nodes"], timeout=0.3, request_timeout=1))
    assert found == {"nodes": ("healthy", ""), "api": ("unknown", "it was not done within 0.3 s")}


def test_firing_alerts(run: Any, cluster: Any) -> None:
    labels = {"alertname": "Low", "severity": "critical"}
    watchdog = {"labels": {"alertname": "Watchdog"}, "state": "firing"}
    alert = {"labels": labels, "state": "firing", "annotations": {"summary": "QEK is low"}}
    cluster.answers[PROXY.format("prom:9090") + "/api/v1/alerts"] = {"status": "success", "data": {"alerts": [alert, watchdog]}}
    assert parts(run(parts=["alerts"]))["alerts"][0] == "critical"
    cluster.answers[PROXY.format("am:9093") + "/api/v2/alerts"] = [
        {"labels": labels, "fingerprint": "f", "status": {"state": "suppressed", "silencedBy": ["s"]}},
        {"labels": watchdog["labels"], "fingerprint": "w", "status": {"state": "suppressed", "silencedBy": ["s"]}},
    ]
    (part,) = run(parts=["alerts"])["report"]["parts"]
    assert (part["status"], part["summary"]) == ("healthy", "1 alerts fire, 1 of them silenced, inhibited or muted")
    cluster.answers[PROXY.format("am:9093") + "/api/v2/alerts"] = {"no": "list"}
    assert parts(run(parts=["alerts"]))["alerts"][0] == "critical"


def test_full_volumes(run: Any, cluster: Any) -> None:
    cluster.answers[PROXY.format("prom:9090") + "/api/v1/query"] = vector(({"namespace": "a", "persistentvolumeclaim": "data"}, "0.95"))
    assert parts(run(parts=["storage"]))["storage"] == ("critical", "a/data: 95% full")
    assert parts(run(parts=["storage"], prometheus_url=""))["storage"][0] == "unknown"
    cluster.answers[f"{A}/persistentvolumeclaims"] = items()
    assert parts(run(parts=["storage"]))["storage"] == ("healthy", "")


def test_opa_that_denies_everybody_is_not_healthy(run: Any, cluster: Any) -> None:
    cluster.answers[PROXY.format("opa:8181") + "/v1/data/bonds"] = {"result": {"allow": False}}
    assert parts(run(parts=["opa"]))["opa"] == ("critical", "probe/good: the probe good is denied and must be allowed")
    cluster.answers[PROXY.format("opa:8181") + "/v1/data/bonds"] = {}
    assert parts(run(parts=["opa"]))["opa"][0] == "unknown"
    assert parts(run(parts=["opa"], opa_probes=[]))["opa"][0] == "unknown"


def test_without_addresses_the_parts_are_unknown(run: Any) -> None:
    found = parts(run(api_url="", opa_url="", prometheus_url="", alertmanager_url="", parts=["api", "thresholds", "opa", "alerts"]))
    assert set(found.values()) == {("unknown", "no address was given")}


def test_backups(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "x").touch()
    no_key = parts(run(parts=["backup"], backup_path=str(folder)))["backup"]
    assert no_key[0] == "unknown" and "without backup_public_key" in no_key[1]
    (tmp_path / "key.pub").write_text("no key")
    asked = {"parts": ["backup"], "backup_public_key": str(tmp_path / "key.pub")}
    assert parts(run(**asked, backup_path=str(folder)))["backup"][0] == "unknown"
    pem = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(pem)
    assert parts(run(**asked, backup_path=str(folder)))["backup"] == (
        "critical",
        f"age: there is no complete and signed backup at {folder}",
    )
    gone = parts(run(**asked, backup_path=str(folder / "gone")))["backup"]
    assert gone == ("unknown", f"there is no directory {folder / 'gone'} with backups")


def test_a_defect_of_a_part_is_that_parts_alone(run: Any, cluster: Any) -> None:
    cluster.answers["/api/v1/nodes"] = items({"metadata": None})
    found = parts(run(parts=["nodes", "workloads"]))
    assert found["nodes"][0] == "unknown"
    assert found["workloads"] == ("healthy", "")


def test_an_unhealthy_cluster_fails_only_if_it_is_to(run: Any, cluster: Any) -> None:
    cluster.answers["/api/v1/nodes"] = items()
    result = run(parts=["nodes"], fail_on=["unknown"])
    assert (result["failed"], result["msg"]) == (True, "the cluster is unknown: nodes: the cluster has no nodes")
    assert result["report"]["status"] == "unknown"
    other = run(parts=["nodes"], fail_on=["critical"])
    assert ("failed" in other, other["msg"]) == (False, result["msg"])


@pytest.mark.parametrize(
    ("answer", "reason"), [(refusal(401), "unauthorized"), ((200, "text/html", "<html>"), "invalid"), (refusal(500), "http_error")]
)
def test_a_cluster_that_is_none_is_one_sentence(run: Any, cluster: Any, answer: Any, reason: str) -> None:
    cluster.answers["/version"] = answer
    result = run()
    assert (result["failed"], result["reason"]) == (True, reason)
    assert "report" not in result


@pytest.mark.parametrize(
    ("arguments", "msg"),
    [
        ({"timeout": 0}, "timeout: 0 is too short; set seconds above 0"),
        ({"request_timeout": -1}, "request_timeout: -1 is too short; set seconds above 0"),
        ({"namespaces": []}, "namespaces: the list is empty; name the namespaces of the service"),
        ({"parts": ["backup"]}, "parts: backup needs backup_path, the folder of the backups"),
        (
            {"alert_severities": {"page": "red"}},
            "alert_severities: page stands for 'red', which is not a status; use one of healthy, warning, unknown, critical",
        ),
        (
            {"storage_warning": 0.9, "storage_critical": 0.8},
            "storage_warning: 0.9 does not come before storage_critical, 0.8; set both so that a warning comes first",
        ),
        (
            {"certificate_critical_days": 40},
            "certificate_critical_days: 40 does not come before certificate_warning_days, 30; set both so that a warning comes first",
        ),
    ],
)
def test_bad_input_is_one_sentence(run: Any, arguments: dict[str, Any], msg: str) -> None:
    result = run(**arguments)
    assert (result["failed"], result["reason"], result["msg"]) == (True, "bad_input", msg)


def test_a_claim_that_no_pod_mounts_has_no_usage(run: Any, cluster: Any) -> None:
    cluster.answers[PROXY.format("prom:9090") + "/api/v1/query"] = vector()
    pod = {"metadata": {"namespace": "a", "name": "api-1"}, "spec": {"volumes": []}, "status": {"phase": "Running"}}
    cluster.answers[f"{A}/pods"] = items(pod)
    assert parts(run(parts=["storage"]))["storage"] == ("healthy", "")
    pod["spec"] = {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}
    assert parts(run(parts=["storage"]))["storage"][0] == "unknown"  # a driver without statistics
    cluster.answers[f"{A}/pods"] = refusal(403)
    assert parts(run(parts=["storage"]))["storage"][0] == "unknown"


def test_a_usage_that_may_be_partial_is_unknown(run: Any, cluster: Any) -> None:
    answer = vector(({"namespace": "a", "persistentvolumeclaim": "data"}, "0.1"))
    cluster.answers[PROXY.format("prom:9090") + "/api/v1/query"] = {**answer, "warnings": ["store-1 unreachable"]}
    status, reason = parts(run(parts=["storage"]))["storage"]
    assert (status, "store-1 unreachable" in reason) == ("unknown", True)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": "draining"}, "unknown"),
        ({"status": "Serving"}, "healthy"),
        ({"status": "UP"}, "healthy"),
        ({"status": "healthy", "checks": {"db": "down"}}, "critical"),
        ({"status": "UP", "components": {"db": {"status": "UP"}, "disk": {"status": "DOWN"}}}, "critical"),
        ({"status": "healthy", "dependencies": [{"name": "db", "status": "reconnecting"}]}, "unknown"),
        ({"status": "healthy", "checks": {"db": True, "latency_ms": 5}}, "healthy"),
        ({"status": "healthy", "services": {"db": False}}, "critical"),
    ],
)
def test_words_of_the_service(run: Any, cluster: Any, answer: Any, status: str) -> None:
    cluster.answers[PROXY.format("api:8000") + "/health"] = answer
    assert parts(run(parts=["api"], health_words={"SERVING": "healthy"}))["api"][0] == status


def test_metrics_are_stale_by_default(run: Any, cluster: Any) -> None:
    path = PROXY.format("api:8000") + "/api/v1/metrics"
    cluster.answers[path] = {"QEK": {"current_value": 0.93, "last_updated": "2026-01-01T00:00:00Z"}}
    assert parts(run(parts=["thresholds"]))["thresholds"][0] == "unknown"
    assert parts(run(parts=["thresholds"], max_age=""))["thresholds"][0] == "healthy"


def test_what_is_ignored_is_listed(run: Any, cluster: Any) -> None:
    cluster.answers["/api/v1/nodes"] = items({"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    rules = [{"part": "nodes", "name": "n*", "reason": "disk is replaced, TICKET-7", "until": "2099-01-01"}]
    report = run(parts=["nodes"], ignore=rules)["report"]
    assert (report["status"], report["ignored"][0]["ignores"]) == ("healthy", ["nodes/n1"])
    assert "TICKET-7" in report["parts"][0]["checks"][0]["reason"]
    assert run(parts=["nodes"], ignore=[{**rules[0], "until": "2020-01-01"}])["report"]["status"] == "critical"


@pytest.mark.parametrize(
    ("shares", "status"),
    [
        (("0.4", "0.95"), "critical"),
        (("0.95", "0.4"), "critical"),
        (("0.4", "NaN"), "unknown"),
        (("NaN", "0.4"), "unknown"),
        (("-0.4",), "unknown"),
    ],
)
def test_a_claim_with_several_usages_is_as_bad_as_the_worst(run: Any, cluster: Any, shares: tuple[str, ...], status: str) -> None:
    labels = {"namespace": "a", "persistentvolumeclaim": "data"}
    cluster.answers[PROXY.format("prom:9090") + "/api/v1/query"] = vector(*((labels, share) for share in shares))
    assert parts(run(parts=["storage"]))["storage"][0] == status


@pytest.mark.parametrize("answer", [{"kind": "List", "metadata": {}}, {"kind": "List", "items": {}}, {"kind": "List", "items": "x"}, {}])
def test_an_answer_that_is_no_list_is_never_an_empty_one(run: Any, cluster: Any, answer: dict[str, Any]) -> None:
    for path in (f"{A}/persistentvolumeclaims", f"{A}/secrets", "/api/v1/nodes", f"{APPS}/deployments"):
        cluster.answers[path] = answer
    found = parts(run(parts=["storage", "certificates", "nodes", "workloads"]))
    assert {status for status, _reason in found.values()} == {"unknown"}
    assert all("gives no list" in reason for _status, reason in found.values())


def test_opas_pods_that_have_ended_are_not_ready(run: Any, cluster: Any) -> None:
    cluster.answers[f"{A}/pods"] = table(("opa-1", "0/1", "Completed", "0"))
    assert parts(run(parts=["opa"], opa_selector="app=opa"))["opa"][0] == "critical"
