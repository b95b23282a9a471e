# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery on real controllers, kubelet and kube-proxy, in a namespace of its own.

DELIVERY_SWITCHES, DELIVERY_RACES and DELIVERY_KILLS set how often the heavy ones go round, DELIVERY_REQUESTS how many requests at least.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, must_read, read, update
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.watch import list_all
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.bake import Bake, Baseline, Plan, Sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.counters import Signals
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import Counts, Rule
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.sources import PodSource, PrometheusSource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.colours import Journal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.gates_seen import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.old_colour import Ending
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.switch import BlueGreen
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weighted import Weighted
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.task import RolloutOptions, perform
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.scaling.run import Wish, scale, undo
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.workload import path_of
from cluster_lab import NAMESPACE, Lab
from load import Load
from stumbling import Stumbling

pytestmark = pytest.mark.lab

SPACE = "delivery-test"
SWITCHES = int(os.environ.get("DELIVERY_SWITCHES", "10"))
REQUESTS = int(os.environ.get("DELIVERY_REQUESTS", "0"))
RACES = int(os.environ.get("DELIVERY_RACES", "10"))
KILLS = int(os.environ.get("DELIVERY_KILLS", "5"))
ASKED: dict[str, Any] = {"run": "test", "timeout": 120.0, "log_lines": 5}
QUICK = Settings(run="test", stability=0.2, settle=0.2, bake=1, timeout=120)


