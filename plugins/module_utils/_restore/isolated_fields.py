# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields that an isolated copy may have, kind by kind.  A field that is not named here does not come into the copy.  Pure.

``ALLOWED`` maps each kind to a form: ``KEEP`` takes a value as it is, ``Only`` takes some values, a dict takes the fields that it names,
a list takes items of one form, and a function decides by the value which form applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CopyScope:
    """What decides about a field beside its own value."""

    classes: frozenset[str | None] = frozenset()  # storage classes that create a volume for each claim; None is the default class
    kinds: frozenset[str] = frozenset()  # kinds that the user allows beyond those of the table
    selected: frozenset[str] = frozenset()  # label keys that a selector of the copy uses
    outside: frozenset[tuple[str, str]] = frozenset()  # claims of the backup that the copy does not contain
    namespace: str = ""  # of the object at hand, as the backup names it


@dataclass(frozen=True)
class Only:
    """A value that is not one of these is removed; if it is vital, the copy does not contain the object."""

    values: frozenset[Any] = frozenset()
    vital: bool = False


KEEP, NONE, NEVER = object(), Only(), Only(frozenset({False}), vital=True)


def _keep(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, KEEP)


# The sets of the Pod Security Standard "baseline".
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        *(
            f"net.ipv4.{name}"
            for name in (
                "ip_local_port_range", "ip_local_reserved_ports", "ip_unprivileged_port_start", "ping_group_range", "tcp_fin_timeout",
                "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_keepalive_time", "tcp_syncookies",
            )
        ),
    }
)  # fmt: skip
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})


def _labels(_value: Any, scope: CopyScope) -> Any:
    return dict.fromkeys(scope.selected, KEEP)


def _sysctl(value: Mapping[str, Any], _scope: CopyScope) -> Any:
    return KEEP if value.get("name") in _SYSCTLS else NONE


def _term(value: Mapping[str, Any], scope: CopyScope) -> Any:
    """A term of pod affinity; one that reaches other namespaces would hold back their pods."""
    inside = set(value.get("namespaces") or ()) <= {scope.namespace} and value.get("namespaceSelector") is None
    return _keep("labelSelector", "topologyKey", "namespaces", "matchLabelKeys", "mismatchLabelKeys") if inside else NONE


def _weighted(value: Mapping[str, Any], scope: CopyScope) -> Any:
    form = _term(value.get("podAffinityTerm") or {}, scope)
    return NONE if form is NONE else {"weight": KEEP, "podAffinityTerm": form}


def _source(value: Mapping[str, Any], _scope: CopyScope) -> Any:
    """A part of a projected volume; a token with an audience is for a service outside."""
    outward = (value.get("serviceAccountToken") or {}).get("audience")
    return NONE if outward else _keep("configMap", "secret", "downwardAPI", "serviceAccountToken")


def _mounted_claim(value: Mapping[str, Any], scope: CopyScope) -> Any:
    return NONE if (scope.namespace, value.get("claimName", "")) in scope.outside else _keep("claimName", "readOnly")


def claim_form(value: Mapping[str, Any], scope: CopyScope) -> Any:
    """The ``spec`` of a claim; without a class that creates a volume it could be bound to one that exists."""
    safe = value.get("storageClassName") in scope.classes
    return _keep("accessModes", "resources", "storageClassName", "volumeMode") if safe else NONE


def _claim_template(value: Mapping[str, Any], scope: CopyScope) -> Any:
    form = claim_form(value.get("spec") or {}, scope)
    return NONE if form is NONE else {**_keep("apiVersion", "kind"), "metadata": _META, "spec": form}


_NOTES = _keep(
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/restartedAt",
    "kubernetes.io/change-cause",
    "kubernetes.io/description",
    "kubernetes.io/service-account.name",
)
# Nothing in a copy selects anything but pods by label, and tools outside do: GitOps, monitoring, sidecars of dashboards.
_META = {**_keep("name", "namespace", "generateName"), "labels": {}, "annotations": _NOTES}
_POD_META = {**_META, "labels": _labels}

