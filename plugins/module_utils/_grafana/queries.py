# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables in a query: Grafana puts values in for them before Prometheus sees it, and so does this, to have it parsed.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .model import GrafanaVariable

# $name, [[name]], ${name}, each with a format as Grafana takes it.
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\[\[([A-Za-z_]\w*)(?::[^\]]*)?\]\]|\$\{([A-Za-z_]\w*)(?:\.[^:}]+)?(?::[^}]+)?\}")
_BUILT_IN = {
    "__interval": "1m",
    "__interval_ms": "60000",
    "__rate_interval": "5m",
    "__rate_interval_ms": "300000",
    "__range": "1h",
    "__range_s": "3600",
    "__range_ms": "3600000",
    "__from": "1700000000000",
    "__to": "1700003600000",
    "__timezone": "UTC",
}
_SAMPLE = "x"
_LABEL_VALUES = re.compile(r"\s*label_values\(\s*(?:(?P<metric>.+),)?\s*[A-Za-z_$][\w${}]*\s*\)\s*", re.DOTALL)
_QUERY_RESULT = re.compile(r"\s*query_result\((?P<query>.+)\)\s*", re.DOTALL)


def with_samples(expression: str, variables: Iterable[GrafanaVariable]) -> tuple[str, list[str]]:
    """The query with a value for each variable, and the names that it does not know."""
    values = {**_BUILT_IN, **{one.name: one.sample for one in variables}}
    unknown: list[str] = []

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        if name not in values:
            unknown.append(name)
        return values.get(name, _SAMPLE)

    return _VARIABLE.sub(value, expression), unknown


def sample_of(variable: Mapping[str, Any]) -> str:
    """A value that the variable can have."""
    kind, query = variable.get("type"), variable.get("query")
    text = query if isinstance(query, str) else ""
    if kind == "interval":
        first = text.split(",")[0].strip()
        return first if re.fullmatch(r"\d+[smhdwy]", first) else "5m"
    if kind in ("custom", "constant", "textbox"):
        first = text.split(",")[0] if kind == "custom" else text
        return first.rpartition(" : ")[2].strip() or _SAMPLE
    return _SAMPLE


def query_of_variable(variable: Mapping[str, Any]) -> str | None:
    """The PromQL in the query of a variable; None if there is none, as in label_names()."""
    query = variable.get("query")
    text = query.get("query") if isinstance(query, Mapping) else query
    if not isinstance(text, str):
        return None
    found = _LABEL_VALUES.fullmatch(text)
    if found:
        return found["metric"]
    result = _QUERY_RESULT.fullmatch(text)
    return result["query"] if result else None
