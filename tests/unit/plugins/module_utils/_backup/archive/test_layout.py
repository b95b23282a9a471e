# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import gzip
import io
import json
import random
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.layout import Plain, read_archive, verify_archive
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing import age
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import encrypt, identities, passing_identity, recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.hashing import canonical
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st


def make_key() -> Ed25519:
    return Ed25519(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key")


KEY = make_key()
IDENTITY = pyrage.x25519.Identity.generate()
SECRETS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"s{n}", "namespace": "a"}, "data": {"k": "plain"}} for n in range(50)
]


def archive(items: list[dict[str, Any]] | None = None) -> bytes:
    target = io.BytesIO()
    encrypt(Plain(SECRETS if items is None else items, lambda: {"name": "b"}, KEY), target, [IDENTITY.to_public()])
    return target.getvalue()


ARCHIVE = archive()


def sealed(lines: list[bytes], behind: bytes = b"") -> io.BytesIO:
    """An archive of somebody who has the public key of the recipient, but not the signing key."""
    return io.BytesIO(pyrage.encrypt(gzip.compress(b"".join(line + b"\n" for line in lines)) + behind, [IDENTITY.to_public()]))


def lines_of(data: bytes) -> list[bytes]:
    return gzip.decompress(pyrage.decrypt(data, [IDENTITY])).splitlines()


def test_an_archive_comes_back_whole_and_shows_nothing_in_clear() -> None:
    assert b"plain" not in ARCHIVE
    manifest, objects = read_archive(io.BytesIO(ARCHIVE), KEY, [IDENTITY])
    assert objects == SECRETS
    assert len(manifest["objects"]) == 50
    assert verify_archive(io.BytesIO(ARCHIVE), KEY, [IDENTITY]) == manifest


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_content_comes_back_as_it_was(content: Any) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": content}
    assert read_archive(io.BytesIO(archive([item])), KEY, [IDENTITY])[1] == [item]


@pytest.mark.parametrize("seed", range(200))
def test_a_flip_or_a_truncation_is_refused(seed: int) -> None:
    rng, data = random.Random(seed), bytearray(ARCHIVE)
    at = rng.randrange(len(data))
    if seed % 2:
        del data[at:]
    else:
        data[at] ^= 1 << rng.randrange(8)
    with pytest.raises(SalvageError):
        verify_archive(io.BytesIO(bytes(data)), KEY, [IDENTITY])


def test_what_was_encrypted_by_somebody_else_is_refused() -> None:
    lines = lines_of(ARCHIVE)
    assert verify_archive(sealed(lines), KEY, [IDENTITY])["name"] == "b"
    *objects, manifest, signature = lines
    forged = b'{"object":' + canonical({**SECRETS[0], "data": {"k": "forged"}}) + b"}"
    rewritten = manifest.replace(b'"name":"b"', b'"name":"c"')
    for bad, words in [
        ([*objects[1:], manifest, signature], "not those of its manifest"),
        ([forged, *objects[1:], manifest, signature], "not those of its manifest"),
        ([objects[0], *objects, manifest, signature], "not those of its manifest"),
        ([*objects, rewritten, signature], "it is not signed with this key"),
        ([*objects, manifest], "end is missing"),
        ([*objects, manifest, signature, objects[0]], "in the wrong place"),
        ([*objects, manifest, signature, signature], "in the wrong place"),
        ([b"nonsense", *objects, manifest, signature], "in the wrong place"),
        ([b'{"object":[1]}', *objects, manifest, signature], "cannot be read"),
        ([*objects, manifest, b'{"signature":"no base64!"}'], "its signature cannot be read"),
        ([*objects, manifest, signature.replace(b'":"', b'": "')], "not in the encoding that it was written in"),
    ]:
        with pytest.raises(SalvageError, match=words) as caught:
            read_archive(sealed(bad), KEY, [IDENTITY])
        assert caught.value.reason == "invalid"
    with pytest.raises(SalvageError, match="data after its end"):
        verify_archive(sealed(lines, b"more"), KEY, [IDENTITY])
    with pytest.raises(SalvageError, match="unpacked"):
        verify_archive(io.BytesIO(pyrage.encrypt(b"no gzip", [IDENTITY.to_public()])), KEY, [IDENTITY])


def test_a_form_of_later_versions_is_refused_by_its_number() -> None:
    *objects, manifest, _signature = lines_of(ARCHIVE)
    later = canonical({**json.loads(manifest)["manifest"], "schema": 2})
    signature = canonical({"signature": base64.b64encode(KEY.sign(later)).decode()})
    with pytest.raises(SalvageError, match="it has the schema 2, which this version does not support"):
        verify_archive(sealed([*objects, b'{"manifest":' + later + b"}", signature]), KEY, [IDENTITY])


def test_without_the_library_one_sentence_says_so_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "HAS_PYRAGE", False)
    source = io.BytesIO(ARCHIVE)
    for ask in (
        lambda: recipients(["age1"]),
        lambda: identities("", "file"),
        passing_identity,
        lambda: verify_archive(source, KEY, [IDENTITY]),
    ):
        with pytest.raises(SalvageError, match="library pyrage is missing") as caught:
            ask()
        assert caught.value.reason == "missing_library"
    assert source.tell() == 0


def test_what_can_not_be_encrypted_is_one_sentence() -> None:
    target = io.BytesIO()
    with pytest.raises(SalvageError, match="the archive cannot be encrypted") as caught:
        encrypt(Plain(SECRETS, dict, KEY), target, [])
    assert caught.value.reason == "invalid" and not target.getvalue()


def test_another_key_opens_and_proves_nothing() -> None:
    with pytest.raises(SalvageError, match="cannot be decrypted with this identity"):
        verify_archive(io.BytesIO(ARCHIVE), KEY, [pyrage.x25519.Identity.generate()])
    with pytest.raises(SalvageError, match="it is not signed with this key"):
        verify_archive(io.BytesIO(ARCHIVE), make_key(), [IDENTITY])


def test_what_fails_while_it_is_read_or_written_is_told_as_it_is() -> None:
    def breaking() -> Any:
        yield SECRETS[0]
        raise SalvageError("the server is gone", reason="unreachable")

    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(SalvageError, match="the server is gone"):
        encrypt(Plain(breaking(), dict, KEY), io.BytesIO(), [IDENTITY.to_public()])
    with pytest.raises(OSError, match="No space left"):
        encrypt(Plain(SECRETS, dict, KEY), Full(), [IDENTITY.to_public()])


def test_keys_are_refused_in_one_sentence_that_does_not_show_them() -> None:
    assert len(recipients([str(IDENTITY.to_public())])) == 1
    with pytest.raises(SalvageError, match="no recipient is given"):
        recipients([])
    with pytest.raises(SalvageError, match="not an age public key"):
        recipients(["age1nonsense"])
    with pytest.raises(SalvageError) as caught:
        recipients([str(IDENTITY)])
    assert str(IDENTITY) not in str(caught.value)
    assert len(identities(f"# created\n{IDENTITY}\n", "file")) == 1
    with pytest.raises(SalvageError, match="holds no age private key"):
        identities("# nothing\n", "file")
    with pytest.raises(SalvageError, match="cannot be read"):
        identities(str(IDENTITY)[:-3], "file")


def test_the_lines_are_json_that_other_tools_read() -> None:
    *objects, manifest, signature = [json.loads(line) for line in lines_of(ARCHIVE)]
    assert objects[0]["object"]["metadata"]["name"] == "s0"
    assert manifest["manifest"]["schema"] == 1
    assert set(signature) == {"signature"}
