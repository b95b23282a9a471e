# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module response_guard: its options and what it does."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster.retry import Retry
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params
from .._core.redact import excerpt
from .._sealing.hashing import digest
from .._workloads.lease import Holder
from .approval_file import approve, given_approval
from .guard_model import REFUSED, GuardDecision, GuardState
from .guard_moves import finish_action, pause_actions, renew_permit, resume_actions
from .guard_options import GuardOptions, LimitOptions
from .guard_request import action_request, closed_time, guard_limits, pause_end
from .guard_rules import decide_action
from .guard_state import MOST_DECISIONS
from .guard_store import GuardStore
from .guard_view import answer_view, state_diff, state_view

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(GuardOptions)},
    "required_if": [
        ("state", "finished", ("permit", "outcome")),
        ("state", "paused", ("reason", "until")),
        ("state", "approved", ("target", "action", "plan_sha256", "approval")),
    ],
    "supports_check_mode": True,
}

# A person waits for the answer, and without one nothing is done.
_PATIENT = Retry(tries=4, seconds=20.0)
_OURS = frozenset({"bad_input", "missing_library"})  # what the caller has to put right
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")

Step = Callable[[GuardState, float], GuardDecision]


@dataclass(frozen=True)
class _Done:
    answer: GuardDecision
    before: GuardState
    now: float


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(GuardOptions, params)
    if given.state == "approved":
        return approve(given, time.time(), dry_run=check_mode)
    for name, value, form in (("namespace", given.namespace, _NAMESPACE), ("name", given.name, _NAME)):
        if not form.fullmatch(value):
            raise SalvageError(f"{name} is {value!r}, which no ConfigMap can have", reason="bad_input")
    me = _asker(given) if given.state != "reported" else None
    cluster = Cluster.connect(params, timeout=given.request_timeout, retry=_PATIENT)
    store = GuardStore(cluster, given.namespace, given.name)
    if me is None:
        state, now = store.look()
        answer = GuardDecision("", given.state, f"{store.place} was read", state)
        return _result(_Done(answer, state, now), changed=False, recorded=False, decisions=MOST_DECISIONS)
    if given.state != "admitted":
        done = _perform(store, _switch(given, me), dry_run=check_mode)
        changed = done.answer.state != done.before
        return _result(done, changed=changed, recorded=changed and not check_mode)
    try:
        done = _perform(store, _asking(given, me), dry_run=check_mode)
    except SalvageError as exc:
        if exc.reason in _OURS:
            raise
        rule = {"invalid": "state", "too_large": "full"}.get(exc.reason, "no_access")
        nothing = GuardState()
        answer = GuardDecision(REFUSED, rule, f"nothing is done without the state of the guard rails: {exc}", nothing, page=True)
        return _result(_Done(answer, nothing, 0.0), changed=False, recorded=False)
    recorded = done.answer.state != done.before and not check_mode
    return _result(done, changed=bool(done.answer.permit), recorded=recorded, hide_permit=check_mode)


def _asker(given: GuardOptions) -> Holder:
    """The run as the state can keep it: two runs stay two, however long their names are."""
    me = Holder.given(given.holder, "respond", "response_guard")
    run = excerpt(me.run, 200)
    return replace(me, run=run if run == me.run else f"{run} {digest(me.run.encode())[:16]}", who=excerpt(me.who, 200))


def _perform(store: GuardStore, step: Step, *, dry_run: bool) -> _Done:
    if dry_run:
        state, now = store.look()
        return _Done(step(state, now), state, now)

    def change(state: GuardState, now: float) -> tuple[GuardState, _Done]:
        answer = step(state, now)
        return answer.state, _Done(answer, state, now)

    def unkept(done: _Done) -> _Done | None:
        """Of an episode that was answered, the state has all that counts; who only hears that need not stand in the way of others."""
        return replace(done, answer=replace(done.answer, state=done.before)) if done.answer.rule == "episode" else None

    return store.change(change, unkept)


def _asking(given: GuardOptions, me: Holder) -> Step:
    limits_given = given.limits or LimitOptions()
    guard_limits(limits_given, time.time())  # before anything is sent
    if given.permit:
        permit = given.permit
        return lambda state, now: renew_permit(state, permit, me.run, guard_limits(limits_given, now), now, time.time())
    asked = action_request(given, me, secrets.token_hex(8), time.time())
    check = given_approval(given.approval)

    def step(state: GuardState, now: float) -> GuardDecision:
        request = replace(asked, clock=time.time())
        limits = guard_limits(limits_given, now)
        grant = check(request, limits, now) if check else None
        closed = closed_time(limits_given, request.environment, now)
        return decide_action(state, request, limits, now, grant=grant, closed=closed)

    return step


def _switch(given: GuardOptions, me: Holder) -> Step:
    rule = given.state

    def step(state: GuardState, now: float) -> GuardDecision:
        if rule == "finished":
            permit, outcome = given.permit or "", given.outcome or ""
            note = excerpt(given.note or "", 300)
            after = finish_action(state, permit, outcome, run=me.run, who=me.who, note=note, now=now, take_over=given.take_over)
            return GuardDecision("", rule, f"the action ended as {outcome}", after)
        if rule == "paused":
            reason, until = excerpt(given.reason or "", 300), pause_end(given.until or "", now)
            if not reason:
                raise SalvageError("reason is empty; say why actions are paused", reason="bad_input")
            after = pause_actions(state, by=me.who, reason=reason, until=until, run=me.run, now=now)
            return GuardDecision("", rule, f"actions are paused: {reason}", after, until=until)
        after = resume_actions(state, by=me.who, run=me.run, now=now)
        return GuardDecision("", rule, "actions are not paused", after)

    return step


def _result(done: _Done, *, changed: bool, recorded: bool, hide_permit: bool = False, decisions: int | None = None) -> dict[str, Any]:
    answer = replace(done.answer, permit="", until=0.0) if hide_permit else done.answer
    shown = state_view(answer.state, done.now, decisions) if decisions else state_view(answer.state, done.now)
    diff = state_diff(done.before, answer.state) if changed else {"before": "", "after": ""}
    return {"changed": changed, **answer_view(answer), "recorded": recorded, **shown, "diff": diff}
