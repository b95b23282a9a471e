# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_info: what OPA and the service decide about providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.defaults import OPA_URL
from ..._core.options import argument_spec, from_params, option
from ..._opa.client import Opa
from ..options import connect, needs_cluster, open_address
from .providers import Provider, Questions, count_statuses, review


@dataclass(frozen=True)
class ReviewOptions:
    providers: list[Provider] = option()
    opa_url: str = option(OPA_URL)
    opa_token: str | None = option(None, no_log=True)
    opa_ca_path: str | None = option(None, type="path")
    opa_validate_certs: bool = option(True)
    api_url: str | None = option(None)
    concurrency: int = option(16)
    fail_on: list[str] = option([], choices=["denied", "unknown"])


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(Questions), **argument_spec(ReviewOptions)},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """The module's result; ``failed`` if a decision has a status of ``fail_on``.  Raises SalvageError."""
    options, questions = from_params(ReviewOptions, params), from_params(Questions, params)
    cluster = connect(params, questions.timeout) if needs_cluster(options.opa_url, options.api_url) else None
    opa = Opa(open_address(params, options.opa_url, cluster))
    service = open_address({**params, "opa_token": None}, options.api_url, cluster) if options.api_url else None
    health = opa.health(timeout=questions.timeout)
    reviews = review(options.providers, opa, service, questions, at_once=options.concurrency)
    counts = count_statuses(reviews)
    statuses = ", ".join(f"{number} {status}" for status, number in counts.items())
    summary = f"{len(reviews)} provider{'s' if len(reviews) != 1 else ''}: {statuses}"
    bad = [status for status in options.fail_on if counts[status]]
    return {
        "changed": False,
        "decisions": [one.to_dict() for one in reviews],
        "counts": counts,
        "opa_healthy": health.healthy,
        "opa_reason": health.reason,
        "summary": summary,
        **({"failed": True, "msg": f"{summary}; fail_on names {', '.join(bad)}"} if bad else {}),
    }
