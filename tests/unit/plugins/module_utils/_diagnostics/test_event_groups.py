# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.event_groups import group_events


def event(last: str | None = "2026-11-26T12:00:00Z", **more: Any) -> dict[str, Any]:
    subject = {"kind": "Pod", "name": "web-0", "namespace": "a"}
    return {
        "type": "Warning",
        "reason": "BackOff",
        "involvedObject": subject,
        "message": "again",
        "firstTimestamp": last,
        "lastTimestamp": last,
        "metadata": {"namespace": "a", "creationTimestamp": "2026-11-26T10:00:00Z"},
        "source": {"component": "kubelet"},
        **more,
    }


def test_what_happened_again_is_one_line_with_its_count_and_times() -> None:
    found = group_events([event("2026-11-26T12:05:00Z", count=3), event("2026-11-26T12:01:00Z", count=2), event(message="else")])
    assert [(one["message"], one["count"], one["first"], one["time"]) for one in found] == [
        ("else", 1, "2026-11-26T12:00:00Z", "2026-11-26T12:00:00Z"),
        ("again", 5, "2026-11-26T12:01:00Z", "2026-11-26T12:05:00Z"),
    ]


def test_an_event_of_the_new_api_has_its_times_and_count_in_other_places() -> None:
    new = event(
        None,
        eventTime="2026-11-26T12:00:00.123456Z",
        series={"count": 7, "lastObservedTime": "2026-11-26T12:09:00.000001Z"},
        source=None,
        reportingComponent="scheduler",
    )
    (found,) = group_events([new])
    assert (found["first"], found["time"], found["count"], found["source"]) == (
        "2026-11-26T12:00:00.123456Z",
        "2026-11-26T12:09:00.000001Z",
        7,
        "scheduler",
    )


@pytest.mark.parametrize("more", [{"count": None}, {"count": "9"}, {"count": 0}, {"count": True}, {"series": []}, {"involvedObject": None}])
def test_an_event_of_another_form_counts_once(more: dict[str, Any]) -> None:
    assert group_events([event(**more)])[0]["count"] == 1


def test_an_event_without_any_time_is_first() -> None:
    bare = {"reason": "X", "metadata": {}}
    assert [one["reason"] for one in group_events([event(), bare])] == ["X", "BackOff"]
