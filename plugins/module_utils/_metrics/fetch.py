# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to the sources of metrics.  What a source does wrong makes its metrics unknown, with the reason; nothing here raises for it."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable
from dataclasses import replace

from .._cluster.http import Endpoint, Response
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.status import HEALTHY
from .._prometheus.client import PrometheusApi, whole_body
from .._prometheus.model import MetricSample, Series
from .decide import evaluate_all, merge_series, metrics_unknown
from .model import Evaluation, MetricProfile, Profile
from .parse import parse_samples
from .profile import METRIC_NAME

API_PATH = "/api/metrics/thresholds"
EXPOSITION_PATH = "/metrics"

_SIDE_BY_SIDE = 8
_PER_QUERY = 20  # metrics in one PromQL expression, so that the URL stays short
_VALUE_OF = "salvage_value_of"
_TIME_OF = "salvage_time_of"
_NO_TIME = "the answer has a value without the time of its sample"


def read_thresholds(
    endpoint: Endpoint,
    *,
    profile: Profile,
    fmt: str = "auto",
    path: str | None = None,
    max_age: float | None = None,
    now: float,
    timeout: float,
    prometheus: Endpoint | None = None,
) -> list[Evaluation]:
    """Read and evaluate every metric of the profile, in its order.

    One request brings them all (with ``promql``, one for all that are plain series, and one for each expression, side by side).  ``path``
    defaults to the API's thresholds, for exposition text to /metrics.  ``max_age`` in seconds holds for values that carry a time; a value
    without one is of the moment of the answer.  A breach of a metric with ``for`` is judged by its range from ``prometheus`` (the endpoint
    itself with ``promql``), or by the time series in the API's answer.  ``timeout`` in seconds is for the whole.
    """
    deadline = time.monotonic() + timeout
    if fmt == "promql":
        prometheus = prometheus or endpoint
    path = path or (EXPOSITION_PATH if fmt == "exposition" else API_PATH)
    source = endpoint.address + ("" if fmt == "promql" else path.split("?")[0])

    def judge(histories: dict[str, Series]) -> list[Evaluation]:
        return evaluate_all(profile, samples, now=now, max_age=max_age, source=source, histories=histories)

    try:
        if fmt == "promql":
            samples = _query(endpoint, profile, max_age, now, deadline)
        else:
            answer = endpoint.get(path, headers={"Accept": "application/json, text/plain;q=0.9, */*;q=0.1"}, timeout=timeout)
            samples = parse_samples(whole_body(answer), fmt, names=profile.names, whole=_is_framed(answer))
    except SalvageError as exc:
        return metrics_unknown(profile, f"{exc}" if str(exc).startswith(endpoint.address) else f"{source}: {exc}", source)
    found = judge({})
    breached = [
        metric
        for metric, one in zip(profile.metrics, found, strict=True)
        if metric.for_s > 0 and one.value is not None and (one.status != HEALTHY or one.pending)
    ]
    if not breached or prometheus is None:
        return found
    ranges = _ranges(prometheus, [(m, now - m.for_s, now, max(1.0, m.for_s / 20)) for m in breached], deadline)
    histories = {key: series for key, series in ranges.items() if not isinstance(series, SalvageError)}
    failed = {key: exc for key, exc in ranges.items() if isinstance(exc, SalvageError)}
    return [replace(e, reason=f"{e.reason}: {failed[e.name]}") if e.name in failed else e for e in judge(histories)]


def read_history(
    endpoint: Endpoint, *, profile: Profile, start: float, end: float, step: float, timeout: float
) -> dict[str, list[tuple[float, float]]]:
    """Each metric's values between ``start`` and ``end`` (unix seconds) from Prometheus, by its key; empty where it has none or fails."""
    deadline = time.monotonic() + timeout
    ranges = _ranges(endpoint, [(metric, start, end, step) for metric in profile.metrics], deadline)
    return {key: [] if isinstance(series, SalvageError) else list(series) for key, series in ranges.items()}


def with_history(
    evaluations: list[Evaluation], endpoint: Endpoint, *, profile: Profile, start: float, end: float, timeout: float
) -> list[Evaluation]:
    """The evaluations with their metrics' history, in some 200 points, where Prometheus has one."""
    histories = read_history(endpoint, profile=profile, start=start, end=end, step=(end - start) / 200, timeout=timeout)
    return [replace(e, history=tuple(histories.get(e.name, ())) or e.history) for e in evaluations]


