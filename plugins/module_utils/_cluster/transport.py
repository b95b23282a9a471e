# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of urllib3 that keep a deadline by the clock, and bodies that are read within bounds.

A timeout of urllib3 is that of one read: a server that sends a byte now and then can hold a call for as long as it likes.  Here each
connect, send and receive gets what is left of the call's time.
"""

from __future__ import annotations

import io
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError  # TimeoutError itself since Python 3.11
from contextlib import contextmanager
from http.client import HTTPMessage, HTTPResponse
from typing import Any, TypeVar

from .._core.errors import SalvageError

try:
    import urllib3
except ImportError:
    urllib3 = None  # type: ignore[assignment]

T = TypeVar("T")
_NO_CALL = 60.0  # seconds for what is connected outside of a call
_CHUNK = 64 * 1024


class Clock:
    """When a call has to end."""

    def __init__(self, seconds: float) -> None:
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds.  Raises TimeoutError when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        return left


class _Current(threading.local):
    """The clock of the call that this thread makes; urllib3 has no way to hand it to a connection."""

    clock: Clock | None = None

    def left(self) -> float:
        return self.clock.left() if self.clock else _NO_CALL


_CURRENT = _Current()


@contextmanager
def timed(seconds: float) -> Iterator[Clock]:
    """The clock of a call of this thread."""
    before, _CURRENT.clock = _CURRENT.clock, Clock(seconds)
    try:
        yield _CURRENT.clock
    finally:
        _CURRENT.clock = before


def remaining() -> float:
    """Seconds that the call of this thread has left.  Raises TimeoutError."""
    return _CURRENT.left()


def within(seconds: float, work: Callable[[], T]) -> T:
    """What ``work`` gives, for a library without a time limit; ``work`` itself goes on.  Raises TimeoutError, and what ``work`` raises."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as exc:  # it is the caller's
            outcome.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except FutureTimeoutError:
        raise TimeoutError(f"nothing came within {seconds:g} s") from None


class _Received(io.RawIOBase):
    """What a socket receives, until the clock ends it."""

    def __init__(self, sock: Any, raw: Any, clock: Clock) -> None:
        self._sock, self._raw, self._clock = sock, raw, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._clock.left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


# The head of nearly every answer: whole in what has arrived, in ASCII, and without continued lines.
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ([\x20-\x7e]*)\r\n((?:[A-Za-z0-9-]+: ?[\x21-\x7e]+(?: +[\x21-\x7e]+)*\r\n)+)\r\n")
_SIZE = re.compile("[0-9]{1,15}")
_OTHER = frozenset({"connection", "transfer-encoding"})
_BODILESS = frozenset({204, 304})


class _Answer(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **how: Any) -> None:
        super().__init__(sock, *args, **how)
        self.fp: Any = io.BufferedReader(_Received(sock, self.fp.detach(), _CURRENT.clock or Clock(_NO_CALL)))

    def begin(self) -> None:
        """As HTTPResponse does it, which reads the headers as those of a mail: that takes as long as all the rest of a small call."""
        found = _HEAD.match(self.fp.peek()) if self.headers is None and self._method != "HEAD" else None
        head = _plain_head(found) if found else None
        if found is None or head is None:
            super().begin()
            return
        self.fp.read(found.end())
        self.headers = self.msg = head
        self.code = self.status = int(found[1])
        self.reason, self.version = found[2].decode("ascii").strip(), 11
        self.chunked, self.will_close, self.length = False, False, int(head["content-length"])


def _plain_head(found: re.Match[bytes]) -> HTTPMessage | None:
    """The headers of an answer with a body of a known size, after which the connection stays open; None of any other."""
    head = HTTPMessage()
    for line in found[3].decode("ascii").splitlines():
        name, _colon, value = line.partition(":")
        head.set_raw(name, value.strip())
    sizes = head.get_all("content-length") or []
    plain = len(sizes) == 1 and _SIZE.fullmatch(sizes[0]) and int(found[1]) not in _BODILESS and not any(name in head for name in _OTHER)
    return head if plain else None


