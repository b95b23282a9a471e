# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions of OPA that have to stay as they are while a change is watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._cluster.http import Endpoint
from ..._core.errors import SalvageError


@dataclass(frozen=True)
class Probe:
    """A question to OPA, and the answer that it must have."""

    name: str
    path: str
    document: Mapping[str, Any]
    expect: bool = True


@dataclass(frozen=True)
class Answers:
    """``denied`` are answers that are not as they must be, ``silent`` the probes without one, by name, with why."""

    denied: tuple[str, ...]
    silent: Mapping[str, str]


def read_answer(probe: Probe, status: int, body: Any) -> tuple[str, str]:
    """What is denied, and why there is no answer; both empty where all is as it must be."""
    if status != 200:
        return "", f"{probe.path} answered {status}"
    if not isinstance(body, Mapping) or "result" not in body:
        return "", f"{probe.path} is undefined"
    result = body["result"]
    if not isinstance(result, bool):
        return "", f"{probe.path} is no true or false"
    return ("" if result is probe.expect else f"OPA answers {probe.name} with {str(result).lower()}"), ""


@dataclass(frozen=True)
class PolicySource:
    endpoint: Endpoint
    probes: tuple[Probe, ...]
    timeout: float = 5.0

    def ask(self) -> Answers:
        denied, silent = [], {}
        for probe in self.probes:
            try:
                answer = self.endpoint.post_json(f"/v1/data/{probe.path.strip('/')}", {"input": dict(probe.document)}, timeout=self.timeout)
                against, nothing = read_answer(probe, answer.status, answer.json() if answer.status == 200 else None)
            except SalvageError as exc:
                against, nothing = "", str(exc)
            if against:
                denied.append(against)
            if nothing:
                silent[f"OPA's {probe.name}"] = nothing
        return Answers(tuple(denied), silent)


def probes_from(items: Iterable[Mapping[str, Any]]) -> tuple[Probe, ...]:
    return tuple(Probe(item["name"], item["path"], item["input"] or {}, item["expect"]) for item in items)
