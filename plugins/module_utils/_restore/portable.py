# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind loses between a backup and a restore, and which objects are not restored: one table, pure.

``SKIPPED`` and ``STRIPPED`` have a row for each kind that has a rule of its own; ``stripped`` takes from every object what belongs to the
cluster that it came from.  It changes nothing that it is given, and nothing more the second time.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._cluster.conditions import holds

Object = dict[str, Any]

RELEASE = "helm.sh/release.v1"
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 # a Secret's type
_METADATA = ("name", "namespace", "generateName", "labels", "annotations")
_INJECTED = ("cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "service.beta.openshift.io/inject-cabundle")
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")


@dataclass(frozen=True)
class Context:
    """What the rules know of the rest of the backup, and of the cluster that it goes to."""

    uids: frozenset[str] = frozenset()
    scaled: frozenset[tuple[str, str, str]] = frozenset()  # (namespace, kind.group, name) of what an HPA scales
    selecting: frozenset[tuple[str, str]] = frozenset()  # (namespace, name) of Services with a selector
    mapping: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # node ports in use, and the Service that has each
    finalizers: frozenset[str] = frozenset()  # whose controllers are in the cluster


def kind_of(obj: Mapping[str, Any]) -> str:
    """`Deployment.apps`, `ConfigMap`: a kind without its version, which may differ from cluster to cluster."""
    group, _slash, _version = str(obj["apiVersion"]).rpartition("/")
    return f"{obj['kind']}.{group}" if group else str(obj["kind"])


def name_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def context_of(objects: Iterable[Mapping[str, Any]], **more: Any) -> Context:
    """What the objects of a backup say of each other."""
    uids, scaled, selecting = set(), set(), set()
    for obj in objects:
        metadata, spec = obj["metadata"], obj.get("spec") or {}
        if metadata.get("uid"):
            uids.add(metadata["uid"])
        kind = kind_of(obj)
        if kind == "HorizontalPodAutoscaler.autoscaling":
            target = spec.get("scaleTargetRef") or {}
            what = kind_of({"apiVersion": target.get("apiVersion") or "apps/v1", "kind": target.get("kind")})
            scaled.add((metadata["namespace"], what, target.get("name", "")))
        elif kind == "Service" and spec.get("selector"):
            selecting.add(name_of(obj))
    return Context(frozenset(uids), frozenset(scaled), frozenset(selecting), **more)


# --- what is not restored -----------------------------------------------------------------------------------------------------------------


def _labels(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("labels") or {}


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj["metadata"].get("annotations") or {}


def _bootstrap(obj: Mapping[str, Any], _context: Context) -> str:
    # Not by its name: metrics-server and others call theirs system:, too.
    own = _labels(obj).get("kubernetes.io/bootstrapping") == "rbac-defaults"
    kept = _annotations(obj).get("rbac.authorization.kubernetes.io/autoupdate") == "false"
    return "the API server makes its own" if own and not kept else ""


def _config_map(obj: Mapping[str, Any], _context: Context) -> str:
    if obj["metadata"]["name"] in ("kube-root-ca.crt", "openshift-service-ca.crt"):
        return "the cluster gives each namespace its own"
    if name_of(obj) == ("kube-system", "extension-apiserver-authentication"):
        return "the API server makes its own"
    return "a leader election is of the moment" if "control-plane.alpha.kubernetes.io/leader" in _annotations(obj) else ""


def _secret(obj: Mapping[str, Any], context: Context) -> str:
    if obj.get("type") == _TOKEN:
        account = _annotations(obj).get("kubernetes.io/service-account.name", "")
        if re.fullmatch(re.escape(account) + "-token-[a-z0-9]{5}", obj["metadata"]["name"]):
            return "a generated token of a ServiceAccount is worth nothing in another cluster"
    if obj.get("type") == RELEASE and obj["metadata"].get("namespace") in context.mapping:
        return "a Helm release is bound to its namespace; install the chart in the other one"
    return ""


def _service(obj: Mapping[str, Any], _context: Context) -> str:
    return "the API server makes its own" if name_of(obj) == ("default", "kubernetes") else ""


_OF_NODES = "it belongs to the nodes, which make it"


def _endpoints(obj: Mapping[str, Any], context: Context) -> str:
    if name_of(obj) == ("default", "kubernetes") or name_of(obj) in context.selecting:
        return "the cluster makes the endpoints of a Service with a selector"
    return _of_nodes(address for subset in obj.get("subsets") or () for address in subset.get("addresses") or ())


def _of_nodes(addresses: Iterable[Mapping[str, Any]]) -> str:
    # As the Prometheus operator writes down where the kubelets are: in another cluster these are other machines.
    kinds = {(address.get("targetRef") or {}).get("kind") for address in addresses}
    return _OF_NODES if kinds == {"Node"} else ""


def _endpoint_slice(obj: Mapping[str, Any], context: Context) -> str:
    service = _labels(obj).get("kubernetes.io/service-name", "")
    managed = _labels(obj).get("endpointslice.kubernetes.io/managed-by", "")
    if managed.endswith(".k8s.io") or (obj["metadata"].get("namespace"), service) in context.selecting:
        return "the cluster makes the endpoints of a Service with a selector"
    return _service(obj, context) or _of_nodes(obj.get("endpoints") or ())


def _job(obj: Mapping[str, Any], _context: Context) -> str:
    return "it had ended, and would run again" if holds(obj, "Complete", "Failed") else ""


def _pod(obj: Mapping[str, Any], _context: Context) -> str:
    if "kubernetes.io/config.mirror" in _annotations(obj):
        return "a static pod is the kubelet's"
    return "it had ended, and would run again" if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed") else ""


def _volume(obj: Mapping[str, Any], _context: Context) -> str:
    spec = obj.get("spec") or {}
    if "pv.kubernetes.io/provisioned-by" in _annotations(obj) and spec.get("persistentVolumeReclaimPolicy") == "Delete":
        return "its data goes with its claim; the claim gets a new volume"
    return ""


def _priority_class(obj: Mapping[str, Any], _context: Context) -> str:
    return "the API server makes its own" if obj["metadata"]["name"].startswith("system-") else ""


def _api_service(obj: Mapping[str, Any], _context: Context) -> str:
    managed = "kube-aggregator.kubernetes.io/automanaged" in _labels(obj) or not (obj.get("spec") or {}).get("service")
    return "the API server makes its own" if managed else ""


def _flow(obj: Mapping[str, Any], _context: Context) -> str:
    automatic = _annotations(obj).get("apf.kubernetes.io/autoupdate-spec") == "true"
    return "the API server makes its own" if automatic or obj["metadata"]["name"] in ("exempt", "catch-all") else ""


def _always(why: str) -> Callable[[Mapping[str, Any], Context], str]:
    return lambda _obj, _context: why


_MOMENT, _NODES = _always("it is of the moment"), _always(_OF_NODES)
SKIPPED: dict[str, Callable[[Mapping[str, Any], Context], str]] = {
    "APIService.apiregistration.k8s.io": _api_service,
    "Binding": _MOMENT,
    "CSINode.storage.k8s.io": _NODES,
    "CSIStorageCapacity.storage.k8s.io": _NODES,
    "CertificateSigningRequest.certificates.k8s.io": _MOMENT,
    "ClusterRole.rbac.authorization.k8s.io": _bootstrap,
    "ClusterRoleBinding.rbac.authorization.k8s.io": _bootstrap,
    "ComponentStatus": _MOMENT,
    "ConfigMap": _config_map,
    "Endpoints": _endpoints,
    "EndpointSlice.discovery.k8s.io": _endpoint_slice,
    "Event": _MOMENT,
    "Event.events.k8s.io": _MOMENT,
    "FlowSchema.flowcontrol.apiserver.k8s.io": _flow,
    "IPAddress.networking.k8s.io": _always("the API server makes it for a Service"),
    "Job.batch": _job,
    "Lease.coordination.k8s.io": _MOMENT,
    "LeaseCandidate.coordination.k8s.io": _MOMENT,
    "Node": _NODES,
    "NodeMetrics.metrics.k8s.io": _MOMENT,
    "PersistentVolume": _volume,
    "Pod": _pod,
    "PodMetrics.metrics.k8s.io": _MOMENT,
    "PriorityClass.scheduling.k8s.io": _priority_class,
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": _flow,
    "ResourceSlice.resource.k8s.io": _NODES,
    "Role.rbac.authorization.k8s.io": _bootstrap,
    "RoleBinding.rbac.authorization.k8s.io": _bootstrap,
    "Secret": _secret,
    "Service": _service,
    "ServiceCIDR.networking.k8s.io": _always("the addresses of Services are the cluster's own"),
    "StorageVersion.internal.apiserver.k8s.io": _MOMENT,
    "VolumeAttachment.storage.k8s.io": _NODES,
}
# Made by a controller from their owner, even if that is not in the backup.
_OFFSPRING = frozenset({"Pod", "ReplicaSet.apps", "ControllerRevision.apps", "Job.batch", "EndpointSlice.discovery.k8s.io"})


def why_not(obj: Mapping[str, Any], context: Context) -> str:
    """Why the object is not restored, or nothing."""
    if "deletionTimestamp" in obj["metadata"]:
        return "it was being deleted"
    rule = SKIPPED.get(kind_of(obj))
    if rule and (reason := rule(obj, context)):
        return reason
    owner = next((owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("controller")), None)
    if owner and (owner.get("uid") in context.uids or kind_of(obj) in _OFFSPRING):
        return f"its owner ({owner.get('kind')}) makes it"
    return ""


# --- what an object loses -----------------------------------------------------------------------------------------------------------------


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
    _drop(obj["metadata"].get("labels"), "kubernetes.io/metadata.name")  # the server gives each its own


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


def _strip_job(obj: Object, _context: Context) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("manualSelector"):
        _drop(spec, "selector")
        _drop((spec.get("template") or {}).get("metadata", {}).get("labels"), *_JOB_LABELS)
        _drop(obj["metadata"].get("labels"), *_JOB_LABELS)
    _drop_annotations(obj, "batch.kubernetes.io/job-tracking")


def _strip_secret(obj: Object, _context: Context) -> None:
    if obj.get("type") == _TOKEN:
        data = obj.get("data") or {}
        _drop(data, "token", "ca.crt", "namespace")
        if not data:
            _drop(obj, "data")
        _drop_annotations(obj, "kubernetes.io/service-account.uid")


def _strip_account(obj: Object, _context: Context) -> None:
    generated = re.compile(re.escape(obj["metadata"]["name"]) + "-(token|dockercfg)-[a-z0-9]{5}")
    for field_name in ("secrets", "imagePullSecrets"):
        kept = [ref for ref in obj.get(field_name) or () if not generated.fullmatch(ref.get("name", ""))]
        if kept:
            obj[field_name] = kept
        else:
            _drop(obj, field_name)


def _strip_claim(obj: Object, _context: Context) -> None:
    dynamic = any("storage-provisioner" in name for name in _annotations(obj))
    if dynamic or obj["metadata"].get("namespace") in _context.mapping:
        _drop(obj.get("spec"), "volumeName")  # a new volume, for the old one went with its claim, or is still in use by it
    _drop_annotations(
        obj,
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "volume.kubernetes.io/selected-node",
        # Without the provisioner's name the rule above could not tell a second time; with no volumeName there is nothing to tell.
        *(() if not dynamic else ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")),
    )


def _strip_volume(obj: Object, _context: Context) -> None:
    _drop((obj.get("spec") or {}).get("claimRef"), "uid", "resourceVersion")
    _drop_annotations(obj, "pv.kubernetes.io/bound-by-controller")


def _strip_pod(obj: Object, _context: Context) -> None:
    spec = obj.get("spec") or {}
    _drop(spec, "nodeName", "ephemeralContainers")
    if spec.get("priorityClassName") or not spec.get("priority"):
        _drop(spec, "priority")  # the server works it out, and takes no other
    tokens = {volume["name"] for volume in spec.get("volumes") or () if re.fullmatch("kube-api-access-[a-z0-9]{5}", volume["name"])}
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
    # Nought switches an autoscaler off, so that one is the user's.
    if (namespace, kind_of(obj), name) in context.scaled and (obj.get("spec") or {}).get("replicas") != 0:
        _drop(obj.get("spec"), "replicas")
    _drop_annotations(obj, "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
    for claim in (obj.get("spec") or {}).get("volumeClaimTemplates") or ():
        _drop(claim, "status")


def _strip_role(obj: Object, _context: Context) -> None:
    if obj.get("aggregationRule"):
        _drop(obj, "rules")  # the controller fills them


def injected(obj: Mapping[str, Any]) -> bool:
    """Whether a controller fills in the CA that the API server trusts."""
    return any(name in _annotations(obj) for name in _INJECTED)


def hooks_of(obj: Mapping[str, Any]) -> list[Object]:
    return list(obj.get("webhooks") or ()) if kind_of(obj).endswith("WebhookConfiguration.admissionregistration.k8s.io") else []


def bundle_holders(obj: Mapping[str, Any]) -> Iterator[Object]:
    """The parts of an object that hold a caBundle beside the service that it is for."""
    spec = obj.get("spec") or {}
    for hook in hooks_of(obj):
        yield hook.get("clientConfig") or {}
    if kind_of(obj) == "APIService.apiregistration.k8s.io":
        yield spec
    elif kind_of(obj) == "CustomResourceDefinition.apiextensions.k8s.io":
        yield ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}


def _strip_bundles(obj: Object, _context: Context) -> None:
    if injected(obj):
        for holder in bundle_holders(obj):
            _drop(holder, "caBundle")


def _strip_endpoints(obj: Object, _context: Context) -> None:
    _drop_annotations(obj, "endpoints.kubernetes.io/last-change-trigger-time")
    for subset in obj.get("subsets") or ():
        for address in (*(subset.get("addresses") or ()), *(subset.get("notReadyAddresses") or ())):
            _drop(address.get("targetRef"), "uid", "resourceVersion")
    for endpoint in obj.get("endpoints") or ():
        _drop(endpoint.get("targetRef"), "uid", "resourceVersion")


def _strip_autoscaler(obj: Object, _context: Context) -> None:
    _drop_annotations(obj, *(f"autoscaling.alpha.kubernetes.io/{name}" for name in ("conditions", "current-metrics")))


STRIPPED: dict[str, Callable[[Object, Context], None]] = {
    "APIService.apiregistration.k8s.io": _strip_bundles,
    "ClusterRole.rbac.authorization.k8s.io": _strip_role,
    "CustomResourceDefinition.apiextensions.k8s.io": _strip_bundles,
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
}


def stripped(obj: Mapping[str, Any], context: Context) -> Object:
    """The object as it can be written to a cluster; without its owners, for they have other UIDs there (see ``owners_of``)."""
    rule = STRIPPED.get(kind_of(obj))
    # Where no rule changes the content, it is shared with the backup: most of a large one are such objects.
    fresh: Object = copy.deepcopy(dict(obj)) if rule else dict(obj)
    metadata = fresh["metadata"]
    fresh["metadata"] = {name: metadata[name] for name in _METADATA if metadata.get(name)}
    kept = [name for name in metadata.get("finalizers") or () if name in context.finalizers]
    if kept:
        fresh["metadata"]["finalizers"] = kept
    fresh.pop("status", None)
    if rule:
        rule(fresh, context)
    return fresh


def comparable(live: Mapping[str, Any]) -> Object:
    """An object of the cluster, without what no backup could have brought."""
    return stripped(live, Context(finalizers=frozenset(live["metadata"].get("finalizers") or ())))


def owners_of(obj: Mapping[str, Any]) -> list[Object]:
    """The owners that the object has to be linked to again."""
    return [dict(owner) for owner in obj["metadata"].get("ownerReferences") or ()]


def suspended(wanted: Object) -> Object:
    """How an object is written first: a CronJob must not start jobs before all that they need is there."""
    return {**wanted, "spec": {**wanted["spec"], "suspend": True}} if kind_of(wanted) == "CronJob.batch" else wanted
