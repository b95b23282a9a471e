# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of an incident, with the plan of the role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.duties import checklist, read_plan
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.model import fold
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.moves import additions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.request import STATES, Request
from fake_incidents import role_plan
from hypothesis import given, settings
from hypothesis import strategies as st

NIGHT = datetime.fromisoformat("2026-11-25T03:00:00+00:00").timestamp()
MINUTE, HOUR = 60.0, 3600.0
Records = list[dict[str, Any]]


def grown(records: Sequence[dict[str, Any]], request: Request, now: float) -> Records:
    new = additions(records, request, now)
    return [*records, *({**one, "number": number, "chain": "20261125-1"} for number, one in enumerate(new, start=len(records) + 1))]


def opened(severity: str = "P0", at: float = NIGHT, **calendar: Any) -> Records:
    alert = {"name": "A", "fingerprint": "a", "starts_at": iso(at - 60), "severity": "critical"}
    request = Request("opened", "ops", severity=severity, alerts=(alert,), plan=read_plan(role_plan(**calendar)))
    return grown([], request, at)


def watched(records: Records, *times: float) -> Records:
    for now in times:
        records = grown(records, Request("updated", "clock", watch=True), now)
    return records


def seen(records: Records, start: int) -> list[tuple[str, str]]:
    return [(one["kind"], one["data"]["key"]) for one in records[start:]]


def test_the_deadlines_of_p0_are_those_of_the_runbook() -> None:
    found = {duty.id: (duty.phase, duty.deadline - NIGHT) for duty in checklist(fold(opened()))}
    immediate, triage, resolution, later = (
        ("immediate", 5 * MINUTE),
        ("triage", 15 * MINUTE),
        ("resolution", HOUR),
        ("post_incident", 48 * HOUR),
    )
    assert found == {
        **dict.fromkeys(["alert_on_call", "channel", "log", "blast_radius"], immediate),
        **dict.fromkeys(["find_cause", "mitigate", "tell_stakeholders"], triage),
        **dict.fromkeys(["fix", "verify", "monitor"], resolution),
        **dict.fromkeys(["report", "post_mortem", "prevent"], later),
    }
    assert [duty.starts_at - NIGHT for duty in checklist(fold(opened())) if duty.phase == "post_incident"] == [24 * HOUR] * 3


def test_nobody_is_there_at_three_in_the_night() -> None:
    """Each minute somebody looks at the clock: each reminder, missed deadline and escalation is there once, at its time."""
    records = opened()
    start = len(records)
    times: dict[tuple[str, str], float] = {}
    for minute in range(1, 91):
        before = len(records)
        records = watched(records, NIGHT + minute * MINUTE)
        for what in seen(records, before):
            assert what not in times
            times[what] = minute
    assert len(records) - start == len(times)
    missed = {key: at for (kind, key), at in times.items() if kind == "overdue"}
    assert missed == {
        **dict.fromkeys(["alert_on_call", "channel", "blast_radius"], 6),
        **dict.fromkeys(["find_cause", "mitigate", "tell_stakeholders"], 16),
        **dict.fromkeys(["fix", "verify", "monitor"], 61),
    }
    assert {key: at for (kind, key), at in times.items() if kind == "reminder"} == {
        **dict.fromkeys(["alert_on_call", "channel", "blast_radius"], 4),
        **dict.fromkeys(["find_cause", "mitigate", "tell_stakeholders"], 13),
        **dict.fromkeys(["fix", "verify", "monitor"], 51),
    }
    first = {key: at for (kind, key), at in times.items() if kind == "escalation" and key.startswith("alert_on_call")}
    assert first == {"alert_on_call/1": 11, "alert_on_call/2": 21}
    assert [at for (kind, _key), at in times.items() if kind == "update_due"] == [30, 60, 90]
    to = {one["data"]["key"]: one["data"]["to"] for one in records if one["kind"] == "escalation"}
    assert (to["alert_on_call/1"], to["alert_on_call/2"]) == ("infrastructure", "system_owner")


def test_a_watch_that_comes_late_says_each_thing_once() -> None:
    records = watched(opened(), NIGHT + 10 * HOUR)
    assert watched(records, NIGHT + 10 * HOUR + 1) == records
    assert [kind for kind, _key in seen(records, 0 + len(opened()))].count("update_due") == 1


def test_who_works_is_left_alone() -> None:
    records = grown(opened(), Request("updated", "ops", acknowledged=True, done=("channel",), blast_radius={"pods": 3}), NIGHT + MINUTE)
    records = grown(
        records, Request("mitigated", "ops", done=("find_cause",), update={"audience": "public", "text": "x"}), NIGHT + 9 * MINUTE
    )
    records = grown(records, Request("resolved", "ops", done=("verify", "monitor")), NIGHT + 30 * MINUTE)
    assert watched(records, NIGHT + 25 * MINUTE, NIGHT + 20 * HOUR) == records
    later = watched(records, NIGHT + 44 * HOUR, NIGHT + 49 * HOUR)
    assert [what for what in seen(later, len(records)) if what[0] != "escalation"] == [
        *(("reminder", item) for item in ("report", "post_mortem", "prevent")),
        *(("overdue", item) for item in ("report", "post_mortem", "prevent")),
    ]


def test_a_duty_that_was_missed_stays_quiet_after_it_is_done() -> None:
    records = watched(opened(), NIGHT + 6 * MINUTE)
    records = grown(records, Request("updated", "ops", acknowledged=True, done=("channel", "blast_radius")), NIGHT + 7 * MINUTE)
    assert [what for what in seen(watched(records, NIGHT + 12 * MINUTE), len(records)) if what[0] == "escalation"] == []


