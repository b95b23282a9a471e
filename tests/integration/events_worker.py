# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source in a process of its own, with responses that take a moment: FOLDER PORT JOURNAL.

Each event that is handed on, each claim and each confirmation is a line of FOLDER/log. A claim is a directory that can be made once, as the
guard's record in the cluster can.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path += [str(CHECKOUT / "tests" / "unit" / "fakes")]

from alert_source import TOKEN, options, post
from meta_salvage_events.service import serve


class Rules:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.free = asyncio.Semaphore(4)
        self.running: set[asyncio.Task[None]] = set()

    def say(self, what: str, name: str) -> None:
        os.write(self.log, f"{what} {name}\n".encode())

    async def put(self, event: dict[str, Any], /) -> None:
        await self.free.acquire()
        task = asyncio.create_task(self.respond(event))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def respond(self, event: dict[str, Any]) -> None:
        (name,) = event["ids"]
        self.say("handed", name)
        try:
            (self.folder / "claims" / name).mkdir()
            self.say("claimed", name)
        except FileExistsError:
            pass
        await asyncio.sleep(random.uniform(0, 0.005))
        status, _answer = await asyncio.to_thread(post, self.port, {"ids": [name]}, "/handled", {"Authorization": f"Bearer {TOKEN}"})
        if status == 202:
            self.say("confirmed", name)
        self.free.release()


if __name__ == "__main__":
    where, number, journal = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    asyncio.run(serve(Rules(where, number), options(where, port=number, journal=journal, confirm=True)))
