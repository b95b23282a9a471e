# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends what is due: every channel side by side, each message tried again until the deadline, and then by the channel's fallback."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from .._core.errors import SalvageError
from .._core.gather import gather
from .build import Channels
from .channel import SendError, Sent, SkippedError
from .message import Message
from .plan import GROUPED, PENDING, REPLACED, SENT, SKIPPED, Posting, Shipment, pause_before


class Courier:
    """``save`` keeps a posting as it is now; ``deadline`` is the seconds that everything has together."""

    def __init__(
        self,
        channels: Channels,
        save: Callable[[Posting], None],
        deadline: float,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channels, self._save, self._clock, self._sleep, self._jitter, self._timer = channels, save, clock, sleep, jitter, timer
        self._started = timer()
        self._deadline = deadline
        self._saving = threading.Lock()

    def deliver(self, jobs: Mapping[str, Sequence[Shipment]]) -> list[str]:
        """What went wrong, a sentence for each channel; the postings say the rest."""
        answers = gather({name: partial(self._channel, name, list(todo)) for name, todo in jobs.items() if todo})
        return [f"{name}: {answer}" for name, answer in answers.items() if answer is not None]  # an error of the outbox too

    def _channel(self, name: str, jobs: list[Shipment]) -> SalvageError | None:
        """Its jobs one after the other.  A channel that failed until the time was up is not asked again in this run."""
        down: SalvageError | None = None
        failure: SalvageError | None = None
        for job in jobs:
            outcome, tries = (down, 0) if down else self.attempt(name, job.message, self._share(name))
            if isinstance(outcome, SendError) and outcome.again:
                down = outcome
            via = name
            if isinstance(outcome, SalvageError):
                failure = failure or outcome
                via, outcome = self._by_others(name, job.message, outcome)
            self._note(job, name, via, outcome, tries)
        return failure

    def attempt(self, name: str, message: Message, until: float) -> tuple[Sent | SkippedError | SalvageError, int]:
        """What the channel says in the end, and after how many tries."""
        channel = self._channels.find(name)
        if isinstance(channel, SalvageError):
            return channel, 0
        tries = 0
        while True:
            left = until - (self._timer() - self._started)
            if left <= 0:
                return SendError("the deadline passed before it could be sent", reason="timeout", again=True), tries
            tries += 1
            try:
                return channel.send(message, timeout=left), tries
            except SkippedError as exc:
                return exc, tries
            except SendError as exc:
                left = until - (self._timer() - self._started)
                seconds = pause_before(tries - 1, exc.after, left, self._jitter()) if exc.again else None
                if seconds is None:
                    return exc, tries
                self._sleep(seconds)
            except SalvageError as exc:
                return exc, tries

    def _share(self, name: str) -> float:
        """A fallback gets half of the time."""
        return self._deadline / 2 if self._channels.fallback(name) else self._deadline

    def _by_others(self, name: str, message: Message, failure: SalvageError) -> tuple[str, Sent | SkippedError | SalvageError]:
        asked = {name}
        other = self._channels.fallback(name)
        while other and other not in asked:
            asked.add(other)
            outcome, _tries = self.attempt(other, message, self._deadline)
            if isinstance(outcome, Sent):
                return other, Sent(outcome.id, f"{name} failed: {failure}")
            other = self._channels.fallback(other)
        return name, failure

    def _note(self, job: Shipment, name: str, via: str, outcome: Sent | SkippedError | SalvageError, tries: int) -> None:
        group = job.parts[0][0].id if len(job.parts) > 1 else ""
        for _posting, delivery in job.parts:
            delivery.tries += tries
            delivery.at = self._clock()
            if isinstance(outcome, Sent):
                delivery.status = REPLACED if via != name else GROUPED if group else SENT
                delivery.id, delivery.says, delivery.reason = outcome.id, outcome.says, ""
                delivery.via = via if via != name else group
            elif isinstance(outcome, SkippedError):
                delivery.status, delivery.says, delivery.reason = SKIPPED, str(outcome), ""
            else:
                delivery.status, delivery.says, delivery.reason = PENDING, str(outcome), outcome.reason
                delivery.not_before = delivery.at + (getattr(outcome, "after", None) or 0.0)
        with self._saving:
            for posting, _delivery in job.parts:
                self._save(posting)