class App:
    """A Deployment of the stand-in behind a Service."""

    def __init__(self, cluster: Cluster, image: str, name: str) -> None:
        self.cluster, self.image, self.name = cluster, image, name
        self.workload = Workload(cluster, "Deployment", SPACE, name)

    def deployment(self, version: str = "blue", replicas: int = 2) -> dict[str, Any]:
        labels = {"app": self.name, "version": version}
        container = {
            "name": "api",
            "image": self.image,
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}],
            "envFrom": [{"configMapRef": {"name": self.name}}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }
        return {
            "metadata": {"name": self.name, "namespace": SPACE, "annotations": {"team": "ours"}},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}},
            },
        }

    def start(self) -> None:
        create(self.cluster, path_of("ConfigMap", SPACE), {"metadata": {"name": self.name, "namespace": SPACE}, "data": {"LEVEL": "info"}})
        create(self.cluster, path_of("Deployment", SPACE), self.deployment())
        ports = [{"name": "http", "port": 8000, "targetPort": "http"}]
        service = {"metadata": {"name": self.name}, "spec": {"selector": {"app": self.name, "version": "blue"}, "ports": ports}}
        create(self.cluster, path_of("Service", SPACE), service)
        progress = self.workload.wait(120)
        assert progress.status == "complete", progress.reason

    def stop(self) -> None:
        for name in (self.name, f"{self.name}-green"):
            delete(self.cluster, path_of("Deployment", SPACE, name))
        for name in (self.name, f"{self.name}-preview"):
            delete(self.cluster, path_of("Service", SPACE, name))
        delete(self.cluster, path_of("HorizontalPodAutoscaler", SPACE, self.name))

    def change(self, **fields: Any) -> None:
        def decide(obj: dict[str, Any]) -> dict[str, Any]:
            container = {**obj["spec"]["template"]["spec"]["containers"][0], **fields}
            return {"spec": {"template": {"spec": {"containers": [container]}}}}

        update(self.cluster, self.workload.path, decide)

    def perform(self, **asked: Any) -> Any:
        return perform(self.workload, RolloutOptions(**{**ASKED, **asked}), check_mode=False)

    def switch(self, run: str = "test") -> BlueGreen:
        return BlueGreen(self.cluster, SPACE, self.name, settings=Settings(**{**QUICK.__dict__, "run": run}))

    @property
    def colour(self) -> str:
        return str(must_read(self.cluster, path_of("Service", SPACE, self.name))["spec"]["selector"]["version"])


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Iterator[Cluster]:
    session = Cluster.connect({"kubeconfig": str(lab.kubeconfig)}, timeout=10)
    path = f"/api/v1/namespaces/{SPACE}"
    delete(session, path)
    while read(session, path) is not None:
        time.sleep(0.2)
    create(session, "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    yield session
    delete(session, path)


@pytest.fixture
def app(cluster: Cluster) -> Iterator[App]:
    standin = must_read(cluster, path_of("Deployment", NAMESPACE, "euystacio-api"))
    one = App(cluster, standin["spec"]["template"]["spec"]["containers"][0]["image"], f"a{uuid.uuid4().hex[:6]}")
    one.start()
    yield one
    one.stop()


BROKEN: dict[str, dict[str, Any]] = {
    "not present": {"image": "localhost/none:1"},
    "RunContainerError": {"command": ["/nonsense"]},
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_change_that_can_not_come_up_ends_at_once_and_is_rolled_back(app: App, words: str) -> None:
    assert app.perform(record="passed")["recorded"]["proven"]
    app.change(**BROKEN[words])
    result = app.perform()
    assert result["failed"]
    assert words in result["msg"]
    assert result["explanation"][0]["events"]
    back = app.perform(state="rolled_back")
    assert back["rollout"]["status"] == "complete"
    assert must_read(app.cluster, app.workload.path)["metadata"]["annotations"]["team"] == "ours"
    assert not app.perform(state="rolled_back")["changed"]


def test_a_secret_that_comes_seconds_later_is_waited_for(app: App) -> None:
    name = f"{app.name}-late"
    app.change(envFrom=[{"secretRef": {"name": name}}])
    secret = {"metadata": {"name": name}, "stringData": {"PASSWORD": "later"}}
    timer = threading.Timer(8, lambda: create(app.cluster, path_of("Secret", SPACE), secret))
    timer.start()
    result = app.perform()
    timer.join()
    assert result["rollout"]["status"] == "complete", json.dumps(result)


def test_a_change_that_never_gets_ready_ends_at_the_progress_deadline(app: App) -> None:
    app.perform(record="passed")
    update(app.cluster, app.workload.path, lambda obj: {"spec": {"progressDeadlineSeconds": 3}})
    app.change(readinessProbe={"httpGet": {"path": "/none", "port": "http"}, "periodSeconds": 1})
    result = app.perform()
    assert "the progress deadline passed" in result["msg"]
    assert app.perform(state="rolled_back")["rollout"]["status"] == "complete"


def test_a_crash_loop_tells_the_last_words(app: App) -> None:
    app.change(env=[{"name": "FAULTS", "value": '{"crash": 3}'}])
    result = app.perform()
    assert result["failed"]
    assert "exit code 3" in result["msg"]


def test_a_quota_is_told_by_the_rollout_and_kept_by_scale(app: App) -> None:
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
    create(app.cluster, f"/api/v1/namespaces/{SPACE}/resourcequotas", quota)
    try:
        app.change(env=[{"name": "X", "value": "1"}])
        assert "exceeded quota" in app.perform()["msg"]
        with pytest.raises(SalvageError, match="quota q"):
            scale(app.workload, Wish(replicas=5), dry_run=False)
    finally:
        delete(app.cluster, f"/api/v1/namespaces/{SPACE}/resourcequotas/q")


def test_a_quota_that_old_pods_still_use_is_waited_for(app: App) -> None:
    """Each new pod is refused until the old one is gone, and tried again some time later."""
    rolling = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}}
    update(app.cluster, app.workload.path, lambda obj: {"spec": {"strategy": rolling}})
    app.change(lifecycle={"preStop": {"sleep": {"seconds": 4}}})  # of a grace period of 5 s
    assert app.perform()["rollout"]["status"] == "complete"
    path = f"/api/v1/namespaces/{SPACE}/resourcequotas"
    used = sum(1 for pod in list_all(app.cluster, path_of("Pod", SPACE))[0].values() if not pod["metadata"].get("deletionTimestamp"))
    create(app.cluster, path, {"metadata": {"name": "tight"}, "spec": {"hard": {"pods": str(used)}}})
    try:
        app.change(env=[{"name": "X", "value": "1"}])
        result = app.perform()
        assert result["rollout"]["status"] == "complete", json.dumps(result)
    finally:
        delete(app.cluster, f"{path}/tight")


def test_a_config_comes_back_with_its_revision(app: App) -> None:
    app.perform(record="passed")
    path = path_of("ConfigMap", SPACE, app.name)
    update(app.cluster, path, lambda obj: {"data": {"LEVEL": "debug", "NEW": "1"}})
    app.perform(state="restarted")
    assert app.perform(state="rolled_back")["contents"] == [f"ConfigMap/{app.name}"]
    assert must_read(app.cluster, path)["data"] == {"LEVEL": "info"}
    assert not app.perform(state="rolled_back")["changed"]


