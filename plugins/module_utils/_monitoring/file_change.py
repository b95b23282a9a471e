# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a ConfigMap or a Secret: changed under a precondition, and taken back, except for what others have changed since."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._cluster.objects import Object, must_read, read, update, write
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._manifests.before import Before
from .._manifests.changes import content_of
from .._manifests.model import CHANGED, UNCHANGED, Item, Manifest, ObjectId
from .._manifests.ownership import Fields
from .._workloads.workload import path_of
from .config_text import check_size
from .configured import FilePlace

MANAGER = "euystacio-monitoring"
FileTexts = Mapping[str, "tuple[str | None, str | None]"]  # by key: before a change, and after it; None: it is not there
_KINDS = ("ConfigMap", "Secret")


def texts_in(obj: Mapping[str, Any]) -> dict[str, str]:
    """The files by key that are text; a Secret's are decoded."""
    data = obj.get("data") or {}
    if obj.get("kind") != "Secret":
        return dict(data)
    found = {}
    for key, value in data.items():
        with suppress(ValueError):  # what is compressed, or a keystore
            found[key] = base64.b64decode(value).decode()
    return found


def is_of_files(before: Before) -> bool:
    """Whether a state in a journal is one of these."""
    return before.id.kind in _KINDS and not before.id.group


@dataclass
class FileChange:
    """``files``: the texts by key.  ``live`` is the object as it was read; a write needs it unchanged."""

    cluster: Cluster
    place: FilePlace
    files: Mapping[str, str]
    live: Object

    @classmethod
    def read(cls, cluster: Cluster, place: FilePlace, files: Mapping[str, str]) -> FileChange:
        """Raises SalvageError: those of the read, not_found, and bad_input for what can't be changed, or would be too large."""
        try:
            live = must_read(cluster, path_of(place.kind, place.namespace, place.name))
        except SalvageError as exc:
            if exc.reason == "not_found":
                raise SalvageError(f"there is no {place}; create it first", reason="not_found") from None
            raise
        if live.get("immutable"):
            raise SalvageError(f"the {place} is immutable; create another one, and mount it in Prometheus", reason="bad_input")
        made = cls(cluster, place, files, {**live, "kind": place.kind, "apiVersion": "v1"})
        texts, stored = made.texts, {**(live.get("data") or {}), **(live.get("binaryData") or {})}
        unread = sorted(key for key in files if key in stored and key not in texts)
        if unread:
            raise SalvageError(f"{unread[0]} of the {place} is binary or compressed, not text; write it as text first", reason="bad_input")
        sizes = {key: len(value) * 3 // 4 for key, value in stored.items() if key not in texts}
        check_size({**sizes, **{key: len(text.encode()) for key, text in {**texts, **files}.items()}}, f"the {place}")
        return made

    @property
    def texts(self) -> dict[str, str]:
        """As they are."""
        return texts_in(self.live)

    @property
    def changed(self) -> dict[str, str]:
        there = self.texts
        return {key: text for key, text in self.files.items() if there.get(key) != text}

    def before(self) -> Before | None:
        """For the journal: what the changed files are, and the digests of what they become; None if none changes."""
        if not self.changed:
            return None
        data = self.live.get("data") or {}
        becomes: Fields = {f"f:{key}": {f"v:{_digest(self._stored(text))}": {}} for key, text in self.changed.items()}
        kept = {"data": {key: data[key] for key in self.changed if key in data}}
        return Before("v1", self._id, self.live["metadata"]["uid"], kept, applied={"f:data": becomes})

    def write(self, *, dry_run: bool) -> Item:
        """What came of it; a conflict if the object is not any more what was read."""
        item = Item(self._id, Manifest(self.live, "config"), self.live, 0, None, self.live, self.live, UNCHANGED)
        if self.changed:
            data = {key: self._stored(text) for key, text in self.changed.items()}
            path, version = path_of(self.place.kind, self.place.namespace, self.place.name), self.live["metadata"]["resourceVersion"]
            try:
                after = write(self.cluster, path, {"data": data}, version, dry_run=dry_run, manager=MANAGER, done=partial(_holds, data))
            except SalvageError as exc:
                item.fail_by(exc)
                return item
            item.after = {**after, "kind": self.place.kind, "apiVersion": "v1"}
            item.action = CHANGED if content_of(self.live) != content_of(item.after) else UNCHANGED
            item.written = not dry_run
        return item

    @property
    def _id(self) -> ObjectId:
        return ObjectId("", self.place.kind, self.place.namespace, self.place.name)

    def _stored(self, text: str) -> str:
        return base64.b64encode(text.encode()).decode() if self.place.kind == "Secret" else text


@dataclass
class FilesBeside:
    """Files that change along with a set of manifests, or alone; ``change`` is None if the files of this run stay as they are."""

    cluster: Cluster
    change: FileChange | None = None

    def before(self) -> Before | None:
        return self.change.before() if self.change else None

    def write(self, *, dry_run: bool) -> Item | None:
        return self.change.write(dry_run=dry_run) if self.change else None

    def has(self, state: Before) -> bool:
        return is_of_files(state)

    def read(self, state: Before) -> Item:
        live = read(self.cluster, path_of(state.id.kind, state.id.namespace, state.id.name))
        return Item(state.id, Manifest(live or {}, "journal"), live or {}, 0, None, live, action=UNCHANGED)

    def put_back(self, item: Item, state: Before) -> list[str]:
        left: list[str] = []
        old, written = _stored_before(state), _digests_written(state)

        def decide(live: Object) -> Any:
            ours = files_written(live, state)
            left[:] = [f"{state.id}: {key} was changed by others since" for key in written if key not in ours]
            if live["metadata"]["uid"] != state.uid:
                left[:] = [f"{state.id}: it was replaced by another object of this name"]
            data = live.get("data") or {}
            back = {key: old.get(key) for key in ours if data.get(key) != old.get(key)}
            if back or left:  # else it is back already, perhaps by a write of this call with an answer that was lost
                item.live = live
            return {"data": back} if back else None

        try:
            item.written = update(self.cluster, path_of(state.id.kind, state.id.namespace, state.id.name), decide, manager=MANAGER).changed
        except SalvageError as exc:
            if exc.reason != "not_found":
                raise
            item.live = None
            return [f"{state.id}: it was deleted since"]
        return left


def files_written(live: Mapping[str, Any] | None, before: Before) -> FileTexts:
    """What each file that a change wrote was, and what it is in ``live``; without those that others have changed since."""
    if live is None or live["metadata"]["uid"] != before.uid:
        return {}
    data, old = live.get("data") or {}, _stored_before(before)
    ours = [
        key
        for key, digest in _digests_written(before).items()
        if data.get(key) == old.get(key) or (key in data and _digest(data[key]) == digest)
    ]
    was, now = (texts_in({"kind": before.id.kind, "data": stored}) for stored in (old, data))
    return {key: (was.get(key), now.get(key)) for key in ours}


def _stored_before(before: Before) -> dict[str, str]:
    return dict((before.content or {}).get("data") or {})


def _digests_written(before: Before) -> dict[str, str]:
    """Of each file that a change wrote."""
    return {name[2:]: next(iter(marks))[2:] for name, marks in ((before.applied or {}).get("f:data") or {}).items()}


def _holds(data: Mapping[str, str], obj: Object) -> bool:
    return data.items() <= (obj.get("data") or {}).items()


def _digest(stored: str) -> str:
    return hashlib.sha256(stored.encode()).hexdigest()
