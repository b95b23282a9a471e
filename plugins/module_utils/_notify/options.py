# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of notifications: contacts, rotations, channels, routes and hours, as an inventory has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core.hours import DAYS
from .._core.options import option
from .message import ACTIONS, AUDIENCES, SEVERITIES

TYPES = ("pagerduty", "opsgenie", "slack", "slack_webhook", "teams", "mail", "statuspage", "status_page", "webhook")
PUBLIC_TYPES = frozenset({"statuspage", "status_page"})


@dataclass(frozen=True)
class Contact:
    name: str = option()
    mail: str | None = option(None)
    slack: str | None = option(None)
    phone: str | None = option(None)


@dataclass(frozen=True)
class Rotation:
    name: str = option()
    contacts: list[str] = option()
    start: str = option()
    timezone: str = option("UTC")
    days: int = option(7)


@dataclass(frozen=True)
class ChannelOptions:
    name: str = option()
    type: str = option(choices=list(TYPES))
    url: str | None = option(None, no_log=True)
    api_url: str | None = option(None)
    token: str | None = option(None, no_log=True)
    routing_key: str | None = option(None, no_log=True)
    secret: str | None = option(None, no_log=True)
    channel: str | None = option(None)
    page: str | None = option(None)
    components: tuple[str, ...] = option(())
    schedules: tuple[str, ...] = option(())
    policies: tuple[str, ...] = option(())
    responders: tuple[str, ...] = option(())
    host: str | None = option(None)
    port: int = option(587)
    sender: str | None = option(None)
    recipients: tuple[str, ...] = option(())
    username: str | None = option(None)
    password: str | None = option(None, no_log=True)
    ca_path: str | None = option(None, type="path")
    proxy: str | None = option(None)
    timeout: float = option(5)
    fallback: str | None = option(None)


@dataclass(frozen=True)
class EscalationStep:
    channels: list[str] = option()
    after: str = option("15m")


@dataclass(frozen=True)
class NotifyRoute:
    channels: list[str] = option()
    severities: tuple[str, ...] = option(SEVERITIES, choices=list(SEVERITIES))
    kinds: tuple[str, ...] = option(())
    audiences: tuple[str, ...] = option(("engineers",), choices=list(AUDIENCES))
    actions: tuple[str, ...] = option(ACTIONS, choices=list(ACTIONS))
    days: tuple[str, ...] = option(DAYS, choices=list(DAYS))
    start: str = option("00:00")
    end: str = option("00:00")
    timezone: str = option("UTC")
    escalate: list[EscalationStep] = option(())
    stop: bool = option(False)


@dataclass(frozen=True)
class QuietHours:
    start: str = option()
    end: str = option()
    timezone: str = option("UTC")
    days: tuple[str, ...] = option(DAYS, choices=list(DAYS))
    severities: tuple[str, ...] = option(("P2", "P3"), choices=list(SEVERITIES))
    kinds: tuple[str, ...] = option(())
    channels: tuple[str, ...] = option(())


@dataclass(frozen=True)
class Maintenance:
    start: str = option()
    end: str = option()
    timezone: str = option("UTC")
    severities: tuple[str, ...] = option(("P1", "P2", "P3"), choices=list(SEVERITIES))
    kinds: tuple[str, ...] = option(())
    clusters: tuple[str, ...] = option(())
    reason: str = option("maintenance")


@dataclass(frozen=True)
class Flood:
    limit: int = option(10)
    seconds: int = option(300)


@dataclass(frozen=True)
class IncidentChannel:
    id: str = option()
    state: str = option("present", choices=["present", "archived"])
    topic: str = option("")
    people: tuple[str, ...] = option(())


@dataclass(frozen=True)
class GivenMessage:
    title: str = option()
    dedup_key: str = option(no_log=False)
    severity: str = option("P3", choices=list(SEVERITIES))
    summary: str = option("")
    facts: dict[str, Any] = option({})
    links: dict[str, Any] = option({})
    audience: str = option("engineers", choices=list(AUDIENCES))
    action: str = option("update", choices=list(ACTIONS))
    kind: str = option("other")


@dataclass(frozen=True)
class NotificationOptions:
    state: str = option("sent", choices=["sent", "tested"])
    messages: list[GivenMessage] = option(())
    channels: list[ChannelOptions] = option(())
    routes: list[NotifyRoute] = option(())
    contacts: list[Contact] = option(())
    rotations: list[Rotation] = option(())
    quiet_hours: list[QuietHours] = option(())
    maintenance: list[Maintenance] = option(())
    flood: Flood | None = option(None)
    incident: IncidentChannel | None = option(None)
    changes_only: tuple[str, ...] = option(("health",))
    public_facts: tuple[str, ...] = option(())
    internal_names: tuple[str, ...] = option(())
    secrets: tuple[str, ...] = option((), no_log=True)
    outbox: str | None = option(None, type="path")
    deadline: float = option(30)
    max_age: str = option("24h")
    keep_days: int = option(30)
    on_call: bool = option(False)
