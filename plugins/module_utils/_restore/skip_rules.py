# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of a backup are not restored, and why: one table.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._cluster.conditions import holds
from .kinds import RELEASE, TOKEN_TYPE, Context, RestoreItem, annotations_of, generated_for, labels_of, name_of

# What the API server calls its own roles and bindings, beside system:.
_BOOTSTRAP = frozenset({"admin", "cluster-admin", "edit", "extension-apiserver-authentication-reader", "view"})


def _bootstrap(obj: Mapping[str, Any], _context: Context) -> str:
    # By label and name: metrics-server and others call theirs system:, too, and a role that a person has copied has the label, too.
    name = obj["metadata"]["name"]
    own = labels_of(obj).get("kubernetes.io/bootstrapping") == "rbac-defaults" and (name in _BOOTSTRAP or name.startswith("system:"))
    kept = annotations_of(obj).get("rbac.authorization.kubernetes.io/autoupdate") == "false"
    # The API server never gives one of these to anybody else; a person has.
    given = any(
        not str(one.get("name")).startswith("system:") and one.get("namespace") != "kube-system" for one in obj.get("subjects") or ()
    )
    return "the API server creates its own" if own and not kept and not given else ""


def _config_map(obj: Mapping[str, Any], _context: Context) -> str:
    if obj["metadata"]["name"] in ("kube-root-ca.crt", "openshift-service-ca.crt"):
        return "the cluster gives each namespace its own"
    if name_of(obj) == ("kube-system", "extension-apiserver-authentication"):
        return "the API server creates its own"
    return "a leader election is temporary" if "control-plane.alpha.kubernetes.io/leader" in annotations_of(obj) else ""


def _secret(obj: Mapping[str, Any], context: Context) -> str:
    if obj.get("type") == TOKEN_TYPE:
        account = annotations_of(obj).get("kubernetes.io/service-account.name", "")
        if generated_for(account, obj["metadata"]["name"]) and name_of(obj) not in context.mounted:
            return "a generated token of a ServiceAccount is not valid in another cluster"
    if obj.get("type") == RELEASE and obj["metadata"].get("namespace") in context.mapping:
        return "a Helm release is bound to its namespace; install the chart in the other one"
    return ""


def _service(obj: Mapping[str, Any], _context: Context) -> str:
    return "the API server creates its own" if name_of(obj) == ("default", "kubernetes") else ""


READ_ONLY = "its API lets nobody create it"
_OF_NODES = "it belongs to the nodes, which create it"


def _endpoints(obj: Mapping[str, Any], context: Context) -> str:
    if name_of(obj) == ("default", "kubernetes") or name_of(obj) in context.selecting:
        return "the cluster creates the endpoints of a Service with a selector"
    return _of_nodes(address for subset in obj.get("subsets") or () for address in subset.get("addresses") or ())


def _of_nodes(addresses: Iterable[Mapping[str, Any]]) -> str:
    # As the Prometheus operator writes down where the kubelets are: in another cluster these are other machines.
    kinds = {(address.get("targetRef") or {}).get("kind") for address in addresses}
    return _OF_NODES if kinds == {"Node"} else ""


def _endpoint_slice(obj: Mapping[str, Any], context: Context) -> str:
    service = labels_of(obj).get("kubernetes.io/service-name", "")
    managed = labels_of(obj).get("endpointslice.kubernetes.io/managed-by", "")
    place = obj["metadata"].get("namespace"), service
    left = managed == "endpointslice-controller.k8s.io" and place in context.plain  # its Service has lost its selector
    # Beside those of the cluster, which leave it alone, a Service with a selector may have one that somebody else manages.
    if (managed.endswith(".k8s.io") and not left) or (not managed and place in context.selecting):
        return "the cluster creates the endpoints of a Service with a selector"
    return _service(obj, context) or _of_nodes(obj.get("endpoints") or ())


def _job(obj: Mapping[str, Any], _context: Context) -> str:
    return "it had ended, and would run again" if holds(obj, "Complete", "Failed") else ""


def _pod(obj: Mapping[str, Any], _context: Context) -> str:
    if "kubernetes.io/config.mirror" in annotations_of(obj):
        return "the kubelet creates static pods"
    return "it had ended, and would run again" if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed") else ""


def _volume(obj: Mapping[str, Any], context: Context) -> str:
    spec = obj.get("spec") or {}
    uid = (spec.get("claimRef") or {}).get("uid")
    if uid and context.released.get(obj["metadata"]["name"]) == uid:
        return ""  # whatever its policy was, it is still there with the data of this claim
    if "pv.kubernetes.io/provisioned-by" in annotations_of(obj) and spec.get("persistentVolumeReclaimPolicy") == "Delete":
        return "it is deleted with its claim; the claim gets a new volume"
    return ""


