# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of Prometheus' HTTP API means.  Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import as_text, finite, json_kind
from .._core.redact import excerpt
from .model import MetricSample


def successful_data(answer: object) -> Any:
    """The ``data`` of a successful answer, whatever the call.  Raises SalvageError(invalid)."""
    if not isinstance(answer, Mapping):
        raise _invalid(f"the answer is {json_kind(answer)}, not Prometheus's")
    if answer.get("status") == "error":
        raise _invalid(
            f"Prometheus refused the query: {as_text(answer.get('errorType'))[:40]}: {excerpt(as_text(answer.get('error')), 200)}"
        )
    if answer.get("status") != "success" or "data" not in answer:
        raise _invalid("the answer is not Prometheus's: it has no status success and data")
    return answer["data"]


def listed_alerts(answer: object) -> list[Mapping[str, Any]]:
    """The alerts, pending ones too, of an answer of /api/v1/alerts.  Raises SalvageError(invalid)."""
    data = successful_data(answer)
    alerts = data.get("alerts") if isinstance(data, Mapping) else None
    if not isinstance(alerts, list) or not all(isinstance(one, Mapping) and isinstance(one.get("labels"), Mapping) for one in alerts):
        raise _invalid("the answer has no list of alerts with labels")
    return alerts


def warnings_of(answer: object) -> str:
    """Why a successful answer may not be a whole one, empty if nothing says so: its warnings, and the ``isPartial`` of VictoriaMetrics."""
    said = answer if isinstance(answer, Mapping) else {}
    raw = said.get("warnings")
    if raw:
        listed = raw if isinstance(raw, (list, tuple)) else [raw]
        return f"Prometheus warns: {'; '.join(as_text(one)[:120] for one in listed[:3])}"
    if said.get("error") or said.get("errorType"):
        return f"Prometheus reports an error beside its answer: {excerpt(as_text(said.get('error') or said.get('errorType')), 200)}"
    return "the answer is marked as partial" if said.get("isPartial") not in (None, False) else ""


def is_promql(data: object) -> bool:
    """Whether it has the form of an answer of Prometheus."""
    if not isinstance(data, Mapping):
        return False
    return (data.get("status"), "errorType" in data) == ("error", True) or (data.get("status"), "data" in data) == ("success", True)


def parse_promql(data: object) -> list[MetricSample]:
    """The series of an answer of /api/v1/query or query_range; of a range, its last value and the series.  Raises SalvageError(invalid)."""
    inner = successful_data(data)
    if not isinstance(data, Mapping) or not isinstance(inner, Mapping):
        raise _invalid("the answer is not Prometheus's: it has no status success and data")
    doubt = warnings_of(data)
    kind, result = inner.get("resultType"), inner.get("result")
    if kind not in ("vector", "matrix", "scalar") or not isinstance(result, (list, tuple)):
        raise _invalid(f"a vector, matrix or scalar was expected, the result is {json_kind(kind)}")
    if kind == "scalar":
        return [replace(_promql_sample({}, [result], doubt), series=())]
    samples = []
    for item in result:
        labels = item.get("metric") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(labels, Mapping):
            raise _invalid("the answer is not Prometheus's: a series has no labels")
        points = item.get("values") if kind == "matrix" else [item["value"]] if "value" in item else None
        sample = _promql_sample(labels, points if isinstance(points, (list, tuple)) else [], doubt)
        samples.append(sample if kind == "matrix" else replace(sample, series=()))
    return samples


def _promql_sample(labels: Mapping[str, Any], points: list[Any] | tuple[Any, ...], doubt: str) -> MetricSample:
    texts = {as_text(k): as_text(v) for k, v in labels.items()}
    name = texts.pop("__name__", "")
    series: list[tuple[float, float]] = []
    last: tuple[float | None, float | None, str] = (None, None, "the series has no numbers (a native histogram?)")
    for point in points:
        last = _promql_point(point)
        if last[0] is not None and last[1] is not None:
            series.append((last[0], last[1]))
    timestamp, value, reason = last
    if series != sorted(series):
        value, reason = None, "the values of the series are not in the order of their times"
    return MetricSample(name, value, reason, timestamp=timestamp, labels=texts, doubt=doubt, series=tuple(sorted(series)))


def _promql_point(point: object) -> tuple[float | None, float | None, str]:
    if not isinstance(point, (list, tuple)) or len(point) != 2:
        return None, None, "a value of the series is malformed"
    at, _reason = finite(point[0])
    try:
        number = float(point[1]) if isinstance(point[1], str) else math.nan
    except ValueError:
        number = math.nan
    if at is None:
        return None, None, "a value of the series has no time"
    return (at, number, "") if math.isfinite(number) else (at, None, f"the value is {as_text(point[1])[:40]}")


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
