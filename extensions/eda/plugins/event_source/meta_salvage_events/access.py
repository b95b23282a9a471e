# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may send: a bearer token, a signature over the body, a client certificate. Each one that is configured has to be right."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from pathlib import Path

from .options import OptionError, Options

SHORTEST_SECRET = 16


class NotReadableError(Exception):
    """A secret cannot be read now, so nobody is let in."""


class SecretFile:
    """The secrets in a file, one a line, read again when the file changes: while senders change over, the old and the new one are right."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._secrets: tuple[bytes, ...] = ()

    def secrets(self) -> tuple[bytes, ...]:
        """Raises NotReadableError, also where one is too short to be a secret."""
        try:
            found = self.path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                lines = [line.strip() for line in self.path.read_bytes().splitlines()]
                secrets = tuple(line for line in lines if line)
                if not secrets or any(len(secret) < SHORTEST_SECRET for secret in secrets):
                    raise NotReadableError(f"{self.path} has to have a secret of at least {SHORTEST_SECRET} characters in each line.")
                self._secrets, self._seen = secrets, seen
        except OSError as error:
            raise NotReadableError(f"{self.path} cannot be read: {error.strerror}.") from None
        return self._secrets


class Access:
    def __init__(self, options: Options) -> None:
        self._token = SecretFile(options.token_file) if options.token_file else None
        self._hmac = SecretFile(options.hmac_file) if options.hmac_file else None
        self.hmac_header = options.hmac_header
        self._names = frozenset(options.client_names)
        for file in (self._token, self._hmac):
            if file:
                file.secrets()

    def token_is_right(self, authorization: str | None) -> bool:
        if self._token is None:
            return True
        scheme, _space, given = (authorization or "").strip().partition(" ")
        return _matches(given.strip().encode("utf-8", "replace"), self._token.secrets()) and scheme.lower() == "bearer"

    def signature_is_right(self, signature: str | None, body: bytes) -> bool:
        if self._hmac is None:
            return True
        given = (signature or "").strip().removeprefix("sha256=").lower().encode("ascii", "replace")
        wanted = tuple(hmac.new(secret, body, hashlib.sha256).hexdigest().encode() for secret in self._hmac.secrets())
        return _matches(given, wanted)

    def name_is_right(self, certificate: object) -> bool:
        """TLS has proven that the client CA signed it; this is whether its name is one of those that may send."""
        return not self._names or bool(self._names & names_of(certificate))


def names_of(certificate: object) -> set[str]:
    """The common name and the alternative names of a certificate as ``ssl`` describes it."""
    if not isinstance(certificate, dict):
        return set()
    common = {value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"}
    return common | {value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI")}


def tls_context(options: Options) -> ssl.SSLContext | None:
    """Raises OptionError."""
    if not options.cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.cert_file, options.key_file)
        if options.client_ca_file:
            context.load_verify_locations(options.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise OptionError(f"The files of cert_file, key_file or client_ca_file cannot be used: {error}.") from None
    return context


def _matches(given: bytes, wanted: tuple[bytes, ...]) -> bool:
    """All of them are compared, each in constant time: how long it takes says nothing about which one was nearly right."""
    return sum(hmac.compare_digest(given, one) for one in wanted) > 0
