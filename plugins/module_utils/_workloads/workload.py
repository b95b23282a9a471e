# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments, StatefulSets and DaemonSets as one thing: a template with revisions, and pods that belong to one of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core.errors import SalvageError

Object = dict[str, Any]

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
REVISION = "deployment.kubernetes.io/revision"
PROVEN = "meta-salvage.euystacio/proven"
RETURNING = "meta-salvage.euystacio/returning"
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
    }
    plurals = {"EndpointSlice": "endpointslices", "PodDisruptionBudget": "poddisruptionbudgets"}
    plural = plurals.get(kind, f"{kind.lower()}s")
    path = f"/{groups.get(kind, 'api/v1')}/namespaces/{namespace}/{plural}"
    return f"{path}/{name}" if name else path


def keeper_of(kind: str) -> str:
    """The kind of object that keeps a workload's former templates."""
    return "ReplicaSet" if kind == "Deployment" else "ControllerRevision"


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


@dataclass(frozen=True)
class Proof:
    """What a run found of a revision: ``passed`` or ``failed``; the immutable copies of what a passed one ran with, and how well it ran."""

    verdict: str
    at: str
    run: str = ""
    reason: str = ""
    copies: tuple[tuple[str, str, str], ...] = ()  # kind, name, name of the copy
    baseline: Object | None = None

    @classmethod
    def from_annotation(cls, text: str | None) -> Proof | None:
        """None for anything else than a record: a revision is not proven by an annotation that nobody can read."""
        try:
            data = json.loads(text or "")
            copies = tuple((str(kind), str(name), str(copy)) for kind, name, copy in data.get("copies", []))
            run, reason, baseline = str(data.get("run", "")), str(data.get("reason", "")), data.get("baseline")
            proof = cls(str(data["verdict"]), str(data["at"]), run, reason, copies, baseline if isinstance(baseline, dict) else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return proof if proof.verdict in {"passed", "failed"} else None

    def to_annotation(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "at": self.at,
            "run": self.run,
            "reason": self.reason,
            "copies": [list(copy) for copy in self.copies],
            "baseline": self.baseline,
        }


@dataclass(frozen=True)
class Revision:
    """One template that the workload runs or ran."""

    number: int
    keeper: str
    template: Object
    hash: str
    created: str
    current: bool
    proof: Proof | None = None

    @property
    def proven(self) -> bool:
        return self.proof is not None and self.proof.verdict == "passed"

    @property
    def images(self) -> list[str]:
        return [container.get("image", "") for container in self.template.get("spec", {}).get("containers") or []]

    def to_dict(self) -> dict[str, Any]:
        return {
            "revision": self.number,
            "name": self.keeper,
            "created": self.created,
            "current": self.current,
            "images": self.images,
            "proven": self.proven,
            "proof": self.proof.to_dict() if self.proof else None,
        }


def revisions_of(kind: str, workload: Object, keepers: Iterable[Object]) -> list[Revision]:
    """The workload's revisions, newest first."""
    mine = [keeper for keeper in keepers if owned_by(keeper, workload["metadata"]["uid"])]
    found = [_of_replicaset(workload, keeper) if kind == "Deployment" else _of_history(keeper) for keeper in mine]
    found = _shared_proofs(found)
    found.sort(key=lambda revision: revision.number, reverse=True)
    if kind == "Deployment":
        return found
    current = (workload.get("status") or {}).get("updateRevision") if kind == "StatefulSet" else (found[0].keeper if found else None)
    return [replace(revision, current=revision.keeper == current) for revision in found]


def _shared_proofs(revisions: list[Revision]) -> list[Revision]:
    """A restart makes a new revision of the same template: what was found of one holds for the other, the newest finding first."""
    templates = [_without_restart(revision.template) for revision in revisions]
    shared = []
    for revision, template in zip(revisions, templates, strict=True):
        proofs = [other.proof for other, its in zip(revisions, templates, strict=True) if other.proof and its == template]
        shared.append(replace(revision, proof=max(proofs, key=lambda proof: proof.at, default=None)))
    return shared


def _without_restart(template: Object) -> Any:
    metadata = template.get("metadata") or {}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != RESTARTED}
    return _without_nothing({**template, "metadata": {**metadata, "annotations": annotations}})


def _of_replicaset(deployment: Object, replicaset: Object) -> Revision:
    labels = {**(replicaset["spec"]["template"].get("metadata", {}).get("labels") or {})}
    pod_hash = labels.pop("pod-template-hash", "")
    template = {**replicaset["spec"]["template"]}
    template["metadata"] = {**template.get("metadata", {}), "labels": labels}
    return Revision(
        number=_number(replicaset["metadata"].get("annotations", {}).get(REVISION)),
        keeper=replicaset["metadata"]["name"],
        template=template,
        hash=pod_hash,
        created=replicaset["metadata"].get("creationTimestamp", ""),
        current=same_template(template, deployment["spec"]["template"]),
        proof=Proof.from_annotation(replicaset["metadata"].get("annotations", {}).get(PROVEN)),
    )


def _of_history(keeper: Object) -> Revision:
    template = {key: value for key, value in keeper["data"]["spec"]["template"].items() if key != "$patch"}
    labels = keeper["metadata"].get("labels") or {}
    return Revision(
        number=int(keeper["revision"]),
        keeper=keeper["metadata"]["name"],
        template=template,
        hash=labels.get("controller-revision-hash") or labels.get("controller.kubernetes.io/hash", ""),
        created=keeper["metadata"].get("creationTimestamp", ""),
        current=False,
        proof=Proof.from_annotation((keeper["metadata"].get("annotations") or {}).get(PROVEN)),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def same_template(one: Object, other: Object) -> bool:
    """Equal but for fields that the API server fills in with nothing."""
    return bool(_without_nothing(one) == _without_nothing(other))


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        cleaned = {key: _without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value


def current_revision(revisions: Iterable[Revision]) -> Revision | None:
    return next((revision for revision in revisions if revision.current), None)


def pods_of(kind: str, workload: Object, keepers: Iterable[Object], pods: Iterable[Object]) -> list[Object]:
    """The workload's pods, of all revisions, by owner."""
    uid = workload["metadata"]["uid"]
    if kind != "Deployment":
        return [pod for pod in pods if owned_by(pod, uid)]
    owners = {keeper["metadata"]["uid"] for keeper in keepers if owned_by(keeper, uid)}
    return [pod for pod in pods if any(owned_by(pod, owner) for owner in owners)]


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


def choose_targets(revisions: list[Revision], wanted: int | None, *, unproven: bool) -> list[Revision]:
    """Where to go back to, best first.  Empty: it already runs the wanted one.

    Raises SalvageError(bad_input) if there is nowhere to go.
    """
    current = current_revision(revisions)
    if wanted is not None:
        target = next((revision for revision in revisions if revision.number == wanted), None)
        if target is None:
            known = ", ".join(str(revision.number) for revision in revisions) or "none"
            raise SalvageError(f"there is no revision {wanted}; the revisions that are kept: {known}", reason="bad_input")
        return [] if target.current else [target]
    if current is not None and current.proven:
        return []
    proven = [revision for revision in revisions if revision.proven and not revision.current]
    if proven:
        return proven
    if unproven:
        failed = {revision.number for revision in revisions if revision.proof and revision.proof.verdict == "failed"}
        before = [revision for revision in revisions if not revision.current and revision.number not in failed]
        if before:
            return before[:1]
    raise SalvageError(
        "no revision is recorded as proven good, so there is nothing to go back to by itself; "
        "name one with revision, or allow the one before by unproven",
        reason="bad_input",
    )
