# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module incident_info: incidents of a store, verified, with what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.options import argument_spec, from_params, option
from .._records.chain import head_of
from .._records.chain_head import Head, end_problem, read_head
from .._records.chain_store import check_stored
from .book import by_age, known_name
from .markdown import markdown
from .metrics import metrics_of, prometheus_text
from .model import STATUSES, Incident, fold
from .options import Opened, PlaceOptions, open_place
from .page import metrics_page, post_mortem_page
from .post_mortem import draft
from .stakeholders import texts
from .view import as_recorded, view
from .watch import noticed


@dataclass(frozen=True)
class IncidentQuery(PlaceOptions):
    statuses: tuple[str, ...] = option(STATUSES, choices=list(STATUSES))
    records: bool = option(False)
    reports: bool = option(False)
    templates: dict[str, Any] = option({})
    expected_count: int | None = option(None)
    expected_head: str | None = option(None)
    fail_on_unverified: bool = option(False)


MODULE: dict[str, Any] = {"argument_spec": {**AUTH_ARG_SPEC, **argument_spec(IncidentQuery)}, "supports_check_mode": True}


def run(params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    query = from_params(IncidentQuery, params)
    if not query.id and (query.expected_head or query.expected_count is not None):
        raise SalvageError("expected_head and expected_count are of one incident; set id", reason="bad_input")
    opened = open_place(params, query, writes=False)
    names = [known_name(query.id)] if query.id else by_age(opened.store.names())
    found = for_each(lambda name: _one(opened, query, name, now), names)
    found = [one for one in found if query.id or one["problems"] or one["status"] in query.statuses]
    if query.id and not found[0]["entries"] and not found[0]["problems"]:
        raise SalvageError(f"there is no incident {query.id} in {opened.store.place}", reason="not_found")
    bad = [f"{one['id']}: {one['problems'][0]}" for one in found if one["problems"]]
    result = {"changed": False, "incidents": found, "verified": not bad, **_metrics([one.pop("folded") for one in found], query)}
    if bad and query.fail_on_unverified:
        return {**result, "failed": True, "msg": f"{len(bad)} of {len(found)} incidents are not verified: {'; '.join(bad[:3])}"}
    return result


def _one(opened: Opened, query: IncidentQuery, name: str, now: float) -> dict[str, Any]:
    head_file = opened.head_file(name)
    expected = Head(query.expected_count or 0, (query.expected_head or "").strip().lower())
    problems: list[str] = []
    try:
        kept = read_head(head_file, opened.keys.accepted)  # before the records: it may only be older than they are
    except SalvageError as exc:
        kept = None
        problems.append(str(exc))
    checked = check_stored(name, opened.store.load(name), opened.keys)
    digests = [item.digest for item in checked]
    ends = [problem for head in (kept, expected) if head and (problem := end_problem(digests, head))]
    problems = [*(f"{item.name}: {item.problem}" for item in checked if item.problem), *problems, *ends]
    incident = fold([item.record for item in checked])
    try:
        with as_recorded(name):
            shown = _shown(incident, query, now)
    except SalvageError as exc:
        if exc.reason != "invalid":
            raise
        incident = Incident()
        shown, problems = _shown(incident, query, now), [*problems, str(exc)]
    return {
        **shown,
        "id": name,
        "verified": not problems,
        "problems": problems,
        "head": head_of(checked).to_dict(),
        "head_known": kept is not None,
        "records": [item.record for item in checked] if query.records else [],
        "folded": incident,
    }


def _shown(incident: Incident, query: IncidentQuery, now: float) -> dict[str, Any]:
    """Of an incident without a record, only its fields."""
    found = {**view(incident), "due": [{"kind": kind, **data} for kind, data in noticed(incident, now)], "texts": {}}
    if incident.records:
        found["texts"] = texts(incident, query.templates, now)
        if query.reports:
            made = draft(incident)
            found.update(markdown=markdown(made), html=post_mortem_page(made))
    return found


def _metrics(incidents: list[Incident], query: IncidentQuery) -> dict[str, Any]:
    metrics = metrics_of(incidents)
    pages = {"metrics_text": prometheus_text(metrics), "metrics_html": metrics_page(metrics, "Incidents")} if query.reports else {}
    return {"metrics": metrics, **pages}
