# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that go through the Service, as its users' requests do: what an answer means, and what all of them say.  Pure.

The API server's service proxy takes the Service's port to the port of its EndpointSlices, as kube-proxy does, so a Service that leads
nowhere is seen although every pod is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._cluster.http import Response, is_of_api_server, said
from ..._core.errors import SalvageError, shown
from ..._core.status import HEALTHY
from ..._workloads.service_health import service_health
from .judge import Counts

OK = "ok"
WRONG = "wrong"  # the service answered, and not as expected
DOWN = "down"  # the Service leads to nothing that takes a request
SILENT = "silent"  # something is there, and no answer came
UNKNOWN = "unknown"  # the API server did not let the request through

IN_A_ROW = 2  # a step that fails in so many looks running fails the bake
_PATH = re.compile(r"/[!-~]*")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
# What the API server takes for itself.
_TAKEN = re.compile(r"authorization|impersonate-.*|x-remote-.*|host|content-length|transfer-encoding|connection|upgrade", re.IGNORECASE)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class ServiceRequest:
    """One request and the answer that is expected; ``service`` is name:port, and no ``expect`` takes any answer."""

    service: str
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str | None = field(default=None, repr=False)
    expect: frozenset[int] = frozenset({200})
    contains: str = ""
    json: Mapping[str, Any] | None = None
    healthy: bool = False
    timeout: float = 5.0
    tls: bool = False

    def __post_init__(self) -> None:
        plain = self.path.partition("?")[0]
        if not _PATH.fullmatch(self.path) or _DOTS.search(plain) or "\\" in self.path or "#" in self.path:
            raise SalvageError(
                f"journey: {shown(plain)} is not a path; it begins with /, and has no spaces, fragment, . or .. in it", reason="bad_input"
            )
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(str(name)) or _TAKEN.fullmatch(str(name)):
                raise SalvageError(
                    f"journey: the header {shown(name)} can't be sent through the API server's proxy; leave it out", reason="bad_input"
                )
            if not (isinstance(value, str) and value.isascii() and value.isprintable()):
                raise SalvageError(f"journey: the value of the header {name} must be printable ASCII text", reason="bad_input")
        if not 0 < self.timeout <= 300:
            raise SalvageError("journey: the timeout of a step is above 0 and at most 300 seconds", reason="bad_input")
        if any(not 100 <= code <= 599 for code in self.expect):
            raise SalvageError("journey: expect has status codes from 100 to 599", reason="bad_input")

    @property
    def name(self) -> str:
        """Without the query, which can hold a credential."""
        return f"{self.method} {self.path.partition('?')[0]} through Service {self.service}"


@dataclass(frozen=True)
class Found:
    """What came of one request."""

    state: str
    reason: str = ""


def found_in(step: ServiceRequest, answer: Response) -> Found:
    """What an answer means.  Nothing of its body is quoted: it may repeat a header."""
    if is_of_api_server(answer):
        found = _of_api_server(answer)
        return Found(OK) if found.state == SILENT and not step.expect else found
    if step.expect and answer.status not in step.expect:
        return Found(WRONG, f"answered {answer.status}, expected {', '.join(map(str, sorted(step.expect)))}")
    if step.contains and step.contains not in answer.body.decode("utf-8", "replace"):
        return Found(WRONG, f"answered {answer.status} without {shown(step.contains)}")
    if step.json is not None and not _has(_json_of(answer), step.json):
        return Found(WRONG, f"answered {answer.status}, and its JSON is not as expected")
    if step.healthy:
        health = service_health(answer.status, answer.content_type, answer.body)
        if health.status != HEALTHY:
            return Found(WRONG, health.reason)
    return Found(OK)


def _of_api_server(answer: Response) -> Found:
    words = said(answer).removeprefix(": ")
    if answer.status == 404 or words.startswith(("no endpoints available", "no service port")):
        return Found(DOWN, words or "the Service is not found")
    if words.startswith("error trying to reach service"):
        return Found(DOWN if words.endswith("connection refused") else SILENT, words)
    return Found(UNKNOWN, f"the API server answered {answer.status}: {words}")


def _json_of(answer: Response) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _has(data: Any, wanted: Any) -> bool:
    """Whether an answer has what is wanted; of an object it may have more."""
    if isinstance(wanted, Mapping):
        return isinstance(data, Mapping) and all(key in data and _has(data[key], value) for key, value in wanted.items())
    return type(data) is type(wanted) and bool(data == wanted)


@dataclass(frozen=True)
class Course:
    """One step over the window: its answers by kind, how many of the last failed in a row, and the last that was not well."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0
    running: int = 0
    down: bool = False
    reason: str = ""

    def after(self, found: Found, *, reachable: bool) -> Course:
        """With one more answer.  That none came counts against the Service where its pods answer by the same way (``reachable``)."""
        state = (WRONG if reachable else UNKNOWN) if found.state == SILENT else found.state
        failed = state in {WRONG, DOWN}
        return Course(
            self.ok + (state == OK),
            self.failed + failed,
            self.unknown + (state not in {OK, WRONG, DOWN}),
            self.running + 1 if failed else 0,
            state == DOWN,
            found.reason or self.reason,
        )

    def to_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "failed": self.failed, "unknown": self.unknown, "reason": self.reason}


def broken(courses: Mapping[str, Course]) -> tuple[str, ...]:
    """The steps that are certain to fail: the Service leads to nothing, or the same step fails look after look."""
    return tuple(f"{name}: {one.reason}" for name, one in courses.items() if one.down or one.running >= IN_A_ROW)


def unsure(courses: Mapping[str, Course], share: float) -> tuple[str, ...]:
    """The steps of which too little is known to pass."""
    return tuple(
        f"{name} had an answer in {one.ok + one.failed} of {sent} requests: {one.reason}"
        for name, one in courses.items()
        if (sent := one.ok + one.failed + one.unknown) and (one.unknown > (1 - share) * sent or not one.ok)
    )


def counts_of(courses: Iterable[Course]) -> Counts:
    """The answers, and how many of them failed."""
    each = list(courses)
    return Counts(sum(one.ok + one.failed for one in each), sum(one.failed for one in each))
