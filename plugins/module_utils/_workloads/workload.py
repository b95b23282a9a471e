# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments, StatefulSets and DaemonSets as one thing: the paths of what belongs to one, its pods, and what its template reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
PREFIX = "meta-salvage.euystacio/"  # of every label, annotation and type of our own
RETURNING = f"{PREFIX}returning"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """The API path of a workload, or of what belongs to one; the collection without a name."""
    groups = {
        "Deployment": "apis/apps/v1",
        "StatefulSet": "apis/apps/v1",
        "DaemonSet": "apis/apps/v1",
        "ReplicaSet": "apis/apps/v1",
        "ControllerRevision": "apis/apps/v1",
        "HorizontalPodAutoscaler": "apis/autoscaling/v2",
        "PodDisruptionBudget": "apis/policy/v1",
        "EndpointSlice": "apis/discovery.k8s.io/v1",
        "Lease": "apis/coordination.k8s.io/v1",
        "Job": "apis/batch/v1",
    }
    plurals = {"EndpointSlice": "endpointslices", "PodDisruptionBudget": "poddisruptionbudgets"}
    plural = plurals.get(kind, f"{kind.lower()}s")
    path = f"/{groups.get(kind, 'api/v1')}/namespaces/{namespace}/{plural}"
    return f"{path}/{name}" if name else path


def keeper_of(kind: str) -> str:
    """The kind of object that keeps a workload's former templates."""
    return "ReplicaSet" if kind == "Deployment" else "ControllerRevision"


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes an object with these labels.  As the API has it, {} takes all and none takes nothing."""
    if selector is None:
        return False
    wanted = (selector.get("matchLabels") or {}).items()
    return wanted <= labels.items() and all(meets(one, labels) for one in selector.get("matchExpressions") or [])


def meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels meet one expression of a selector; of a node selector too, which has Gt and Lt.  An unknown operator is not met."""
    value, values = labels.get(expression["key"]), [str(one) for one in expression.get("values") or []]
    operator = expression["operator"]
    if operator in {"Gt", "Lt"}:
        number = int(value) if value and value.lstrip("-").isdigit() else None
        return number is not None and (number > int(values[0]) if operator == "Gt" else number < int(values[0]))
    met = {"In": value in values, "NotIn": value not in values, "Exists": value is not None, "DoesNotExist": value is None}
    return met.get(operator, False)


def pod_labels_of(workload: Object) -> dict[str, str]:
    """The labels of its pods."""
    return dict((workload["spec"]["template"].get("metadata") or {}).get("labels") or {})


def manager_of(obj: Object) -> str:
    """The kind and name of what manages the object and would undo changes to it, or nothing."""
    owner = next((one for one in obj["metadata"].get("ownerReferences") or [] if one.get("controller")), None)
    return f"{owner.get('kind')} {owner.get('name')}" if owner else ""


def owned_by(obj: Object, uid: str) -> bool:
    """By uid: another workload's objects may carry the same labels."""
    return any(owner.get("uid") == uid and owner.get("controller") for owner in obj["metadata"].get("ownerReferences") or [])


def selector_of(workload: Object) -> str:
    """The label selector as a query."""
    selector = workload["spec"].get("selector") or {}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], ",".join(expression.get("values") or [])
        parts.append({"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}[operator])
    return ",".join(parts)


def pods_of(kind: str, workload: Object, keepers: Iterable[Object], pods: Iterable[Object]) -> list[Object]:
    """The workload's pods, of all revisions, by owner."""
    uid = workload["metadata"]["uid"]
    if kind != "Deployment":
        return [pod for pod in pods if owned_by(pod, uid)]
    owners = {keeper["metadata"]["uid"] for keeper in keepers if owned_by(keeper, uid)}
    return [pod for pod in pods if any(owned_by(pod, owner) for owner in owners)]


def finished(pod: Object) -> bool:
    """Evicted, refused by its node, or done: it stays in the list, takes no room and answers nothing, and its controller replaces it."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def hash_of_pod(pod: Object) -> str:
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get("pod-template-hash") or labels.get("controller-revision-hash") or "")


def configs_of(template: Object) -> list[tuple[str, str]]:
    """(kind, name) of the ConfigMaps and Secrets that the template reads, in order, each once."""
    found: dict[tuple[str, str], None] = {}
    spec = template.get("spec", {})
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for source in container.get("envFrom") or []:
            _note(found, source.get("configMapRef"), source.get("secretRef"))
        for variable in container.get("env") or []:
            value_from = variable.get("valueFrom") or {}
            _note(found, value_from.get("configMapKeyRef"), value_from.get("secretKeyRef"))
    for volume in spec.get("volumes") or []:
        for source in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
            _note(found, source.get("configMap"), source.get("secret"))
    return list(found)


def _note(found: dict[tuple[str, str], None], config: Mapping[str, Any] | None, secret: Mapping[str, Any] | None) -> None:
    if config and config.get("name"):
        found["ConfigMap", config["name"]] = None
    name = secret and (secret.get("secretName") or secret.get("name"))
    if name:
        found["Secret", name] = None
