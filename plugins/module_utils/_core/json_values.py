# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from outside: read so that bad values can be reported one by one, and described in words."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from .errors import SalvageError


class DuplicateKey:
    """A key that an object gives twice, with different values."""


def load_json(text: str | bytes, *, strict: bool = False) -> Any:
    """JSON that keeps duplicate keys and huge numbers apart, so that only their own value is refused.  Raises SalvageError(invalid).

    ``strict`` refuses all of it for NaN, Infinity or a key given twice, which two readers would read as two things.
    """
    pairs, constant = (_no_duplicates, _no_constant) if strict else (_unique, float)
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_int=_integer, parse_constant=constant)
    except (ValueError, RecursionError) as exc:
        if not text.strip():
            raise SalvageError("the answer is empty", reason="invalid") from None
        what = "is nested too deeply" if isinstance(exc, RecursionError) else f"is not JSON ({exc})"
        start = text[:40] if isinstance(text, str) else text[:40].decode("utf-8", "replace")
        sentence = f"the answer {what}; {len(text)} characters came, starting with {start!r}"
        raise SalvageError(sentence, reason="invalid") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("one key is given twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        result[key] = value if key not in result or _same(result[key], value) else DuplicateKey()
    return result


def _same(a: object, b: object) -> bool:
    return type(a) is type(b) and a == b


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else math.inf  # int() refuses thousands of digits; no float holds so many


def finite(raw: object) -> tuple[float | None, str]:
    """The finite number that ``raw`` is, or the reason why it is not one."""
    if isinstance(raw, DuplicateKey):
        return None, "given twice with different values"
    if raw is None:
        return None, "the value is null"
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None, f"the value is {json_kind(raw)}, not a number"
    try:
        number = float(raw)
    except OverflowError:
        number = math.inf
    return (number, "") if math.isfinite(number) else (None, f"the value is {_spelled(number)}")


def is_integer(raw: object) -> TypeGuard[int]:
    """Whether it is an integer; true and false are none."""
    return isinstance(raw, int) and not isinstance(raw, bool)


def _spelled(number: float) -> str:
    return "NaN" if math.isnan(number) else "infinite"


def json_kind(raw: object) -> str:
    """The value in words, for an error sentence."""
    if isinstance(raw, str):
        return f"the string {raw[:40]!r}"
    if isinstance(raw, bool):
        return f"the boolean {str(raw).lower()}"
    if raw is None:
        return "null"
    if isinstance(raw, Mapping):
        return "an object"
    if isinstance(raw, (list, tuple)):
        return "a list"
    return "a number" if isinstance(raw, (int, float)) else f"of type {type(raw).__name__}"


def as_mapping(value: object) -> Mapping[str, Any]:
    """The value, if it is a mapping; of anything else, none."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list; of anything else, none."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def as_text(raw: object) -> str:
    """A string as it is, anything else in words."""
    return raw if isinstance(raw, str) else json_kind(raw)
