# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import http as room
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response, open_endpoint, said
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def failure(action: Any) -> tuple[str, str]:
    with pytest.raises(SalvageError) as caught:
        action()
    return caught.value.reason, str(caught.value)


def test_an_answer(web: Any) -> None:
    web.answers["/x"] = (500, "text/plain; charset=utf-8", "no")
    answer = Http(headers={"Authorization": "Bearer t", "Impersonate-Group": ["a", "b"]}).request("GET", web.url + "/x", query={"q": "a b"})
    assert (answer.status, answer.content_type, answer.body) == (500, "text/plain", b"no")
    assert answer.elapsed > 0
    (asked,) = web.asked
    assert (asked.query, asked.headers["authorization"], asked.headers["impersonate-group"]) == ({"q": "a b"}, ["Bearer t"], ["a", "b"])


def test_redirects_are_not_followed(web: Any) -> None:
    web.answers["/x"] = [b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"]
    assert Http().request("GET", web.url + "/x").status == 302
    assert len(web.asked) == 1


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "silence before the head": (),
    "silence in the body": (HEAD + b"Content-Length: 100000\r\n\r\n{",),
    "the status line": (b"HTTP/1.1 ",),
    "the head": (HEAD + b"X-Long: ",),
    "many heads": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 100 Continue",),
    "the body": (HEAD + b"Content-Length: 100000\r\n\r\n{",),
    "the size of a chunk": (CHUNKED + b"1",),
    "a chunk's extension": (CHUNKED + b"1;x=",),
    "a chunk": (CHUNKED + b"ffff\r\n",),
    "the trailer": (CHUNKED + b"1\r\n{\r\n0\r\nX-Long:",),
    "a gzip body": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n\x1f\x8b\x08\x08" + b"\0" * 6,),
}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("how", SLOW)
def test_what_takes_too_long_ends_at_the_deadline(web: Any, secure: Any, how: str, tls: bool) -> None:
    server = secure[0] if tls else web
    server.answers["/x"] = lambda asked: server.silence(*SLOW[how]) if "silence" in how else server.drip(*SLOW[how])
    http = Http(timeout=0.4, tls={"cert_reqs": "CERT_NONE", "assert_hostname": False})
    started = time.monotonic()
    reason, says = failure(lambda: http.request("GET", server.url + "/x"))
    assert time.monotonic() - started < 3
    assert (reason, says) == ("timeout", f"{server.url}/x did not answer within 0.4 s")


@pytest.mark.parametrize("how", [how for how in SLOW if "body" not in how and "chunk" not in how and "trailer" not in how])
def test_a_stream_has_so_long_for_its_head(web: Any, how: str) -> None:
    web.answers["/x"] = lambda asked: web.silence(*SLOW[how]) if "silence" in how else web.drip(*SLOW[how])
    started = time.monotonic()
    assert failure(lambda: list(Http(timeout=0.3).stream("GET", web.url + "/x", idle=30.0)))[0] == "timeout"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("how", ["the size of a chunk", "a chunk's extension", "the trailer"])
def test_a_stream_has_so_long_for_each_piece(web: Any, how: str) -> None:
    web.answers["/x"] = lambda asked: web.drip(*SLOW[how])
    started = time.monotonic()
    assert failure(lambda: list(Http(timeout=30.0).stream("GET", web.url + "/x", idle=0.3)))[0] == "timeout"
    assert time.monotonic() - started < 2


