# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments that went wrong in public reports: what a way back leaves, late images, two runs at once, a lock that is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease import Holder
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease_store import LeaseStore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.revisions import current_revision
from cluster_lab import CHECKOUT, Lab, comes_to
from deployed_app import NAME, App, deployed
from load import Load

sys.path.append(str(CHECKOUT))
from lab import debian, images, versions

pytestmark = pytest.mark.lab

SPACE = "cases-test"
LATE = "localhost/late-in-cases-test:1"


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with deployed(lab, SPACE, tmp_path_factory.mktemp("cases"), replicas=2) as one:
        yield one


def sidecar(name: str, image: str) -> dict[str, object]:
    env = [{"name": "LISTEN", "value": ":8001"}, {"name": "LISTEN_METRICS", "value": ":9091"}]
    return {"name": name, "image": image, "imagePullPolicy": "Never", "env": env, "resources": {"requests": {"cpu": "1m"}}}


def holders(app: App) -> list[str]:
    return [lease["spec"]["holderIdentity"] for lease in app.lab.get("leases", "-n", SPACE)["items"]]


def test_a_sidecar_that_was_taken_back_is_gone_after_the_next_deployment(app: App) -> None:
    assert app.deploy(replicas=2, more_containers=(sidecar("b", app.image),)).code == 0
    bad = app.deploy(replicas=2, more_containers=(sidecar("c", "localhost/not-there:1"),))
    assert bad.code != 0, bad.output
    assert [container["name"] for container in app.template["containers"]] == ["api", "b"]
    good = app.deploy(replicas=2, more_containers=(sidecar("c", app.image),))
    assert good.code == 0, good.output
    assert [container["name"] for container in app.template["containers"]] == ["api", "c"]


def test_an_image_that_the_registry_has_a_little_later_is_waited_for(app: App, tmp_path: Path) -> None:
    known = versions.load()
    standin = known.images["standin"]
    archive = tmp_path / "late.tar"
    archive.write_bytes(
        images.archive(LATE, images.layer(images.ingredients(known, standin, debian.root_of(known.debian))), standin.entrypoint)
    )
    wanted = app.asked(replicas=2, container={"image": LATE, "imagePullPolicy": "IfNotPresent"})

    def waits() -> bool:
        pods = app.lab.get("pods", "-n", SPACE, "-l", f"app={NAME}")["items"]
        states = [one.get("state", {}) for pod in pods for one in pod.get("status", {}).get("containerStatuses", [])]
        return any(state.get("waiting", {}).get("reason") in {"ErrImagePull", "ImagePullBackOff"} for state in states)

    with app.lab.playing("deploy", wanted, output=subprocess.PIPE) as run:
        comes_to(run, waits, 240)
        app.lab.lab("load-image", app.lab.name, str(archive))
        output = run.communicate()[0]
    assert run.returncode == 0, output
    assert app.template["containers"][0]["image"] == LATE


def test_a_bad_config_goes_back_to_the_pods_that_still_run(app: App) -> None:
    def config(faults: str) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": SPACE}, "data": {"FAULTS": faults}}

    read = {"env": [], "envFrom": [{"configMapRef": {"name": NAME}}]}
    good = app.deploy(replicas=2, container=read, beside=(config("{}"),))
    assert good.code == 0, good.output
    before = {pod["metadata"]["name"] for pod in app.lab.get("pods", "-n", SPACE, "-l", f"app={NAME}")["items"]}
    bad = app.deploy(replicas=2, container=read, beside=(config("{ not json"),))
    assert bad.code != 0, bad.output
    assert app.lab.get("configmap", NAME, "-n", SPACE)["data"] == {"FAULTS": "{}"}
    ready = [
        pod["metadata"]["name"]
        for pod in app.lab.get("pods", "-n", SPACE, "-l", f"app={NAME}")["items"]
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])
    ]
    assert before & set(ready), "every pod that held the good configuration was replaced"