_TAKEN = "its data is in the storage only; a new snapshot would be of the new volume"


def _snapshot(obj: Mapping[str, Any], _context: Context) -> str:
    source = (obj.get("spec") or {}).get("source") or {}
    return _TAKEN if {"persistentVolumeClaimName", "selector"} & set(source) else ""


def _snapshot_content(obj: Mapping[str, Any], _context: Context) -> str:
    source = (obj.get("spec") or {}).get("source") or {}
    return _TAKEN if {"volumeHandle", "volumeHandles"} & set(source) else ""


def _priority_class(obj: Mapping[str, Any], _context: Context) -> str:
    return "the API server creates its own" if obj["metadata"]["name"].startswith("system-") else ""


def _api_service(obj: Mapping[str, Any], _context: Context) -> str:
    managed = "kube-aggregator.kubernetes.io/automanaged" in labels_of(obj) or not (obj.get("spec") or {}).get("service")
    return "the API server creates its own" if managed else ""


def _flow(obj: Mapping[str, Any], _context: Context) -> str:
    automatic = annotations_of(obj).get("apf.kubernetes.io/autoupdate-spec") == "true"
    return "the API server creates its own" if automatic or obj["metadata"]["name"] in ("exempt", "catch-all") else ""


def _always(why: str) -> Callable[[Mapping[str, Any], Context], str]:
    return lambda _obj, _context: why


_MOMENT, _NODES = _always("it describes a moment in the life of a cluster"), _always(_OF_NODES)
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
    "IPAddress.networking.k8s.io": _always("the API server creates it for a Service"),
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
    "ServiceCIDR.networking.k8s.io": _always("each cluster has its own addresses of Services"),
    "StorageVersion.internal.apiserver.k8s.io": _MOMENT,
    "VolumeAttachment.storage.k8s.io": _NODES,
    "VolumeGroupSnapshot.groupsnapshot.storage.k8s.io": _snapshot,
    "VolumeGroupSnapshotContent.groupsnapshot.storage.k8s.io": _snapshot_content,
    "VolumeSnapshot.snapshot.storage.k8s.io": _snapshot,
    "VolumeSnapshotContent.snapshot.storage.k8s.io": _snapshot_content,
}
# What controllers make again and again.  They are not added to a live owner, which has made others.
OFFSPRING = frozenset({"Pod", "ReplicaSet.apps", "ControllerRevision.apps", "Job.batch", "EndpointSlice.discovery.k8s.io"})
# Of these owners they come only if their kind is named: they would run what was left out, such as the pods of an excluded Deployment.
_MAKERS = frozenset(
    {"CronJob", "DaemonSet", "Deployment", "Job", "Node", "Pod", "ReplicaSet", "ReplicationController", "Service", "StatefulSet"}
)
_MAKERS_GROUPS = frozenset({"", "apps", "batch"})


def skip_reason(item: RestoreItem, context: Context) -> str:
    """Why the object is not restored, whoever owns it, or nothing."""
    if "deletionTimestamp" in item.obj["metadata"]:
        return "it was being deleted"
    if item.key.kind in context.read_only:
        return READ_ONLY
    rule = SKIPPED.get(item.key.kind)
    return rule(item.obj, context) if rule else ""


def why_not(item: RestoreItem, context: Context) -> str:
    """Why the object is not restored, or nothing; ``context.uids`` are those of the objects that can be owners."""
    if reason := skip_reason(item, context):
        return reason
    owner = controller_of(item.obj)
    if owner is None:
        return ""
    if item.key.kind == "EndpointSlice.discovery.k8s.io" and owner.get("kind") == "Service":
        return ""  # the rule for its kind has decided: not every Service has its slices made
    if owner.get("uid") in context.uids and (item.key.kind not in context.owned or owner.get("kind") == "Pod"):
        return made_by(owner)
    again = item.key.kind in OFFSPRING or owner.get("kind") == "Pod"  # as the claim of a pod's ephemeral volume
    own = owner.get("kind") in _MAKERS and str(owner.get("apiVersion", "")).rpartition("/")[0] in _MAKERS_GROUPS
    if again and own and item.key.kind not in context.included:
        return f"only its owner ({owner.get('kind')}) makes it, which this restore does not bring; name its kind in include to restore it"
    return ""


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner that makes and deletes the object."""
    return next((owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("controller")), None)


def made_by(owner: Mapping[str, Any]) -> str:
    return f"its owner ({owner.get('kind')}) makes it"
