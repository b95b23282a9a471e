# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in containers, by the kubernetes library, against a server that speaks just enough of the API server's streams."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import port_forward as forward
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.exec import Container
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.transport import remaining
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from kubernetes.stream import ws_client

STDIN, STDOUT, STDERR, VERDICT = range(4)
SUCCESS = {"status": "Success"}
WHERE = "container c of pod p in namespace n"


def exited(code: str) -> dict[str, Any]:
    """What the kubelet says at the end of a command."""
    causes = [{"reason": "ExitCode", "message": code}]
    return {"status": "Failure", "reason": "NonZeroExitCode", "message": f"exit code {code}", "details": {"causes": causes}}


class Stream:
    """The server's end of a websocket."""

    def __init__(self, connection: socket.socket) -> None:
        self._read = connection.makefile("rb")
        self._send = connection.sendall
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read.readline()
        self.head = head.decode()

    def accept(self) -> None:
        key = next(line.split(": ")[1] for line in self.head.splitlines() if line.lower().startswith("sec-websocket-key"))
        proof = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()  # noqa: S324
        self._send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {proof}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
        )

    def refuse(self, status: int, body: bytes) -> None:
        self._send(f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def frame(self, kind: int, data: bytes) -> None:
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
        self._send(bytes([0x80 | kind]) + size + data)

    def say(self, channel: int, data: bytes) -> None:
        self.frame(2, bytes([channel]) + data)

    def end(self, verdict: dict[str, Any] | None) -> None:
        if verdict is not None:
            self.say(VERDICT, json.dumps(verdict).encode())
        self.frame(8, b"")

    def heard(self) -> tuple[int, bytes]:
        """The channel and the content of the next frame.  Raises EOFError when there is none."""
        head = self._read.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            raise EOFError
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(self._read.read(2 if size == 126 else 8), "big")
        mask = self._read.read(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self._read.read(size)))
        return (data[0] if data else -1), data[1:]


