# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module notification: its options, and what it does with the messages of this run and of those before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import state_folder
from .._core.gather import gather
from .._core.options import argument_spec, from_params
from .._core.times import parse_duration
from .._redaction.redactor import Redactor
from .build import Channels, secrets_of
from .channel import SkippedError
from .deliver import Courier
from .message import Message, for_public, message_from
from .options import Flood, NotificationOptions
from .outbox import Outbox, is_claimed, new_claim, new_id
from .plan import ARRIVED, DROPPED, EXPIRED, HELD, Delivery, Posting, Shipment, due_now, due_steps, followed, is_repeat, jobs_of, set_right
from .receivers import acknowledged, on_call_of, open_incident, tested
from .schedule import Routing, check_times, quiet_until, route_message, under_maintenance

MODULE: dict[str, Any] = {"argument_spec": argument_spec(NotificationOptions), "supports_check_mode": True}
_DAY = 86400


def run(params: Mapping[str, Any], *, check_mode: bool, clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """The module's result.  A channel that fails is in it, and does not fail the module.  Raises SalvageError."""
    given = from_params(NotificationOptions, params)
    if given.deadline <= 0 or (given.flood and (given.flood.limit < 1 or given.flood.seconds < 1)):
        raise SalvageError("deadline, flood.limit or flood.seconds is 0 or less; write a number above 0", reason="bad_input")
    redactor = Redactor([*secrets_of(given.channels), *given.secrets])
    now = clock()
    check_times(given, now)
    channels = Channels(given.channels, given.contacts, given.rotations, now)
    if given.state == "tested":
        return {**tested(channels, given, now, check_mode=check_mode), **_on_call(channels, given)}
    messages = [message_from(asdict(one), redactor) for one in given.messages]
    messages = [_for_readers(one, given) for one in messages]
    done = Run(given, channels, redactor, clock, check_mode=check_mode)
    return {**done.send(messages), **_on_call(channels, given)}


def _for_readers(message: Message, given: NotificationOptions) -> Message:
    return for_public(message, given.public_facts, given.internal_names) if message.audience == "public" else message


def _on_call(channels: Channels, given: NotificationOptions) -> dict[str, Any]:
    return {"on_call": on_call_of(channels)} if given.on_call else {}


class Run:
    """One run: it records its messages, sends what is due, and leaves the rest in the outbox."""

    def __init__(
        self, given: NotificationOptions, channels: Channels, redactor: Redactor, clock: Callable[[], float], *, check_mode: bool
    ) -> None:
        self.given, self.channels, self.redactor, self.clock, self.check_mode = given, channels, redactor, clock, check_mode
        self.flood = given.flood or Flood()
        self.max_age = parse_duration(given.max_age, "max_age")
        self.outbox = Outbox(Path(given.outbox) if given.outbox else state_folder() / "notify" / "outbox")
        self.problems: list[str] = []
        self.record: list[Posting] = []
        self.rows: list[tuple[Message, str, Posting | None]] = []
        self.mine: dict[str, Posting] = {}
        self.unanswered: set[str] = set()

    def send(self, messages: list[Message]) -> dict[str, Any]:
        rooms, problems = open_incident(self.channels, self.given.incident, check_mode=self.check_mode)
        self.problems += problems
        extra = tuple(f"{name}#{room['id']}" for name, room in rooms.items() if room["id"] and room["state"] == "present")
        self._ask_who_acknowledged()
        if self.check_mode:
            self.record = self.outbox.read()
            jobs = self._accept(messages, extra)
            return self._result(rooms, {}, payloads=self._payloads(jobs))
        self.outbox.make()
        with self.outbox.held():
            self.record = self.outbox.read()
            jobs = self._accept(messages, extra)
            for posting in self.mine.values():
                posting.claim = new_claim(os.getpid(), self.clock() + 2 * self.given.deadline + 60)
                self.outbox.write(posting)
            self._forget_old()
        before = {posting.id: _arrived(posting) for posting in self.mine.values()}
        courier = Courier(self.channels, self._save, self.given.deadline, clock=self.clock)
        self.problems += courier.deliver(jobs)
        for posting in self.mine.values():
            if posting.claim:
                posting.claim = {}
                self.outbox.write(posting)
        rooms_done, problems = open_incident(self.channels, self.given.incident, check_mode=False, archive=True)
        self.problems += problems
        return self._result({**rooms, **rooms_done}, before)

    def _save(self, posting: Posting) -> None:
        if not posting.open:
            posting.claim = {}
        self.outbox.write(posting)

    def _accept(self, messages: list[Message], extra: tuple[str, ...]) -> dict[str, list[Shipment]]:
        now = self.clock()
        for message in messages:
            muted = under_maintenance(message, self.given.maintenance, now)
            history = [one for one in self.record if (one.message.dedup_key, one.message.audience) == (message.dedup_key, message.audience)]
            if is_repeat(message, [one for one in history if muted or not one.is_lost], self.given.changes_only):
                self.rows.append((message, "repeated", None))
                continue
            routing = route_message(message, self.given.routes, now)
            names = tuple(dict.fromkeys((*routing.channels, *followed(message, history), *(extra if message.audience != "public" else ()))))
            if not names:
                self.problems.append(
                    f"no route takes the message {message.title!r} ({message.severity}, {message.kind}, {message.audience})"
                )
                self.rows.append((message, "unrouted", None))
                continue
            newest = self.record[-1].created if self.record else 0.0
            posting = self._posting(message, Routing(names, routing.steps), muted, max(now, newest + 0.001), now)
            self.record.append(posting)
            self.mine[posting.id] = posting
            self.rows.append((message, "", posting))
        return self._due(now)

    def _posting(self, message: Message, routing: Routing, muted: str | None, created: float, now: float) -> Posting:
        deliveries = []
        for name in routing.channels:
            quiet = quiet_until(message, name.partition("#")[0], self.given.quiet_hours, now)
            if muted is not None:
                deliveries.append(Delivery(name, status=DROPPED, at=now, says=f"not sent because of {muted}"))
            elif quiet is not None:
                deliveries.append(Delivery(name, status=HELD, not_before=quiet, says="held back by quiet hours"))
            else:
                deliveries.append(Delivery(name))
        return Posting(new_id(created), created, message, deliveries, routing.steps, noted=now)

    def _due(self, now: float) -> dict[str, list[Shipment]]:
        """The jobs of each channel, of the messages of this run and of those that are left from before."""
        busy = {posting.id for posting in self.record if is_claimed(posting, now)}
        for posting in self.record:
            if posting.id not in busy:
                if set_right(posting, now):
                    self.mine[posting.id] = posting
                self._escalate(posting, now)
                self._give_up(posting, now)
        jobs = {}
        for name, pairs in due_now(self.record, busy, now).items():
            self.mine.update({posting.id: posting for posting, _delivery in pairs})
            channel = self.channels.find(name)
            keyed = not isinstance(channel, SalvageError) and channel.keyed
            jobs[name], waiting, until = jobs_of(name, keyed, pairs, self.record, self.flood, now)
            for one in waiting:
                one.status, one.not_before, one.says = HELD, until, "held back because too many messages went to this channel"
        return jobs

    def _give_up(self, posting: Posting, now: float) -> None:
        if posting.noted + self.max_age < now:
            for one in posting.open:
                one.status = EXPIRED
                self.mine[posting.id] = posting
                self.problems.append(f"{one.channel}: {posting.message.title!r} was given up after {self.given.max_age}: {one.says}")

    def _ask_who_acknowledged(self) -> None:
        """Of what is to be escalated; before the outbox is held, because vendors take their time."""
        now = self.clock()
        record = self.outbox.read()
        asked = {one.id: partial(acknowledged, self.channels, one) for one in record if due_steps(one, record, now)}
        self.unanswered = {name for name, answer in gather(asked).items() if answer is not True}

    def _escalate(self, posting: Posting, now: float) -> None:
        steps = due_steps(posting, self.record, now) if posting.id in self.unanswered else []
        for number, step in steps:
            posting.deliveries += [Delivery(name, step=number) for name in step.channels]
            self.mine[posting.id] = posting

    def _forget_old(self) -> None:
        limit = self.clock() - self.given.keep_days * _DAY
        for posting in self.record:
            if posting.noted < limit and not posting.open and posting.id not in self.mine:
                self.outbox.forget(posting)

    def _payloads(self, jobs: Mapping[str, list[Shipment]]) -> list[dict[str, Any]]:
        found = []
        for name, todo in jobs.items():
            channel = self.channels.find(name)
            if isinstance(channel, SalvageError):
                self.problems.append(f"{name}: {channel}")
                continue
            for job in todo:
                try:
                    payload = self.redactor.value(channel.render(job.message))
                except SkippedError:
                    continue
                found.append({"channel": name, "dedup_key": job.message.dedup_key, "messages": len(job.parts), "payload": payload})
        return found

    def _result(self, rooms: Mapping[str, Any], before: Mapping[str, int], payloads: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        ours = {posting.id for _message, _word, posting in self.rows if posting}
        rows = [_row(message, word, posting) for message, word, posting in self.rows]
        rows += [_row(one.message, "", one) for one in self.mine.values() if one.id not in ours]
        sent = sum(_arrived(one) - before.get(one.id, 0) for one in self.mine.values())
        return {
            "changed": sent > 0 if payloads is None else bool(payloads),
            "messages": rows,
            "sent": sent,
            "pending": sum(len(one.open) for one in self.record),
            "problems": [self.redactor.text(one) for one in [*self.problems, *self.outbox.problems]],
            "incident_channels": dict(rooms),
            "outbox": str(self.outbox.folder),
            **({"payloads": payloads} if payloads is not None else {}),
        }


def _arrived(posting: Posting) -> int:
    return sum(one.status in ARRIVED for one in posting.deliveries)


def _row(message: Message, word: str, posting: Posting | None) -> dict[str, Any]:
    deliveries = posting.deliveries if posting else []
    if not word:
        states = [one.status for one in deliveries]
        word = "sent" if any(one in ARRIVED for one in states) else states[0] if len(set(states)) == 1 else "pending"
    return {
        "id": posting.id if posting else "",
        "title": message.title,
        "severity": message.severity,
        "action": message.action,
        "dedup_key": message.dedup_key,
        "status": word,
        "channels": [
            {
                "channel": one.channel,
                "step": one.step,
                "status": one.status,
                "via": one.via,
                "tries": one.tries,
                "reason": one.reason,
                "says": one.says,
                "id": one.id,
            }
            for one in deliveries
        ],
    }
