# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import (
    decrypt,
    encrypt,
    identities,
    passing_identity,
    recipients,
)

IDENTITY = pyrage.x25519.Identity.generate()
TEXT = b"line\n" * 1000


def sealed(text: bytes = TEXT) -> bytes:
    target = io.BytesIO()
    encrypt([text[:10], text[10:]], target, recipients([f" {IDENTITY.to_public()}\n"]))
    return target.getvalue()


def opened(data: bytes, most: int = len(TEXT), identity: pyrage.x25519.Identity = IDENTITY) -> bytes:
    target = io.BytesIO()
    decrypt(io.BytesIO(data), target.write, [identity], "the snapshot", most)
    return target.getvalue()


def test_what_is_sealed_opens_for_its_recipient() -> None:
    assert TEXT not in sealed()
    assert opened(sealed()) == TEXT


def test_it_opens_for_nobody_else() -> None:
    with pytest.raises(SalvageError, match="cannot be decrypted with this identity"):
        opened(sealed(), identity=passing_identity())


def test_what_is_larger_than_it_says_is_refused_on_the_way() -> None:
    with pytest.raises(SalvageError, match="the snapshot is refused"):
        opened(sealed(b"\0" * (64 << 20)), most=1 << 20)


@pytest.mark.parametrize("texts", [[], ["age1"], ["AGE-SECRET-KEY-1ABC"], [""], [str(IDENTITY.to_public()), "x"]])
def test_a_recipient_that_is_none_is_a_sentence_without_a_private_key(texts: list[str]) -> None:
    with pytest.raises(SalvageError) as caught:
        recipients(texts)
    assert caught.value.reason == "bad_input"
    assert "ABC" not in str(caught.value)


def test_identities_of_a_file_as_age_keygen_writes_it() -> None:
    assert len(identities(f"# created\n# public key\n{IDENTITY}\n{IDENTITY}\n", "the file")) == 2
    for text in ("", "# nothing", "AGE-SECRET-KEY-1SHORT"):
        with pytest.raises(SalvageError, match="the file holds") as caught:
            identities(text, "the file")
        assert "SHORT" not in str(caught.value)
