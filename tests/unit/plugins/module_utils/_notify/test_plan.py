# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the record: repeats, floods, order, escalations and pauses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.message import SEVERITIES
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.options import Flood
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.plan import (
    DROPPED,
    HELD,
    SENT,
    TRIES,
    Delivery,
    Posting,
    due_now,
    due_steps,
    followed,
    is_repeat,
    jobs_of,
    pause_before,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.schedule import Escalation
from fake_vendors import message
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


def posting(number: int = 0, *, status: str = "pending", at: float = 0.0, steps: Any = (), channel: str = "ops", **changes: Any) -> Posting:
    return Posting(f"{number:05d}", NOW + number, message(**changes), [Delivery(channel, status=status, at=at)], steps)


def history(*actions: str, **changes: Any) -> list[Posting]:
    return [posting(number, action=action, **changes) for number, action in enumerate(actions)]


@pytest.mark.parametrize(
    ("before", "action", "repeat"),
    [
        ((), "trigger", False),
        (("trigger",), "trigger", True),
        (("trigger", "resolve"), "trigger", False),
        (("trigger", "acknowledge"), "trigger", True),
        (("trigger",), "acknowledge", False),
        (("trigger", "acknowledge"), "acknowledge", True),
        (("trigger", "acknowledge", "resolve", "trigger"), "acknowledge", False),
        (("trigger",), "resolve", False),
        (("trigger", "resolve"), "resolve", True),
        ((), "resolve", False),
        ((), "update", False),
        (("update", "trigger", "resolve"), "update", True),
    ],
)
def test_repeats(before: tuple[str, ...], action: str, repeat: bool) -> None:
    assert is_repeat(message(action=action), history(*before), []) is repeat


def test_other_words_are_news_and_kinds_of_which_only_changes_matter_need_a_trouble() -> None:
    assert not is_repeat(message(action="update", summary="more"), history("update"), [])
    assert not is_repeat(message(action="resolve", summary="more"), history("resolve"), [])
    assert is_repeat(message(action="resolve", kind="health", summary="more"), history("resolve", kind="health"), ["health"])
    assert is_repeat(message(action="resolve", kind="health"), [], ["health"])
    assert not is_repeat(message(action="resolve", kind="health"), history("trigger", kind="health"), ["health"])
    assert not is_repeat(message(severity="P0"), history("trigger"), [])
    assert is_repeat(message(severity="P1"), [*history("trigger"), posting(5, severity="P0"), posting(6, severity="P1")], [])


@given(st.lists(st.sampled_from(["trigger", "acknowledge", "resolve", "update"]), max_size=20))
def test_the_same_message_twice_in_a_row_is_one(actions: list[str]) -> None:
    record: list[Posting] = []
    for number, action in enumerate(actions):
        if not is_repeat(message(action=action), record, []):
            record.append(posting(number, action=action))
        assert is_repeat(message(action=action), record, [])
    told = [one.message.action for one in record if one.message.action in {"trigger", "resolve"}]
    assert all(first != second for first, second in itertools.pairwise(told)), "a trouble opens and ends in turn"


def test_the_end_goes_where_the_trouble_went() -> None:
    opened = posting(0)
    opened.deliveries = [
        Delivery("pager", status=SENT),
        Delivery("quiet", status=DROPPED),
        Delivery("late", status=HELD),
        Delivery("owner", step=1),
    ]
    assert followed(message(action="resolve"), [opened]) == ["pager", "late", "owner"]
    assert followed(message(action="update"), [opened]) == []
    assert followed(message(action="resolve"), [opened, posting(1, action="resolve")]) == []


STORM = st.lists(
    st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(["trigger", "resolve", "update"]), st.integers(0, 5)), min_size=1, max_size=60
)


