# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a restore, decided from the content of the backup and of the cluster; pure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from sys import intern
from typing import Any, NamedTuple

from .._core.errors import SalvageError
from .._core.sentences import some_of
from .._manifests.order import wave_of
from .._manifests.scaled import AUTOSCALER, targets_of
from .aliases import second_views
from .choice import Choice, definitions_of, in_namespaces, moved_target, selected
from .compare import differences
from .isolate import Isolated, allowed_kinds, copy_scope, isolate
from .isolated_fields import CopyScope
from .kinds import CONTENT, RELEASE, Context, Key, RestoreItem, annotations_of, name_of
from .mapping import mapped, names_in_text
from .portable import Object, comparable, owners_of, stripped, suspended
from .powers import power_of
from .skip_rules import controller_of, skip_reason, why_not

CREATE, UPDATE, RECREATE, UNCHANGED, KEPT, REBIND = "create", "update", "recreate", "unchanged", "kept", "rebind"
_NAMED = 10
NOT_SELECTED = "it is not selected"
TWICE = "the backup holds it twice, and the later one is restored"
# Deleting one of these deletes its content or its data.
_NEVER_DELETED = frozenset(
    {"Namespace", "CustomResourceDefinition.apiextensions.k8s.io", "PersistentVolume", "PersistentVolumeClaim"},
)


class Body(NamedTuple):
    """What a step writes; ``source`` is the object as the backup has it."""

    wanted: Object
    first: Object  # what is written before the rest is there
    source: Mapping[str, Any]
    lost: list[str]  # what an isolated copy of it does not have
    reason: str  # why an isolated copy does not contain it


class Bodies:
    """The bodies of the steps, made again from the backup whenever one is needed: all of them do not fit in memory."""

    def __init__(self, items: Sequence[RestoreItem], context: Context, mapping: Mapping[str, str], scope: CopyScope | None) -> None:
        self._items, self._context, self._mapping, self._scope = items, context, mapping, scope
        self._last = threading.local()  # what a thread asks for, it mostly asks for again

    def of(self, number: int) -> Body:
        if getattr(self._last, "number", None) != number:
            self._last.body = self._made(self._items[number])
            self._last.number = number
        found: Body = self._last.body
        return found

    def left_out(self, number: int) -> str:
        """Why an isolated copy does not contain the object, or nothing."""
        return "" if self._scope is None else self.of(number).reason

    def _made(self, item: RestoreItem) -> Body:
        plain = stripped(item, self._context)
        form = Isolated(plain, [], "") if self._scope is None else isolate(plain, self._scope)
        wanted = mapped(RestoreItem(item.key, form.obj), self._mapping)
        return Body(wanted, suspended(item.key.kind, wanted, item.obj), item.obj, form.lost, form.reason)


@dataclass(slots=True)
class Step:
    """An object to restore, and what became of it; its content is in ``bodies``."""

    key: Key
    number: int
    bodies: Bodies
    wave: int
    api_version: str
    uid: str = ""  # in the backup, if other objects name it as their owner
    owned: bool = False
    late: bool = False  # it is written twice, the second time when the rest is there
    power: str = ""  # see power_of
    lost: Sequence[str] = ()
    action: str = ""
    problem: str = ""
    deferred: bool = False  # its namespace or its kind comes with the restore
    written: bool = False
    fields: Sequence[str] = ()

    @property
    def wanted(self) -> Object:
        return self.bodies.of(self.number).wanted

    @property
    def first(self) -> Object:
        body = self.bodies.of(self.number)
        return body.first if self.late else body.wanted

    @property
    def source(self) -> Mapping[str, Any]:
        return self.bodies.of(self.number).source

    @property
    def owners(self) -> list[Object]:
        return owners_of(self.source) if self.owned else []

    @property
    def resource_key(self) -> tuple[str, str]:
        return self.api_version, self.key.kind.partition(".")[0]


