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
    for place, words in (
        (f"hmac:{short}", "does not hold a secret of at least 32"),
        (str(short), "holds no key in PEM without a passphrase .write hmac:PATH for a shared secret."),
        (str(wrong), "holds no key in PEM without a passphrase:"),
        (str(tmp_path / "none"), "can't be read"),
        (f"hmac:{tmp_path / 'none'}", "can't be read"),
    ):
        with pytest.raises(SalvageError, match=words):
            envelope.signer(place)
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
    private.write_text("0123456789abcdef" * 4)
    assert envelope.signer(f"hmac:{private}").algorithm == "hmac-sha256"


@pytest.mark.parametrize(
    "text",
    [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ me@here",
        "ssh-ed25519AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9",
        "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB",
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudsgdnlsxdd8pm",
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----",
        "untrusted comment: minisign public key\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
        "localhost.localdomain.example.com.and.so.on",
        "x" * 31,
        "",
    ],
)
@pytest.mark.parametrize("shared", [True, False])
def test_what_everybody_knows_is_never_a_secret(tmp_path: Path, text: str, shared: bool) -> None:
    """Whoever has the public key of an operator could sign in the operator's place."""
    path = tmp_path / "key"
    path.write_text(text + "\n")
    if not shared and "PUBLIC KEY-----" in text:
        with pytest.raises(SalvageError, match="a public key can't sign"):
            envelope.signer(str(path)).sign(b"")
        return
    with pytest.raises(SalvageError) as caught:
        envelope.signer(f"hmac:{path}" if shared else str(path))
    assert caught.value.reason == "bad_input"
    assert not text or text[:20] not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["0123456789abcdef" * 4, "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0VngA=", "q83v-jRWeJASNFZ4kBI0VniQEjRW_JASNFZ4kBI0"]
)
def test_a_shared_secret_is_named_as_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(f" {text}\r\n")
    assert envelope.signer(f"hmac:{tmp_path / 'key'}").key_id == envelope.Hmac(text.encode(), "it").key_id
