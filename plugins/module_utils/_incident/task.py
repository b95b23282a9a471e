# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module incident: its options and what it does."""

from __future__ import annotations

import getpass
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster.session import Cluster
from .._core.errors import SalvageError, shown
from .._core.gather import gather
from .._core.options import argument_spec, from_params, option
from .._records.chain_store import Grown, grow
from .._redaction.redactor import Redactor
from .._workloads.workload import KINDS, path_of
from . import request as checks
from .blast_radius import affected, blast_radius, serving
from .book import find, knowing, new_name
from .duties import read_plan
from .model import SEVERITIES, Incident, fold
from .moves import OtherIncidentError, additions
from .options import Opened, PlaceOptions, open_place
from .request import STATES, Request
from .severity import Facts, propose
from .view import as_recorded, view
from .words import message, said_again

_TRIES = 20
_PLACEHOLDER = re.compile(r"\[redacted:[0-9a-f]{8}\]")
_OURS = frozenset({"state", "id", "plan"})  # of a request, what nobody writes freely


@dataclass(frozen=True)
class GivenEvidence:
    kind: str = option()
    title: str = option()
    link: str = option("")
    facts: dict[str, Any] = option({})


@dataclass(frozen=True)
class GivenAction:
    title: str = option()
    owner: str = option()
    due: str = option()
    done: bool = option(False)


@dataclass(frozen=True)
class GivenSkip:
    item: str = option()
    why: str = option()


@dataclass(frozen=True)
class GivenUpdate:
    audience: str = option(choices=["engineers", "stakeholders", "public"])
    text: str = option()
    channel: str = option("")


@dataclass(frozen=True)
class IncidentOptions(PlaceOptions):
    state: str = option("updated", choices=list(STATES))
    title: str | None = option(None)
    severity: str | None = option(None, choices=list(SEVERITIES))
    who: str | None = option(None)
    why: str | None = option(None)
    text: str | None = option(None)
    public_text: str | None = option(None)
    cluster_name: str | None = option(None)
    started_at: str | None = option(None)
    acknowledged: bool = option(False)
    alerts: list[dict[str, Any]] = option([], elements="dict")
    health: dict[str, Any] | None = option(None)
    error_rate: float | None = option(None)
    failed_journeys: list[str] = option([])
    journeys: int | None = option(None)
    data_loss: bool = option(False)
    security_breach: bool = option(False)
    providers: list[str] = option([])
    find_services: bool = option(False)
    roles: dict[str, Any] = option({})
    done: list[str] = option([])
    skipped: list[GivenSkip] = option([])
    evidence: list[GivenEvidence] = option([])
    actions: list[GivenAction] = option([])
    stakeholder_update: GivenUpdate | None = option(None)
    watch: bool = option(False)
    plan: dict[str, Any] | None = option(None)


MODULE: dict[str, Any] = {"argument_spec": {**AUTH_ARG_SPEC, **argument_spec(IncidentOptions)}, "supports_check_mode": True}


