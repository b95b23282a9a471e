# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards in the lab's stand-in of Grafana: loaded, refused, or taken back, after a kill -9 too; the shipped ones show something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import defaults
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._dashboards import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.metrics import prometheus_text
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.run_identity import holder
from cluster_lab import CHECKOUT, NAMESPACE, Lab

pytestmark = pytest.mark.lab

SPACE = "dashboards-test"
SHIPPED = CHECKOUT / "extensions/monitoring/dashboards"
GRAFANA = f"service://{SPACE}/prometheus-operator-grafana:80"
NAME = "prometheus-operator-grafana"
KILLS = int(os.environ.get("DASHBOARDS_KILLS", "2"))
RACES = int(os.environ.get("DASHBOARDS_RACES", "1"))
CHILD = "from test_dashboards import change; import json, sys; print('begins', flush=True); change(*json.loads(sys.argv[1]))"


@pytest.fixture(scope="module")
def image(lab: Lab) -> str:
    return str(lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture(scope="module")
def space(lab: Lab, image: str) -> Iterator[Lab]:
    """A Grafana of the test's own."""
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    text = (CHECKOUT / "lab/manifests/70-grafana.yaml").read_text().replace("namespace: monitoring", f"namespace: {SPACE}")
    lab.kubectl("apply", "-f", "-", given=text.replace("${IMAGE_STANDIN}", image))
    lab.kubectl("rollout", "status", f"deployment/{NAME}", "-n", SPACE, "--timeout=90s")
    yield lab
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def dashboard(uid: str, title: str, expr: str = "sum(up)", uses: Any = None) -> dict[str, Any]:
    panel = {
        "id": 1, "title": "Up", "type": "timeseries", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "datasource": uses or {"type": "prometheus", "uid": "prometheus"}, "targets": [{"refId": "A", "expr": expr}],
    }  # fmt: skip
    return {"uid": uid, "title": title, "schemaVersion": 39, "panels": [panel], "templating": {"list": []}}


def change(kubeconfig: str, definitions: list[Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    given = {"kubeconfig": kubeconfig, "namespace": SPACE, "definitions": definitions, "files": [], "grafana_url": GRAFANA, "wait": 60}
    return task.run({**given, "holder": holder({}, os.getpid()), **(more or {})}, check_mode=False)


def loaded(lab: Lab) -> dict[str, str]:
    """What Grafana shows, by its own API."""
    path = f"/api/v1/namespaces/{SPACE}/services/{NAME}:80/proxy/api/search"
    return {one["uid"]: one["title"] for one in json.loads(lab.kubectl("get", "--raw", path))}


def in_cluster(lab: Lab) -> dict[str, Any]:
    listed = json.loads(lab.kubectl("get", "configmaps", "-n", SPACE, "-l", "grafana_dashboard=1", "-o", "json"))["items"]
    return {one["metadata"]["name"]: one["data"] for one in listed}


def test_the_shipped_dashboards_are_loaded_once(space: Lab) -> None:
    """Seen by the files of the sidecar, and by the API."""
    where, options = str(space.kubeconfig), {"files": [str(SHIPPED)], "folder": "Meta Salvage"}
    done = change(where, [], {**options, "grafana_url": None})
    assert done["changed"] and done["proven_by"] == "file"
    again = change(where, [], options)
    assert not again["changed"] and again["proven_by"] == "api"
    assert loaded(space) == {one["uid"]: one["title"] for one in done["dashboards"]}


BAD = {
    "a broken query": (dashboard("bad", "Bad", "sum(up"), "query 'A': Prometheus refuses the query"),
    "a wrong datasource": (dashboard("bad", "Bad", uses="Mimir"), "uses the datasource 'Mimir', which Grafana does not have"),
    "over 1 MB": ({**dashboard("bad", "Bad"), "description": "x" * 1024 * 1024}, "a ConfigMap holds 1048576"),
    "a title of another": (dashboard("bad", "Meta Salvage overview"), "has the title 'Meta Salvage overview' of"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dashboard_is_refused(space: Lab, case: str) -> None:
    model, words = BAD[case]
    before = in_cluster(space)
    with pytest.raises(SalvageError) as caught:
        change(str(space.kubeconfig), [dashboard("good", "Good"), model], {"folder": "Meta Salvage"})
    assert words in str(caught.value)
    assert in_cluster(space) == before


def test_what_grafana_does_not_load_is_taken_back(space: Lab) -> None:
    where = str(space.kubeconfig)
    change(where, [dashboard("one", "Before")])
    before = in_cluster(space)
    space.kubectl(
        "patch", "role", NAME, "-n", SPACE, "--type=json", "-p", '[{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}]'
    )
    try:
        time.sleep(0.5)
        with pytest.raises(SalvageError, match="it was taken back, and Grafana has what was before"):
            change(where, [dashboard("one", "After"), dashboard("two", "Two")], {"wait": 4})
    finally:
        space.kubectl(
            "patch", "role", NAME, "-n", SPACE, "--type=json", "-p", '[{"op": "replace", "path": "/rules/0/verbs", "value": ["list"]}]'
        )
    assert in_cluster(space) == before and loaded(space)["one"] == "Before"


def test_a_killed_run_is_taken_back_by_the_next(space: Lab) -> None:
    where = str(space.kubeconfig)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests/integration"), *sys.path])}
    began = time.monotonic()
    change(where, [dashboard("one", "Before"), dashboard("other", "Other")])
    takes = time.monotonic() - began
    for number in range(KILLS):
        half = [dashboard("one", f"Half {number}"), dashboard(f"new-{number}", f"New {number}")]
        child = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps([where, half])], env=environ, stdout=subprocess.PIPE)
        assert child.stdout and child.stdout.readline() == b"begins\n"
        with suppress(subprocess.TimeoutExpired):
            child.wait(takes * (number + 0.5) / KILLS)
        child.kill()
        child.communicate()
        done = change(where, [dashboard("one", "Before")])
        assert json.loads(in_cluster(space)["grafana-dashboard-one"]["one.json"])["title"] == "Before"
        assert loaded(space)["one"] == "Before"
        assert "meta-salvage-dashboards" not in space.kubectl("get", "secrets", "-n", SPACE, "-o", "name")
        if done["notes"]:
            assert f"grafana-dashboard-new-{number}" not in in_cluster(space)


def test_of_two_runs_at_once_one_wins_and_the_other_says_why(space: Lab) -> None:
    where = str(space.kubeconfig)
    for number in range(RACES):
        wishes = [f"{name} {number}" for name in ("First", "Second")]
        given = {"run": str(number), "who": "a test", "machine": "elsewhere", "pid": 1, "started": 1}

        def attempt(title: str, given: dict[str, Any] = given) -> str:
            try:
                change(where, [dashboard("raced", title)], {"holder": {**given, "run": title}})
            except SalvageError as exc:
                assert exc.reason == "conflict", exc
                return ""
            return title

        with ThreadPoolExecutor(2) as pool:
            won = [title for title in pool.map(attempt, wishes) if title]
        assert won and loaded(space)["raced"] in won


def test_the_api_with_a_login(space: Lab) -> None:
    where = str(space.kubeconfig)
    url = GRAFANA.replace("service://", "forward://")
    login = {"through": "api", "grafana_url": url, "grafana_username": "admin", "grafana_password": "lab-grafana-password"}
    assert change(where, [dashboard("saved", "Saved")], login)["counts"]["created"] == 1
    assert not change(where, [dashboard("saved", "Saved")], login)["changed"]
    with pytest.raises(SalvageError, match="Grafana has the dashboard saved, and no ConfigMap"):
        change(where, [dashboard("saved", "Saved")])
    with pytest.raises(SalvageError, match="answered 401") as caught:
        change(where, [dashboard("saved", "Other")], {**login, "grafana_password": "wrong-lab-password"})
    assert "wrong-lab-password" not in str(caught.value) and loaded(space)["saved"] == "Saved"


def test_without_a_sidecar_a_restart_comes_between(space: Lab) -> None:
    """A Grafana that mounts one ConfigMap and reads it when it starts."""
    where, one = (
        str(space.kubeconfig),
        {"config_map": "dashboards", "grafana_selector": "app=plain", "grafana_url": f"service://{SPACE}/plain:80"},
    )
    found = space.get("deployment", NAME, "-n", SPACE)["spec"]["template"]["spec"]
    container = {**found["containers"][0], "env": [{"name": "RELOAD_SECONDS", "value": "0"}]}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    pod["volumes"] = [{"name": "dashboards", "configMap": {"name": "dashboards", "optional": True}}]
    labels = {"app": "plain"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    metadata = {"name": "plain", "namespace": SPACE}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, "strategy": {"type": "Recreate"}}
    service = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    with space.applied(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    ):
        space.kubectl("rollout", "status", "deployment/plain", "-n", SPACE, "--timeout=60s")
        assert change(where, [dashboard("plain", "Plain")], one)["restart_needed"]
        space.kubectl("rollout", "restart", "deployment/plain", "-n", SPACE)
        space.kubectl("rollout", "status", "deployment/plain", "-n", SPACE, "--timeout=60s")
        done = change(where, [dashboard("plain", "Plain")], one)
        assert (done["changed"], done["restart_needed"], done["proven_by"]) == (False, False, "api")
        # It is not restarted, so it does not load the next one, which is taken back.
        assert change(where, [dashboard("plain", "Newer")], one)["restart_needed"]
        with pytest.raises(SalvageError, match="the change failed; it was taken back"):
            change(where, [dashboard("plain", "Newer")], {**one, "wait": 1})
        assert "Newer" not in json.dumps(in_cluster(space)["dashboards"])


def test_the_playbook(space: Lab) -> None:
    given = {"monitoring_action": "dashboards", "monitoring_namespace": SPACE, "monitoring_dashboards_folder": "Meta Salvage"}
    run = space.play("monitoring", given)
    assert run.code == 0 and "changed=0" in run.output, run.output


# --- the shipped dashboards on the lab's metrics

METRICS = {
    "meta_salvage_backup_created_timestamp_seconds": "",
    "meta_salvage_restore_drill_passed_timestamp_seconds": "",
    "meta_salvage_run_started_timestamp_seconds": ',runbook="deploy"',
}


def textfiles() -> dict[str, str]:
    """As the roles write them (roles/meta_salvage/tasks/metric.yml), and the numbers over incidents."""
    one = {"count": 1, "open": 1, "mttd": 60, "mtta": 120, "mttm": 300, "mttr": 900}
    text = prometheus_text({"severities": {"P0": one}, "all": one, "cancelled": 0})
    samples = {f"{name}.prom": f'{name}{{cluster="lab"{more}}} {time.time() - 60}\n' for name, more in METRICS.items()}
    return {**samples, "incidents.prom": text}


def test_every_panel_of_the_shipped_dashboards_shows_something(space: Lab, image: str) -> None:
    labels = {"app": "textfiles"}
    container = {
        "name": "textfiles", "image": image, "imagePullPolicy": "Never", "args": ["textfile"],
        "ports": [{"name": "metrics", "containerPort": 9100}], "volumeMounts": [{"name": "files", "mountPath": "/textfiles"}],
    }  # fmt: skip
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "files", "configMap": {"name": "textfiles"}}],
    }
    monitor = {"selector": {"matchLabels": labels}, "endpoints": [{"port": "metrics", "interval": "2s", "honorLabels": True}]}
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "data": textfiles()},
        {"apiVersion": "v1", "kind": "Pod", "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "spec": {"selector": labels, "ports": [{"name": "metrics", "port": 9100}]}},
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "spec": monitor},
    ]
    metadata = {"name": "textfiles", "namespace": SPACE, "labels": labels}
    prometheus = PrometheusApi(Routes({"kubeconfig": str(space.kubeconfig)}, 20.0).open(defaults.PROMETHEUS_URL))
    with space.applied(*({**one, "metadata": metadata} for one in objects)):
        panels = [
            (model["title"], panel["title"], target["expr"].replace("$namespace", NAMESPACE).replace("$__rate_interval", "1m"))
            for path in sorted(SHIPPED.glob("*.json"))
            for model in [json.loads(path.read_text())]
            for panel in model["panels"]
            for target in panel.get("targets", ())
        ]
        assert len(panels) > 30
        deadline = time.monotonic() + 120
        while True:
            empty = [one for one in panels if not any(sample.value is not None for sample in prometheus.query(one[2]))]
            if not empty or time.monotonic() > deadline:
                break
            # A rate needs requests, and two scrapes of them.
            space.kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/euystacio-api:8000/proxy/api/metrics/risk")
            time.sleep(2)
        assert empty == []
