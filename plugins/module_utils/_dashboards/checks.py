# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether dashboards can work where they are going: their names are their own, their datasources are there, their variables are.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core.errors import shown
from .._grafana.dashboards import BUILT_IN, PROMQL_TYPES
from .._grafana.model import DashboardEntry, DatasourceRef, GrafanaDashboard, GrafanaDatasource
from .._grafana.queries import with_samples
from .config_maps import OtherDashboard

_REFERENCE = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")


@dataclass(frozen=True)
class KnownDatasources:
    """``listed``: what Grafana has, None if nobody knows; ``named``: names and uids that the user vouches for."""

    listed: Sequence[GrafanaDatasource] | None
    named: frozenset[str] = frozenset()

    def find(self, uid: str) -> GrafanaDatasource | None:
        return next((one for one in self.listed or () if (uid in (one.uid, one.name) if uid else one.default)), None)


@dataclass(frozen=True)
class PromqlQuery:
    """As Prometheus gets it; ``where`` names the file and the panel."""

    where: str
    expression: str


def name_problems(
    dashboards: Sequence[GrafanaDashboard], others: Iterable[OtherDashboard], live: Iterable[DashboardEntry], folder: str
) -> list[str]:
    """A uid or, in one folder, a title that two dashboards would have.  ``others`` are in ConfigMaps, ``live`` in Grafana."""
    found: list[str] = []
    uids: dict[str, str] = {}
    titles: dict[str, str] = {}
    for one in dashboards:
        if one.uid in uids:
            found.append(f"{one.where} has the uid {one.uid} of {uids[one.uid]}; give it its own")
        elif one.title in titles:
            found.append(f"{one.where} has the title {shown(one.title)} of {titles[one.title]}; give it its own")
        uids.setdefault(one.uid, one.where)
        titles.setdefault(one.title, one.where)
    for other in others:
        where = f"the ConfigMap {other.config_map}, key {shown(other.key)}"
        if other.uid in uids:
            found.append(f"{uids[other.uid]} has the uid {other.uid} of {where}; give it its own, or remove that one")
        elif other.title in titles and other.folder == folder:
            found.append(f"{titles[other.title]} has the title {shown(other.title)} of {where}; give it its own")
    found += [
        f"{titles[entry.title]} has the title {shown(entry.title)} of the dashboard {entry.uid} in Grafana; give it its own"
        for entry in live
        if entry.title in titles and entry.uid not in uids and entry.folder == folder
    ]
    return found


def datasource_problems(dashboard: GrafanaDashboard, known: KnownDatasources) -> list[str]:
    """What names a datasource that Grafana lacks, or that nobody knows to be there."""
    choosers = {one.name: one.datasource_type for one in dashboard.variables if one.type == "datasource"}
    every = {one.name for one in dashboard.variables}
    found: dict[str, None] = {}
    for name, kind in choosers.items():
        if known.listed is not None and not any(one.type == kind for one in known.listed):
            found[f"{dashboard.where}: the variable {name} chooses a datasource of type {shown(kind)}, and Grafana has none"] = None
    for what, chosen in dashboard.datasources:
        problem = _datasource_problem(chosen, known, choosers, every)
        if problem:
            found[f"{dashboard.where}: {what} {problem}"] = None
    return list(found)


def _datasource_problem(chosen: DatasourceRef, known: KnownDatasources, choosers: Mapping[str, str], every: set[str]) -> str:
    reference = _REFERENCE.fullmatch(chosen.uid)
    if reference:
        if reference[1] in choosers:
            return ""
        return (
            f"takes its datasource from ${reference[1]}, which is {'not a variable for one' if reference[1] in every else 'not a variable'}"
        )
    if chosen.uid in BUILT_IN or chosen.type in ("datasource", "__expr__") or (chosen.uid and chosen.uid in known.named):
        return ""
    if known.listed is None:
        if not chosen.uid:
            return ""  # Grafana's default, whichever it is
        return (
            f"uses the datasource {shown(chosen.uid)}, and nobody knows whether Grafana has it; set grafana_url, name it in datasources,"
            " or use a variable of type datasource"
        )
    there = known.find(chosen.uid)
    if there is None:
        return f"uses the datasource {shown(chosen.uid)}, which Grafana does not have" if chosen.uid else "needs a default datasource"
    if chosen.type and chosen.type != there.type:
        return f"uses the datasource {shown(chosen.uid)} as {shown(chosen.type)}, and it is {shown(there.type)}"
    return ""


def promql_of(dashboard: GrafanaDashboard, known: KnownDatasources) -> tuple[list[PromqlQuery], list[str]]:
    """The queries for Prometheus with values for their variables, and what is wrong with them before Prometheus sees them."""
    choosers = {one.name: one.datasource_type for one in dashboard.variables if one.type == "datasource"}
    found: list[PromqlQuery] = []
    problems: list[str] = []
    for query in dashboard.queries:
        if _type_of(query.datasource, known, choosers) not in PROMQL_TYPES:
            continue
        where = f"{dashboard.where}: {query.where}"
        expression, unknown = with_samples(query.expression, dashboard.variables)
        if not query.expression.strip():
            problems.append(f"{where} is empty")
        elif unknown:
            problems.append(f"{where} uses ${unknown[0]}, which is not a variable of the dashboard")
        else:
            found.append(PromqlQuery(where, expression))
    return found, problems


def _type_of(chosen: DatasourceRef, known: KnownDatasources, choosers: Mapping[str, str]) -> str:
    """Prometheus where nothing else is known: what has the field of a PromQL query then has to be one."""
    reference = _REFERENCE.fullmatch(chosen.uid)
    if reference:
        return choosers.get(reference[1], chosen.type) or "prometheus"
    there = known.find(chosen.uid)
    return chosen.type or (there.type if there else "prometheus")


def each_once(queries: Iterable[PromqlQuery]) -> Iterator[PromqlQuery]:
    seen: set[str] = set()
    for one in queries:
        if one.expression not in seen:
            seen.add(one.expression)
            yield one
