# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks OPA, and the service beside it, about many providers at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..._cluster.http import Endpoint
from ..._core.errors import SalvageError
from ..._core.gather import for_each
from ..._core.options import option
from ..._opa.client import Opa
from ..._opa.decide import combine, decide_risk, unknown
from ..._opa.model import ALLOWED, DENIED, REQUIRED_INPUT, UNKNOWN, Decision
from ..._opa.policy_files import merge_documents


@dataclass(frozen=True)
class Provider:
    """``input`` is its part of OPA's input."""

    id: str = option()
    input: dict[str, Any] = option({})


@dataclass(frozen=True)
class Review:
    """The decision that holds, and the views that it was made of."""

    provider: str
    decision: Decision
    opa: Decision
    api: Decision | None
    enforcement: Decision | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            **self.decision.to_dict(),
            "opa": self.opa.to_dict() if self.api else None,
            "api": self.api.to_dict() if self.api else None,
            "enforcement": _enforcement(self.enforcement),
        }


@dataclass(frozen=True)
class Questions:
    """Where to ask, and what an input must hold for an allow to be believed."""

    package: str = option("euystacio/peace_bonds")
    enforcement_package: str = option("euystacio/adaptive_enforcement")
    risk_path: str = option("/api/providers/{id}/risk")
    required_input: tuple[str, ...] = option(REQUIRED_INPUT)
    common_input: dict[str, Any] = option({})
    tolerance: float = option(0.01)
    timeout: float = option(5.0)


def review(providers: Iterable[Provider], opa: Opa, service: Endpoint | None, questions: Questions, *, at_once: int = 16) -> list[Review]:
    """One review for each provider, in their order."""
    return for_each(lambda provider: _one(provider, opa, service, questions), providers, max(1, at_once))


def count_statuses(findings: Iterable[Review]) -> dict[str, int]:
    result = {ALLOWED: 0, DENIED: 0, UNKNOWN: 0}
    for finding in findings:
        result[finding.decision.status] += 1
    return result


def _one(provider: Provider, opa: Opa, service: Endpoint | None, questions: Questions) -> Review:
    api = None
    attributes: Mapping[str, Any] = {}
    if service is not None:
        path = questions.risk_path.replace("{id}", quote(provider.id, safe=""))
        try:
            answer = service.request("GET", path, timeout=questions.timeout)
            api = decide_risk(answer.status, answer.body, provider.id, path=path)
        except SalvageError as exc:
            api = unknown(str(exc), path=path)
        if api.status != UNKNOWN and isinstance(api.raw, dict):
            attributes = {name: api.raw[name] for name in ("provider", "symbiosis_score", "metrics") if name in api.raw}
    document = merge_documents({"provider": {"id": provider.id}}, questions.common_input, attributes, provider.input)
    said = opa.query(questions.package, document, timeout=questions.timeout, required=questions.required_input)
    enforcement = opa.query(questions.enforcement_package, document, timeout=questions.timeout) if questions.enforcement_package else None
    return Review(provider.id, combine(said, api, tolerance=questions.tolerance), said, api, enforcement)


def _enforcement(answer: Decision | None) -> dict[str, Any] | None:
    """Adaptive enforcement gives an action, not an allow: a missing allow is not a problem."""
    if answer is None:
        return None
    raw = answer.raw if isinstance(answer.raw, dict) else {}
    healthy = raw.get("system_healthy")
    enforce = raw.get("enforce")
    known = answer.action is not None
    return {
        "action": answer.action,
        "enforce": enforce if isinstance(enforce, bool) else None,
        "system_healthy": healthy if isinstance(healthy, bool) else None,
        "reason": "" if known else (answer.reason if not raw else "enforcement_action is undefined"),
    }
