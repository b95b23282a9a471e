# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the pods: the rows of the server's table, and the suspicious ones whole."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import for_each
from .._core.status import HEALTHY
from .._core.times import when
from . import cluster, compare, pods
from .look import CACHED, Seen, Wanted, check_of, each_namespace, empty_namespace, namespace_unknown
from .model import Check, Part, part

WHOLE_PODS = 100  # suspicious pods that are read one by one
LISTED_PODS = 5000  # with more pods than this, the rows of the suspicious ones that are not read have to do


def pods_part(session: Cluster, wanted: Wanted, previous: Mapping[str, Any] | None, now: float, seen: Seen) -> Part:
    before: Mapping[str, int] | None = compare.restarts(previous)
    elapsed = now - (when((previous or {}).get("generated_at")) or now)
    silent = _silent_nodes(session)
    checks: list[Check] = []
    suspicious: list[tuple[str, Mapping[str, Any]]] = []
    restarts: dict[str, int] = {}
    total = 0
    for namespace, answer in each_namespace(wanted.namespaces, lambda ns: session.table(f"/api/v1/namespaces/{ns}/pods", CACHED)):
        if isinstance(answer, SalvageError):
            checks.append(namespace_unknown("pods", namespace, answer))
            # what the last run knew of it stays known
            restarts.update({key: n for key, n in (before or {}).items() if key.startswith(f"{namespace}/")})
            continue
        if not answer:
            checks.append(empty_namespace(session, "pods", namespace))
        total += len(answer)
        before = pods.remembered(before, namespace, answer, elapsed)
        for row in answer:
            if count := pods.restarts_in_row(row):
                restarts[pods.key(namespace, str(row["Name"]))] = count
            if pods.is_suspicious(namespace, row, before, silent):
                suspicious.append((namespace, row))
    seen.restarts = restarts
    bad = _examined(session, suspicious, before, now, total)
    where = ", ".join(wanted.namespaces)
    summary = f"{total} pods in {where}" + ("" if bad or any(one.status != HEALTHY for one in checks) else ", all well")
    return part("pods", [*checks, *pods.grouped(bad)], healthy=total - len(bad), summary=summary, nothing="no namespaces were given")


def _examined(
    session: Cluster, suspicious: list[tuple[str, Mapping[str, Any]]], before: Mapping[str, int] | None, now: float, total: int
) -> list[Check]:
    """The findings of suspicious pods.  Few are read one by one; of many, their namespaces are listed, up to a limit."""
    whole: dict[tuple[str, str], dict[str, Any]] = {}
    if len(suspicious) > WHOLE_PODS and total <= LISTED_PODS:
        wanted = {(namespace, row.get("Name")) for namespace, row in suspicious}
        for namespace in dict.fromkeys(namespace for namespace, _row in suspicious):
            with contextlib.suppress(SalvageError):  # then the row has to do
                for pod in session.list(f"/api/v1/namespaces/{namespace}/pods"):
                    if (key := (namespace, pod["metadata"]["name"])) in wanted:
                        whole[key] = pod
    # Those that do not run come first: for the others, only the restarts need a report.
    suspicious.sort(key=lambda one: one[1].get("Status") == "Running")
    few = [one for one in suspicious if (one[0], one[1].get("Name")) not in whole]

    def examine(pod: dict[str, Any]) -> Check | None:
        return check_of(lambda found: pods.examine(found, before, now), "pods", pod)

    def read(one: tuple[str, Mapping[str, Any]]) -> Check | None:
        namespace, row = one
        try:
            pod = session.get_json(f"/api/v1/namespaces/{namespace}/pods/{row['Name']}")
        except SalvageError as exc:
            return None if exc.reason == "not_found" else pods.from_row(namespace, row, str(exc))
        return examine(pod)

    found = [examine(pod) for pod in whole.values()] + for_each(read, few[:WHOLE_PODS])
    rest = few[WHOLE_PODS:]
    found += [pods.from_row(namespace, row, f"one of {len(rest)} that were not looked at one by one") for namespace, row in rest]
    return _without_retried(session, [one for one in found if one is not None])


def _without_retried(session: Cluster, found: list[Check]) -> list[Check]:
    """Without the failed pods of Jobs that succeeded after all."""
    jobs = {job for one in found if (job := _job_of(one))}

    def is_complete(job: tuple[str, str]) -> bool:
        try:
            return cluster.job_is_complete(session.get_json(f"/apis/batch/v1/namespaces/{job[0]}/jobs/{job[1]}"))
        except SalvageError:
            return False

    asked = sorted(jobs)[:WHOLE_PODS]
    complete = {job for job, done in zip(asked, for_each(is_complete, asked), strict=True) if done}
    return [one for one in found if _job_of(one) not in complete]


def _job_of(check: Check) -> tuple[str, str] | None:
    kind, _slash, name = str(check.evidence.get("owner") or "").partition("/")
    return ((check.subject or {}).get("namespace", ""), name) if kind == "Job" and check.reason.startswith("Failed") else None


def _silent_nodes(session: Cluster) -> frozenset[str]:
    """The nodes that are not Ready; none where the login may not list nodes, which the part nodes reports."""
    try:
        rows = session.table("/api/v1/nodes", CACHED)
    except SalvageError:
        return frozenset()
    return frozenset(str(row.get("Name")) for row in rows if str(row.get("Status")).partition(",")[0] != "Ready")
