# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dashboard of Grafana: the parts of its model that decide whether it works.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DatasourceRef:
    """``uid``: a uid, a name, or ``${variable}``; empty for Grafana's default.  ``type`` is empty where the model does not say it."""

    uid: str = ""
    type: str = ""


@dataclass(frozen=True)
class GrafanaQuery:
    """A query of a panel, a variable or an annotation; ``where`` names it in sentences."""

    where: str
    expression: str
    datasource: DatasourceRef


@dataclass(frozen=True)
class GrafanaVariable:
    """``sample`` is a value that stands in for it where a query is parsed."""

    name: str
    type: str
    sample: str
    datasource_type: str = ""  # of a variable that chooses a datasource


@dataclass(frozen=True)
class GrafanaDashboard:
    """``text`` is what Grafana reads; ``where`` is its file."""

    uid: str
    title: str
    where: str
    text: str
    model: Mapping[str, Any] = field(compare=False)
    queries: tuple[GrafanaQuery, ...] = ()
    datasources: tuple[tuple[str, DatasourceRef], ...] = ()  # each with what uses it
    variables: tuple[GrafanaVariable, ...] = ()


@dataclass(frozen=True)
class GrafanaDatasource:
    """One that Grafana has."""

    uid: str
    name: str
    type: str
    default: bool = False


@dataclass(frozen=True)
class DashboardEntry:
    """A line of Grafana's search."""

    uid: str
    title: str
    folder: str = ""


@dataclass(frozen=True)
class LiveDashboard:
    """What Grafana has loaded under a uid.  ``provisioned``: from a file, so that nobody can save it."""

    model: Mapping[str, Any]
    version: int
    provisioned: bool = False
    folder_uid: str = ""
