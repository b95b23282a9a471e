# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples from what a source answered: the API's JSON, Prometheus exposition text, PromQL answers.

A document that is none of these raises SalvageError(invalid); a value that can't be used is a Sample without a value, with the reason.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from .._core.errors import SalvageError
from .._core.json_values import DuplicateKey, as_text, finite, json_kind, load_json
from .._prometheus.answers import is_promql, parse_promql
from .._prometheus.exposition import parse_exposition
from .._prometheus.model import MetricSample, Series

FORMATS = ("auto", "api", "exposition", "promql")


def parse_samples(data: object, fmt: str = "auto", *, names: Collection[str], whole: bool = True) -> list[MetricSample]:
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
    if fmt == "promql" or (fmt == "auto" and is_promql(data)):
        return parse_promql(data)
    if fmt == "exposition":
        raise _invalid(f"exposition text was expected, the data is {json_kind(data)}")
    return parse_api(data)


# Names under which sources give the time of a value.
_TIMES = ("timestamp", "time", "ts", "last_updated", "lastUpdated", "updated_at", "updatedAt", "collected_at", "measured_at", "as_of")
# A source's own words for a value: within its limits, or out of them.  Any other word is in doubt.
_WITHIN = frozenset(("ok", "healthy", "normal", "good", "pass", "passed", "success", "up", "within_limits"))
_BEYOND = frozenset(("alert", "alerting", "warn", "warning", "critical", "breach", "breached", "unhealthy", "violation"))
# Fields by which a source says that its answer is not whole, and that a value is out of its limits.
_PARTIAL = ("errors", "warnings", "partial", "isPartial", "incomplete", "truncated")
_ALERTS = ("alert", "alerting", "breach", "breached", "violated")


def _time_in(data: Mapping[str, object]) -> object:
    return next((data[name] for name in _TIMES if data.get(name) is not None), None)


def _own_words(data: Mapping[str, object]) -> tuple[bool, str]:
    """Whether the source itself says that it is out of limits, and why what it says is in doubt."""
    within, stale, error = data.get("within_limits", True), data.get("stale", False), data.get("error")
    word = data.get("status")
    known = word.strip().lower() if isinstance(word, str) else ""
    doubts = []
    if word is not None and known not in _WITHIN | _BEYOND:
        doubts.append(f"the source gives its status as {as_text(word)[:40]!r}")
    if stale is not False:
        doubts.append("the source says that it is stale")
    if not isinstance(within, bool):
        doubts.append(f"its within_limits is {json_kind(within)}")
    if error:
        doubts.append(f"the source reports an error: {as_text(error)[:80]}")
    doubts += [f"the source says {name}: {as_text(data[name])[:80]}" for name in _PARTIAL if data.get(name)]
    alert = any(data.get(name) not in (None, False) for name in _ALERTS)
    return alert or known in _BEYOND or within is False, "; ".join(doubts)


def _moment(raw: object) -> float | None:
    """Unix seconds of a number (milliseconds too), of ISO 8601 text or of a time that YAML made (UTC if it names no zone)."""
    if isinstance(raw, datetime.date):  # a datetime too, and the subclasses of it that ansible-core 2.19 and later make
        raw = raw.isoformat()
    if isinstance(raw, str):
        try:
            text = re.sub(r"[zZ]$", "+00:00", raw.strip())
            # Python 3.10 wants three or six digits of a second.
            moment = datetime.datetime.fromisoformat(re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), text))
            return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()
        except ValueError:
            return None
    number, _reason = finite(raw)
    if number is not None and abs(number) > 1e11:
        number /= 1000
    return number


def parse_api(data: object) -> list[MetricSample]:
    """``{"metrics": {name: number | {"current_value": number, ...}}}``, or the inner object alone.  Raises SalvageError(invalid)."""
    if not isinstance(data, Mapping):
        raise _invalid(f"the answer is {json_kind(data)}, an object of metrics was expected")
    metrics = data.get("metrics", data)
    if not isinstance(metrics, Mapping):
        raise _invalid(f".metrics is {'given twice' if isinstance(metrics, DuplicateKey) else json_kind(metrics)}, an object was expected")
    at, (alert, doubt) = _time_in(data), _own_words(data)
    samples = [_api_sample(name, raw, at) for name, raw in metrics.items() if isinstance(name, str)]
    return [replace(one, alert=one.alert or alert, doubt="; ".join(filter(None, (one.doubt, doubt)))) for one in samples]


def _api_sample(name: str, raw: object, at: object) -> MetricSample:
    if not isinstance(raw, Mapping):
        value, reason = finite(raw)
        series: Series = ()
        alert, doubt = False, ""
    elif "current_value" not in raw:
        return MetricSample(name, None, "the object has no current_value")
    else:
        value, reason = finite(raw["current_value"])
        series = _api_series(raw.get("time_series"))
        alert, doubt = _own_words(raw)
        own = _time_in(raw)
        at = at if own is None else own
    timestamp = None
    if at is not None:
        timestamp = _moment(at)
        if timestamp is None and not reason:
            value, reason = None, f"its timestamp can't be read, it is {json_kind(at)}"
    elif series:
        timestamp = series[-1][0]
    return MetricSample(name, value, reason, timestamp=timestamp, alert=alert, doubt=doubt, series=series)


def _api_series(raw: object) -> Series:
    """Of ``[[time, value], ...]`` or ``[{"timestamp", "value"}, ...]``; bare values have no time, so they do not prove anything."""
    points = []
    for item in raw if isinstance(raw, (list, tuple)) else ():
        if isinstance(item, Mapping):
            pair = (_time_in(item), item.get("value"))
        elif isinstance(item, (list, tuple)) and len(item) == 2:
            pair = (item[0], item[1])
        else:
            continue
        t, (v, _reason) = _moment(pair[0]), finite(pair[1])
        if t is not None and v is not None:
            points.append((t, v))
    return tuple(sorted(points))


def _invalid(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="invalid")
