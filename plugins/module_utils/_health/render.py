# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's reports as a page and as a few lines of text.  Pure: reports in, text out.

Reports come from other machines and from files of earlier versions: whatever is not where it should be is shown as unknown.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeGuard

from .._report import plot
from .._report.shell import shell

try:
    import jinja2
except ImportError:
    jinja2 = None  # type: ignore[assignment]

from .._core.errors import SalvageError
from .._core.json_values import mappings
from .._core.redact import LONGEST, clean, excerpt, redacted
from .._core.status import HEALTHY, STATUSES, UNKNOWN, worst
from .model import PARTS, WORST_FIRST

MAX_FINDINGS = 300
MAX_CHANGES = 100
MAX_EVIDENCE = 4000
MAX_NUMBER = 1e300  # an int may be longer than a float can hold
_TEMPLATE, _STYLE = (Path(__file__).with_name(name) for name in ("page.html.j2", "page.css"))


@dataclass(frozen=True)
class Entry:
    """One cluster of the fleet: the inventory's name for it, its report, and when the report before was made."""

    host: str
    report: Mapping[str, Any]
    previous_at: str | None = None


@dataclass(frozen=True)
class Finding:
    """One check that wants to be looked at, in words."""

    status: str
    subject: str
    reason: str
    since: str = ""
    evidence: str = ""


def status_of(value: object) -> str:
    """A status as it came, or unknown: what nobody knows is never shown as healthy."""
    return value if isinstance(value, str) and value in STATUSES else UNKNOWN


def text(value: object) -> str:
    """One clean line."""
    return "" if value is None else excerpt(str(value), LONGEST)


def fleet_status(entries: Sequence[Entry]) -> str:
    return worst(status_of(entry.report.get("status")) for entry in entries)


