# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source as a whole: it receives in a thread of its own, so that nothing that the rule engine does delays an answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

from .entry import event_of
from .intake import Intake
from .journal import Journal
from .ledger import Ledger, NotOursError
from .metrics import Metrics
from .options import OptionError, Options

logger = logging.getLogger("meta_salvage_events")
STANDBY = 0.2  # seconds between two tries to get the folder
TICK = 0.5  # seconds at most until what the time has changed is seen
SWEEP = 60.0
Answer = TypeVar("Answer")


class EventQueue(Protocol):
    async def put(self, item: Any, /) -> None:
        """Hand an event to the rules."""


class Feedback(Protocol):
    async def get(self) -> Any:
        """Returns when the rule engine, which keeps its state itself, has an event."""


class Service:
    """In the thread that receives."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ledger = Ledger(options)
        self._metrics = Metrics()
        self._journal = Journal(options.journal, self._metrics.histograms["journal_commit_seconds"].observe)
        self._news = asyncio.Event()
        self._intake = Intake(options, self._ledger, self._journal, self._metrics, self._news.set)
        self.writer: asyncio.Task[None] | None = None
        self._sweep_at = 0.0

    async def start(self) -> int:
        """The port, when everything is ready. Waits while another source has the folder. Raises OptionError."""
        said = False
        while not self._journal.try_lock():
            if not said:
                logger.warning("Another event source has the journal in %s; this one takes over when that ends.", self._options.journal)
                said = True
            await asyncio.sleep(STANDBY)
        try:
            self._ledger.replay(self._journal.read())
            self._ledger.forget_the_old(time.time())
            self._journal.begin(self._ledger.snapshot())
        except NotOursError:
            raise OptionError(f"The journal in {self._options.journal} was written by another version of this source.") from None
        except OSError as error:
            raise OptionError(f"The journal in {self._options.journal} cannot be written: {error.strerror}.") from None
        if self._journal.errors:
            logger.error("There is no place to compact the journal in %s.", self._options.journal)
        if self._journal.damaged or self._ledger.unusable:
            logger.error("%d lines of the journal could not be read.", self._journal.damaged + self._ledger.unusable)
        self.writer = asyncio.create_task(self._journal.run(self._ledger.snapshot))
        await self._intake.start()
        return self._intake.port

    async def stop(self) -> None:
        await self._intake.stop()
        self._journal.stop()
        if self.writer:
            await self.writer
        self._journal.close()

    async def next_event(self) -> dict[str, Any]:
        """The next event, when there is one and it may go."""
        while True:
            self._news.clear()
            now = time.time()
            await self._look_at_the_time(now)
            entries = self._ledger.next_event(now)
            if entries:
                return event_of(entries, self._options.group_by)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), TICK)

    async def handed_on(self, event: dict[str, Any]) -> None:
        """The rules have it. If that cannot be written, it is handed on again after the next start."""
        self._metrics.count("handed_on_total")
        await self._write([self._ledger.hand_on(event["ids"], time.time())])

    async def _look_at_the_time(self, now: float) -> None:
        records = self._ledger.look_at_the_time(now)
        for record in records:
            if record["is"] in ("late", "given_up"):
                self._metrics.count(f"{record['is']}_total", len(record["ids"]))
                logger.error("Nobody has confirmed in time that these were handled (%s): %s", record["is"], record["ids"])
        if records:
            await self._write(records)
        if now > self._sweep_at:
            self._sweep_at = now + SWEEP
            self._ledger.forget_the_old(now)

    async def _write(self, records: list[dict[str, Any]]) -> None:
        try:
            await asyncio.shield(self._journal.append(records, happened=True))
        except OSError as error:
            logger.error("The journal cannot be written: %s", error)


class Receiver:
    """The thread, seen from the runner's event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.port = 0
        self._ready: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._service: Service | None = None
        self._thread = threading.Thread(target=self._run, name="meta_salvage_events", daemon=True)

    async def start(self) -> None:
        self._thread.start()
        self.port = await asyncio.wrap_future(self._ready)

    async def stop(self) -> None:
        while self._thread.is_alive() and not (self._loop and self._stop):
            await asyncio.sleep(0.01)  # it has only just been started
        if self._loop and self._stop:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        # A thread of the loop's pool, since to wait for it here would stand in the way of what it waits for.
        await asyncio.shield(asyncio.to_thread(self._thread.join, 2 * self._options.request_seconds + 5))

    async def next_event(self) -> dict[str, Any]:
        return await self._there(self._alive().next_event())

    async def handed_on(self, event: dict[str, Any]) -> None:
        await self._there(self._alive().handed_on(event))

    def _alive(self) -> Service:
        if self._service is None:
            raise RuntimeError("The event source has not been started.")
        return self._service

    async def _there(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._loop is None:
            raise RuntimeError("The event source has not been started.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            else:
                logger.exception("The event source ended.")

    async def _serve(self) -> None:
        self._loop, self._stop, self._service = asyncio.get_running_loop(), asyncio.Event(), Service(self._options)
        starting = asyncio.create_task(self._service.start())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():  # it was still waiting for the folder
            starting.cancel()
            self._ready.cancel()
            return
        try:
            self._ready.set_result(await starting)
            writer = self._service.writer
            await asyncio.wait({stopping, writer} if writer else {stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self._service.stop()


@asynccontextmanager
async def receiving(options: Options) -> AsyncIterator[Receiver]:
    receiver = Receiver(options)
    try:
        await receiver.start()
        logger.info("Alerts are received on %s:%d.", options.host, receiver.port)
        yield receiver
    finally:
        await receiver.stop()


async def serve(queue: EventQueue, options: Options, feedback: Feedback | None = None) -> None:
    """Receives, and hands on to ``queue``, until it is cancelled."""
    async with receiving(options) as receiver:
        while True:
            event = await receiver.next_event()
            await queue.put(event)
            if feedback:
                await feedback.get()
            await receiver.handed_on(event)
