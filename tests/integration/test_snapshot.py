# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a real Prometheus: out of one pod, proven, and into another that has no samples yet."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cluster_lab import Lab

pytestmark = pytest.mark.lab

SPACE = "snapshot-test"
CONFIG = {"scrape_configs": [{"job_name": "itself", "scrape_interval": "1s", "static_configs": [{"targets": ["localhost:9090"]}]}]}


def pod(name: str, image: str, *arguments: str) -> dict[str, Any]:
    container = {
        "name": "prometheus",
        "image": image,
        "imagePullPolicy": "Never",
        "args": ["--config.file=/config/prometheus.json", "--storage.tsdb.path=/prometheus", "--web.enable-lifecycle", *arguments],
        "ports": [{"containerPort": 9090}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/prometheus"}, {"name": "config", "mountPath": "/config"}],
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": name}}]
    spec = {
        "containers": [container],
        "volumes": volumes,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsUser": 1000, "fsGroup": 2000},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def config(name: str, scrapes: bool) -> dict[str, Any]:
    content = json.dumps(CONFIG if scrapes else {})
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": SPACE},
        "data": {"prometheus.json": content},
    }


@dataclass
class Two:
    """A Prometheus with samples, and one without that takes no snapshots."""

    lab: Lab
    promtool: str
    folder: Path

    def run(self, **options: Any) -> dict[str, Any]:
        """The module's answer."""
        given = {"namespace": SPACE, "pod": "old", "promtool": self.promtool, "directory": str(self.folder / "snapshots"), **options}
        environ = {**os.environ, "K8S_AUTH_KUBECONFIG": str(self.lab.kubeconfig), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            ["ansible", "localhost", "-m", "euystacio.meta_salvage.prometheus_snapshot", "-a", json.dumps(given)],
            cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        found = done.stdout.partition(" => ")[2]
        assert found, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(found[: found.rindex("}") + 1])
        return answer

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o700)
        return str(path)

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def two(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    image = lab.get("prometheus", "prometheus-operator-kube-p-prometheus", "-n", "monitoring")["spec"]["image"]
    objects = [config("old", True), config("new", False), pod("old", image, "--web.enable-admin-api"), pod("new", image)]
    lab.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    lab.kubectl("wait", "pods", "--all", "-n", SPACE, "--for=condition=Ready", "--timeout=120s")
    yield Two(lab, lab.lab("tool", "promtool").strip(), tmp_path_factory.mktemp("snapshot"))
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def created(two: Two, **options: Any) -> dict[str, Any]:
    """A snapshot, as soon as there is a sample."""
    deadline = time.monotonic() + 120
    while True:
        answer = two.run(**options)
        if answer.get("reason") != "not_found" or time.monotonic() > deadline:
            return answer


def test_samples_go_from_one_prometheus_to_another_sealed_and_signed(two: Two) -> None:
    key = pyrage.x25519.Identity.generate()
    identity = two.file("identity", str(key))
    two.openssl("genpkey", "-algorithm", "ed25519", "-out", "signing.pem")
    two.openssl("pkey", "-in", "signing.pem", "-pubout", "-out", "public.pem")
    signing, public = str(two.folder / "signing.pem"), str(two.folder / "public.pem")

    progress = two.folder / "progress"
    taken = created(two, recipients=[str(key.to_public())], signing_key=signing, progress_path=str(progress))
    assert taken["changed"], taken
    said = [json.loads(line)["says"] for line in progress.read_text().splitlines()]
    size = f"{taken['snapshot']['size'] / 1e6:.1f}"
    assert [said[0], *said[-3:]] == [
        "Prometheus is writing it", f"{size} of {size} MB copied", "proving that it opens and has its sample", "encrypting it",
    ], said  # fmt: skip
    folder = Path(taken["snapshot"]["path"])
    assert not [path for path in folder.rglob("*") if path.is_file() and path.name != "snapshot.json" and path.suffix != ".age"]
    left = two.lab.kubectl("exec", "old", "-n", SPACE, "--", "ls", "/prometheus/snapshots")
    assert not left.strip(), "the pod's disk is given back"

    assert two.run(state="verified", public_key=public)["reason"] == "bad_input", "it is encrypted"
    keys = {"identity": identity, "public_key": public}
    there = two.run(state="restored", pod="new", **keys)
    assert there.get("changed"), there
    again = two.run(state="restored", pod="new", **keys)
    assert again.get("changed") is False, again

    sealed = next(folder.rglob("index.age"))
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.write_bytes(bytes(content))
    assert two.run(state="verified", **keys)["reason"] == "invalid"
    assert not list(folder.parent.glob(".*")), "nothing in clear is left"


def test_a_prometheus_without_the_admin_api_fails_in_one_sentence(two: Two) -> None:
    refused = two.run(pod="new")
    assert refused["reason"] == "forbidden"
    assert "enableAdminAPI" in refused["msg"]


def test_a_killed_run_is_taken_up(two: Two) -> None:
    directory = str(two.folder / "killed")
    killer = two.file("killer", "#!/bin/sh\nkill -9 $PPID\n")
    created(two, directory=directory + "-first")  # there is a sample
    dead = two.run(directory=directory, promtool=killer)
    assert "snapshot" not in dead
    assert not list(Path(directory).glob("[!.]*"))
    taken = two.run(directory=directory)
    assert taken["resumed"], taken
    assert not list(Path(directory).glob(".*"))

    target = two.folder / "data"
    assert two.run(state="restored", directory=directory, data_dir=str(target), unsigned=True)["changed"]
    assert two.run(state="restored", directory=directory, data_dir=str(target), unsigned=True)["changed"] is False
    (target / "other").mkdir()
    assert two.run(state="restored", directory=directory, data_dir=str(target), unsigned=True)["reason"] == "conflict"