def test_a_manifest_can_not_prove_its_own_revision(app: App) -> None:
    """The controller copies the annotation to the ReplicaSet, and overwrites what is there at each of its visits."""
    claim = {"meta-salvage.euystacio/proven": json.dumps({"verdict": "passed", "at": "2026-01-01T00:00:00Z"})}
    update(app.cluster, app.workload.path, lambda obj: {"metadata": {"annotations": claim}})
    app.change(env=[{"name": "EVIL", "value": "1"}])
    assert app.perform()["rollout"]["status"] == "complete"
    assert not any(revision.proven for revision in app.workload.revisions())
    app.perform(record="failed")
    update(app.cluster, app.workload.path, lambda obj: {"metadata": {"annotations": {"more": "to copy"}}})
    time.sleep(2)
    (current,) = [revision for revision in app.workload.revisions() if revision.current]
    assert current.proof is not None
    assert (current.proof.verdict, list(current.proof.images)) == ("failed", ["api"])
    with pytest.raises(SalvageError, match="no revision is recorded as proven good"):
        app.perform(state="rolled_back")


def test_scale_up_down_and_undo(app: App) -> None:
    assert scale(app.workload, Wish(replicas=4, service=app.name), dry_run=False)["ready"] == 4
    assert not scale(app.workload, Wish(replicas=4, service=app.name), dry_run=False)["changed"]
    assert scale(app.workload, Wish(replicas=3, service=app.name), dry_run=False)["ready"] == 3
    assert undo(app.workload, Wish(service=app.name), dry_run=False)["ready"] == 2


def autoscaler(app: App, **metadata: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": app.name}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6}
    return create(app.cluster, path_of("HorizontalPodAutoscaler", SPACE), {"metadata": {"name": app.name, **metadata}, "spec": spec}) or {}


def test_an_autoscaler_does_not_keep_a_workload_at_zero(app: App) -> None:
    autoscaler(app)
    update(app.cluster, app.workload.path, lambda obj: {"spec": {"replicas": 0}})
    result = scale(app.workload, Wish(replicas=3, service=app.name, timeout=60), dry_run=False)
    assert (result.get("failed"), result["ready"]) == (None, 3)
    assert must_read(app.cluster, path_of("HorizontalPodAutoscaler", SPACE, app.name))["spec"]["minReplicas"] == 3


def test_an_autoscaler_of_an_operator_is_refused_by_name(app: App) -> None:
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "its", "uid": str(uuid.uuid4()), "controller": True}
    autoscaler(app, ownerReferences=[owner])
    with pytest.raises(SalvageError, match="is managed by ScaledObject its, which sets its bounds back"):
        scale(app.workload, Wish(replicas=4, service=app.name), dry_run=False)


def test_a_stateful_set_that_updates_nothing_proves_nothing(app: App) -> None:
    deployment = app.deployment()
    spec = {name: deployment["spec"][name] for name in ("selector", "template")}
    create(app.cluster, path_of("StatefulSet", SPACE), {"metadata": {"name": app.name}, "spec": {**spec, "serviceName": "", "replicas": 1}})
    workload = Workload(app.cluster, "StatefulSet", SPACE, app.name)
    try:
        asked = RolloutOptions(**{**ASKED, "record": "passed"})
        assert perform(workload, asked, check_mode=False)["recorded"]["proven"]
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        container = {**deployment["spec"]["template"]["spec"]["containers"][0], "image": "localhost/none:1"}
        template = {"spec": {"containers": [container]}}
        update(app.cluster, workload.path, lambda obj: {"spec": {"updateStrategy": strategy, "template": template}})
        result = perform(workload, asked, check_mode=False)
        assert result["failed"]
        assert "partition" in result["msg"]
        assert not (result.get("recorded") or {}).get("proven")
    finally:
        delete(app.cluster, workload.path)


@pytest.mark.parametrize("dry_run", [True, False])
def test_green_with_an_image_for_a_container_that_is_not_there_is_refused(app: App, dry_run: bool) -> None:
    with pytest.raises(SalvageError, match=f"images names apii, and {app.name}.* has the containers api"):
        app.switch().prepare("green", f"{app.name}-green", None, {"apii": app.image}, dry_run=dry_run)
    assert read(app.cluster, path_of("Deployment", SPACE, f"{app.name}-green")) is None