@pytest.mark.parametrize(
    ("opened_at", "deadline"),
    [
        ("2026-11-25T03:00:00+00:00", "2026-11-25T10:00:00Z"),
        ("2026-11-27T16:30:00+00:00", "2026-11-30T09:30:00Z"),
        ("2026-11-28T12:00:00+00:00", "2026-11-30T10:00:00Z"),
    ],
)
def test_p2_waits_for_business_hours(opened_at: str, deadline: str) -> None:
    begun = datetime.fromisoformat(opened_at).timestamp()
    records = opened("P2", begun)
    assert iso(checklist(fold(records))[0].deadline) == deadline
    assert watched(records, begun + 30 * MINUTE if begun == NIGHT else begun + 2 * HOUR) == records
    due = datetime.fromisoformat(deadline.replace("Z", "+00:00")).timestamp() + 1
    assert ("overdue", "alert_on_call") in seen(watched(records, due), len(records))
    night = datetime.fromisoformat(deadline[:10] + "T22:00:00+00:00").timestamp()
    assert watched(records, night) == records


def test_a_higher_severity_counts_from_when_it_was_set() -> None:
    records = opened("P2")
    raised = grown(records, Request("updated", "ops", severity="P0", why="it spreads"), NIGHT + 3 * HOUR)
    assert {duty.deadline for duty in checklist(fold(raised)) if duty.phase == "immediate"} == {NIGHT + 3 * HOUR + 5 * MINUTE}
    lowered = grown(raised, Request("updated", "ops", severity="P1", why="it does not"), NIGHT + 4 * HOUR)
    assert {duty.deadline for duty in checklist(fold(lowered)) if duty.phase == "immediate"} == {NIGHT + 3 * HOUR + 15 * MINUTE}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("severities",), {}, "plan.severities must have"),
        (("severities", "P0"), None, "plan.severities.P0 is None"),
        (("severities", "P0", "hours"), "office", "plan.severities.P0.hours is 'office'"),
        (("severities", "P0", "remind_at"), 2, "remind_at is 2"),
        (("severities", "P0", "remind_at"), True, "remind_at is True"),
        (("severities", "P0", "update_every"), "often", "update_every: 'often' is not a duration"),
        (("severities", "P0", "update_every"), 0, "write a duration above 0"),
        (("severities", "P0", "escalation"), [{"to": "x"}], "escalation[0] lacks after"),
        (("severities", "P0", "phases"), {}, "phases is {}; write a list"),
        (("severities", "P0", "phases"), [{"name": "x", "ends": "5m"}], "phases[0] lacks duties"),
        (("severities", "P0", "phases"), [{"name": "x", "starts": "5m", "ends": "5m", "duties": []}], "ends before it starts"),
        (("severities", "P0", "phases"), [{"name": "x", "ends": "5m", "duties": [{"id": "a"}]}], "duties[0] lacks title"),
        (("severities", "P0", "phases"), [{"name": "x", "ends": "5m", "duties": [{"id": 1, "title": "b"}]}], "needs an id and a title"),
        (("severities", "P0", "phases"), [{"name": "x", "ends": "5m", "duties": [{"id": "a", "title": "b"}] * 2}], "the duty 'a' twice"),
        (("severities", "P0", "phases"), [{"name": "x", "ends": "5m", "duties": [{"id": "a", "title": "b", "x": 1}]}], "does not know x"),
        (("severities", "P0", "owner"), "x", "plan.severities.P0 does not know owner"),
        (("calendar",), None, "calendar is None"),
        (("extra",), 1, "plan does not know extra"),
    ],
)
def test_a_plan_that_is_wrong_says_where(path: tuple[str, ...], value: Any, words: str) -> None:
    data = role_plan()
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(SalvageError) as failure:
        read_plan(data)
    assert words in str(failure.value)


REQUESTS = st.builds(
    Request,
    state=st.sampled_from(STATES),
    who=st.just("x"),
    title=st.just("t"),
    severity=st.sampled_from(["", "P0", "P2"]),
    why=st.sampled_from(["", "because"]),
    acknowledged=st.booleans(),
    done=st.sampled_from([(), ("find_cause",), ("verify", "log")]),
    watch=st.booleans(),
    id=st.sampled_from(["", "20261125-1"]),
)
ORDER = {"open": 0, "mitigated": 1, "resolved": 2, "reviewed": 3, "cancelled": 3}


@settings(max_examples=50)
@given(st.lists(st.tuples(REQUESTS, st.integers(0, 3 * 86400)), max_size=12))
def test_whatever_is_asked_the_record_only_grows_and_ends_once(asked: list[tuple[Request, float]]) -> None:
    records, now = opened(), NIGHT
    for request, later in asked:
        before, now = fold(records), now + later
        try:
            after = grown(records, request, now)
        except SalvageError:
            continue
        except Exception as exc:  # another incident: the caller looks again
            assert type(exc).__name__ == "OtherIncidentError"
            continue
        incident = fold(after)
        assert after[: len(records)] == records
        if before.ended:
            assert after == records
        assert ORDER[incident.status] >= ORDER[before.status] or any(one["kind"] == "reopened" for one in after[len(records) :])
        if incident.status == "reviewed":
            assert all(duty.state != "open" or duty.done_by == "reviewed" for duty in checklist(incident))
        said = [(one["kind"], one["data"]["key"]) for one in after if one["kind"] in {"overdue", "reminder", "escalation", "update_due"}]
        assert len(said) == len(set(said))
        assert grown(after, request, now) == after
        records = after
