# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the objects of a set are written: Helm's, with definitions first.  Pure.

A later rank may need an earlier one; the objects of one rank do not need each other.
"""

from __future__ import annotations

from typing import Any

from .model import group_kind

NAMESPACE, DEFINITION = "Namespace", "CustomResourceDefinition.apiextensions.k8s.io"
_RBAC, _ADMISSION, _NETWORK = "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "networking.k8s.io"

_RANKS: tuple[tuple[str, ...], ...] = (
    (NAMESPACE,),
    (DEFINITION,),
    (
        *("PriorityClass.scheduling.k8s.io", "RuntimeClass.node.k8s.io", f"IngressClass.{_NETWORK}", "DeviceClass.resource.k8s.io"),
        *(f"{kind}.storage.k8s.io" for kind in ("StorageClass", "CSIDriver", "VolumeAttributesClass")),
        *(f"{kind}.flowcontrol.apiserver.k8s.io" for kind in ("FlowSchema", "PriorityLevelConfiguration")),
    ),
    (f"NetworkPolicy.{_NETWORK}",),
    ("ResourceQuota", "LimitRange"),
    ("PodDisruptionBudget.policy",),
    ("ServiceAccount",),  # before Secrets: the control plane deletes a token without its account
    ("Secret", "ConfigMap"),
    ("PersistentVolume",),
    ("PersistentVolumeClaim", "ResourceClaimTemplate.resource.k8s.io", "ResourceClaim.resource.k8s.io"),
    (f"ClusterRole.{_RBAC}", f"Role.{_RBAC}"),
    (f"ClusterRoleBinding.{_RBAC}", f"RoleBinding.{_RBAC}"),
    ("Service",),
    ("Endpoints", "EndpointSlice.discovery.k8s.io"),
    (
        *("Pod", "ReplicationController", "PodTemplate"),
        *(f"{kind}.apps" for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision")),
    ),
    ("HorizontalPodAutoscaler.autoscaling",),
    ("Job.batch", "CronJob.batch"),
    (f"Ingress.{_NETWORK}",),
    (),  # custom resources, and every kind that is not named here
    (
        "APIService.apiregistration.k8s.io",
        *(f"{way}WebhookConfiguration.{_ADMISSION}" for way in ("Mutating", "Validating")),
        *(f"{way}AdmissionPolicy{what}.{_ADMISSION}" for way in ("Mutating", "Validating") for what in ("", "Binding")),
    ),
)
_RANK = {kind: rank for rank, kinds in enumerate(_RANKS) for kind in kinds}


def rank_of(obj: Any) -> int:
    return _RANK.get(group_kind(obj), _RANKS.index(()))
