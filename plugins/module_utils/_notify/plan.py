# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the record of messages says, and what follows from it: repeats, floods, escalations, the next try.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.times import iso, span
from .message import SEVERITIES, Message, content_hash
from .options import Flood
from .schedule import Escalation
from .text import cut

PENDING, HELD, SENT, GROUPED = "pending", "held", "sent", "grouped"
REPLACED, SKIPPED, DROPPED, EXPIRED = "fallback", "skipped", "dropped", "expired"
STATES = frozenset({PENDING, HELD, SENT, GROUPED, REPLACED, SKIPPED, DROPPED, EXPIRED})
OPEN_STATES = frozenset({PENDING, HELD})
ARRIVED = frozenset({SENT, GROUPED, REPLACED})
TRIES = 6
_LINES = 20
_SLACK = 60.0  # seconds that two machines may differ by


@dataclass
class Delivery:
    """One message on its way to one channel; ``step`` above 0 is an escalation."""

    channel: str
    step: int = 0
    status: str = PENDING
    not_before: float = 0.0
    at: float = 0.0
    tries: int = 0
    reason: str = ""
    says: str = ""
    id: str = ""
    via: str = ""  # the channel or the group that carried it


@dataclass
class Posting:
    """A message in the outbox.  ``claim`` is the process that sends it.

    ``created`` only grows, and orders the messages; ``noted`` is what the clock said, and may be wrong.
    """

    id: str
    created: float
    message: Message
    deliveries: list[Delivery] = field(default_factory=list)
    steps: tuple[Escalation, ...] = ()
    claim: dict[str, Any] = field(default_factory=dict)
    noted: float = 0.0

    def __post_init__(self) -> None:
        self.noted = self.noted or self.created

    @property
    def hash(self) -> str:
        return content_hash(self.message)

    @property
    def open(self) -> list[Delivery]:
        return [one for one in self.deliveries if one.status in OPEN_STATES]

    @property
    def is_lost(self) -> bool:
        """Whether nobody got it or will."""
        return all(one.status in {DROPPED, EXPIRED} for one in self.deliveries)


@dataclass(frozen=True)
class Shipment:
    """One thing to send now: a delivery of a posting, or the group that stands for several."""

    message: Message
    parts: tuple[tuple[Posting, Delivery], ...]


def open_trigger(history: Iterable[Posting]) -> Posting | None:
    """What opened a trouble that has not ended.  ``history`` has the messages of one dedup key and audience, the oldest first."""
    opened: Posting | None = None
    for one in history:
        if one.message.action in {"trigger", "resolve"}:
            opened = one if one.message.action == "trigger" else None
    return opened


def followed(message: Message, history: Sequence[Posting]) -> list[str]:
    """The channels that know of the trouble: they get its end too, whatever the severity and the routes say then."""
    opened = open_trigger(history)
    if opened is None or message.action not in {"acknowledge", "resolve"}:
        return []
    known = [one for posting in history if posting.created >= opened.created or posting is opened for one in posting.deliveries]
    return list(dict.fromkeys(one.channel for one in known if one.status not in {DROPPED, SKIPPED, EXPIRED}))


def is_repeat(message: Message, history: Sequence[Posting], changes_only: Iterable[str]) -> bool:
    """Whether the record has it already.  ``history`` as of ``open_trigger``.

    A trigger is one while the trouble is open with the same severity.  What ends a trouble that is not open is news once, but not of the
    kinds of which only changes matter.
    """
    opened = open_trigger(history)
    if message.action == "trigger":
        return opened is not None and opened.message.severity == message.severity
    if opened is not None and message.action == "resolve":
        return False
    if opened is not None and message.action == "acknowledge":
        return any(one.message.action == "acknowledge" and one.created >= opened.created for one in history)
    if message.action == "resolve" and message.kind in set(changes_only):
        return True
    return any(one.hash == content_hash(message) for one in history)


def is_settled(posting: Posting, record: Iterable[Posting]) -> bool:
    """Whether somebody has acknowledged or ended what it is about, later."""
    return any(
        one.message.dedup_key == posting.message.dedup_key
        and one.message.action in {"acknowledge", "resolve"}
        and one.created >= posting.created
        for one in record
    )


def due_steps(posting: Posting, record: Sequence[Posting], now: float) -> list[tuple[int, Escalation]]:
    """The escalations that are due and were not made yet, with their numbers from 1."""
    if posting.message.action != "trigger" or all(one.status in {DROPPED, HELD} for one in posting.deliveries):
        return []
    made = {one.step for one in posting.deliveries}
    due = [(number, step) for number, step in enumerate(posting.steps, 1) if number not in made and posting.noted + step.after <= now]
    return due if due and not is_settled(posting, record) else []


def escalated(message: Message, age: float) -> Message:
    """The message as its escalation says it."""
    return Message(**{**message.to_dict(), "title": f"Not acknowledged for {span(age)}: {message.title}"})


def set_right(posting: Posting, now: float) -> bool:
    """Takes back the times that a clock noted which was ahead: what is due by it would wait for them.  Whether there was one."""
    wrong = posting.noted > now + _SLACK
    posting.noted = now if wrong else posting.noted
    for one in posting.deliveries:
        if wrong or one.at > now + _SLACK:
            wrong = True
            one.at, one.not_before = min(one.at, now), min(one.not_before, now)
    return wrong


