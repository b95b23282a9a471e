# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a request to the API server is sent again, and after which pause."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from .http import Response

_NOT_DONE = 429  # the server has not begun with the request
_LONGEST_PAUSE = 3600.0  # seconds; a server that asks for years means something else
_TRANSIENT = frozenset({_NOT_DONE, 500, 502, 503, 504})


@dataclass(frozen=True)
class Retry:
    """At most ``tries`` requests within ``seconds``; ``reasons`` are those of a connection that failed."""

    tries: int = 6
    seconds: float = 60.0
    reasons: frozenset[str] = frozenset({"http_error", "unreachable", "timeout"})


ONCE = Retry(tries=1)


def repeatable(method: str, body: Any) -> bool:
    """Whether a request can be sent again when nobody knows if the first one went through.

    Reads, and writes of which only one can succeed (a name, a resourceVersion, a uid), or that have the same result twice.
    """
    if method == "POST":
        return isinstance(body, Mapping) and bool((body.get("metadata") or {}).get("name"))
    if method == "PATCH" and isinstance(body, list):
        return any(operation.get("op") == "test" for operation in body)
    return True


def transient(status: int, safe: bool) -> bool:
    """Whether an answer is worth another request; ``safe`` is whether the request is repeatable."""
    return status in _TRANSIENT if safe else status == _NOT_DONE


def pause(attempt: int, answer: Response | None) -> float:
    """Seconds until the next request: what the server asks for, else a growing time."""
    asked = asked_pause(answer) if answer else None
    return min(0.05 * 2.0 ** min(attempt, 5), 1.0) * (0.5 + random.random()) if asked is None else asked  # noqa: S311


def asked_pause(answer: Response) -> float | None:
    """The seconds that a server asks for before the next request, None without a Retry-After that can be read."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return min(float(asked), _LONGEST_PAUSE)
    try:
        return min(max(0.0, parsedate_to_datetime(asked).timestamp() - time.time()), _LONGEST_PAUSE)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
