# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which channels a message goes to, and when: routes, quiet hours, maintenance and rotations, in the time zones of people.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .._core.errors import SalvageError, shown
from .._core.hours import hours_end, moment_of, zone_of
from .._core.times import parse_duration
from .message import Message
from .options import Contact, Maintenance, NotificationOptions, NotifyRoute, QuietHours, Rotation


@dataclass(frozen=True)
class Escalation:
    """To these channels, if nobody has acknowledged after so many seconds."""

    after: float
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Routing:
    channels: tuple[str, ...]
    steps: tuple[Escalation, ...]


def check_times(given: NotificationOptions, now: float) -> None:
    """Every time of the settings, so that a wrong one is found by the first run and not by the first bad night.

    Raises SalvageError(bad_input).
    """
    for route in given.routes:
        hours_end(now, route.days, route.start, route.end, route.timezone, "routes")
        for step in route.escalate:
            parse_duration(step.after, "escalate.after")
    for hours in given.quiet_hours:
        hours_end(now, hours.days, hours.start, hours.end, hours.timezone, "quiet_hours")
    for window in given.maintenance:
        if moment_of(window.start, window.timezone, "maintenance") >= moment_of(window.end, window.timezone, "maintenance"):
            raise SalvageError(f"maintenance: it ends at {shown(window.end)}, before it starts; exchange them", reason="bad_input")
    for rotation in given.rotations:
        on_duty(rotation, now)


def route_message(message: Message, routes: Sequence[NotifyRoute], now: float) -> Routing:
    """The channels of every route that takes the message, each once; one with `stop` is the last.  Raises SalvageError(bad_input)."""
    channels: dict[str, None] = {}
    steps: list[Escalation] = []
    for route in routes:
        if not (
            message.severity in route.severities
            and message.audience in route.audiences
            and message.action in route.actions
            and (not route.kinds or message.kind in route.kinds)
            and hours_end(now, route.days, route.start, route.end, route.timezone, "routes") is not None
        ):
            continue
        channels.update(dict.fromkeys(route.channels))
        steps += [Escalation(parse_duration(one.after, "escalate.after"), tuple(one.channels)) for one in route.escalate]
        if route.stop:
            break
    return Routing(tuple(channels), tuple(sorted(steps, key=lambda step: step.after)))


def quiet_until(message: Message, channel: str, hours: Sequence[QuietHours], now: float) -> float | None:
    """When the quiet hours end that hold the message back from the channel; None if none do.  Raises SalvageError(bad_input)."""
    ends = [
        hours_end(now, one.days, one.start, one.end, one.timezone, "quiet_hours")
        for one in hours
        if message.severity in one.severities
        and (not one.kinds or message.kind in one.kinds)
        and (not one.channels or channel in one.channels)
    ]
    return max((end for end in ends if end is not None), default=None)


def under_maintenance(message: Message, windows: Sequence[Maintenance], now: float) -> str | None:
    """The reason of the maintenance that the message is expected in; None without one.  Raises SalvageError(bad_input)."""
    for one in windows:
        start, end = (moment_of(text, one.timezone, "maintenance") for text in (one.start, one.end))
        if (
            start <= now < end
            and message.severity in one.severities
            and (not one.kinds or message.kind in one.kinds)
            and (not one.clusters or message.facts.get("cluster") in one.clusters)
        ):
            return one.reason
    return None


def on_duty(rotation: Rotation, now: float) -> str:
    """The contact of a rotation now; each has so many days, which begin at the same hour of the day.  Raises SalvageError(bad_input)."""
    if not rotation.contacts or rotation.days < 1:
        raise SalvageError(f"the rotation {rotation.name} has no contacts, or days below 1; set both", reason="bad_input")
    zone = zone_of(rotation.timezone, "rotations")
    start = datetime.fromtimestamp(moment_of(rotation.start, rotation.timezone, "rotations"), zone)
    local = datetime.fromtimestamp(now, zone)
    days = (local.date() - start.date()).days - (local.time() < start.time())
    return rotation.contacts[days // rotation.days % len(rotation.contacts)]


def addressees(names: Sequence[str], contacts: Sequence[Contact], rotations: Sequence[Rotation], now: float, what: str) -> list[str]:
    """The ``what`` (mail, slack) of contacts and of rotations by their names; what is neither stays.  Raises SalvageError(bad_input)."""
    turns = {one.name: one for one in rotations}
    people = {one.name: one for one in contacts}
    found: dict[str, None] = {}
    for name in names:
        person = on_duty(turns[name], now) if name in turns else name
        if person not in people:
            if name in turns:
                raise SalvageError(f"the rotation {name} has {person}, who is not one of the contacts; add it", reason="bad_input")
            found[person] = None
            continue
        address = getattr(people[person], what)
        if not address:
            raise SalvageError(f"the contact {person} has no {what}; set it", reason="bad_input")
        found[address] = None
    return list(found)
