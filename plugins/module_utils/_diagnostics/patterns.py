# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions that a rule may use: those that cannot take long, whatever the text is.  Pure.

A pattern's cost is in how many ways it can match from one place; a pattern that has a cost above the limit is refused, and so is all
that has no such number: a repeat without an end, a look around, a reference to a group.
"""

from __future__ import annotations

import re
from typing import Any

try:
    from re import _parser as sre  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # Python 3.10
    import sre_parse as sre  # type: ignore[no-redef,unused-ignore]

MAX_COST = 4000
_PLAIN = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "CATEGORY"})


def bounded(pattern: object) -> tuple[re.Pattern[str], int]:
    """The pattern, which ignores case, and its cost.  Raises ValueError with the end of a sentence."""
    if not isinstance(pattern, str) or not pattern:
        raise ValueError("is not a regular expression; write one as text")
    if len(pattern) > 500:
        raise ValueError("is longer than 500 characters; split the rule")
    try:
        cost = _cost(sre.parse(pattern))
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"is not a regular expression ({exc})") from None
    if cost > MAX_COST:
        raise ValueError("could take too long on a hostile line; use smaller bounds, such as .{0,40}")
    if compiled.search("") is not None:
        raise ValueError("matches an empty text; say what must be there")
    return compiled, cost


def _cost(parts: Any) -> int:
    total = 1
    for operation, argument in parts:
        total *= _cost_of(str(operation), argument)
        if total > MAX_COST:
            return MAX_COST + 1
    return total


def _cost_of(name: str, argument: Any) -> int:
    if name in _PLAIN:
        return 1
    if name == "BRANCH":
        return sum(_cost(branch) for branch in argument[1])
    if name == "SUBPATTERN":
        return _cost(argument[-1])
    if name in {"MAX_REPEAT", "MIN_REPEAT"}:
        least, most, content = argument
        if most == sre.MAXREPEAT:
            raise ValueError("repeats without an end; write bounds instead of * and +, such as .{0,40}")
        inner = _cost(content)
        return MAX_COST + 1 if inner > 1 and most > 12 else (int(most) - int(least) + 1) * int(inner ** int(most))
    raise ValueError("looks around or refers to a group; use characters, classes, alternatives and bounded repeats")