class Left(NamedTuple):
    key: Key
    reason: str


@dataclass(frozen=True)
class RestorePlan:
    steps: list[Step]
    left: list[Left]
    notes: list[str]
    unknown: list[str] = field(default_factory=list)  # what could not be found out


def plan_restore(items: Sequence[RestoreItem], selection: Choice, context: Context, names: Mapping[str, str]) -> RestorePlan:
    """The objects in the order of the restore, and each other object with the reason.

    ``names`` gives each kind as users write it (`deployments.apps`).  Raises SalvageError(bad_input).
    """
    selection.check(items)
    known = set(names.values())
    for name in sorted(selection.include | selection.exclude | selection.owned_kinds):
        if name not in known:
            raise SalvageError(
                f"neither the backup nor the cluster has a kind {name}; write it as `kubectl api-resources -o name` does",
                reason="bad_input",
            )
    needed = definitions_of(items, selection, names)
    disks = [item for item in items if item.key.kind == "PersistentVolume" and selected(item, selection, names, needed)]
    owned, included = (
        frozenset(kind for kind, spelled in names.items() if spelled in wanted) for wanted in (selection.owned_kinds, selection.include)
    )
    coming = (item.obj for item in items if item.key.kind == AUTOSCALER and selected(item, selection, names, needed))
    context = replace(
        context,
        owned=owned,
        included=included,
        volumes={item.key.name: not skip_reason(item, context) for item in disks},
        scaled=context.scaled
        & (targets_of(coming) | {one for one in context.scaled if moved_target(one, selection) in context.autoscaled}),
    )
    # Content that selects nothing is not looked at: it may be large.
    inside = [obj for key, obj in items if key.kind not in CONTENT and in_namespaces(key.namespace, selection)]
    kinds = allowed_kinds(selection.isolated_kinds, names)
    scope = copy_scope(inside, context.classes, kinds) if selection.isolated else None
    bodies = Bodies(items, context, selection.mapping, scope)
    reasons = _reasons(items, bodies, context, lambda item: selected(item, selection, names, needed), known=frozenset(names))
    if all(reason == NOT_SELECTED for reason, _by_owner in reasons):
        raise SalvageError(
            "nothing is selected: namespaces, include and exclude together leave no object of the backup", reason="bad_input"
        )
    aggregated = frozenset(_aggregated(items))
    steps, left, notes = [], [], []
    for number, (item, (reason, by_owner)) in enumerate(zip(items, reasons, strict=True)):
        key = item.key
        if reason:
            left.append(Left(key, reason))
            if key.kind in ("Secret", "PersistentVolumeClaim") and by_owner:
                says = "and may give it another content; name its kind in owned_kinds to restore it"
                notes.append(f"{key} is not restored: {reason}, {says}")
            continue
        wanted, first, source, lost, _why = bodies.of(number)
        space, name = name_of(wanted)
        target = key if (space, name) == key[1:] else Key(key.kind, intern(space), key.name if name == key.name else name)
        metadata = source["metadata"]
        step = Step(
            target, number, bodies, wave_of(wanted, aggregated), intern(str(wanted["apiVersion"])),
            uid=uid if (uid := metadata.get("uid", "")) in context.uids else "",
            owned=bool(metadata.get("ownerReferences")), late=first is not wanted, power=power_of(wanted), lost=lost or (),
        )  # fmt: skip
        steps.append(step)
        texts = names_in_text(RestoreItem(target, wanted), selection.mapping)
        if texts:
            notes.append(f"{step.key} names namespace {', '.join(texts)} in a text or a field that is left as it is")
        dropped = [name for name in metadata.get("finalizers") or () if "/" in name and not _builtin(name)]
        dropped = [name for name in dropped if name not in context.finalizers]
        if dropped:
            notes.append(f"{step.key} is restored without the finalizers {', '.join(dropped)}; name those that have their controller there")
    notes += _empty_claims(steps)
    notes += _torn_releases(steps, left, items)
    steps.sort(key=lambda step: (step.wave, step.key))
    return RestorePlan(steps, left, notes)


