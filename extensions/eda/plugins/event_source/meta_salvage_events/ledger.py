# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was received and how far each alert is. Pure: records in, records out; no clock, no disk, no network.

An alert is taken once: by its fingerprint, its start and its status. It waits, is handed on, and is handled. What was handed on and
not handled when the source ended is handed on again, for nobody knows how far it got; module ``response_guard`` decides in the cluster
whether there is still something to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from .entry import GIVEN_UP, HANDED, HANDLED, WAITING, Entry, group_of
from .options import Options
from .payload import STATUSES, Alert, alert_of, fingerprint_of
from .records import VERSION

TOUCH = 3600.0  # a repeated alert is noted in the journal once in this time


class FullError(Exception):
    """More open alerts than there may be; the sender has to come again."""


class NotOursError(Exception):
    """The journal was written by a later version."""


class Ledger:
    def __init__(self, options: Options) -> None:
        self._options = options
        self.entries: dict[str, Entry] = {}
        self._queues: tuple[dict[str, None], dict[str, None]] = ({}, {})  # what waits: urgent, and all other
        self._flights: dict[str, set[str]] = {}  # events that were handed on, each with what is open of it
        self._flight_of: dict[str, str] = {}
        self._last: dict[str, float] = {}  # group: when a firing alert of it was handed on
        self._unwritten: set[str] = set()
        self.unusable = 0  # records that are whole and mean nothing

    # What comes in

    def take(self, alert: Alert, now: float, receiver: str = "", url: str = "") -> dict[str, Any] | None:
        """The record to write; None if it is known. A new alert is not handed on before `written`."""
        known = self.entries.get(alert.id)
        if known:
            self.entries[alert.id] = replace(known, seen=now)
            return {"is": "seen", "at": now, "ids": [alert.id]} if now - known.seen > TOUCH else None
        if len(self.entries) >= self._options.max_episodes:
            self._make_room()
        self._put(Entry(alert, group_of(alert, self._options.group_by), now, now, WAITING, now, receiver=receiver, external_url=url))
        self._unwritten.add(alert.id)
        return {"is": "alert", "at": now, "alert": alert.as_dict(), "receiver": receiver, "url": url}

    def told_apart(self, alert: Alert) -> Alert:
        """The alert under the fingerprint of its labels, where the one that it came with is that of an alert with other labels."""
        same = (self.entries.get(f"{alert.episode}#{status}") for status in STATUSES)
        if all(entry is None or entry.alert.labels == alert.labels for entry in same):
            return alert
        return replace(alert, fingerprint=str(fingerprint_of(dict(alert.labels))))

    def knows(self, alert: Alert) -> bool:
        return alert.id in self.entries

    def written(self, ids: Iterable[str]) -> None:
        self._unwritten.difference_update(ids)

    def not_written(self, ids: Iterable[str]) -> None:
        """As if they had not come: the sender gets an error, and comes again."""
        for name in ids:
            self._unwritten.discard(name)
            self._forget(name)

    # What goes out

    def next_event(self, now: float) -> tuple[Entry, ...]:
        """What is handed on next: one alert, or all of its group and status that wait. Empty if nothing may go now."""
        if self._options.confirm and len(self._flights) >= self._options.in_flight:
            return ()
        for queue in self._queues:
            for name in queue:
                first = self.entries[name]
                if self._may_go(first, now):
                    return (first, *self._company(first, now))
        return ()

    def hand_on(self, ids: Sequence[str], now: float) -> dict[str, Any]:
        self._handed(ids, now)
        return {"is": "handed", "at": now, "ids": list(ids)}

    def handle(self, ids: Iterable[str], now: float) -> tuple[dict[str, Any] | None, int]:
        """The record, and how many of the ids nobody knows. None if all of them are closed already."""
        given = list(dict.fromkeys(ids))
        known = [name for name in given if name in self.entries]
        news = [name for name in known if self.entries[name].open and name not in self._unwritten]
        self._close(news, HANDLED, now)
        return {"is": "handled", "at": now, "ids": news} if news else None, len(given) - len(known)

    def look_at_the_time(self, now: float) -> list[dict[str, Any]]:
        """What the time changes: nobody confirmed an event, or, where nobody has to, it is long enough ago."""
        late = [name for name in self._flight_of if not _lately(self.entries[name].at, now, self._options.confirm_seconds)]
        if not late:
            return []
        if not self._options.confirm:
            self._close(late, HANDLED, now)
            return [{"is": "handled", "at": now, "ids": late}]
        again = [name for name in late if self.entries[name].late + 1 < self._options.confirm_attempts]
        over = [name for name in late if name not in set(again)]
        self._late(again, now)
        self._close(over, GIVEN_UP, now)
        return [{"is": what, "at": now, "ids": ids} for what, ids in (("late", again), ("given_up", over)) if ids]

    def forget_the_old(self, now: float) -> int:
        """Closed alerts that nobody has posted for long. The journal loses them when it is compacted."""
        limit = now - self._options.keep_seconds
        old = [name for name, entry in self.entries.items() if not entry.open and max(entry.seen, entry.at) < limit]
        for name in old:
            self._forget(name)
        self._last = {group: at for group, at in self._last.items() if _lately(at, now, self._options.throttle_seconds)}
        return len(old)

    # Figures

    def count(self, state: str) -> int:
        waiting = sum(map(len, self._queues))
        known = {WAITING: waiting, HANDED: len(self._flight_of)}
        return known[state] if state in known else sum(entry.state == state for entry in self.entries.values())

    def oldest_waiting(self) -> float | None:
        """When the first of those that wait was received."""
        return min((self.entries[name].received for queue in self._queues for name in queue), default=None)

    # The journal

    def snapshot(self) -> Iterator[dict[str, Any]]:
        """Everything that is written, as records that `replay` makes the same ledger of: as it is now, whenever they are read."""
        groups, entries = tuple(self._last.items()), [entry for name, entry in self.entries.items() if name not in self._unwritten]
        records: tuple[Iterable[dict[str, Any]], ...] = (
            [{"is": "journal", "version": VERSION}],
            ({"is": "group", "key": group, "at": at} for group, at in groups),
            (entry.as_record() for entry in entries),
        )
        return chain.from_iterable(records)

    def replay(self, records: Iterable[dict[str, Any]]) -> None:
        """Raises NotOursError. What was handed on and is open waits again, in its old place."""
        for record in records:
            try:
                self._apply(record)
            except (KeyError, TypeError, ValueError):  # noqa: PERF203 - one record is not all of them
                self.unusable += 1
        self._flights.clear()
        self._flight_of.clear()
        for queue in self._queues:
            queue.clear()
        for name, entry in self.entries.items():
            if entry.open:
                self.entries[name] = replace(entry, state=WAITING)
                self._queues[not entry.urgent][name] = None

    def _apply(self, record: dict[str, Any]) -> None:
        kind = record["is"]
        if kind == "journal":
            if record["version"] != VERSION:
                raise NotOursError
        elif kind == "group":
            self._last[str(record["key"])] = float(record["at"])
        elif kind == "entry":
            entry = Entry.of(record)
            # Under the grouping of today, whatever it was when this was written.
            self._put(replace(entry, group=group_of(entry.alert, self._options.group_by)))
        elif kind == "alert":
            alert = alert_of(record["alert"])
            if alert.id not in self.entries:
                self.take(alert, float(record["at"]), str(record["receiver"]), str(record["url"]))
                self.written([alert.id])
        else:
            at, ids = float(record["at"]), [name for name in record["ids"] if name in self.entries]
            if kind == "seen":
                self.entries.update({name: replace(self.entries[name], seen=at) for name in ids})
            elif kind == "handed":
                self._handed(ids, at)
            elif kind == "late":
                self._late(ids, at)
            elif kind in (HANDLED, GIVEN_UP):
                self._close(ids, kind, at)
            else:
                raise ValueError(kind)

    # Inside

    def _put(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        if entry.state == WAITING:
            self._queues[not entry.urgent][entry.id] = None

    def _may_go(self, entry: Entry, now: float) -> bool:
        if entry.id in self._unwritten:
            return False
        if entry.alert.status == "firing":
            # What was handed on before and is not handled is nothing new: it does not wait for itself.
            return bool(entry.attempts) or not _lately(self._last.get(entry.group, float("-inf")), now, self._options.throttle_seconds)
        start = self.entries.get(f"{entry.alert.episode}#firing")
        # What closes an episode goes after what opened it; where that is confirmed, after it was handled.
        return start is None or not start.open or (start.state == HANDED and not self._options.confirm)

    def _company(self, first: Entry, now: float) -> Iterator[Entry]:
        left = self._options.group_max - 1 if self._options.group_by else 0
        for queue in self._queues:
            for name in queue:
                other = self.entries[name]
                alike = other.group == first.group and other.alert.status == first.alert.status
                if left and alike and name != first.id and self._may_go(other, now):
                    left -= 1
                    yield other

    def _handed(self, ids: Sequence[str], now: float) -> None:
        flight = set()
        for entry in [self.entries[name] for name in ids if name in self.entries]:
            if entry.alert.status == "firing":
                self._last[entry.group] = now
            if entry.state == WAITING:  # otherwise it was handled already
                self._leave(entry.id)
                self.entries[entry.id] = replace(entry, state=HANDED, at=now, attempts=entry.attempts + 1)
                self._flight_of[entry.id] = ids[0]
                flight.add(entry.id)
        if flight:
            self._flights[ids[0]] = flight

    def _late(self, ids: Iterable[str], now: float) -> None:
        for name in ids:
            self._leave(name)
            entry = self.entries[name]
            self._put(replace(entry, state=WAITING, at=now, late=entry.late + 1))

    def _close(self, ids: Iterable[str], state: str, now: float) -> None:
        for name in ids:
            self._leave(name)
            self.entries[name] = replace(self.entries[name], state=state, at=now)

    def _leave(self, name: str) -> None:
        """It is nowhere now: neither waits nor flies."""
        for queue in self._queues:
            queue.pop(name, None)
        flight = self._flight_of.pop(name, None)
        if flight is not None and flight in self._flights:
            self._flights[flight].discard(name)
            if not self._flights[flight]:
                del self._flights[flight]

    def _forget(self, name: str) -> None:
        self._leave(name)
        self.entries.pop(name, None)

    def _make_room(self) -> None:
        """Raises FullError. A tenth of what is closed and was not posted for the longest time goes."""
        closed = sorted((entry.seen, name) for name, entry in self.entries.items() if not entry.open)
        if not closed:
            raise FullError
        for _seen, name in closed[: max(1, len(closed) // 10)]:
            self._forget(name)


def _lately(then: float, now: float, seconds: float) -> bool:
    """Also false where ``then`` is yet to come: the clock was set back, and nothing waits until it gets there again."""
    return 0 <= now - then < seconds
