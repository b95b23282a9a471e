# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook deploy the first time, and ended by signal 9 wherever it is: the next run gets there all the same.

DELIVERY_DEPLOY_KILLS sets how often it is killed.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.watch import Watch
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.revisions import current_revision
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.workload import RETURNING, path_of
from cluster_lab import NAMESPACE, Lab, Run
from deployed_app import NAME, QUICK
from load import Load

pytestmark = pytest.mark.lab

SPACE = "deploy-test"
KILLS = int(os.environ.get("DELIVERY_DEPLOY_KILLS", "2"))
SEED = int(os.environ.get("DELIVERY_DEPLOY_SEED", "1"))
JUDGE = {"floor": 0.05, "harm": 10, "durations_metric": "", "check_thresholds": False}
# What can change: the template, the ConfigMap that it reads, both; or one of them for the worse.
CHANGES = {
    "template": (True, False, {}),
    "config": (False, True, {}),
    "both": (True, True, {}),
    "bad template": (True, True, {"command": ["/nonsense"]}),
    "bad config": (False, True, {"error_rate": 1}),
}


@dataclass(frozen=True)
class Version:
    """What the pods shall run: a value of their template, and one of their ConfigMap, which they tell among their metrics."""

    template: int = 0
    config: int = 0


@dataclass
class App:
    lab: Lab
    cluster: Cluster
    image: str
    folder: Path

    def manifest(self, version: Version, worse: dict[str, Any]) -> str:
        labels = {"app": NAME}
        meta = {"name": NAME, "namespace": SPACE}
        faults: dict[str, Any] = {"metrics": {"symbiosis_score": version.config}, "drain_seconds": 0.5}
        if "error_rate" in worse:
            faults["error_rate"] = worse["error_rate"]
        container = {
            "name": "api",
            "image": self.image,
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}],
            "env": [{"name": "TEMPLATE", "value": str(version.template)}],
            "envFrom": [{"configMapRef": {"name": NAME}}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            **({"command": worse["command"]} if "command" in worse else {}),
        }
        spec = {
            "replicas": 2,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 2}},
        }
        port = {"name": "http", "port": 8000, "targetPort": "http"}
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": [port]}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"FAULTS": json.dumps(faults)}},
        ]
        path = self.folder / "manifest.yaml"
        path.write_text("\n---\n".join(json.dumps(one) for one in objects))
        return str(path)

    def variables(self, version: Version, worse: dict[str, Any]) -> dict[str, Any]:
        return {
            **QUICK,
            "deploy_namespace": SPACE,
            "deploy_judge": JUDGE,
            "deploy_record_dir": str(self.folder),
            "deploy_manifests": [self.manifest(version, worse)],
        }

    def deploy(self, version: Version, worse: dict[str, Any]) -> Run:
        return self.lab.play("deploy", self.variables(version, worse))

    @property
    def workload(self) -> Workload:
        return Workload(self.cluster, "Deployment", SPACE, NAME)

    def runs(self) -> Version:
        """What the pods say that they run; they must agree, and be proven good."""
        progress = self.workload.progress()
        assert progress.status == "complete", progress
        revision = current_revision(self.workload.revisions())
        assert revision is not None
        assert revision.proven, revision
        told = set()
        for pod in progress.pods:
            path = f"{path_of('Pod', SPACE, pod['metadata']['name'])}:8000/proxy/metrics"
            found = re.search(r"^symbiosis_score (\S+)$", self.cluster.call("GET", path).body.decode(), re.MULTILINE)
            assert found
            template = next(one["value"] for one in pod["spec"]["containers"][0]["env"] if one["name"] == "TEMPLATE")
            told.add(Version(int(template), round(float(found[1]))))
        (version,) = told
        return version


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    image = standin["spec"]["template"]["spec"]["containers"][0]["image"]
    cluster = Cluster.connect({"kubeconfig": str(lab.kubeconfig)}, timeout=10)
    yield App(lab, cluster, image, tmp_path_factory.mktemp("deploy"))
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_the_first_deployment_passes_on_what_there_is_and_says_that_nothing_ran_before(app: App) -> None:
    run = app.deploy(Version(), {})
    assert run.code == 0, run.output
    assert app.runs() == Version()
    (path,) = app.folder.glob("deploy-*Z.json")
    record = json.loads(path.read_text())
    assert (record["verdict"], record["baseline"]["source"]) == ("passed", "none: nothing ran before")
    assert "few trials" in record["reason"]  # nobody sent it a request
    again = app.deploy(Version(), {})
    assert (again.code, "changed=0 " in again.output) == (0, True), again.output


