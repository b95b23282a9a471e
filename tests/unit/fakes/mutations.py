# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs that are nearly right: a good document or a good text, changed in a few places, and bytes that were never right."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WORDS = [
    "", " ", "\0", "\x1b[31m", "null", "NaN", "-1", "1e999", "../../etc/passwd", "2026-13-45T99:99:60Z", "{{ x }}", "é" * 40, "a" * 5000,
]  # fmt: skip
DEEP = {"<deep>": 40, "<deeper>": 3000, "<deepest>": 200_000}  # written as so many brackets
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(WORDS),
    st.sampled_from([10**400, -(2**63) - 1, [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, [{}], [[], {}, None, 0]]),
)  # fmt: skip


def _places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _places(value, (*above, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _places(value, (*above, index))


@st.composite
def documents(draw: st.DrawFn, good: Any) -> Any:
    """A good document in which up to four places are something else, missing, doubled, or nested too deep."""
    document = copy.deepcopy(good)
    for _change in range(draw(st.integers(0, 4))):
        *above, last = draw(st.sampled_from(list(_places(document)))) or (None,)
        if last is None:
            document = copy.deepcopy(draw(ODD))
            continue
        parent = document
        for step in above:
            parent = parent[step]
        change = draw(st.sampled_from(["odd", "odd", "gone", "twice", "deep", "key"]))
        if change == "gone":
            del parent[last]
        elif change == "twice" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        elif change == "deep":
            parent[last] = draw(st.sampled_from(sorted(DEEP)))
        elif change == "key" and isinstance(parent, dict):
            parent[draw(st.sampled_from(WORDS))] = parent.pop(last)
        else:
            parent[last] = copy.deepcopy(draw(ODD))
    return document


def as_json(document: Any) -> bytes:
    """Also of what Python writes and JSON does not know."""
    text = json.dumps(document).encode()
    for word, depth in DEEP.items():
        text = text.replace(f'"{word}"'.encode(), b"[" * depth + b"]" * depth)
    return text


@st.composite
def texts(draw: st.DrawFn, *good: bytes) -> bytes:
    """A good text that was cut, repeated, or overwritten in up to four places; now and then packed, or any bytes at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    text = draw(st.sampled_from(good))
    for _change in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 30))
        new = draw(
            st.one_of(
                st.binary(max_size=6), st.sampled_from([*(word.encode() for word in WORDS), b"\n", b'"', b"}", b"[" * 3000, b"9" * 5000])
            )
        )
        text = text[:at] + draw(st.sampled_from([new, text[at : at + length] * 2, b""])) + text[at + length :]
    return gzip.compress(text) if draw(st.integers(0, 9)) == 0 else text


def bodies(*good: Any) -> st.SearchStrategy[bytes]:
    """JSON that is nearly right, or a text that was."""
    return st.one_of(*(documents(one).map(as_json) for one in good), texts(*(as_json(one) for one in good)))


# What stands where an honest service puts something else: null, other types, words of no table, numbers that are none.
_WRONG: list[Any] = [
    None, True, False, 0, -1, float("nan"), float("inf"), "", " ", "Perhaps", "true", "NaN", [], {}, [None], [{}], {"a": 1},
]  # fmt: skip
GONE = "<gone>"


def spoilt(good: Any, *places: str) -> Iterator[tuple[str, Any, Any]]:
    """The place, what stands there now (or GONE), and the good document with only that place wrong.

    A place is written ``status/conditions/0/type``.  What means the same as before is left out.
    """
    for place in places:
        for new in [*_WRONG, GONE]:
            document = copy.deepcopy(good)
            *above, last = (int(step) if step.isdecimal() else step for step in place.split("/"))
            parent = document
            for step in above:
                parent = parent[step]
            if type(new) is type(parent[last]) and new == parent[last]:
                continue
            if new == GONE:
                del parent[last]
            else:
                parent[last] = copy.deepcopy(new)
            yield place, new, document


def false_healthy(judge: Any, good: Any, *places: str, honest: Any = ()) -> list[tuple[str, Any]]:
    """The places and wrong values that ``judge`` (of a document, to a status) takes for healthy.  ``honest``: those that it may."""
    assert judge(good) == "healthy", "the document itself must be good"
    allowed = [(place, new) for place, news in dict(honest).items() for new in news]
    found = [(place, new) for place, new, document in spoilt(good, *places) if judge(document) == "healthy"]
    return [one for one in found if not any(one[0] == place and type(one[1]) is type(new) and one[1] == new for place, new in allowed)]
