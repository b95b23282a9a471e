# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order objects are written, whether they come from manifests or from a backup.

A later wave may need an earlier one; the objects of one wave do not need each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import group_kind

NAMESPACE, DEFINITION = "Namespace", "CustomResourceDefinition.apiextensions.k8s.io"
DEFINITIONS, CUSTOM, HOOKS = "definitions", "custom resources", "webhooks and aggregated APIs"
AGGREGATED, FAIL_CLOSED = "objects of aggregated APIs", "webhooks that reject requests while they are down"
_RBAC, _ADMISSION, _NETWORK = "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "networking.k8s.io"
_WEBHOOKS = frozenset(f"{way}WebhookConfiguration.{_ADMISSION}" for way in ("Validating", "Mutating"))

WAVES: tuple[tuple[str, frozenset[str]], ...] = (
    ("namespaces", frozenset({NAMESPACE})),
    (DEFINITIONS, frozenset({DEFINITION})),
    (
        "classes",
        frozenset(
            {
                *("PriorityClass.scheduling.k8s.io", "RuntimeClass.node.k8s.io", "DeviceClass.resource.k8s.io"),
                *(f"IngressClass.{_NETWORK}", f"GatewayClass.gateway.{_NETWORK}"),
                *(f"{kind}.storage.k8s.io" for kind in ("StorageClass", "CSIDriver", "VolumeAttributesClass")),
                *(f"{kind}.flowcontrol.apiserver.k8s.io" for kind in ("FlowSchema", "PriorityLevelConfiguration")),
            }
        ),
    ),
    ("network policies", frozenset({f"NetworkPolicy.{_NETWORK}"})),  # before the pods that they protect
    ("service accounts", frozenset({"ServiceAccount"})),  # before Secrets: the control plane deletes a token without its account
    ("roles", frozenset({f"ClusterRole.{_RBAC}", f"Role.{_RBAC}"})),
    ("bindings", frozenset({f"ClusterRoleBinding.{_RBAC}", f"RoleBinding.{_RBAC}"})),
    ("configuration", frozenset({"Secret", "ConfigMap"})),
    ("limits", frozenset({"LimitRange"})),
    ("quotas", frozenset({"ResourceQuota"})),
    ("budgets", frozenset({"PodDisruptionBudget.policy"})),
    ("volumes", frozenset({"PersistentVolume"})),
    ("claims", frozenset({"PersistentVolumeClaim", "ResourceClaimTemplate.resource.k8s.io", "ResourceClaim.resource.k8s.io"})),
    ("services", frozenset({"Service"})),
    ("endpoints", frozenset({"Endpoints", "EndpointSlice.discovery.k8s.io"})),
    (
        "workloads",
        frozenset(
            {
                *("Pod", "ReplicationController", "PodTemplate"),
                *(f"{kind}.apps" for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision")),
            }
        ),
    ),
    ("autoscalers", frozenset({"HorizontalPodAutoscaler.autoscaling"})),
    ("jobs", frozenset({"Job.batch", "CronJob.batch"})),
    ("routes", frozenset({f"Ingress.{_NETWORK}"})),
    (CUSTOM, frozenset()),  # and each kind that is not named here
    (HOOKS, frozenset({"APIService.apiregistration.k8s.io"}) | _WEBHOOKS),
    (AGGREGATED, frozenset()),  # see wave_of
    (
        FAIL_CLOSED,
        frozenset(f"{way}AdmissionPolicy{what}.{_ADMISSION}" for way in ("Validating", "Mutating") for what in ("", "Binding")),
    ),
)
TITLES = tuple(title for title, _kinds in WAVES)
FIRST_PLANNED = TITLES.index("classes")  # the waves before it decide which of the others can be planned
_PLACE = {kind: place for place, (_title, kinds) in enumerate(WAVES) for kind in kinds}


def wave_of(obj: Mapping[str, Any], aggregated: frozenset[str] = frozenset()) -> int:
    """``aggregated`` are the groups that an API server in the cluster serves, which has to be there before their objects."""
    kind = group_kind(obj)
    place = _PLACE.get(kind, TITLES.index(AGGREGATED if kind.partition(".")[2] in aggregated else CUSTOM))
    if kind in _WEBHOOKS and any(hook.get("failurePolicy", "Fail") == "Fail" for hook in obj.get("webhooks") or ()):
        return TITLES.index(FAIL_CLOSED)
    return place
