# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that a user sees: a sentence, and a token that code can branch on; and how a module ends with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .redact import clean, outgoing, redacted

LONGEST_SENTENCE = 2000
REASONS = frozenset(
    {
        "unreachable",
        "timeout",
        "tls",
        "unauthorized",
        "forbidden",
        "not_found",
        "conflict",
        "invalid",
        "http_error",
        "too_large",
        "bad_input",
        "missing_library",
    }
)


class SalvageError(Exception):
    """What is wrong, where, and what to do, in one sentence; ``reason`` is one of ``REASONS``.

    A sentence often quotes what a server, a library or the user said: no credential in it gets further than this.
    """

    def __init__(self, sentence: str, *, reason: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not a reason token")
        super().__init__(clean(redacted(sentence), limit=LONGEST_SENTENCE))
        self.reason = reason


def shown(value: object) -> str:
    """A value from outside, short enough for a sentence."""
    try:
        text = redacted(repr(value))  # before it is cut: half an address no longer looks like one with a password
    except (ValueError, RecursionError):  # an int of thousands of digits, or nesting without an end
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def conclude(module: Any, work: Callable[[], dict[str, Any]]) -> None:
    """The module's end: what ``work`` gives, which may have ``failed``, or the sentence of what kept it from it; without credentials."""
    try:
        result = outgoing(work())
    except SalvageError as exc:
        module.fail_json(msg=str(exc), reason=exc.reason)
    except Exception as exc:
        exc.args = tuple(outgoing(exc.args))  # a defect is not hidden, what it quotes is
        raise
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
