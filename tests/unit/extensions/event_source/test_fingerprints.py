# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fingerprint says which alert it is only as far as the labels do."""

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
