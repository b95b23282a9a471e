# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples from what a source answered: the API's JSON, Prometheus exposition text, PromQL answers.

A document that is none of these raises SalvageError(invalid); a value that can't be used is a Sample without a value, with the reason.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._core.errors import SalvageError
from .model import Sample, Series

FORMATS = ("auto", "api", "exposition", "promql")

# A sample's line is some hundred characters; the parser's time grows with the square of it.
_LONGEST_LINE = 16 * 1024


def parse(data: object, fmt: str = "auto", *, names: Collection[str], whole: bool = True) -> list[Sample]:
    """The samples in a body (bytes or text) or in JSON that is already data.  Raises SalvageError(invalid, missing_library).

    ``names`` are the metrics that matter (others in exposition text are skipped); ``whole`` is false if the body may be cut off.
    """
    if isinstance(data, (bytes, bytearray)):
        data = bytes(data).decode("utf-8-sig", "replace")
    if isinstance(data, str):
        text = data.lstrip("\ufeff")
        start = text.lstrip()[:1]
        if not start:
            raise _invalid("the answer is empty")
        if start == "<":
            raise _invalid(f"the answer is HTML or XML, not metrics: it starts with {text.lstrip()[:40]!r}")
        if fmt == "exposition" or (fmt == "auto" and (start.isalpha() or start in "#_:")):
            return parse_exposition(text, names, whole=whole)
        data = load_json(text)
    if fmt == "promql" or (fmt == "auto" and _is_promql(data)):
        return parse_promql(data)
    if fmt == "exposition":
        raise _invalid(f"exposition text was expected, the data is {_kind(data)}")
    return parse_api(data)


# JSON


class _Conflict:
    """A key that an object gives twice, with different values."""


def load_json(text: str) -> Any:
    """JSON that keeps what a strict reader drops or chokes on, so that it can be told apart later.  Raises SalvageError(invalid)."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except (ValueError, RecursionError) as exc:
        what = "is nested too deeply" if isinstance(exc, RecursionError) else f"is not JSON ({exc})"
        raise _invalid(f"the answer {what}; {len(text)} characters came, starting with {text[:40]!r}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        result[key] = value if key not in result or _same(result[key], value) else _Conflict()
    return result


def _same(a: object, b: object) -> bool:
    return type(a) is type(b) and a == b


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else math.inf  # int() refuses thousands of digits; no float holds so many


def _value(raw: object) -> tuple[float | None, str]:
    """The finite number that ``raw`` is, or the reason why it is none."""
    if isinstance(raw, _Conflict):
        return None, "given twice with different values"
    if raw is None:
        return None, "the value is null"
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None, f"the value is {_kind(raw)}, not a number"
    try:
        number = float(raw)
    except OverflowError:
        number = math.inf
    return (number, "") if math.isfinite(number) else (None, f"the value is {_spelled(number)}")


def _spelled(number: float) -> str:
    return "NaN" if math.isnan(number) else "infinite"


def _kind(raw: object) -> str:
    if isinstance(raw, str):
        return f"the string {raw[:40]!r}"
    if isinstance(raw, bool):
        return f"the boolean {str(raw).lower()}"
    if raw is None:
        return "null"
    if isinstance(raw, Mapping):
        return "an object"
    if isinstance(raw, (list, tuple)):
        return "a list"
    return "a number" if isinstance(raw, (int, float)) else f"of type {type(raw).__name__}"


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else _kind(raw)


def _moment(raw: object) -> float | None:
    """Unix seconds of a number (milliseconds too) or of ISO 8601 text (UTC if it names no zone)."""
    if isinstance(raw, str):
        try:
            text = re.sub(r"[zZ]$", "+00:00", raw.strip())
            # Python 3.10 wants three or six digits of a second.
            moment = datetime.datetime.fromisoformat(re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), text))
            return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()
        except ValueError:
            return None
    number, _reason = _value(raw)
    if number is not None and abs(number) > 1e11:
        number /= 1000
    return number


# The API


def parse_api(data: object) -> list[Sample]:
    """``{"metrics": {name: number | {"current_value": number, ...}}}``, or the inner object alone.  Raises SalvageError(invalid)."""
    if not isinstance(data, Mapping):
        raise _invalid(f"the answer is {_kind(data)}, an object of metrics was expected")
    metrics = data.get("metrics", data)
    if not isinstance(metrics, Mapping):
        raise _invalid(f".metrics is {'given twice' if isinstance(metrics, _Conflict) else _kind(metrics)}, an object was expected")
    at = data.get("timestamp")
    return [_api_sample(name, raw, at) for name, raw in metrics.items() if isinstance(name, str)]


def _api_sample(name: str, raw: object, at: object) -> Sample:
    if not isinstance(raw, Mapping):
        value, reason = _value(raw)
        series: Series = ()
        alert = False
    elif "current_value" not in raw:
        return Sample(name, None, "the object has no current_value")
    else:
        value, reason = _value(raw["current_value"])
        series = _api_series(raw.get("time_series"))
        alert = raw.get("status") == "alert" or raw.get("within_limits") is False
        at = at if raw.get("timestamp") is None else raw["timestamp"]
    timestamp = None
    if at is not None:
        timestamp = _moment(at)
        if timestamp is None and not reason:
            value, reason = None, f"its timestamp can't be read, it is {_kind(at)}"
    elif series:
        timestamp = series[-1][0]
    return Sample(name, value, reason, timestamp=timestamp, alert=alert, series=series)


def _api_series(raw: object) -> Series:
    """Of ``[[time, value], ...]`` or ``[{"timestamp", "value"}, ...]``; bare values have no time, so they are no evidence of anything."""
    points = []
    for item in raw if isinstance(raw, (list, tuple)) else ():
        if isinstance(item, Mapping):
            pair = (item.get("timestamp"), item.get("value"))
        elif isinstance(item, (list, tuple)) and len(item) == 2:
            pair = (item[0], item[1])
        else:
            continue
        t, (v, _reason) = _moment(pair[0]), _value(pair[1])
        if t is not None and v is not None:
            points.append((t, v))
    return tuple(sorted(points))


# Exposition text


def parse_exposition(text: str, names: Collection[str], *, whole: bool = True) -> list[Sample]:
    """The samples of the metrics ``names``; another metric's malformed line does no harm.  Raises SalvageError(missing_library)."""
    try:
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - slow to import, and JSON needs none of it
    except ImportError:
        raise SalvageError(
            "reading Prometheus text needs the Python library prometheus_client where the module runs; install prometheus-client",
            reason="missing_library",
        ) from None
    open_metrics = text.rstrip().endswith("# EOF")  # its timestamps are seconds, not milliseconds, and exemplars may follow a value
    samples: list[Sample] = []
    for line in io.StringIO(text):
        if not line.lstrip().startswith("#") and any(name in line for name in names):
            samples.extend(
                _exposition_line(line, names, text_string_to_metric_families, open_metrics, cut=not whole and not line.endswith("\n"))
            )
    return samples


