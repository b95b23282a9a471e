# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of two replicas of Prometheus, with a ConfigMap and of the operator: proven loaded, or refused, or taken back.

Monitoring is never blind meanwhile, and restarts keep samples and silences.
"""

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
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import config_task, restart_task, silence_task
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.run_identity import holder
from cluster_lab import CHECKOUT, Lab
from never_blind import never_blind
from own_prometheus import ALERTMANAGER, CONFIG, JOBS, OPERATED, URL, job, of_operator, replicas, running, with_config_map

pytestmark = pytest.mark.lab

BAD_CHANGES = int(os.environ.get("MONITORING_BAD_CHANGES", "2"))
PLAIN = "config-map-test"
CHILD = "from test_monitoring_changes import change_or_die; import json, sys; change_or_die(*json.loads(sys.argv[1]))"


@pytest.fixture(scope="module")
def plain(lab: Lab) -> Iterator[Lab]:
    with running(lab, PLAIN, with_config_map(lab, PLAIN)) as ready:
        yield ready


@pytest.fixture(scope="module")
def operated(lab: Lab) -> Iterator[Lab]:
    with running(lab, OPERATED, of_operator(lab, OPERATED)) as ready:
        yield ready


def change(kubeconfig: str, space: str, **options: Any) -> dict[str, Any]:
    given = {
        "kubeconfig": kubeconfig, "namespace": space, "prometheus_url": URL.format(space), "files": [], "wait": 90.0,
        "holder": holder({}, os.getpid()), **options,
    }  # fmt: skip

    def run_command(argv: list[str], data: str | None = None) -> tuple[int, str, str]:
        done = subprocess.run(argv, input=data, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return config_task.run(given, run_command, lambda name: None, check_mode=False)


def loaded(lab: Lab, space: str) -> list[str]:
    """The configuration that each replica shows."""
    return [one.data("/api/v1/status/config")["yaml"] for one in replicas(lab, space)]


def jobs_of(lab: Lab, space: str) -> list[list[str]]:
    return [[line.split()[-1] for line in text.splitlines() if "job_name:" in line] for text in loaded(lab, space)]


def test_a_configmap_is_loaded_by_one_replica_after_the_other(plain: Lab) -> None:
    where = str(plain.kubeconfig)
    result = change(where, PLAIN, config={**CONFIG, "scrape_configs": [*JOBS, job("three", scrape_interval="2s")]})
    assert result["changed"] and result["configured_by"]["kind"] == "configmap" and len(result["replicas"]) == 2
    assert jobs_of(plain, PLAIN) == [["one", "two", "three"]] * 2
    assert not change(where, PLAIN, config={**CONFIG, "scrape_configs": [*JOBS, job("three", scrape_interval="2s")]})["changed"]
    assert change(where, PLAIN, config=CONFIG, max_sample_drop=1.0)["changed"]


def test_scrape_configs_of_the_operator_are_loaded_by_both(operated: Lab) -> None:
    secret = job("three", basic_auth={"username": "u", "password": "hunter2hunter2"})
    result = change(str(operated.kubeconfig), OPERATED, config=[*JOBS, secret])
    assert result["changed"] and jobs_of(operated, OPERATED) == [["one", "two", "three"]] * 2
    assert "hunter2" not in json.dumps(result)
    assert change(str(operated.kubeconfig), OPERATED, config=json.dumps(JOBS), max_sample_drop=1.0)["changed"]


def rule(**more: Any) -> dict[str, Any]:
    rules = {"groups": [{"name": "g", "rules": [{"record": "own:one", **more}]}]}
    metadata = {"name": "own", "namespace": OPERATED}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": rules}


def twice() -> dict[str, Any]:
    found = rule(expr="vector(1)")
    found["spec"]["groups"] *= 2
    return found


UNCLOSED = [{"regex": "(", "action": "drop"}]
NONE = [{"regex": ".*", "action": "drop"}]
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "syntax": (PLAIN, {"config": "global: [\n"}, "is not YAML"),
    "unknown field": (PLAIN, {"config": {**CONFIG, "scrape_config": []}}, "unknown|not found in type"),
    "relabel regex": (PLAIN, {"config": {**CONFIG, "scrape_configs": [job("one", relabel_configs=UNCLOSED)]}}, "regex"),
    "rule that does not parse": (OPERATED, {"definitions": [rule(expr="sum(")]}, "promtool refuses the rules|parse error"),
    "duplicate group": (OPERATED, {"definitions": [twice()]}, "twice"),
    "too large": (PLAIN, {"config": "# " + "x" * 1_100_000}, "holds 1048576"),
    "too large for rules": (OPERATED, {"definitions": [rule(expr="vector(1)", labels={"x": "y" * 600_000})]}, "at most 524288"),
}  # fmt: skip
TAKEN_BACK: dict[str, tuple[str, dict[str, Any], str]] = {
    "drops every target": (
        PLAIN,
        {"config": {**CONFIG, "scrape_configs": [job("one", relabel_configs=NONE), job("two", relabel_configs=NONE)]}},
        "no target of one is up, and some were",
    ),
    "type error at run time": (OPERATED, {"definitions": [rule(expr="up * on() up")]}, "own:one fails"),
    "regex that only Prometheus refuses": (
        PLAIN,
        {"config": {**CONFIG, "scrape_configs": [*JOBS, job("three", relabel_configs=[{"regex": "\\pX", "action": "drop"}])]}},
        "its last reload failed",
    ),
    "drops every sample": (
        OPERATED,
        {"config": [job("one", metric_relabel_configs=NONE), job("two", metric_relabel_configs=NONE)]},
        "samples a second",
    ),
}


@pytest.fixture(scope="module")
def promtool(lab: Lab) -> str:
    return lab.lab("tool", "promtool").strip()


@pytest.mark.parametrize("with_promtool", [False, True], ids=["by lists", "by promtool"])
def test_what_is_refused_changes_nothing(plain: Lab, operated: Lab, promtool: str, with_promtool: bool) -> None:
    seen = [plain.kubectl("get", "configmap", "prometheus", "-n", PLAIN, "-o", "jsonpath={.data}")]
    # Without promtool the admission of the operator refuses the rule that does not parse.
    for space, options, words in REFUSED.values():
        with pytest.raises(SalvageError, match=words):
            change(str(plain.kubeconfig), space, promtool=promtool if with_promtool else None, **options)
    assert seen == [plain.kubectl("get", "configmap", "prometheus", "-n", PLAIN, "-o", "jsonpath={.data}")]
    assert plain.kubectl("get", "prometheusrules", "-n", OPERATED, "-o", "name").split() == [
        "prometheusrule.monitoring.coreos.com/watchdog"
    ]


@pytest.mark.parametrize("case", [case for number, case in enumerate(TAKEN_BACK) if number < BAD_CHANGES])
def test_what_is_taken_back_never_blinds_the_monitoring(plain: Lab, operated: Lab, case: str) -> None:
    space, options, words = TAKEN_BACK[case]
    before = loaded(plain, space)
    with never_blind(plain, space), pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before") as caught:
        change(str(plain.kubeconfig), space, **options)
    assert words in str(caught.value)
    assert loaded(plain, space) == before
    assert "meta-salvage" not in plain.kubectl("get", "secrets", "-n", space, "-o", "name").replace("meta-salvage-proof-key", "")


def change_or_die(kubeconfig: str, space: str, options: dict[str, Any], requests: int) -> None:
    """In a process of its own, which ends by signal 9 before its request of this number."""
    from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http  # noqa: PLC0415

    plain_request, count = Http.request, 0

    def request(self: Any, method: str, url: str, **how: Any) -> Any:
        nonlocal count
        count += 1
        if count >= requests:
            os.kill(os.getpid(), 9)
        return plain_request(self, method, url, **how)

    Http.request = request  # type: ignore[method-assign]
    change(kubeconfig, space, **options)
    print(count)


def test_of_two_runs_at_once_one_wins_and_the_other_says_why(plain: Lab) -> None:
    where = str(plain.kubeconfig)
    new = {"config": {**CONFIG, "scrape_configs": [*JOBS, job("three")]}}
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests/integration"), *sys.path])}
    child = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps([where, PLAIN, new, 10**6])], env=environ)
    deadline = time.monotonic() + 30
    while "meta-salvage" not in plain.kubectl("get", "leases", "-n", PLAIN, "-o", "name"):
        assert time.monotonic() < deadline and child.poll() is None
    with pytest.raises(SalvageError, match=f"ConfigMap prometheus in {PLAIN} is locked by") as caught:
        change(where, PLAIN, config=CONFIG)
    assert caught.value.reason == "conflict"
    assert child.wait(90) == 0
    assert jobs_of(plain, PLAIN) == [["one", "two", "three"]] * 2
    assert change(where, PLAIN, config=CONFIG, max_sample_drop=1.0)["changed"]


def restarted(lab: Lab, component: str, url: str, **options: Any) -> dict[str, Any]:
    given = {"kubeconfig": str(lab.kubeconfig), "component": component, "url": url, "wait": 120.0, "holder": holder({}, os.getpid())}
    return restart_task.run({**given, **options}, check_mode=False)


def starts(lab: Lab, prefix: str) -> dict[str, tuple[str, int]]:
    """The pods by name: uid, and how often their containers were started again."""
    found = {}
    for pod in lab.get("pods", "-n", OPERATED)["items"]:
        if pod["metadata"]["name"].startswith(prefix):
            count = sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
            found[pod["metadata"]["name"]] = (pod["metadata"]["uid"], count)
    return found


def test_prometheus_is_never_blind_and_keeps_its_samples(operated: Lab) -> None:
    before = starts(operated, "prometheus")
    series = [one.query("count(count_over_time(up[10m]))")[0].value for one in replicas(operated, OPERATED)]
    with never_blind(operated, OPERATED):
        done = restarted(operated, "prometheus", URL.format(OPERATED))
    assert [one["method"] for one in done["replicas"]] == ["container", "container"]
    after = starts(operated, "prometheus")
    assert {name: (uid, count + 1) for name, (uid, count) in before.items()} == after
    # The oldest samples are there, because only the containers were restarted.
    assert [one.query("count(count_over_time(up[10m]))")[0].value for one in replicas(operated, OPERATED)] == series


def test_the_silences_of_alertmanager_stay(operated: Lab) -> None:
    given = {
        "kubeconfig": str(operated.kubeconfig), "alertmanager_url": ALERTMANAGER, "matchers": ["alertname=Restart"], "creator": "the test",
        "duration": 600,
    }  # fmt: skip
    silence_task.run(given, check_mode=False)
    with never_blind(operated, OPERATED):
        done = restarted(operated, "alertmanager", ALERTMANAGER)
    assert [one["method"] for one in done["replicas"]] == ["container", "container"]
    counted = [
        re.search(r"1 silences before, 1 after; notification log: (\d+) entries before, (\d+) after", note) for note in done["notes"]
    ]
    assert len(counted) == 2 and all(found and int(found[2]) >= max(int(found[1]), 1) for found in counted), done["notes"]
    assert not silence_task.run(given, check_mode=False)["changed"]


def test_pods_can_be_replaced_too_and_what_goes_with_them_is_said(operated: Lab) -> None:
    before = starts(operated, "prometheus")
    done = restarted(operated, "prometheus", URL.format(OPERATED), method="pod")
    assert {uid for uid, _count in before.values()}.isdisjoint({uid for uid, _count in starts(operated, "prometheus").values()})
    assert len([note for note in done["notes"] if "stored its data in the pod, so that is gone" in note]) == 2
