# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Grafana has loaded a dashboard as it is wanted.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._grafana.dashboards import panels_of
from .._grafana.model import GrafanaDashboard, LiveDashboard

_OWN = frozenset({"id", "version", "iteration", "__requires"})


def unlike_live(wanted: GrafanaDashboard | None, live: LiveDashboard | None) -> str:
    """How they differ; empty if they do not.

    A Grafana that is newer than the file may show it in the form of a newer schemaVersion: then the panels and their queries count.
    """
    if wanted is None:
        return "is still loaded" if live is not None else ""
    if live is None:
        return "is not loaded"
    want, have = content_of_model(wanted.model), content_of_model(live.model)
    if want == have:
        return ""
    if want.get("schemaVersion") == have.get("schemaVersion"):
        return f"has another {_difference(want, have)}"
    return "" if essence_of(want) == essence_of(have) else "has other panels or queries"


def content_of_model(model: Mapping[str, Any]) -> dict[str, Any]:
    """Without what Grafana sets itself."""
    return {name: value for name, value in model.items() if name not in _OWN}


def essence_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """The title, and of each panel its title and its queries."""
    panels = {
        str(panel.get("id")): [panel.get("title"), [target.get("expr") for target in panel.get("targets") or ()]]
        for panel in panels_of(model, "the dashboard")
        if panel.get("type") != "row"
    }
    return {"title": model.get("title"), "panels": panels}


def _difference(want: Any, have: Any, path: str = "") -> str:
    """Where they begin to differ."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        for name in [*want, *(name for name in have if name not in want)]:
            if name not in want or name not in have or want[name] != have[name]:
                return _difference(want.get(name), have.get(name), f"{path}.{name}" if path else str(name))
    if isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            return f"number of {path}"
        for index, (one, other) in enumerate(zip(want, have, strict=True)):
            if one != other:
                return _difference(one, other, f"{path}[{index}]")
    return path
