# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot on this machine that is looked at, and goes into a data folder: an empty one, once, and after a kill."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot import perform
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.options import SnapshotOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.perform import SnapshotRun
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.snapshot import File, SnapshotSample, record_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.vault import PartialSnapshot
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BLOCK = "01M87P42FAJFK84CXKBZMG1J9X"
NAME = "20261124T210653Z-502303605d96750b"
SAMPLE = SnapshotSample({"__name__": "up"}, 1795554412915, "1")
INDEX = f"{BLOCK}/index"
CONTENT = b"index"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "snapshots"
    part = PartialSnapshot.begin(folder, NAME, {"name": NAME})
    (part.data / BLOCK).mkdir()
    (part.data / INDEX).write_bytes(CONTENT)
    files = [File(INDEX, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())]
    part.publish(record_of(NAME, {"pod": "prom-0"}, "2026-11-24T21:06:53Z", SAMPLE, files, (0, 1000)), files, [], None)
    return folder


def run(directory: Path, *, check_mode: bool = False, promtool: str | None = "/bin/promtool", **params: Any) -> SnapshotRun:
    printed = f'{{__name__="up"}} {SAMPLE.value} {SAMPLE.time}\n'
    params = {"unsigned": True, **params}
    return SnapshotRun(
        SnapshotOptions(str(directory), **params), {}, lambda argv: (0, printed, ""), lambda name: promtool, check_mode=check_mode
    )


def test_the_newest_is_verified(directory: Path) -> None:
    result = run(directory, state="verified").result()
    assert (result["changed"], result["snapshot"]["path"]) == (False, str(directory / NAME))


@pytest.mark.parametrize("state", ["verified", "restored"])
def test_a_snapshot_of_nobody_knows_whom_needs_a_word_of_its_own(directory: Path, tmp_path: Path, state: str) -> None:
    with pytest.raises(SalvageError, match="public_key is missing, so who took the snapshot can't be verified") as caught:
        run(directory, state=state, unsigned=False, data_dir=str(tmp_path / "prometheus")).result()
    assert caught.value.reason == "bad_input"
    assert not (tmp_path / "prometheus").exists()


def test_with_a_key_the_word_has_no_effect(directory: Path, tmp_path: Path) -> None:
    pem = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(pem)
    with pytest.raises(SalvageError, match="is not signed by the key that was given"):
        run(directory, state="verified", public_key=str(tmp_path / "key.pub")).result()


@pytest.mark.parametrize("state", ["verified", "restored"])
@pytest.mark.parametrize(
    ("said", "asked", "words"),
    [
        ({"name": "staging", "uid": "u"}, {"cluster": "production"}, "it is of the cluster staging, not of production"),
        ({"name": "staging", "uid": "u"}, {"cluster": "production", "allow_unknown_cluster": True}, "it is of the cluster staging"),
        (None, {"cluster": "production"}, "set allow_unknown_cluster=true"),
        (None, {"cluster": "production", "allow_unknown_cluster": True}, ""),
        ({"name": "staging", "uid": "u"}, {"cluster": "staging"}, ""),
        ({"name": "staging", "uid": "u"}, {}, ""),  # nothing to compare it with
    ],
)
def test_a_snapshot_of_another_cluster_is_refused(
    directory: Path, tmp_path: Path, state: str, said: Any, asked: dict[str, Any], words: str
) -> None:
    path = directory / NAME / "snapshot.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "cluster": said}))
    target = tmp_path / "prometheus"
    if words:
        with pytest.raises(SalvageError, match=words) as caught:
            run(directory, state=state, data_dir=str(target), **asked).result()
        assert caught.value.reason == "invalid" and not target.exists()
    else:
        assert run(directory, state=state, data_dir=str(target), **asked).result()


def test_into_a_pod_it_is_compared_with_the_live_cluster(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = directory / NAME / "snapshot.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "cluster": {"name": "staging", "uid": "u"}}))
    there = run(directory, state="restored")
    there.cluster = None  # type: ignore[assignment]
    monkeypatch.setattr(there, "prometheus", lambda: SimpleNamespace(folder=lambda: "", has=lambda sample: True))
    monkeypatch.setattr(perform, "cluster_uid", lambda cluster: "another")
    with pytest.raises(SalvageError, match="it is of another cluster, staging; to use it here, set cluster=staging"):
        there.result()
    monkeypatch.setattr(perform, "cluster_uid", lambda cluster: "u")
    assert there.result()["changed"] is False


def test_without_promtool_nothing_is_said_to_be_good(directory: Path) -> None:
    with pytest.raises(SalvageError, match="there is no promtool where the module runs"):
        run(directory, promtool=None, state="verified").result()


def test_it_goes_into_an_empty_folder_and_a_second_time_nothing_changes(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "prometheus"
    asked = {"state": "restored", "data_dir": str(target)}
    assert run(directory, check_mode=True, **asked).result()["changed"]
    assert not target.exists()
    assert run(directory, **asked).result()["changed"]
    assert (target / INDEX).read_bytes() == CONTENT
    assert not run(directory, **asked).result()["changed"]


def test_what_a_killed_run_left_is_made_anew(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "prometheus"
    (target / f".{BLOCK}").mkdir(parents=True)
    (target / f".{BLOCK}" / "half").write_bytes(b"")
    assert run(directory, state="restored", data_dir=str(target)).result()["changed"]
    assert [path.name for path in target.rglob("*")] == [BLOCK, "index"]


def test_blocks_are_not_mixed_with_those_of_another(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "prometheus" / "wal").mkdir(parents=True)
    with pytest.raises(SalvageError, match="isn't empty; blocks go into an empty folder only"):
        run(directory, state="restored", data_dir=str(tmp_path / "prometheus")).result()
    assert [path.name for path in (tmp_path / "prometheus").iterdir()] == ["wal"]


@pytest.mark.parametrize(
    ("free", "recipients", "words"),
    [(0, [], "prom-0 has 0 MiB free"), (1 << 60, [], ""), (1 << 60, ["age1"], "make room first")],
    ids=["in-the-pod", "enough", "here"],
)
def test_there_must_be_room_in_the_pod_and_here(
    directory: Path, monkeypatch: pytest.MonkeyPatch, free: int, recipients: Any, words: str
) -> None:
    there = run(directory, pod="prom-0", recipients=recipients)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3 << 20}))
    if words:
        with pytest.raises(SalvageError, match=words):
            there.check_room(free, 1 << 20, 2 << 20)
    else:
        there.check_room(free, 1 << 20, 2 << 20)
