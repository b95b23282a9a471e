# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that cannot be asked: one sentence each, in ten seconds, and a dead one does not take the fleet with it."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab, Run

pytestmark = pytest.mark.lab


def config(lab: Lab) -> dict[str, Any]:
    """The lab's kubeconfig as data, with its files inside, to be changed by a test."""
    text = lab.kubectl("config", "view", "--raw", "--flatten", "-o", "json")
    data: dict[str, Any] = json.loads(text)
    return data


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "kubeconfig"
    path.write_text(json.dumps(data))
    return path


def with_token(lab: Lab, token: str) -> dict[str, Any]:
    data = config(lab)
    for user in data["users"]:
        user["user"] = {"token": token}
    return data


def assert_told(run: Run, *words: str) -> None:
    assert run.code != 0
    text = run.output + json.dumps(run.report)
    for word in words:
        assert word in text, f"{word!r} is not in {text}"


def test_a_kubeconfig_that_is_not_there(lab: Lab, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert_told(lab.play("health_check", {}, kubeconfig=missing), str(missing))


def test_a_kubeconfig_that_is_no_yaml(lab: Lab, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{[")
    assert_told(lab.play("health_check", {}, kubeconfig=broken), str(broken))


def test_an_api_server_that_does_not_answer(lab: Lab, tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, not listening: a connection is refused, and the port is nobody else's
        closed.bind(("127.0.0.1", 0))
        data = config(lab)
        data["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{closed.getsockname()[1]}"
        run = lab.play("health_check", {}, kubeconfig=written(tmp_path, data))
    assert_told(run, "unreachable")


def test_an_api_server_that_accepts_and_stays_silent(lab: Lab, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        data = config(lab)
        data["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{silent.getsockname()[1]}"
        run = lab.play("health_check", {}, kubeconfig=written(tmp_path, data))
    assert_told(run, "did not answer within")


def test_a_token_that_the_api_server_does_not_know_is_a_401(lab: Lab, tmp_path: Path) -> None:
    run = lab.play("health_check", {}, kubeconfig=written(tmp_path, with_token(lab, "not-a-token")))
    assert_told(run, "401")
    assert "not-a-token" not in run.output


def test_a_client_certificate_that_has_expired(lab: Lab, tmp_path: Path) -> None:
    state = lab.kubeconfig.parent
    authority = [path for path in state.rglob("ca.crt") if path.with_suffix(".key").exists()]
    assert authority, f"the lab keeps its certificate authority below {state}"
    key, request, expired = tmp_path / "user.key", tmp_path / "user.csr", tmp_path / "user.crt"
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/O=system:masters/CN=late"],
        check=True, capture_output=True,
    )  # fmt: skip
    ca = authority[0]
    index, settings = tmp_path / "index.txt", tmp_path / "ca.cnf"
    index.touch()
    settings.write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={index}\nrand_serial=yes\nnew_certs_dir={tmp_path}\ndefault_md=sha256\npolicy=p\n"
        "[p]\norganizationName=optional\ncommonName=supplied\n"
    )
    subprocess.run(
        ["openssl", "ca", "-batch", "-config", settings, "-cert", ca, "-keyfile", ca.with_suffix(".key"), "-in", request, "-out", expired,
         "-startdate", "20250101000000Z", "-enddate", "20250102000000Z", "-notext"],
        check=True, capture_output=True,
    )  # fmt: skip
    data = config(lab)
    data["users"][0]["user"] = {"client-certificate": str(expired), "client-key": str(key)}
    assert_told(lab.play("health_check", {}, kubeconfig=written(tmp_path, data)), "expired")


def test_a_namespace_that_may_not_be_read_gives_a_partial_report_that_says_so(lab: Lab, tmp_path: Path) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "half-blind", "namespace": NAMESPACE}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "half-blind", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "half-blind", "namespace": NAMESPACE}],
    }
    with lab.applied(account, binding):
        token = lab.kubectl("create", "token", "half-blind", "-n", NAMESPACE).strip()
        run = lab.play("health_check", {}, kubeconfig=written(tmp_path, with_token(lab, token)))
    assert_told(run, "403", "monitoring")
    assert run.part("pods")["status"] == "unknown"
    assert run.part("api")["status"] == "healthy"  # what may be read is read
    assert token not in run.output + json.dumps(run.report)


def test_a_dead_cluster_is_reported_and_the_others_are_checked(lab: Lab, tmp_path: Path) -> None:
    inventory = tmp_path / "clusters.yml"
    hosts = {"alive": {}, "dead": {"health_check_kubeconfig": str(tmp_path / "none")}}
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    reports = tmp_path / "reports"
    run = lab.play("health_check", {"health_check_report_dir": str(reports)}, inventory=inventory)
    assert run.code != 0
    statuses = {path.stem: json.loads(path.read_text())["status"] for path in reports.glob("*.json")}
    assert statuses["alive"] == "healthy"
    assert statuses["dead"] in {"unknown", "critical"}
    assert "alive" in run.output and "dead" in run.output


def test_whom_the_kubeconfig_acts_as_is_obeyed(lab: Lab, tmp_path: Path) -> None:
    data = config(lab)
    for user in data["users"]:
        user["user"]["as"] = "nobody-of-this-cluster"
    run = lab.play("health_check", {}, kubeconfig=written(tmp_path, data))
    assert_told(run, "nobody-of-this-cluster", "forbidden")


def test_a_plugin_that_fails_is_told_in_its_own_words(lab: Lab, tmp_path: Path) -> None:
    data = config(lab)
    script = "echo 'the session has expired, log in again' >&2; exit 1"
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script], "interactiveMode": "Never"}
    for user in data["users"]:
        user["user"] = {"exec": plugin}
    run = lab.play("health_check", {}, kubeconfig=written(tmp_path, data))
    assert_told(run, "the session has expired, log in again")


def test_no_key_is_left_in_the_folder_of_temporary_files(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check runs in a worker of Ansible, which ends without what libraries do at the end of a process."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    variables = {"health_check_api_url": f"forward://{NAMESPACE}/euystacio-api:8000"}
    run = lab.play("health_check", variables, kubeconfig=written(tmp_path, config(lab)))
    assert run.report is not None, run.output
    assert {part["name"]: part["status"] for part in run.report["parts"]}["api"] == "healthy"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