class Server:
    def __init__(self) -> None:
        self.plays: Callable[[Stream], None] = lambda stream: stream.end(SUCCESS)
        self.refusal: tuple[int, bytes] | None = None
        self.heads: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _address = self._listener.accept()
                with connection, suppress(OSError):
                    self._answer(Stream(connection))
                    connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, stream: Stream) -> None:
        self.heads.append(stream.head)
        if self.refusal:
            stream.refuse(*self.refusal)
        else:
            stream.accept()
            self.plays(stream)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def params(self) -> dict[str, Any]:
        return {"host": self.url, "api_key": "s3cret"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Server()
    yield made
    made.close()


@pytest.fixture
def container(server: Server) -> Container:
    return Container(server.params, "n", "p", "c", timeout=10)


def failure(container: Container, *argv: str, **how: Any) -> tuple[str, str]:
    with pytest.raises(SalvageError) as caught:
        container.run(argv or ["sh"], **how)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value.reason, str(caught.value)


def test_what_a_command_prints_comes_back_byte_by_byte(server: Server, container: Container) -> None:
    def plays(stream: Stream) -> None:
        stream.say(STDOUT, b"")
        stream.say(STDOUT, b"\xff\x00one")
        stream.say(STDERR, b"a warning")
        stream.say(STDOUT, b"\r\ntwo" + b"x" * 1000)
        stream.end(SUCCESS)

    server.plays = plays
    assert container.run(["cat", "a file"]) == b"\xff\x00one\r\ntwo" + b"x" * 1000
    url = urlsplit(server.heads[0].split()[1])
    assert url.path == "/api/v1/namespaces/n/pods/p/exec"
    asked = parse_qs(url.query)
    assert asked["command"] == ["cat", "a file"]
    assert asked["container"] == ["c"]
    assert {asked[name][0].lower() for name in ("stdin", "tty")} == {"false"}
    assert "authorization: Bearer s3cret" in server.heads[0]


def test_each_command_has_its_own_stream(server: Server, container: Container) -> None:
    assert container.run(["true"]) == container.run(["true"]) == b""
    assert len(server.heads) == 2


def test_what_is_given_arrives_in_small_frames(server: Server, container: Container) -> None:
    content = bytes(range(256)) * 160
    frames: list[tuple[int, bytes]] = []

    def plays(stream: Stream) -> None:
        while sum(len(data) for _channel, data in frames) < len(content) + 4:
            frames.append(stream.heard())
        stream.say(STDOUT, b"written")
        stream.end(SUCCESS)

    server.plays = plays
    assert container.run(["head"], given=iter([content, b"", b"last"])) == b"written"
    assert b"".join(data for _channel, data in frames) == content + b"last"
    assert {channel for channel, _data in frames} == {STDIN}
    assert max(len(data) for _channel, data in frames) <= 16 * 1024
    assert "stdin=true" in server.heads[0].lower()


def test_a_failed_command_says_what_it_complained_of(server: Server, container: Container) -> None:
    def plays(stream: Stream) -> None:
        stream.say(STDOUT, b"half of it")
        stream.say(STDERR, b"cat: gone:\n")
        stream.say(STDERR, b"No such file\n")
        stream.end(exited("1"))

    server.plays = plays
    assert failure(container, "cat", "gone") == ("http_error", f"cat failed in {WHERE}: cat: gone: No such file")


def test_a_failed_command_that_says_nothing_has_its_exit_status(server: Server, container: Container) -> None:
    server.plays = lambda stream: stream.end(exited("7"))
    assert failure(container, "false") == ("http_error", f"false failed in {WHERE}: exit status 7")


@pytest.mark.parametrize("details", [{}, {"details": {"causes": [{"message": "no number"}]}}])
def test_what_can_not_be_started_says_why(server: Server, container: Container, details: dict[str, Any]) -> None:
    server.plays = lambda stream: stream.end({"status": "Failure", "message": 'exec: "sh": executable file not found in $PATH', **details})
    assert failure(container, "sh") == ("http_error", f'sh failed in {WHERE}: exec: "sh": executable file not found in $PATH')


def test_a_stream_that_ends_before_the_command_is_no_success(server: Server, container: Container) -> None:
    def plays(stream: Stream) -> None:
        stream.say(STDOUT, b"half of it")
        stream.end(None)

    server.plays = plays
    assert failure(container) == ("unreachable", f"the connection to {WHERE} broke off")


def test_a_connection_that_breaks_is_no_success(server: Server, container: Container) -> None:
    server.plays = lambda stream: stream.say(STDOUT, b"half of it")
    reason, sentence = failure(container)
    assert reason == "unreachable"
    assert sentence.startswith(f"no command can be run in {WHERE}: ")


def test_a_command_that_does_nothing_is_given_up(server: Server) -> None:
    gone = threading.Event()

    def plays(stream: Stream) -> None:
        stream.frame(9, b"")  # that the connection lives is no progress
        with suppress(EOFError):
            while True:
                stream.heard()
        gone.set()

    server.plays = plays
    patient = Container(server.params, "n", "p", "c", timeout=0.3)
    assert failure(patient, "sleep", "9") == ("timeout", f"sleep in {WHERE} did nothing for 0.3 s")
    assert gone.wait(10)  # nothing is left connected


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "unauthorized"), (403, "forbidden"), (404, "not_found"), (500, "http_error"), (400, "http_error")]
)
def test_the_api_servers_refusal_is_told(server: Server, container: Container, status: int, reason: str) -> None:
    server.refusal = status, json.dumps({"kind": "Status", "message": 'pods "p" is not for you'}).encode()
    told = f'the API server answered {status}: pods "p" is not for you'
    assert failure(container) == (reason, f"no command can be run in {WHERE}: {told}")
    with pytest.raises(SalvageError) as caught:
        forward._connection(auth.login(server.params), "n", "p", 80, 10.0)
    assert (caught.value.reason, str(caught.value)) == (reason, f"no connection can be forwarded to pod p in namespace n: {told}")


def test_a_server_that_opens_no_stream_is_not_waited_for(web: Any) -> None:
    web.answers["/api/v1/namespaces/n/pods/p/exec"] = lambda asked: web.silence()
    web.answers["/api/v1/namespaces/n/pods/p/portforward"] = lambda asked: web.silence()
    login = {"host": web.url, "api_key": "s3cret"}
    started = time.monotonic()
    assert failure(Container(login, "n", "p", "c", timeout=0.5)) == ("timeout", f"{WHERE} took no command within 0.5 s")
    dial = Http(timeout=0.5, dial=lambda: forward._connection(auth.login(login), "n", "p", 80, remaining()))
    with pytest.raises(SalvageError) as caught:
        dial.request("GET", "http://s.n.svc:80/")
    assert (caught.value.reason, str(caught.value)) == ("timeout", "http://s.n.svc:80/ did not answer within 0.5 s")
    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there(server: Server, container: Container) -> None:
    server.close()
    reason, sentence = failure(container)
    assert reason == "unreachable"
    assert "refused" in sentence


def test_a_login_that_can_not_be_used_is_told_as_it_is(server: Server) -> None:
    reason, sentence = failure(Container({"kubeconfig": "/nowhere/config"}, "n", "p", "c", timeout=1))
    assert (reason, server.heads) == ("bad_input", [])
    assert sentence.startswith("there is no kubeconfig /nowhere/config")


def test_a_library_that_would_spoil_bytes_is_not_used(server: Server, container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        def __init__(self, configuration: Any, url: str, headers: Any, capture_all: bool) -> None:
            """Knows text only."""

    monkeypatch.setattr(ws_client, "WSClient", Old)
    reason, sentence = failure(container)
    assert (reason, server.heads) == ("missing_library", [])
    assert "install a newer one" in sentence
