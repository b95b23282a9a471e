# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts answered on the lab: the evidence is whole, the verdict right, an allowed action done once and proven, and no other one."""

from __future__ import annotations

import datetime
import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout import task as rollout
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import info_task as incidents
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import evidence_task
from cluster_lab import CHECKOUT, NAMESPACE, Lab, Run

pytestmark = pytest.mark.lab

SPACE = "respond-test"
RED_CODE = (CHECKOUT / "lab/standin/red_code.json").read_text()
LABELS = {"app": "app"}
WHERE = {"name": "app", "namespace": SPACE, "api_url": f"service://{SPACE}/app:8000"}
ALLOWED = {"alert_response_environment": "staging", "alert_response_allowed_actions": {"staging": ["scale_up", "restart_pod", "roll_back"]}}
QUICK = {"alert_response_verify_timeout": 1, "alert_response_verify_settle": 1, "alert_response_verify_interval": 1}


def ago(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(time.time() - seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Service:
    """The stand-in in a namespace of its own: three replicas, an autoscaler that is at its maximum, a budget, and a proven revision."""

    lab: Lab
    folder: Path

    def alert(self, name: str, seconds: float = 1200) -> dict[str, Any]:
        labels = {"alertname": name, "namespace": SPACE, "severity": "critical"}
        return {
            "labels": labels,
            "startsAt": ago(seconds),
            "fingerprint": hashlib.sha256(name.encode()).hexdigest()[:16],
            "status": "firing",
        }

    def look(self, alert: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        given = {
            "name": "app",
            "namespace": SPACE,
            "api_url": f"service://{SPACE}/app:8000",
            "kubeconfig": str(self.lab.kubeconfig),
            **more,
        }
        (answer,) = evidence_task.run({"alert": alert, **given}, time.time())["answers"]
        return answer

    def look_until(self, alert: Mapping[str, Any], question: str, word: str, seconds: float = 90, **more: Any) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            answer = self.look(alert, **more)
            if answer["verdicts"][question]["answer"] == word or time.monotonic() > deadline:
                return answer
            time.sleep(2)

    def until_steady(self, alert: Mapping[str, Any], **more: Any) -> None:
        """Until the value of the state has not risen for ten seconds."""
        deadline, value = time.monotonic() + 150, 0.0
        while True:
            before, value = value, self.look(alert, **more)["verdicts"]["state"]["details"].get("value") or 0.0
            if value and value <= 1.02 * before:
                return
            assert time.monotonic() < deadline, value
            time.sleep(10)

    def respond(self, alert: Mapping[str, Any], **more: Any) -> Run:
        own = {**WHERE, "opa": {"namespace": SPACE}, "guard_namespace": SPACE, "alert": alert}
        given = {f"alert_response_{name}": value for name, value in own.items()}
        common = {"meta_salvage_incident_namespace": SPACE, "meta_salvage_state_dir": str(self.folder)}
        return self.lab.play("respond", {**given, **common, **QUICK, **more})

    def respond_to_usage(self, alert: Mapping[str, Any], judge: Mapping[str, Any], **more: Any) -> Run:
        """Again while the usage is unknown, which rightly stops every action: metrics-server of a busy node does not always answer."""
        for _ in range(4):
            run = self.respond(alert, **more)
            if "breached and is unknown" not in run.words:
                break
            self.look_until(alert, "load", "broad", judge=judge)
        return run

    @property
    def pods(self) -> list[str]:
        listed = self.lab.get("pods", "-n", SPACE, "-l", "app=app")["items"]
        return sorted(pod["metadata"]["name"] for pod in listed if not pod["metadata"].get("deletionTimestamp"))

    @property
    def bounds(self) -> tuple[int, int]:
        spec = self.lab.get("hpa", "app", "-n", SPACE)["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def faults(self, *pods: str, **switches: object) -> None:
        for pod in pods or self.pods:
            path = f"/api/v1/namespaces/{SPACE}/pods/{pod}:8000/proxy/_fault"
            self.lab.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(switches))

    @contextmanager
    def relieved_by_more_pods(self) -> Iterator[None]:
        """As soon as the autoscaler may run a fourth pod, each of the pods has less to do."""
        ended, busy = threading.Event(), self.pods

        def watch() -> None:
            while not ended.wait(1):
                if self.bounds == (4, 4):
                    self.faults(*busy, cpu_cores=0.005)
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def red_code(self, text: str) -> None:
        patch = json.dumps({"data": {"red_code.json": text}})
        self.lab.kubectl("patch", "configmap", "euystacio-red-code", "-n", SPACE, "--type=merge", "-p", patch)

    @property
    def incidents(self) -> list[dict[str, Any]]:
        asked = {"kubeconfig": str(self.lab.kubeconfig), "namespace": SPACE, "records": True, "heads": str(self.folder / "heads")}
        return list(incidents.run(asked, time.time())["incidents"])


def objects(image: str) -> list[dict[str, Any]]:
    def made(kind: str, version: str, name: str = "app", **rest: Any) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": SPACE}, **rest}

    container = {
        "name": "api",
        "image": image,
        "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": 8000}],
        "env": [{"name": "RED_CODE", "value": "/config/red_code.json"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "red-code", "mountPath": "/config"}],
    }
    pod = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "red-code", "configMap": {"name": "euystacio-red-code"}}],
    }
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": LABELS},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": LABELS}, "spec": pod},
    }
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    scaler = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        "minReplicas": 3,
        "maxReplicas": 3,
        "metrics": [cpu],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        made("ConfigMap", "v1", "euystacio-red-code", data={"red_code.json": RED_CODE}),
        made("Service", "v1", spec={"selector": LABELS, "ports": [{"name": "http", "port": 8000, "targetPort": "http"}]}),
        made("Deployment", "apps/v1", spec=spec),
        made("PodDisruptionBudget", "policy/v1", spec={"minAvailable": 2, "selector": {"matchLabels": LABELS}}),
        made("HorizontalPodAutoscaler", "autoscaling/v2", spec=scaler),
    ]


