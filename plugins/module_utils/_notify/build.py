# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a channel to the channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .._core.errors import SalvageError
from .channel import Channel, IncomingWebhook, Web, required
from .channels import opsgenie, pagerduty, slack, status_page
from .channels.mail import Mail
from .channels.teams import card, is_accepted_card
from .channels.webhook import Webhook, webhook_key
from .options import ChannelOptions, Contact, Rotation
from .schedule import addressees


def secrets_of(channels: Sequence[ChannelOptions]) -> list[str]:
    """What must be shown nowhere: the address of a webhook is one too."""
    found = [text for one in channels for text in (one.token, one.routing_key, one.secret, one.password)]
    return [text for text in [*found, *(one.url for one in channels if one.type in {"slack_webhook", "teams", "webhook"})] if text]


class Channels:
    """Channels by their names, each built once; one that can't be built is known by what is wrong with it."""

    def __init__(self, given: Sequence[ChannelOptions], contacts: Sequence[Contact], rotations: Sequence[Rotation], now: float) -> None:
        self.options: Mapping[str, ChannelOptions] = {one.name: one for one in given}
        if len(self.options) < len(given) or any("#" in name or not name.strip() for name in self.options):
            raise SalvageError(
                "two channels have the same name, or a name is empty or has a #; give each channel its own name", reason="bad_input"
            )
        self._contacts, self._rotations, self._now = contacts, rotations, now
        self._built: dict[str, Channel | SalvageError] = {}

    def find(self, name: str) -> Channel | SalvageError:
        if name not in self._built:
            try:
                self._built[name] = self._build(name)
            except SalvageError as exc:
                self._built[name] = exc
        return self._built[name]

    def fallback(self, name: str) -> str | None:
        given = self.options.get(name.partition("#")[0])
        return given.fallback if given else None

    def addresses(self, names: Sequence[str], what: str) -> list[str]:
        return addressees(names, self._contacts, self._rotations, self._now, what)

    def _build(self, name: str) -> Channel:
        base, _hash, room = name.partition("#")
        if room:
            parent = self.find(base)
            if not isinstance(parent, slack.Slack):
                raise SalvageError(f"{base} is not a channel of the type slack, so it has no channel of an incident", reason="bad_input")
            return parent.in_channel(room)
        given = self.options.get(base)
        if given is None:
            raise SalvageError(f"there is no channel {base!r}; define it in channels", reason="not_found")
        return _MAKERS[given.type](given, self)


def _web(given: ChannelOptions, url: str | None, *secrets: str | None) -> Web:
    return Web(
        given.name,
        url or "",
        secrets=tuple(one for one in secrets if one),
        ca_path=given.ca_path,
        proxy=given.proxy,
        timeout=given.timeout,
    )


def _pagerduty(given: ChannelOptions, _all: Channels) -> Channel:
    key = required(given.routing_key, given.name, "routing_key")
    events, api = (_web(given, url, key, given.token) for url in (given.url or pagerduty.EVENTS_URL, given.api_url or pagerduty.API_URL))
    token = required(given.token, given.name, "token") if given.token else ""
    return pagerduty.PagerDuty(given.name, events, api, key, token, given.schedules, given.policies)


def _opsgenie(given: ChannelOptions, _all: Channels) -> Channel:
    token = required(given.token, given.name, "token")
    return opsgenie.Opsgenie(given.name, _web(given, given.url or opsgenie.URL, token), token, given.responders, given.schedules)


def _slack(given: ChannelOptions, _all: Channels) -> Channel:
    token = required(given.token, given.name, "token")
    return slack.Slack(given.name, _web(given, given.url or slack.API_URL, token), token, given.channel or slack.CHANNEL)


def _mail(given: ChannelOptions, others: Channels) -> Channel:
    return Mail(
        given.name,
        given.host or "",
        given.port,
        given.sender or "",
        others.addresses(given.recipients, "mail"),
        username=given.username or "",
        password=given.password or "",
        ca_path=given.ca_path,
        timeout=given.timeout,
    )


def _statuspage(given: ChannelOptions, _all: Channels) -> Channel:
    token = required(given.token, given.name, "token")
    web = _web(given, given.url or status_page.URL, token)
    return status_page.Statuspage(given.name, web, token, required(given.page, given.name, "page"), given.components)


def _status_post(given: ChannelOptions, _all: Channels) -> Channel:
    token = required(given.token, given.name, "token") if given.token else ""
    return status_page.StatusPost(given.name, _web(given, given.url, token), token, given.components)


def _webhook(given: ChannelOptions, _all: Channels) -> Channel:
    return Webhook(given.name, _web(given, given.url, given.secret), webhook_key(given.secret or "", given.name))


_MAKERS: dict[str, Callable[[ChannelOptions, Channels], Channel]] = {
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "slack": _slack,
    "slack_webhook": lambda given, _all: IncomingWebhook(given.name, _web(given, given.url), slack.blocks_of, slack.is_taken),
    "teams": lambda given, _all: IncomingWebhook(given.name, _web(given, given.url), card, is_accepted_card),
    "mail": _mail,
    "statuspage": _statuspage,
    "status_page": _status_post,
    "webhook": _webhook,
}
