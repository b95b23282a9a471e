# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields that are removed from each kind between a backup and a restore: one table, pure.

``STRIPPED`` has a row for each kind with a rule of its own; ``stripped`` removes from each object what belongs to the cluster that it came
from.  It does not change its arguments.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .._manifests.model import group_kind
from .._workloads.readiness import replicas_of
from .kinds import TOKEN_TYPE, Context, RestoreItem, annotations_of, generated_for, name_of, restore_item

Object = dict[str, Any]

_METADATA = ("name", "namespace", "generateName", "labels", "annotations")
_INJECTED = ("cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "service.beta.openshift.io/inject-cabundle")
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")


def _drop(value: Any, *names: str) -> None:
    if isinstance(value, dict):
        for name in names:
            value.pop(name, None)


def _drop_annotations(obj: Object, *names: str) -> None:
    metadata = obj["metadata"]
    _drop(metadata.get("annotations"), *names)
    if metadata.get("annotations") == {}:
        del metadata["annotations"]


def _strip_namespace(obj: Object, _context: Context) -> None:
    _drop(obj.get("spec"), "finalizers")
    _drop(obj["metadata"].get("labels"), "kubernetes.io/metadata.name")  # the server sets it


def _strip_service(obj: Object, context: Context) -> None:
    spec = obj.get("spec") or {}
    if spec.get("clusterIP") != "None":
        _drop(spec, "clusterIP", "clusterIPs")
    if spec.get("ipFamilyPolicy") != "RequireDualStack":
        _drop(spec, "ipFamilies")
    namespace, name = name_of(obj)
    mine = (context.mapping.get(namespace, namespace), name)
    for port in spec.get("ports") or ():
        if context.ports.get(port.get("nodePort"), mine) != mine:
            _drop(port, "nodePort")
    if context.ports.get(spec.get("healthCheckNodePort") or 0, mine) != mine:
        _drop(spec, "healthCheckNodePort")


def without_ports(service: Object) -> Object:
    """A Service without the ports of nodes that it asks for."""
    fresh = copy.deepcopy(service)
    for holder in (fresh.get("spec") or {}, *((fresh.get("spec") or {}).get("ports") or ())):
        _drop(holder, "nodePort", "healthCheckNodePort")
    return fresh


def _strip_job(obj: Object, _context: Context) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("manualSelector"):
        _drop(spec, "selector")
        _drop((spec.get("template") or {}).get("metadata", {}).get("labels"), *_JOB_LABELS)
        _drop(obj["metadata"].get("labels"), *_JOB_LABELS)
    _drop_annotations(obj, "batch.kubernetes.io/job-tracking")


def _strip_secret(obj: Object, _context: Context) -> None:
    if obj.get("type") == TOKEN_TYPE:
        data = obj.get("data") or {}
        _drop(data, "token", "ca.crt", "namespace")
        if not data:
            _drop(obj, "data")
        _drop_annotations(obj, "kubernetes.io/service-account.uid")


def _strip_account(obj: Object, _context: Context) -> None:
    # A token pulls no image: a pull secret with such a name is a person's.
    for field_name, what in (("secrets", ("token", "dockercfg")), ("imagePullSecrets", ("dockercfg",))):
        kept = [ref for ref in obj.get(field_name) or () if not generated_for(obj["metadata"]["name"], ref.get("name", ""), what)]
        if kept:
            obj[field_name] = kept
        else:
            _drop(obj, field_name)


def _strip_claim(obj: Object, context: Context) -> None:
    dynamic = any("storage-provisioner" in name for name in annotations_of(obj))
    restored = context.volumes.get((obj.get("spec") or {}).get("volumeName", ""), None if dynamic else True)
    if not restored or obj["metadata"].get("namespace") in context.mapping:
        _drop(obj.get("spec"), "volumeName")  # a new volume: the old one was deleted with its claim, or the claim still uses it
    _drop_annotations(
        obj,
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "volume.kubernetes.io/selected-node",
        # The rule above needs the name of the provisioner only as long as there is a volumeName.
        *(() if not dynamic else ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")),
    )


def _strip_volume(obj: Object, context: Context) -> None:
    _drop((obj.get("spec") or {}).get("claimRef"), "resourceVersion")
    # A released volume belongs to a claim that is gone: with its UID no later claim of that name gets the data.
    if (obj.get("status") or {}).get("phase") not in ("Released", "Failed"):
        _drop((obj.get("spec") or {}).get("claimRef"), "uid")
    if obj["metadata"]["name"] in context.released:
        _drop(obj.get("spec"), "persistentVolumeReclaimPolicy")  # somebody changed it to keep the data
    _drop_annotations(obj, "pv.kubernetes.io/bound-by-controller")


def _is_token(volume: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether the API server has added the volume for the token of the pod's account; before Kubernetes 1.21 that was a Secret."""
    name = volume["name"]
    secret = volume.get("secret")
    account = pod.get("serviceAccountName") or "default"
    legacy = isinstance(secret, dict) and secret.get("secretName") == name and generated_for(account, name, ("token",))
    return legacy or re.fullmatch("kube-api-access-[a-z0-9]{5}", name) is not None


def _strip_pod(obj: Object, _context: Context) -> None:
    spec = obj.get("spec") or {}
    _drop(spec, "nodeName", "ephemeralContainers")
    if spec.get("priorityClassName") or not spec.get("priority"):
        _drop(spec, "priority")  # the server computes it, and rejects another value
    tokens = {volume["name"] for volume in spec.get("volumes") or () if _is_token(volume, spec)}
    if tokens:
        spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] not in tokens]
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
            container["volumeMounts"] = [mount for mount in container.get("volumeMounts") or () if mount["name"] not in tokens]
            if not container["volumeMounts"]:
                del container["volumeMounts"]
        if not spec["volumes"]:
            del spec["volumes"]


def _strip_scaled(obj: Object, context: Context) -> None:
    namespace, name = name_of(obj)
    # Zero replicas switch an autoscaler off, so a user has set the zero.
    if (namespace, group_kind(obj), name) in context.scaled and (obj.get("spec") or {}).get("replicas") != 0:
        _drop(obj.get("spec"), "replicas")
    _drop_annotations(obj, "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
    for claim in (obj.get("spec") or {}).get("volumeClaimTemplates") or ():
        _drop(claim, "status")


def _strip_role(obj: Object, _context: Context) -> None:
    if obj.get("aggregationRule"):
        _drop(obj, "rules")  # a controller sets them


def injected(obj: Mapping[str, Any]) -> bool:
    """Whether a controller fills in the CA that the API server trusts."""
    return any(name in annotations_of(obj) for name in _INJECTED)


def hooks_of(obj: Mapping[str, Any]) -> list[Object]:
    return list(obj.get("webhooks") or ()) if group_kind(obj).endswith("WebhookConfiguration.admissionregistration.k8s.io") else []


def bundle_holders(obj: Mapping[str, Any]) -> Iterator[Object]:
    """The parts of an object that hold a caBundle beside the service that it is for."""
    spec = obj.get("spec") or {}
    for hook in hooks_of(obj):
        yield hook.get("clientConfig") or {}
    if group_kind(obj) == "APIService.apiregistration.k8s.io":
        yield spec
    elif group_kind(obj) == "CustomResourceDefinition.apiextensions.k8s.io":
        yield ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}


def _strip_bundles(obj: Object, _context: Context) -> None:
    if injected(obj):
        for holder in bundle_holders(obj):
            _drop(holder, "caBundle")


def _strip_definition(obj: Object, context: Context) -> None:
    _strip_bundles(obj, context)
    spec = obj.get("spec") or {}
    if spec.pop("preserveUnknownFields", None):  # from the time of v1beta1; v1 says the same in each schema, and takes nothing else
        for version in spec.get("versions") or ():
            schema = version.setdefault("schema", {}).setdefault("openAPIV3Schema", {})
            schema |= {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _strip_endpoints(obj: Object, _context: Context) -> None:
    _drop_annotations(obj, "endpoints.kubernetes.io/last-change-trigger-time")
    for subset in obj.get("subsets") or ():
        for address in (*(subset.get("addresses") or ()), *(subset.get("notReadyAddresses") or ())):
            _drop(address.get("targetRef"), "uid", "resourceVersion")
    for endpoint in obj.get("endpoints") or ():
        _drop(endpoint.get("targetRef"), "uid", "resourceVersion")


def _strip_snapshot_content(obj: Object, _context: Context) -> None:
    for name in ("volumeSnapshotRef", "volumeGroupSnapshotRef"):
        _drop((obj.get("spec") or {}).get(name), "uid", "resourceVersion")  # with another UID its snapshot never gets it


def _strip_autoscaler(obj: Object, _context: Context) -> None:
    _drop_annotations(obj, *(f"autoscaling.alpha.kubernetes.io/{name}" for name in ("conditions", "current-metrics")))


STRIPPED: dict[str, Callable[[Object, Context], None]] = {
    "APIService.apiregistration.k8s.io": _strip_bundles,
    "ClusterRole.rbac.authorization.k8s.io": _strip_role,
    "CustomResourceDefinition.apiextensions.k8s.io": _strip_definition,
    "DaemonSet.apps": _strip_scaled,
    "Deployment.apps": _strip_scaled,
    "Endpoints": _strip_endpoints,
    "EndpointSlice.discovery.k8s.io": _strip_endpoints,
    "HorizontalPodAutoscaler.autoscaling": _strip_autoscaler,
    "Job.batch": _strip_job,
    "MutatingWebhookConfiguration.admissionregistration.k8s.io": _strip_bundles,
    "Namespace": _strip_namespace,
    "PersistentVolume": _strip_volume,
    "PersistentVolumeClaim": _strip_claim,
    "Pod": _strip_pod,
    "ReplicaSet.apps": _strip_scaled,
    "ReplicationController": _strip_scaled,
    "Secret": _strip_secret,
    "Service": _strip_service,
    "ServiceAccount": _strip_account,
    "StatefulSet.apps": _strip_scaled,
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io": _strip_bundles,
    "VolumeGroupSnapshotContent.groupsnapshot.storage.k8s.io": _strip_snapshot_content,
    "VolumeSnapshotContent.snapshot.storage.k8s.io": _strip_snapshot_content,
}


def stripped(item: RestoreItem, context: Context) -> Object:
    """The object as it can be written to a cluster; without its owners, for they have other UIDs there (see ``owners_of``)."""
    obj = item.obj
    rule = STRIPPED.get(item.key.kind)
    # Content that no rule changes is not copied: most objects of a large backup are of this kind.
    fresh: Object = copy.deepcopy(dict(obj)) if rule else dict(obj)
    metadata = fresh["metadata"]
    fresh["metadata"] = {name: metadata[name] for name in _METADATA if metadata.get(name)}
    kept = [name for name in metadata.get("finalizers") or () if name in context.finalizers]
    if kept:
        fresh["metadata"]["finalizers"] = kept
    if rule:
        rule(fresh, context)
    fresh.pop("status", None)
    return fresh


def is_rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Whether its controller has made all of its pods of the template that it has."""
    replicas = replicas_of("Deployment", deployment)
    return replicas.seen and replicas.total == replicas.updated >= replicas.desired


def comparable(live: Mapping[str, Any]) -> Object:
    """An object of the cluster, without the fields that a restore does not write."""
    volumes = {(live.get("spec") or {}).get("volumeName", ""): True}  # compared, whichever it is
    return stripped(restore_item(live), Context(finalizers=frozenset(live["metadata"].get("finalizers") or ()), volumes=volumes))


def owners_of(obj: Mapping[str, Any]) -> list[Object]:
    """The owners that the object has to be linked to again."""
    return [dict(owner) for owner in obj["metadata"].get("ownerReferences") or ()]


def suspended(kind: str, wanted: Object, source: Mapping[str, Any]) -> Object:
    """How an object is written first.

    A CronJob must not start jobs before all that they need is there.  A Deployment that was paused when its pods were there is given them
    before it is paused again; one that was paused with a template that did not run yet stays paused, so that nobody releases it.
    """
    spec = wanted.get("spec") or {}
    if kind == "CronJob.batch":
        return {**wanted, "spec": {**spec, "suspend": True}}
    if kind == "Deployment.apps" and spec.get("paused") and is_rolled_out(source):
        return {**wanted, "spec": {name: value for name, value in spec.items() if name != "paused"}}
    return wanted
