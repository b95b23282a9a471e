# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, hours, maintenance and rotations: in winter and in summer, over midnight and at weekends."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.hours import DAYS
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.options import (
    Contact,
    EscalationStep,
    Maintenance,
    NotificationOptions,
    NotifyRoute,
    QuietHours,
    Rotation,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.schedule import (
    addressees,
    check_times,
    on_duty,
    quiet_until,
    route_message,
    under_maintenance,
)
from fake_vendors import message

ROME = "Europe/Rome"
WEEKEND, WORKDAYS = DAYS[5:], DAYS[:5]


def at(text: str, zone: str = ROME) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


def shown(seconds: float | None, zone: str = ROME) -> str | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone)).isoformat(timespec="minutes")


# In Rome the clock goes from 2:00 to 3:00 on 2027-03-28, and from 3:00 back to 2:00 on 2027-10-31.
def test_a_message_goes_to_the_channels_of_every_route_that_takes_it() -> None:
    routes = [
        NotifyRoute(
            channels=["pager"],
            severities=("P0", "P1"),
            escalate=[EscalationStep(channels=["owner"], after="1h"), EscalationStep(channels=["mail"])],
        ),
        NotifyRoute(channels=["ops", "pager"]),
        NotifyRoute(channels=["security"], kinds=("peace_bonds",)),
        NotifyRoute(channels=["office"], days=WORKDAYS, start="09:00", end="17:00", timezone=ROME),
        NotifyRoute(channels=["status"], audiences=("public",)),
    ]
    friday, saturday = at("2027-01-15T12:00"), at("2027-01-16T12:00")
    found = route_message(message(), routes, friday)
    assert found.channels == ("pager", "ops", "office")
    assert [(step.after, step.channels) for step in found.steps] == [(900, ("mail",)), (3600, ("owner",))]
    assert route_message(message(severity="P3", kind="peace_bonds"), routes, saturday).channels == ("ops", "pager", "security")
    assert route_message(message(audience="public"), routes, friday).channels == ("status",)
    assert route_message(message(audience="stakeholders"), routes, friday).channels == ()
    stops = [NotifyRoute(channels=["a"], kinds=("deploy",), stop=True), NotifyRoute(channels=["b"], stop=True), NotifyRoute(channels=["c"])]
    assert route_message(message(), stops, friday).channels == ("b",)
    assert route_message(message(action="update"), [NotifyRoute(channels=["a"], actions=("trigger",))], friday).channels == ()


def test_quiet_hours_are_of_some_severities_kinds_and_channels() -> None:
    night = at("2027-01-15T23:00")
    hours = [
        QuietHours(start="22:00", end="06:00", timezone=ROME),
        QuietHours(start="22:30", end="07:00", timezone=ROME, channels=("ops",)),
    ]
    assert shown(quiet_until(message(severity="P3"), "ops", hours, night)) == "2027-01-16T07:00+01:00"
    assert shown(quiet_until(message(severity="P3"), "mail", hours, night)) == "2027-01-16T06:00+01:00"
    assert quiet_until(message(severity="P1"), "ops", hours, night) is None
    only = [QuietHours(start="22:00", end="06:00", timezone=ROME, kinds=("deploy",))]
    assert quiet_until(message(severity="P3"), "ops", only, night) is None


def test_maintenance_begins_and_ends_to_the_second() -> None:
    window = [Maintenance(start="2027-03-28T01:00", end="2027-03-28T04:00", timezone=ROME, reason="an upgrade")]
    start = at("2027-03-28T01:00")
    assert [under_maintenance(message(), window, start + after) for after in (-1, 0, 7199, 7200)] == [
        None,
        "an upgrade",
        "an upgrade",
        None,
    ]
    assert under_maintenance(message(severity="P0"), window, start) is None
    offset = [Maintenance(start="2027-03-28T01:00:00+01:00", end="2027-03-28T02:00:00Z", clusters=("another",))]
    assert under_maintenance(message(), offset, start) is None
    assert under_maintenance(message(facts={"cluster": "another"}), offset, start) == "maintenance"


def test_a_rotation_changes_at_the_same_hour_in_winter_and_in_summer() -> None:
    week = Rotation(name="primary", contacts=["ada", "bob", "eve"], start="2027-03-01T09:00", timezone=ROME)
    turns = {
        "2027-03-01T09:00": "ada",
        "2027-03-08T08:59": "ada",
        "2027-03-08T09:00": "bob",
        "2027-03-29T08:59": "ada",
        "2027-03-29T09:00": "bob",
    }
    assert {now: on_duty(week, at(now)) for now in turns} == turns
    assert on_duty(week, at("2027-02-28T12:00")) == "eve"
    for wrong in (
        Rotation(name="x", contacts=[], start="2027-03-01T09:00"),
        Rotation(name="x", contacts=["a"], start="2027-03-01", days=0),
    ):
        with pytest.raises(SalvageError):
            on_duty(wrong, 0)


def test_addressees_are_contacts_rotations_or_addresses() -> None:
    contacts = [Contact(name="ada", mail="ada@example.com"), Contact(name="bob")]
    turns = [Rotation(name="primary", contacts=["ada"], start="2027-03-01"), Rotation(name="lost", contacts=["nobody"], start="2027-03-01")]
    assert addressees(["primary", "ada", "x@example.com"], contacts, turns, 1.8e9, "mail") == ["ada@example.com", "x@example.com"]
    for names, words in ((["bob"], "the contact bob has no mail"), (["lost"], "nobody, who is not one of the contacts")):
        with pytest.raises(SalvageError, match=words):
            addressees(names, contacts, turns, 1.8e9, "mail")


@pytest.mark.parametrize(
    "wrong",
    [
        {"routes": [NotifyRoute(channels=[], start="9:00")]},
        {"routes": [NotifyRoute(channels=[], timezone="../../etc/passwd")]},
        {"routes": [NotifyRoute(channels=[], escalate=[EscalationStep(channels=[], after="-1")])]},
        {"quiet_hours": [QuietHours(start="22:00", end="1320")]},
        {"maintenance": [Maintenance(start="2027-01-02T00:00", end="2027-01-01T00:00")]},
        {"rotations": [Rotation(name="x", contacts=["a"], start="monday")]},
    ],
)
def test_a_wrong_time_is_found_before_it_is_needed(wrong: dict[str, Any]) -> None:
    with pytest.raises(SalvageError) as caught:
        check_times(NotificationOptions(**wrong), 1.8e9)
    assert caught.value.reason == "bad_input"
