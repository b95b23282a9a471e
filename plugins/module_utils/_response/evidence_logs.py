# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of logs: what the replicas say, and whom OPA decided about."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from .._cluster.pod_log import latest
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import finite
from .._core.redact import excerpt
from .._opa import log_sources
from .._opa.decision_log import decision_of, hidden, provider_of, read_records, timestamp
from .._opa.log_lines import Reading
from .._opa.model import DENIED
from .._workloads.workload import Object, finished, path_of, selector_of
from .evidence_model import Observed
from .evidence_site import EvidenceSite

# What lines of a log are about; a line counts under each that fits.
_ABOUT = {
    "error": re.compile(r"(?i)\b(error|fatal|panic|exception|traceback)\b|\"level\":\s*\"(error|fatal)\""),
    "memory": re.compile(r"(?i)\bmemory|\boom\b|heap|\balloc(?:ated?|ation)?\b"),
    "threshold": re.compile(r"(?i)(below minimum|exceeded maximum) threshold"),
}
_SAMPLES = 5  # lines of each kind that are shown
_LOG_BYTES = 512 * 1024
_PODS = 50
_MOST_BYTES = 256 * 2**20  # of a decision log
_WINDOW, _BEFORE = 900.0, 2700.0  # seconds of decisions now, and before that


def logs_seen(site: EvidenceSite) -> Observed:
    """Of all containers of all replicas; also of the container before a restart."""
    _kind, namespace, _name = site.place
    sources = [
        (pod["metadata"]["name"], container["name"], previous)
        for pod in [one for one in site.pods() if not finished(one)][:_PODS]
        for container in (pod.get("status") or {}).get("containerStatuses") or []
        for previous in ([False, True] if container.get("restartCount") else [False])
    ]
    if not sources:
        raise SalvageError("no container has run yet, so no log exists", reason="not_found")
    answers = gather({one: partial(_lines, site, namespace, *one) for one in sources})
    found, doubts = [], []
    for (pod, container, previous), answer in answers.items():
        where = f"{pod}/{container}" + (" before its restart" if previous else "")
        if isinstance(answer, SalvageError):
            doubts.append(f"{where}: {answer}")
        else:
            found.append({"where": where, **answer})
    if not found:
        raise SalvageError(doubts[0], reason="unreachable")
    return Observed("logs", {"logs": found}, at=site.now, source="logs of all replicas", doubts=tuple(doubts))


def _lines(site: EvidenceSite, namespace: str, pod: str, container: str, previous: bool) -> dict[str, Any]:
    path = path_of("Pod", quote(namespace, safe=""), quote(pod, safe="")) + "/log"
    fixed: dict[str, str | int] = {"container": container, **({"previous": "true"} if previous else {})}

    def ask(query: Mapping[str, str | int]) -> bytes:
        return site.cluster.call("GET", path, query={**fixed, **query}, media="*/*").body

    log, _cut = latest(ask, _LOG_BYTES, max(1, site.query.log_lines))
    lines = log.decode("utf-8", "replace").splitlines()
    about = {name: [line for line in lines if pattern.search(line[:4000])] for name, pattern in _ABOUT.items()}
    return {
        "lines": len(lines),
        "counts": {name: len(those) for name, those in about.items()},
        "samples": {name: [excerpt(line, 300) for line in those[-_SAMPLES:]] for name, those in about.items() if those},
        "last": [excerpt(line, 300) for line in lines[-_SAMPLES:]],
    }


def providers_seen(site: EvidenceSite) -> Observed:
    """Decisions by provider in the last quarter of an hour, and in the time before, by OPA's decision log."""
    selector, pods = _opa_pods(site)
    if not pods:
        raise SalvageError(f"no pod in namespace {site.opa.namespace} has the labels {selector}", reason="not_found")
    sources = log_sources.pods(site.cluster, site.opa.namespace, selector, site.opa.container, since=_WINDOW + _BEFORE)
    now: Counter[str] = Counter()
    before: Counter[str] = Counter()
    denied: Counter[str] = Counter()
    scores: dict[str, float] = {}
    doubts, undated, until = [], 0, time.monotonic() + site.query.deadline
    for name, open_source in sources:
        reading = Reading()
        try:
            for record in read_records(_bounded(open_source(), until), reading):
                at = timestamp(record.get("timestamp"))
                if at is None or at > site.now + 300:
                    undated += 1
                    continue
                provider = provider_of(record, pointers=hidden(record))
                if site.now - at > _WINDOW:
                    before[provider] += 1
                    continue
                now[provider] += 1
                decision = decision_of(record)
                denied[provider] += decision.status == DENIED
                score = finite(decision.risk_score)[0]
                if score is not None:
                    scores[provider] = max(scores.get(provider, score), score)
        except SalvageError as exc:
            doubts.append(f"{name}: {exc}")
        doubts += [f"{name}: {problem}" for problem in reading.problems]
    if undated:
        doubts.append(f"{undated} decisions have no time, or one of the future")
    names = sorted({*now, *before}, key=lambda one: (-denied[one], -now[one], one))
    rows = [
        {"provider": excerpt(one, 200), "now": now[one], "before": before[one], "denied": denied[one], "risk_score": scores.get(one)}
        for one in names[:200]
    ]
    value = {"providers": rows, "window": _WINDOW, "before_window": _BEFORE, "decisions": sum(now.values())}
    return Observed("providers", value, at=site.now, source="OPA's decision log", doubts=tuple(doubts))


def _bounded(pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
    """Raises SalvageError(timeout, too_large) for a log that does not end."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _MOST_BYTES:
            raise SalvageError(f"the decision log is longer than {_MOST_BYTES // 2**20} MiB", reason="too_large")
        if time.monotonic() > until:
            raise SalvageError("the decision log did not come to its end in time", reason="timeout")
        yield piece


def _opa_pods(site: EvidenceSite) -> tuple[str, list[Object]]:
    """Raises SalvageError."""
    space = quote(site.opa.namespace, safe="")
    workload = site.cluster.get_json(path_of("Deployment", space, quote(site.opa.name, safe="")))
    selector = selector_of(workload)
    return selector, list(site.cluster.list(path_of("Pod", space), {"labelSelector": selector}))
