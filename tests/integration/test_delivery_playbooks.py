# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The delivery runbooks as a user runs them, on real pods in a namespace of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease import Holder
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease_store import LeaseStore
from audit import checked
from cluster_lab import CHECKOUT, NAMESPACE, Lab, Run
from load import Load

sys.path.append(str(CHECKOUT))
from lab import build, versions

pytestmark = pytest.mark.lab

SPACE = "runbooks-test"
SECRET = "c2VjcmV0LWNvbnRlbnRz"
# A verdict in seconds: some 200 requests/s, and a harm that is told from none by few of them.
QUICK = {
    "deploy_window": 3,
    "deploy_interval": 1,
    "deploy_extend": 20,
    "deploy_prometheus_url": "",
    "deploy_judge": {"floor": 0.05, "harm": 10, "durations_metric": "", "check_thresholds": False},
}


@dataclass
class App:
    """A Deployment of the stand-in behind a Service, with a ConfigMap and a Secret that it reads."""

    lab: Lab
    name: str
    image: str
    folder: Path
    space: str = SPACE

    def objects(self, level: str = "info", deadline: int = 60, **container: Any) -> list[dict[str, Any]]:
        labels = {"app": self.name, "version": "blue"}
        meta = {"name": self.name, "namespace": self.space}
        container = {
            "name": "api",
            "image": self.image,
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}],
            "envFrom": [{"configMapRef": {"name": self.name}}, {"secretRef": {"name": self.name}}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            **container,
        }
        spec = {
            "replicas": 2,
            "progressDeadlineSeconds": deadline,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 2}},
        }
        port = {"name": "http", "port": 8000, "targetPort": "http"}
        return [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"LEVEL": level, "NOTE": "{{ kept }}"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"TOKEN": SECRET}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": [port]}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        ]

    def manifests(self, level: str = "info", **changes: Any) -> list[str]:
        """Two files: one JSON document, and several in YAML's form."""
        config, *others = self.objects(level, **changes)
        paths = [self.folder / "config.json", self.folder / "others.yaml"]
        paths[0].write_text(json.dumps(config))
        paths[1].write_text("# what it is made of\n---\n" + "\n---\n".join(json.dumps(one) for one in others))
        return [str(path) for path in paths]

    def start(self) -> None:
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": self.objects()})
        self.lab.kubectl("apply", "-f", "-", given=given)
        self.lab.kubectl("rollout", "status", f"deployment/{self.name}", "-n", self.space, "--timeout=120s")

    def deploy(self, **variables: Any) -> Run:
        return self.play("deploy", **{**QUICK, "deploy_record_dir": str(self.folder), **variables})

    def play(self, runbook: str, **variables: Any) -> Run:
        return self.lab.play(runbook, {f"{runbook}_name": self.name, f"{runbook}_namespace": self.space, **variables})

    def check(self, runbook: str, **variables: Any) -> Run:
        """In check mode: it asks the server and writes nothing."""
        run, events = checked(self.lab, runbook, {f"{runbook}_name": self.name, f"{runbook}_namespace": self.space, **variables})
        assert any("dryRun=All" in event["requestURI"] for event in events), run.output
        return run

    def get(self, kind: str) -> dict[str, Any]:
        return self.lab.get(kind, self.name, "-n", self.space)

    @property
    def runs(self) -> tuple[str, str, int]:
        """The image of its template, the level of its ConfigMap, and how many pods are ready."""
        deployment = self.get("deployment")
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        return image, self.get("configmap")["data"]["LEVEL"], deployment["status"].get("readyReplicas", 0)

    @property
    def incident(self) -> tuple[dict[str, Any], str]:
        """The last one, for programs and for people."""
        path = max(self.folder.glob("*.incident.json"))
        return json.loads(path.read_text()), path.with_suffix(".txt").read_text()


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    image = standin["spec"]["template"]["spec"]["containers"][0]["image"]
    one = App(lab, "app", image, tmp_path_factory.mktemp("deploy"))
    one.start()
    yield one
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def kustomize(folder: Path, manifests: list[str]) -> str:
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": [Path(path).name for path in manifests]}))
    return str(folder)


