# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.compare import changes, restarts
from hypothesis import given
from hypothesis import strategies as st

STATUSES = ["healthy", "warning", "critical", "unknown"]


def report(**parts: dict[str, str]) -> dict[str, Any]:
    """Parts by name: statuses by check, the part's own under ``_``."""
    return {
        "parts": [
            {
                "name": name,
                "status": checks["_"],
                "checks": [{"id": f"{name}/{key}", "status": s} for key, s in checks.items() if key != "_"],
            }
            for name, checks in parts.items()
        ]
    }


def change(key: str, was: str, now: str) -> dict[str, str]:
    return {"id": key, "from": was, "to": now}


WELL = report(pods={"_": "healthy"})
ILL = report(pods={"_": "critical", "a/x": "critical"})


def test_what_falls_ill_and_what_recovers() -> None:
    assert changes(WELL, ILL) == [change("pods", "healthy", "critical"), change("pods/a/x", "healthy", "critical")]
    assert changes(ILL, WELL) == [change("pods", "critical", "healthy"), change("pods/a/x", "critical", "healthy")]


def test_without_an_earlier_report_nothing_changed() -> None:
    assert changes(None, ILL) == changes({}, ILL) == []


def test_what_could_not_be_looked_at_did_not_recover() -> None:
    assert changes(ILL, report(pods={"_": "unknown"})) == [change("pods", "critical", "unknown")]
    assert changes(report(pods={"_": "unknown"}), ILL) == [change("pods", "unknown", "critical")]


def test_what_is_behind_a_refused_namespace_did_not_recover() -> None:
    now = report(pods={"_": "unknown", "a": "unknown"})
    assert changes(ILL, now) == [change("pods", "critical", "unknown"), change("pods/a", "healthy", "unknown")]
    # in another namespace that was looked at it did
    was = report(pods={"_": "critical", "a/x": "critical", "b/y": "critical"})
    assert change("pods/b/y", "critical", "healthy") in changes(was, now)
    assert change("pods/a/x", "critical", "healthy") not in changes(was, now)


def test_an_alert_did_not_end_because_nobody_tells_of_it() -> None:
    was = report(alerts={"_": "critical", "Low/f1": "critical"})
    assert changes(was, report(alerts={"_": "unknown", "prometheus": "unknown"})) == [
        change("alerts", "critical", "unknown"),
        change("alerts/prometheus", "healthy", "unknown"),
    ]
    assert change("alerts/Low/f1", "critical", "healthy") in changes(was, report(alerts={"_": "healthy"}))


def test_parts_that_only_one_report_has_say_nothing() -> None:
    assert changes(ILL, report(nodes={"_": "healthy"})) == []


def test_a_report_of_another_format_does_no_harm() -> None:
    for before in ({"parts": 3}, {"parts": [3, {}]}, {"schema": 0, "parts": [{"name": "pods", "status": "ok", "checks": {"a": 1}}]}):
        assert all(one["from"] == "unknown" for one in changes(before, ILL))


def test_restarts_that_are_remembered() -> None:
    assert restarts(None) is None
    assert restarts({"restarts": [3]}) is None
    assert restarts({"restarts": {"a/x": 3, "a/y": True, "a/z": "5"}}) == {"a/x": 3}


reports = st.dictionaries(
    st.sampled_from(["pods", "nodes", "alerts"]),
    st.dictionaries(st.sampled_from(["a", "a/x", "b/y"]), st.sampled_from(STATUSES)).flatmap(
        lambda checks: st.sampled_from(STATUSES).map(lambda status: {"_": status, **checks})
    ),
).map(lambda parts: report(**parts))


@given(reports, reports)
def test_only_differences_are_changes_and_they_go_both_ways(first: dict[str, Any], other: dict[str, Any]) -> None:
    assert changes(first, first) == []
    there = changes(first, other)
    assert all(one["from"] != one["to"] for one in there)
    if first["parts"] and other["parts"]:
        assert [change(c["id"], c["to"], c["from"]) for c in changes(other, first)] == there
