# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on call, who got a test, whether somebody has acknowledged, and the channel of an incident: what is asked of the vendors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._core.errors import SalvageError
from .._core.gather import gather
from .build import Channels
from .channel import Channel, Sent, SkippedError
from .channels.opsgenie import Opsgenie
from .channels.pagerduty import PagerDuty
from .channels.slack import CHANNEL, Slack, channel_name
from .channels.status_page import Statuspage
from .deliver import Courier
from .message import Message
from .options import PUBLIC_TYPES, ChannelOptions, IncidentChannel, NotificationOptions
from .plan import Posting


def acknowledged(channels: Channels, posting: Posting) -> bool:
    """Whether a vendor says that somebody has taken it; one that can't be asked, or does not know, does not count."""
    for delivery in posting.deliveries:
        channel = channels.find(delivery.channel)
        if isinstance(channel, (PagerDuty, Opsgenie)):
            try:
                if channel.acknowledged(posting.message):
                    return True
            except SalvageError:
                continue
    return False


def on_call_of(channels: Channels) -> dict[str, Any]:
    """By channel: who is on call now, or why that is not known."""
    calls: dict[str, Callable[[], Any]] = {}
    for name in channels.options:
        channel = channels.find(name)
        if isinstance(channel, (PagerDuty, Opsgenie)):
            calls[name] = channel.on_call
    return {
        name: {"people": [], "problem": str(answer)} if isinstance(answer, SalvageError) else {"people": answer, "problem": ""}
        for name, answer in gather(calls).items()
        if answer is not None
    }


def open_incident(
    channels: Channels, wanted: IncidentChannel | None, *, check_mode: bool, archive: bool = False
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The channel of an incident in each Slack, made before the messages go and archived after them; and what went wrong."""
    if wanted is None or archive != (wanted.state == "archived"):
        return {}, []
    calls: dict[str, Callable[[], dict[str, str]]] = {}
    for name in channels.options:
        channel = channels.find(name)
        if isinstance(channel, Slack):
            if check_mode:
                calls[name] = lambda: {"id": "", "name": channel_name(wanted.id)}
            elif archive:
                calls[name] = partial(channel.archive_channel, wanted.id)
            else:
                calls[name] = partial(_open, channel, channels, wanted)
    answers = gather(calls)
    rooms = {name: {**one, "state": wanted.state} for name, one in answers.items() if not isinstance(one, SalvageError)}
    return rooms, [f"{name}: {one}" for name, one in answers.items() if isinstance(one, SalvageError)]


def _open(channel: Slack, channels: Channels, wanted: IncidentChannel) -> dict[str, str]:
    return channel.open_channel(wanted.id, wanted.topic, channels.addresses(wanted.people, "slack"))


def tested(channels: Channels, given: NotificationOptions, now: float, *, check_mode: bool) -> dict[str, Any]:
    """A test of each channel by itself, without a fallback: nothing is recorded, and an alert that it makes is resolved at once."""
    courier = Courier(channels, lambda _posting: None, given.deadline)
    calls = {name: partial(_test, courier, channels, one, given.deadline, now, check_mode) for name, one in channels.options.items()}
    received = [
        {"channel": name, "type": channels.options[name].type, **(answer if isinstance(answer, dict) else _failed(answer))}
        for name, answer in gather(calls).items()
    ]
    problems = [f"{one['channel']}: {one['says']}" for one in received if not one["ok"]]
    return {"changed": not check_mode and bool(received), "received": received, "problems": problems}


def _test(courier: Courier, channels: Channels, given: ChannelOptions, deadline: float, now: float, check_mode: bool) -> dict[str, Any]:
    channel = channels.find(given.name)
    if isinstance(channel, SalvageError):
        raise channel
    who = _who(channels, given)
    message = Message(
        title=f"Test of the channel {given.name}",
        severity="P3",
        summary="This is a test of the notifications. There is nothing to do.",
        dedup_key=f"test/{given.name}/{int(now)}",
        action="trigger",
        kind="test",
    )
    if check_mode:
        shown = {} if given.type in PUBLIC_TYPES else channel.render(message)
        return {"ok": True, "who": who, "says": "", "payload": shown}
    if given.type in PUBLIC_TYPES:  # everybody would read it
        says = channel.probe().says if isinstance(channel, Statuspage) else "not tested, because everybody would read it"
        return {"ok": True, "who": [], "says": says}
    sent = _sent(courier, given.name, message, deadline)
    if given.type in {"pagerduty", "opsgenie"}:
        _sent(courier, given.name, Message(**{**message.to_dict(), "action": "resolve"}), deadline)
        who = [person["name"] for person in _on_call(channel)]
    return {"ok": True, "who": [one for one in who if one not in sent.says], "says": sent.says}


def _sent(courier: Courier, name: str, message: Message, deadline: float) -> Sent:
    outcome, _tries = courier.attempt(name, message, deadline)
    if isinstance(outcome, SalvageError):
        raise outcome
    return Sent(says=str(outcome)) if isinstance(outcome, SkippedError) else outcome


def _who(channels: Channels, given: ChannelOptions) -> list[str]:
    if given.type == "mail":
        return channels.addresses(given.recipients, "mail")
    return [given.channel or CHANNEL] if given.type == "slack" else []


def _on_call(channel: Channel) -> list[dict[str, Any]]:
    try:
        return (channel.on_call() or []) if isinstance(channel, (PagerDuty, Opsgenie)) else []
    except SalvageError:  # the test has arrived all the same
        return []


def _failed(problem: SalvageError) -> dict[str, Any]:
    return {"ok": False, "who": [], "says": str(problem), "reason": problem.reason}
