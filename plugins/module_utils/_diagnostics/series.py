# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Series that Prometheus answered for the time of interest, and which of them are beyond a limit.  Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .contents import CheckHit, Contents, Piece, Where, dict_of, each_of
from .rules import MetricMatch

_FRESH = 300.0  # seconds after which Prometheus itself takes a series for gone


@dataclass(frozen=True)
class Series:
    labels: Mapping[str, str]
    samples: tuple[tuple[float, float, Where], ...]


def series_of(path: str, document: Any) -> list[Series]:
    """The series of an answer to query_range; samples without a number are left out."""
    listed = Piece(path, (), "Metric", "", path.rpartition("/")[2].removesuffix(".json"), document)
    found = []
    for number, raw in each_of(document, "data", "result"):
        labels = {key: value for key, value in dict_of(raw, "metric").items() if isinstance(value, str)}
        values = raw.get("values")
        read = [
            (*sample, Where(listed, ("data", "result", number, "values", place), one))
            for place, one in enumerate(values if isinstance(values, list) else [])
            if (sample := _sample(one))
        ]
        found.append(Series(labels, tuple(read)))
    return found


def _sample(raw: Any) -> tuple[float, float] | None:
    try:
        at, value = float(raw[0]), float(raw[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return (at, value) if math.isfinite(at) and math.isfinite(value) else None


def series_hits(contents: Contents, wanted: MetricMatch) -> Iterator[CheckHit]:
    for name in wanted.names:
        yield from _hits_of(contents, wanted, name)


def _hits_of(contents: Contents, wanted: MetricMatch, name: str) -> Iterator[CheckHit]:
    path = f"prometheus/range/{name}.json"
    document = contents.json(path)
    if dict_of(document).get("status") != "success":
        return
    series = series_of(path, document)
    if wanted.absent:
        if not any(abs(at - contents.at) <= _FRESH for one in series for at, _value, _where in one.samples):
            yield CheckHit({}, [Where(Piece(path, (), "Metric", "", name, document), ("data", "result"), [])], ("Metric", "", name))
        return
    for one in series:
        recent = [each for each in one.samples if contents.at - max(wanted.lasting, _FRESH) <= each[0] <= contents.at + wanted.lasting]
        covered = one.samples and one.samples[0][0] <= contents.at - wanted.lasting
        checked = recent if wanted.lasting else recent[-1:]
        if checked and (covered or not wanted.lasting) and all(_beyond(wanted, value) for _at, value, _where in checked):
            subject = _subject_of(contents, one.labels, name)
            labels = ",".join(f"{key}={value}" for key, value in sorted(one.labels.items()) if key != "__name__")
            yield CheckHit(
                {"value": f"{checked[-1][1]:.4g}", "item": labels, "pod": one.labels.get("pod", "")},
                [checked[-1][2]],
                subject,
            )


def _beyond(wanted: MetricMatch, value: float) -> bool:
    return (wanted.above is not None and value > wanted.above) or (wanted.below is not None and value < wanted.below)


def _subject_of(contents: Contents, labels: Mapping[str, str], name: str) -> tuple[str, str, str]:
    if labels.get("pod") and labels.get("namespace"):
        return contents.owner(("Pod", labels["namespace"], labels["pod"]))
    return "Metric", "", name


def errors_served(contents: Contents, part: Piece | None, item: Any, args: Mapping[str, Any]) -> Iterator[CheckHit]:
    """Series of requests by their code, of which at least the ``share`` ended with 5xx, and no fewer than ``least`` a second."""
    path = "prometheus/range/http_requests_total.json"
    totals: dict[str, float] = {}
    failed: dict[str, list[tuple[float, Where, Series]]] = {}
    document = contents.json(path)
    for one in series_of(path, document):
        recent = [each for each in one.samples if abs(each[0] - contents.at) <= _FRESH]
        if not recent:
            continue
        job = one.labels.get("job") or one.labels.get("namespace") or "http"
        totals[job] = totals.get(job, 0.0) + recent[-1][1]
        if re.fullmatch(r"5\d\d", one.labels.get("code") or one.labels.get("status") or ""):
            failed.setdefault(job, []).append((recent[-1][1], recent[-1][2], one))
    for job, ones in sorted(failed.items()):
        rate = sum(value for value, _where, _series in ones)
        if rate >= args.get("least", 0.01) and rate / totals[job] >= args.get("share", 0.05):
            evidence = [where for _value, where, _series in ones[:4]]
            yield CheckHit(
                {"share": f"{100 * rate / totals[job]:.0f} %", "job": job},
                evidence,
                ("Service", ones[0][2].labels.get("namespace", ""), job),
            )