def test_a_stream_that_goes_on_has_no_end(web: Any) -> None:
    def pieces() -> Iterator[bytes]:
        yield HEAD + b"\r\n"
        for _ in range(8):
            time.sleep(0.1)
            yield b"x"

    web.answers["/x"] = lambda asked: pieces()
    assert b"".join(Http(timeout=0.3).stream("GET", web.url + "/x")) == b"x" * 8


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_takes_no_connection_or_shakes_no_hand_ends_at_the_deadline(scheme: str) -> None:
    with socket.socket() as mute, contextlib.ExitStack() as others:
        mute.bind(("127.0.0.1", 0))
        mute.listen(0)
        if scheme == "http":  # a queue that is full drops the next one's first packet
            for _ in range(3):
                other = others.enter_context(socket.socket())
                other.setblocking(False)
                other.connect_ex(mute.getsockname())
        started = time.monotonic()
        reason, _says = failure(lambda: Http(timeout=0.4).request("GET", f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/"))
        assert (reason, time.monotonic() - started < 3) == ("timeout", True)


def test_a_handshake_that_drips_ends_at_the_deadline() -> None:
    stop = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _address = listening.accept()
        with connection:
            connection.sendall(b"\x16\x03\x03\x40\x00")
            while not stop.wait(0.02):
                with contextlib.suppress(OSError):
                    connection.sendall(b"\x02")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        started = time.monotonic()
        reason, _says = failure(lambda: Http(timeout=0.4).request("GET", f"https://127.0.0.1:{listening.getsockname()[1]}/"))
        took = time.monotonic() - started
        stop.set()
        thread.join()
    assert reason in {"timeout", "tls"}
    assert took < 3


def test_several_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as mute, contextlib.ExitStack() as others:
        for _ in range(3):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(mute.getsockname())
        entry = (socket.AF_INET, socket.SOCK_STREAM, 0, "", mute.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **how: [entry] * 5)
        started = time.monotonic()
        assert failure(lambda: Http(timeout=0.5).request("GET", "http://many.example/"))[0] == "timeout"
        assert time.monotonic() - started < 3


def test_a_server_that_does_not_read_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/"
        assert failure(lambda: Http(timeout=0.5).request("POST", url, body=b"x" * 50_000_000))[0] == "timeout"
        assert time.monotonic() - started < 2


def encoded(encoding: str, body: bytes, *, length: bool = True) -> list[bytes]:
    size = f"Content-Length: {len(body)}\r\n" if length else "Connection: close\r\n"
    return [HEAD + f"Content-Encoding: {encoding}\r\n{size}\r\n".encode() + body]


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("encoding", ["gzip", "GZip", "x-gzip"])
def test_gzip_is_read_though_it_was_not_asked_for(web: Any, encoding: str, length: bool) -> None:
    text = b'{"kind": "' + b"long " * 100_000 + b'"}'
    web.answers["/x"] = encoded(encoding, gzip.compress(text), length=length)
    answer = Http().request("GET", web.url + "/x")
    assert answer.body == text
    assert not {"content-length", "content-encoding"} & set(answer.headers)  # they are not of this body
    assert b"".join(Http().stream("GET", web.url + "/x")) == text
    web.answers["/x"] = encoded(encoding, gzip.compress(b'{"a":') + gzip.compress(b"1}"), length=length)
    assert Http().request("GET", web.url + "/x").json() == {"a": 1}
    web.answers["/x"] = encoded(encoding, b"", length=length)
    assert Http().request("GET", web.url + "/x").body == b""


def test_gzip_in_chunks(web: Any) -> None:
    body = gzip.compress(b"0123456789" * 50)
    chunks = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body))) + b"0\r\n\r\n"
    web.answers["/x"] = [HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks]
    assert Http().request("GET", web.url + "/x").body == b"0123456789" * 50


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "br", "deflate", "zstd", "gzip, identity", "x", "compress", "gzip\r\nContent-Encoding: gzip"]
)
def test_what_else_is_encoded_is_refused(web: Any, encoding: str) -> None:
    web.answers["/x"] = encoded(encoding, gzip.compress(gzip.compress(b"{}")))
    for action in (lambda: Http().request("GET", web.url + "/x"), lambda: list(Http().stream("GET", web.url + "/x"))):
        reason, says = failure(action)
        assert (reason, says.startswith(f"{web.url}/x sent a body with the Content-Encoding '")) == ("invalid", True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"x" * 50_000_000, mtime=0), "too_large"),
        (gzip.compress(b"x" * 5000, mtime=0)[:-4], "http_error"),
        (b"\x1f\x8b", "http_error"),
        (b"{}", "invalid"),
        (gzip.compress(b"{}", mtime=0) + b"rest", "invalid"),
    ],
)
def test_a_bad_gzip_body_is_one_sentence_within_bounds(web: Any, body: bytes, reason: str) -> None:
    web.answers["/x"] = encoded("gzip", body)
    tracemalloc.start()
    assert failure(lambda: Http(max_bytes=1_000_000).request("GET", web.url + "/x"))[0] == reason
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_too_much_is_not_read(web: Any) -> None:
    web.answers["/x"] = (200, "text/plain", "a" * 5000)
    assert failure(lambda: Http(max_bytes=1000).request("GET", web.url + "/x")) == (
        "too_large",
        f"{web.url}/x sent more than 1000 bytes; the rest was not read",
    )


