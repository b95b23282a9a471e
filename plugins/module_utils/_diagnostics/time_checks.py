# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of times: certificates that end, clocks that differ, and a first error that follows a rollout.  Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.redact import clean
from .._core.sentences import some_of
from .._core.times import iso, span, when
from .certificates import certificates_in
from .contents import LONGEST_LINE, CheckHit, Contents, Evidence, Piece, Where, dict_of, each_of, event_evidence, list_of, string_of
from .log_lines import time_of
from .paths import Steps
from .timeline import rollouts

Item = tuple[Steps, Any]
_SKEW = 30.0  # seconds
_ORDER = 5.0  # seconds by which what follows may come first: times of the API are whole seconds
_SOON = 900.0  # seconds after a revision in which an error counts as its own
_QUIET = 900.0  # seconds before it without one
_ERROR = re.compile(rb"\b(?:error|fatal|panic|exception|traceback|critical)\b", re.IGNORECASE)
_NO_ERROR = re.compile(rb"\b(?:0|no) errors?\b|error[\"']?[:=] ?[\"']?(?:null|none|nil|false|0|\"\"|'')", re.IGNORECASE)
_WORDS = (b"error", b"fatal", b"panic", b"exception", b"traceback", b"critical")
_MOST_LINES = 20_000


def certificate_ends(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """Certificates that ended, or end within ``days``: those of cert-manager by their status, others by what they are.

    ``item``: a CA bundle, or the values of a ConfigMap.
    """
    if part is None or item is None:
        return
    steps, value = item
    limit = contents.collected_at + args.get("days", 0.0) * 86400
    least = contents.collected_at if args.get("days") else 0.0
    ended = when(value) if isinstance(value, str) and len(value) < 40 else None
    for moment, subject in [(ended, part.name)] if ended is not None else _certificates(value):
        if least <= moment < limit:
            left = moment - contents.collected_at
            facts = {"ends": iso(moment), "in": f"in {span(left)}" if left > 0 else f"{span(-left)} ago", "certificate": subject}
            yield CheckHit(facts, [Where(part, steps, value if ended is not None else f"{subject} ends {iso(moment)}")])


def _certificates(value: Any) -> Iterator[tuple[float, str]]:
    data = value.encode(errors="replace") if isinstance(value, str) else b""
    if data and b"-----BEGIN" not in data:
        try:
            data = base64.b64decode(data[:1_000_000], validate=True)
        except (binascii.Error, ValueError):
            return
    yield from certificates_in(data)


def clock_differs(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A node with a clock that differs: it says times that are still to come, or that a pod started before it was made."""
    if part is None:
        return
    worst: tuple[float, Where] | None = None
    for pod in contents.pods_on(part.name):
        made, started = (
            when(string_of(dict_of(pod.body, section), key))
            for section, key in (("metadata", "creationTimestamp"), ("status", "startTime"))
        )
        if started is None:
            continue
        behind = (made - started - _ORDER) if made is not None else 0.0
        skew = max(behind, started - contents.collected_at)
        if skew > _SKEW and (worst is None or skew > worst[0]):
            worst = skew, Where(pod, ("status", "startTime"), dict_of(pod.body, "status")["startTime"])
    for number, condition in each_of(part.body, "status", "conditions"):
        ahead = (when(condition.get("lastHeartbeatTime")) or 0.0) - contents.collected_at
        if ahead > _SKEW and (worst is None or ahead > worst[0]):
            worst = ahead, Where(part, ("status", "conditions", number, "lastHeartbeatTime"), condition["lastHeartbeatTime"])
    if worst:
        yield CheckHit({"skew": span(worst[0])}, [worst[1]])


def first_error(contents: Contents, part: Piece | None, item: Item | None, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """A rollout that the first error of a workload follows: none in the time before it, and the workload is in trouble now."""
    troubled = args.get("found", {})
    pods: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for number, one in enumerate(rollouts(contents)):
        key = (string_of(one, "kind"), string_of(one, "namespace"), string_of(one, "name"))
        revisions = list_of(one, "revisions")
        current = [(place, revision) for place, revision in enumerate(revisions) if revision.get("current") is True]
        created = when(current[-1][1].get("created")) if current else None
        if key not in troubled or created is None or len(revisions) < 2 or not contents.recent(created, 86400.0):
            continue
        pods = pods or _pods_of(contents)
        moment, evidence = min(
            _errors(contents, key, pods.get(key, []), created - _QUIET), default=(None, None), key=lambda error: error[0] or 0.0
        )
        if moment is None or evidence is None or not created <= moment <= created + _SOON:
            continue
        place, revision = current[-1]
        listed = Piece("rollouts.json", (), key[0], key[1], key[2], None)
        facts = {
            "kind": key[0], "namespace": key[1], "name": key[2], "revision": str(revision.get("revision")),
            "after": f"{int(moment - created)} s", "changes": _changes(revision),
        }  # fmt: skip
        changed = [Where(listed, (number, "revisions", place, "changes", at), change) for at, change in each_of(revision, "changes")]
        yield CheckHit(facts, [Where(listed, (number, "revisions", place, "created"), revision["created"]), evidence, *changed[:3]], key)


def _pods_of(contents: Contents) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for path in sorted(contents.paths):
        if path.startswith("logs/") and path.count("/") == 3:
            _logs, namespace, pod, _file = path.split("/")
            found.setdefault(contents.owner(("Pod", namespace, pod)), []).append((pod, path))
    return found


def _errors(
    contents: Contents, key: tuple[str, str, str], logs: Iterable[tuple[str, str]], since: float
) -> Iterator[tuple[float, Evidence]]:
    """The first error since then of each log, of the containers that ended, and of the warnings of the workload and its pods."""
    for event in contents.events:
        of_it = event.type == "Warning" and event.at is not None and event.at >= since
        if of_it and event.at is not None and contents.owner((event.kind, event.namespace, event.name)) == key:
            yield max(since, min(event.at, event.first or event.at)), event_evidence(event)  # what began before goes on
    for pod in contents.objects.get("Pod", ()):
        if contents.owner(pod.key) == key:
            yield from _ends_of(contents, pod, since)
    for _pod, path in logs:
        yield from _first_of(path, contents.files[path], since)


def _ends_of(contents: Contents, pod: Piece, since: float) -> Iterator[tuple[float, Evidence]]:
    for number, status in each_of(pod.body, "status", "containerStatuses"):
        for state in ("state", "lastState"):
            ended = dict_of(status, state, "terminated")
            moment = when(ended.get("finishedAt"))
            if ended.get("exitCode") != 0 and moment is not None and moment >= since:
                steps = ("status", "containerStatuses", number, state, "terminated", "exitCode")
                yield moment, contents.evidence(pod, steps, ended.get("exitCode"))


def _first_of(path: str, data: bytes, since: float) -> Iterator[tuple[float, Evidence]]:
    low = data.lower()
    if not any(word in low for word in _WORDS):
        return
    at = 0
    for _number in range(_MOST_LINES):
        found = _ERROR.search(low, at)
        if not found:
            return
        start, end = low.rfind(b"\n", 0, found.start()) + 1, low.find(b"\n", found.end())
        end = len(low) if end < 0 else end
        moment = time_of(data[start : start + 40])
        if moment is not None and moment >= since and not _NO_ERROR.search(data, start, min(end, start + 2000)):
            line = data[start : min(end, start + 4 * LONGEST_LINE)].decode(errors="replace")
            yield moment, Evidence(path, data.count(b"\n", 0, start) + 1, clean(line, limit=LONGEST_LINE))
            return
        at = end


def _changes(revision: dict[str, Any]) -> str:
    """What a revision changed, as a person says it: image of app, variable MODE of app."""
    said = []
    for change in list_of(revision, "changes"):
        path = string_of(change, "path")
        env = re.search(r"containers\[([^\]]{1,80})\]\.?env\[([^\]]{1,120})\]", path)
        field = re.search(r"containers\[([^\]]{1,80})\]\.?(\w{1,40})", path)
        if env:
            said.append(f"env {env[2]} of {env[1]}")
        elif field:
            said.append(f"{field[2]} of {field[1]}")
        elif path:
            said.append(path)
    return some_of(list(dict.fromkeys(said)), 4) or "nothing that the bundle shows"