@pytest.fixture(scope="module")
def service(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(image)}))
    lab.kubectl("rollout", "status", "deployment/app", "-n", SPACE, "--timeout=120s")
    options = {"kubeconfig": str(lab.kubeconfig), "name": "app", "namespace": SPACE, "progress_path": None}
    proven = rollout.run({**options, "state": "complete", "record": "passed", "run": "respond-test"}, check_mode=False)
    assert proven["changed"], proven
    one = Service(lab, tmp_path_factory.mktemp("respond"))
    # The memory of one pod grows from now on, slowly enough to be seen by Prometheus before the tests of the memory come.
    one.faults(one.pods[0], leak_mb_per_second=0.15)
    yield one
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_qek_below_its_minimum_is_answered_and_nothing_done(service: Service) -> None:
    """Somebody has changed red_code.json: that is found, and the way back is proposed with what it would change."""
    service.red_code(RED_CODE.replace('"verified": true', '"verified": false'))
    service.faults(metrics={"QEK": 0.82})
    service.faults(service.pods[1], input_quality=0.4)
    try:
        began = time.monotonic()
        run = service.respond(service.alert("QEKBelowMinimum", 901))
        assert run.code == 0, run.output
        assert time.monotonic() - began < 60
        (file,) = (service.folder / "responses").glob("*.json")
        answer = json.loads(file.read_text())
        verdicts = {name: one["answer"] for name, one in answer["verdicts"].items()}
        assert verdicts == {
            "state": "breached", "persists": "yes", "red_code": "altered", "input_data": "poor", "recent_change": "unchanged",
            "way_back": "proven",
        }, answer["summary"]  # fmt: skip
        assert [one.partition(":")[0] for one in answer["missing"]] == ["history"]  # Prometheus does not scrape this namespace
        assert "ConfigMap/euystacio-red-code" in answer["verdicts"]["way_back"]["details"]["would_change"][0]
        actions = {one["name"]: one["decision"] for one in answer["actions"]}
        # The change is younger than this alert, so it did not cause it, and a rollback is refused.
        assert actions == {"roll_back": "refused", "repair_red_code": "proposed", "repair_input_data": "proposed"}
        late = service.look({**service.alert("QEKBelowMinimum", 1), "startsAt": ago(1)}, judge={"persists": "1s"})
        assert late["verdicts"]["recent_change"]["answer"] == "changed", late["summary"]
        assert next(one for one in late["actions"] if one["name"] == "roll_back")["decision"] == "allowed"
        assert [one["title"] for one in service.incidents] == ["QEK below minimum: QEKBelowMinimum"]
        facts = [record["data"]["facts"] for record in service.incidents[0]["records"] if record["kind"] == "evidence"]
        assert facts and facts[0]["red_code"].startswith("altered")
        # Evidence that is kept gives the same verdicts again, without a cluster.
        again = evidence_task.run({"alert": answer["alert"], "evidence": answer["evidence"], "now": late["evidence"][0]["at"]}, time.time())
        assert again["answers"][0]["verdicts"]["red_code"]["answer"] == "altered"
    finally:
        service.red_code(RED_CODE)
        service.faults(metrics=None, input_quality=None)


