# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import identity_file, private_key, public_key
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

KEY = Ed25519PrivateKey.generate()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase"))
ANOTHER_KIND = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], str]:
    def write(content: bytes) -> str:
        path = tmp_path / "key"
        path.write_bytes(content)
        return str(path)

    return write


def test_what_the_private_key_signs_the_public_one_proves(file: Callable[[bytes], str]) -> None:
    signing = private_key(file(PRIVATE))
    proving = public_key(file(PUBLIC))
    assert proving.verifies(b"record", signing.sign(b"record"))
    assert not proving.verifies(b"another", signing.sign(b"record"))
    assert proving.key_id == signing.key_id == public_key(file(PRIVATE)).key_id


def test_a_public_key_is_refused_for_signing_before_anything_is_read(file: Callable[[bytes], str]) -> None:
    with pytest.raises(SalvageError, match="a public key can't sign; give the private one"):
        private_key(file(PUBLIC))


@pytest.mark.parametrize("load", [private_key, public_key])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "key holds no key in PEM without a passphrase"),
        (LOCKED, "key holds no key in PEM without a passphrase"),
        (ANOTHER_KIND, "is not ed25519; make one with 'openssl genpkey -algorithm ed25519'"),
    ],
)
def test_a_file_that_is_no_such_key_is_told(
    file: Callable[[bytes], str], load: Callable[[str], Any], content: bytes, sentence: str
) -> None:
    with pytest.raises(SalvageError, match=sentence) as caught:
        load(file(content))
    assert caught.value.reason == "bad_input"


@pytest.mark.parametrize("load", [private_key, public_key, identity_file])
def test_a_file_that_can_not_be_read_is_told(tmp_path: Path, load: Callable[[str], Any]) -> None:
    with pytest.raises(SalvageError, match=r"the key .*/none can't be read: No such file or directory") as caught:
        load(str(tmp_path / "none"))
    assert caught.value.reason == "bad_input"
    with pytest.raises(SalvageError, match=r"can't be read: Is a directory"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "the file of signing_key can't be read: No such file or directory"),
        (b"", "the file of signing_key holds no key in PEM"),
        (PUBLIC, "the file of signing_key: a public key can't sign"),
    ],
)
def test_an_option_that_ansible_hides_is_named_and_its_path_is_not(
    tmp_path: Path, file: Callable[[bytes], str], content: bytes | None, sentence: str
) -> None:
    path = str(tmp_path / "none") if content is None else file(content)
    with pytest.raises(SalvageError, match=sentence) as caught:
        private_key(path, "signing_key")
    assert path not in str(caught.value)


def test_all_identities_of_a_file_open_an_archive(file: Callable[[bytes], str]) -> None:
    old, new = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    found = identity_file(file(f"# created: today, by caf\u00e9\n{old}\n\n{new}\n".encode("latin-1")))
    for identity in (old, new):
        assert pyrage.decrypt(pyrage.encrypt(b"archive", [identity.to_public()]), found) == b"archive"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"# public key: age1x\n", "holds no age private key .*; make one with age-keygen"),
        (b"\xff\x00\xfe", "holds no age private key .*; make one with age-keygen"),
        (b"AGE-SECRET-KEY-1CUTSHORT\n", "holds an age private key that cannot be read"),
    ],
)
def test_a_file_without_an_identity_is_told_and_never_shown(file: Callable[[bytes], str], content: bytes, sentence: str) -> None:
    with pytest.raises(SalvageError, match=sentence) as caught:
        identity_file(file(content))
    assert caught.value.reason == "bad_input"
    assert "CUTSHORT" not in str(caught.value)
