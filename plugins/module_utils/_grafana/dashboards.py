# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the classic JSON model of a dashboard, and says in one sentence what is wrong with it.  Pure.

What is not in the allow-list is refused: Grafana ignores a field that it does not know, and a misspelt one then is an empty dashboard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.json_values import is_integer, load_json
from .model import DatasourceRef, GrafanaDashboard, GrafanaQuery, GrafanaVariable
from .queries import query_of_variable, sample_of

# The most bytes of all values of a ConfigMap.
CONFIG_MAP_BYTES = 1024 * 1024
# Queries in PromQL, by the type of the datasource.
PROMQL_TYPES = frozenset({"prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource"})
BUILT_IN = frozenset({"-- Mixed --", "-- Dashboard --", "-- Grafana --", "grafana", "__expr__"})

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KNOWN = frozenset(
    {
        *("annotations", "description", "editable", "fiscalYearStartMonth", "gnetId", "graphTooltip", "hideControls", "id", "iteration"),
        *("links", "liveNow", "panels", "preload", "refresh", "revision", "schemaVersion", "scopeMeta", "sharedCrosshair", "style"),
        *("tags", "templating", "time", "timepicker", "timezone", "title", "uid", "version", "weekStart", "__requires"),
    }
)
_LONGEST_TITLE = 255
_MOST_PANELS = 1000
_WIDTH = 24


def dashboard_of(data: bytes, where: str) -> GrafanaDashboard:
    """Raises SalvageError(bad_input, too_large)."""
    if len(data) > CONFIG_MAP_BYTES:
        raise SalvageError(
            f"{where}: the dashboard has {len(data)} bytes, and a ConfigMap holds {CONFIG_MAP_BYTES}; split it, or take unused panels out",
            reason="too_large",
        )
    try:
        text = data.decode("utf-8")
        model = load_json(text, strict=True)
    except UnicodeDecodeError:
        raise _bad(where, "it is not UTF-8 text; save it as UTF-8") from None
    except SalvageError as exc:
        raise _bad(where, str(exc).replace("the answer", "it", 1)) from None
    _check_frame(model, where)
    variables = tuple(_variables(model, where))
    queries, datasources = _used(model, where)
    return GrafanaDashboard(model["uid"], model["title"], where, text, model, tuple(queries), tuple(datasources), variables)


def panels_of(model: Mapping[str, Any], where: str) -> Iterator[Mapping[str, Any]]:
    """Each panel, those inside rows too.  Raises SalvageError(bad_input)."""
    for panel in _list(model.get("panels", []), f"{where}: panels"):
        if not isinstance(panel, Mapping):
            raise _bad(where, f"a panel is {shown(panel)}; write an object")
        yield panel
        if panel.get("type") == "row":
            for inner in _list(panel.get("panels", []), f"{where}: the panels of a row"):
                if not isinstance(inner, Mapping) or inner.get("type") == "row":
                    raise _bad(where, f"the row {shown(panel.get('title'))} holds {shown(inner)}; write a panel, not a row")
                yield inner


def _check_frame(model: Any, where: str) -> None:
    if not isinstance(model, dict):
        raise _bad(where, "it is not a JSON object; export the dashboard as JSON")
    if isinstance(model.get("dashboard"), dict):
        raise _bad(where, "it is a request or an answer of the API with the dashboard inside; give what is under the key dashboard")
    if "apiVersion" in model or "kind" in model:
        raise _bad(where, "it is a resource with apiVersion and kind; export the dashboard as classic JSON")
    if model.get("__inputs"):
        raise _bad(where, "it has __inputs, which only an import by hand fills in; export it without «share externally»")
    if "rows" in model:
        raise _bad(where, "it has rows, the form of Grafana 4; load it in a newer Grafana and export it again")
    unknown = sorted(set(model) - _KNOWN)
    if unknown:
        raise _bad(where, f"Grafana knows no field {', '.join(map(shown, unknown[:3]))}; check its spelling, or remove it")
    if not isinstance(model.get("uid"), str) or not _UID.fullmatch(model["uid"]):
        raise _bad(where, f"its uid is {shown(model.get('uid'))}; write 1 to 40 letters, digits, hyphens and underscores")
    title = model.get("title")
    if not isinstance(title, str) or not title.strip() or len(title) > _LONGEST_TITLE or not title.isprintable():
        raise _bad(where, f"its title is {shown(title)}; write one line of text")
    if not is_integer(model.get("schemaVersion")) or model["schemaVersion"] < 16:
        raise _bad(where, f"its schemaVersion is {shown(model.get('schemaVersion'))}; export it again from a current Grafana")
    _check_panels(model, where)


