# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive as a user gets it: what is in it, and that it works from another folder, without the checkout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools import collection, release

NAME = "euystacio.meta_salvage"
KINDS = ("module", "filter", "test", "lookup", "callback", "inventory")
KUBECONFIG = os.environ.get("KUBECONFIG_LAB")


@pytest.fixture(scope="session")
def archive() -> Path:
    path = os.environ.get("META_SALVAGE_ARCHIVE")
    if not path:
        pytest.fail("META_SALVAGE_ARCHIVE does not name an archive: run `make artifact`.")
    return Path(path)


@pytest.fixture(scope="session")
def names(archive: Path) -> set[str]:
    with tarfile.open(archive) as content:
        return {member.name.removeprefix("./") for member in content if member.isfile()}


@pytest.fixture(scope="session")
def elsewhere(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own that has the archive installed, beside the same kubernetes.core as in the checkout's environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    done = ansible(folder, "ansible-galaxy", "collection", "install", str(archive), "--no-deps", "--offline", "-p", str(folder))
    assert done.returncode == 0, done.stderr
    beside = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0], "ansible_collections/kubernetes")
    (folder / "ansible_collections/kubernetes").symlink_to(beside)
    return folder


def ansible(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "K8S_AUTH_"))}
    environ |= {"ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_NOCOLOR": "1", "HOME": str(folder), **variables}
    return subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False
    )


def test_the_archive_has_what_a_user_needs(names: set[str]) -> None:
    for wanted in ("MANIFEST.json", "README.md", "LICENSE", "meta/runtime.yml", "meta/execution-environment.yml", "requirements.txt"):
        assert wanted in names
    for wanted in ("requirements-s3.txt", "requirements-openshift.txt", "bindep.txt", "docs/execution_environment.md"):
        assert wanted in names
    for folder in ("plugins/modules/", "plugins/module_utils/", "plugins/doc_fragments/", "roles/", "playbooks/", "docs/", "changelogs/"):
        assert any(name.startswith(folder) for name in names), folder


def test_the_archive_has_nothing_of_development(names: set[str]) -> None:
    for folder in ("lab/", "benchmarks/", "tests/", "tools/", "extensions/molecule/", "build/", ".ci/", ".git"):
        assert not [name for name in names if name.startswith(folder)], folder
    assert not [name for name in names if name.endswith((".lock", ".tar.gz", ".pyc")) or name in {"Makefile", "pyproject.toml"}]
    assert not [name for name in names if name.startswith(".")]


def test_another_user_builds_the_same_bytes_from_another_folder(archive: Path, tmp_path: Path) -> None:
    clone = tmp_path / "a clone"
    for name in collection.sources():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(collection.CHECKOUT / name, clone / name)  # and neither modes nor times
    for name in collection.git("ls-files", "-z", "--cached", "--format=%(objectmode) %(path)").split("\0"):
        if name.startswith("100755 "):
            (clone / name.removeprefix("100755 ")).chmod(0o700)
    subprocess.run(["git", "init", "--quiet", str(clone)], check=True)
    environ = {**os.environ, **release.ELSEWHERE, "SOURCE_DATE_EPOCH": str(collection.moment())}
    command = f'umask 077 && exec "{sys.executable}" -m tools.collection "{tmp_path}"'
    subprocess.run(["sh", "-c", command], cwd=clone, env=environ, check=True, capture_output=True)
    assert hashlib.sha256((tmp_path / archive.name).read_bytes()).digest() == hashlib.sha256(archive.read_bytes()).digest()


def test_the_archive_has_its_changelog(archive: Path) -> None:
    with tarfile.open(archive) as content:
        text = content.extractfile("CHANGELOG.rst").read().decode()
    assert f"v{collection.version()}\n=====" in text
    assert "\nNew Modules\n" in text


@pytest.mark.parametrize("kind", KINDS)
def test_ansible_doc_renders_every_plugin_of_the_kind(elsewhere: Path, kind: str) -> None:
    listed = ansible(elsewhere, "ansible-doc", "-t", kind, "-l", "--json", NAME)
    assert listed.returncode == 0, listed.stderr
    plugins = sorted(json.loads(listed.stdout or "{}"))
    files = list((elsewhere / "ansible_collections/euystacio/meta_salvage/plugins" / (kind if kind != "module" else "modules")).glob("*.*"))
    assert bool(plugins) == bool(files)
    if plugins:
        shown = ansible(elsewhere, "ansible-doc", "-t", kind, "--json", *plugins)
        assert shown.returncode == 0, shown.stderr
        documents = json.loads(shown.stdout)
        assert sorted(documents) == plugins
        assert all(document["doc"]["short_description"] and document["examples"] for document in documents.values())


def test_ansible_doc_renders_every_role(elsewhere: Path) -> None:
    roles = sorted(path.name for path in (elsewhere / "ansible_collections/euystacio/meta_salvage/roles").iterdir())
    shown = ansible(elsewhere, "ansible-doc", "-t", "role", "--json", *(f"{NAME}.{role}" for role in roles))
    assert shown.returncode == 0, shown.stderr
    assert sorted(json.loads(shown.stdout)) == [f"{NAME}.{role}" for role in roles]


def test_a_cluster_that_is_not_there_is_one_sentence(elsewhere: Path, tmp_path: Path) -> None:
    missing = tmp_path / "kubeconfig"
    done = ansible(elsewhere, "ansible", "localhost", "-m", f"{NAME}.health_info", "-a", f"kubeconfig={missing}", KUBECONFIG=str(missing))
    assert done.returncode != 0
    assert str(missing) in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(not KUBECONFIG, reason="needs a lab: KUBECONFIG_LAB")
def test_the_health_check_runs_from_the_installed_collection(elsewhere: Path, tmp_path: Path) -> None:
    done = ansible(
        elsewhere,
        *(
            "ansible-playbook",
            f"{NAME}.health_check",
            "-e",
            json.dumps({"health_check_report_dir": str(tmp_path), "health_check_fail_on": []}),
        ),
        KUBECONFIG=str(KUBECONFIG),
        K8S_AUTH_KUBECONFIG=str(KUBECONFIG),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("*.json"))
    assert list(tmp_path.rglob("*.html"))