def test_a_good_change_is_shown_watched_and_recorded(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = build.binary(versions.load(), "kubectl")
    monkeypatch.setenv("PATH", f"{Path(kubectl).parent}{os.pathsep}{os.environ['PATH']}")
    change = {"deploy_kustomize": kustomize(app.folder, app.manifests("debug"))}
    check = app.check("deploy", **QUICK, **change)  # with --diff
    shown = app.check("deploy", **QUICK, **change, deploy_diff_values=True)
    assert (check.code, shown.code) == (0, 0), check.output + shown.output
    with Load(app.get("service")["spec"]["clusterIP"]):
        run = app.deploy(**change)
    assert run.code == 0, run.output
    # A value of a ConfigMap may be a credential.
    assert '-        "LEVEL": "(hidden)"' in check.output
    assert '+        "LEVEL": "(hidden, changed)"' in check.output
    assert '-        "LEVEL": "info"' in shown.output
    assert '+        "LEVEL": "debug"' in shown.output
    assert "LEVEL" not in run.output  # the user asks for the diff, or not
    assert all(SECRET not in output for output in (check.output, shown.output, run.output))
    assert app.runs == (app.image, "debug", 2)
    (record,) = app.folder.glob("deploy-*Z.json")
    assert json.loads(record.read_text())["verdict"] == "passed"


def test_a_bad_change_goes_back_with_its_config_and_leaves_a_summary(app: App) -> None:
    run = app.deploy(deploy_manifests=app.manifests("bad", command=["/nonsense"]))
    assert run.code != 0
    assert app.runs == (app.image, "debug", 2)
    incident, text = app.incident
    print(text)
    assert incident["step"] == "Wait for the rollout"
    assert "/nonsense" in str(incident["pods"][0]["events"])
    assert incident["revision_before"]["revision"] < incident["revision_failed"]["revision"]
    assert "ConfigMap/app" in incident["done"][-1]
    for words in (incident["run"], incident["failed"], incident["reason"], *incident["done"], *incident["pods"][0]["events"]):
        assert words in text
    assert SECRET not in run.output


def test_a_bad_config_alone_goes_back_too(app: App) -> None:
    run = app.deploy(deploy_manifests=app.manifests("quiet"), deploy_window=1, deploy_extend=0)
    assert run.code != 0
    assert app.incident[0]["verdict"] == "unknown", run.output
    assert app.runs == (app.image, "debug", 2)


def test_a_change_that_never_gets_ready_ends_at_the_progress_deadline(app: App) -> None:
    probe = {"httpGet": {"path": "/none", "port": "http"}, "periodSeconds": 1}
    run = app.deploy(deploy_manifests=app.manifests("debug", deadline=5, readinessProbe=probe))
    assert run.code != 0
    assert "the progress deadline passed" in app.incident[0]["reason"]
    assert app.runs == (app.image, "debug", 2)


def test_what_can_not_be_applied_takes_the_proof_from_nothing(app: App) -> None:
    run = app.deploy(deploy_manifests=app.manifests("bad", image=""))
    assert run.code != 0
    assert "Manifests that would change" in run.output
    assert "Manifests applied" not in run.output
    assert app.runs == (app.image, "debug", 2)
    assert app.play("rollback").code == 0


def test_a_quota_ends_it_before_anything_is_written(app: App) -> None:
    app.lab.kubectl("create", "quota", "full", "-n", SPACE, "--hard=pods=2")
    try:
        app.lab.kubectl("wait", "quota/full", "-n", SPACE, "--for=jsonpath={.status.used.pods}=2", "--timeout=120s")
        run = app.deploy(deploy_manifests=app.manifests("bad"))
        assert run.code != 0
        assert "quota full" in run.output
        scaled = app.play("scale", scale_replicas=5, scale_service=app.name)
        assert scaled.code != 0
        assert "quota full" in scaled.output
        assert app.runs == (app.image, "debug", 2)
    finally:
        app.lab.kubectl("delete", "quota", "full", "-n", SPACE)


def test_rollback_goes_to_what_was_proven_with_its_config(app: App) -> None:
    broken = json.dumps({"apiVersion": "v1", "kind": "List", "items": app.objects("bad", image="localhost/none:1")})
    app.lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=broken)
    check = app.check("rollback")
    assert check.code == 0, check.output
    assert app.runs[:2] == ("localhost/none:1", "bad")
    run = app.play("rollback")
    assert run.code == 0, run.output
    assert app.runs == (app.image, "debug", 2)
    assert "changed=0 " in app.play("rollback").output


def test_two_runs_at_once_are_kept_apart_by_a_lease(app: App) -> None:
    store = LeaseStore(Cluster.connect({"kubeconfig": str(app.lab.kubeconfig)}), "Deployment", SPACE, app.name)
    other = Holder("another/run", "alice@desk", "deploy", process_of(os.getpid()))
    assert store.take(other, 3600, take_over=False, dry_run=False).verdict == "free"
    before = app.get("deployment")["metadata"]["resourceVersion"]
    for refused in (app.play("scale", scale_replicas=3), app.deploy(deploy_manifests=app.manifests("warn"))):
        assert refused.code != 0
        assert f"Deployment {app.name} in {SPACE} is locked by alice@desk (deploy)" in refused.words
    assert app.get("deployment")["metadata"]["resourceVersion"] == before
    assert app.runs[1] != "warn"
    store.release(other, dry_run=False)
    with subprocess.Popen(["true"]) as ended:
        gone = Holder("killed/run", "bob@desk", "deploy", process_of(ended.pid))
    assert store.take(gone, 3600, take_over=False, dry_run=False).verdict == "free"
    taken_over = app.play("scale", scale_replicas=2, scale_service=app.name)  # the run that held it is dead
    assert taken_over.code == 0, taken_over.output
    assert "taken over from bob@desk" in taken_over.words
    assert json.loads(app.lab.kubectl("get", "leases", "-n", SPACE, "-o", "json"))["items"] == []


def test_scale_up_and_undone(app: App) -> None:
    wish = {"scale_replicas": 3, "scale_service": app.name}
    check = app.check("scale", **wish)
    assert (check.code, app.runs[2]) == (0, 2), check.output
    run = app.play("scale", **wish)
    assert (run.code, app.runs[2]) == (0, 3), run.output
    assert app.play("scale", scale_state="undone", scale_service=app.name).code == 0
    assert app.get("deployment")["spec"]["replicas"] == 2