@pytest.mark.parametrize(
    "raw", [HEAD + b"Content-Length: 100\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", b"", b"SSH-2.0-x\r\n"]
)
def test_what_breaks_off(web: Any, raw: bytes) -> None:
    web.answers["/x"] = [raw]
    reason, says = failure(lambda: Http().request("GET", web.url + "/x"))
    assert (reason, says.startswith(f"the connection to {web.url}/x broke off: ")) == ("http_error", True)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        reason, says = failure(lambda: Http(timeout=1.0).request("GET", url))
    assert (reason, "Connection refused" in says, url in says) == ("unreachable", True, True)


def test_a_password_in_an_url_is_never_told() -> None:
    for url in ("http://u:s3cret@127.0.0.1:1/x?token=s3cret", "http://u:s3cret@nowhere.invalid/"):
        assert "s3cret" not in failure(lambda url=url: Http(timeout=0.5).request("GET", url))[1]
    assert "s3cret" not in repr(open_endpoint("http://u:s3cret@a:1").address)


def test_a_certificate_that_nobody_vouches_for(secure: Any) -> None:
    server, shown = secure
    server.answers["/x"] = {}
    reason, says = failure(lambda: Http().request("GET", server.url + "/x"))
    assert (reason, says.startswith(f"TLS with {server.url}/x failed: ")) == ("tls", True)
    assert Http(tls={"ca_certs": str(shown.cert_file)}).request("GET", server.url + "/x").status == 200
    assert Http(tls={"cert_reqs": "CERT_NONE", "assert_hostname": False}).request("GET", server.url + "/x").status == 200


def test_plain_where_tls_is_spoken(web: Any) -> None:
    reason, _says = failure(lambda: Http().request("GET", web.url.replace("http:", "https:")))
    assert reason == "tls"


def test_a_stream(web: Any) -> None:
    web.answers["/x"] = lambda asked: web.silence(HEAD + b"\r\none", b"two")
    pieces = Http(timeout=0.3).stream("GET", web.url + "/x")
    got = b""
    while got != b"onetwo":
        got += next(pieces)
    assert failure(lambda: next(pieces))[0] == "timeout"
    web.answers["/x"] = (403, "application/json", '{"message": "no"}')
    assert failure(lambda: list(Http().stream("GET", web.url + "/x"))) == ("forbidden", f"{web.url}/x answered 403: no")


def test_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "urllib3", None)
    assert failure(Http)[0] == "missing_library"


@pytest.mark.parametrize("address", ["euystacio", "ftp://a", "http://", "http://[::1", "http://a:port", "service://a/b", "service://A/b:1"])
def test_what_is_no_address(address: str) -> None:
    assert failure(lambda: open_endpoint(address)) == (
        "bad_input",
        f"{address!r} is not the address of a service; write http://host:port, or service://namespace/name:port",
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://u:s3cret@host:9O90",
        "ftp://u:s3cret@host",
        "http:/u:s3cret@host",
        "u:s3cret@host:9090",
        "http://u:s3cr#et@host",
        "http://u:s3cr?et@host",
        "http://u:12#s3cret@host",
        "http://u:12?s3cret@host",
        "http://u:s3cr/et@host",
        "http://u:s3cr et@host",
        "http://u:s3cr\net@host",
        "http://u:s3cret@[::1",
        "http://u:s3cret@",
        "http://u:s3cret@host:0",
        "http://s3cret@host",
        "service://u:s3cret@a/b:1",
    ],
)
def test_an_address_with_a_login_that_can_not_be_used_is_not_quoted(address: str) -> None:
    reason, says = failure(lambda: open_endpoint(address))
    assert reason == "bad_input"
    assert says.startswith(("the address is not the address of a service; ", "the login in the address is a username without a password"))
    for part in ("s3cr", "12", "et@", "u:"):
        assert part not in says
    assert "s3cr" not in failure(lambda: Http(timeout=0.2).request("GET", address))[1]


