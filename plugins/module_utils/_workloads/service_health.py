# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answer of a health endpoint means.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import shown
from .._core.status import CRITICAL, HEALTHY, STATUSES, UNKNOWN, WARNING

# The words of a field "status", and of an answer in plain text.  Upper and lower case mean the same.
WORDS: Mapping[str, str] = {
    **dict.fromkeys(("healthy", "ok", "up", "pass", "passing", "alive", "ready"), HEALTHY),
    **dict.fromkeys(("warn", "warning"), WARNING),
    **dict.fromkeys(
        ("unhealthy", "degraded", "down", "fail", "failed", "failing", "error", "critical", "out_of_service", "not ready"), CRITICAL
    ),
}


@dataclass(frozen=True)
class ServiceHealth:
    """``status`` as in _core/status; ``reason`` is empty if healthy, else it begins with "answered"; ``answer`` is the JSON object."""

    status: str
    reason: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)


# Fields of an answer that give the health of each of the service's own dependencies.
_PARTS = ("checks", "components", "dependencies", "services", "details", "entries", "results")


def service_health(code: int, content_type: str, body: bytes, words: Mapping[str, str] | None = None) -> ServiceHealth:
    """The health that an answer states: ``code`` is its HTTP status, ``content_type`` has no parameters (``Response.content_type``).

    Any code but 200 is critical.  A JSON object states its health in the field "status", a plain text in its only word.  An answer that
    states no health, or states it in a word that is not in ``words`` (by default ``WORDS``), is unknown: a proxy's or another service's
    page must not pass.
    An answer that gives the health of the service's dependencies is as bad as the worst of them.
    """
    words = WORDS if words is None else words
    if code != 200:
        return ServiceHealth(CRITICAL, f"answered {code}")
    try:
        data = json.loads(body, object_pairs_hook=_without_duplicates, parse_constant=_not_json)
    except _DuplicateKeyError as exc:
        return ServiceHealth(UNKNOWN, f"answered 200, but its answer has the key {shown(exc.args[0])} twice")
    except (ValueError, RecursionError):
        data = {"status": body.decode("utf-8", "replace").strip()} if content_type == "text/plain" else None
        if data and data["status"].lower() not in words:
            data = None
    word = data.get("status") if isinstance(data, dict) else None
    if word is None:
        kind = f" ({content_type})" if content_type and content_type != "application/json" else ""
        return ServiceHealth(UNKNOWN, f"answered 200, but its answer{kind} says nothing of its health")
    stated = [("", word), *_stated_of_parts(data)]
    found = [(words.get(said.strip().lower(), UNKNOWN) if isinstance(said, str) else UNKNOWN, part, said) for part, said in stated]
    status, part, said = max(found, key=lambda one: STATUSES.index(one[0]))
    return ServiceHealth(status, "" if status == HEALTHY else f"answered 200, but it says {shown(said)}{part and f' of {part}'}", data)


def _stated_of_parts(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The words for the dependencies, and for theirs.

    ``{"db": "up"}``, ``{"db": {"status": "up"}}``, ``[{"name": "db", "status": "up"}]`` or ``{"db": [{"status": "up"}]}``.
    """
    for field_name in _PARTS:
        listed = data.get(field_name)
        if isinstance(listed, (bool, str)):
            yield field_name, _said(listed)
        pairs = listed.items() if isinstance(listed, Mapping) else enumerate(listed) if isinstance(listed, list) else ()
        for name, found in pairs:
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, Mapping):
                    if "status" in one:
                        yield str(one.get("name") or name), _said(one["status"])
                    yield from _stated_of_parts(one)
                elif one is None or isinstance(one, (bool, str)):
                    yield str(name), _said(one)


def _said(word: Any) -> Any:
    return word if not isinstance(word, bool) else "up" if word else "down"


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _DuplicateKeyError(Exception):
    pass


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateKeyError(key)
        found[key] = value
    return found
