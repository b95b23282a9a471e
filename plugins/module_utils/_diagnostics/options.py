# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module diagnostics, and what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.text.formatters import human_to_bytes

from .._cluster import defaults
from .._core.errors import SalvageError, shown
from .._core.options import option
from .._core.times import parse_duration, when
from .rules import SEVERITIES

COLLECTORS = ("objects", "cluster", "events", "logs", "usage", "rollouts", "opa", "prometheus", "alerts", "helm", "openshift")
FORMATS = ("tar.gz", "tar.zst")
_SMALLEST, _LARGEST = 64 * 1024, 1024**4  # bytes of a bundle, and of one log


@dataclass(frozen=True)
class DiagnosticsOptions:
    path: str = option(type="path")
    name: str = option("cluster")
    namespaces: tuple[str, ...] = option((defaults.NAMESPACE, defaults.MONITORING_NAMESPACE))
    since: str = option("1h")
    around: str | None = option(None)
    only: list[str] = option([], choices=list(COLLECTORS))
    exclude: list[str] = option([], choices=list(COLLECTORS))
    max_size: int = option("200MB", type="bytes")
    max_log_size: int = option("2MB", type="bytes")
    log_lines: int = option(10_000)
    format: str = option("tar.gz", choices=list(FORMATS))
    recipients: list[str] = option([])
    redact_names: list[str] = option([])
    redact: str | None = option(None, type="path")
    analyze: str | None = option(None, type="path")
    compare: str | None = option(None, type="path")
    rules: list[str] = option([], elements="path")
    rule_texts: dict[str, Any] | None = option(None)
    fail_on: tuple[str, ...] = option((), choices=list(SEVERITIES))
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    opa_url: str = option(defaults.OPA_URL)
    opa_namespace: str = option(defaults.NAMESPACE)
    opa_selector: str = option("app=opa-peace-bonds")
    opa_container: str = option("opa")
    collector_timeout: float = option(60)
    request_timeout: float = option(10)


@dataclass(frozen=True)
class Window:
    """The time of interest, in unix seconds; ``around`` is None where it is now."""

    start: float
    end: float
    around: float | None = None

    @property
    def seconds(self) -> int:
        return round(self.end - self.start)


@dataclass(frozen=True)
class Bounds:
    """How much is collected at most: bytes of the bundle, bytes and lines of a log, seconds of a collector."""

    size: int
    log_size: int
    log_lines: int
    seconds: float


def window_of(since: str, around: str | None, now: float) -> Window:
    """``since`` before now; or so long before and after ``around``, but not after now.  Raises SalvageError(bad_input)."""
    length = parse_duration(since, "since")
    if not 1 <= length <= 366 * 86400:
        raise SalvageError(f"since: {shown(since)} is not between one second and a year; write 1h, 30m", reason="bad_input")
    if not around:
        return Window(now - length, now)
    middle = when(around)
    if middle is None:
        raise SalvageError(
            f"around: {shown(around)} is not a time; write one with its zone, such as 2026-11-24T14:00:00Z, as in startsAt of an alert",
            reason="bad_input",
        )
    if not 0 < middle <= now:
        raise SalvageError(f"around: {shown(around)} is not a time of the past; write when it happened", reason="bad_input")
    return Window(middle - length, min(middle + length, now), middle)


def bounds_of(query: DiagnosticsOptions) -> Bounds:
    """Raises SalvageError(bad_input)."""
    sizes: dict[str, int] = {}
    for name, value in (("max_size", query.max_size), ("max_log_size", query.max_log_size)):
        size = human_to_bytes(value) if isinstance(value, str) else value
        if not _SMALLEST <= size <= _LARGEST:
            raise SalvageError(f"{name}: {size} bytes is not between 64KB and 1TB", reason="bad_input")
        sizes[name] = size
    for name, number in (
        ("log_lines", query.log_lines),
        ("collector_timeout", query.collector_timeout),
        ("request_timeout", query.request_timeout),
    ):
        if not 0 < number < 1e9:
            raise SalvageError(f"{name}: {number:g} is not above 0", reason="bad_input")
    return Bounds(sizes["max_size"], min(sizes["max_log_size"], sizes["max_size"]), query.log_lines, query.collector_timeout)


def wanted_of(only: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
    """The collectors to run.  Raises SalvageError(bad_input)."""
    wanted = tuple(name for name in COLLECTORS if name in (only or COLLECTORS) and name not in exclude)
    if not wanted:
        raise SalvageError("exclude: nothing is left of what only names; name a collector in only that exclude has not", reason="bad_input")
    return wanted


def namespaces_of(names: Sequence[Any]) -> tuple[str, ...]:
    """Each once.  Raises SalvageError(bad_input)."""
    found = tuple(dict.fromkeys(str(name).strip() for name in names))
    for name in found:
        if not name or not name.isascii() or not name.replace("-", "").isalnum() or name != name.lower() or len(name) > 63:
            raise SalvageError(f"namespaces: {shown(name)} is not the name of a namespace", reason="bad_input")
    if not found:
        raise SalvageError("namespaces: the list is empty; name the namespaces of the service", reason="bad_input")
    return found
