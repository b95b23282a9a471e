# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Payloads of which a part must not be lost: two alerts with one fingerprint, and more alerts than are taken at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alert_source import alert, payload_of, source


def test_a_fingerprint_that_two_alerts_have_hides_neither(tmp_path: Path) -> None:
    """Each is answered, and the end of each closes its own start, after a restart too."""
    first, second = alert(1), {**alert(2), "fingerprint": alert(1)["fingerprint"]}
    ends = [{**one, "status": "resolved"} for one in (second, first)]

    async def story() -> None:
        async with source(tmp_path, confirm=True) as rules:
            assert (await rules.post(payload_of(first, second)))[1]["new"] == 2
            assert (await rules.post(payload_of(second, first)))[1] == {"new": 0, "repeated": 2, "refused": []}
            events = await rules.take(2, confirm=True)
            assert [event["alert"]["labels"]["number"] for event in events] == ["1", "2"]
        async with source(tmp_path, confirm=True) as rules:
            assert (await rules.post(payload_of(*ends)))[1]["new"] == 2
            closed = {event["alert"]["labels"]["number"]: event["episode"] for event in await rules.take(2)}
            assert closed == {event["alert"]["labels"]["number"]: event["episode"] for event in events}
            assert len(set(closed.values())) == 2

    asyncio.run(story())


def test_of_a_payload_that_is_too_long_all_are_taken_in_the_end(tmp_path: Path) -> None:
    """Alertmanager comes again after a 503. After a 400 it does not, and a storm of one alert more than the limit would be lost whole."""
    storm = payload_of(*[alert(number) for number in range(8)])

    async def story() -> None:
        async with source(tmp_path, confirm=True, max_alerts=3) as rules:
            answers = [await rules.post(storm) for _time in range(4)]
            assert [status for status, _answer in answers] == [503, 503, 202, 202]
            assert "come again for the other 5" in answers[0][1]["error"]
            assert [answers[2][1]["new"], answers[3][1]["new"]] == [2, 0]
            assert len({event["episode"] for event in await rules.take(8, confirm=True)}) == 8

    asyncio.run(story())
