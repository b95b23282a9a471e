# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: its context, its requirements against the lock, and what playbooks need against what it lists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT))
from tools import env, install

AWX = CHECKOUT / "extensions/awx"


def load(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


NEEDS = load(AWX / "needs.yml")
PROGRAMS = {one for need in NEEDS["needs_programs"] for one in need["programs"]}


def run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false", **variables}
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL
    )


def test_ansible_builder_creates_a_context_that_brings_every_program(tmp_path: Path) -> None:
    file = str(AWX / "execution-environment.yml")
    done = run("ansible-builder", "create", "-f", file, "-c", "context", "--output-filename", "Containerfile", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    made = (tmp_path / "context/Containerfile").read_text()
    brought = set(re.findall(r"COPY --from=\S+ \S+ /usr/local/bin/(\w+)", made))
    for need in NEEDS["needs_programs"]:
        assert brought & set(need["programs"]), need
    assert brought <= PROGRAMS
    collections = load(tmp_path / "context/_build/requirements.yml")["collections"]
    assert [one["name"] for one in collections] == ["euystacio.meta_salvage", "kubernetes.core"]
    assert {path.name for path in (tmp_path / "context/_build/preflight").iterdir()} == {"preflight.yml", "needs.yml"}
    assert "preflight.yml -e preflight_s3=true -e preflight_strict=true" in made


def test_what_the_collections_ask_for_is_what_the_lock_has(tmp_path: Path) -> None:
    root = tmp_path / "ansible_collections"
    for name, target in {"euystacio/meta_salvage": CHECKOUT, "kubernetes/core": env.collection("kubernetes.core")}.items():
        (root / name).mkdir(parents=True)
        for file in ("meta", "requirements.txt", "requirements-s3.txt", "bindep.txt", "galaxy.yml", "MANIFEST.json"):
            if (target / file).exists():
                (root / name / file).symlink_to(target / file)
    done = run(
        "ansible-builder", "introspect", str(tmp_path), "--write-pip", str(tmp_path / "pip.txt"),
        "--write-bindep", str(tmp_path / "bindep.txt"),
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    asked = [
        Requirement(line.partition("#")[0].strip())
        for line in (tmp_path / "pip.txt").read_text().splitlines()
        if line.split("#")[0].strip()
    ]
    pins = re.findall(r"^([\w.-]+)==(\S+)", (CHECKOUT / "tools/locks/dev.lock").read_text(), re.MULTILINE)
    locked: dict[str, list[str]] = {canonicalize_name(name): [] for name, _ in pins}
    for name, version in pins:
        locked[canonicalize_name(name)].append(version)
    ours = {canonicalize_name(one.name) for one in asked} | {"pyyaml"}  # ansible-builder leaves it out: ansible-core brings it
    assert {"kubernetes", "pyrage", "cryptography", "boto3", "prometheus-client"} <= ours
    for one in asked:
        # What kubernetes.core asks for beside ours, such as jsonpatch, need not be in the lock of our development.
        versions = locked.get(canonicalize_name(one.name), [])
        assert not versions or any(one.specifier.contains(version, prereleases=True) for version in versions), one
    for line in (CHECKOUT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert canonicalize_name(Requirement(line).name) in ours & locked.keys(), line
    ours_too = [line for line in (tmp_path / "bindep.txt").read_text().splitlines() if "euystacio" in line]
    assert all(re.search(r"\[platform:\w+ (kustomize|samples)\]", line) for line in ours_too)  # in profiles: not everyone needs them


def test_every_import_and_program_is_listed() -> None:
    plugins = list((CHECKOUT / "plugins").rglob("*.py"))
    base = set(install.needed(plugins, "requirements.txt"))
    assert set(NEEDS["needs_packages"]) == base
    assert set(NEEDS["needs_packages_s3"]) == set(install.needed(plugins, "requirements-s3.txt")) - base
    table = (CHECKOUT / "docs/execution_environment.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    documented = {
        (program, playbook)
        for programs, by in rows
        for program in re.findall(r"`(\w+)`", programs)
        for playbook in re.findall(r"`(\w+)`", by)
    }
    playbooks = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}
    wanted = {(program, need["playbook"]) for need in NEEDS["needs_programs"] for program in need["programs"]}
    assert {pair for pair in documented if pair[1] in playbooks} == wanted
    called = "".join(path.read_text(encoding="utf-8") for path in [*plugins, *(CHECKOUT / "roles").rglob("*.yml")])
    for known in ("opa", "helm", "kustomize", "promtool", "terraform", "oc"):
        assert known in PROGRAMS and known in called


@pytest.mark.parametrize("complete", [True, False])
def test_the_preflight_names_what_is_missing_for_each_playbook(tmp_path: Path, complete: bool) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    for name in PROGRAMS if complete else PROGRAMS - {"helm", "opa", "kubectl"}:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    playbook = [sys.executable, "-m", "ansible.cli.playbook", str(AWX / "preflight.yml")]
    done = run(*playbook, "-e", "preflight_s3=true", folder=tmp_path, PATH=str(programs))
    said = done.stdout.replace('\\"', '"')
    if complete:
        assert done.returncode == 0 and "Nothing is missing." in said, said + done.stderr
        return
    assert done.returncode == 2, said + done.stderr
    assert "deploy lacks helm, which it calls if deploy_helm is set; add it to the execution environment." in said
    assert "peace_bonds_policy lacks opa, and cannot work without it; add it to the execution environment." in said
    assert "rebuild lacks helm, which it calls if cluster_rebuild_monitoring is set" in said
    assert "kustomize" not in said.replace("programs", "")  # it is there, so kubectl is not needed
