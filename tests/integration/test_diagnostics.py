# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle of a namespace with a container that ends again and again and prints its password."""

from __future__ import annotations

import base64
import hashlib
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab

pytestmark = pytest.mark.lab

SPACE = "diagnostics-test"
SECRET = "Zr8-kanne-Moor-41"
VARIABLE = "of-the-variable-77"


def objects(image: str) -> list[dict[str, Any]]:
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["eval", "--fail-defined", 'print("I log in with", opa.runtime().env.SECRET_WORD, "and", opa.runtime().env.API_PASSWORD)'],
        "env": [
            {"name": "SECRET_WORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "word"}}},
            {"name": "API_PASSWORD", "value": VARIABLE},
        ],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
    }
    labels = {"app": "crash"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": SPACE}, "stringData": {"word": SECRET}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": SPACE},
            "data": {"app.yaml": f"login: {base64.b64encode(SECRET.encode()).decode()}\nmode: fast\n"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "crash", "namespace": SPACE},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
    ]


@pytest.fixture(scope="module")
def crash(lab: Lab) -> Iterator[None]:
    opa = lab.get("deployment", "opa-peace-bonds", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    with lab.applied(*objects(opa)):
        deadline = time.monotonic() + 180
        while not any(waits_long(pod) for pod in lab.get("pods", "-n", SPACE)["items"]):
            assert time.monotonic() < deadline, "the container does not end again and again"
            time.sleep(0.5)
        yield


def waits_long(pod: dict[str, Any]) -> bool:
    """Whether the kubelet waits 40 s or more before it starts the container again: it then keeps the log of the last run."""
    (status,) = pod["status"].get("containerStatuses") or [{}]
    return status.get("restartCount", 0) >= 3 and "waiting" in status["state"]


def files_of(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as archive:
        return {entry.name.partition("/")[2]: content.read() for entry in archive if (content := archive.extractfile(entry))}


def test_the_bundle_has_both_logs_and_no_secret_and_what_its_index_says(lab: Lab, crash: None, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.gz"
    given = {"path": str(bundle), "namespaces": [SPACE], "since": "5m"}
    run = lab.play("diagnostics", {f"diagnostics_{name}": value for name, value in given.items()})
    assert run.code == 0, run.output
    assert "pod.crash" in run.words
    files = files_of(bundle)
    current, previous = (next(data for path, data in files.items() if path.endswith(f"/main{end}")) for end in (".log", ".previous.log"))
    assert b"I log in with [redacted:" in current and b"I log in with [redacted:" in previous
    whole = b"".join(files.values()) + run.output.encode()
    for value in (SECRET, VARIABLE, base64.b64encode(SECRET.encode()).decode()):
        assert value.encode() not in whole
    assert b"mode: fast" in files[f"objects/{SPACE}/configmaps.json"]
    assert any(json.loads(line)["reason"] == "BackOff" for line in files["events.jsonl"].splitlines())
    index = json.loads(files["index.json"])
    assert {path: one["sha256"] for path, one in index["files"].items()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items() if path != "index.json"
    }
    statuses = {one["name"]: (one["status"], one["reason"]) for one in index["collectors"]}
    assert {status for status, _reason in statuses.values()} == {"complete", "skipped"}, statuses
    assert "pod.crash.exit-1" in {finding["code"] for finding in json.loads(files["findings.json"])}


def test_check_mode_writes_nothing_and_a_killed_run_leaves_no_bundle(lab: Lab, crash: None, tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    given = {"diagnostics_path": f"{folder}/", "diagnostics_namespaces": [SPACE, NAMESPACE]}
    run = lab.play("diagnostics", given, check=True)
    assert run.code == 0, run.output
    assert not folder.exists()
    with lab.playing("diagnostics", given) as process:
        while process.poll() is None and not folder.exists():  # it is created just before the cluster is read
            time.sleep(0.02)
    assert list(folder.glob("diagnostics-*")) == []
