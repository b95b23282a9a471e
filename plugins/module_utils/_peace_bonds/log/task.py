# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_decision_info: counts the decisions of logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from ..._cluster.defaults import NAMESPACE
from ..._core.errors import SalvageError, shown
from ..._core.options import argument_spec, from_params, option
from ..._opa import log_sources as sources
from ..._opa.decision_log import PROVIDER_FIELDS, read_records, timestamp
from ..._opa.log_lines import Reading
from ..options import connect, limits_of
from .summary import Summary


@dataclass(frozen=True)
class PodLogs:
    namespace: str = option(NAMESPACE)
    label_selector: str = option("app=opa-peace-bonds")
    container: str = option("opa")
    since_seconds: float | None = option(None)


@dataclass(frozen=True)
class KnownRevision:
    revision: str = option()
    since: str = option()


@dataclass(frozen=True)
class DecisionLogOptions:
    paths: list[str] = option([])
    pods: PodLogs | None = option(None)
    package: str = option("euystacio/peace_bonds")
    providers: list[str] = option([])
    provider_fields: tuple[str, ...] = option(PROVIDER_FIELDS)
    since: str | None = option(None)
    until: str | None = option(None)
    bucket: float = option(3600)
    thresholds: dict[str, Any] = option({})
    margin: float = option(0.02)
    revisions: list[KnownRevision] = option([])
    limit: int = option(100)
    timeout: float = option(5.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(DecisionLogOptions)},
    "required_one_of": [("paths", "pods")],
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, warn: Callable[[str], None]) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    options = from_params(DecisionLogOptions, params)
    summary = _empty_summary(options)
    found = sources.files(options.paths)
    if options.pods:
        pods = options.pods
        cluster = connect(params, options.timeout)
        found += sources.pods(cluster, pods.namespace, pods.label_selector, pods.container, since=pods.since_seconds)
    readings = []
    for name, open_source in found:
        reading = Reading()
        try:
            for record in read_records(open_source(), reading):
                summary.add(record)
        except SalvageError as exc:  # a source that fails must not hide the others
            reading.problems.append(str(exc))
        if reading.bytes == 0 and not reading.problems and not (options.pods and options.pods.since_seconds and name.startswith("pod/")):
            reading.problems.append("it is empty")
        readings.append({"source": name, **reading.to_dict()})
    complete = not any(item["problems"] or item["broken"] or item["too_long"] for item in readings)
    if not complete:
        warn("Not everything could be read; see the sources' problems, broken and too_long.")
    return {"changed": False, "summary": summary.to_dict(limit=options.limit), "sources": readings, "complete": complete}


def _empty_summary(options: DecisionLogOptions) -> Summary:
    if options.bucket <= 0:
        raise SalvageError("bucket must be more than 0 seconds", reason="bad_input")
    return Summary(
        package=options.package.replace(".", "/") if "/" not in options.package else options.package,
        provider_fields=options.provider_fields,
        providers=options.providers,
        limits=limits_of(options.thresholds),
        margin=options.margin,
        revisions=[(_seconds("revisions.since", item.since), item.revision) for item in options.revisions],
        bucket=options.bucket,
        since=_seconds("since", options.since) if options.since else None,
        until=_seconds("until", options.until) if options.until else None,
    )


def _seconds(name: str, text: str) -> float:
    found = timestamp(text)
    if found is None:
        raise SalvageError(f"{name} is {shown(text)}, not a time such as 2026-11-24T14:00:00Z", reason="bad_input")
    return found
