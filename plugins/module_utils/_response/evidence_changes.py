# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of what was changed: the workload, what it reads, the policies, and the deployments on record; and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._cluster.objects import read as read_object
from .._cluster.redaction import redacted_pair
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import as_text, load_json
from .._core.redact import excerpt
from .._workloads.config_copies import drift
from .._workloads.proof_store import ProofStore
from .._workloads.proofs import Subject
from .._workloads.revisions import Revision, choose_targets, current_revision, revisions_of
from .._workloads.template_changes import differences_of
from .._workloads.workload import Object, configs_of, path_of
from .evidence_model import Observed
from .evidence_site import EvidenceSite, must_have

_RECORDS = 20  # of deployments, the newest
_LARGEST = 1_000_000  # bytes of a record
_SHOWN = 20  # differences


def changes_seen(site: EvidenceSite) -> Observed:
    kind, namespace, name = site.place
    workload = site.found().workload
    doubts: list[str] = []
    value: dict[str, Any] = {"items": [], "revisions": [], "target": None, "target_problem": "", "proofs_problem": ""}
    items = value["items"]
    for what, obj, fields in _written_objects(site, workload, doubts):
        at = written_at(obj, fields)
        if at:
            items.append({"what": f"{what} was written", "at": at[0], "by": at[1]})
        else:
            doubts.append(f"{what} does not say when it was written")
    items += list(_deployments(site.query.record_dir))
    try:
        found = _revisions(site, workload, value)
        value["revisions"] = [
            {key: one.to_dict()[key] for key in ("revision", "created", "current", "images", "proven")} for one in found[:10]
        ]
        items += [
            {"what": f"{one.proof.run or 'a run'} found revision {one.number} {one.proof.verdict}", "at": one.proof.at, "by": ""}
            for one in found
            if one.proof and one.proof.verdict == "failed"
        ]
        if not value["proofs_problem"]:
            value["target"] = _target(site, found, value)
    except SalvageError as exc:
        doubts.append(f"revisions: {exc}")
        value["proofs_problem"] = value["proofs_problem"] or str(exc)
    items.sort(key=lambda one: as_text(one["at"]), reverse=True)
    return Observed("changes", value, at=site.now, source=f"{kind} {namespace}/{name}", doubts=tuple(doubts))


def written_at(obj: Object, fields: tuple[str, ...]) -> tuple[str, str] | None:
    """When these fields were last written, and by what; None if the object does not say."""
    times = [
        (str(one.get("time") or ""), excerpt(str(one.get("manager") or ""), 60))
        for one in obj["metadata"].get("managedFields") or []
        if not one.get("subresource") and set(fields) & set(one.get("fieldsV1") or {})
    ]
    created = str(obj["metadata"].get("creationTimestamp") or "")
    times.append((created, ""))
    newest = max(times)
    return newest if newest[0] else None


def _written_objects(site: EvidenceSite, workload: Object, doubts: list[str]) -> Iterator[tuple[str, Object, tuple[str, ...]]]:
    kind, namespace, name = site.place
    yield f"{kind} {name}", workload, ("f:spec",)
    wanted = {
        (one, namespace, other): path_of(one, quote(namespace, safe=""), other) for one, other in configs_of(workload["spec"]["template"])
    }
    policies = ("ConfigMap", site.opa.namespace, site.opa.config_map)
    wanted[policies] = path_of("ConfigMap", quote(site.opa.namespace, safe=""), quote(site.opa.config_map, safe=""))
    answers = gather({place: lambda path=path: read_object(site.cluster, path) for place, path in wanted.items()})  # type: ignore[misc]
    for (what, _space, which), answer in answers.items():
        if isinstance(answer, SalvageError):
            doubts.append(f"{what} {which}: {answer}")
        elif answer is not None:
            yield f"{what} {which}", answer, ("f:data", "f:binaryData")


def _revisions(site: EvidenceSite, workload: Object, value: dict[str, Any]) -> list[Revision]:
    """Raises SalvageError."""
    kind, namespace, name = site.place
    keepers = must_have(site.found().keepers)
    try:
        subject = Subject(kind, namespace, name, workload["metadata"]["uid"])
        proofs = ProofStore(site.cluster, site.query.proof_key or "").read(subject)
    except SalvageError as exc:
        value["proofs_problem"] = str(exc)
        proofs = []
    return revisions_of(kind, workload, keepers, proofs)


def _target(site: EvidenceSite, found: list[Revision], value: dict[str, Any]) -> dict[str, Any] | None:
    """Where a rollback would go, and what it would change.  Raises SalvageError."""
    current = current_revision(found)
    try:
        targets = choose_targets(found, None, unproven=False)
    except SalvageError as exc:
        value["target_problem"] = str(exc)
        return None
    # The present revision is proven good itself, so what a rollback can bring back is what it reads.
    target = targets[0] if targets else current
    if target is None or target.proof is None:
        value["target_problem"] = "no revision is proven good"
        return None
    contents = [f"{one} (its content of then)" for one in drift(site.cluster, site.place[1], target.proof.copies)]
    would = [*contents]
    if current is not None and target.number != current.number:
        before, after = redacted_pair(current.template, target.template)
        would += [f"{one['path']}: {one['before']} -> {one['after']}" for one in differences_of(before, after)]
    if not would:
        value["target_problem"] = (
            f"revision {target.number} runs, is proven good, and reads what it did then; there is nothing to take back"
        )
        return None
    return {
        "revision": target.number,
        "current": current.number if current else None,
        "created": target.created,
        "would_change": [excerpt(one, 300) for one in would[:_SHOWN]],
    }


def _deployments(folder: str | None) -> Iterator[dict[str, Any]]:
    """The failed deployments that the role deploy recorded on this machine."""
    if not folder or not Path(folder).is_dir():
        return
    files = sorted(Path(folder).glob("*.incident.json"), key=lambda one: one.name, reverse=True)[:_RECORDS]
    for file in files:
        try:
            if file.stat().st_size > _LARGEST:
                continue
            record = load_json(file.read_bytes())
        except (OSError, SalvageError):
            continue
        if isinstance(record, Mapping) and isinstance(record.get("failed"), str):
            what = f"{excerpt(as_text(record.get('run')), 80)} failed: {excerpt(as_text(record.get('reason')), 200)}"
            yield {"what": what, "at": record["failed"], "by": ""}
