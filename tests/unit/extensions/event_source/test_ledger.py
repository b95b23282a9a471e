# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed on, when and how often: by hand for each rule, and by hypothesis for any order of what can happen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from alert_source import alert
from hypothesis import given, settings
from hypothesis import strategies as st
from meta_salvage_events.entry import Entry, event_of, group_of
from meta_salvage_events.ledger import FullError, Ledger, NotOursError
from meta_salvage_events.options import Options
from meta_salvage_events.payload import alert_of
from meta_salvage_events.records import decode, encode, lines_of


def ledger(**more: Any) -> Ledger:
    return Ledger(Options(Path("/nowhere"), 1, token_file=Path("/nowhere"), **{"throttle_seconds": 0.0, **more}))


def take(books: Ledger, now: float = 0.0, **words: Any) -> str:
    """An alert that comes and is written; its id."""
    one = alert_of(alert(**words))
    if books.take(one, now):
        books.written([one.id])
    return one.id


def goes(books: Ledger, now: float = 0.0) -> list[str]:
    """The ids of the next event, which is handed on."""
    ids = [entry.id for entry in books.next_event(now)]
    if ids:
        books.hand_on(ids, now)
    return ids


def decode_all(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """All records that are whole, and how many lines are not."""
    found = [decode(line) for line in lines_of(io.BytesIO(data))]
    return [record for record in found if record is not None], found.count(None)


def test_an_alert_is_taken_once() -> None:
    books = ledger()
    name = take(books)
    assert [take(books, number=1) for _time in range(20)] == [name] * 20
    assert [goes(books), goes(books)] == [[name], []]


def test_what_is_not_on_the_disk_is_not_handed_on() -> None:
    books = ledger()
    one = alert_of(alert(1))
    assert books.take(one, 0)
    assert goes(books) == []
    books.not_written([one.id])
    assert not books.knows(one)
    assert books.take(one, 0) is not None  # the sender comes again


def test_the_start_of_an_episode_goes_before_its_end_and_is_handled_before_it() -> None:
    books = ledger(confirm=True)
    end = take(books, status="resolved")
    start = take(books, status="firing")
    assert goes(books) == [start]
    assert goes(books) == []
    books.handle([start], 1)
    assert goes(books) == [end]


def test_the_end_of_an_episode_that_nobody_has_seen_start_goes_too() -> None:
    books = ledger()
    end = take(books, status="resolved")
    assert goes(books) == [end]


def test_critical_alerts_go_first() -> None:
    books = ledger()
    warning, critical = take(books, number=1, severity="warning"), take(books, number=2, severity="critical")
    assert [goes(books), goes(books)] == [[critical], [warning]]


def test_a_flapping_alert_is_throttled_and_loses_nothing_and_a_restart_does_not_forget_it() -> None:
    books = ledger(throttle_seconds=30.0)
    first, second = take(books, start="2026-11-27T03:00:00Z"), take(books, start="2026-11-27T03:00:05Z")
    other = take(books, number=2)
    assert [goes(books, 10), goes(books, 10), goes(books, 39)] == [[first], [other], []]
    books = again(books, throttle_seconds=30.0, confirm=True)
    books.handle([first, other], 39)
    assert goes(books, 39) == []
    assert goes(books, 40) == [second]


def test_what_goes_again_after_a_restart_does_not_wait_for_itself() -> None:
    books = ledger(throttle_seconds=30.0)
    first, second = take(books, start="2026-11-27T03:00:00Z"), take(books, start="2026-11-27T03:00:05Z")
    goes(books, 10)
    books = again(books, throttle_seconds=30.0)
    assert [goes(books, 11), goes(books, 40), goes(books, 41)] == [[first], [], [second]]


def test_alerts_of_a_group_that_wait_go_together() -> None:
    books = ledger(group_by=("namespace",), group_max=3)
    ids = [take(books, number=number) for number in range(5)]
    other = take(books, number=9, namespace="elsewhere")
    assert [goes(books), goes(books), goes(books)] == [ids[:3], ids[3:], [other]]


def test_an_event_has_the_alerts_and_nothing_of_the_request() -> None:
    books = ledger(group_by=("namespace",))
    ids = [take(books, number=number) for number in range(2)]
    event = event_of(books.next_event(0), ("namespace",))
    assert event.keys() == {"status", "alert", "alerts", "episode", "ids", "group", "receiver", "externalURL", "attempt", "meta"}
    assert (event["ids"], event["group"], event["alerts"][0], event["attempt"]) == (ids, {"namespace": "euystacio-ai"}, event["alert"], 1)
    assert event.keys() and event["meta"].keys() == {"uuid"}
    assert event == event_of(books.next_event(0), ("namespace",))  # the same attempt has the same uuid


def test_only_so_many_events_are_with_the_rules() -> None:
    books = ledger(confirm=True, in_flight=2)
    ids = [take(books, number=number) for number in range(3)]
    assert [goes(books), goes(books), goes(books)] == [[ids[0]], [ids[1]], []]
    books.handle([ids[0]], 1)
    assert goes(books) == [ids[2]]


def test_what_nobody_confirms_is_handed_on_again_and_given_up_in_the_end() -> None:
    books = ledger(confirm=True, confirm_seconds=10.0, confirm_attempts=3)
    name = take(books)
    said = []
    for now in (0, 11, 22, 33):
        said += [record["is"] for record in books.look_at_the_time(now)]
        assert goes(books, now) == ([name] if now < 33 else [])
    assert said == ["late", "late", "given_up"]
    assert books.count("given_up") == 1
    assert books.handle([name], 34) == (None, 0)


def test_without_confirmation_time_is_enough() -> None:
    books = ledger(confirm_seconds=10.0)
    name = take(books)
    goes(books, 0)
    assert books.look_at_the_time(9) == []
    assert books.look_at_the_time(11) == [{"is": "handled", "at": 11, "ids": [name]}]
    assert goes(books, 12) == []


def test_what_was_with_the_rules_when_the_source_ended_goes_again_in_its_old_place() -> None:
    books = ledger()
    ids = [take(books, number=number) for number in range(3)]
    goes(books)
    goes(books)
    books.handle([ids[1]], 1)
    books = again(books)
    assert [goes(books), goes(books), goes(books)] == [[ids[0]], [ids[2]], []]
    assert books.entries[ids[0]].attempts == 2


def test_a_confirmation_that_overtakes_is_no_error() -> None:
    books = ledger(confirm=True)
    name = take(books)
    books.next_event(0)
    books.handle([name], 0)
    assert books.hand_on([name], 0)["ids"] == [name]
    assert (books.count("handled"), books.count("handed")) == (1, 0)
    assert books.handle([name, "unknown"], 0) == (None, 1)


def test_old_closed_alerts_are_forgotten_and_open_ones_are_not() -> None:
    books = ledger(keep_seconds=100.0, confirm_seconds=1.0)
    closed, repeated, waiting = (take(books, number=number) for number in range(3))
    goes(books), goes(books)
    books.look_at_the_time(2)
    take(books, 90, number=1)
    assert books.forget_the_old(150) == 1
    assert set(books.entries) == {repeated, waiting}
    assert closed not in books.entries


def test_a_full_ledger_drops_the_oldest_closed_or_asks_to_come_again() -> None:
    books = ledger(max_episodes=2, confirm_seconds=1.0)
    take(books, number=1)
    goes(books)
    books.look_at_the_time(2)
    take(books, number=2)
    take(books, number=3)
    assert len(books.entries) == 2
    with pytest.raises(FullError):
        take(books, number=4)


def test_a_repetition_is_noted_once_an_hour() -> None:
    books = ledger()
    take(books)
    one = alert_of(alert())
    assert books.take(one, 1000) is None
    assert books.take(one, 5000) == {"is": "seen", "at": 5000, "ids": [one.id]}


def again(books: Ledger, **more: Any) -> Ledger:
    """The ledger after a restart: what its journal says."""
    records, damaged = decode_all(b"".join(map(encode, books.snapshot())))
    assert not damaged
    fresh = ledger(**more)
    fresh.replay(records)
    assert fresh.unusable == 0
    return fresh


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    books = ledger(throttle_seconds=30.0, confirm=True, confirm_seconds=60.0)
    take(books, 1000, start="2026-11-27T03:00:00Z")
    goes(books, 1000)
    second = take(books, 500, start="2026-11-27T03:00:05Z")
    assert goes(books, 500) == [second]
    assert [record["is"] for record in books.look_at_the_time(510)] == ["late"]


def test_a_snapshot_is_of_the_moment_that_it_was_taken() -> None:
    books = ledger()
    take(books, number=1)
    taken = books.snapshot()
    take(books, number=2)
    assert len(list(taken)) == 2


def test_a_journal_of_another_version_is_refused() -> None:
    with pytest.raises(NotOursError):
        ledger().replay([{"is": "journal", "version": 2}])


@pytest.mark.parametrize(
    "record",
    [
        {"is": "alert", "at": 0, "alert": {}},
        {"is": "handled", "at": "x", "ids": []},
        {"is": "strange", "at": 0, "ids": []},
        {"is": "entry", "alert": alert(), "state": "odd"},
        {"is": "handled", "at": 0},
    ],
)
def test_a_record_that_means_nothing_is_counted(record: dict[str, Any]) -> None:
    books = ledger()
    books.replay([record])
    assert (books.unusable, books.entries) == (1, {})


def test_grouping_is_by_labels_or_by_the_alert() -> None:
    one = alert_of(alert())
    assert group_of(one, ()) == one.fingerprint
    assert group_of(one, ("namespace", "missing")) == '["euystacio-ai", ""]'
    assert Entry(one, "g", 0, 0).open


WHAT_HAPPENS = st.lists(
    st.tuples(
        st.sampled_from(["comes", "comes", "goes", "goes", "handled", "time", "restart", "restart from lines", "fails"]),
        st.integers(1, 4),
        st.sampled_from(["firing", "resolved"]),
        st.floats(0, 40),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(WHAT_HAPPENS, st.booleans(), st.sampled_from([(), ("namespace",)]))
def test_nothing_is_lost_and_nothing_that_is_closed_goes_again(
    story: list[tuple[str, int, str, float]], confirm: bool, group: tuple[str, ...]
) -> None:
    words = {"confirm": confirm, "confirm_seconds": 30.0, "confirm_attempts": 10_000, "throttle_seconds": 5.0, "group_by": group}
    books, now = ledger(**words), 0.0
    taken: set[str] = set()
    closed: set[str] = set()
    gone: set[str] = set()
    lines = [encode(record) for record in books.snapshot()]
    for what, number, status, seconds in story:
        now += seconds / 10
        if what in ("comes", "fails"):
            one = alert_of(alert(number, status))
            record = books.take(one, now)
            if record and record["is"] == "alert":
                if what == "fails":
                    books.not_written([one.id])
                else:
                    books.written([one.id])
                    taken.add(one.id)
                    lines.append(encode(record))
        elif what == "goes":
            ids = [entry.id for entry in books.next_event(now)]
            assert not closed & set(ids)
            assert len({name.split("#")[1] for name in ids}) <= 1
            if ids:
                gone |= set(ids)
                lines.append(encode(books.hand_on(ids, now)))
        elif what == "handled":
            record, _unknown = books.handle(sorted(gone)[:number], now)
            if record:
                closed |= set(record["ids"])
                lines.append(encode(record))
        elif what == "time":
            now += seconds
            for record in books.look_at_the_time(now):
                if record["is"] == "handled":
                    closed |= set(record["ids"])
                lines.append(encode(record))
        else:
            fresh = ledger(**words)
            fresh.replay(decode_all(b"".join(lines))[0] if what == "restart from lines" else list(books.snapshot()))
            assert fresh.unusable == 0
            books = fresh
    # In the end everything that is not closed goes, and only that.
    left = set()
    for _time in range(60):
        now += 31
        ids = [entry.id for entry in books.next_event(now)]
        if ids:
            books.hand_on(ids, now)
            books.handle(ids, now)
            assert not left & set(ids)
            left |= set(ids)
        for record in books.look_at_the_time(now):
            if record["is"] == "handled":
                closed |= set(record["ids"])
    assert left | closed == taken
    assert books.count("waiting") == books.count("handed") == 0


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none(), max_size=3), max_size=6), st.data())
def test_lines_read_back_and_a_change_of_any_byte_is_seen(documents: list[dict[str, Any]], data: st.DataObject) -> None:
    records = [{**document, "is": "x"} for document in documents]
    whole = b"".join(map(encode, records))
    assert decode_all(whole) == (records, 0)
    if whole:
        cut = data.draw(st.integers(0, len(whole) - 1))
        kept, damaged = decode_all(whole[:cut])
        assert kept == records[: len(kept)]
        assert damaged <= 1
        place = data.draw(st.integers(0, len(whole) - 1))
        broken = bytearray(whole)
        broken[place] ^= data.draw(st.integers(1, 255))
        kept, damaged = decode_all(bytes(broken))
        assert damaged >= 1
        assert all(record in records for record in kept)
