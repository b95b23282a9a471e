# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to OPA's REST API over an Endpoint (direct, or through the API server's proxy)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .._cluster.http import Endpoint, said
from .._core.errors import SalvageError
from .._core.json_values import load_json
from .decide import decide, missing_input, unknown
from .model import Decision, OpaHealth


def data_path(path: str) -> str:
    """``/v1/data/a/b`` of ``a.b``, ``a/b``, ``data.a.b`` or ``/v1/data/a/b``.  Raises SalvageError(bad_input)."""
    trimmed = re.sub(r"^/?v1/data/?", "", path.strip()).strip("/")
    parts = trimmed.split("/") if "/" in trimmed else trimmed.split(".")
    if parts and parts[0] == "data":
        parts = parts[1:]
    if not parts or not all(parts):
        raise SalvageError(f"{path!r} is not the path of an OPA rule; write it as in euystacio/peace_bonds/allow", reason="bad_input")
    return "/v1/data/" + "/".join(quote(part, safe="") for part in parts)


class Opa:
    """One OPA, or the service in front of several.  Safe to share between threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def query(self, path: str, input: object, *, timeout: float | None = None, required: Iterable[str] = ()) -> Decision:  # noqa: A002  OPA's name for it
        """The decision at ``path`` for ``input``.  A failure of any kind is an unknown decision with its reason.

        ``required``: fields that an allow needs to count.  Raises SalvageError(bad_input) for an invalid path.
        """
        where = data_path(path)
        try:
            answer = self.endpoint.post_json(where, {"input": input}, timeout=timeout)
        except SalvageError as exc:
            return unknown(str(exc), path=where)
        return decide(answer.status, answer.body, path=where, missing=missing_input(input, required))

    def value(self, path: str, *, timeout: float | None = None) -> Any:
        """The document at ``path`` without input, None where it is undefined.  Raises SalvageError."""
        where = data_path(path)
        answer = self.endpoint.get(where, timeout=timeout)
        try:
            document = load_json(answer.body, strict=True)
        except SalvageError as exc:
            raise SalvageError(f"{self.endpoint.address}{where}: {exc}", reason="invalid") from None
        return document.get("result") if isinstance(document, dict) else None

    def health(self, *, timeout: float | None = None) -> OpaHealth:
        """OPA's own word on itself, its bundles and plugins."""
        try:
            answer = self.endpoint.request("GET", "/health", query={"bundles": "", "plugins": ""}, timeout=timeout)
        except SalvageError as exc:
            return OpaHealth(False, str(exc))
        if answer.status != 200:
            return OpaHealth(False, f"{self.endpoint.address}/health answered {answer.status}{said(answer)}")
        try:
            document = load_json(answer.body, strict=True)
        except SalvageError as exc:
            return OpaHealth(False, f"{self.endpoint.address}/health is not OPA's: {exc}")
        return OpaHealth(True) if document == {} else OpaHealth(False, "the answer of /health is not OPA's {}")
