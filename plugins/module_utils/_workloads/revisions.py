# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workload's revisions: the templates that it runs or ran, what was found of each, and which one to go back to.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core.errors import SalvageError
from .._sealing.hashing import canonical, digest
from .proofs import Proof, newest_of
from .workload import RESTARTED, Object, owned_by

REVISION = "deployment.kubernetes.io/revision"


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
    moved: tuple[str, ...] = ()  # containers that run another image than the proven one, under the same name

    @property
    def proven(self) -> bool:
        return self.proof is not None and self.proof.verdict == "passed" and not self.moved

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
            "moved": list(self.moved),
        }


def revisions_of(kind: str, workload: Object, keepers: Iterable[Object], proofs: Iterable[Proof] = ()) -> list[Revision]:
    """The workload's revisions, newest first.  What was found of a template holds for each revision of it: a restart makes another one."""
    mine = [keeper for keeper in keepers if owned_by(keeper, workload["metadata"]["uid"])]
    found = [_of_replicaset(workload, keeper) if kind == "Deployment" else _of_history(keeper) for keeper in mine]
    newest = newest_of(proofs)
    found = [replace(revision, proof=newest.get(template_hash(revision.template))) for revision in found] if newest else found
    found.sort(key=lambda revision: revision.number, reverse=True)
    if kind == "Deployment":
        return found
    current = (workload.get("status") or {}).get("updateRevision") if kind == "StatefulSet" else (found[0].keeper if found else None)
    return [replace(revision, current=revision.keeper == current) for revision in found]


def template_hash(template: Object) -> str:
    """Of what the template asks for: a restart, and fields that the API server fills in with nothing, make no difference."""
    return digest(canonical(_without_restart(template)))


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


def short_history(workload: Object) -> str:
    """What is wrong with a workload that keeps too few revisions to go back to, or nothing."""
    limit = workload["spec"].get("revisionHistoryLimit")
    if not isinstance(limit, int) or limit > 1:
        return ""
    lost = "as soon as a change is complete" if limit < 1 else "after two changes, also failed ones"
    return f"revisionHistoryLimit is {limit}: the revision to go back to is deleted {lost}; set it to 2 or more (the default is 10)"


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
        "no revision is recorded as proven good, so there is no revision to go back to automatically; "
        "name one with revision, or allow the one before with unproven",
        reason="bad_input",
    )