def due_now(record: Sequence[Posting], busy: Collection[str], now: float) -> dict[str, list[tuple[Posting, Delivery]]]:
    """What each channel is to get, in order.  ``busy`` are the postings that another run sends.

    Of one trouble nothing overtakes what came before it: the end of an alert that arrives before its start leaves it open.
    """
    due: dict[str, list[tuple[Posting, Delivery]]] = {}
    blocked: set[tuple[str, str, str]] = set()
    for posting in record:
        for one in posting.open:
            trouble = (one.channel, posting.message.dedup_key, posting.message.audience)
            if posting.id in busy or one.not_before > now or trouble in blocked:
                blocked.add(trouble)
            else:
                due.setdefault(one.channel, []).append((posting, one))
    return due


def jobs_of(
    channel: str, keyed: bool, due: Sequence[tuple[Posting, Delivery]], record: Iterable[Posting], flood: Flood, now: float
) -> tuple[list[Shipment], list[Delivery], float]:
    """What goes to a channel now, what waits, and until when.

    Of each severity and audience a channel gets at most ``flood.limit`` messages in ``flood.seconds``; the last of them stands for all
    the others, with their number.  What ends an alert where alerts have keys goes in any case, unless it waits for what opens it.
    """
    jobs: list[tuple[int, Shipment]] = []
    waiting: list[Delivery] = []
    late: set[str] = set()
    until = now
    groups: dict[tuple[str, str], list[int]] = {}
    pairs = _in_order(due)
    for at, (posting, _delivery) in enumerate(pairs):
        if not keyed or posting.message.action == "trigger":
            groups.setdefault((posting.message.severity, posting.message.audience), []).append(at)
    for (severity, audience), places in groups.items():
        times = _times_sent(channel, severity, audience, record, now - flood.seconds)
        room = flood.limit - len(times)
        if room <= 0:
            waiting += [pairs[at][1] for at in places]
            late |= {pairs[at][0].message.dedup_key for at in places}
            until = max(until, min(times) + flood.seconds)
            continue
        alone = places if len(places) <= room else places[: room - 1]
        jobs += [(at, Shipment(_worded(*pairs[at], now), (pairs[at],))) for at in alone]
        if rest := places[len(alone) :]:
            jobs.append((rest[0], Shipment(_group(channel, [pairs[at][0] for at in rest]), tuple(pairs[at] for at in rest))))
    grouped = {at for places in groups.values() for at in places}
    for at, (posting, delivery) in enumerate(pairs):
        if at in grouped:
            continue
        if posting.message.dedup_key in late:
            waiting.append(delivery)
        else:
            jobs.append((at, Shipment(posting.message, ((posting, delivery),))))
    return [job for _at, job in sorted(jobs, key=lambda one: one[0])], waiting, until


def _in_order(due: Sequence[tuple[Posting, Delivery]]) -> list[tuple[Posting, Delivery]]:
    """The trouble with the worst severity first, and what is of one trouble as it came."""
    worst: dict[str, int] = {}
    for posting, _delivery in due:
        key, rank = posting.message.dedup_key, SEVERITIES.index(posting.message.severity)
        worst[key] = min(rank, worst.get(key, rank))
    return sorted(due, key=lambda pair: (worst[pair[0].message.dedup_key], pair[0].created, pair[0].id))


def pause_before(attempt: int, asked: float | None, left: float, jitter: float) -> float | None:
    """Seconds before the next try, as the server asks or growing; None if it would be too late, or one too many."""
    seconds = min(0.5 * 2.0**attempt, 8.0) * (0.5 + jitter) if asked is None else asked
    return seconds if attempt + 1 < TRIES and seconds < left else None


def _worded(posting: Posting, delivery: Delivery, now: float) -> Message:
    return escalated(posting.message, now - posting.noted) if delivery.step else posting.message


def _times_sent(channel: str, severity: str, audience: str, record: Iterable[Posting], since: float) -> list[float]:
    """When messages went to the channel; a group is one."""
    times: dict[str, float] = {}
    for posting in record:
        if (posting.message.severity, posting.message.audience) == (severity, audience):
            for one in posting.deliveries:
                if one.channel == channel and one.status in {SENT, GROUPED} and one.at > since:
                    times[one.via if one.status == GROUPED else f"{posting.id} {one.step}"] = one.at
    return list(times.values())


def _group(channel: str, postings: Sequence[Posting]) -> Message:
    first = postings[0].message
    kinds = Counter(f"{one.message.kind}, {one.message.action}" for one in postings)
    titles = [f"{one.message.action}: {cut(one.message.title, 120)}" for one in postings[:_LINES]]
    more = [f"and {len(postings) - _LINES} more"] if len(postings) > _LINES else []
    return Message(
        title=f"{len(postings)} more messages",
        severity=first.severity,
        summary="\n".join([*titles, *more]),
        facts={
            "count": str(len(postings)),
            "since": iso(min(one.created for one in postings)),
            **{k: str(n) for k, n in kinds.most_common(10)},
        },
        dedup_key=f"flood/{channel}/{postings[0].id}",
        audience=first.audience,
        action="trigger" if any(one.message.action == "trigger" for one in postings) else "update",
        kind="flood",
    )