def test_a_busy_service_is_scaled_up_once_for_a_time(service: Service) -> None:
    service.faults(cpu_cores=0.02)  # below the limit: what a pod uses at its limit depends on what else the machine does
    alert = service.alert("HighCPUUsage")
    try:
        judge = {"scale_to": 4, "cpu_limit": 0.1}  # of a node that is busy itself
        found = service.look_until(alert, "load", "broad", judge=judge)
        assert found["state"] == "breached", found["summary"]
        service.until_steady(alert, judge=judge)  # while the use still rises, an action would seem to have made it worse
        given = {**ALLOWED, "alert_response_judge": judge, "alert_response_scale_duration": "1s"}
        proposed = service.respond_to_usage(alert, judge, **{**given, "alert_response_environment": "production"})
        assert "scale_up is proposed" in proposed.words, proposed.output
        assert service.bounds == (3, 3)
        # More pods share the load: what is still there in the end is less than before, whatever else the machine does.
        look = {"alert_response_verify_timeout": 60, "alert_response_verify_settle": 60, "alert_response_verify_interval": 5}
        with service.relieved_by_more_pods():
            run = service.respond_to_usage(alert, judge, **given, **look)
        assert "scale_up is done" in run.words, run.output
        assert service.bounds == (4, 4), run.output
        # The next run ends the temporary size, and does not do the same in the same episode again.
        run = service.respond(alert, **given)
        assert run.code == 0, run.output
        assert "scale_up is done" not in run.words
        assert service.bounds == (3, 3)
    finally:
        service.faults(cpu_cores=None)


def test_a_pod_that_leaks_is_restarted_alone(service: Service) -> None:
    before = service.pods
    judge = {"memory_limit": 0.08, "growth_span": "30s"}
    given = {"judge": judge, "memory_window": "5m"}
    alert = service.alert("HighMemoryUsage")
    found = service.look_until(alert, "growth", "leak", **given)
    assert found["verdicts"]["growth"]["answer"] == "leak", found["summary"]
    assert [one["pod"] for one in found["verdicts"]["growth"]["details"]["leaks"]] == before[:1]
    run = service.respond(alert, **ALLOWED, alert_response_judge=judge, alert_response_memory_window="5m")
    assert "restart_pod is done" in run.words, run.output
    assert len(service.pods) == 3
    assert set(before) - set(service.pods) == {before[0]}


def test_an_alert_that_nobody_knows_gets_diagnostics_and_an_incident(service: Service) -> None:
    run = service.respond(
        {"labels": {"alertname": "Odd\u202e name; $(id)", "namespace": SPACE}}, diagnostics_only=["events"], diagnostics_namespaces=[SPACE]
    )
    assert run.code == 0, run.output
    assert list((service.folder / "diagnostics").glob("*.tar.gz")), run.output
    assert any("Odd" in one["title"] or any("Odd" in each["name"] for each in one["alerts"]) for one in service.incidents)
