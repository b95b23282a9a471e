# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards in extensions/monitoring, from one description: for Grafana, and for the console of OpenShift.

python3 -m tools.env run python -m tools.dashboards    write them

Limits come from the profile that the modules judge by, and from the alerts.  No query needs recording rules or kube-state-metrics.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .alert_rules import Indented, all_rules, profile

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / "extensions" / "monitoring" / "dashboards"
CONSOLE = CHECKOUT / "extensions" / "monitoring" / "console" / "dashboards.yaml"
COMMAND = "python3 -m tools.env run python -m tools.dashboards"
SCHEMA = 39  # of Grafana 11; a newer one reads it
NAMESPACE = "euystacio-ai"
API = 'namespace="$namespace", service="euystacio-api"'
# As the module bake counts requests.
REQUESTS = f'http_requests_total{{{API}, path!~"/health|/ready|/metrics"'
CONTAINERS = 'namespace="$namespace", container!=""'
RATE = "[$__rate_interval]"
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_GREEN, _ORANGE, _RED = "green", "orange", "red"


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """``steps``: the colours from a value on; None is the lowest."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    steps: tuple[tuple[float | None, str], ...] = ((None, _GREEN),)
    single: bool = False  # the newest value, not the series
    width: int = 12
    height: int = 8
    description: str = ""


@dataclass(frozen=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]


def limit_steps(metric: Mapping[str, Any]) -> tuple[tuple[float | None, str], ...]:
    """Of a metric of the profile: red, orange and green as its alerts are critical, warning and silent."""
    if metric.get("critical_min") is not None:
        return ((None, _RED), (metric["critical_min"], _ORANGE), (metric["warning_min"], _GREEN))
    return ((None, _GREEN), (metric["warning_max"], _ORANGE), (metric["critical_max"], _RED))


def limit_of(alert: str) -> float:
    """The number in the expression of an alert."""
    found = next(re.search(r" >=? ([\d.]+)", str(rule["expr"])) for rule in all_rules() if rule.get("alert") == alert)
    if found is None:
        raise ValueError(alert)
    return float(found[1])


def single(title: str, expr: str, steps: tuple[tuple[float | None, str], ...], unit: str = "short", legend: str = "") -> Panel:
    return Panel(title, (Query(expr, legend),), unit, steps, single=True, width=6, height=4)


def graph(title: str, *queries: tuple[str, str], unit: str = "short", description: str = "") -> Panel:
    return Panel(title, tuple(Query(*one) for one in queries), unit, description=description)


def errors(window: str) -> str:
    """The part of the requests that failed."""
    failed, every = f'sum(rate({REQUESTS}, code=~"5.."}}{window}))', f"sum(rate({REQUESTS}}}{window}))"
    return f"({failed} or 0 * {every}) / {every}"


def quantile(part: str) -> str:
    buckets = REQUESTS.replace("http_requests_total", "http_request_duration_seconds_bucket")
    return f"histogram_quantile({part}, sum by (le) (rate({buckets}}}{RATE})))"


def _up(service: str) -> str:
    return f'sum(up{{namespace="$namespace", service="{service}"}})'


def _alerts(more: str) -> str:
    return f'count(ALERTS{{alertstate="firing", {more}}}) or vector(0)'


def _age(metric: str) -> str:
    return f"time() - max by (cluster) ({metric})"


def overview() -> Dashboard:
    metrics = profile()
    ends = {key: "min" if one.get("critical_min") is not None else "max" for key, one in metrics.items()}
    wrong = ((None, _GREEN), (1, _RED))
    cpu = f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{CONTAINERS}}}{RATE}))"
    memory = f"sum by (pod) (container_memory_working_set_bytes{{{CONTAINERS}}})"
    return Dashboard(
        "meta-salvage-overview",
        "Meta Salvage overview",
        "The runbook's metrics with their limits, the alerts that fire, and what the service uses.",
        (
            Row(
                "Thresholds",
                tuple(
                    single(one["title"], f'{ends[key]}({one["query"]}{{namespace="$namespace"}})', limit_steps(one), unit="none")
                    for key, one in metrics.items()
                ),
            ),
            Row(
                "Over time",
                tuple(
                    graph(one["title"], (f'{one["query"]}{{namespace="$namespace"}}', "{{pod}}"), unit="none") for one in metrics.values()
                ),
            ),
            Row(
                "State",
                (
                    single("Critical alerts", _alerts('severity="critical"'), wrong),
                    single("Other alerts", _alerts('severity!~"critical|none"'), ((None, _GREEN), (1, _ORANGE))),
                    single("Pods that answer", _up("euystacio-api"), ((None, _RED), (1, _ORANGE), (2, _GREEN))),
                    single("OPA pods that answer", _up("opa-service"), ((None, _RED), (1, _GREEN))),
                ),
            ),
            Row(
                "Risk",
                (
                    graph(
                        "Peace Bonds violations",
                        ('sum(increase(peace_bonds_violations_total{namespace="$namespace"}[5m]))', "in 5 minutes"),
                    ),
                    graph("Risk events", ('sum by (severity) (increase(risk_events_total{namespace="$namespace"}[5m]))', "{{severity}}")),
                ),
            ),
            Row("Resources", (graph("CPU", (cpu, "{{pod}}")), graph("Memory", (memory, "{{pod}}"), unit="bytes"))),
        ),
    )


def delivery() -> Dashboard:
    running = 'max by (cluster, runbook) (meta_salvage_run_started_timestamp_seconds{runbook=~"deploy|blue_green|scale"}) > bool 0'
    budget = ((None, _GREEN), (0.001, _ORANGE), (0.0144, _RED))
    ratio = (
        f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{CONTAINERS}}}[5m]))"
        f" / sum by (pod) (container_spec_cpu_quota{{{CONTAINERS}}} / (container_spec_cpu_period{{{CONTAINERS}}} > 0))"
    )
    memory = (
        f"sum by (pod) (container_memory_working_set_bytes{{{CONTAINERS}}})"
        f" / sum by (pod) (container_spec_memory_limit_bytes{{{CONTAINERS}}} > 0)"
    )
    return Dashboard(
        "meta-salvage-delivery",
        "Meta Salvage delivery",
        "What a deployment changes: the versions that run, requests, errors, latency, and restarts.",
        (
            Row(
                "Now",
                (
                    single("Runs in progress", f"sum({running})", ((None, _GREEN), (1, "blue"))),
                    single("Failed requests, 5 minutes", errors("[5m]"), budget, unit="percentunit"),
                    single("Failed requests, 1 hour", errors("[1h]"), budget, unit="percentunit"),
                    single("Pods that answer", _up("euystacio-api"), ((None, _RED), (1, _ORANGE), (2, _GREEN))),
                ),
            ),
            Row(
                "Versions",
                (
                    graph("Pods of each version", (f"count by (version) (euystacio_build_info{{{API}}})", "{{version}}")),
                    graph("Runs of runbooks", (running, "{{runbook}} on {{cluster}}"), description="1 while it works."),
                ),
            ),
            Row(
                "Requests",
                (
                    graph("Requests", (f"sum by (code) (rate({REQUESTS}}}{RATE}))", "{{code}}"), unit="reqps"),
                    graph("Failed requests", (errors(RATE), "of all"), unit="percentunit"),
                    graph("Latency", (quantile("0.5"), "median"), (quantile("0.95"), "95 %"), (quantile("0.99"), "99 %"), unit="s"),
                    graph("Starts of the process", (f"sum by (pod) (changes(process_start_time_seconds{{{API}}}[15m]))", "{{pod}}")),
                ),
            ),
            Row(
                "Resources",
                (
                    graph("CPU of the limit", (ratio, "{{pod}}"), unit="percentunit"),
                    graph("Memory of the limit", (memory, "{{pod}}"), unit="percentunit"),
                ),
            ),
        ),
    )


def recovery() -> Dashboard:
    backup, drill = "meta_salvage_backup_created_timestamp_seconds", "meta_salvage_restore_drill_passed_timestamp_seconds"
    run = "max by (cluster, runbook) (meta_salvage_run_started_timestamp_seconds)"
    backup_limit, drill_limit, run_limit = (limit_of(alert) for alert in ("BackupTooOld", "RestoreDrillTooOld", "RunDidNotEnd"))
    return Dashboard(
        "meta-salvage-recovery",
        "Meta Salvage recovery",
        "Whether the system could be restored: the age of backups and drills, runs that did not end, and incidents.",
        (
            Row(
                "Now",
                (
                    single("Age of the newest backup", _age(backup), ((None, _GREEN), (backup_limit, _RED)), "s", "{{cluster}}"),
                    single("Last restore drill that passed", _age(drill), ((None, _GREEN), (drill_limit, _ORANGE)), "s", "{{cluster}}"),
                    single(
                        "Longest run in progress", f"max((time() - {run}) * ({run} > bool 0))", ((None, _GREEN), (run_limit, _ORANGE)), "s"
                    ),
                    single("Open incidents", "sum(meta_salvage_incidents_open)", ((None, _GREEN), (1, _ORANGE))),
                ),
            ),
            Row(
                "Backups",
                (
                    graph("Age of the newest backup", (_age(backup), "{{cluster}}"), unit="s"),
                    graph("Time since the last restore drill", (_age(drill), "{{cluster}}"), unit="s"),
                    graph("Backups created", (f"sum by (cluster) (changes({backup}[1d]))", "{{cluster}}, in a day")),
                    graph("Runs in progress", (f"(time() - {run}) * ({run} > bool 0)", "{{runbook}} on {{cluster}}"), unit="s"),
                ),
            ),
            Row(
                "Incidents",
                (
                    graph("Open incidents", ("max by (severity) (meta_salvage_incidents_open)", "{{severity}}")),
                    graph(
                        "Mean time to resolve",
                        ("max by (severity) (meta_salvage_incident_mean_time_to_resolve_seconds)", "{{severity}}"),
                        unit="s",
                    ),
                ),
            ),
        ),
    )


def all_dashboards() -> list[Dashboard]:
    return [overview(), delivery(), recovery()]


# --- for Grafana


def grafana(board: Dashboard) -> dict[str, Any]:
    """The classic JSON model."""
    variables = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}, "hide": 0},
        {
            "name": "namespace",
            "label": "Namespace",
            "type": "query",
            "datasource": _DATASOURCE,
            "query": {"query": "label_values(qek_value, namespace)", "refId": "namespace"},
            "current": {"text": NAMESPACE, "value": NAMESPACE},
            "refresh": 2,
            "sort": 1,
        },
    ]
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["meta-salvage"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": variables},
        "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "Meta Salvage", "tags": ["meta-salvage"], "asDropdown": False}],
        "panels": list(_grafana_panels(board)),
    }


def _grafana_panels(board: Dashboard) -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for row in board.rows:
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _place(0, top, 24, 1)}
        number, top, left, height = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > 24:
                left, top = 0, top + height
            yield _grafana_panel(panel, number, _place(left, top, panel.width, panel.height))
            number, left, height = number + 1, left + panel.width, panel.height
        top += height


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _grafana_panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": _DATASOURCE,
            "expr": one.expr,
            "legendFormat": one.legend or "__auto",
            "instant": panel.single,
        }
        for index, one in enumerate(panel.queries)
    ]
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    options: dict[str, Any] = (
        {"colorMode": "value", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        if panel.single
        else {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    )
    return {
        "id": number,
        "type": "stat" if panel.single else "timeseries",
        "title": panel.title,
        **({"description": panel.description} if panel.description else {}),
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}, "overrides": []},
        "options": options,
        "targets": targets,
    }


# --- for the console of OpenShift, which draws rows of the older panels


def console(board: Dashboard) -> dict[str, Any]:
    rows = []
    number = 1
    for row in board.rows:
        panels = []
        for panel in row.panels:
            panels.append(_console_panel(panel, number))
            number += 1
        rows.append({"title": row.title, "showTitle": True, "panels": panels})
    chooser = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "hide": 2,
        "current": {"text": "default", "value": "default"},
    }
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["meta-salvage"],
        "schemaVersion": 14,
        "editable": False,
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [chooser]},
        "rows": rows,
    }


def _console_panel(panel: Panel, number: int) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + index),
            "expr": one.expr.replace("$namespace", NAMESPACE).replace("$__rate_interval", "5m"),
            "format": "time_series",
            "legendFormat": one.legend,
            "intervalFactor": 2,
        }
        for index, one in enumerate(panel.queries)
    ]
    common = {"id": number, "title": panel.title, "datasource": "$datasource", "span": panel.width // 2, "targets": targets}
    if panel.single:
        return {**common, "type": "singlestat", "format": panel.unit, "valueName": "current", "decimals": 3}
    legend, axis = {"show": True, "alignAsTable": False}, {"format": panel.unit, "show": True}
    return {**common, "type": "graph", "legend": legend, "stack": False, "yaxes": [axis, {**axis, "show": False}]}


class _Literal(Indented):
    """Texts of several lines stay readable."""


_Literal.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def console_config_maps() -> str:
    """A List of ConfigMaps, one for each dashboard."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"grafana-dashboard-{board.uid}",
                "namespace": "openshift-config-managed",
                "labels": {"app.kubernetes.io/part-of": "meta-salvage", "console.openshift.io/dashboard": "true"},
            },
            "data": {f"{board.uid}.json": _text(console(board))},
        }
        for board in all_dashboards()
    ]
    header = f"---\n# SPDX-License-Identifier: GPL-3.0-or-later\n# Written by `{COMMAND}`.\n# yamllint disable rule:line-length\n"
    return header + yaml.dump({"apiVersion": "v1", "kind": "List", "items": items}, Dumper=_Literal, sort_keys=False, width=4096)


def _text(model: dict[str, Any]) -> str:
    return json.dumps(model, indent=2) + "\n"


def written() -> dict[Path, str]:
    """Each file, and what it has to hold."""
    return {**{FOLDER / f"{board.uid}.json": _text(grafana(board)) for board in all_dashboards()}, CONSOLE: console_config_maps()}


def main() -> None:
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
