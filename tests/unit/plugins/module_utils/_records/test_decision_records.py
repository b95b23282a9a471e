# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records import decision_records as record
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.chain_head import default_head_file, read_head
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Signer, signer

DECISION = {"decision": "keep_block", "provider": "p", "who": "me", "why": "because", "at": "2026-11-24T15:00:00Z"}


@pytest.fixture
def secret(tmp_path: Path) -> Signer:
    path = tmp_path / "secret"
    path.write_text("0123456789abcdef" * 4)
    return signer(f"hmac:{path}")


def pem(folder: Path) -> tuple[str, str]:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = ed25519.Ed25519PrivateKey.generate()
    private, public = folder / "key.pem", folder / "key.pub"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return str(private), str(public)


@pytest.fixture
def head(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere/head.json"


def test_a_record_is_signed_chained_and_written_once(tmp_path: Path, head: Path) -> None:
    private, public = pem(tmp_path)
    key, folder = signer(private), str(tmp_path / "records")
    first = record.write_record(folder, DECISION, key, head)
    assert (first.new, first.head.count) == (True, 1)
    again = record.write_record(folder, {**DECISION, "at": "later"}, key, head)
    assert (again.file, again.record, again.new, again.head) == (first.file, first.record, False, first.head)
    assert record.write_record(folder, {**DECISION, "provider": "q"}, key, head, dry_run=True).new
    second = record.write_record(folder, {**DECISION, "provider": "q"}, key, head)
    assert second.record["previous"] == first.head.digest
    other = signer(public)
    found = record.verify(folder, {other.key_id: other})
    assert [(item.record["provider"], item.problem) for item in found] == [("p", ""), ("q", "")]
    assert record.head_of(found) == second.head == read_head(head, {other.key_id: other})
    with pytest.raises(SalvageError, match="can't sign"):
        other.sign(b"x")


def test_the_id_covers_all_of_the_content(tmp_path: Path, secret: Signer, head: Path) -> None:
    for change in ({"details": {"cluster": "b"}}, {"evidence": {"x": "1"}}, {"at": "later"}, {"schema": 2}):
        assert record.identity({**DECISION, **change}) != record.identity(DECISION)
    folder = str(tmp_path / "records")
    record.write_record(folder, {**DECISION, "details": {"cluster": "a"}}, secret, head)
    again = record.write_record(folder, {**DECISION, "details": {"cluster": "b"}}, secret, head)
    assert (again.new, again.differs, again.record["details"]) == (False, ("details",), {"cluster": "a"})
    assert record.write_record(folder, {**DECISION, "reference": "b"}, secret, head).new


def test_what_was_changed_or_taken_away_is_seen(tmp_path: Path, secret: Signer, head: Path) -> None:
    folder = tmp_path / "records"
    assert record.write_record(str(folder), DECISION, secret, head, dry_run=True).new
    assert not folder.exists()
    assert not head.parent.exists()
    for provider in "abcd":
        record.write_record(str(folder), {**DECISION, "provider": provider}, secret, head)
    keys = {secret.key_id: secret}
    first, second, third, _fourth = sorted(folder.iterdir())
    text = second.read_text()

    second.write_text(text.replace("because", "instead"))
    problems = [item.problem for item in record.verify(str(folder), keys)]
    assert problems == ["", "its signature does not fit its content", "the record before it was changed or taken away", ""]
    second.write_text(text)
    third.unlink()
    assert record.verify(str(folder), keys)[2].problem == "the record before it was changed or taken away"
    assert "another key" in record.verify(str(folder), {})[0].problem
    first.write_text("[]")
    assert record.verify(str(folder), keys)[0].to_dict()["problem"] == "it is not a decision record"


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_newest_records_that_were_taken_away_are_missed_and_nothing_follows_them(
    tmp_path: Path, secret: Signer, head: Path, kept: int
) -> None:
    folder = tmp_path / "records"
    for provider in "abcd":
        record.write_record(str(folder), {**DECISION, "provider": provider}, secret, head)
    for path in sorted(folder.iterdir())[kept:]:
        path.unlink()
    for dry_run in (True, False):
        with pytest.raises(SalvageError, match=r"are not complete, so nothing was recorded: .* the newest are missing"):
            record.write_record(str(folder), DECISION, secret, head, dry_run=dry_run)
    if not kept:
        folder.rmdir()
        with pytest.raises(SalvageError, match="are not complete"):
            record.write_record(str(folder), DECISION, secret, head, dry_run=True)


def test_a_run_that_was_killed_before_it_wrote_the_head_is_continued(tmp_path: Path, secret: Signer, head: Path) -> None:
    folder = str(tmp_path / "records")
    record.write_record(folder, DECISION, secret, head)
    before = head.read_bytes()
    second = record.write_record(folder, {**DECISION, "provider": "q"}, secret, head)
    head.write_bytes(before)
    again = record.write_record(folder, {**DECISION, "provider": "q"}, secret, head)
    assert (again.new, again.head) == (False, second.head)
    assert read_head(head, {secret.key_id: secret}) == second.head


def test_a_record_that_was_planted_is_refused(tmp_path: Path, secret: Signer, head: Path) -> None:
    folder = tmp_path / "records"
    planted = {**DECISION, "id": record.identity(DECISION), "previous": None}
    text = json.dumps({"record": planted, "signature": {"algorithm": secret.algorithm, "key_id": secret.key_id, "value": ""}})
    record.write_record(str(folder), {**DECISION, "provider": "q"}, secret, head)
    for number, content in (("000001", text), ("000002", text), ("000002", json.dumps({"record": planted})), ("000002", "{}")):
        path = folder / f"{number}-{planted['id']}.decision.json"
        path.write_text(content)
        with pytest.raises(SalvageError, match="is not verified, so nothing was recorded"):
            record.write_record(str(folder), DECISION, secret, head)
        path.unlink()
    os.mkfifo(folder / "000002-x.decision.json")
    with pytest.raises(SalvageError, match="it is not a decision record"):
        record.write_record(str(folder), DECISION, secret, head)


def test_a_record_under_another_name_is_seen(tmp_path: Path, secret: Signer, head: Path) -> None:
    path = Path(record.write_record(str(tmp_path / "records"), DECISION, secret, head).file)
    path.rename(path.with_name("000001-0000000000000000.decision.json"))
    assert record.verify(str(path.parent), {secret.key_id: secret})[0].problem == "its id does not fit its content"


def test_a_new_key_follows_an_earlier_one_that_is_accepted(tmp_path: Path, secret: Signer, head: Path) -> None:
    folder, key = str(tmp_path / "records"), signer(pem(tmp_path)[0])
    record.write_record(folder, DECISION, secret, head)
    with pytest.raises(SalvageError, match="signed with another key"):
        record.write_record(folder, {**DECISION, "provider": "q"}, key, head)
    assert record.write_record(folder, {**DECISION, "provider": "q"}, key, head, accepted={secret.key_id: secret}).new


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"head": {"count": 1, "digest": "x"}}', '{"head": 1, "head": 2}', "\x00"])
def test_a_head_that_is_not_signed_is_refused(tmp_path: Path, secret: Signer, head: Path, content: str) -> None:
    head.parent.mkdir()
    head.write_text(content)
    with pytest.raises(SalvageError, match="is not the head of these records"):
        record.write_record(str(tmp_path / "records"), DECISION, secret, head)


def test_the_head_is_not_kept_beside_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one, other = default_head_file(str(tmp_path / "records")), default_head_file(str(tmp_path / "other"))
    assert one != other
    assert one.parent == other.parent == tmp_path / "state/meta-salvage/heads"
    assert default_head_file(f"{tmp_path}/x/../records/") == one


def test_a_folder_that_is_none(tmp_path: Path, secret: Signer, head: Path) -> None:
    with pytest.raises(SalvageError, match="no folder"):
        record.verify(str(tmp_path / "none"), {})
    (tmp_path / "file").write_text("")
    with pytest.raises(SalvageError, match="can't be recorded"):
        record.write_record(str(tmp_path / "file"), DECISION, secret, head)
