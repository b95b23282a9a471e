# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with a cluster: raw JSON, paged lists, and the server's tables."""

from __future__ import annotations

import builtins
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._core.errors import SalvageError
from . import auth
from .http import DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT, REASON_OF, Http, Query, Response, said
from .objects import is_named
from .retry import Retry, pause, repeatable, transient

PAGE = 500
_EMPTY_PAGES = 100  # one after the other
_PAGE_BYTES = 4 << 20  # of a page, about: as Python objects it takes some times that
USER_AGENT = "euystacio-meta-salvage"  # in audit logs, and as the field manager where a write names none
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_GONE = frozenset({410})
_LATE = 504  # the API server itself has not found the time


# Of what JSON takes as it is: what YAML takes only as an escape, and halves of surrogate pairs, which UTF-8 does not have.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def body_bytes(body: Any) -> bytes:
    """JSON that is YAML too, as server-side apply reads it.

    Not all in ASCII: YAML has no escapes beyond U+FFFF that JSON has, and a text of umlauts would take three times its size, which the API
    server refuses where the object itself still fits.
    """
    text = json.dumps(body, ensure_ascii=False)
    if not text.isascii() or "\x7f" in text:  # of ASCII nothing else is escaped, and most objects are nothing else
        text = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode()


class StatusError(SalvageError):
    """The API server's answer is an error; ``status`` is its HTTP status."""

    def __init__(self, sentence: str, *, reason: str, status: int) -> None:
        super().__init__(sentence, reason=reason)
        self.status = status


