# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as they lie on this machine: encrypted, signed, and refused when anything about them was changed."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot import vault as safe
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.snapshot import (
    File,
    SnapshotSample,
    read_record,
    record_of,
    time_range,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.vault import (
    PartialSnapshot,
    newest,
    open_snapshot,
    promtool_proves,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

BLOCK = "01M87P42FAJFK84CXKBZMG1J9X"
NAME = "20261124T210653Z-502303605d96750b"
LATER = "20261124T220000Z-1"
SAMPLE = SnapshotSample({"__name__": "up"}, 1795554412915, "1")
IDENTITY = pyrage.x25519.Identity.generate()
TO = [IDENTITY.to_public()]
CONTENTS = {f"{BLOCK}/chunks/000001": bytes(range(256)) * 8000, f"{BLOCK}/index": b"index", f"{BLOCK}/tombstones": b""}
FILES = [File(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in CONTENTS.items()]


def make_key() -> Ed25519:
    return Ed25519(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key")


KEY = make_key()


def filled(directory: Path, name: str = NAME) -> PartialSnapshot:
    part = PartialSnapshot.begin(directory, name, {"name": name})
    for path, content in CONTENTS.items():
        (part.data / path).parent.mkdir(parents=True, exist_ok=True)
        (part.data / path).write_bytes(content)
    return part


def record(name: str = NAME) -> dict[str, Any]:
    return record_of(name, {"pod": "prom-0"}, "2026-11-24T21:06:53Z", SAMPLE, FILES, (0, 1000))


def published(directory: Path, *, to: Any = (), key: Ed25519 | None = None) -> Path:
    return filled(directory).publish(record(), FILES, to, key)


def there(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failure(folder: Path, having: Any = (), key: Ed25519 | None = None) -> tuple[str, str]:
    before = sorted(folder.parent.iterdir())
    with pytest.raises(SalvageError) as caught, open_snapshot(folder, having, key):
        pass
    assert sorted(folder.parent.iterdir()) == before  # nothing in clear is left
    return caught.value.reason, str(caught.value)


def change(folder: Path, **what: Any) -> None:
    """The record, by somebody who has no key."""
    path = folder / "snapshot.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **what}))


# Encrypted.


def test_an_encrypted_snapshot_has_nothing_in_clear_and_opens_whole(tmp_path: Path) -> None:
    folder = published(tmp_path, to=TO)
    assert folder == tmp_path / NAME
    assert set(there(folder)) == {"snapshot.json", *(f"data/{path}.age" for path in CONTENTS)}
    assert all(content.startswith(b"age-encryption.org") for path, content in there(folder / "data").items())
    with open_snapshot(folder, [IDENTITY], None) as (read, files, sample, data):
        assert (read["encrypted"], read["size"], files, sample) == (True, 2_048_005, FILES, SAMPLE)
        assert there(data) == CONTENTS
        assert data.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [folder]


def test_each_of_several_recipients_opens_it(tmp_path: Path) -> None:
    other = pyrage.x25519.Identity.generate()
    folder = published(tmp_path, to=[*TO, other.to_public()])
    for having in ([IDENTITY], [other], [pyrage.x25519.Identity.generate(), other]):
        with open_snapshot(folder, having, None) as (_record, _files, _sample, data):
            assert there(data) == CONTENTS


def test_what_is_in_clear_goes_away_when_its_reader_fails(tmp_path: Path) -> None:
    folder = published(tmp_path, to=TO)
    with pytest.raises(SalvageError, match="promtool"), open_snapshot(folder, [IDENTITY], None):
        raise SalvageError("promtool says no", reason="invalid")
    assert list(tmp_path.iterdir()) == [folder]


def test_without_an_identity_it_stays_closed(tmp_path: Path) -> None:
    folder = published(tmp_path, to=TO)
    assert failure(folder) == ("bad_input", f"{folder} is encrypted; give the identity that opens it")


def test_another_identity_does_not_open_it(tmp_path: Path) -> None:
    folder = published(tmp_path, to=TO)
    reason, sentence = failure(folder, [pyrage.x25519.Identity.generate()])
    assert reason == "invalid"
    assert sentence.startswith(f"{folder} cannot be decrypted with this identity: ")


def _cut(content: bytes) -> bytes:
    return content[:-1]


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def _other_content(content: bytes) -> bytes:  # anybody has the public key
    return pyrage.encrypt(gzip.compress(b"Index"), TO)


def _no_gzip(content: bytes) -> bytes:
    return pyrage.encrypt(b"index", TO)


def _cut_gzip(content: bytes) -> bytes:
    return pyrage.encrypt(gzip.compress(bytes(range(256)) * 8000)[:2000], TO)


def _nothing(content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("path", [f"{BLOCK}/chunks/000001", f"{BLOCK}/index"])
@pytest.mark.parametrize("alter", [_cut, _flipped, _other_content, _no_gzip, _cut_gzip, _nothing])
def test_an_encrypted_file_that_was_changed_is_refused(tmp_path: Path, path: str, alter: Callable[[bytes], bytes]) -> None:
    folder = published(tmp_path, to=TO)
    there = folder / "data" / f"{path}.age"
    there.write_bytes(alter(there.read_bytes()))
    assert failure(folder, [IDENTITY])[0] == "invalid"


@pytest.mark.parametrize("signed", [True, False])
def test_an_archive_that_swells_is_refused_and_its_disk_stays_free(tmp_path: Path, signed: bool) -> None:
    """Of an earlier release too, with no digest of what is encrypted: nothing more is unpacked than the record says."""
    folder = published(tmp_path, to=TO, key=KEY if signed else None)
    if not signed:
        change(folder, sealed=None)
    bomb = pyrage.encrypt(gzip.compress(bytes(64 << 20)), TO)
    (folder / "data" / BLOCK / "index.age").write_bytes(bomb)
    reason, sentence = failure(folder, [IDENTITY], KEY if signed else None)
    expected = f"{BLOCK}/index is not what was copied" if signed else "it unpacks to more than its signed record says"
    assert (reason, sentence) == ("invalid", f"{folder} is refused: {expected}; take another snapshot")


def test_nothing_is_decrypted_of_an_encrypted_file_that_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = published(tmp_path, to=TO, key=KEY)
    there = folder / "data" / BLOCK / "index.age"
    there.write_bytes(_flipped(there.read_bytes()))
    monkeypatch.setattr(safe, "decrypt", None)
    assert failure(folder, [IDENTITY], KEY)[1] == f"{folder} is refused: {BLOCK}/index is not what was copied; take another snapshot"


@pytest.mark.parametrize("path", ["01M87P42FAJFK84CXKBZMG1J9Y/index", f"{BLOCK}/chunks/000002", "wal"])
def test_a_file_that_the_record_does_not_know_is_refused(tmp_path: Path, path: str) -> None:
    folder = published(tmp_path, key=KEY)
    (folder / "data" / path).parent.mkdir(exist_ok=True)
    (folder / "data" / path).write_bytes(b"planted")
    assert failure(folder, [], KEY) == ("invalid", f"{folder} is refused: {path} is not in its record; take another snapshot")


def test_other_content_under_the_right_key_is_named(tmp_path: Path) -> None:
    folder = published(tmp_path, to=TO)
    (folder / "data" / BLOCK / "index.age").write_bytes(_other_content(b""))
    assert failure(folder, [IDENTITY]) == (
        "invalid",
        f"{folder} is refused: {BLOCK}/index is not what was copied; take another snapshot",
    )


def test_a_run_killed_while_it_encrypted_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    real, left = safe.encrypt, 2

    def dying(pieces: Any, target: Any, to: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            target.write(b"half")
            raise Killed
        real(pieces, target, to)

    monkeypatch.setattr(safe, "encrypt", dying)
    with pytest.raises(Killed):
        filled(tmp_path).publish(record(), FILES, TO, None)
    with pytest.raises(SalvageError, match="there is no snapshot"):
        newest(tmp_path)
    monkeypatch.setattr(safe, "encrypt", real)
    ((part, note),) = PartialSnapshot.found(tmp_path)
    assert note == {"name": NAME}
    folder = part.publish(record(), FILES, TO, None)
    assert set(there(folder)) == {"snapshot.json", *(f"data/{path}.age" for path in CONTENTS)}
    with open_snapshot(folder, [IDENTITY], None) as (_record, _files, _sample, data):
        assert there(data) == CONTENTS


# Signed.


@pytest.mark.parametrize("to", [(), TO])
def test_a_signed_snapshot_opens_for_who_has_the_key(tmp_path: Path, to: Any) -> None:
    folder = published(tmp_path, to=to, key=KEY)
    with open_snapshot(folder, [IDENTITY], KEY) as (read, _files, _sample, data):
        assert "signature" in read
        assert there(data) == CONTENTS


@pytest.mark.parametrize(
    "what",
    [
        {"signature": None},
        {"signature": "no base64"},
        {"signature": "AAAA"},
        {"taken": "2026-11-25T00:00:00Z"},
        {"encrypted": True},
        {"sample": {"labels": {}, "time": 1, "value": "0"}},
        {"files": []},
    ],
)
def test_a_record_that_was_changed_is_not_of_the_key(tmp_path: Path, what: dict[str, Any]) -> None:
    folder = published(tmp_path, key=KEY)
    change(folder, **what)
    assert failure(folder, [], KEY) == ("invalid", f"{folder} is not signed by the key that was given; take another snapshot")


def test_neither_another_key_nor_another_name_will_do(tmp_path: Path) -> None:
    folder = published(tmp_path, key=KEY)
    assert "not signed by the key" in failure(folder, [], make_key())[1]
    renamed = folder.rename(tmp_path / LATER)  # an old one that is to pass for the newest
    assert "not signed by the key" in failure(renamed, [], KEY)[1]


# Records.


def test_the_newest_is_the_one_of_the_latest_name(tmp_path: Path) -> None:
    first = filled(tmp_path, LATER).publish(record(LATER), FILES, [], None)
    published(tmp_path)
    filled(tmp_path, "20270101T000000Z-1")  # under way
    assert newest(tmp_path) == first


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert failure(tmp_path / "empty") == ("bad_input", f"{tmp_path / 'empty'} is not a snapshot, there is no snapshot.json in it")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"files": [], "sample": {}}',
        '{"files": [{"path": "x", "more": 1}], "sample": {}}',
        "\udcff",
        "[" * 500_000,
        "null",
        '{"files": {}, "sample": null}',
        '{"files": [{"path": "x", "size": 1}], "sample": {}}',
        (
            '{"schema": 1, "files": [{"path": "01M87P42FAJFK84CXKBZMG1J9X/index", "size": "5", "sha256": "0"}],'
            ' "sample": {"labels": {}, "time": 1, "value": "0"}}'
        ),
        (
            '{"schema": 1, "files": [{"path": "01M87P42FAJFK84CXKBZMG1J9X/index", "size": 1e99, "sha256": "0"}],'
            ' "sample": {"labels": {}, "time": 1, "value": "0"}}'
        ),
        '{"schema": 1, "files": [], "sample": {"labels": [], "time": "now", "value": "0"}}',
    ],
)
def test_a_record_that_can_not_be_read(tmp_path: Path, text: str) -> None:
    folder = published(tmp_path)
    (folder / "snapshot.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    reason, sentence = failure(folder)
    assert reason == "invalid"
    assert sentence.startswith(f"{folder}/snapshot.json can't be read: ")
    assert sentence.endswith("; take another snapshot")


@pytest.mark.parametrize(
    "sample",
    [
        {"labels": {"a": 1}, "time": 1, "value": "1"},
        {"labels": {}, "time": 1, "value": "much"},
        {"labels": {}, "time": 1, "value": None},
        {"labels": {}, "time": 10**30, "value": "1"},
        {"labels": {}, "time": True, "value": "1"},
        {"labels": {}, "time": 1.5, "value": "1"},
    ],
)
def test_a_sample_that_is_none(tmp_path: Path, sample: dict[str, Any]) -> None:
    folder = published(tmp_path)
    change(folder, sample=sample)
    assert failure(folder)[0] == "invalid"


@pytest.mark.parametrize("name", ["../../etc", LATER, None, ["x"]])
def test_a_record_under_another_name_is_refused_without_a_key_too(tmp_path: Path, name: Any) -> None:
    folder = published(tmp_path)
    change(folder, name=name)
    assert failure(folder) == ("invalid", f"{folder} has the record of another snapshot, {name!r}; take another snapshot")


def test_a_form_of_another_version(tmp_path: Path) -> None:
    folder = published(tmp_path)
    change(folder, schema=2)
    assert failure(folder) == ("invalid", f"{folder} has the schema 2, which this version does not support")


def test_a_path_that_leads_elsewhere(tmp_path: Path) -> None:
    folder = published(tmp_path)
    change(folder, files=[{"path": "../../../etc/passwd", "size": 1, "sha256": "0"}])
    assert failure(folder) == ("invalid", f"{folder} names a file '../../../etc/passwd', which is not part of a block")


def test_a_record_says_what_a_reader_wants_to_know(tmp_path: Path) -> None:
    read, files, sample = read_record(published(tmp_path), None)
    assert (read["from"], read["until"], read["source"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z", {"pod": "prom-0"})
    assert (read["encrypted"], files, sample) == (False, FILES, SAMPLE)
    assert "signature" not in read


def test_the_span_of_all_blocks(tmp_path: Path) -> None:
    with pytest.raises(SalvageError, match="has no block; wait until Prometheus has scraped something"):
        time_range(tmp_path)
    for name, times in {"a": (5, 7), "b": (2, 6)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "meta.json").write_text(json.dumps({"minTime": times[0], "maxTime": times[1]}))
    assert time_range(tmp_path) == (2, 7)


# Proven.


class Promtool:
    def __init__(self, opens: tuple[int, str, str], dumps: tuple[int, str, str]) -> None:
        self._says = {"list": opens, "dump": dumps}
        self.ran: list[list[str]] = []

    def run_command(self, argv: list[str]) -> tuple[int, str, str]:
        self.ran.append(argv)
        return self._says[argv[2]]


DUMPED = f'{{__name__="up"}} 1 {SAMPLE.time}\n'


def test_promtool_opens_all_and_has_the_sample(tmp_path: Path) -> None:
    promtool = Promtool((0, "BLOCK ULID", ""), (0, DUMPED, ""))
    promtool_proves(promtool.run_command, "/bin/promtool", tmp_path, SAMPLE)
    at = SAMPLE.time
    assert promtool.ran == [
        ["/bin/promtool", "tsdb", "list", str(tmp_path)],
        ["/bin/promtool", "tsdb", "dump", f"--min-time={at}", f"--max-time={at}", '--match={__name__="up"}', str(tmp_path)],
    ]


@pytest.mark.parametrize(
    ("opens", "dumps", "sentence"),
    [
        (
            (1, "", "open\n  index: invalid\tmagic"),
            (0, DUMPED, ""),
            "the snapshot does not open: open index: invalid magic; take another one",
        ),
        ((0, "", ""), (1, "", "corrupt chunk"), "the snapshot does not open: corrupt chunk; take another one"),
        ((0, "", ""), (0, "", ""), f"the snapshot does not have the sample {SAMPLE}, which Prometheus had before; take another one"),
        (
            (0, "", ""),
            (0, DUMPED.replace(" 1 ", " 0 "), ""),
            f"the snapshot does not have the sample {SAMPLE}, which Prometheus had before; take another one",
        ),
    ],
)
def test_what_promtool_does_not_prove_is_refused(tmp_path: Path, opens: Any, dumps: Any, sentence: str) -> None:
    with pytest.raises(SalvageError) as caught:
        promtool_proves(Promtool(opens, dumps).run_command, "promtool", tmp_path, SAMPLE)
    assert (caught.value.reason, str(caught.value)) == ("invalid", sentence)