@given(STORM, st.booleans(), st.integers(1, 8), st.integers(0, 8))
def test_of_a_storm_nothing_is_lost_and_the_number_is_bounded(storm: Any, keyed: bool, limit: int, earlier: int) -> None:
    record = [posting(number, status=SENT, at=NOW - 10, severity="P2", dedup_key=f"old{number}") for number in range(earlier)]
    new = [posting(100 + n, severity=s, action=a, dedup_key=f"k{k}") for n, (s, a, k) in enumerate(storm)]
    pairs = [(one, one.deliveries[0]) for one in new]
    jobs, waiting, until = jobs_of("ops", keyed, pairs, [*record, *new], Flood(limit=limit, seconds=300), NOW)
    carried = [id(delivery) for job in jobs for _posting, delivery in job.parts]
    assert sorted([*carried, *map(id, waiting)]) == sorted(id(delivery) for _posting, delivery in pairs), "each once"
    assert (until > NOW) == bool(waiting)
    for severity in SEVERITIES:
        bounded = [job for job in jobs if job.message.severity == severity and not (keyed and job.message.action != "trigger")]
        assert len(bounded) <= max(0, limit - (earlier if severity == "P2" else 0))
    for job in jobs:
        if len(job.parts) > 1:
            assert job.message.facts["count"] == str(len(job.parts))
    # What waits was not overtaken by its end.
    sent = {one.message.dedup_key: one.created for job in jobs if len(job.parts) == 1 for one, _delivery in job.parts}
    held = {id(one) for one in waiting}
    late = [one for one, delivery in pairs if id(delivery) in held and one.message.action == "trigger"]
    if keyed:
        ends = {one.message.dedup_key for job in jobs for one, _d in job.parts if one.message.action == "resolve"}
        assert not [one for one in late if one.message.dedup_key in ends and sent.get(one.message.dedup_key, 0) > one.created]


def test_a_group_counts_as_one_and_the_window_moves() -> None:
    grouped = [Posting(str(n), NOW, message(), [Delivery("ops", status="grouped", via="g", at=NOW - 290)]) for n in range(50)]
    single = posting(99, status=SENT, at=NOW - 100)
    new = posting(100)
    flood = Flood(limit=2, seconds=300)
    jobs, waiting, until = jobs_of("ops", False, [(new, new.deliveries[0])], [*grouped, single, new], flood, NOW)
    assert (len(jobs), len(waiting), until) == (0, 1, NOW + 10)
    jobs, waiting, _until = jobs_of("ops", False, [(new, new.deliveries[0])], [*grouped, single, new], flood, NOW + 10)
    assert (len(jobs), len(waiting)) == (1, 0)


def test_nothing_overtakes_what_is_not_due_or_is_being_sent() -> None:
    first, second, other = posting(0), posting(1, action="resolve"), posting(2, dedup_key="other")
    record = [first, second, other]
    assert [one.id for one, _delivery in due_now(record, [], NOW)["ops"]] == ["00000", "00001", "00002"]
    assert [one.id for one, _delivery in due_now(record, ["00000"], NOW)["ops"]] == ["00002"]
    first.deliveries[0].not_before = NOW + 1
    assert [one.id for one, _delivery in due_now(record, [], NOW)["ops"]] == ["00002"]
    assert [one.id for one, _delivery in due_now(record, [], NOW + 1)["ops"]] == ["00000", "00001", "00002"]


def test_escalations_are_due_once_until_somebody_takes_it() -> None:
    steps = (Escalation(900, ("mail",)), Escalation(3600, ("owner",)))
    one = posting(0, status=SENT, steps=steps)
    assert [number for number, _step in due_steps(one, [one], NOW + 899)] == []
    assert [number for number, _step in due_steps(one, [one], NOW + 900)] == [1]
    assert [number for number, _step in due_steps(one, [one], NOW + 4000)] == [1, 2]
    one.deliveries.append(Delivery("mail", step=1))
    assert [number for number, _step in due_steps(one, [one], NOW + 4000)] == [2]
    for action in ("acknowledge", "resolve"):
        assert due_steps(one, [one, posting(5, action=action)], NOW + 4000) == []
    assert due_steps(one, [one, posting(5, action="acknowledge", dedup_key="other")], NOW + 4000)
    assert due_steps(posting(0, status=DROPPED, steps=steps), [], NOW + 4000) == []
    assert due_steps(posting(0, status=HELD, steps=steps), [], NOW + 4000) == []
    assert due_steps(posting(0, status="pending", steps=steps), [], NOW + 4000), "a dead channel is a reason more"
    assert due_steps(posting(0, action="update", status=SENT, steps=steps), [], NOW + 4000) == []


@given(st.integers(0, 20), st.none() | st.floats(0, 1e6), st.floats(0, 1e3), st.floats(0, 1))
def test_a_pause_ends_before_the_deadline(attempt: int, asked: float | None, left: float, jitter: float) -> None:
    seconds = pause_before(attempt, asked, left, jitter)
    if attempt + 1 >= TRIES:
        assert seconds is None
    if seconds is not None:
        assert 0 <= seconds < left
        assert asked is None or seconds == asked
