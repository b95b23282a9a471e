# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts on the runbook's thresholds, generated from the profile that the modules judge by, and the page that lists all alerts.

python3 -m tools.env run python -m tools.alert_rules    write them
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import yaml

from .env import collections_path
from .marks import between

CHECKOUT = Path(__file__).resolve().parents[1]
RULES = CHECKOUT / "extensions" / "monitoring" / "rules"
THRESHOLDS = RULES / "thresholds.yaml"
PAGE = CHECKOUT / "docs" / "alerts.md"
COMMAND = "python3 -m tools.env run python -m tools.alert_rules"
BEGIN = f"<!-- alerts: written by `{COMMAND}` -->"
END = "<!-- end of alerts -->"
RUNBOOK_URL = "https://github.com/euystacio/meta_salvage/blob/main/docs/runbooks/thresholds.md"
HEADER = f"""---
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `{COMMAND}`; change the profile in plugins/module_utils/_metrics.
"""
IMPACT = {
    "qek": "The core ethical kernel does not meet its standards. Check recent changes and the integrity of red_code.json.",
    "hvar": "The ethical metrics are highly volatile. Check the request rate, recent risk events and resources.",
}
# The runbook notifies the on-call team when the issue persists.
PERSISTS = {"qek": "15m"}


def profile() -> dict[str, dict[str, Any]]:
    sys.path.insert(0, str(collections_path()))
    module = importlib.import_module("ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile")
    return dict(module.RUNBOOK)


def _name(title: str) -> str:
    return "".join(word if word.isupper() else word.capitalize() for word in title.replace("-", "").split())


def _alert(name: str, expr: str, wait: str, severity: str, summary: str, description: str) -> dict[str, Any]:
    annotations = {"summary": summary, "description": description, "runbook_url": RUNBOOK_URL}
    return {"alert": name, "expr": expr, "for": wait, "labels": {"severity": severity}, "annotations": annotations}


def threshold_alerts(key: str, metric: dict[str, Any]) -> list[dict[str, Any]]:
    """Both severities of a metric, and that it is unknown."""
    title, query = metric["title"], metric["query"]
    name, found = _name(title), []
    advice = f"{IMPACT.get(key, f'{title} is out of its limits.')} The playbook health_check shows the value and its source."
    value = '{{ $value | printf "%.4g" }}'
    for severity, words, wait in (("critical", "threshold", "1m"), ("warning", "warning threshold", "5m")):
        for side, aggregate, sign, verb, end in (
            ("min", "min", "<", "below minimum", "BelowMinimum"),
            ("max", "max", ">", "exceeded maximum", "ExceededMaximum"),
        ):
            limit = metric.get(f"{severity}_{side}")
            if limit is None:
                continue
            said = verb if severity == "critical" else {"min": "below", "max": "exceeded"}[side]
            alert = name + (end if severity == "critical" else {"min": "BelowWarning", "max": "ExceededWarning"}[side])
            expr = f"{aggregate} by (namespace) ({query}) {sign} {limit:.2f}"
            summary = f"{title} {said} {words}: {value} {sign} {limit:.2f}"
            found.append(_alert(alert, expr, wait, severity, summary, advice))
            if severity == "critical" and key in PERSISTS:
                longer = PERSISTS[key]
                found.append(
                    _alert(
                        f"{alert}Persists",
                        expr,
                        longer,
                        severity,
                        f"{summary} for more than {longer}",
                        f"Notify the on-call team. {advice}",
                    )
                )
    missing = f"Prometheus has no sample of {query}, or one that is NaN, so nobody knows whether {title} is within its limits."
    unknown = f"absent({query}) or count by (namespace) ({query} != {query}) > 0"
    return [*found, _alert(f"{name}Unknown", unknown, "5m", "warning", f"{title} is unknown", missing)]


class Indented(yaml.SafeDumper):
    """Lists stand further in than what they belong to."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def thresholds(metrics: dict[str, dict[str, Any]]) -> str:
    groups = [
        {"name": "meta-salvage.thresholds", "rules": [rule for key, metric in metrics.items() for rule in threshold_alerts(key, metric)]}
    ]
    labels = {"app.kubernetes.io/part-of": "meta-salvage", "release": "prometheus-operator"}
    metadata = {"name": "meta-salvage-thresholds", "namespace": "monitoring", "labels": labels}
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": {"groups": groups}}
    return HEADER + yaml.dump(rule, Dumper=Indented, sort_keys=False, width=150)


def all_rules() -> list[dict[str, Any]]:
    """Every rule that is shipped."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yaml"))]
    return [rule for file in files for group in file["spec"]["groups"] for rule in group["rules"]]


def table() -> str:
    lines = ["| Alert | Severity | After | Text | What to do |", "|---|---|---|---|---|"]
    for rule in (one for one in all_rules() if "alert" in one):
        said = {name: text.replace("|", "\\|") for name, text in rule["annotations"].items()}
        lines.append(
            f"| `{rule['alert']}` | {rule['labels']['severity']} | {rule.get('for', 'at once')} | `{said['summary']}` | "
            f"{said['description']} [Page]({said['runbook_url'].rsplit('/docs/', maxsplit=1)[1]}) |"
        )
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the table of now."""
    return between(text, BEGIN, END, table())


if __name__ == "__main__":
    THRESHOLDS.write_text(thresholds(profile()), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
