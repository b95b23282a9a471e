# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module monitoring_restart: its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import defaults, routes
from .._cluster.exec import Container
from .._cluster.http import Endpoint, service_parts
from .._cluster.replicas import replica_endpoints, selected_pods
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._core.run_identity import RunIdentity
from .._workloads.lease import HELD, Holder, locked_by
from .._workloads.lease_store import LeaseStore
from .restart import Restart, RestartProof, read_replicas
from .restart_plan import ALERTMANAGER, CONTAINER, POD, PROMETHEUS, Replica, restart_method
from .restart_proof import AlertmanagerProof, PrometheusProof

_ADDRESSES = {PROMETHEUS: defaults.PROMETHEUS_URL, ALERTMANAGER: defaults.ALERTMANAGER_URL}


@dataclass(frozen=True)
class RestartOptions:
    component: str = option(choices=[PROMETHEUS, ALERTMANAGER])
    url: str | None = option(None)
    method: str = option("auto", choices=["auto", POD, CONTAINER])
    take_over: bool = option(False)
    wait: float = option(300)
    timeout: float = option(10)
    holder: RunIdentity | None = option(None)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(RestartOptions), **routes.ARGUMENTS, **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(RestartOptions, params)
    if not 0 < given.wait < 7200:
        raise SalvageError(f"wait is {given.wait:g}; write seconds, more than 0 and below 7200", reason="bad_input")
    url = given.url or _ADDRESSES[given.component]
    parts = service_parts(url)
    if parts is None:
        raise SalvageError(f"url is {url}, and only a Service has replicas; write service://namespace/name:port", reason="bad_input")
    cluster, namespace = routes.Routes(params, given.timeout).cluster, parts["namespace"]
    selector = selected_pods(cluster, namespace, parts["name"])[0]["spec"]["selector"]

    def endpoint(pod: str) -> Endpoint:
        found = next((one for one in replica_endpoints(cluster, url) if one.address == f"pod://{namespace}/{pod}"), None)
        if found is None:
            raise SalvageError(f"{pod} does not run", reason="unreachable")
        return found

    def container(replica: Replica) -> Container:
        return Container(params, namespace, replica.name, replica.container, timeout=given.timeout)

    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    replicas = read_replicas(cluster, namespace, labels, given.component)
    keeps = not any(restart_method(given.method, one) == POD and one.keeps_nothing for one in replicas)
    by_name = {one.name: one for one in replicas}
    proof: RestartProof = (
        PrometheusProof(endpoint, container, keeps)
        if given.component == PROMETHEUS
        else AlertmanagerProof(endpoint, container, by_name, keeps)
    )
    tell = teller(params.get("progress_path"))
    restart = Restart(cluster, namespace, labels, given.component, given.method, given.wait, proof, tell)
    result = {"changed": True, "component": given.component, "stateful_set": replicas[0].owner}
    if check_mode:
        return {**result, "replicas": restart.plan(replicas), "notes": []}
    me = Holder.given(given.holder, "monitoring", "monitoring_restart")
    store = LeaseStore(cluster, "StatefulSet", namespace, replicas[0].owner)
    done = store.take(me, int(given.wait * len(replicas)) + 300, take_over=given.take_over, dry_run=False)
    if done.verdict == HELD and done.before:
        raise SalvageError(locked_by(store.workload, done.before, me), reason="conflict")
    try:
        return {**result, "replicas": restart.perform(replicas), "notes": restart.notes}
    finally:
        store.release(me, dry_run=False)
