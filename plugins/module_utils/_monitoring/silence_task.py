# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alert_silence: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._alerts.alertmanager import Alertmanager
from .._alerts.silence_plan import ENOUGH, RunMark, SilenceWish, run_mark
from .._alerts.silences import Matchers, parse_matchers
from .._cluster import defaults, routes
from .._cluster.http import service_parts
from .._cluster.replicas import replica_endpoints
from .._cluster.retry import Retry
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.run_identity import RunIdentity
from .silencing import SilenceOutcome, Silencing

LONGEST = 30 * 86400
_PATIENCE = Retry(tries=3, seconds=15.0)  # a procedure waits for this, and goes on without it


@dataclass(frozen=True)
class SilenceOptions:
    state: str = option("present", choices=["present", "absent", "expired"])
    matchers: list[str] = option([])
    creator: str | None = option(None)
    purpose: str = option("maintenance")
    comment: str = option("Work in progress")
    duration: int = option(3600)
    take_over: bool = option(False)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    replicas: list[str] = option([])
    wait: float = option(15)
    timeout: float = option(5)
    holder: RunIdentity | None = option(None)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(SilenceOptions), **routes.ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(SilenceOptions, params)
    matchers = checked(given)
    creator, mark = _identity(given)
    addresses = routes.Routes(params, given.timeout, retry=_PATIENCE)
    replicas, doubt = _replicas(addresses, given)

    def wanted(now: float) -> SilenceWish:
        until, enough = (now + given.duration, now + given.duration * ENOUGH) if given.state == "present" else (0.0, 0.0)
        return SilenceWish(creator, given.purpose, matchers, now, until, enough, given.take_over)

    text = mark.on(given.comment) if mark else given.comment
    outcome = Silencing(replicas, text, given.wait).settle(wanted, dry_run=check_mode)
    outcome.problems.update(doubt)
    return _result(outcome)


def checked(given: SilenceOptions) -> Matchers:
    """The matchers, if the options can be meant.  Raises SalvageError(bad_input)."""
    if not 0 < given.duration <= LONGEST:
        raise SalvageError(f"duration is {given.duration}; write seconds, more than 0 and at most {LONGEST} (30 days)", reason="bad_input")
    if not 0 < given.wait < 3600:
        raise SalvageError(f"wait is {given.wait:g}; write seconds, more than 0 and below 3600", reason="bad_input")
    if not given.matchers and given.state != "expired":
        raise SalvageError(
            f"matchers is empty, which state {given.state} needs; write for example namespace=euystacio-ai", reason="bad_input"
        )
    if not given.comment.strip():
        raise SalvageError("comment is empty; say why the alerts are silenced", reason="bad_input")
    return parse_matchers(given.matchers)


def _identity(given: SilenceOptions) -> tuple[str, RunMark | None]:
    run = given.holder
    creator = given.creator if given.creator is not None else f"{run.run} ({given.purpose})" if run and run.run else ""
    if not creator.strip():
        sentence = (
            "creator is missing: the plugin on the controller fills in the run where the task names euystacio.meta_salvage.alert_silence"
        )
        raise SalvageError(f"{sentence}; else give a creator", reason="bad_input")
    # The silence of a named creator outlives the run; that of a run does not.
    own = run if given.creator is None else None
    return creator, RunMark(own.run, given.purpose, own.process) if own else None


def _replicas(addresses: routes.Routes, given: SilenceOptions) -> tuple[list[Alertmanager], dict[str, str]]:
    """Each Alertmanager of the cluster, and why there may be more of them."""
    if not given.replicas and not given.alertmanager_url:
        raise SalvageError("no Alertmanager is set: set alertmanager_url or replicas", reason="bad_input")
    if given.replicas:
        return [Alertmanager(addresses.open(one)) for one in given.replicas], {}
    if service_parts(given.alertmanager_url):
        try:
            return [Alertmanager(one) for one in replica_endpoints(addresses.cluster, given.alertmanager_url)], {}
        except SalvageError as exc:
            if exc.reason != "forbidden":
                raise
            doubt = {given.alertmanager_url: f"its replicas can't be listed, so only one of them was read: {exc}"}
            return [Alertmanager(addresses.open(given.alertmanager_url))], doubt
    return [Alertmanager(addresses.open(given.alertmanager_url))], {}


def _result(outcome: SilenceOutcome) -> dict[str, Any]:
    changed = bool(outcome.steps)
    expired = [step for step in outcome.steps if step.kind == "expire" and step.silence]
    left_over = [step.silence for step in expired if step.left_over and step.silence]
    before, after = ("".join(sorted(f"{one}\n" for one in listed)) for listed in (outcome.before, outcome.after))
    warnings = [f"Alertmanager: {problem}" for problem in outcome.problems.values()]
    warnings += [
        f"the silence {one.id} was left over by {(mark.run if (mark := run_mark(one.comment)) else one.creator)}" for one in left_over
    ]
    return {
        "changed": changed,
        "silence": outcome.kept.to_dict() if outcome.kept else None,
        "expired": [step.silence.id for step in expired if step.silence],
        "left_over": [one.to_dict() for one in left_over],
        "replicas": outcome.replicas,
        "problems": outcome.problems,
        "diff": {"before": before if changed else "", "after": after if changed else ""},
        **({"warnings": warnings} if warnings else {}),
    }