class Cluster:
    """A cluster and the login to it; safe to share between threads.

    ``server`` is the API server's URL, ``http`` the pool that carries the login, ``retry`` how requests are repeated.
    """

    def __init__(self, server: str, http: Http, *, certificate: bytes = b"", retry: Retry | None = None) -> None:
        self.server = server.rstrip("/")
        self.http = http
        self.retry = retry or Retry()
        self._certificate = certificate

    @classmethod
    def connect(cls, params: Mapping[str, Any], *, timeout: float = DEFAULT_TIMEOUT, retry: Retry | None = None) -> Cluster:
        """A session on kubernetes.core's auth options (see ``auth``); nothing is sent yet.

        ``timeout`` in seconds is each request's.  Raises SalvageError(bad_input, missing_library).
        """
        options = auth.auth_options(params)
        login = auth.login(options)
        try:
            proxy_headers = {
                **(options.get("proxy_headers") or {}),
                **({"proxy_basic_auth": login.proxy_login} if login.proxy_login else {}),
            }
            http = Http(
                tls=login.tls,
                headers={"User-Agent": USER_AGENT, **login.headers},
                proxy=login.proxy,
                proxy_headers=proxy_headers,
                timeout=timeout,
            )
        except (OSError, ValueError) as exc:
            raise SalvageError(f"the login to {login.server} cannot be used: {exc}", reason="bad_input") from None
        return cls(login.server, http, certificate=login.certificate, retry=retry)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content_type: str = "application/json",
        query: Query | None = None,
        media: str = "application/json",
        timeout: float | None = None,
        max_bytes: int | None = None,
        accept: frozenset[int] = frozenset(),
        final: Callable[[Response], bool] = lambda answer: False,
        retry: Retry | None = None,
    ) -> Response:
        """One request, sent again as ``retry`` (else the session's) allows if the API server or the connection fails temporarily.

        ``path`` starts with /api, /apis or another root of the API server; a ``body`` of bytes is sent as it is.
        What is not ``repeatable`` is sent again only if the server has not begun with it.  A status of ``accept``, and what is ``final``,
        is an answer like a 2xx.
        Raises SalvageError: those of ``Http.request``, and StatusError.
        """
        policy = retry or self.retry
        limit = self.http.timeout if timeout is None else timeout
        until = time.monotonic() + max(policy.seconds, limit)
        safe = repeatable(method, body)
        sent = body if body is None or isinstance(body, bytes) else body_bytes(body)
        headers = {"Accept": media, **({"Content-Type": content_type} if body is not None else {})}
        for attempt in itertools.count(1):
            answer: Response | None = None
            left = min(limit, until - time.monotonic())
            try:
                answer = self.http.request(
                    method, self.server + path, query=query, body=sent, headers=headers, timeout=left, max_bytes=max_bytes
                )
            except SalvageError as exc:
                failure, again = exc, safe and exc.reason in policy.reasons
            else:
                if answer.status < 300 or answer.status in accept or final(answer):
                    return answer
                failure, again = self._refused(method, path, answer), transient(answer.status, safe)
            wait = pause(attempt, answer)
            if not again or attempt >= policy.tries or time.monotonic() + wait >= until:
                raise failure
            time.sleep(wait)
        raise AssertionError  # the loop ends by itself only

    def get_json(self, path: str, query: Query | None = None, **how: Any) -> dict[str, Any]:
        """The object or list at ``path``.  Raises SalvageError: those of ``call``, and invalid."""
        return self._object(path, self.call("GET", path, query=query, **how))

    def list(self, path: str, query: Query | None = None, **how: Any) -> Iterator[dict[str, Any]]:
        """The items of a list; ``how`` as ``pages``."""
        for page in self.pages(path, query, **how):
            if "items" not in page:
                raise SalvageError(f"{self.server}{path} gives no list", reason="invalid")
            yield from page["items"] or []

    def table(self, path: str, query: Query | None = None) -> builtins.list[dict[str, Any]]:
        """The rows of the server's table of a list, each a dictionary by column name.

        The objects stay on the server: a row of a pod is some 100 bytes where the pod is 8,000.  The columns are those of `kubectl get`
        (and of its wide form); there is none for the namespace, so ask one namespace at a time.
        """
        rows: builtins.list[dict[str, Any]] = []
        names: builtins.list[str] = []
        for page in self.pages(path, {**(query or {}), "includeObject": "None"}, accept=_TABLE):
            # Only the first page of some servers has the definitions.
            names, found = self._rows(path, page, names)
            rows += found
        return rows

    def _rows(self, path: str, page: dict[str, Any], names: builtins.list[str]) -> tuple[builtins.list[str], builtins.list[dict[str, Any]]]:
        """The columns and the rows of a page; a cell is found by the name of its column, never by its place."""
        try:
            if page["kind"] != "Table":
                raise TypeError(page["kind"])
            names = [column["name"] for column in page.get("columnDefinitions") or ()] or names
            return names, [dict(zip(names, row["cells"], strict=False)) for row in page.get("rows") or ()]
        except (KeyError, TypeError):
            raise SalvageError(f"{self.server}{path} gives no table", reason="invalid") from None

    def pages(
        self,
        path: str,
        query: Query | None = None,
        *,
        accept: str = "application/json",
        limit: int = PAGE,
        max_bytes: int = DEFAULT_MAX_BYTES * 4,
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, all of one resourceVersion; fewer objects on each where they are large or take long.

        When the server has forgotten that version (410: it was compacted) the rest comes from the present one, as the server offers:
        an object that was changed meanwhile may then be missing or stand there twice.  Who needs one moment in time asks with
        resourceVersionMatch=Exact, and gets StatusError(conflict) instead.
        """
        token = ""
        seen: set[str] = set()
        firsts: set[tuple[str, str]] = set()  # the first object of each page: a list is in the order of its names
        empty = 0
        most = limit
        rest = dict(query or {})
        exact = rest.get("resourceVersionMatch") == "Exact"
        while True:
            asked = {**rest, "limit": limit, **({"continue": token} if token else {})}
            how: dict[str, Any] = {"media": accept, "max_bytes": max_bytes, "accept": _GONE}
            patient = limit > 1 and self.retry.tries > 1
            if patient:  # a page that takes too long would again; a smaller one may not
                how["retry"] = replace(self.retry, reasons=self.retry.reasons - {"timeout"})
            try:
                answer = self.call("GET", path, query=asked, **how)
            except SalvageError as exc:
                slow = patient and (exc.reason == "timeout" or (isinstance(exc, StatusError) and exc.status == _LATE))
                if not slow and (exc.reason != "too_large" or limit == 1):
                    raise
                limit = max(limit // 8, 1)
                most = limit if slow else most
                continue
            if answer.status != 200:
                fresh = "" if exact or not token else _fresh_token(answer)
                if not fresh or fresh in seen:
                    raise self._refused("GET", path, answer)
                token = fresh
                seen.add(token)
                continue
            page = self._object(path, answer)
            if not _is_list(page):
                raise SalvageError(f"{self.server}{path} gives no list", reason="invalid")
            if not all(map(is_named, page.get("items") or ())):
                raise SalvageError(f"{self.server}{path} gives a list with something in it that has no name", reason="invalid")
            if len(answer.body) > _PAGE_BYTES:
                limit = max(limit * _PAGE_BYTES // len(answer.body), 1)
            elif len(answer.body) < _PAGE_BYTES // 4:
                limit = min(limit * 2, most)
            del answer  # its body is as large as the page, which the caller may keep for long
            yield page
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                if rest_of := metadata.get("remainingItemCount"):
                    raise SalvageError(f"{self.server}{path} ends although {rest_of} more objects remain", reason="invalid")
                return
            first = next((_place(item) for item in page.get("items") or ()), None)
            empty = 0 if first or page.get("rows") else empty + 1
            if token in seen or first in firsts or empty > _EMPTY_PAGES:
                raise SalvageError(f"{self.server}{path} gives the same page again and again", reason="invalid")
            if first:
                firsts.add(first)
            seen.add(token)
            # The token names the version of the rest; the server refuses a second statement of it.
            rest.pop("resourceVersion", None)
            rest.pop("resourceVersionMatch", None)

    def _object(self, path: str, answer: Response) -> dict[str, Any]:
        try:
            data = answer.json()
        except SalvageError as exc:
            raise SalvageError(f"{self.server}{path} is not a Kubernetes API: {exc}", reason=exc.reason) from None
        if not isinstance(data, dict):
            raise SalvageError(f"{self.server}{path} answered with something that is not a Kubernetes object", reason="invalid")
        return data

    def _refused(self, method: str, path: str, answer: Response) -> StatusError:
        reason = REASON_OF.get(answer.status, "http_error")
        hint = ""
        if reason == "unauthorized":
            ended = auth.expired(self._certificate)
            hint = (
                f"; the client certificate expired on {ended}, get a new one"
                if ended
                else "; the login is not valid (any more), get a new one"
            )
        elif reason == "forbidden":
            hint = "; ask for the right to it, or leave it out"
        verb = "" if method == "GET" else f"{method} "
        return StatusError(f"{verb}{self.server}{path} answered {answer.status}{said(answer)}{hint}", reason=reason, status=answer.status)


def _is_list(page: dict[str, Any]) -> bool:
    """Whether it is a page of a list: an empty one may have no items, but then its kind says that it is a list."""
    content = [page[name] for name in ("items", "rows") if name in page]
    metadata = page.get("metadata") or {}
    return (
        all(isinstance(one, list | None) for one in content)
        and (bool(content) or str(page.get("kind")).endswith(("List", "Table")))
        and isinstance(metadata, dict)
        and isinstance(metadata.get("continue"), str | None)
    )


def _fresh_token(answer: Response) -> str:
    try:
        data = answer.json()
    except SalvageError:
        return ""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return str(item["metadata"].get("namespace")), item["metadata"]["name"]
