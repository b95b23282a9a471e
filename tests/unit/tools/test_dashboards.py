# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped dashboards are what tools/dashboards.py writes, and pass the checks of grafana_dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._dashboards.checks import (
    KnownDatasources,
    datasource_problems,
    name_problems,
    promql_of,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._grafana.dashboards import dashboard_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import DEFAULT_PROFILE

from tools import dashboards

FILES = sorted(dashboards.FOLDER.glob("*.json"))
BOARDS = [dashboard_of(path.read_bytes(), path.name) for path in FILES]


@pytest.mark.parametrize("path", dashboards.written(), ids=lambda path: str(path.name))
def test_a_file_is_what_the_tool_writes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == dashboards.written()[path], f"run {dashboards.COMMAND}"


def test_they_pass_the_checks_without_knowing_grafana() -> None:
    assert [one.uid for one in BOARDS] == ["meta-salvage-delivery", "meta-salvage-overview", "meta-salvage-recovery"]
    known = KnownDatasources(None)
    assert name_problems(BOARDS, [], [], "") == []
    for one in BOARDS:
        queries, problems = promql_of(one, known)
        assert problems == datasource_problems(one, known) == [] and len(queries) == len(one.queries)


def test_no_query_needs_kube_state_metrics_or_a_recording_rule() -> None:
    for one in BOARDS:
        for query in one.queries:
            assert not re.search(r"\bkube_|\bmeta_salvage:", query.expression), query


def test_the_colours_change_at_the_limits() -> None:
    overview = json.loads((dashboards.FOLDER / "meta-salvage-overview.json").read_text())
    shown = {panel["title"]: panel for panel in overview["panels"] if panel["type"] == "stat"}
    for metric in DEFAULT_PROFILE.metrics:
        steps = shown[metric.title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        limits = metric.limits
        wanted = [limits.critical_min, limits.warning_min] if limits.critical_min is not None else [limits.warning_max, limits.critical_max]
        assert [step["value"] for step in steps[1:]] == wanted
    assert dashboards.limit_of("BackupTooOld") == 26 * 3600


def test_the_console_of_openshift_can_draw_them() -> None:
    listed = yaml.safe_load(dashboards.CONSOLE.read_text(encoding="utf-8"))["items"]
    assert [one["metadata"]["labels"]["console.openshift.io/dashboard"] for one in listed] == ["true"] * 3
    for one in listed:
        (text,) = one["data"].values()
        model = json.loads(text)
        for panel in (panel for row in model["rows"] for panel in row["panels"]):
            assert panel["type"] in {"graph", "singlestat"} and panel["span"] <= 12
            assert "$" not in "".join(target["expr"] for target in panel["targets"])