def unhealthy(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The checks that are not healthy, worst first; a part without a single unhealthy check speaks for itself."""
    found: list[Mapping[str, Any]] = []
    for part in mappings(report.get("parts")):
        checks = [check for check in mappings(part.get("checks")) if status_of(check.get("status")) != HEALTHY]
        if not checks and status_of(part.get("status")) != HEALTHY:
            found.append({"id": part.get("name"), "status": part.get("status"), "reason": part.get("reason")})
        found += checks
    if not found and status_of(report.get("status")) != HEALTHY:
        found.append({"id": "cluster", "status": report.get("status"), "reason": report.get("reason")})
    return sorted(found, key=lambda check: WORST_FIRST.index(status_of(check.get("status"))))


def findings(report: Mapping[str, Any], most: int | None = None) -> list[Finding]:
    """All that is not healthy, worst first, or the ``most`` worst of it."""
    return [_finding(check) for check in unhealthy(report)[:most]]


def notes(report: Mapping[str, Any]) -> list[Finding]:
    """What is healthy and says something all the same, such as an alert that somebody silenced."""
    checks = [check for part in mappings(report.get("parts")) for check in mappings(part.get("checks"))]
    return [_finding(check) for check in checks if check.get("status") == HEALTHY and text(check.get("reason"))]


def says(report: Mapping[str, Any]) -> str:
    """A report in one sentence."""
    found = unhealthy(report)
    if not found:
        parts = [text(part.get("summary")) for part in mappings(report.get("parts"))]
        return "; ".join(filter(None, parts)) or "every check is healthy"
    worst_one = _finding(found[0])
    first = f"{worst_one.subject}: {worst_one.reason}"
    return first if len(found) == 1 else f"{first} (and {len(found) - 1} more)"


def summary(entries: Sequence[Entry], *, width: int = 120, lines: int = 25) -> list[tuple[str, str]]:
    """The fleet in at most ``lines`` lines of ``width`` characters, as (status, line); the status colours the line.

    The lines that there are go to the clusters worst first, and within a cluster to the findings worst first.
    """
    ordered = _worst_first(entries)
    names = max((len(text(entry.host)) for entry in ordered), default=0)
    out: list[tuple[str, str]] = []
    if len(ordered) > 1:
        status = fleet_status(ordered)
        out.append((status, f"{status.upper():<8}  {_tally(ordered)}"))
    for index, entry in enumerate(ordered):
        waiting = len(ordered) - index
        if waiting > 1 and len(out) == lines - 1:
            out.append((fleet_status(ordered[index:]), f"... and {waiting} more clusters"))
            break
        status = status_of(entry.report.get("status"))
        out.append((status, f"{status.upper():<8}  {text(entry.host):<{names}}  {_changed(entry)}{_about(entry.report)}".rstrip(" ;")))
        found = unhealthy(entry.report)
        room = lines - len(out) - (waiting - 1)  # one line is kept for each cluster that follows
        shown = found if len(found) <= room else found[: max(0, room - 1)]
        out += [(finding.status, f"  {finding.status:<8}  {finding.subject}: {finding.reason}") for finding in map(_finding, shown)]
        if room > 0 and len(shown) < len(found):
            out.append((status_of(found[len(shown)].get("status")), f"  ... and {len(found) - len(shown)} more, see the report"))
        if not found and room > 0:
            out.append((status, f"  {says(entry.report)}"))
    return [(status, _cut(line, width)) for status, line in out[:lines]]


def html(entries: Sequence[Entry], *, generated_at: str) -> str:
    """The page: one file that needs nothing else.  Raises SalvageError(missing_library)."""
    if jinja2 is None:
        raise SalvageError("the Python library jinja2 is missing where the page is made; install it", reason="missing_library")
    fleet = _fleet_view(entries, generated_at)
    size = {"width": plot.WIDTH, "height": plot.HEIGHT, "top": plot.TOP, "bottom": plot.HEIGHT - plot.BOTTOM}
    title = f"{fleet['status'].capitalize()}: health of {fleet['title']}, {_when(generated_at)}"
    return shell(title, _template().render(fleet=fleet, size=size), style=_STYLE.read_text(encoding="utf-8"))


@functools.cache
def _template() -> Any:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["px"] = "{:.1f}".format
    environment.filters["when"] = _when
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _fleet_view(entries: Sequence[Entry], generated_at: str) -> dict[str, Any]:
    ordered = _worst_first(entries)
    return {
        "status": fleet_status(ordered),
        "title": ordered[0].host if len(ordered) == 1 else f"{len(ordered)} clusters",
        "generated_at": generated_at,
        "says": says(ordered[0].report) if len(ordered) == 1 else _tally(ordered),
        "clusters": [_cluster_view(entry) for entry in ordered],
    }


def _cluster_view(entry: Entry) -> dict[str, Any]:
    report = entry.report
    count = len(unhealthy(report))
    changes = mappings(report.get("changes"))
    parts = mappings(report.get("parts"))
    asked = {text(part.get("name")) for part in parts}
    return {
        "host": text(entry.host),
        "status": status_of(report.get("status")),
        "says": says(report),
        "about": _about(report),
        "findings": findings(report, MAX_FINDINGS),
        "more": max(0, count - MAX_FINDINGS),
        "notes": notes(report)[:MAX_FINDINGS],
        "previous_at": entry.previous_at,
        "changes": [
            {"id": text(change.get("id")), "before": _moved(change.get("from")), "after": _moved(change.get("to"))}
            for change in changes[:MAX_CHANGES]
        ],
        "more_changes": len(changes[MAX_CHANGES:]),
        "metrics": [_metric_view(metric, _seconds_of(report.get("generated_at"))) for metric in mappings(report.get("metrics"))],
        "parts": [
            {
                "name": text(part.get("name")),
                "status": status_of(part.get("status")),
                "found": "; ".join(dict.fromkeys(filter(None, (text(part.get("summary")), text(part.get("reason")))))),
                "took": _seconds(part.get("duration_s")),
            }
            for part in parts
        ],
        "not_asked": [name for name in PARTS if name not in asked] if parts else [],
    }


def _metric_view(metric: Mapping[str, Any], now: float | None) -> dict[str, Any]:
    value = metric.get("value")
    samples = _samples(metric.get("history"))
    if len(samples) > 1 and now is not None and _is_number(value):
        samples.append((now, float(value)))  # what was judged: the history may come from elsewhere, and lag behind
    return {
        "name": text(metric.get("title")) or text(metric.get("name")),
        "status": status_of(metric.get("status")),
        "value": plot.number(float(value)) if _is_number(value) else "no value",
        "reason": text(metric.get("reason")),
        "plot": plot.plot(samples, _limits(metric)),
    }


def _limits(metric: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    limits = metric.get("limits")
    if not isinstance(limits, Mapping):  # then the one that decided
        limits = {text(metric.get("limit")): metric.get("limit_value"), "ideal": metric.get("ideal")}
    kinds = ((str(name).partition("_")[0], value) for name, value in limits.items())
    return [(kind, kind, float(value)) for kind, value in kinds if kind in {"critical", "warning", "ideal"} and _is_number(value)]


def _samples(history: object) -> list[plot.Sample]:
    if not isinstance(history, Sequence) or isinstance(history, str):
        return []
    return [(pair[0], pair[1]) for pair in history if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2]


def _finding(check: Mapping[str, Any]) -> Finding:
    subject = check.get("subject")
    named = ""
    if isinstance(subject, Mapping) and subject.get("name"):
        place = "/".join(text(subject[key]) for key in ("namespace", "name") if subject.get(key))
        named = f"{text(subject.get('kind'))} {place}".strip()
    evidence = check.get("evidence")
    return Finding(
        status=status_of(check.get("status")),
        subject=named or text(check.get("id")) or "a check without a name",
        reason=text(check.get("reason")) or "no reason given",
        since=_when(check.get("since")),
        evidence=clean(redacted(json.dumps(evidence, indent=1, default=str, ensure_ascii=False)), keep="\n", limit=MAX_EVIDENCE)
        if evidence
        else "",
    )


def _worst_first(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (WORST_FIRST.index(status_of(entry.report.get("status"))), entry.host))


def _tally(entries: Sequence[Entry]) -> str:
    statuses = [status_of(entry.report.get("status")) for entry in entries]
    counts = ", ".join(f"{statuses.count(status)} {status}" for status in WORST_FIRST if status in statuses)
    return f"{len(entries)} clusters: {counts}"


def _about(report: Mapping[str, Any]) -> str:
    cluster = report.get("cluster")
    cluster = cluster if isinstance(cluster, Mapping) else {}
    stated = [text(cluster.get("server")), text(cluster.get("version")), _when(report.get("generated_at"))]
    took = _seconds(report.get("duration_s"))
    return ", ".join(filter(None, [*stated, took and f"in {took}"]))


def _changed(entry: Entry) -> str:
    if not entry.previous_at:
        return ""
    changes = mappings(entry.report.get("changes"))
    worse = sum(1 for change in changes if _rank(change.get("to")) < _rank(change.get("from")))
    better = sum(1 for change in changes if _rank(change.get("to")) > _rank(change.get("from")))
    return f"{worse} worse, {better} better since the last run; " if changes else "nothing changed since the last run; "


def _rank(status: object) -> int:
    # What is not there (any more) is not a problem: as good as healthy.
    return WORST_FIRST.index("healthy" if status is None else status_of(status))


def _moved(status: object) -> str:
    return "" if status is None else status_of(status)


def _seconds(value: object) -> str:
    return f"{value:.2f} s" if _is_number(value) else ""


def _seconds_of(value: object) -> float | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def _when(value: object) -> str:
    """A time as people read it; a value that is not a time stays as it is."""
    if not value:
        return ""
    try:
        if isinstance(value, (int, float)):
            moment = datetime.fromtimestamp(value, tz=timezone.utc)
        else:
            moment = datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        return text(value)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(0, width - 3)] + "..."
