# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of plugins/module_utils: tests/unit/test_house.py holds the imports to them, and tools/pictures.py draws them."""

from __future__ import annotations

FLOORS = [
    {"_core"},
    {"_sealing", "_cluster", "_report", "_redaction"},
    {"_opa", "_prometheus", "_alerts", "_grafana", "_records"},
    {"_metrics", "_manifests", "_workloads"},
]
DOMAINS = {
    *("_health", "_delivery", "_backup", "_restore", "_peace_bonds", "_prometheus_snapshot", "_terraform"),
    *("_diagnostics", "_incident", "_response", "_notify", "_monitoring", "_dashboards", "_run_report", "_fleet", "_game_day"),
}
# A restore reads what a backup wrote, and a health check whether there is something to read.
ALLOWED = {("_restore", "_backup"), ("_health", "_backup")}
