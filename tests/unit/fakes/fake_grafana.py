# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Grafana that has loaded the labelled ConfigMaps of an API server in memory and what was saved, and a Prometheus that reads queries."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._grafana.client import Grafana
from late import Late


def dashboard(uid: str = "one", title: str = "One", expr: str = "sum(up)", **more: Any) -> dict[str, Any]:
    panel = {
        "id": 1, "title": "Up", "type": "timeseries", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "datasource": {"type": "prometheus", "uid": "${datasource}"}, "targets": [{"refId": "A", "expr": expr}],
    }  # fmt: skip
    chooser = {"name": "datasource", "type": "datasource", "query": "prometheus"}
    return {"uid": uid, "title": title, "schemaVersion": 39, "panels": [panel], "templating": {"list": [chooser]}, **more}


class FakeGrafana:
    """``deaf``: it loads nothing new from ConfigMaps.  ``late``: how it comes to load them.

    ``loads`` changes what it has loaded.  ``fault`` as in the other fakes.
    """

    timeout = 5.0

    def __init__(self, api: Any, name: str = "g") -> None:
        self.api, self.name = api, name
        self.deaf = self.silent = False
        self.late = Late({})
        self.saved: dict[str, tuple[dict[str, Any], int, str]] = {}
        self.folders = [{"uid": "f1", "title": "Meta Salvage"}]
        self.datasources: Any = [{"uid": "p1", "name": "Prometheus", "type": "prometheus", "isDefault": True}]
        self.loads: Callable[[dict[str, Any]], dict[str, Any]] = lambda model: model
        self.fault: Callable[[str, str], Response | None] = lambda method, path: None
        self.asked: list[tuple[str, str]] = []
        self._files: dict[str, dict[str, Any]] = {}

    @property
    def client(self) -> Grafana:
        return Grafana(Endpoint(f"http://{self.name}", f"http://{self.name}", self))  # type: ignore[arg-type]

    def request(self, method: str, url: str, *, query: Any = None, body: bytes | None = None, **_how: Any) -> Response:
        if self.silent:
            raise SalvageError(f"http://{self.name} is unreachable: Connection refused", reason="unreachable")
        path = urlsplit(url).path
        self.asked.append((method, path))
        return self.fault(method, path) or self._perform(method, path, query or {}, json.loads(body or b"null"))

    def _perform(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Response:
        uid = path.rsplit("/", maxsplit=1)[-1]
        if path == "/api/health":
            return answer({"database": "ok", "version": "12.0.0"})
        if path == "/api/datasources":
            return answer(self.datasources)
        if path == "/api/search":
            found = self.folders if query["type"] == "dash-folder" else [
                {"uid": one, "title": model["title"]} for one, (model, _version, _folder) in self._all().items()
            ]  # fmt: skip
            start = (int(query["page"]) - 1) * int(query["limit"])
            return answer(found[start : start + int(query["limit"])])
        if path == "/api/dashboards/db":
            return self._save(body)
        if method == "DELETE":
            return answer({"message": "deleted"}) if self.saved.pop(uid, None) else answer({"message": "Dashboard not found"}, 404)
        if uid not in self._all():
            return answer({"message": "Dashboard not found"}, 404)
        model, version, folder = self._all()[uid]
        meta = {"provisioned": uid in self._loaded(), "folderUid": folder}
        return answer({"dashboard": self.loads({**copy.deepcopy(model), "id": 7, "version": version}), "meta": meta})

    def _save(self, body: Any) -> Response:
        model = body["dashboard"]
        now = self._all().get(model["uid"])
        if (now[1] if now else 0) != model["version"]:
            return answer({"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}, 412)
        content = {name: value for name, value in model.items() if name not in ("id", "version")}
        self.saved[model["uid"]] = (content, model["version"] + 1, body["folderUid"])
        return answer({"uid": model["uid"], "version": model["version"] + 1})

    def _all(self) -> dict[str, tuple[dict[str, Any], int, str]]:
        return {**self.saved, **{uid: (model, 1, "") for uid, model in self._loaded().items()}}

    def _loaded(self) -> dict[str, dict[str, Any]]:
        if not self.deaf:
            self._files = self.late.version({model["uid"]: model for text in files(self.api).values() for model in [json.loads(text)]})
        return self._files


def files(api: Any) -> dict[str, str]:
    """What the sidecar has in its folder."""
    return {
        f"/dashboards/{key}": text
        for path, one in sorted(api.objects.items())
        if "/configmaps/" in path and (one["metadata"].get("labels") or {}).get("grafana_dashboard") == "1"
        for key, text in (one.get("data") or {}).items()
    }


class PromqlReader:
    """It reads every query but one with ``broken`` in it."""

    timeout = 5.0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("http://p", "http://p", self)  # type: ignore[arg-type]

    def request(self, _method: str, _url: str, *, query: Any = None, **_how: Any) -> Response:
        self.asked.append(query["query"])
        if "broken" in query["query"]:
            return answer({"status": "error", "errorType": "bad_data", "error": "1:8: parse error: unexpected end of input"}, 400)
        return answer({"status": "success", "data": query["query"]}, self.status)


def pod(name: str = "grafana-1", sidecar: bool = True, label: str = "grafana_dashboard", config_map: str = "") -> dict[str, Any]:
    env = [{"name": "LABEL", "value": label}, {"name": "LABEL_VALUE", "value": "1"}, {"name": "FOLDER", "value": "/dashboards"}]
    containers = [{"name": "grafana"}, *([{"name": "grafana-sc-dashboard", "env": env}] if sidecar else [])]
    volumes = [{"name": "dashboards", "configMap": {"name": config_map}}] if config_map else []
    metadata = {"name": name, "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "grafana"}}
    return {"metadata": metadata, "spec": {"containers": containers, "volumes": volumes}, "status": {"phase": "Running"}}


def answer(data: Any, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(data).encode(), 0.0)