def _reasons(
    items: Sequence[RestoreItem], bodies: Bodies, context: Context, is_selected: Callable[[RestoreItem], bool], *, known: frozenset[str]
) -> list[tuple[str, bool]]:
    """Of each object why it is not restored, or nothing; and whether that is only because of its owner."""
    reasons: list[str] = []
    absent = set()
    unwanted: dict[str, str] = {}  # of owners that are not selected, what makes them
    owned = []
    latest = {key: number for number, (key, _obj) in enumerate(items)}
    for number, item in enumerate(items):
        reason = skip_reason(item, context) if is_selected(item) else NOT_SELECTED
        if not reason and latest[item.key] != number:
            reason = TWICE
        reason = reason or bodies.left_out(number)
        reasons.append(intern(reason))
        # Content that is not selected is read only where an owner is looked for.
        if reason and context.uids and (uid := item.obj["metadata"].get("uid")) in context.uids:
            absent.add(uid)
            if reason == NOT_SELECTED:
                unwanted[uid] = _controller_uid(item.obj)
        elif not reason and item.obj["metadata"].get("ownerReferences"):
            owned.append(number)
    views = second_views(items, (number for number, reason in enumerate(reasons) if not reason), known)
    for number, kind in views.items():
        reasons[number] = intern(f"it is restored as {kind}, another view of the same object")
    # An owner that is not restored makes nothing, unless one that is restored makes that owner.
    there = context.uids - absent
    while made := {uid for uid, maker in unwanted.items() if uid not in there and maker in there}:
        there |= made
    absent = set(context.uids - there)
    # Their own objects are not made either.
    while True:
        context = replace(context, uids=context.uids - absent)
        by_owner = {number: why for number in owned if number not in views and (why := why_not(items[number], context))}
        left = [items[number].obj for number in by_owner]
        absent = {uid for obj in left if (uid := obj["metadata"].get("uid")) in context.uids and _controller_uid(obj) not in context.uids}
        if not absent:
            return [(by_owner.get(number, reason), number in by_owner) for number, reason in enumerate(reasons)]


def _controller_uid(obj: Mapping[str, Any]) -> str:
    return str((controller_of(obj) or {}).get("uid", ""))


def _empty_claims(steps: Iterable[Step]) -> list[str]:
    claims = [f"{step.key.namespace}/{step.key.name}" for step in steps if step.key.kind == "PersistentVolumeClaim"]
    if not claims:
        return []
    return [f"what was stored in the volumes of {len(claims)} claims is not in the backup: {some_of(claims, _NAMED)}"]


def _builtin(finalizer: str) -> bool:
    domain = finalizer.partition("/")[0]
    return domain == "kubernetes.io" or domain.endswith((".kubernetes.io", ".k8s.io"))


def _aggregated(items: Iterable[RestoreItem]) -> Iterator[str]:
    for key, obj in items:
        spec = obj.get("spec") or {}
        if key.kind == "APIService.apiregistration.k8s.io" and spec.get("service"):
            yield spec.get("group", "")


def _torn_releases(steps: Iterable[Step], left: Iterable[Left], items: Iterable[RestoreItem]) -> list[str]:
    """Helm releases that come back without objects which they own."""
    releases = {
        (step.source["metadata"]["namespace"], (step.source["metadata"].get("labels") or {}).get("name", ""))
        for step in steps
        if step.key.kind == "Secret" and step.source.get("type") == RELEASE
    }
    out = {entry.key for entry in left if entry.reason == NOT_SELECTED} if releases else set()
    torn: dict[tuple[str, str], int] = {}
    for notes in (annotations_of(obj) for key, obj in items if key in out):
        release = (notes.get("meta.helm.sh/release-namespace", ""), notes.get("meta.helm.sh/release-name", ""))
        if release in releases:
            torn[release] = torn.get(release, 0) + 1
    return [
        f"the Helm release {namespace}/{name} is restored without {count} of its objects, which are not selected"
        for (namespace, name), count in sorted(torn.items())
    ]


