# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of containers: crash loops, memory, usage.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import is_integer
from .._core.redact import clean
from .._core.times import when
from .._workloads.capacity import quantity
from .contents import LONGEST_LINE, CheckHit, Contents, Evidence, Piece, Where, dict_of, each_of, string_of
from .paths import Steps

_LATELY = 600.0  # a container that ended within this time and runs again is still in its loop
_FEW = 2
_OUT_OF_MEMORY = "OOMKilled"


def crashing(contents: Contents, part: Piece | None, item: tuple[Steps, Any] | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A container that ends again and again, by its exit code: ``exit`` lists them, ``not_exit`` all but them."""
    if part is None or item is None:
        return
    steps, status = item
    ended_at, ended = _ended(contents, part, status)
    code = ended.get("exitCode")
    if not ended_at or not is_integer(code) or string_of(ended, "reason") == _OUT_OF_MEMORY:
        return
    if ("exit" in args and code not in args["exit"]) or code in args.get("not_exit", ()):
        return
    where = (*steps, *ended_at, "exitCode")
    evidence: list[Where | Evidence] = [Where(part, where, code), Where(part, (*steps, "restartCount"), status.get("restartCount"))]
    said = last_words(contents, part, string_of(status, "name"))
    facts = {"exit": str(code), "restarts": str(status.get("restartCount")), "reason": string_of(ended, "reason") or "no reason"}
    yield CheckHit(facts, [*evidence, *([said] if said else [])])


def _ended(contents: Contents, part: Piece, status: Any) -> tuple[Steps, dict[str, Any]]:
    """How the container last ended, if it is in a loop of ends now."""
    state, last = dict_of(status, "state"), dict_of(status, "lastState", "terminated")
    now, waiting = dict_of(state, "terminated"), dict_of(state, "waiting")
    restarts = dict_of(status).get("restartCount")
    restarts = restarts if is_integer(restarts) else 0
    if string_of(dict_of(part.body, "spec"), "restartPolicy") == "Never" or dict_of(part.body, "metadata").get("deletionTimestamp"):
        return (), {}
    if waiting.get("reason") == "CrashLoopBackOff":
        return ("lastState", "terminated"), last
    if now and restarts and (now.get("exitCode") != 0 or restarts > _FEW) and string_of(dict_of(part.body, "status"), "phase") == "Running":
        return ("state", "terminated"), now
    if dict_of(state, "running") and restarts > _FEW and contents.recent(when(last.get("finishedAt")), _LATELY):
        return ("lastState", "terminated"), last
    return (), {}


def last_words(contents: Contents, part: Piece, container: str) -> Evidence | None:
    """The last line that a container wrote before it ended."""
    for ending in (".previous.log", ".log"):
        path = f"logs/{part.namespace}/{part.name}/{container}{ending}"
        data = contents.files.get(path, b"").rstrip()
        if data:
            line = data[data.rfind(b"\n") + 1 :][: 4 * LONGEST_LINE].decode(errors="replace")
            return Evidence(path, data.count(b"\n") + 1, clean(line, limit=LONGEST_LINE))
    return None


def out_of_memory(contents: Contents, part: Piece | None, item: tuple[Steps, Any] | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A container that the kernel killed for its memory, lately."""
    if part is None or item is None:
        return
    steps, status = item
    for state in ("state", "lastState"):
        ended = dict_of(status, state, "terminated")
        waiting = dict_of(status, "state", "waiting").get("reason") == "CrashLoopBackOff"
        if string_of(ended, "reason") == _OUT_OF_MEMORY and (waiting or contents.recent(when(ended.get("finishedAt")), _LATELY)):
            name = string_of(status, "name")
            limit, usage = _limit(part, name, "memory"), _usage(contents, part, name, "memory")
            evidence: list[Where | Evidence] = [Where(part, (*steps, state, "terminated", "reason"), _OUT_OF_MEMORY)]
            evidence += [one for one in (limit, usage) if one]
            words = {
                "limit": f"limit {limit.value}" if limit else "no limit",
                "usage": f"now {usage.value}" if usage else "usage not known",
            }
            yield CheckHit(words, evidence)
            return


def _limit(part: Piece, container: str, resource: str) -> Where | None:
    for key in ("containers", "initContainers"):
        for number, one in each_of(part.body, "spec", key):
            value = dict_of(one, "resources", "limits").get(resource)
            if string_of(one, "name") == container and isinstance(value, (str, int, float)):
                return Where(part, ("spec", key, number, "resources", "limits", resource), value)
    return None


def _usage(contents: Contents, part: Piece, container: str, resource: str) -> Where | None:
    pod = contents.usage().get((part.namespace, part.name))
    for number, one in each_of(pod.body, "containers") if pod else ():
        value = dict_of(one, "usage").get(resource)
        if pod and string_of(one, "name") == container and isinstance(value, (str, int, float)):
            return Where(pod, ("containers", number, "usage", resource), value)
    return None


def near_limit(contents: Contents, part: Piece | None, item: tuple[Steps, Any] | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A container that uses at least the ``share`` of its limit of a ``resource``."""
    if part is None or item is None:
        return
    name, resource = string_of(item[1], "name"), args.get("resource", "cpu")
    limit, usage = _limit(part, name, resource), _usage(contents, part, name, resource)
    share = share_of(usage.value, limit.value) if limit and usage else None
    if share is not None and limit and usage and share >= args.get("share", 0.95):
        yield CheckHit({"limit": str(limit.value), "usage": str(usage.value), "share": f"{share * 100:.0f} %"}, [usage, limit])


def share_of(used: Any, of: Any) -> float | None:
    """How much of a quantity is used, None if one of them cannot be read."""
    try:
        return float(quantity(used) / quantity(of))
    except (ArithmeticError, SalvageError):
        return None
