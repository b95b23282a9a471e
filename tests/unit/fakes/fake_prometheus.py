# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Prometheus that has loaded the PrometheusRules of an API server in memory, as the operator gives them to it."""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.rules import prometheus_seconds
from late import Late


class FakePrometheus:
    """``deaf``: it loads nothing new.  An expression with ``fails`` fails when it is evaluated, one with ``broken`` when it is loaded."""

    timeout = 5.0

    def __init__(self, api: Any, name: str = "p") -> None:
        self.api, self.name = api, name
        self.deaf = self.silent = False
        self.up = ["a", "b"]
        self.down: list[str] = []
        self.down_with = "nothing"
        self.lag = 0  # how often it is asked until it has loaded a change
        self.late = Late([])
        self._waited: tuple[Any, int] = ([], 0)
        self._loaded: list[Any] = []
        self._reloaded = True

    @property
    def replica(self) -> PrometheusApi:
        return PrometheusApi(Endpoint(f"http://{self.name}", f"http://{self.name}", self))  # type: ignore[arg-type]

    def request(self, method: str, url: str, *, query: Any = None, **_how: Any) -> Response:
        if self.silent:
            raise SalvageError(f"http://{self.name} is unreachable: Connection refused", reason="unreachable")
        if url.endswith("/rules") and not self.deaf:
            self._load()
        text = json.dumps([group for _file, group in self._loaded])
        targets = [
            {"scrapePool": "x", "scrapeUrl": one, "health": "down" if one in self.down else "up"}
            for one in self.up
            if self.down_with not in text
        ]
        answers: dict[str, Any] = {
            "/api/v1/rules": {"groups": [_group(file, group) for file, group in self._loaded]},
            "/api/v1/targets": {"activeTargets": targets},
            "/api/v1/status/runtimeinfo": {"reloadConfigSuccess": self._reloaded},
            "/api/v1/format_query": " ".join(str((query or {}).get("query")).replace("0.10", "0.1").split()),
        }
        data = answers[url.removeprefix(f"http://{self.name}")]
        return Response(200, {}, json.dumps({"status": "success", "data": data}).encode(), 0.0)

    def _load(self) -> None:
        found = []
        for path, one in sorted(self.api.objects.items()):
            if "/prometheusrules/" in path:
                metadata = one["metadata"]
                name = f"/rules/{metadata['namespace']}-{metadata['name']}-{metadata['uid']}.yaml"
                found += [(name, group) for group in one["spec"]["groups"]]
        found = self.late.version(found)
        wanted, asked = self._waited
        self._waited = (found, asked + 1 if found == wanted else 1)
        if self._waited[1] <= self.lag:
            return
        self._reloaded = "broken" not in json.dumps(found)
        if self._reloaded:
            self._loaded = found


def _group(file: str, group: dict[str, Any]) -> dict[str, Any]:
    return {"file": file, "name": group["name"], "rules": [_rule(rule) for rule in group["rules"]]}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    bad = "fails" in rule["expr"]
    more = {"health": "err", "lastError": "many-to-many matching"} if bad else {"health": "ok"}
    kind = {"type": "alerting", "name": rule["alert"], "duration": prometheus_seconds(rule.get("for", "0"))} if "alert" in rule else {
        "type": "recording", "name": rule["record"]
    }  # fmt: skip
    return {
        **kind,
        "query": rule["expr"].replace("0.10", "0.1"),
        "labels": rule.get("labels", {}),
        "annotations": rule.get("annotations", {}),
        **more,
    }


class FakeConfigured(FakePrometheus):
    """One that has also loaded the configuration in a ConfigMap or Secret, told to (``by_hand``) or by itself.

    One with ``broken`` is refused.  Each target has 10 samples; a job with ``none`` has no targets, one with ``slow`` a tenth of that.
    """

    def __init__(self, api: Any, name: str, path: str, key: str, *, by_hand: bool = True) -> None:
        super().__init__(api, name)
        self.path, self.key, self.by_hand = path, key, by_hand
        self.told = 0
        self.had: list[str] = []  # each configuration that it has loaded
        self.behind = 0  # how many reloads still see what the kubelet wrote before
        self.lifecycle = "true"
        self._config: Any = None
        self._text = ""
        self._clock = 1_800_000_000
        self.late_config = Late("")
        self._reload()

    @property
    def loaded(self) -> Any:
        """As it is shown."""
        jobs = self._config if isinstance(self._config, list) else (self._config or {}).get("scrape_configs", [])
        defaults = {"scrape_interval": "1m", "scheme": "http"}
        own = [{"job_name": "operator", **defaults}] if isinstance(self._config, list) else []
        rest = {} if isinstance(self._config, list) else self._config
        return {"global": {"scrape_interval": "1m"}, **rest, "scrape_configs": [*own, *({**defaults, **_hidden(job)} for job in jobs)]}

    def request(self, method: str, url: str, *, query: Any = None, **how: Any) -> Response:
        path = url.removeprefix(f"http://{self.name}")
        if path == "/-/reload" and method == "POST" and not self.silent:
            self.told += 1
            self.behind -= self.behind > 0
            if not self.behind:
                self._reload()
            return Response(200 if self._reloaded else 500, {}, b"" if self._reloaded else b"failed: cannot unmarshal !!str `hunter2`", 0.0)
        if path.endswith("/rules") and not (self.by_hand or self.deaf):
            self._reload()
        names = {job["job_name"]: job for job in self.loaded["scrape_configs"]}
        moment = iso(self._clock)
        data: Any = {
            "/api/v1/status/config": {"yaml": json.dumps(self.loaded)},
            "/api/v1/status/flags": {"web.enable-lifecycle": self.lifecycle},
            "/api/v1/status/runtimeinfo": {"reloadConfigSuccess": self._reloaded, "lastConfigTime": moment},
            "/api/v1/targets": {
                "activeTargets": [
                    {
                        "scrapePool": name, "scrapeUrl": f"http://{name}", "health": "up", "labels": {"job": name},
                        "scrapeInterval": "1s", "lastScrape": iso(self._clock + 5),
                    }
                    for name in names if "none" not in json.dumps(names[name])
                ]
            },
            "/api/v1/query": {
                "resultType": "vector",
                "result": [{"metric": {"job": name}, "value": [1, "1" if "slow" in json.dumps(names[name]) else "10"]} for name in names],
            },
        }.get(path)  # fmt: skip
        if data is None or self.silent:
            return super().request(method, url, query=query, **how)
        return Response(200, {}, json.dumps({"status": "success", "data": data}).encode(), 0.0)

    def _load(self) -> None:
        if self.path.endswith("/configmaps/prom"):
            files = self.api.objects[self.path]["data"]
            self._loaded = [
                (f"/etc/{key}", group) for key, text in files.items() if key != self.key for group in json.loads(text)["groups"]
            ]
        else:
            worked = self._reloaded
            super()._load()
            self._reloaded = self._reloaded and worked

    def _reload(self) -> None:
        obj = self.api.objects[self.path]
        stored = self.late_config.version((obj.get("data") or {}).get(self.key, ""))
        text = base64.b64decode(stored).decode() if "/secrets/" in self.path else stored
        if text == self._text and self._reloaded and not self.by_hand:
            return
        self._reloaded = "broken" not in text
        if self._reloaded:
            self._clock += 10
            self._text, self._config = text, yaml.safe_load(text)
            self.had.append(text)


def _hidden(job: dict[str, Any]) -> dict[str, Any]:
    return {**job, **({"basic_auth": {"username": "u", "password": "<secret>"}} if "basic_auth" in job else {})}
