# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel is, and how those of HTTP send: one request with a deadline, and one sentence for what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from .._cluster.http import REASON_OF, Http, Response, said
from .._cluster.retry import asked_pause
from .._core.errors import SalvageError
from .._core.redact import excerpt
from .._redaction.redactor import Redactor
from .message import Message

HIDDEN = "(hidden)"
_MAX_BYTES = 1024 * 1024  # of an answer
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WAYS_OUT = {
    "timeout": "{host} did not answer within {seconds:g} s",
    "tls": "TLS with {host} failed: {tail}",
    "unreachable": "{host} is unreachable: {tail}",
    "http_error": "the connection to {host} broke off: {tail}",
    "too_large": "{host} sent an answer that is too large",
}
_AGAIN = frozenset({"timeout", "unreachable", "http_error"})


class SendError(SalvageError):
    """Why a channel did not take a message; ``again`` is whether to try again, ``after`` so many seconds where the server asks for it."""

    def __init__(self, sentence: str, *, reason: str, again: bool = False, after: float | None = None) -> None:
        super().__init__(sentence, reason=reason)
        self.again = again
        self.after = after


@dataclass(frozen=True)
class Sent:
    """What the other side made of a message: its own name for it, and who did not get it."""

    id: str = ""
    says: str = ""


class Channel(Protocol):
    """``keyed``: a second message with the same dedup key makes no second alert there."""

    name: str
    keyed: bool
    timeout: float

    def render(self, message: Message) -> dict[str, Any]:
        """What is sent, without anything secret.  Pure."""

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        """Raises SendError."""


class SkippedError(Exception):
    """A message that means nothing to a channel: it is not sent, and nothing has failed."""


class Web:
    """The HTTP side of a channel; ``secrets`` are in no sentence, whatever the server says."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secrets: tuple[str, ...] = (),
        ca_path: str | None = None,
        proxy: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.url = web_address(url, name)
        self.host = urlsplit(self.url).hostname or ""
        self.timeout = timeout
        self._redactor = Redactor([one for one in (*secrets, *_parts(self.url)) if one])
        if ca_path and not Path(ca_path).is_file():
            raise SalvageError(f"{name}: there is no file {ca_path}; give a PEM file of certificates", reason="bad_input")
        self._http = Http(tls={"ca_certs": ca_path} if ca_path else {}, proxy=proxy, timeout=timeout, max_bytes=_MAX_BYTES)

    def call(
        self,
        method: str,
        path: str = "",
        payload: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | int | float | list[str]] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """The answer with a status of success.  Raises SendError."""
        sent = {"Accept": "application/json", **(headers or {})}
        if payload is not None:
            body = json.dumps(payload).encode()
        if body is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        seconds = self.timeout if timeout is None else min(timeout, self.timeout)
        try:
            answer = self._http.request(method, self.url + path, query=query, body=body, headers=sent, timeout=seconds)
        except SalvageError as exc:
            tail = self.quote(str(exc).rsplit(": ", maxsplit=1)[-1])
            sentence = _WAYS_OUT.get(exc.reason, "{host}: {tail}").format(host=self.host, seconds=seconds, tail=tail)
            raise SendError(sentence, reason=exc.reason, again=exc.reason in _AGAIN) from None
        if not 200 <= answer.status < 300:
            raise self.refused(answer)
        return answer

    def refused(self, answer: Response) -> SendError:
        if 300 <= answer.status < 400:
            sentence = f"{self.host} answered {answer.status}, a redirect, which is not followed; give the address that it leads to"
            return SendError(sentence, reason="http_error")
        sentence = f"{self.host} answered {answer.status}{self.quote(said(answer))}"
        again = answer.status == 429 or answer.status >= 500
        return SendError(sentence, reason=REASON_OF.get(answer.status, "http_error"), again=again, after=asked_pause(answer))

    def quote(self, words: str) -> str:
        return self._redactor.text(words)


class IncomingWebhook:
    """A channel that is an address: a message is what one POST to it holds."""

    keyed = False

    def __init__(self, name: str, web: Web, content: Callable[[Message], dict[str, Any]], is_taken: Callable[[Response], bool]) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._content, self._is_taken = web, content, is_taken

    def render(self, message: Message) -> dict[str, Any]:
        return self._content(message)

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        answer = self._web.call("POST", "", self.render(message), timeout=timeout)
        if not self._is_taken(answer):
            raise odd_answer(self._web, answer)
        return Sent()


def odd_answer(web: Web, answer: Response) -> SendError:
    """A status of success, and a body that is not: an error of the vendor, or the login page of a proxy."""
    body = web.quote(excerpt(answer.body[:2000].decode("utf-8", "replace"), 100))
    sentence = f"{web.host} answered {answer.status}, but not that it took the message: {body or 'nothing'}"
    return SendError(sentence, reason="invalid", again="429" in body)


def json_object(web: Web, answer: Response) -> dict[str, Any]:
    """The object in an answer.  Raises SendError."""
    try:
        found = answer.json()
    except SalvageError:
        found = None
    if not isinstance(found, dict):
        raise SendError(f"{web.host} answered {answer.status} with something that is not a JSON object", reason="invalid")
    return found


def web_address(url: str, name: str) -> str:
    """An address that credentials may be sent to.  Raises SalvageError(bad_input) without quoting it: it can be a secret itself."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text:
        raise SalvageError(f"{name}: url is missing, holds a login, or is not an address; write https://host/path", reason="bad_input")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SalvageError(f"{name}: url is not https, so others could read the credentials; write https://", reason="bad_input")
    return text.rstrip("/")


def required(value: str | None, name: str, what: str) -> str:
    """A credential or a name that a channel can't do without.  Raises SalvageError(bad_input)."""
    text = (value or "").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SalvageError(f"{name}: {what} is missing, or is not one word of printable ASCII; set it", reason="bad_input")
    return text


def _parts(url: str) -> tuple[str, ...]:
    """What of an address can be a credential: the path of a webhook, its query."""
    parts = urlsplit(url)
    return tuple(one for one in (parts.path, parts.query, *parts.path.split("/"), *parts.query.split("&")) if len(one) >= 12)
