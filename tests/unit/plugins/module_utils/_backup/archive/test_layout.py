# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import resource
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.layout import (
    Ceilings,
    Plain,
    ceilings,
    verify_archive,
)
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
MOST = Ceilings(1 << 20, 1 << 18)


def read_archive(source: io.BytesIO, key: Ed25519, having: list[Any]) -> tuple[dict[str, Any], list[Any]]:
    found: list[Any] = []
    return verify_archive(source, key, having, MOST, found.append), found


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
    assert verify_archive(io.BytesIO(ARCHIVE), KEY, [IDENTITY], MOST) == manifest


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
        verify_archive(io.BytesIO(bytes(data)), KEY, [IDENTITY], MOST)


def test_what_was_encrypted_by_somebody_else_is_refused() -> None:
    lines = lines_of(ARCHIVE)
    assert verify_archive(sealed(lines), KEY, [IDENTITY], MOST)["name"] == "b"
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
        verify_archive(sealed(lines, b"more"), KEY, [IDENTITY], MOST)
    with pytest.raises(SalvageError, match="unpacked"):
        verify_archive(io.BytesIO(pyrage.encrypt(b"no gzip", [IDENTITY.to_public()])), KEY, [IDENTITY], MOST)


def test_a_form_of_later_versions_is_refused_by_its_number() -> None:
    *objects, manifest, _signature = lines_of(ARCHIVE)
    later = canonical({**json.loads(manifest)["manifest"], "schema": 2})
    signature = canonical({"signature": base64.b64encode(KEY.sign(later)).decode()})
    with pytest.raises(SalvageError, match="it has the schema 2, which this version does not support"):
        verify_archive(sealed([*objects, b'{"manifest":' + later + b"}", signature]), KEY, [IDENTITY], MOST)


def test_without_the_library_one_sentence_says_so_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age, "HAS_PYRAGE", False)
    source = io.BytesIO(ARCHIVE)
    for ask in (
        lambda: recipients(["age1"]),
        lambda: identities("", "file"),
        passing_identity,
        lambda: verify_archive(source, KEY, [IDENTITY], MOST),
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
        verify_archive(io.BytesIO(ARCHIVE), KEY, [pyrage.x25519.Identity.generate()], MOST)
    with pytest.raises(SalvageError, match="it is not signed with this key"):
        verify_archive(io.BytesIO(ARCHIVE), make_key(), [IDENTITY], MOST)


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


@pytest.fixture
def little_memory() -> Iterator[None]:
    """100 MiB more than there is now: what fills the memory fails here, and not the machine."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + (100 << 20), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def bomb(piece: bytes, pieces: int = 300) -> io.BytesIO:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = b"".join([*(packer.compress(piece) for _ in range(pieces)), packer.flush()])
    return io.BytesIO(pyrage.encrypt(packed, [IDENTITY.to_public()]))


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("piece", "most", "words"),
    [
        (bytes(1 << 20), Ceilings(1 << 30, 1 << 20), "a line in it is longer than its signed record says"),
        (bytes(1 << 20), Ceilings(1 << 22, 1 << 30), "it unpacks to more than its signed record says"),
        (b'{"object":{' + b" " * (1 << 20) + b"}}\n", Ceilings(1 << 30, 1 << 22), "an object in it cannot be read"),
        (b"\n" * (1 << 20), Ceilings(1 << 22, 1 << 22), "a line in it is in the wrong place"),
        (b'{"object":' + b"[" * 100_000 + b"\n", Ceilings(1 << 30, 1 << 22), "an object in it cannot be read"),
    ],
)
def test_what_swells_is_refused_in_one_sentence_and_in_bounded_memory(piece: bytes, most: Ceilings, words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        verify_archive(bomb(piece), KEY, [IDENTITY], most)
    assert caught.value.reason == "invalid"


def test_the_ceilings_are_what_was_written_to_the_byte() -> None:
    plain = Plain(SECRETS, lambda: {"name": "b"}, KEY)
    target = io.BytesIO()
    encrypt(plain, target, [IDENTITY.to_public()])
    lines = lines_of(target.getvalue())
    assert plain.ceilings == Ceilings(sum(len(line) + 1 for line in lines), max(len(line) + 1 for line in lines))
    for least in (plain.ceilings.total, plain.ceilings.total - 1):
        most = Ceilings(least, plain.ceilings.line)
        if least == plain.ceilings.total:
            verify_archive(io.BytesIO(target.getvalue()), KEY, [IDENTITY], most)
        else:
            with pytest.raises(SalvageError, match="more than its signed record says"):
                verify_archive(io.BytesIO(target.getvalue()), KEY, [IDENTITY], most)


@pytest.mark.parametrize(
    ("record", "most"),
    [
        ({"size": 10, "plain_size": 7, "longest_line": 3}, Ceilings(7, 3)),
        ({"size": 10}, Ceilings(10320 + 65536, 10320 + 65536)),
        ({"size": 10, "plain_size": 7}, Ceilings(10320 + 65536, 10320 + 65536)),
        ({"size": 10, "plain_size": "7", "longest_line": True}, Ceilings(10320 + 65536, 10320 + 65536)),
        ({"size": 1 << 30}, Ceilings(1032 * (1 << 30) + 65536, 1 << 29)),
        ({}, Ceilings(0, 0)),
        ({"size": True}, Ceilings(0, 0)),
    ],
)
def test_a_record_says_the_ceilings_and_one_of_earlier_releases_what_gzip_reaches(record: dict[str, Any], most: Ceilings) -> None:
    assert ceilings(record) == most
