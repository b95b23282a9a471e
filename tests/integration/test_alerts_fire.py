# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each shipped alert fires in the lab's Prometheus for its real cause, and resolves after it: a copy of the rules with short times.

The times themselves, and the texts, are for promtool in test_alert_rules.py.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import defaults
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from cluster_lab import CHECKOUT, NAMESPACE, Lab

sys.path.append(str(CHECKOUT))
from tools import alert_rules

pytestmark = pytest.mark.lab

SPACE = "alerts-test"
API, OPA, FILES, NOBODY = "euystacio-api", "opa-service", "textfiles", "nobody"
# The kubelet's metrics come every ten seconds.
WINDOWS = {"5m": "10s", "30m": "15s", "1h": "15s", "2h": "20s", "6h": "20s", "1d": "25s", "3d": "30s"}
CPU_WINDOW = "40s"
# The kubelet gives its metrics with their times, so Prometheus sees those of a pod that has gone for five minutes.
PATIENCE = 450
BARE = re.compile(
    r"\b(qek_value|hvar_value|ethisches_ideal_value|symbiosis_score|peace_bonds_violations_total|meta_salvage_[a-z_]+_seconds|up)\b(\{)?(?!\()"
)


def short(rules: dict[str, Any]) -> dict[str, Any]:
    """In the test's namespace, with short times, and of a severity that pages nobody."""

    def here(found: re.Match[str]) -> str:
        return f'{found[1]}{{namespace="{SPACE}"{", " if found[2] else "}"}'

    for group in rules["spec"]["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            expr = rule["expr"].replace(f'namespace="{NAMESPACE}", ', "").replace(f', namespace="{NAMESPACE}"', "")
            expr = re.sub(r"\b(http_requests_total|container_[a-z_]+)\{", rf'\1{{namespace="{SPACE}", ', BARE.sub(here, expr))
            windows = dict.fromkeys(WINDOWS, CPU_WINDOW) if "container_" in expr else WINDOWS
            for window, brief in windows.items():
                expr = expr.replace(f"[{window}]", f"[{brief}]").replace(f"offset {window}", f"offset {brief}")
            rule["expr"] = expr.replace("meta_salvage:", "alerts_test:")
            if "alert" in rule:
                rule |= {"for": "1s" if "for" in rule else "0s", "labels": {**rule["labels"], "severity": "none", "copy": SPACE}}
            else:
                rule["record"] = rule["record"].replace("meta_salvage:", "alerts_test:")
    return {**rules, "metadata": {"name": rules["metadata"]["name"], "namespace": SPACE}}


def program(name: str, image: str, port: int, replicas: int = 1, **container: Any) -> list[dict[str, Any]]:
    """A pod that Prometheus scrapes every second."""
    labels = {"app": name}
    inside = {
        "name": name, "image": image, "imagePullPolicy": "Never", "ports": [{"name": "metrics", "containerPort": port}],
        "resources": {"requests": {"cpu": "30m", "memory": "32Mi"}, "limits": {"cpu": "30m", "memory": "128Mi"}}, **container,
    }  # fmt: skip
    pod = {"terminationGracePeriodSeconds": 0, "containers": [inside], "volumes": [{"name": "files", "emptyDir": {}}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    endpoint = {"port": "metrics", "interval": "1s"}
    specs: list[tuple[str, str, dict[str, Any]]] = [
        ("apps/v1", "Deployment", {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}),
        ("v1", "Service", {"selector": labels, "ports": [{"name": "metrics", "port": port}]}),
        ("monitoring.coreos.com/v1", "ServiceMonitor", {"selector": {"matchLabels": labels}, "endpoints": [endpoint]}),
    ]
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return [{"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec} for version, kind, spec in specs]


@dataclass
class Field:
    lab: Lab
    prometheus: PrometheusApi
    api: Endpoint

    def faults(self, **switches: Any) -> None:
        assert self.api.post_json("/_fault", switches).status == 200

    def firing(self) -> set[str]:
        """Requests too, for the rates of them."""
        for _count in range(5):
            self.api.request("GET", "/api/metrics/risk")
        found = self.prometheus.query(f'ALERTS{{alertstate="firing", copy="{SPACE}"}}')
        return {one.labels["alertname"] for one in found}

    def until(self, seen: Callable[[set[str]], bool], what: str, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not seen(now := self.firing()):
            assert time.monotonic() < deadline, f"{what}; firing: {sorted(now)}"
            time.sleep(0.5)

    def file(self, **ages: float | None) -> None:
        """Textfile metrics of these ages in seconds; None for 0, no run."""
        names = {
            "backup": ("meta_salvage_backup_created_timestamp_seconds", ""),
            "drill": ("meta_salvage_restore_drill_passed_timestamp_seconds", ""),
            "deploy": ("meta_salvage_run_started_timestamp_seconds", ',runbook="deploy"'),
        }
        lines = [
            f'{names[name][0]}{{cluster="lab"{names[name][1]}}} {0 if age is None else time.time() - age}' for name, age in ages.items()
        ]
        write = "\n".join(["cat > /textfiles/new <<'END'", *lines, "END", "mv /textfiles/new /textfiles/a.prom"])
        self.lab.kubectl("exec", "-n", SPACE, f"deployment/{FILES}", "--", "sh", "-c", write)

    def scale(self, replicas: int, *names: str) -> None:
        self.lab.kubectl("scale", "-n", SPACE, f"--replicas={replicas}", *(f"deployment/{name}" for name in names))
        if replicas:
            for name in names:
                self.lab.kubectl("rollout", "status", f"deployment/{name}", "-n", SPACE, "--timeout=90s")


@pytest.fixture(scope="module")
def field(lab: Lab) -> Iterator[Field]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    image = str(lab.get("deployment", API, "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"])
    files = {"args": ["textfile"], "volumeMounts": [{"name": "files", "mountPath": "/textfiles"}]}
    objects = [*program(API, image, 8000), *program(OPA, image, 9100, args=["textfile"]), *program(FILES, image, 9100, **files)]
    # A target of Prometheus where nothing listens, once it has a pod.
    objects += program(NOBODY, image, 9100, replicas=0, args=["textfile"], env=[{"name": "LISTEN", "value": ":9999"}])
    rules = [short(yaml.safe_load(path.read_text())) for path in sorted(alert_rules.RULES.glob("*.yaml"))]
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects, *rules]}))
    for name in (API, OPA, FILES):
        lab.kubectl("rollout", "status", f"deployment/{name}", "-n", SPACE, "--timeout=90s")
    routes = Routes({"kubeconfig": str(lab.kubeconfig)}, 20.0)
    found = Field(lab, PrometheusApi(routes.open(defaults.PROMETHEUS_URL)), routes.open(f"service://{SPACE}/{API}:8000"))
    found.file(backup=60, drill=60, deploy=None)
    # Loaded, and nothing is wrong: only the alert that fires always.
    found.until(lambda now: now == {"Watchdog"}, "more than the Watchdog fires, or not even that")
    yield found
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


OF_METRICS = {one for one in (rule.get("alert", "") for rule in alert_rules.all_rules()) if re.match("QEK|HVAR|Ethisches|Symbiosis", one)}
BAD_VALUES = {"QEK": 0.82, "H_VAR": 0.12, "ETHISCHES_IDEAL": 0.9, "SYMBIOSIS": 0.4}
UNKNOWN = {one for one in OF_METRICS if one.endswith("Unknown")}


def grown(field: Field) -> None:
    """Memory above its limit for the alert, and held there."""
    field.faults(leak_mb_per_second=8)
    deadline = time.monotonic() + 60
    while True:
        text = field.api.request("GET", "/metrics").body.decode()
        if float(re.findall(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)[0]) > 0.88 * 128 * 1024**2:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    field.faults(leak_mb_per_second=None)


CAUSES: dict[str, tuple[set[str], Callable[[Field], None], Callable[[Field], None]]] = {
    "metrics out of their limits": (OF_METRICS - UNKNOWN, lambda f: f.faults(metrics=BAD_VALUES), lambda f: f.faults(metrics=None)),
    "metrics that are missing": (UNKNOWN, lambda f: f.faults(missing=list(BAD_VALUES)), lambda f: f.faults(missing=None)),
    "violations": (
        {"PeaceBondsPolicyViolation"},
        lambda f: f.faults(metrics={"peace_bonds_violations_total": 9}),
        lambda f: None,
    ),
    "failed requests": (
        {"ErrorBudgetBurnFast", "ErrorBudgetBurnMedium", "ErrorBudgetBurnSlow", "ErrorBudgetBurnSteady"},
        lambda f: f.faults(error_rate=0.5),
        lambda f: f.faults(error_rate=None),
    ),
    "a target that is down": ({"PrometheusTargetDown"}, lambda f: f.scale(1, NOBODY), lambda f: f.scale(0, NOBODY)),
    "an old backup, an old drill and a run without an end": (
        {"BackupTooOld", "RestoreDrillTooOld", "RunDidNotEnd"},
        lambda f: f.file(backup=93_700, drill=691_300, deploy=7_300),
        lambda f: f.file(backup=60, drill=60, deploy=None),
    ),
    "no file of a backup": (
        {"BackupTooOld", "RestoreDrillTooOld"},
        lambda f: f.file(deploy=None),
        lambda f: f.file(backup=60, drill=60, deploy=None),
    ),
    "a deployment": (
        {"DeployInProgress"},
        lambda f: f.file(backup=60, drill=60, deploy=1),
        lambda f: f.file(backup=60, drill=60, deploy=None),
    ),
    "CPU": ({"HighCPUUsage"}, lambda f: f.faults(cpu_cores=0.3), lambda f: f.faults(cpu_cores=None)),
    "memory": ({"HighMemoryUsage"}, grown, lambda f: (f.scale(0, API), f.scale(1, API))[1]),
    "no pods": (
        {"EuystacioApiDown", "OPADown", "ResourceUsageUnknown"},
        lambda f: f.scale(0, API, OPA, FILES),
        lambda f: (f.scale(1, API, OPA, FILES), f.file(backup=60, drill=60, deploy=None))[1],
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_an_alert_fires_for_its_cause_and_resolves_after_it(field: Field, cause: str) -> None:
    alerts, begin, end = CAUSES[cause]
    try:
        begin(field)
        field.until(lambda now: alerts <= now, f"not all of {sorted(alerts)} fire")
    finally:
        end(field)
    field.until(lambda now: now == {"Watchdog"}, f"{sorted(alerts)} do not resolve")


def test_every_shipped_alert_has_a_cause() -> None:
    caused = {alert for alerts, _begin, _end in CAUSES.values() for alert in alerts}
    assert {rule["alert"] for rule in alert_rules.all_rules() if "alert" in rule} == {*caused, "Watchdog"}
