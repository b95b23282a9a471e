# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that answers whatever a test wants, in good form or in bad."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

UTC = datetime.timezone.utc


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, list[str]]
    body: bytes


class Web:
    """``answers`` by path: JSON (status 200), or (status, content type, text), raw bytes in pieces, or a function that gives one."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def silence(self, *before: bytes) -> Iterator[bytes]:
        """Raw bytes, then nothing more until the test is over."""
        yield from before
        self.closing.wait(30)

    def drip(self, *before: bytes) -> Iterator[bytes]:
        """Raw bytes, then one every now and then."""
        yield from before
        while not self.closing.wait(0.02):
            yield b" "


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ssl.SSLError):
                self.close_connection = True  # who asked has gone, or doesn't trust us

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                self.command,
                parts.path,
                {name: values[0] for name, values in parse_qs(parts.query).items()},
                {name.lower(): self.headers.get_all(name) or [] for name in self.headers},
                self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
            web.asked.append(asked)
            answer = web.answers.get(parts.path)
            if callable(answer):
                answer = answer(asked)
            if answer is None:
                answer = refusal(404, f"the server has no {parts.path}")
            if isinstance(answer, dict) or (isinstance(answer, list) and not any(isinstance(one, bytes) for one in answer)):
                answer = (200, "application/json", json.dumps(answer))
            if not isinstance(answer, tuple):
                self.close_connection = True
                self.raw(answer)
                return
            status, content_type, text = answer
            body = text if isinstance(text, bytes) else text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def raw(self, pieces: Iterable[bytes]) -> None:
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815

    return Handler


def refusal(code: int, message: str, **more: Any) -> tuple[int, str, str]:
    """An API server's Status."""
    return code, "application/json", json.dumps({"kind": "Status", "apiVersion": "v1", "code": code, "message": message, **more})


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


class Pem:
    """A self-signed certificate of 127.0.0.1, and its key, as files."""

    def __init__(self, folder: Path, name: str = "pem", *, days: float = 365, since: float = -1) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=min(since, days - 1)))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)
        self.private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.cert_file, self.key_file = folder / f"{name}.crt", folder / f"{name}.key"
        self.cert_file.write_bytes(self.certificate)
        self.key_file.write_bytes(self.private)

    @property
    def cert_data(self) -> str:
        return base64.b64encode(self.certificate).decode()

    @property
    def key_data(self) -> str:
        return base64.b64encode(self.private).decode()

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert_file, self.key_file)
        return context


@pytest.fixture
def pem(tmp_path: Path) -> Any:
    def make(name: str = "pem", **how: float) -> Pem:
        return Pem(tmp_path, name, **how)

    return make


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Web, Pem]]:
    """A server with TLS, and the certificate that it shows."""
    shown = Pem(tmp_path, "server")
    server = Web(shown.context())
    yield server, shown
    server.close()
