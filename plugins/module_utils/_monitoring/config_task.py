# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module prometheus_config: its options and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import defaults, routes
from .._cluster.http import service_parts
from .._cluster.replicas import replica_endpoints, selected_pods
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._core.run_identity import RunIdentity
from .._manifests.documents import manifests_of
from .._manifests.model import Manifest, group_kind
from .._manifests.sources import texts_of
from .._manifests.yaml_text import written
from .._prometheus.client import PrometheusApi
from .._prometheus.rules import wanted_groups
from .._workloads.lease import HELD, Holder, locked_by
from .._workloads.lease_store import LeaseStore
from .change import PrometheusChange
from .config_checks import Checks, RunCommand, has_admission, refuse_large_rules, refuse_not_taken
from .config_text import ConfigText, read_config
from .configured import OPERATOR, ConfiguredBy, by_operator, by_pod
from .file_change import FileChange
from .instances import Instances, States
from .reload import Reloads
from .rule_proof import gone

_NAME = "operator.prometheus.io/name"  # a label of the pods
_PROMETHEUSES = "/apis/monitoring.coreos.com/v1/namespaces/{}/prometheuses"


@dataclass(frozen=True)
class ConfigOptions:
    state: str = option("loaded", choices=["loaded", "verified"])
    files: list[str] = option([])
    definitions: Any = option(None, no_log=True)
    config: Any = option(None, no_log=True)
    rule_files: dict[str, Any] = option({})
    rule_tests: list[str] = option([])
    prometheus: str | None = option(None)
    namespace: str = option(defaults.MONITORING_NAMESPACE)
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    replicas: list[str] = option([])
    promtool: str | None = option(None, type="path")
    max_sample_drop: float = option(0.3)
    take_over: bool = option(False)
    wait: float = option(300)
    timeout: float = option(10)
    holder: RunIdentity | None = option(None)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(ConfigOptions), **routes.ARGUMENTS, **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], run_command: RunCommand, find: Callable[[str], str | None], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(ConfigOptions, params)
    manifests = _rules(given)
    addresses = routes.Routes(params, given.timeout)
    tell, cluster = teller(params.get("progress_path")), addresses.cluster
    prometheus, where = _configured(cluster, given)
    replicas = [PrometheusApi(one) for one in _endpoints(addresses, given)]
    instances = Instances(replicas, tell, whole=_text(given) is not None, max_sample_drop=given.max_sample_drop)
    before, silent = _answering(instances)
    shown = {"configured_by": where.to_dict(), "replicas": _shown(before), "problems": silent}
    if given.state == "verified":
        found = [*silent.values(), *(f"{name}: {one}" for name, state in before.items() for one in _wrong(state))]
        return {"changed": False, **shown, "status": "critical" if found else "healthy", "found": found}
    admission = bool(manifests) and where.kind == OPERATOR and has_admission(cluster, given.namespace)
    checks = Checks(given.promtool or find("promtool") or "", run_command, admission)
    if manifests:
        _check_rules(cluster, prometheus, where, manifests, given, checks)
    config, files = _check_config(cluster, where, given, checks)
    checks.tests(given.rule_tests)
    if silent:
        raise SalvageError(f"nothing was changed, because not every replica answers: {'; '.join(silent.values())}", reason="unreachable")
    instances.reloads = _reloads(cluster, instances, where, given)
    change = PrometheusChange(cluster, instances, where, manifests, given.namespace, _me(given).run, given.wait, files, config, tell)
    result = change.plan(before) if check_mode else _locked(cluster, where, given, lambda: change.perform(before))
    if not result.get("failed") and not check_mode:
        now = _answering(instances)[0]
        shown["replicas"] = _shown(now)
        shown["targets_gone"] = sorted({one for address, state in now.items() if address in before for one in gone(before[address], state)})
    return {**shown, **result, "checked_by": checks.by}


def _rules(given: ConfigOptions) -> list[Manifest]:
    if not 0 < given.wait < 3600:
        raise SalvageError(f"wait is {given.wait:g}; write seconds, more than 0 and below 3600", reason="bad_input")
    if not 0 <= given.max_sample_drop <= 1:
        raise SalvageError(f"max_sample_drop is {given.max_sample_drop:g}; write a part of the samples, from 0 to 1", reason="bad_input")
    if given.state != "loaded" or (_text(given) is not None and not given.files and given.definitions is None):
        return []
    if given.rule_files and _text(given) is None:
        raise SalvageError("rule_files come with the configuration that names them; set config too", reason="bad_input")
    manifests = manifests_of(texts_of(given.files, given.definitions, {}, insecure=False))
    for one in manifests:
        if group_kind(one.obj) != "PrometheusRule.monitoring.coreos.com":
            raise SalvageError(f"{one.where} is a {group_kind(one.obj)}; give PrometheusRules only", reason="bad_input")
        wanted_groups(one.obj.get("spec"), one.where)
    refuse_large_rules(manifests)
    return manifests


def _text(given: ConfigOptions) -> str | None:
    """The configuration as it is written; None if it does not change."""
    if given.config is None or isinstance(given.config, str):
        return given.config
    return written(given.config)


def _check_rules(
    cluster: Cluster, prometheus: Any, where: ConfiguredBy, manifests: Sequence[Manifest], given: ConfigOptions, checks: Checks
) -> None:
    if where.kind != OPERATOR or prometheus is None:
        raise SalvageError(
            f"Prometheus gets its rules from {where}, and PrometheusRules are for that of the operator; give rule_files with config",
            reason="bad_input",
        )
    if (prometheus.get("spec") or {}).get("paused"):
        raise SalvageError(f"nothing was changed: {where} cannot take rules now, because {where.fixed}", reason="bad_input")
    refuse_not_taken(cluster, prometheus, manifests, given.namespace)
    checks.rules(manifests)


