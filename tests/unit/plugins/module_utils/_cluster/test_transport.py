# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import socket
import threading
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import transport
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from hypothesis import given
from hypothesis import strategies as st


class Pieces(io.RawIOBase):
    """What a socket receives, a piece at each read."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._left = [piece for piece in pieces if piece]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._left.pop(0) if self._left else b""
        buffer[: len(piece)] = piece[: len(buffer)]
        if len(piece) > len(buffer):
            self._left.insert(0, piece[len(buffer) :])
        return min(len(piece), len(buffer))


class Sock:
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(Pieces(self._pieces))

    def settimeout(self, _seconds: float) -> None:
        pass


def seen(answer: HTTPResponse) -> Any:
    """All that a caller sees of an answer."""
    try:
        answer.begin()
        head = answer.status, answer.reason, answer.version, answer.length, answer.chunked, answer.will_close, answer.headers.items()
        return head, answer.read()
    except (HTTPException, ValueError) as exc:
        return type(exc)


LINES = st.sampled_from(
    [
        *("Content-Type: application/json", "content-length: 3", "Content-Length:3", "Content-Length: 3, 3", "Content-Length: -1"),
        *("Content-Length: +3", "Content-Length: 3 ", "Content-Length : 3", "Content-Length: ", "Content-Length: \u00b3"),
        *("Transfer-Encoding: chunked", "Connection: close", "connection: keep-alive", " folded", "\tfolded", "no colon", ": no name"),
        *(
            "X: a  b",
            "X:",
            "X: \u00e4",
            "X: a:b",
            "X-Y: =?utf-8?q?x?=",
            "X:\x0bv",
            "X: a\rb",
            "Keep-Alive: timeout=5",
            "Date: now",
            "X: a\x0cb",
        ),
    ]
)
STATUS = st.sampled_from(
    [
        *("HTTP/1.1 200 OK", "HTTP/1.1 201 Created", "HTTP/1.1 404 Not Found", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified"),
        *("HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 099 x", "HTTP/2 200 OK", "HTTP/1.1 100 Continue", "nonsense", ""),
    ]
)


@given(
    STATUS,
    st.lists(LINES, max_size=5),
    st.sampled_from([b"", b"abc", b"abcd", b"3\r\nabc\r\n0\r\n\r\n"]),
    st.integers(0, 200),
    st.booleans(),
)
def test_a_head_is_read_as_the_standard_library_reads_it(status: str, lines: list[str], body: bytes, cut: int, head: bool) -> None:
    raw = "\r\n".join([status, *lines, "", ""]).encode() + body
    for pieces in ([raw], [raw[:cut], raw[cut:]], [raw[:cut]]):
        how = {"method": "HEAD" if head else "GET"}
        expected = seen(HTTPResponse(Sock(pieces), **how))  # type: ignore[arg-type]
        assert seen(transport._Answer(Sock(pieces), **how)) == expected


def test_the_head_and_the_body_of_a_request_are_sent_at_once(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces wake the server twice, and take the time of two."""
    sent: list[bytes] = []
    original = socket.socket.sendall

    def sendall(self: socket.socket, data: bytes) -> None:
        if threading.current_thread() is threading.main_thread():  # the others are the server's
            sent.append(data)
        original(self, data)

    monkeypatch.setattr(socket.socket, "sendall", sendall)
    for body in (b'{"a": 1}', None):
        sent.clear()
        Http().request("POST", web.url, body=body)
        assert len(sent) == 1 and sent[0].endswith(body or b"\r\n\r\n")


def test_a_header_of_a_request_replaces_that_of_the_session(web: Any) -> None:
    Http(headers={"authorization": "Bearer old", "X-Own": "1"}).request("GET", web.url, headers={"Authorization": "Bearer new"})
    (asked,) = web.asked
    assert (asked.headers["authorization"], asked.headers["x-own"]) == (["Bearer new"], ["1"])