def test_each_look_is_shown_while_the_bake_goes_on(app: App, lab: Lab) -> None:
    record, playbook = app.folder / "watched.json", app.folder / "watch.yml"
    watch = {
        "name": NAME,
        "namespace": SPACE,
        "window": 600,
        "interval": 1,
        "prometheus_url": "",
        "check_thresholds": False,
        "without_baseline": True,
        "record_path": str(record),
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{"euystacio.meta_salvage.bake": watch}]}
    playbook.write_text(json.dumps([{**play, "vars": {"ansible_python_interpreter": sys.executable}}]))
    with lab.playing(str(playbook), {}, output=subprocess.PIPE) as run:
        assert run.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("bake [localhost]: 2/600 s, 0 requests, 0 errors"):
            lines.append(run.stdout.readline())
            assert lines[-1], f"it ended first: {lines}"
        assert run.poll() is None
        assert not record.exists()


class Endpoints:
    """How many endpoints of the Service were ready, at the worst."""

    def __init__(self, cluster: Cluster) -> None:
        query = {"labelSelector": f"kubernetes.io/service-name={NAME}"}
        self._watch = Watch(cluster, {"slices": (path_of("EndpointSlice", SPACE), query)})
        self.fewest = 99
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _look(self, scene: Any) -> bool | None:
        ready = [one for found in scene["slices"].values() for one in found.get("endpoints") or [] if one["conditions"].get("ready")]
        self.fewest = min(self.fewest, len(ready))
        return True if self._stop.is_set() else None

    def _run(self) -> None:
        with self._watch:
            self._watch.wait(self._look, time.monotonic() + 24 * 3600)

    def __enter__(self) -> Endpoints:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()


def ended_within(run: subprocess.Popen[str], seconds: float) -> int | None:
    try:
        return run.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def test_a_run_that_is_killed_is_finished_by_the_next(app: App, lab: Lab) -> None:
    app.deploy(Version(), {})
    rng = random.Random(SEED)
    address = lab.get("service", NAME, "-n", SPACE)["spec"]["clusterIP"]
    with Load(address, workers=2), Endpoints(app.cluster) as endpoints:
        began = time.monotonic()
        run = app.deploy(good := Version(1, 1), {})  # under load, so that there is something to compare with
        assert (run.code, app.runs()) == (0, good), run.output
        takes = time.monotonic() - began
        for n in range(2, KILLS + 2):
            what = rng.choice(list(CHANGES))
            template, config, worse = CHANGES[what]
            aim = Version(n if template else good.template, n if config else good.config)
            after = rng.uniform(0.5, takes)
            with lab.playing("deploy", app.variables(aim, worse)) as one:
                code = ended_within(one, after)
            print(f"{n - 1}: {what}, {f'killed after {after:.1f} s' if code is None else f'done with {code}'}", flush=True)
            began = time.monotonic()
            run = app.deploy(aim, worse)
            takes = time.monotonic() - began
            assert (run.code == 0) == (not worse), run.output
            good = good if worse else aim
            assert app.runs() == good, run.output
            assert RETURNING not in app.workload.read()["metadata"]["annotations"]
            for path in app.folder.glob("*.json"):
                json.loads(path.read_text())
            assert not list(app.folder.glob("*.tmp*"))
    assert endpoints.fewest >= 2
