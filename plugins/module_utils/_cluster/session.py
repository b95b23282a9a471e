# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with a cluster: raw JSON, paged lists, and the server's tables."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import SalvageError
from . import auth
from .http import DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT, REASON_OF, Http, Query, Response, said

PAGE = 500
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_REASON_OF = {**REASON_OF, 409: "conflict", 410: "conflict", 422: "invalid"}


class Cluster:
    """A cluster and the login to it; safe to share between threads.

    ``server`` is the API server's URL, ``http`` the pool that carries the login.
    """

    def __init__(self, server: str, http: Http, *, certificate: bytes = b"") -> None:
        self.server = server.rstrip("/")
        self.http = http
        self._certificate = certificate

    @classmethod
    def connect(cls, params: Mapping[str, Any], *, timeout: float = DEFAULT_TIMEOUT) -> Cluster:
        """A session on kubernetes.core's auth options (see ``auth``); nothing is sent yet.

        ``timeout`` in seconds is each request's.  Raises SalvageError(bad_input, missing_library).
        """
        options = auth.auth_options(params)
        login = auth.login(options)
        try:
            http = Http(
                tls=login.tls, headers=login.headers, proxy=login.proxy, proxy_headers=options.get("proxy_headers"), timeout=timeout
            )
        except (OSError, ValueError) as exc:
            raise SalvageError(f"the login to {login.server} cannot be used: {exc}", reason="bad_input") from None
        return cls(login.server, http, certificate=login.certificate)

    def request(self, method: str, path: str, **kwargs: Any) -> Response:
        """As ``Http.request``; ``path`` starts with /api, /apis or another root of the API server.  Any status is an answer."""
        return self.http.request(method, self.server + path, **kwargs)

    def get_json(
        self, path: str, query: Query | None = None, *, accept: str = "application/json", max_bytes: int = DEFAULT_MAX_BYTES
    ) -> dict[str, Any]:
        """The object or list at ``path``.

        Raises SalvageError: any of ``Http.request``, and unauthorized, forbidden, not_found, http_error, invalid.
        """
        answer = self.request("GET", path, query=query, headers={"Accept": accept}, max_bytes=max_bytes)
        if answer.status != 200:
            raise self._refused(path, answer)
        return self._object(path, answer)

    def list(
        self, path: str, query: Query | None = None, *, accept: str = "application/json", limit: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        for page in self.pages(path, query, accept=accept, limit=limit):
            yield from page.get("items") or []

    def table(self, path: str, query: Query | None = None) -> builtins.list[dict[str, Any]]:
        """The rows of the server's table of a list, each a dictionary by column name.

        The objects stay on the server: a row of a pod is some 100 bytes where the pod is 8,000.  The columns are those of `kubectl get`
        (and of its wide form); there is none for the namespace, so ask one namespace at a time.
        """
        rows: builtins.list[dict[str, Any]] = []
        names: builtins.list[str] = []
        for page in self.pages(path, {**(query or {}), "includeObject": "None"}, accept=_TABLE):
            if page.get("kind") != "Table":
                raise SalvageError(f"{self.server}{path} gives no table", reason="invalid")
            # Only the first page of some servers has the definitions; a cell is found by its column's name, never by its place.
            names = [column["name"] for column in page.get("columnDefinitions") or ()] or names
            rows += [dict(zip(names, row["cells"], strict=False)) for row in page.get("rows") or ()]
        return rows

    def pages(
        self, path: str, query: Query | None = None, *, accept: str = "application/json", limit: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, all of one resourceVersion.

        When the server has forgotten that version (410: it was compacted) the rest comes from the present one, as the server offers:
        an object that was changed meanwhile may then be missing or stand there twice.  Who needs one moment in time asks with
        resourceVersionMatch=Exact, and gets SalvageError(conflict) instead.
        """
        token = ""
        rest = dict(query or {})
        exact = rest.get("resourceVersionMatch") == "Exact"
        while True:
            asked = {**rest, "limit": limit, **({"continue": token} if token else {})}
            answer = self.request("GET", path, query=asked, headers={"Accept": accept}, max_bytes=DEFAULT_MAX_BYTES * 4)
            if answer.status == 410 and token and not exact:
                fresh = _fresh_token(answer)
                if fresh and fresh != token:
                    token = fresh
                    continue
            if answer.status != 200:
                raise self._refused(path, answer)
            page = self._object(path, answer)
            yield page
            last, token = token, (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return
            if token == last:
                raise SalvageError(f"{self.server}{path} gives the same page again and again", reason="invalid")
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

    def _refused(self, path: str, answer: Response) -> SalvageError:
        reason = _REASON_OF.get(answer.status, "http_error")
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
        return SalvageError(f"{self.server}{path} answered {answer.status}{said(answer)}{hint}", reason=reason)


def _fresh_token(answer: Response) -> str:
    try:
        data = answer.json()
    except SalvageError:
        return ""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