def _check_config(
    cluster: Cluster, where: ConfiguredBy, given: ConfigOptions, checks: Checks
) -> tuple[ConfigText | None, FileChange | None]:
    text = _text(given)
    if text is None:
        return None, None
    place, jobs_only = where.place, where.kind == OPERATOR
    config = read_config(text, "config", jobs_only=jobs_only)
    checks.config(config, "config")
    rule_files = {str(key): one if isinstance(one, str) else written(one) for key, one in given.rule_files.items()}
    if rule_files and jobs_only:
        raise SalvageError(f"{where} gets its rules as PrometheusRules; give them as definitions, not as rule_files", reason="bad_input")
    checks.rule_files(rule_files, config)
    files = FileChange.read(cluster, place, {**rule_files, place.key: text})
    return config, files


def _reloads(cluster: Cluster, instances: Instances, where: ConfiguredBy, given: ConfigOptions) -> Reloads:
    by_hand = not (where.kind == OPERATOR or where.reloader)
    if by_hand:
        for address, one in instances.replicas.items():
            flags = one.data("/api/v1/status/flags")
            if not isinstance(flags, Mapping) or flags.get("web.enable-lifecycle") != "true":
                raise SalvageError(
                    f"{address} can't reload on request, and nothing in its pod does it; start it with --web.enable-lifecycle",
                    reason="bad_input",
                )
    return Reloads(cluster, instances.replicas, _me(given).run, by_hand)


def _configured(cluster: Cluster, given: ConfigOptions) -> tuple[dict[str, Any] | None, ConfiguredBy]:
    """The operator's Prometheus, if there is one, and where the configuration comes from."""
    try:
        found = list(cluster.list(_PROMETHEUSES.format(quote(given.namespace, safe=""))))
    except SalvageError as exc:
        if exc.reason != "not_found":  # a cluster without the operator
            raise
        found = []
    items = [one for one in found if given.prometheus in (None, one["metadata"]["name"])]
    behind = _behind(cluster, given) if items else frozenset()
    if len(items) > 1:
        items = [one for one in items if one["metadata"]["name"] in behind] or items
    if len(items) == 1:
        name = items[0]["metadata"]["name"]
        if behind and name not in behind:
            there = ", ".join(sorted(behind))
            raise SalvageError(
                f"{given.prometheus_url} leads to the Prometheus {there}, not to {name}; set prometheus_url to its Service",
                reason="bad_input",
            )
        return items[0], by_operator(items[0])
    if items:
        names = ", ".join(sorted(one["metadata"]["name"] for one in items))
        raise SalvageError(f"there are several Prometheuses in {given.namespace}: {names}; set prometheus", reason="bad_input")
    if given.prometheus:
        raise SalvageError(f"there is no Prometheus {given.prometheus} in the namespace {given.namespace}", reason="not_found")
    parts = service_parts(given.prometheus_url)
    pods = selected_pods(cluster, parts["namespace"], parts["name"])[1] if parts else []
    where = next((one for one in map(by_pod, pods) if one), None)
    if where is None:
        raise SalvageError(
            f"there is no Prometheus of the operator in {given.namespace}, and no pod of one behind {given.prometheus_url}",
            reason="not_found",
        )
    return None, where


def _behind(cluster: Cluster, given: ConfigOptions) -> frozenset[str]:
    """The names of the operator's Prometheuses that answer at the address; empty where that is not known."""
    parts = None if given.replicas else service_parts(given.prometheus_url)
    pods = selected_pods(cluster, parts["namespace"], parts["name"])[1] if parts else []
    names = ((one["metadata"].get("labels") or {}).get(_NAME) for one in pods)
    return frozenset(name for name in names if name)


def _endpoints(addresses: routes.Routes, given: ConfigOptions) -> Sequence[Any]:
    if given.replicas:
        return [addresses.open(one) for one in given.replicas]
    if service_parts(given.prometheus_url):
        return replica_endpoints(addresses.cluster, given.prometheus_url)
    return [addresses.open(given.prometheus_url)]


def _answering(instances: Instances) -> tuple[States, dict[str, str]]:
    states = instances.states()
    silent = {address: str(state) for address, state in states.items() if isinstance(state, SalvageError)}
    return {address: state for address, state in states.items() if not isinstance(state, SalvageError)}, silent


def _wrong(state: Any) -> list[str]:
    found = [] if state.reloaded else ["its last reload failed, so it runs with an older configuration"]
    return found + [f"the rule {name} fails: {why}" for name, why in state.failing.items()]


def _shown(states: States) -> list[dict[str, Any]]:
    return [
        {
            "address": address,
            "reloaded": state.reloaded,
            "targets_up": len(state.targets.up),
            "rules": sum(len(group.rules) for group in state.groups),
            "failing": state.failing,
        }
        for address, state in sorted(states.items())
    ]


def _me(given: ConfigOptions) -> Holder:
    return Holder.given(given.holder, "monitoring", "prometheus_config")


def _locked(cluster: Cluster, where: ConfiguredBy, given: ConfigOptions, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Two runs at once: the second one says who is first."""
    of_operator = where.kind == OPERATOR
    kind, name = ("StatefulSet", f"prometheus-{where.name}") if of_operator else (where.place.kind, where.name)
    me, store = _me(given), LeaseStore(cluster, kind, where.namespace, name)
    done = store.take(me, int(given.wait * 3) + 300, take_over=given.take_over, dry_run=False)
    if done.verdict == HELD and done.before:
        raise SalvageError(locked_by(store.workload, done.before, me), reason="conflict")
    try:
        return work()
    finally:
        store.release(me, dry_run=False)
