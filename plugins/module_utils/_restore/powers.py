# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects grant rights or stand between others and the API server, so that a plan names each of them; pure.

- Roles and bindings of RBAC, and OpenShift's SecurityContextConstraints.
- Webhooks, admission policies and their bindings, aggregated APIs, CSI drivers, and the conversion webhook of a CustomResourceDefinition.
- Tokens of ServiceAccounts and of bootstrapping nodes.
- Pods, and whatever has a pod template, that get more of their node than a container does; volumes that are a node's own files;
  namespaces that let such pods in.

What a custom resource makes its operator do is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._manifests.model import group_kind
from .kinds import TOKEN_TYPE

_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_ALWAYS = {
    **{f"{scope}Role.{_RBAC}": "grants rights to whom it is bound" for scope in ("", "Cluster")},
    **{f"{way}WebhookConfiguration.{_ADMISSION}": "intercepts requests" for way in ("Validating", "Mutating")},
    **{f"{way}AdmissionPolicy{what}.{_ADMISSION}": "intercepts requests" for way in ("Validating", "Mutating") for what in ("", "Binding")},
    "APIService.apiregistration.k8s.io": "answers requests in place of the API server",
    "CSIDriver.storage.k8s.io": "mounts volumes on nodes",
    "SecurityContextConstraints.security.openshift.io": "lets pods have more of their nodes",
}
_TOKENS = {TOKEN_TYPE: "is a token of a ServiceAccount", "bootstrap.kubernetes.io/token": "is a token that joins nodes"}
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_NODE_FILES = ("hostPath", "local")


def power_of(obj: Mapping[str, Any]) -> str:
    """What the object is able to do beyond itself, or nothing."""
    kind, spec = group_kind(obj), _map(obj.get("spec"))
    if kind in _ALWAYS:
        return _ALWAYS[kind]
    if kind in (f"RoleBinding.{_RBAC}", f"ClusterRoleBinding.{_RBAC}"):
        subjects = [
            f"{one.get('kind')} {'/'.join(filter(None, (one.get('namespace'), one.get('name'))))}" for one in _maps(obj.get("subjects"))
        ]
        return f"grants {_map(obj.get('roleRef')).get('name')} to {', '.join(subjects) or 'nobody'}"
    if kind == "CustomResourceDefinition.apiextensions.k8s.io":
        return "converts objects by a webhook" if _map(spec.get("conversion")).get("strategy") == "Webhook" else ""
    if kind == "Secret":
        return _TOKENS.get(str(obj.get("type")), "")
    if kind == "PersistentVolume":
        return "is files of a node" if any(spec.get(source) for source in _NODE_FILES) else ""
    if kind == "Namespace":
        labels = _map(_map(obj.get("metadata")).get("labels"))
        return "lets privileged pods in" if labels.get("pod-security.kubernetes.io/enforce") == "privileged" else ""
    found = sorted({power for pod in _pod_specs(kind, obj) if pod for power in _of_node(pod)})
    return f"gets more of its node: {', '.join(found)}" if found else ""


def _pod_specs(kind: str, obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The pod's own, and that of every template, wherever a kind has one."""
    spec = _map(obj.get("spec"))
    if kind == "Pod":
        yield spec
    for holder in (obj, spec, _map(_map(spec.get("jobTemplate")).get("spec"))):
        yield _map(_map(holder.get("template")).get("spec"))


def _of_node(pod: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in _HOST if pod.get(name))
    yield from ("hostPath" for volume in _maps(pod.get("volumes")) if volume.get("hostPath"))
    if _host_process(pod):
        yield "hostProcess"
    for container in (one for field in ("initContainers", "containers", "ephemeralContainers") for one in _maps(pod.get(field))):
        context = _map(container.get("securityContext"))
        if context.get("privileged"):
            yield "privileged"
        if _host_process(container):
            yield "hostProcess"
        if context.get("procMount") not in (None, "Default"):
            yield "procMount"
        yield from (f"capability {name}" for name in _list(_map(context.get("capabilities")).get("add")))
        yield from ("hostPort" for port in _maps(container.get("ports")) if port.get("hostPort"))


def _host_process(holder: Mapping[str, Any]) -> bool:
    return bool(_map(_map(holder.get("securityContext")).get("windowsOptions")).get("hostProcess"))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]
