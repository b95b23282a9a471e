# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.hashing import Hashing, canonical, digest
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=10
)


@given(JSON)
def test_the_same_document_has_the_same_bytes(document: Any) -> None:
    shuffled = dict(reversed(document.items())) if isinstance(document, dict) else document
    assert canonical(shuffled) == canonical(document)
    assert json.loads(canonical(document).decode("utf-8", "surrogatepass")) == document


def test_its_form_is_fixed_for_signatures_of_earlier_releases() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()
    assert digest(b"a") == hashlib.sha256(b"a").hexdigest()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_what_json_does_not_have_is_a_sentence(value: Any) -> None:
    with pytest.raises(SalvageError, match="cannot be written as JSON") as caught:
        canonical({"a": value})
    assert caught.value.reason == "invalid"


def test_what_goes_through_is_counted_on_the_way_in_and_out() -> None:
    target = io.BytesIO()
    writing = Hashing(target)
    writing.write(b"one")
    writing.write(b"two")
    reading = Hashing(io.BytesIO(target.getvalue()))
    assert reading.read(2) == b"on"
    assert reading.drain() == writing.digest == digest(b"onetwo")
    assert (reading.size, writing.size) == (6, 6)


def test_a_stream_that_breaks_off_is_a_sentence() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(SalvageError, match="read on from byte 0: Input/output error") as caught:
        Hashing(Broken()).drain()
    assert caught.value.reason == "unreachable"