def _query(endpoint: Endpoint, profile: Profile, max_age: float | None, now: float, deadline: float) -> list[MetricSample]:
    """Raises SalvageError only if no query succeeded."""
    prometheus = PrometheusApi(endpoint)
    plain = [m for m in profile.metrics if METRIC_NAME.fullmatch(m.query)]
    batches = [plain[i : i + _PER_QUERY] for i in range(0, len(plain), _PER_QUERY)]
    batches += [[m] for m in profile.metrics if m not in plain]

    def ask(batch: list[MetricProfile]) -> list[MetricSample]:
        alone = len(batch) == 1 and batch[0] not in plain
        expression = batch[0].query if alone else " or ".join(_value_and_time(m) for m in batch)
        # The values of an expression have no time of their own, so it must not see older samples at all.
        lookback = max_age if alone else None
        samples = prometheus.query(expression, at=now, lookback=lookback, timeout=deadline - time.monotonic())
        found = [replace(s, name=batch[0].key) for s in samples] if alone else _paired(samples)
        return found + [
            MetricSample(m.key, None, f"no series answers the query {m.query}{'' if lookback is None else ' within max_age'}")
            for m in batch
            if all(s.name != m.key for s in found)
        ]

    answers = gather({number: functools.partial(ask, batch) for number, batch in enumerate(batches)}, _SIDE_BY_SIDE)
    failures = [one for one in answers.values() if isinstance(one, SalvageError)]
    if failures and len(failures) == len(batches):
        raise failures[0]
    samples: list[MetricSample] = []
    for batch, answer in zip(batches, answers.values(), strict=True):
        samples += [MetricSample(m.key, None, str(answer)) for m in batch] if isinstance(answer, SalvageError) else answer
    return samples


def _selector(metric: MetricProfile) -> str:
    if not metric.labels:
        return metric.query
    return metric.query + "{" + ",".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in metric.labels.items()) + "}"


def _value_and_time(metric: MetricProfile) -> str:
    # Marking each with a label of its own lets one query ask for all; timestamp() shows when a sample was taken; its value does not.
    selector, key = _selector(metric), json.dumps(metric.key.replace("$", "$$"), ensure_ascii=False)
    return f'label_replace({selector},"{_VALUE_OF}",{key},"","") or label_replace(timestamp({selector}),"{_TIME_OF}",{key},"","")'


def _paired(samples: Iterable[MetricSample]) -> list[MetricSample]:
    values: list[tuple[str, MetricSample]] = []
    times: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for sample in samples:
        labels = dict(sample.labels)
        of_value, of_time = labels.pop(_VALUE_OF, None), labels.pop(_TIME_OF, None)
        if of_value is not None:
            values.append((of_value, replace(sample, name=of_value, labels=labels)))
        elif of_time is not None and sample.value is not None:
            times[of_time, frozenset(labels.items())] = sample.value
    timed = [replace(s, timestamp=times.get((key, frozenset(s.labels.items())))) for key, s in values]
    return [s if s.timestamp is not None or s.value is None else replace(s, value=None, reason=_NO_TIME) for s in timed]


Range = tuple[MetricProfile, float, float, float]


def _ranges(endpoint: Endpoint, wanted: list[Range], deadline: float) -> dict[str, Series | SalvageError]:
    prometheus = PrometheusApi(endpoint)

    def ask(metric: MetricProfile, start: float, end: float, step: float) -> Series:
        expression = _selector(metric) if METRIC_NAME.fullmatch(metric.query) else metric.query
        samples = prometheus.query_range(expression, start=start, end=end, step=step, timeout=deadline - time.monotonic())
        return merge_series([s.series for s in samples], metric.aggregate, metric.limits)

    return gather({one[0].key: functools.partial(ask, *one) for one in wanted}, _SIDE_BY_SIDE)


def _is_framed(answer: Response) -> bool:
    """Whether a body that was cut off would have been noticed."""
    return "content-length" in answer.headers or "chunked" in answer.headers.get("transfer-encoding", "").lower()