_PROFILE = {"type": Only(frozenset({"RuntimeDefault", "Localhost"})), "localhostProfile": KEEP}
_SECURITY = {
    **_keep("runAsUser", "runAsGroup", "runAsNonRoot"),
    "seccompProfile": _PROFILE,
    "appArmorProfile": _PROFILE,
    "seLinuxOptions": {"level": KEEP, "type": Only(_SELINUX)},
    "windowsOptions": {"runAsUserName": KEEP, "hostProcess": NEVER},
}
# Without `host`: the kubelet would send the request there, and no NetworkPolicy applies to it.
_REQUESTS = {"exec": KEEP, "httpGet": _keep("path", "port", "scheme", "httpHeaders"), "tcpSocket": _keep("port")}
_PROBE = {
    **_REQUESTS,
    "grpc": _keep("port", "service"),
    **_keep("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"),
    "terminationGracePeriodSeconds": KEEP,
}
_HOOK = {**_REQUESTS, "sleep": KEEP}
_RESOURCES = _keep("limits", "requests")
_CONTAINER = {
    **_keep("name", "image", "imagePullPolicy", "command", "args", "workingDir", "stdin", "stdinOnce", "tty"),
    **_keep("terminationMessagePath", "terminationMessagePolicy", "resizePolicy", "restartPolicy", "restartPolicyRules"),
    "env": [
        {
            **_keep("name", "value"),
            "valueFrom": _keep("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"),
        }
    ],
    "envFrom": [_keep("prefix", "configMapRef", "secretRef")],
    "ports": [_keep("name", "containerPort", "protocol")],
    "resources": _RESOURCES,
    "volumeMounts": [_keep("name", "mountPath", "subPath", "subPathExpr", "readOnly", "recursiveReadOnly")],
    "volumeDevices": [_keep("name", "devicePath")],
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "lifecycle": {"postStart": _HOOK, "preStop": _HOOK, "stopSignal": KEEP},
    "securityContext": {
        **_SECURITY,
        **_keep("allowPrivilegeEscalation", "readOnlyRootFilesystem"),
        "privileged": NEVER,
        "procMount": Only(frozenset({"Default"}), vital=True),
        "capabilities": {"drop": KEEP, "add": [Only(_CAPABILITIES, vital=True)]},
    },
}
_VOLUME = {
    "name": KEEP,
    **_keep("configMap", "secret", "downwardAPI"),
    "emptyDir": {"medium": Only(frozenset({"", "Memory"})), "sizeLimit": KEEP},
    "projected": {"defaultMode": KEEP, "sources": [_source]},
    "image": _keep("reference", "pullPolicy"),
    "persistentVolumeClaim": _mounted_claim,
    "ephemeral": {"volumeClaimTemplate": _claim_template},
    "hostPath": Only(vital=True),
}
_TERMS = {
    "requiredDuringSchedulingIgnoredDuringExecution": [_term],
    "preferredDuringSchedulingIgnoredDuringExecution": [_weighted],
}
_POD = {
    **_keep("activeDeadlineSeconds", "automountServiceAccountToken", "enableServiceLinks", "hostname", "subdomain", "setHostnameAsFQDN"),
    **_keep("imagePullSecrets", "nodeSelector", "os", "overhead", "restartPolicy", "runtimeClassName", "serviceAccount"),
    **_keep("serviceAccountName", "shareProcessNamespace", "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints"),
    "affinity": {"nodeAffinity": KEEP, "podAffinity": _TERMS, "podAntiAffinity": _TERMS},
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "dnsPolicy": Only(frozenset({"ClusterFirst"})),
    "dnsConfig": _keep("options"),
    "hostNetwork": NEVER,
    "hostPID": NEVER,
    "hostIPC": NEVER,
    "hostUsers": Only(frozenset({False})),
    "resources": _RESOURCES,
    "securityContext": {
        **_SECURITY,
        **_keep("fsGroup", "fsGroupChangePolicy", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"),
        "sysctls": [_sysctl],
    },
    "volumes": [_VOLUME],
}
_TEMPLATE = {"metadata": _POD_META, "spec": _POD}
_SERVICE = {
    **_keep("selector", "sessionAffinity", "sessionAffinityConfig", "publishNotReadyAddresses", "internalTrafficPolicy"),
    **_keep("ipFamilies", "ipFamilyPolicy", "trafficDistribution"),
    "type": Only(frozenset({"ClusterIP"})),
    "clusterIP": Only(frozenset({"None"})),
    "clusterIPs": [Only(frozenset({"None"}))],
    "ports": [_keep("name", "port", "targetPort", "protocol", "appProtocol")],
}


def _workload(*names: str, **forms: Any) -> dict[str, Any]:
    return {"spec": {**_keep("replicas", "selector", "minReadySeconds", "revisionHistoryLimit", *names), "template": _TEMPLATE, **forms}}


_FORMS: dict[str, dict[str, Any]] = {
    "ConfigMap": _keep("data", "binaryData", "immutable"),
    "DaemonSet.apps": _workload("updateStrategy"),
    "Deployment.apps": _workload("strategy", "progressDeadlineSeconds"),  # a paused one would create no pods
    "HorizontalPodAutoscaler.autoscaling": _keep("spec"),
    "LimitRange": _keep("spec"),
    "Namespace": {},
    "PersistentVolumeClaim": {"spec": claim_form},
    "Pod": {"metadata": _POD_META, "spec": _POD},
    "PodTemplate": {"template": _TEMPLATE},
    "ReplicaSet.apps": _workload(),
    "ReplicationController": _workload(),
    "ResourceQuota": _keep("spec"),
    "Role.rbac.authorization.k8s.io": _keep("rules"),
    "Secret": _keep("data", "stringData", "type", "immutable"),
    "Service": {"spec": _SERVICE},
    "ServiceAccount": _keep("secrets", "imagePullSecrets", "automountServiceAccountToken"),
    "StatefulSet.apps": _workload(
        "serviceName", "podManagementPolicy", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "ordinals",
        volumeClaimTemplates=[_claim_template],
    ),
}  # fmt: skip
ALLOWED = {kind: {**_keep("apiVersion", "kind"), "metadata": _META, **form} for kind, form in _FORMS.items()}
METADATA = _META
