# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records import decision_records as record
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


def test_a_record_is_signed_chained_and_written_once(tmp_path: Path) -> None:
    private, public = pem(tmp_path)
    key, folder = signer(private), str(tmp_path / "records")
    first = record.write_record(folder, DECISION, key)
    assert first[2]
    assert record.write_record(folder, {**DECISION, "at": "later"}, key) == (first[0], first[1], False)
    assert record.write_record(folder, {**DECISION, "provider": "q"}, key, dry_run=True)[2]
    second = record.write_record(folder, {**DECISION, "provider": "q"}, key)
    assert second[1]["previous"]
    other = signer(public)
    found = record.verify(folder, {other.key_id: other})
    assert [(item.record["provider"], item.problem) for item in found] == [("p", ""), ("q", "")]
    with pytest.raises(SalvageError, match="can't sign"):
        other.sign(b"x")


def test_what_was_changed_or_taken_away_is_seen(tmp_path: Path, secret: Signer) -> None:
    folder = tmp_path / "records"
    assert record.write_record(str(folder), DECISION, secret, dry_run=True)[2]
    assert not folder.exists()
    for provider in "abcd":
        record.write_record(str(folder), {**DECISION, "provider": provider}, secret)
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


def test_a_folder_that_is_none(tmp_path: Path, secret: Signer) -> None:
    with pytest.raises(SalvageError, match="no folder"):
        record.verify(str(tmp_path / "none"), {})
    (tmp_path / "file").write_text("")
    with pytest.raises(SalvageError, match="can't be recorded"):
        record.write_record(str(tmp_path / "file"), DECISION, secret)
