# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lab.images import File, archive, layer, placeholder

NAMES = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,3}", fullmatch=True)


def _read(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_a_layer_has_the_files_their_folders_and_a_tmp(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    made = _read(layer({"bin/app": File(source=program, mode=0o755), "bin/sh": File(link="app"), "etc/deep/file": File(data=b"text")}))
    assert made["bin/app"].mode == 0o755
    assert made["bin/app"].size == 4
    assert made["bin/sh"].linkname == "app"
    assert made["etc/deep"].isdir()
    assert made["tmp"].mode == 0o1777


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=5))
def test_the_same_files_give_the_same_bytes(contents: dict[str, bytes]) -> None:
    files = {name: File(data=data) for name, data in contents.items()}
    assert layer(files) == layer(dict(reversed(files.items())))


def test_an_archive_says_what_containerd_checks() -> None:
    content = layer({"bin/app": File(data=b"x", mode=0o755)})
    with tarfile.open(fileobj=io.BytesIO(archive("localhost/app:v1", content, "/bin/app"))) as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file
            return file.read()

        (manifest,) = json.loads(read("manifest.json"))
        assert manifest["RepoTags"] == ["localhost/app:v1"]
        config = json.loads(read(manifest["Config"]))
        assert config["config"]["Entrypoint"] == ["/bin/app"]
        (name,) = manifest["Layers"]
        assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(read(name)).hexdigest()]


def test_layers_of_different_images_have_different_names() -> None:
    """containerd locks an import by its layer's name; one name for all would make parallel imports fail."""

    def name(content: bytes) -> str:
        with tarfile.open(fileobj=io.BytesIO(archive("a:b", layer({"f": File(data=content)}), "/f"))) as tar:
            return tar.getnames()[2]

    assert name(b"one") != name(b"two")


def test_placeholders() -> None:
    assert placeholder("prometheus-operator") == "IMAGE_PROMETHEUS_OPERATOR"