def _check_panels(model: Mapping[str, Any], where: str) -> None:
    seen: dict[int, str] = {}
    panels = list(panels_of(model, where))
    if not any(panel.get("type") != "row" for panel in panels):
        raise _bad(where, "it has no panels; add some")
    if len(panels) > _MOST_PANELS:
        raise _bad(where, f"it has {len(panels)} panels; split it")
    for panel in panels:
        name = _panel_name(panel)
        number = panel.get("id")
        if not is_integer(number):
            raise _bad(where, f"the {name} has no number as its id; give it one")
        if number in seen:
            raise _bad(where, f"the {name} and the {seen[number]} have the same id; give each its own")
        seen[number] = name
        if not isinstance(panel.get("type"), str) and not isinstance(panel.get("libraryPanel"), Mapping):
            raise _bad(where, f"the {name} has no type; write for example timeseries")
        place = panel.get("gridPos")
        sizes = [size for key in "xywh" if isinstance(place, Mapping) and is_integer(size := place.get(key)) and size >= 0]
        if len(sizes) != 4 or sizes[0] + sizes[2] > _WIDTH:
            raise _bad(where, f"the {name} has no gridPos within the {_WIDTH} columns; give x, y, w and h")


def _used(model: Mapping[str, Any], where: str) -> tuple[list[GrafanaQuery], list[tuple[str, DatasourceRef]]]:
    """The queries, and everything that names a datasource."""
    queries: list[GrafanaQuery] = []
    uses: list[tuple[str, DatasourceRef]] = []

    def add(what: str, holder: Mapping[str, Any], chosen: DatasourceRef, text: object) -> None:
        uses.append((what, chosen))
        if isinstance(text, str):
            queries.append(GrafanaQuery(what, text, chosen))
        elif text is not None:
            raise _bad(where, f"the query of {what} is {shown(text)}, not text")

    for panel in panels_of(model, where):
        name, of_panel = f"the {_panel_name(panel)}", _datasource(panel.get("datasource"), where)
        if isinstance(panel.get("libraryPanel"), Mapping):
            raise _bad(where, f"{name} is a library panel, so its queries are not in the file; unlink it first")
        for target in _list(panel.get("targets", []), f"{where}: the targets of {name}"):
            if not isinstance(target, Mapping):
                raise _bad(where, f"a target of {name} is {shown(target)}; write an object")
            own = _datasource(target["datasource"], where) if target.get("datasource") else of_panel
            add(f"{name}, query {shown(target.get('refId', '?'))}", target, own, target.get("expr"))
        if not panel.get("targets") and panel.get("datasource"):
            uses.append((name, of_panel))
    for one in _list((_mapping(model, "annotations", where)).get("list", []), f"{where}: the annotations"):
        if isinstance(one, Mapping) and one.get("enable", True):
            add(f"the annotation {shown(one.get('name'))}", one, _datasource(one.get("datasource"), where), one.get("expr"))
    for one in _list((_mapping(model, "templating", where)).get("list", []), f"{where}: the variables"):
        if isinstance(one, Mapping) and one.get("type") == "query":
            chosen = _datasource(one.get("datasource"), where)
            add(f"the variable {one.get('name')}", one, chosen, query_of_variable(one))
    return queries, uses


def _variables(model: Mapping[str, Any], where: str) -> Iterator[GrafanaVariable]:
    for one in _list(_mapping(model, "templating", where).get("list", []), f"{where}: the variables"):
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str) or not re.fullmatch(r"[A-Za-z_]\w*", one["name"]):
            raise _bad(where, f"a variable has no name ({shown(one)}); give it a name of letters, digits and underscores")
        kind = str(one.get("type"))
        yield GrafanaVariable(one["name"], kind, sample_of(one), str(one.get("query")) if kind == "datasource" else "")


def _datasource(value: Any, where: str) -> DatasourceRef:
    if value is None:
        return DatasourceRef()
    if isinstance(value, str):  # by name, as before Grafana 8.3
        return DatasourceRef("" if value == "default" else value)
    if isinstance(value, Mapping) and all(isinstance(value.get(key, ""), (str, type(None))) for key in ("uid", "type")):
        return DatasourceRef(value.get("uid") or "", value.get("type") or "")
    raise _bad(where, f"a datasource is {shown(value)}; write its uid and type")


def _panel_name(panel: Mapping[str, Any]) -> str:
    title = panel.get("title")
    return f"panel {shown(title)}" if title else f"panel {shown(panel.get('id'))}"


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise SalvageError(f"{what} are {shown(value)}; write a list", reason="bad_input")
    return value


def _mapping(model: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = model.get(name) or {}
    if not isinstance(value, Mapping):
        raise _bad(where, f"{name} is {shown(value)}; write an object")
    return value


def _bad(where: str, says: str) -> SalvageError:
    return SalvageError(f"{where}: {says}", reason="bad_input")
