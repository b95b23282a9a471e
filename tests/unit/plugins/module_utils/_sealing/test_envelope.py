# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing import envelope


def test_keys_that_are_none(tmp_path: Path) -> None:
    short, wrong = tmp_path / "short", tmp_path / "wrong.pem"
    short.write_text("abc")
    wrong.write_text("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n")
    for path, words in ((short, "shorter than 32"), (wrong, "holds no key"), (tmp_path / "none", "can't be read")):
        with pytest.raises(SalvageError, match=words):
            envelope.signer(str(path))
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    public = rsa.generate_private_key(rsa.SECP256R1()).public_key()
    wrong.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(SalvageError, match="not ed25519"):
        envelope.signer(str(wrong))


def test_without_cryptography_there_is_still_hmac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "key.pem"
    private.write_text("-----BEGIN PRIVATE KEY-----\n")
    monkeypatch.setattr(envelope, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(SalvageError, match="cryptography is missing"):
        envelope.signer(str(private))