def test_another_service_that_would_send_traffic_to_green_is_found_before_green_starts(app: App) -> None:
    internal = {"metadata": {"name": f"{app.name}-internal"}, "spec": {"selector": {"app": app.name}, "ports": [{"port": 8000}]}}
    create(app.cluster, path_of("Service", SPACE), internal)
    try:
        with pytest.raises(SalvageError, match=f"would take traffic of {app.name}-internal at once"):
            app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
        assert read(app.cluster, path_of("Deployment", SPACE, f"{app.name}-green")) is None
    finally:
        delete(app.cluster, path_of("Service", SPACE, f"{app.name}-internal"))


def test_a_failed_pod_that_lies_about_keeps_no_gate_closed(app: App) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    green = Workload(app.cluster, "Deployment", SPACE, f"{app.name}-green")
    gone = green.progress().pods[0]["metadata"]["name"]
    update(app.cluster, path_of("Pod", SPACE, gone), lambda pod: {"spec": {"activeDeadlineSeconds": 1}})
    deadline = time.monotonic() + 60
    while must_read(app.cluster, path_of("Pod", SPACE, gone))["status"]["phase"] != "Failed" or green.progress().status != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    result = app.switch().promote("green", dry_run=False)
    assert not result.get("failed"), result
    assert app.colour == "green"


def test_green_without_endpoints_gets_no_traffic(app: App) -> None:
    switch = app.switch()
    assert not switch.prepare("green", f"{app.name}-green", None, {}, dry_run=False).get("failed")
    path = path_of("Deployment", SPACE, f"{app.name}-green")
    broken = {"path": "/none", "port": "http"}

    def decide(obj: dict[str, Any]) -> dict[str, Any]:
        container = obj["spec"]["template"]["spec"]["containers"][0]
        probe = {**container["readinessProbe"], "httpGet": broken}
        return {
            "spec": {
                "strategy": {"type": "Recreate", "rollingUpdate": None},
                "template": {"spec": {"containers": [{**container, "readinessProbe": probe}]}},
            }
        }

    update(app.cluster, path, decide)
    result = switch.promote("green", dry_run=False)
    assert result["failed"]
    assert app.colour == "blue"


def test_a_service_of_both_colours_is_refused(app: App) -> None:
    update(app.cluster, path_of("Service", SPACE, app.name), lambda obj: {"spec": {"selector": {"version": None}}})
    with pytest.raises(SalvageError, match="adopt it first"):
        app.switch().promote("green", dry_run=False)
    assert app.switch().adopt("blue", dry_run=False)["proven"]


