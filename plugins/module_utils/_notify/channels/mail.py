# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail by SMTP with STARTTLS: without a certificate that is valid for the server, nothing is sent, and no password is shown."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from ..._cluster.transport import within
from ..._core.errors import SalvageError
from ..._core.redact import excerpt
from ..._redaction.redactor import Redactor
from ..._sealing.hashing import digest
from ..channel import SendError, Sent
from ..message import Message, content_hash
from ..text import cut, headline, plain_text

_SUBJECT, _TEXT = 200, 100_000
_REASONS = {535: "unauthorized", 530: "unauthorized", 550: "not_found", 552: "too_large"}


def mail(message: Message, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The mail of a message.  Its ids are made of the message: a second one is seen as the same, and all of one trouble as one thread."""
    made = EmailMessage()
    made["From"], made["To"] = sender, ", ".join(recipients)
    made["Subject"] = cut(" ".join(headline(message).split()), _SUBJECT)
    domain = sender.rpartition("@")[2].strip("> ") or "meta-salvage"
    made["Message-ID"] = f"<{content_hash(message)[:32]}@{domain}>"
    made["References"] = f"<{digest(message.dedup_key.encode())[:32]}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(cut(plain_text(message), _TEXT))
    return made


class Mail:
    keyed = False

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        sender: str,
        recipients: Sequence[str],
        *,
        username: str = "",
        password: str = "",
        ca_path: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        for address in (sender, *recipients):
            if not _is_address(address):
                raise SalvageError(f"{name}: {address!r} is not a mail address; write user@example.com", reason="bad_input")
        if not host or not recipients:
            raise SalvageError(f"{name}: host or recipients are missing; set both", reason="bad_input")
        self.name = name
        self.timeout = timeout
        self._host, self._port, self._sender, self._recipients = host, port, sender, list(recipients)
        self._username, self._password = username, password
        self._redactor = Redactor([one for one in (password, f"{username}:{password}", f"\0{username}\0{password}") if password])
        try:
            self._context = ssl.create_default_context(cafile=str(Path(ca_path)) if ca_path else None)
        except OSError as exc:
            raise SalvageError(f"{name}: {ca_path} can't be read: {exc.strerror or exc}; give a PEM file", reason="bad_input") from None

    def render(self, message: Message) -> dict[str, Any]:
        made = mail(message, self._sender, self._recipients)
        return {**dict(made.items()), "text": made.get_content()}

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        made = mail(message, self._sender, self._recipients)
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        open_: list[smtplib.SMTP] = []
        try:
            refused = within(seconds, lambda: self._deliver(made, seconds, open_))
        except (OSError, smtplib.SMTPException, UnicodeError) as exc:
            raise self._explained(exc, seconds) from None
        finally:
            for server in open_:
                server.close()  # a thread that is late must not go on
        says = f"refused for {', '.join(sorted(refused))}" if refused else ""
        return Sent(id=str(made["Message-ID"]), says=says)

    def _deliver(self, made: EmailMessage, seconds: float, open_: list[smtplib.SMTP]) -> dict[str, Any]:
        server = smtplib.SMTP(timeout=seconds + 1)  # ``within`` ends it first, as a time-out
        open_.append(server)
        server._host = self._host  # type: ignore[attr-defined]  # the name that STARTTLS checks the certificate for
        server.connect(self._host, self._port)
        server.starttls(context=self._context)
        if self._username:
            server.login(self._username, self._password)
        refused = server.send_message(made)
        with suppress(OSError, smtplib.SMTPException):
            server.quit()  # the mail is taken: a server that hangs up here must not get it again
        return refused

    def _explained(self, exc: Exception, seconds: float) -> SendError:
        host = f"{self._host}:{self._port}"
        if isinstance(exc, UnicodeError):
            return SendError(
                f"username or password for {host} is not ASCII, which this login can't send; set another one", reason="bad_input"
            )
        if isinstance(exc, TimeoutError):
            return SendError(f"{host} did not answer within {seconds:g} s", reason="timeout", again=True)
        if isinstance(exc, smtplib.SMTPNotSupportedError):
            what = "login" if "AUTH" in str(exc) else "STARTTLS"
            return SendError(f"{host} does not offer {what}, so nothing was sent; use a server that does", reason="tls")
        if isinstance(exc, ssl.SSLError):
            return SendError(f"TLS with {host} failed: {getattr(exc, 'verify_message', '') or exc.reason or exc}", reason="tls")
        if isinstance(exc, smtplib.SMTPRecipientsRefused):
            code, words = next(iter(exc.recipients.values()))
            return self._refused(f"{host} refused every recipient", code, words)
        if isinstance(exc, smtplib.SMTPResponseException):
            return self._refused(f"{host} answered", exc.smtp_code, exc.smtp_error)
        if isinstance(exc, smtplib.SMTPException):
            return SendError(f"the connection to {host} broke off", reason="http_error", again=True)
        return SendError(f"{host} is unreachable: {getattr(exc, 'strerror', None) or type(exc).__name__}", reason="unreachable", again=True)

    def _refused(self, what: str, code: int, words: bytes | str) -> SendError:
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        text = self._redactor.text(text)
        return SendError(f"{what}: {code} {excerpt(text, 200)}", reason=_REASONS.get(code, "http_error"), again=400 <= code < 500)


def _is_address(text: str) -> bool:
    local, _at, domain = text.rpartition("@")
    return bool(local) and bool(domain) and text.isascii() and text.isprintable() and not set(text) & set(' ,;<>"()')
