# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections under limits that aiohttp does not have: their number, and the time and size of what comes before the last header."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

MAX_HEADER = 1024 * 1024  # the start of a body, which comes with the header, counts too


class Connections:
    """How many there are; each knows whether a request of it is being answered."""

    def __init__(self, most: int, seconds: float, refused: Callable[[], None]) -> None:
        self.most = most
        self.seconds = seconds
        self.refused = refused
        self.open: dict[asyncio.BaseTransport, Limited] = {}

    def answering(self, transport: asyncio.BaseTransport | None, busy: bool) -> None:
        """Called when the header of a request is there, and when the request is answered."""
        connection = self.open.get(transport) if transport is not None else None
        if connection:
            connection.busy = busy
            connection.rest()


class Limited(asyncio.Protocol):
    """Stands before the protocol of aiohttp and passes everything on."""

    def __init__(self, inner: asyncio.Protocol, all_of_them: Connections) -> None:
        self._inner = inner
        self._all = all_of_them
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._let_in = False
        self._unanswered = 0  # bytes, since the last request was answered
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._all.open) >= self._all.most:
            self._close()
            return
        self._let_in = True
        self._all.open[transport] = self
        self._start_the_clock()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.rest()
        if self._let_in:
            self._all.open.pop(cast("asyncio.Transport", self._transport), None)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._let_in:
            if not self.busy:
                self._unanswered += len(data)
                if self._unanswered > MAX_HEADER:
                    self._close()
                    return
                if self._timer is None:
                    self._start_the_clock()
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._let_in else None

    def pause_writing(self) -> None:
        if self._let_in:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._let_in:
            self._inner.resume_writing()

    def rest(self) -> None:
        """Nothing is late."""
        self._unanswered = 0
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _start_the_clock(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._all.seconds, self._close)

    def _close(self) -> None:
        self.rest()
        self._all.refused()
        if self._transport:
            self._transport.abort()
