# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook blue_green where it must not go on, and where it was ended in the middle; a run from end to end is Molecule's scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.gates_seen import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.weighted import Weighted
from audit import checked
from cluster_lab import NAMESPACE, Lab
from load import Load

pytestmark = pytest.mark.lab

SPACE = "blue-green-test"
BACKENDS = {"blue": "app", "green": "app-green"}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "routes.route.openshift.io"},
    "spec": {
        "group": "route.openshift.io",
        "scope": "Namespaced",
        "names": {"kind": "Route", "plural": "routes", "singular": "route"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def meta(name: str, space: str = SPACE) -> dict[str, str]:
    return {"name": name, "namespace": space}


def service(name: str, colour: str, space: str) -> dict[str, Any]:
    spec = {"selector": {"app": "app", "version": colour}, "ports": [{"name": "http", "port": 8000, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, space), "spec": spec}


def deployment(image: str, space: str = SPACE, **container: Any) -> dict[str, Any]:
    labels = {"app": "app", "version": "blue"}
    one = {
        "name": "api",
        "image": image,
        "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        **container,
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [one], "terminationGracePeriodSeconds": 2}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("app", space), "spec": spec}


@pytest.fixture(scope="module")
def image(lab: Lab) -> str:
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    return str(standin["spec"]["template"]["spec"]["containers"][0]["image"])


@contextmanager
def blue(lab: Lab, image: str, space: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Blue behind a Service and a Route, and what a run is asked for."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    route = {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": meta("app", space),
        "spec": {"to": {"kind": "Service", "name": "app", "weight": 100}},
    }
    lab.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=true")
    objects = (service("app", "blue", space), service("app-green", "green", space), deployment(image, space), route)
    with lab.applied(namespace), lab.applied(*objects):
        lab.kubectl("rollout", "status", "deployment/app", "-n", space, "--timeout=120s")
        yield {
            "service": "app",
            "namespace": space,
            "backends": BACKENDS,
            "steps": [50, 100],
            "options": {"stability": 1, "drain_timeout": 1, "drain_interval": 1},
            "record_dir": str(folder),
            "prometheus_url": "",
            "window": 2,
            "interval": 1,
            "extend": 60,
            # The probes count too, so that there is a baseline.
            "judge": {"alpha": 0.05, "floor": 0.3, "harm": 3.2, "durations_metric": "", "check_thresholds": False, "exclude_paths": []},
        }


@pytest.fixture(scope="module")
def routes(lab: Lab) -> Iterator[None]:
    with lab.defined(CRD):
        yield


@pytest.fixture(scope="module")
def asked(lab: Lab, image: str, routes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with blue(lab, image, SPACE, tmp_path_factory.mktemp("blue-green")) as given:
        yield given


def variables(asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {f"blue_green_{name}": value for name, value in {**asked, **more}.items()}


def state_of(lab: Lab) -> dict[str, Any]:
    """What a run may write."""
    items = lab.get("services,deployments,routes.route.openshift.io", "-n", SPACE)["items"]
    return {f"{one['kind']}/{one['metadata']['name']}": one.get("spec") for one in items}


@pytest.mark.parametrize("traffic", ["selector", "route"])
def test_check_mode_asks_the_server_and_writes_nothing(lab: Lab, asked: dict[str, Any], traffic: str) -> None:
    before = state_of(lab)
    run, events = checked(lab, "blue_green", variables(asked, traffic=traffic, images={"api": "localhost/other:1"}))
    assert run.code == 0, run.output
    assert any("dryRun=All" in event["requestURI"] for event in events), run.output
    assert state_of(lab) == before


@pytest.mark.parametrize("traffic", ["selector", "route"])
def test_another_version_of_what_takes_the_traffic_is_refused(lab: Lab, asked: dict[str, Any], traffic: str) -> None:
    before = state_of(lab)
    run = lab.play("blue_green", variables(asked, traffic=traffic, to="blue", images={"api": "localhost/other:1"}))
    assert run.code != 0
    assert "a new version goes to another colour" in run.output
    assert state_of(lab) == before


def test_a_bad_change_goes_back_at_its_first_step(lab: Lab, asked: dict[str, Any], image: str) -> None:
    faults = [{"name": "FAULTS", "value": json.dumps({"paths": ["/api"], "error_rate": 1})}]
    with Load(lab.get("service", "app-green", "-n", SPACE)["spec"]["clusterIP"]):
        run = lab.play("blue_green", variables(asked, traffic="route", to="green", definition=deployment(image, SPACE, env=faults)))
    assert run.code != 0
    assert "The traffic is on blue" in run.output, run.output
    (path,) = Path(asked["record_dir"]).glob("*-50-percent.json")
    record = json.loads(path.read_text())
    assert (record["verdict"], record["reverted"]["active"]) == ("failed", "blue"), record
    spec = lab.get("routes.route.openshift.io", "app", "-n", SPACE)["spec"]
    assert (spec["to"]["weight"], spec["alternateBackends"]) == (100, [{"kind": "Service", "name": "app-green", "weight": 0}])
    assert lab.get("deployment", "app", "-n", SPACE)["spec"]["replicas"] == 2


def test_a_run_that_was_killed_between_two_steps_is_finished_by_the_next(lab: Lab, image: str, routes: None, tmp_path: Path) -> None:
    space = f"{SPACE}-killed"
    with blue(lab, image, space, tmp_path) as given:
        dead = Weighted(
            Cluster.connect({"kubeconfig": str(lab.kubeconfig)}, timeout=10),
            *(space, "route", "app", BACKENDS),
            Settings(run="dead", stability=0, settle=0, bake=600, timeout=120),
        )
        assert not dead.prepare("green", "app-green", None, {}, dry_run=False).get("failed")
        assert dead.promote("green", [50, 100], "unknown", dry_run=False)["weight"] == 50
        run = lab.play("blue_green", variables(given, traffic="route"))
        assert run.code == 0, run.output
        weights, journal, deployments = dead.inspect()
        assert weights == {"blue": 0, "green": 100}
        assert journal is not None
        assert (journal.target, journal.phase) == ("green", "done")
        assert {colour: one["spec"]["replicas"] for colour, one in deployments.items()} == {"blue": 0, "green": 2}
    verdicts = [json.loads(path.read_text())["verdict"] for path in tmp_path.glob("*.json")]
    assert verdicts == ["passed", "passed"]


def test_a_run_until_prepared_moves_no_traffic_and_the_next_one_does(lab: Lab, image: str, routes: None, tmp_path: Path) -> None:
    """A workflow waits for an approval between the two."""
    space = f"{SPACE}-approved"
    with blue(lab, image, space, tmp_path) as given:
        run = lab.play("blue_green", variables(given, until="prepared"))
        assert run.code == 0, run.output
        assert lab.get("service", "app", "-n", space)["spec"]["selector"]["version"] == "blue"
        assert lab.get("deployment", "app-green", "-n", space)["status"]["readyReplicas"] == 2
        assert not list(tmp_path.glob("*.json"))
        run = lab.play("blue_green", variables(given))
        assert run.code == 0, run.output
        assert lab.get("service", "app", "-n", space)["spec"]["selector"]["version"] == "green"