def run(params: Mapping[str, Any], now: float, *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(IncidentOptions, params)
    request = _request(params, given)
    opened = open_place(params, given, writes=True, dry_run=check_mode)
    run_id = secrets.token_hex(8)
    for _try in range(_TRIES):
        names = opened.store.names()  # once: an incident that is opened meanwhile has the name that a new one would get
        name = find(opened, names, request) or (new_name(names, now) if request.state == "opened" and _opens(request) else "")
        if not name:
            return _result(opened, None, None, request, run_id)
        decided = request  # the closure must not see a later one

        def decide(records: list[Mapping[str, Any]], decided: Request = decided) -> list[dict[str, Any]]:
            with as_recorded(decided.id or "that is meant"):
                return additions(records, decided, now)

        try:
            grown = grow(opened.store, name, decide, opened.keys, opened.head_file(name), run_id, dry_run=check_mode)
        except OtherIncidentError:
            continue
        _end_elsewhere(opened, request, name, now, run_id, dry_run=check_mode)
        with as_recorded(name):
            return {**_result(opened, name, grown, request, run_id), "place": _place(params)}
    raise SalvageError(f"the incidents in {opened.store.place} keep changing; run it again later", reason="conflict")


def _place(params: Mapping[str, Any]) -> dict[str, Any]:
    """What leads to the same records once more, without a login."""
    paths = {name: params.get(name) for name in ("dir", "namespace", "key", "keys", "heads", "kubeconfig", "context")}
    return {name: value for name, value in paths.items() if value and not isinstance(value, Mapping)}


def _end_elsewhere(opened: Opened, request: Request, name: str, now: float, run_id: str, *, dry_run: bool) -> None:
    """Alerts come in groups: some that ended belong to other incidents than those that fire."""
    ended = Request(state="updated", who=request.who, alerts_ended=request.alerts_ended)
    for other in knowing(opened, request.alerts_ended) if request.alerts_ended else []:
        if other != name:
            head_file = opened.head_file(other)
            grow(opened.store, other, lambda records: additions(records, ended, now), opened.keys, head_file, run_id, dry_run=dry_run)


def _opens(request: Request) -> bool:
    return bool(request.alerts or not request.alerts_ended)


def _request(params: Mapping[str, Any], given: IncidentOptions) -> Request:
    redactor = Redactor()
    clean = redactor.text
    firing, ended = checks.alerts_given(given.alerts)
    health = given.health
    if health is not None and not isinstance(health.get("parts"), list):
        raise SalvageError(f"health is {shown(health)}; write the report of health_info", reason="bad_input")
    services, unknown = _services(params, given)
    facts = Facts(
        error_rate=given.error_rate,
        failed_journeys=[checks.short(clean(one)) for one in given.failed_journeys],
        journeys=given.journeys,
        data_loss=given.data_loss,
        security_breach=given.security_breach,
        health=health,
        alerts=firing,
    )
    proposal = propose(facts)
    update = given.stakeholder_update
    request = Request(
        state=given.state,
        who=checks.short(given.who or _user()),
        id=given.id or "",
        title=checks.short(given.title or ""),
        severity=given.severity or "",
        why=checks.long(given.why or ""),
        text=checks.long(given.text or ""),
        public=checks.long(given.public_text or ""),
        cluster=checks.short(given.cluster_name or ""),
        started_at=checks.time_given(given.started_at or "", "started_at"),
        acknowledged=given.acknowledged,
        alerts=firing,
        alerts_ended=ended,
        done=tuple(given.done),
        skipped=tuple((one.item, checks.long(one.why)) for one in given.skipped),
        roles=checks.roles_given(given.roles),
        evidence=tuple(checks.evidence_given(one.kind, one.title, one.link, one.facts) for one in given.evidence),
        actions=tuple(checks.action_given(one.title, one.owner, one.due, one.done) for one in given.actions),
        update={"audience": update.audience, "channel": checks.short(update.channel), "text": checks.long(update.text)} if update else {},
        blast_radius=blast_radius(health, services, [checks.short(one) for one in given.providers], given.error_rate, unknown),
        plan=read_plan(given.plan) if given.plan else {},
        proposed=proposal.severity if proposal else "",
        proposed_why=checks.short(proposal.why) if proposal else "",
        watch=given.watch,
    )
    fields = redactor.value(json.loads(json.dumps({name: value for name, value in vars(request).items() if name not in _OURS})))
    # Without the hash, which is another one in each run: the same request is to be the same entry.
    return replace(request, **json.loads(_PLACEHOLDER.sub("[redacted]", json.dumps(fields))))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _services(params: Mapping[str, Any], given: IncidentOptions) -> tuple[list[str], list[str]]:
    """The Services of what is not healthy, and what kept from looking."""
    if not given.find_services or given.health is None:
        return [], []
    places = [
        (kind, *name.partition("/")[::2])
        for kind, names in affected(given.health).items()
        if kind in KINDS
        for name in names
        if "/" in name
    ]
    if not places:
        return [], []
    try:
        cluster = Cluster.connect(params, timeout=given.request_timeout)
        paths = {path_of(*place) for place in places}
        namespaces = {namespace for _kind, namespace, _name in places}
        workloads = gather({path: lambda path=path: cluster.get_json(path) for path in sorted(paths)})  # type: ignore[misc]
        services = gather({one: lambda one=one: list(cluster.list(path_of("Service", one))) for one in sorted(namespaces)})  # type: ignore[misc]
    except SalvageError as exc:
        return [], [f"Services: {checks.short(exc)}"]
    failed = [f"Services: {checks.short(one)}" for one in (*workloads.values(), *services.values()) if isinstance(one, SalvageError)]
    known = [one for one in workloads.values() if not isinstance(one, SalvageError)]
    listed = [service for one in services.values() if not isinstance(one, SalvageError) for service in one]
    return serving(listed, known), failed


def _result(opened: Opened, name: str | None, grown: Grown | None, request: Request, run_id: str) -> dict[str, Any]:
    if name is None or grown is None:
        return {"changed": False, "incident": {}, "new": [], "messages": [], "head": {"count": 0, "digest": ""}, "diff": _diff([])}
    incident: Incident = fold([item.record for item in grown.records])
    new = [item.record for item in grown.records if item.record.get("run") == run_id]
    return {
        "changed": bool(new),
        "incident": view(incident),
        "new": new,
        "messages": [made for record in [*new, *said_again(incident, request, new)] if (made := message(incident, record))],
        "head": grown.head.to_dict(),
        "head_file": str(opened.head_file(name)),
        "diff": _diff(new),
    }


def _diff(new: list[dict[str, Any]]) -> dict[str, Any]:
    return {"before": {}, "after": {f"#{record['number']} {record['kind']}": record["data"] for record in new}}
