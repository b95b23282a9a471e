# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana of a cluster and what is around it: its pods, the dashboards in ConfigMaps, and the Prometheus that its queries are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from .._cluster.exec import Container
from .._cluster.objects import read
from .._cluster.routes import Routes
from .._core.errors import SalvageError
from .._core.gather import gather
from .._grafana.client import Grafana, signed_in
from .._grafana.model import DashboardEntry, GrafanaDatasource
from .._prometheus.client import PrometheusApi
from .checks import PromqlQuery, each_once
from .config_maps import DashboardPlace, OtherDashboard, dashboards_in
from .loaded import ByApi, ByFile, DashboardReader
from .options import DashboardOptions
from .sidecar import Sidecar, mounts, sidecars_of


class GrafanaSite:
    """Nothing is asked before it is needed."""

    def __init__(self, params: Mapping[str, Any], given: DashboardOptions) -> None:
        self._params, self._given = params, given
        self.addresses = Routes(params, given.timeout)
        self._to_grafana = Routes(params, given.timeout, prefix="grafana_")

    @cached_property
    def grafanas(self) -> list[Grafana]:
        """Each replica by its API; none without an address.  Raises SalvageError."""
        given, url = self._given, self._given.grafana_url
        if not url:
            return []
        endpoints = self._to_grafana.each(url)
        if given.grafana_username:
            endpoints = [signed_in(one, given.grafana_username, given.grafana_password or "") for one in endpoints]
        return [Grafana(one) for one in endpoints]

    @cached_property
    def pods(self) -> list[Mapping[str, Any]]:
        """Those of Grafana that run.  Raises SalvageError(not_found) if none does."""
        path = f"/api/v1/namespaces/{quote(self._given.namespace, safe='')}/pods"
        found = self.addresses.cluster.list(path, {"labelSelector": self._given.grafana_selector})
        running: list[Mapping[str, Any]] = [
            {**one, "metadata": {"namespace": self._given.namespace, **one["metadata"]}}
            for one in found
            if (one.get("status") or {}).get("phase") == "Running" and not one["metadata"].get("deletionTimestamp")
        ]
        if not running:
            says = f"no pod of Grafana runs in {self._given.namespace} with the labels {self._given.grafana_selector}; set grafana_selector"
            raise SalvageError(f"{says}, or through: api", reason="not_found")
        return running

    def sidecars(self, place: DashboardPlace) -> list[Sidecar]:
        """The one of each pod that takes the ConfigMaps; none if there are no sidecars.  Raises SalvageError(bad_input)."""
        found: list[Sidecar] = []
        for pod in self.pods:
            why = {one: one.why_not_taken(place.namespace, place.labels) for one in sidecars_of(pod)}
            taking = [one for one, problem in why.items() if not problem]
            if why and not taking:
                raise SalvageError(f"the dashboards would never be loaded: {'; '.join(why.values())}; set labels", reason="bad_input")
            found += taking[:1]
        if found and len(found) < len(self.pods):
            raise SalvageError(
                "only some of the pods of Grafana have a sidecar for dashboards; wait for its rollout to end", reason="conflict"
            )
        return found

    def readers(self, sidecars: Sequence[Sidecar]) -> list[DashboardReader]:
        """The API shows what Grafana has loaded, the file of the sidecar only what it can load."""
        if self.grafanas:
            return [ByApi(one) for one in self.grafanas]
        timeout = self._given.timeout
        return [ByFile(one, Container(self._params, one.namespace, one.pod, one.container, timeout=timeout)) for one in sidecars]

    def healthy(self, readers: Sequence[DashboardReader]) -> None:
        """Raises SalvageError if one of them could not prove anything."""
        calls: dict[str, Any] = {f"health {one.address}": one.health for one in self.grafanas}
        calls.update({one.address: one.probe for one in readers})
        for answer in gather(calls).values():
            if isinstance(answer, SalvageError):
                raise SalvageError(
                    f"nothing was changed, because the module cannot read what Grafana loads: {answer}", reason=answer.reason
                )

    def mounted(self, config_map: str) -> bool:
        return all(mounts(pod, config_map) for pod in self.pods)

    def in_config_maps(self, place: DashboardPlace) -> list[OtherDashboard]:
        path = f"/api/v1/namespaces/{quote(place.namespace, safe='')}/configmaps"
        labels = ",".join(f"{key}={value}" for key, value in sorted(place.labels.items()))
        found = list(self.addresses.cluster.list(path, {"labelSelector": labels}))
        if place.config_map and place.config_map not in {one["metadata"]["name"] for one in found}:
            own = read(self.addresses.cluster, f"{path}/{quote(place.config_map, safe='')}")
            found += [own] if own else []
        return [other for one in found for other in dashboards_in(one, place.folder_annotation)]

    @cached_property
    def in_grafana(self) -> list[DashboardEntry]:
        """What its search finds."""
        return self.grafanas[0].search() if self.grafanas else []

    def datasources(self) -> list[GrafanaDatasource] | None:
        """None if they are unknown: no address is given, or the login may not list them and the user names them."""
        if not self.grafanas:
            return None
        try:
            return self.grafanas[0].datasources()
        except SalvageError as exc:
            if exc.reason == "forbidden" and self._given.datasources:
                return None
            hint = "; name them in datasources, if the login may not list them" if exc.reason == "forbidden" else ""
            raise SalvageError(f"the datasources of Grafana are not known: {exc}{hint}", reason=exc.reason) from None

    def refused(self, queries: Sequence[PromqlQuery]) -> list[str]:
        """What Prometheus does not read as PromQL.  Raises SalvageError if it can't be asked."""
        if not queries:
            return []
        prometheus = PrometheusApi(self.addresses.open(self._given.prometheus_url))
        answers = gather({one.expression: partial(prometheus.formatted, one.expression) for one in each_once(queries)})
        problems = []
        for one in queries:
            answer = answers[one.expression]
            if isinstance(answer, SalvageError):
                if answer.reason != "invalid":
                    raise SalvageError(f"the queries can't be checked, so nothing was changed: {answer}", reason=answer.reason)
                problems.append(f"{one.where}: {answer}")
        return problems
