# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a restore; pure.  The objects of a wave do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .kinds import kind_of
from .portable import hooks_of

_RBAC, _ADMISSION, _STORAGE = "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "storage.k8s.io"
DEFINITIONS, CUSTOM, HOOKS = "definitions", "custom resources", "webhooks and aggregated APIs"
AGGREGATED = "objects of aggregated APIs"
FAIL_CLOSED = "webhooks that reject requests while they are down"
NAMESPACES, WORKLOADS = "namespaces and classes", "workloads"

WAVES: tuple[tuple[str, frozenset[str]], ...] = (
    (DEFINITIONS, frozenset({"CustomResourceDefinition.apiextensions.k8s.io"})),
    (
        NAMESPACES,
        frozenset(
            {
                "Namespace",
                "PriorityClass.scheduling.k8s.io",
                "RuntimeClass.node.k8s.io",
                "IngressClass.networking.k8s.io",
                "GatewayClass.gateway.networking.k8s.io",
                "FlowSchema.flowcontrol.apiserver.k8s.io",
                "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io",
                "DeviceClass.resource.k8s.io",
                *(f"{kind}.{_STORAGE}" for kind in ("StorageClass", "CSIDriver", "VolumeAttributesClass")),
            }
        ),
    ),
    ("service accounts", frozenset({"ServiceAccount"})),
    ("roles", frozenset({f"ClusterRole.{_RBAC}", f"Role.{_RBAC}"})),
    ("bindings", frozenset({f"ClusterRoleBinding.{_RBAC}", f"RoleBinding.{_RBAC}"})),
    ("configuration", frozenset({"Secret", "ConfigMap"})),
    ("limits", frozenset({"LimitRange"})),
    ("quotas", frozenset({"ResourceQuota"})),
    ("volumes", frozenset({"PersistentVolume"})),
    ("claims", frozenset({"PersistentVolumeClaim", "ResourceClaimTemplate.resource.k8s.io", "ResourceClaim.resource.k8s.io"})),
    ("services", frozenset({"Service"})),
    ("endpoints", frozenset({"Endpoints", "EndpointSlice.discovery.k8s.io"})),
    (
        WORKLOADS,
        frozenset(
            {
                "Pod",
                "PodTemplate",
                "ReplicationController",
                "CronJob.batch",
                "Job.batch",
                *(f"{kind}.apps" for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision")),
            }
        ),
    ),
    (CUSTOM, frozenset()),  # and each kind that is not named here
    ("budgets and network", frozenset({"PodDisruptionBudget.policy", "NetworkPolicy.networking.k8s.io", "Ingress.networking.k8s.io"})),
    ("autoscalers", frozenset({"HorizontalPodAutoscaler.autoscaling"})),
    (
        HOOKS,
        frozenset(
            {
                "APIService.apiregistration.k8s.io",
                *(f"{kind}WebhookConfiguration.{_ADMISSION}" for kind in ("Validating", "Mutating")),
            }
        ),
    ),
    (AGGREGATED, frozenset()),  # see wave_of
    (
        FAIL_CLOSED,
        frozenset(
            {f"{way}AdmissionPolicy{what}.{_ADMISSION}" for way in ("Validating", "Mutating") for what in ("", "Binding")},
        ),
    ),
)
TITLES = tuple(title for title, _kinds in WAVES)
_PLACE = {kind: place for place, (_title, kinds) in enumerate(WAVES) for kind in kinds}


def wave_of(obj: Mapping[str, Any], aggregated: frozenset[str] = frozenset()) -> int:
    """``aggregated`` are the groups that an API server in the cluster serves, which has to be there before their objects."""
    other = AGGREGATED if kind_of(obj).partition(".")[2] in aggregated else CUSTOM
    place = _PLACE.get(kind_of(obj), TITLES.index(other))
    if any(hook.get("failurePolicy", "Fail") == "Fail" for hook in hooks_of(obj)):
        return TITLES.index(FAIL_CLOSED)
    return place
