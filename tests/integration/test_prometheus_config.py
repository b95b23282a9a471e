# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules in the lab's Prometheus: proven loaded, taken back when they fail, and after a kill -9."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import defaults
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import config_task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.run_identity import holder
from cluster_lab import CHECKOUT, NAMESPACE, Lab

sys.path.append(str(CHECKOUT))
from tools import alert_rules

pytestmark = pytest.mark.lab

SPACE = "rules-test"
CHILD = "from test_prometheus_config import change; import json, sys; change(*json.loads(sys.argv[1]))"


@pytest.fixture(scope="module")
def space(lab: Lab) -> Iterator[Lab]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    yield lab
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def rules(name: str, **expressions: str) -> dict[str, Any]:
    """Recording rules: an alert would be seen by other tests."""
    groups = [{"name": name, "rules": [{"record": f"rules_test:{record}", "expr": expr} for record, expr in expressions.items()]}]
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": {"groups": groups}}


def change(kubeconfig: str, definitions: list[Any], check_mode: bool = False) -> dict[str, Any]:
    given = {"kubeconfig": kubeconfig, "definitions": definitions, "files": [], "wait": 90.0, "holder": holder({}, os.getpid())}
    return config_task.run(given, lambda argv, **how: (1, "", ""), lambda name: None, check_mode=check_mode)


def test_a_change_is_loaded_once_and_a_bad_one_is_taken_back(space: Lab) -> None:
    where = str(space.kubeconfig)
    good = rules("one", sum="sum by(job) (up)  > 0.10", jobs="count(up)")
    assert change(where, [good], check_mode=True)["counts"]["created"] == 1
    done = change(where, [good])
    assert done["changed"] and done["replicas"][0]["failing"] == {}
    assert not change(where, [good])["changed"]
    # A type error that only an evaluation finds.
    with pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before") as caught:
        change(where, [rules("one", sum="up * on() up", jobs="count(up)"), rules("two", a="vector(1)")])
    assert "one/rules_test:sum fails" in str(caught.value)
    listed = json.loads(space.kubectl("get", "prometheusrules", "-n", SPACE, "-o", "json"))["items"]
    assert [(one["metadata"]["name"], one["spec"]) for one in listed] == [("one", good["spec"])]


def test_what_a_killed_run_left_is_taken_back_by_the_next(space: Lab) -> None:
    """Of the rules that the test before this one has loaded."""
    where = str(space.kubeconfig)
    half = [rules("one", sum="vector(2)", jobs="count(up)"), rules("new", a="vector(3)")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests/integration"), *sys.path])}
    child = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps([where, half])], env=environ)
    listed = ("get", "prometheusrules", "-n", SPACE, "-o", "jsonpath={.items[*].spec.groups[*].rules[*].expr}")
    until = time.monotonic() + 60
    while "vector(2)" not in space.kubectl(*listed):
        assert time.monotonic() < until and child.poll() is None
    child.kill()
    child.wait()
    result = change(where, [rules("one", sum="sum by(job) (up)  > 0.10", jobs="count(up)")])
    assert result["notes"] and "left half done" in result["notes"][0]
    assert space.kubectl(*listed) == "sum by(job) (up)  > 0.10 count(up)"
    assert "prometheus-config" not in space.kubectl("get", "secrets", "-n", "monitoring", "-o", "name")


def test_the_shipped_alerts_find_their_metrics_on_the_lab(space: Lab) -> None:
    """Each expression is evaluated without an error, and what must not be absent is there, under the names that the lab has."""
    prometheus = PrometheusApi(Routes({"kubeconfig": str(space.kubeconfig)}, 20.0).open(defaults.PROMETHEUS_URL))
    found = {rule.get("alert") or rule["record"]: prometheus.query(rule["expr"]) for rule in alert_rules.all_rules()}
    assert found["Watchdog"]
    deadline = time.monotonic() + 180  # a rate needs requests between two scrapes
    for name in ("container_memory:ratio_of_limit", "requests:error_ratio_rate5m"):
        expr = next(rule["expr"] for rule in alert_rules.all_rules() if rule.get("record") == f"meta_salvage:{name}")
        while not prometheus.query(expr):
            assert time.monotonic() < deadline, name
            space.kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/euystacio-api:8000/proxy/api/metrics/risk")
            time.sleep(1)
    needed = {one for rule in alert_rules.all_rules() for one in re.findall(r"absent\(([^()]+)\)", rule["expr"])}
    # Nobody writes metrics of backups and drills here.
    assert {one for one in needed if not prometheus.query(one)} == {
        "meta_salvage:backup:age_seconds",
        "meta_salvage:restore_drill:age_seconds",
    }