def test_races_have_one_winner(app: App) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    for n in range(RACES):
        aim = ("green", "blue")[n % 2]
        won: list[Any] = []

        def one(run: str, aim: str = aim, won: list[Any] = won) -> None:
            settings = Settings(**{**QUICK.__dict__, "run": run, "bake": 0, "settle": 0, "stability": 0})
            try:
                won.append(BlueGreen(app.cluster, SPACE, app.name, settings=settings).promote(aim, dry_run=False)["changed"])
            except SalvageError as exc:
                won.append(str(exc))

        threads = [threading.Thread(target=one, args=(f"{n}-{i}",)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (won.count(True), app.colour) == (1, aim), won


KILLED = """
import sys, time
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.api import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.switch import BlueGreen, Settings
kubeconfig, space, name, run, colour = sys.argv[1:]
cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=10)
settings = Settings(run=run, stability=0.1, settle=0.2, proof_timeout=1, bake=0, timeout=60)
switch = BlueGreen(cluster, space, name, settings=settings)
print("ready", flush=True)
switch.promote(colour, dry_run=False)
"""


def test_a_run_that_is_killed_is_finished_by_the_next(app: App, lab: Lab) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    rng = random.Random(1)
    for n in range(KILLS):
        aim = ("green", "blue")[n % 2]
        arguments = [sys.executable, "-c", KILLED, str(lab.kubeconfig), SPACE, app.name, f"dead-{n}", aim]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(rng.uniform(0, 0.6))
            run.kill()
        settings = Settings(**{**QUICK.__dict__, "run": f"next-{n}", "bake": 0, "stability": 0, "settle": 0})
        after = BlueGreen(app.cluster, SPACE, app.name, settings=settings)
        assert after.promote(aim, dry_run=False)["active"] == aim
        service, _colours = after.inspect()
        note = Journal.of(service)
        assert note is not None
        assert (note.target, note.phase) == (aim, "settled")


def crd(group: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """As the project's own, for the fields in use."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # Gateway API's group is protected: its objects need the mark of an approval.
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def many(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


TEXT, NUMBER = {"type": "string"}, {"type": "integer", "format": "int32"}
BACKEND_REF = thing(
    group={**TEXT, "default": ""}, kind={**TEXT, "default": "Service"}, name=TEXT, port=NUMBER, weight={**NUMBER, "default": 1}
)
TARGET = thing(kind=TEXT, name=TEXT, weight={**NUMBER, "default": 100})
ROUTES = {
    "httproute": crd("gateway.networking.k8s.io", "HTTPRoute", thing(rules=many(thing(backendRefs=many(BACKEND_REF))))),
    "route": crd("route.openshift.io", "Route", thing(to=TARGET, alternateBackends=many(TARGET))),
}


@pytest.mark.parametrize("kind", ROUTES)
def test_traffic_moves_by_weights_in_steps_and_back(app: App, lab: Lab, kind: str) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    green = f"{app.name}-preview"
    definition = ROUTES[kind]
    to = {"kind": "Service", "name": app.name, "weight": 100}
    pinned = [{"backendRefs": [{"name": name, "port": 8000}]} for name in (app.name, green)]  # as a rule for testers with a header
    spec = (
        {"rules": [pinned[0], {"backendRefs": [{"name": app.name, "port": 8000}, {"name": green, "port": 8000, "weight": 0}]}, pinned[1]]}
        if kind == "httproute"
        else {"to": to, "alternateBackends": [{"kind": "Service", "name": green, "weight": 0}]}
    )
    with lab.defined(definition):
        path = f"/apis/{definition['spec']['group']}/v1/namespaces/{SPACE}/{definition['spec']['names']['plural']}"
        route = {"apiVersion": f"{definition['spec']['group']}/v1", "kind": definition["spec"]["names"]["kind"], "spec": spec}
        create(app.cluster, path, {**route, "metadata": {"name": app.name}})
        split = Weighted(app.cluster, SPACE, kind, app.name, {"blue": app.name, "green": green}, QUICK)
        before = must_read(app.cluster, f"{path}/{app.name}")
        split.promote("green", [5, 25, 100], "passed", dry_run=True)
        assert must_read(app.cluster, f"{path}/{app.name}") == before
        assert split.promote("green", [5, 25, 100], "unknown", dry_run=False)["weight"] == 5
        assert not split.promote("green", [5, 25, 100], "unknown", dry_run=False)["changed"]
        assert split.promote("green", [5, 25, 100], "passed", dry_run=False)["weight"] == 25
        assert split.inspect()[0] == {"blue": 75, "green": 25}
        now = must_read(app.cluster, f"{path}/{app.name}")["spec"]
        assert split.promote("green", [5, 25, 100], "failed", dry_run=False)["failed"]
        assert split.revert()["changed"]
        back = must_read(app.cluster, f"{path}/{app.name}")["spec"]
        for index in (0, 2) if kind == "httproute" else ():
            assert before["spec"]["rules"][index] == now["rules"][index] == back["rules"][index]
        assert split.inspect()[0] == {"blue": 100, "green": 0}


def test_an_api_server_that_stumbles_changes_nothing_of_the_outcome(app: App) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    stumbling = Cluster(app.cluster.server, Stumbling(app.cluster.http, random.Random(7)))
    for n in range(SWITCHES):
        aim = ("green", "blue")[n % 2]
        result = BlueGreen(stumbling, SPACE, app.name, settings=QUICK).promote(aim, dry_run=False)
        assert (result["active"], result["proven"], app.colour) == (aim, True, aim), json.dumps(result)
    assert isinstance(stumbling.http, Stumbling)
    assert stumbling.http.stumbles > SWITCHES / 2


def test_switches_under_load_lose_nothing(app: App) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    address = must_read(app.cluster, path_of("Service", SPACE, app.name))["spec"]["clusterIP"]
    proofs = []
    with Load(address) as load:
        for n in range(SWITCHES):
            result = app.switch().promote(("green", "blue")[n % 2], dry_run=False)
            assert result["proven"], json.dumps(result)
            proofs.append(result["proof_ms"])
            load.reach(REQUESTS * (n + 1) // SWITCHES)
    print(f"{SWITCHES} switches, {sum(load.results.values())} requests, proof {sorted(proofs)[len(proofs) // 2]} ms (median)")
    assert set(load.results) == {"200"}, load.results


def test_a_rolling_update_and_a_retirement_under_load_lose_nothing(app: App) -> None:
    app.switch().prepare("green", f"{app.name}-green", None, {}, dry_run=False)
    address = must_read(app.cluster, path_of("Service", SPACE, app.name))["spec"]["clusterIP"]
    with Load(address) as load:
        load.reach(200)
        app.workload.restart(dry_run=False)
        progress = app.workload.wait(120)
        assert progress.status == "complete", progress.reason
        assert app.switch().promote("green", dry_run=False)["proven"]
        # Clients that keep their connections are still on the old pods when these end: each answer meanwhile asks them to leave.
        app.switch().retire(Ending(drain_timeout=2, drain_interval=1), dry_run=False)
        retired = Workload(app.cluster, "Deployment", SPACE, app.name)
        retired.wait(120)
        load.reach(sum(load.results.values()) + 1000)  # some five seconds: the old pods have ended
    assert set(load.results) == {"200"}, load.results


def bake_of(
    app: App, source: PrometheusSource | None, emit: Callable[[dict[str, Any]], None] = lambda look: None, extend: float = 0
) -> tuple[str, dict[str, Any]]:
    plan = Plan(window=10, interval=1, extend=extend, health_path="")
    sources = Sources(PodSource(app.cluster, "8000", "/metrics"), source)
    baseline = Baseline(Counts(10_000, 10))
    profile = Profile(()) if source else parse_profile(None)
    verdict, record = Bake(app.workload, sources, Signals(), Rule(), plan, baseline, profile, emit).run()
    return verdict.status, record


def test_metrics_that_are_absent_prove_nothing(app: App) -> None:
    for pod in app.workload.progress().pods:
        where = path_of("Pod", SPACE, pod["metadata"]["name"]) + ":8000/proxy/_fault"
        app.cluster.call("POST", where, body={"missing": ["qek_value"]})
    address = must_read(app.cluster, path_of("Service", SPACE, app.name))["spec"]["clusterIP"]
    with Load(address):
        status, record = bake_of(app, None)
    assert status == "unknown"
    assert "qek" in record["reason"]


def test_a_bake_by_prometheus_and_prometheus_gone_in_the_middle_of_it(app: App, lab: Lab) -> None:
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": app.name, "namespace": SPACE},
        "spec": {"selector": {}, "endpoints": [{"port": "http", "path": "/metrics", "interval": "1s"}]},
    }
    endpoint = open_endpoint("service://monitoring/prometheus-operator-kube-p-prometheus:9090", cluster=app.cluster)
    prometheus = ("prometheus/prometheus-operator-kube-p-prometheus", "-n", "monitoring")
    address = must_read(app.cluster, path_of("Service", SPACE, app.name))["spec"]["clusterIP"]
    with lab.applied(monitor), Load(address):
        source = PrometheusSource(endpoint, SPACE, 5)
        names = frozenset(Signals().names)
        deadline = time.monotonic() + 120
        while len(source.history(list(app.workload.progress().pods), names, 5)) < 2:
            assert time.monotonic() < deadline, "Prometheus does not come to scrape the pods"
            time.sleep(0.5)
        status, record = bake_of(app, source, extend=50)
        assert (status, record["weak"]) == ("passed", ""), record["reason"]

        def end_prometheus(look: dict[str, Any]) -> None:
            if look["look"] == 2:
                lab.kubectl("patch", *prometheus, "--type=merge", "-p", '{"spec":{"replicas":0}}')
                lab.kubectl("delete", "pod", "-n", "monitoring", "-l", "app.kubernetes.io/name=prometheus", "--grace-period=1")

        try:
            status, record = bake_of(app, PrometheusSource(endpoint, SPACE, 5), end_prometheus)
        finally:
            lab.kubectl("patch", *prometheus, "--type=merge", "-p", '{"spec":{"replicas":1}}')
            lab.health_until(lambda run: run.code == 0, timeout=120)
    assert status == "unknown"
    assert record["looks"][-1]["gaps"], record
