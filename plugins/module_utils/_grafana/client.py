# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of Grafana's HTTP API, over any route to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from .._cluster.credentials import basic
from .._cluster.http import REASON_OF, Endpoint, Response, said
from .._core.errors import SalvageError
from .._core.json_values import load_json
from .answers import datasources_of, healthy_version, live_dashboard, search_entries
from .model import DashboardEntry, GrafanaDatasource, LiveDashboard

T = TypeVar("T")
_PAGE = 1000
_MOST_PAGES = 100


@dataclass(frozen=True)
class Grafana:
    """One Grafana.  Each call raises SalvageError with the address in the sentence."""

    endpoint: Endpoint

    @property
    def address(self) -> str:
        return self.endpoint.address

    def health(self) -> str:
        """Its version.  Raises SalvageError if it is not healthy."""
        return self._read("/api/health", healthy_version)

    def search(self, kind: str = "dash-db") -> list[DashboardEntry]:
        """Every dashboard that the login sees, or every folder (``dash-folder``)."""
        found: dict[str, DashboardEntry] = {}
        for page in range(1, _MOST_PAGES + 1):
            query = {"type": kind, "limit": str(_PAGE), "page": str(page)}
            listed = self._read("/api/search", search_entries, query)
            new = {one.uid: one for one in listed if one.uid not in found}
            found.update(new)
            if len(listed) < _PAGE or not new:
                return list(found.values())
        raise SalvageError(f"{self.address}/api/search has more than {_PAGE * _MOST_PAGES} dashboards", reason="too_large")

    def datasources(self) -> list[GrafanaDatasource]:
        return self._read("/api/datasources", datasources_of)

    def dashboard(self, uid: str) -> LiveDashboard | None:
        """None if there is none."""
        try:
            return self._read(f"/api/dashboards/uid/{quote(uid, safe='')}", live_dashboard)
        except SalvageError as exc:
            if exc.reason == "not_found":
                return None
            raise

    def save(self, model: Mapping[str, Any], version: int | None, folder_uid: str, message: str) -> None:
        """A new dashboard, or the next version of ``version``.  Raises SalvageError(conflict) if there is another one by now."""
        content = {**model, "id": None, "version": version or 0}
        wish = {"dashboard": content, "overwrite": False, "folderUid": folder_uid, "message": message}
        self._written("/api/dashboards/db", self.endpoint.post_json("/api/dashboards/db", wish))

    def delete(self, uid: str) -> None:
        path = f"/api/dashboards/uid/{quote(uid, safe='')}"
        self._written(path, self.endpoint.request("DELETE", path))

    def _written(self, path: str, answer: Response) -> None:
        if not 200 <= answer.status < 300:
            # 412: another version, another dashboard of this title, or none of this uid.
            reason = {400: "invalid", 412: "conflict"}.get(answer.status) or REASON_OF.get(answer.status, "http_error")
            raise SalvageError(f"{self.address}{path} answered {answer.status}{said(answer)}", reason=reason)

    def _read(self, path: str, decide: Callable[[object], T], query: Mapping[str, str] | None = None) -> T:
        answer = self.endpoint.get(path, query=query or {})
        try:
            return decide(load_json(answer.body))
        except SalvageError as exc:
            raise SalvageError(f"{self.address}{path}: {exc}", reason=exc.reason) from None


def signed_in(endpoint: Endpoint, username: str, password: str) -> Endpoint:
    """With basic authentication.  Raises SalvageError(bad_input)."""
    login = basic(username, password, "grafana_username with grafana_password")
    return replace(endpoint, headers={**endpoint.headers, "Authorization": login})
