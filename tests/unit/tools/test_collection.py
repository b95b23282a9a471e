# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive depends on the commit alone, and the version stands in galaxy.yml alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import collection, env

FILES = {"README.md": b"# Read me\n", "plugins/modules/a.py": b"a = 1\n", "tools/run": b"#!/bin/sh\n", "docs/empty": b""}
# Places that tell of earlier versions, or of other people's.
HISTORY = ("CHANGELOG.rst", "changelogs/", "lab/go/", "tools/locks/")
FOREIGN = (".sum", "go.mod")


def as_ansible_galaxy_builds(order: list[str], mtime: int, owner: str, executable: int) -> bytes:
    """An archive as ansible-galaxy writes it: the order of the file system, and the time of now."""
    listed = [{"name": name, "ftype": "file", "chksum_sha256": hashlib.sha256(FILES[name]).hexdigest()} for name in order]
    files = json.dumps({"files": [{"name": ".", "ftype": "dir", "chksum_sha256": None}, *listed], "format": 1}).encode()
    info = {"name": "FILES.json", "chksum_sha256": hashlib.sha256(files).hexdigest()}
    manifest = json.dumps({"collection_info": {"version": "1.2.3"}, "file_manifest_file": info, "format": 1}).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as out:
        for name, text in [("MANIFEST.json", manifest), ("FILES.json", files), *((name, FILES[name]) for name in order)]:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(text), mtime, owner
            member.mode = executable if name == "tools/run" else 0o644
            out.addfile(member, io.BytesIO(text))
    return raw.getvalue()


@given(
    order=st.permutations(sorted(FILES)),
    mtime=st.integers(0, 2**31),
    owner=st.text("abc", max_size=5),
    executable=st.sampled_from([0o755, 0o700, 0o711, 0o775]),
)
def test_order_time_owner_and_umask_change_no_byte(order: list[str], mtime: int, owner: str, executable: int) -> None:
    first = collection.canonical(as_ansible_galaxy_builds(sorted(FILES), 1, "root", 0o755), 1_700_000_000)
    assert collection.canonical(as_ansible_galaxy_builds(order, mtime, owner, executable), 1_700_000_000) == first


def test_what_is_in_it_is_what_was_in_it_and_the_hashes_agree() -> None:
    made = collection.canonical(as_ansible_galaxy_builds(list(reversed(FILES)), 5, "ann", 0o700), 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(made)) as content:
        members = {member.name: member for member in content}
        texts = {name: content.extractfile(member).read() for name, member in members.items()}
    assert list(members)[:2] == ["MANIFEST.json", "FILES.json"]
    assert {name: texts[name] for name in FILES} == FILES
    assert json.loads(texts["MANIFEST.json"])["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(texts["FILES.json"]).hexdigest()
    assert {member.mtime for member in members.values()} == {1_700_000_000}
    assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "")}
    assert members["tools/run"].mode == 0o755
    assert members["README.md"].mode == 0o644


def test_the_gzip_header_has_neither_time_nor_name_nor_system() -> None:
    made = collection.canonical(as_ansible_galaxy_builds(sorted(FILES), 5, "ann", 0o755), 1)
    assert made[3:8] == b"\0\0\0\0\0"
    assert made[9] == 255, "the operating system, which is unknown"
    assert gzip.decompress(made)


def test_a_moment_that_is_not_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(env.EnvError, match="'yesterday'; it is a number of seconds"):
        collection.moment()


def test_a_folder_without_git_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(env.EnvError, match="not a git checkout"):
        collection.sources(tmp_path)


def places_of_the_version(text: str) -> list[str]:
    found = re.compile(rf"(?<![\w.])v?{re.escape(collection.version())}(?![\w.])")
    return [line for line in text.splitlines() if found.search(line) and "version_added" not in line]


def test_only_galaxy_yml_states_the_version() -> None:
    stated = {}
    for name in collection.sources():
        if name.startswith(HISTORY) or name.endswith(FOREIGN):
            continue
        try:
            lines = places_of_the_version((env.CHECKOUT / name).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # a picture
        if lines:
            stated[name] = lines
    assert list(stated) == ["galaxy.yml"], stated


def test_a_second_place_would_be_found() -> None:
    assert places_of_the_version(f"__version__ = '{collection.version()}'\n")
    assert not places_of_the_version(f"    version_added: {collection.version()}\n10.{collection.version()}\n")