def _exposition_line(
    line: str, names: Collection[str], read: Callable[[str], Iterable[Any]], open_metrics: bool, cut: bool
) -> list[Sample]:
    stripped = line.strip()
    head = stripped.split("{")[0].split()
    claimed = head[0] if head else ""
    if cut or len(stripped) > _LONGEST_LINE:
        reason = "the answer ends in the middle of its line" if cut else f"its line has {len(stripped)} characters"
        return [Sample(claimed, None, reason)] if claimed in names else []
    if open_metrics:
        stripped = stripped.split(" # ")[0]
    try:
        found = [sample for family in read(stripped + "\n") for sample in family.samples]
    except Exception:  # the parser's ways to fail on a malformed line: ValueError, IndexError, TypeError ...
        return [Sample(claimed, None, f"its line is malformed: {stripped[:60]!r}")] if claimed in names else []
    result = []
    for sample in found:
        if sample.name in names:
            value, reason = _value(sample.value)
            at = None
            if sample.timestamp is not None:
                at, _reason = _value(sample.timestamp)
                if at is None:
                    value, reason = None, f"its timestamp is malformed: {stripped[:60]!r}"
                elif open_metrics:
                    at *= 1000  # undoes the parser's division
            result.append(Sample(sample.name, value, reason, timestamp=at, labels=dict(sample.labels)))
    return result


# PromQL


def _is_promql(data: object) -> bool:
    if not isinstance(data, Mapping):
        return False
    return (data.get("status"), "errorType" in data) == ("error", True) or (data.get("status"), "data" in data) == ("success", True)


def parse_promql(data: object) -> list[Sample]:
    """The series of an answer of /api/v1/query or query_range; of a range, its last value and the series.  Raises SalvageError(invalid)."""
    if not isinstance(data, Mapping):
        raise _invalid(f"the answer is {_kind(data)}, not Prometheus's")
    if data.get("status") == "error":
        raise _invalid(f"Prometheus refused the query: {_text(data.get('errorType'))[:40]}: {_text(data.get('error'))[:200]}")
    inner = data.get("data")
    if data.get("status") != "success" or not isinstance(inner, Mapping):
        raise _invalid("the answer is not Prometheus's: it has no status success and data")
    raw = data.get("warnings")
    doubt = f"Prometheus warns: {'; '.join(_text(w)[:120] for w in raw[:3])}" if isinstance(raw, (list, tuple)) and raw else ""
    kind, result = inner.get("resultType"), inner.get("result")
    if kind not in {"vector", "matrix", "scalar"} or not isinstance(result, (list, tuple)):
        raise _invalid(f"a vector, matrix or scalar was expected, the result is {_kind(kind)}")
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


def _promql_sample(labels: Mapping[str, Any], points: list[Any] | tuple[Any, ...], doubt: str) -> Sample:
    texts = {_text(k): _text(v) for k, v in labels.items()}
    name = texts.pop("__name__", "")
    series: list[tuple[float, float]] = []
    last: tuple[float | None, float | None, str] = (None, None, "the series is no series of numbers (a native histogram?)")
    for point in points:
        last = _promql_point(point)
        if last[0] is not None and last[1] is not None:
            series.append((last[0], last[1]))
    timestamp, value, reason = last
    return Sample(name, value, reason, timestamp=timestamp, labels=texts, doubt=doubt, series=tuple(sorted(series)))


def _promql_point(point: object) -> tuple[float | None, float | None, str]:
    if not isinstance(point, (list, tuple)) or len(point) != 2:
        return None, None, "a value of the series is malformed"
    at, _reason = _value(point[0])
    try:
        number = float(point[1]) if isinstance(point[1], str) else math.nan
    except ValueError:
        number = math.nan
    if at is None:
        return None, None, "a value of the series has no time"
    return (at, number, "") if math.isfinite(number) else (at, None, f"the value is {_text(point[1])[:40]}")


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
