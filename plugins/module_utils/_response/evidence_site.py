# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where evidence is read: the alert, the addresses, and the objects of the workload, which are read once for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._cluster.routes import Routes
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import gather
from .._prometheus.client import PrometheusApi
from .._workloads.workload import Object, keeper_of, path_of, pods_of, selector_of, selects
from .alerts_in import GivenAlert
from .evidence_model import JudgeSettings
from .evidence_options import OpaOptions, RedCodeOptions, ResponseQuery
from .responses import AlertResponse


@dataclass(frozen=True)
class WorkloadObjects:
    """A workload, what keeps its templates, its pods, and what scales and protects it; an error is what kept it from being read."""

    workload: Object
    keepers: list[Object] | SalvageError
    pods: list[Object] | SalvageError
    autoscalers: list[Object] | SalvageError
    budgets: list[Object] | SalvageError


def must_have(found: list[Object] | SalvageError) -> list[Object]:
    """Raises SalvageError."""
    if isinstance(found, SalvageError):
        raise found
    return found


@dataclass
class EvidenceSite:
    query: ResponseQuery
    routes: Routes
    alert: GivenAlert
    response: AlertResponse
    settings: JudgeSettings
    now: float
    clock: Callable[[], float] = time.time
    objects: WorkloadObjects | SalvageError | None = field(default=None)

    @property
    def cluster(self) -> Cluster:
        return self.routes.cluster

    @property
    def opa(self) -> OpaOptions:
        return self.query.opa or OpaOptions()

    @property
    def red_code(self) -> RedCodeOptions:
        return self.query.red_code or RedCodeOptions()

    @property
    def place(self) -> tuple[str, str, str]:
        """Kind, namespace and name of the workload that the response is about."""
        if self.response.workload == "opa":
            return "Deployment", self.opa.namespace, self.opa.name
        return self.query.kind, self.query.namespace, self.query.name

    def prometheus(self) -> PrometheusApi:
        """Raises SalvageError."""
        if not self.query.prometheus_url:
            raise SalvageError("there is no Prometheus; set prometheus_url", reason="bad_input")
        return PrometheusApi(self.routes.open(self.query.prometheus_url))

    def found(self) -> WorkloadObjects:
        """Raises SalvageError."""
        if self.objects is None:
            self.objects = read_workload(self)
        if isinstance(self.objects, SalvageError):
            raise self.objects
        return self.objects

    def pods(self) -> list[Object]:
        """Of the workload, by owner.  Raises SalvageError."""
        found = self.found()
        return pods_of(self.place[0], found.workload, must_have(found.keepers), must_have(found.pods))


def read_workload(site: EvidenceSite) -> WorkloadObjects | SalvageError:
    kind, namespace, name = site.place
    space = quote(namespace, safe="")
    try:
        workload = site.cluster.get_json(path_of(kind, space, quote(name, safe="")))
        chosen = {"labelSelector": selector_of(workload)}
    except SalvageError as exc:
        return exc
    except (AttributeError, KeyError, TypeError) as exc:
        return SalvageError(f"{kind} {name} has another form than its API promises ({type(exc).__name__})", reason="invalid")

    def lists(what: str, query: dict[str, Any] | None = None) -> Callable[[], list[Object]]:
        return lambda: list(site.cluster.list(path_of(what, space), query))

    answers = gather(
        {
            "keepers": lists(keeper_of(kind), chosen),
            "pods": lists("Pod", chosen),
            "autoscalers": lists("HorizontalPodAutoscaler"),
            "budgets": lists("PodDisruptionBudget"),
        }
    )
    return WorkloadObjects(workload, **answers)


def budgets_for(pod: Object, budgets: list[Object]) -> list[Object]:
    """The PodDisruptionBudgets that are about a pod."""
    labels = pod["metadata"].get("labels") or {}
    return [one for one in budgets if selects(one["spec"].get("selector"), labels)]