def pools(dial: Callable[[], Any] | None) -> dict[str, Any]:
    """urllib3's pools by scheme; ``dial`` gives the socket of a new connection, where it is not the address's own."""

    class Timed:
        response_class: Any = _Answer
        sock: Any
        port: Any
        socket_options: Any
        _held: list[bytes] | None = None

        def _new_conn(self) -> Any:
            if dial:
                return dial()
            host = getattr(self, "_dns_host", "")
            try:
                return _connected(host, self.port, self.socket_options)
            except TimeoutError as exc:
                raise urllib3.exceptions.ConnectTimeoutError(self, str(exc)) from None
            except UnicodeError:
                raise urllib3.exceptions.LocationParseError(host) from None
            except OSError as exc:
                raise urllib3.exceptions.NewConnectionError(self, f"{exc}") from None  # type: ignore[arg-type]

        def request(self, *args: Any, **how: Any) -> None:
            self._held = []
            try:
                super().request(*args, **how)  # type: ignore[misc]
                whole = b"".join(self._held)
            finally:
                self._held = None
            self.send(whole)

        def send(self, data: Any) -> None:
            if self._held is not None:  # the head and the body leave together: the server is woken once
                self._held.append(data)
                return
            if self.sock is not None:
                self.sock.settimeout(remaining())
            super().send(data)  # type: ignore[misc]

    class Plain(Timed, urllib3.connection.HTTPConnection):
        pass

    class Secure(Timed, urllib3.connection.HTTPSConnection):
        pass

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(host: str, port: int, options: Any) -> socket.socket:
    """A socket that is connected to the first address that answers; each gets its share of the time."""
    failure = OSError("the name has no address")
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    for place, (family, kind, protocol, _name, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            sock.settimeout(remaining() / (len(found) - place))
            sock.connect(address)
            sock.settimeout(remaining())  # for the handshake of TLS, which Python ends in that time as a whole
        except OSError as exc:
            sock.close()
            failure = exc
        else:
            return sock
    raise failure


def body(answer: Any, where: str, clock: Clock, idle: float | None = None) -> Iterator[bytes]:
    """The body of an answer, piece by piece as it arrives.  With ``idle`` each piece has so many seconds.

    We ask for no encoding, but gzip is common enough to be read all the same.  Raises SalvageError(invalid, http_error).
    """
    encoding = ",".join(answer.headers.getlist("content-encoding")).strip().lower()
    if encoding in {"", "identity"}:
        yield from _pieces(answer, clock, idle)
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise SalvageError(f"{where} sent a body with the Content-Encoding {encoding[:40]!r}, which was not asked for", reason="invalid")
    inflate, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    try:
        for piece in _pieces(answer, clock, idle):
            rest = piece
            while rest:
                if inflate.eof:
                    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                begun = True
                yield inflate.decompress(rest, _CHUNK)
                rest = inflate.unused_data or inflate.unconsumed_tail
    except zlib.error as exc:
        raise SalvageError(f"{where} sent a body that is not gzip, as its Content-Encoding says: {exc}", reason="invalid") from None
    if begun and not inflate.eof:
        raise SalvageError(f"the connection to {where} broke off: the gzip body is not complete", reason="http_error")


def _pieces(answer: Any, clock: Clock, idle: float | None) -> Iterator[bytes]:
    # read1 gives what has arrived; older releases of urllib3 wait for the whole piece, or have the server's chunks as they come.
    stream = answer.stream(_CHUNK, decode_content=False)
    read = getattr(answer, "read1", lambda _size: next(stream, b""))
    while True:
        if idle is not None:
            clock.restart(idle)
        piece: bytes = read(_CHUNK)
        if piece:
            yield piece
        if not piece or answer.length_remaining == 0:
            return