def test_the_way_back_under_load_ends_the_outage_and_loses_nothing_more(app: App) -> None:
    assert app.deploy(replicas=2).code == 0
    with Load(app.service["clusterIP"]) as load:
        load.reach(100)
        assert set(load.results) == {"200"}
        bad = app.deploy(replicas=2, port=8999)
        assert bad.code != 0, bad.output
        lost = sum(load.results.values()) - load.results["200"]
        load.reach(sum(load.results.values()) + 200)
        assert sum(load.results.values()) - load.results["200"] <= lost + 8  # requests of 8 workers that were on their way
    assert 0 < lost < sum(load.results.values())


@pytest.mark.parametrize(
    ("judge", "words"), [({"check_alerts": True}, "has no option check_alerts"), ({"thresholds": {}}, "it names no metric")]
)
def test_settings_of_the_watch_are_refused_before_anything_is_changed(app: App, judge: dict[str, object], words: str) -> None:
    before = app.template
    run = app.deploy(replicas=2, faults='{"latency_ms": 3}', deploy_judge=judge)
    assert run.code != 0 and words in run.words, run.output
    assert app.template == before


def test_of_two_deployments_at_once_one_wins_and_the_other_names_it(app: App) -> None:
    wanted = app.asked(replicas=2, faults='{"latency_ms": 1}', deploy_window=20)
    with app.lab.playing("deploy", wanted, output=subprocess.PIPE) as first:
        comes_to(first, lambda: bool(holders(app)), 240)
        second = app.lab.play("deploy", wanted)
        assert second.code != 0, second.output
        assert f"Deployment {NAME} in {SPACE} is locked by " in second.words
        output = first.communicate()[0]
    assert first.returncode == 0, output
    assert holders(app) == []


def test_a_lock_that_another_run_took_meanwhile_ends_the_deployment_which_proves_nothing(app: App) -> None:
    faults = '{"latency_ms": 2}'
    cluster = Cluster.connect({"kubeconfig": str(app.lab.kubeconfig)})
    store = LeaseStore(cluster, "Deployment", SPACE, NAME)
    other = Holder("another/run", "alice@desk", "deploy", process_of(os.getpid()))
    with app.lab.playing("deploy", app.asked(replicas=2, faults=faults, deploy_window=40), output=subprocess.PIPE) as run:
        comes_to(run, lambda: app.template["containers"][0]["env"] == [{"name": "FAULTS", "value": faults}], 240)
        assert store.take(other, 3600, take_over=True, dry_run=False).after
        output = run.communicate()[0]
    assert run.returncode != 0, output
    assert "alice@desk" in output
    assert holders(app) == ["another/run"]
    revision = current_revision(Workload(cluster, "Deployment", SPACE, NAME).revisions())
    assert revision is not None and not revision.proven
    assert app.template["containers"][0]["env"] == [{"name": "FAULTS", "value": faults}]  # the way back is the other run's to decide
    store.release(other, dry_run=False)


def test_a_fleet_follows_its_canary_and_no_wave_follows_a_failure(app: App, tmp_path: Path) -> None:
    """Namespaces as clusters: the first is done, of the next two one fails and goes back and the other is done, the last is not touched."""
    spaces = [f"{SPACE}-fleet-{number}" for number in range(4)]
    folders = [tmp_path / space for space in spaces]
    hosts = {}
    for number, (space, folder) in enumerate(zip(spaces, folders, strict=True)):
        folder.mkdir()
        one = App(app.lab, space, app.image, folder)
        hosts[f"cluster-{number}"] = {"ansible_connection": "local", **one.asked(port=8999 if number == 1 else "http")}
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    try:
        run = app.lab.play("deploy", {"meta_salvage_serial": [1, 2]}, inventory=inventory)
        assert run.code != 0, run.output
        there = {one["metadata"]["name"] for one in app.lab.get("namespaces")["items"]}
        assert there >= set(spaces[:3]) and spaces[3] not in there, run.output
        for space in (spaces[0], spaces[2]):
            assert app.lab.get("deployment", NAME, "-n", space)["status"]["readyReplicas"] == 1
        assert "The wave of cluster-3 does not start, because cluster-1 failed." in run.words
    finally:
        app.lab.kubectl("delete", "namespace", *spaces, "--ignore-not-found", "--wait=false")
