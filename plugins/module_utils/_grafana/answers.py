# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of Grafana's HTTP API means.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import as_text, is_integer, json_kind
from .model import DashboardEntry, GrafanaDatasource, LiveDashboard


def search_entries(data: object) -> list[DashboardEntry]:
    """Of ``/api/search``.  Raises SalvageError(invalid)."""
    return [
        DashboardEntry(_text(one, "uid"), _text(one, "title"), as_text(one.get("folderTitle") or ""))
        for one in _objects(data, "search results")
    ]


def datasources_of(data: object) -> list[GrafanaDatasource]:
    """Of ``/api/datasources``.  Raises SalvageError(invalid)."""
    return [
        GrafanaDatasource(_text(one, "uid"), _text(one, "name"), _text(one, "type"), one.get("isDefault") is True)
        for one in _objects(data, "datasources")
    ]


def live_dashboard(data: object) -> LiveDashboard:
    """Of ``/api/dashboards/uid``.  Raises SalvageError(invalid)."""
    model = data.get("dashboard") if isinstance(data, Mapping) else None
    meta = data.get("meta") if isinstance(data, Mapping) else None
    if not isinstance(model, Mapping) or not isinstance(meta, Mapping) or not is_integer(model.get("version")):
        raise _invalid("the answer has no dashboard with its version and meta")
    return LiveDashboard(model, model["version"], meta.get("provisioned") is True, as_text(meta.get("folderUid") or ""))


def healthy_version(data: object) -> str:
    """Grafana's version, of ``/api/health``.  Raises SalvageError(invalid, unreachable)."""
    if not isinstance(data, Mapping) or "database" not in data:
        raise _invalid("the answer does not say how its database is, so it is not Grafana's")
    if data["database"] != "ok":
        raise SalvageError(f"its database is {as_text(data['database'])[:60]}", reason="unreachable")
    return as_text(data.get("version") or "unknown")


def _objects(data: object, what: str) -> list[Mapping[str, Any]]:
    if not isinstance(data, list) or not all(isinstance(one, Mapping) for one in data):
        raise _invalid(f"the answer is {json_kind(data)}, not a list of {what}")
    return data


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"one of the answer has no {name}")
    return value


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