def action_for(step: Step, live: Object | None, existing: str, *, ours: bool) -> str:
    """What is to be done; ``ours`` says that nothing was there before this restore began, so that what differs is no one else's.

    Leaves the differing fields in ``step.fields``.
    """
    if live is None:
        return CREATE
    step.fields = list(differences(step.wanted, comparable(live))) or ()
    if _released(step, live):
        return REBIND
    if not step.fields:
        return UNCHANGED
    if ours:
        return UPDATE
    if existing == "skip" and not _as_created(step, live):
        return KEPT
    return RECREATE if existing == "recreate" and step.key.kind not in _NEVER_DELETED else UPDATE


def unlabelled(live: Object) -> bool:
    """Whether it is a namespace that nobody has given a label or an annotation."""
    return not {"labels", "annotations"} & {name for name, value in comparable(live)["metadata"].items() if value}


def _as_created(step: Step, live: Object) -> bool:
    """Whether it is the ServiceAccount that Kubernetes itself gave to the namespace, and nobody has changed it since."""
    plain = {"apiVersion", "kind", "metadata"}
    mine = step.key.kind == "ServiceAccount" and step.key.name == "default"
    return mine and set(comparable(live)) <= plain and set(comparable(live)["metadata"]) <= {"name", "namespace"}


def _released(step: Step, live: Object) -> bool:
    """Whether it is a volume that still waits for the very claim which the backup has bound to it; one released before waits for none."""
    if step.key.kind != "PersistentVolume":
        return False
    before, after = ((obj.get("status") or {}).get("phase") for obj in (step.source, live))
    if after != "Released" or before == "Released":
        return False
    was, wanted, now = ((obj.get("spec") or {}).get("claimRef") or {} for obj in (step.source, step.wanted, live))
    same_place = wanted.get("namespace") == now.get("namespace")  # the volume of the original is not for a copy
    return same_place and bool(was.get("uid")) and was.get("uid") == now.get("uid")


def node_ports(services: Iterable[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
    found = {}
    for service in services:
        spec = service.get("spec") or {}
        for port in (*(entry.get("nodePort") for entry in spec.get("ports") or ()), spec.get("healthCheckNodePort")):
            if port:
                found[port] = name_of(service)
    return found


def spelled(items: Iterable[RestoreItem]) -> dict[str, str]:
    """How the kinds are spelled that the definitions in a backup will bring."""
    found = {}
    for key, obj in items:
        if key.kind == "CustomResourceDefinition.apiextensions.k8s.io":
            spec = obj["spec"]
            found[f"{spec['names']['kind']}.{spec['group']}"] = f"{spec['names']['plural']}.{spec['group']}"
    return found


def orphan_notes(orphans: Mapping[str, Sequence[str]]) -> list[str]:
    """What is restored without an owner; ``orphans`` are by the names of the owners."""
    forms = {owner: ("is", "its") if len(names) == 1 else ("are", "their") for owner, names in orphans.items()}
    return [
        f"{some_of(names, _NAMED)} {forms[owner][0]} restored without {forms[owner][1]} owner {owner}, which is not there"
        for owner, names in orphans.items()
    ]


def links(step: Step, uids: Mapping[Key, str], keys: Mapping[str, Key]) -> tuple[list[Object], list[str]]:
    """The owners under their new UIDs, and those that are not there; ``keys`` gives by old UID where each object is now."""
    found, missing = [], []
    for owner in step.owners:
        key = keys.get(owner.get("uid", ""))
        if key is not None and key in uids:
            found.append({**owner, "name": key.name, "uid": uids[key]})
        else:
            missing.append(f"{owner.get('kind')}/{owner.get('name')}")
    return found, missing
