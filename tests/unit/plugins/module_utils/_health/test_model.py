# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.status import STATUSES
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import ago, span, when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.model import Check, Part, counts, part, unknown_part
from hypothesis import given
from hypothesis import strategies as st

statuses = st.sampled_from(sorted(STATUSES))
found = st.lists(statuses).map(lambda all_of_them: [Check(f"pods/a/{n}", status, "why") for n, status in enumerate(all_of_them)])
ORDER = ("healthy", "warning", "unknown", "critical")


def test_a_part_without_anything_is_unknown() -> None:
    assert part("pods", []) == Part("pods", "unknown", "", "there was nothing to look at")


def test_a_part_is_healthy_by_what_it_does_not_list() -> None:
    assert part("pods", [], healthy=3, summary="3 pods") == Part("pods", "healthy", "3 pods", "", (), 3)


def test_the_worst_comes_first_and_is_the_reason() -> None:
    one = part("pods", [Check("pods/a/w", "warning", "slow"), Check("pods/a/u", "unknown", "gone"), Check("pods/a/c", "critical", "dead")])
    assert [check.status for check in one.checks] == ["critical", "unknown", "warning"]
    assert (one.status, one.reason) == ("critical", "a/c: dead, and 2 more")
    assert part("api", [Check("api", "warning", "slow")]).reason == "api: slow"


@given(found, statuses, st.integers(0, 5))
def test_a_finding_more_never_makes_it_better(checks: list[Check], status: str, healthy: int) -> None:
    before = part("pods", checks, healthy=healthy)
    after = part("pods", [*checks, Check("pods/a/new", status, "why")], healthy=healthy)
    if checks or healthy:
        assert ORDER.index(after.status) >= ORDER.index(before.status)
    assert ORDER.index(after.status) >= ORDER.index(status)


@given(found, st.integers(0, 5))
def test_everything_is_counted_once(checks: list[Check], healthy: int) -> None:
    one = part("pods", checks, healthy=healthy)
    assert sum(counts([one]).values()) == max(1, len(checks) + healthy)
    assert sum(counts([one, unknown_part("nodes", "403")]).values()) == max(1, len(checks) + healthy) + 1


def test_a_part_as_the_report_has_it() -> None:
    data = part("pods", [Check("pods/a/c", "critical", "dead", {"kind": "Pod"})], healthy=2, summary="3 pods").to_dict()
    assert (data["name"], data["status"], data["healthy"], data["duration_s"]) == ("pods", "critical", 2, 0.0)
    assert data["checks"][0] == {
        "id": "pods/a/c",
        "status": "critical",
        "reason": "dead",
        "subject": {"kind": "Pod"},
        "value": None,
        "limit": None,
        "unit": None,
        "since": None,
        "evidence": {},
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.5Z", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
        ("1970-01-01T01:00:10.25+01:00", 10.25),
        ("1970-01-01T00:00:10", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times(text: str | None, seconds: float | None) -> None:
    assert when(text) == seconds


@given(st.one_of(st.none(), st.text(), st.integers(), st.datetimes().map(str)))
def test_whatever_a_time_is_it_does_no_harm(text: object) -> None:
    assert isinstance(ago(text, 0.0), str)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7199.0, "119 min"), (7200.0, "2 h"), (172800.0, "2 d")]
)
def test_spans(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_ago() -> None:
    assert ago("1970-01-01T00:00:00Z", 180.0) == "for 3 min"
    assert ago("1970-01-01T00:01:00Z", 0.0) == "for 0 s"  # clocks differ