def test_the_login_in_an_address_is_sent(web: Any) -> None:
    web.answers["/x"] = {}
    address = web.url.replace("//", "//u:p%40ss@")
    open_endpoint(address).get("/x")
    open_endpoint(address, http=Http(headers={"Authorization": "Bearer t"})).get("/x")
    assert [asked.headers["authorization"] for asked in web.asked] == [["Basic dTpwQHNz"], ["Bearer t"]]


def test_a_service_needs_a_cluster() -> None:
    assert failure(lambda: open_endpoint("service://a/b:80")) == (
        "bad_input",
        "service://a/b:80 needs a connection to the cluster; give a kubeconfig, or an http:// address",
    )


class Session:
    def __init__(self, server: str) -> None:
        self.server = server
        self.http = Http(timeout=1.0)


@pytest.mark.parametrize(("scheme", "name"), [("service", "api:8000"), ("services", "https:api:8000")])
def test_a_service_through_the_api_server(web: Any, scheme: str, name: str) -> None:
    web.answers[f"/api/v1/namespaces/a/services/{name}/proxy/v1/health"] = {"status": "healthy"}
    endpoint = open_endpoint(f"{scheme}://a/api:8000/v1/", cluster=Session(web.url))
    assert endpoint.get("/health").json() == {"status": "healthy"}


def test_a_service_without_anybody_behind_it(web: Any) -> None:
    path = "/api/v1/namespaces/a/services/api:8000/proxy/health"
    endpoint = open_endpoint("service://a/api:8000", cluster=Session(web.url))
    web.answers[path] = (503, "application/json", '{"kind":"Status","message":"no endpoints available for service \\"api\\""}')
    says = 'service://a/api:8000/health answered 503: no endpoints available for service "api"'
    assert failure(lambda: endpoint.get("/health")) == ("unreachable", says)
    web.answers[path] = (503, "application/json", '{"error": "busy"}')
    assert failure(lambda: endpoint.get("/health")) == ("http_error", "service://a/api:8000/health answered 503: busy")
    web.answers[path] = [b""]
    assert failure(lambda: endpoint.get("/health"))[1].startswith("the connection to service://a/api:8000/health broke off")


def test_json_is_posted(web: Any) -> None:
    web.answers["/v1/data"] = (400, "application/json", "{}")
    assert open_endpoint(web.url, headers={"X-Token": "t"}).post_json("/v1/data", {"input": 1}).status == 400
    (asked,) = web.asked
    assert (asked.method, asked.body, asked.headers["content-type"], asked.headers["x-token"]) == (
        "POST",
        b'{"input": 1}',
        ["application/json"],
        ["t"],
    )


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json", b'{"message": "a\\nb"}', ": a b"),
        ("application/json", b"{", ""),
        ("application/json", b"[]", ""),
        ("text/plain", b"x" * 500, ": " + "x" * 200),
        ("text/plain", b"\xff", ": \ufffd"),
        ("text/html", b"<html>", ""),
    ],
)
def test_what_an_error_says_of_itself(kind: str, body: bytes, text: str) -> None:
    assert said(Response(500, {"content-type": kind}, body, 0.0)) == text


def test_a_file_of_certificates_that_is_gone(secure: Any, tmp_path: Path) -> None:
    server, _shown = secure
    reason, says = failure(lambda: Http(tls={"ca_certs": str(tmp_path / "ca.pem")}).request("GET", server.url))
    assert reason in {"tls", "unreachable"}
    assert "\n" not in says
