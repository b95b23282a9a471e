# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the guard rails in its ConfigMap: each write carries what it was decided on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .._cluster.http import ServesProxy, server_time
from .._cluster.objects import Object, create, write
from .._core.errors import SalvageError, shown
from .._workloads.workload import PREFIX, path_of
from .guard_model import GuardState
from .guard_state import read_state, state_text

LABEL = f"{PREFIX}response-guard"
NEW, USED = "new", "true"  # values of the label: before the first state was written, and since then
KEY = "state.json"
_PATIENCE = 120.0  # seconds
_TRIES = 3  # of what need not be kept
_LONGEST_PAUSE = 5.0  # seconds
_ABSENT = frozenset({404})

T = TypeVar("T")


def _must_be_kept(_result: Any) -> None:
    return None


@dataclass(frozen=True)
class GuardStore:
    cluster: ServesProxy
    namespace: str
    name: str

    @property
    def place(self) -> str:
        return f"the ConfigMap {self.name} in {self.namespace}"

    def look(self) -> tuple[GuardState, float]:
        """The state, and the API server's time.  Raises SalvageError."""
        obj, now = self._read()
        return (GuardState() if obj is None else self._state(obj)), now

    def change(self, step: Callable[[GuardState, float], tuple[GuardState, T]], unkept: Callable[[T], T | None] = _must_be_kept) -> T:
        """What ``step`` gives for the state and the time, once the state that it wants is kept.

        It is asked again where somebody was quicker.  A write may have gone through and its answer been lost: ``step`` recognizes that.
        Where others were quicker several times, what ``unkept`` gives is the result, if it gives one.
        Raises SalvageError, and then it is not known whether the last state was kept.
        """
        until, lost = time.monotonic() + _PATIENCE, 0
        while time.monotonic() < until:
            began = time.monotonic()
            obj, now = self._read()
            if obj is None:
                create(self.cluster, self._path(), self._empty())
                continue
            before = self._state(obj)
            after, result = step(before, now)
            if after == before or self._kept(obj, after):
                return result
            lost += 1
            instead = unkept(result) if lost >= _TRIES else None
            if instead is not None:
                return instead
            # Many at once: who has come lately lets those go first who have lost more often.
            time.sleep(random.uniform(0.0, min(_LONGEST_PAUSE, 4 * (time.monotonic() - began) / lost)))  # noqa: S311
        raise SalvageError(f"{self.place} keeps changing; run it again later", reason="conflict")

    def _kept(self, obj: Object, state: GuardState) -> bool:
        metadata = obj["metadata"]
        text = state_text(state, metadata["uid"])
        try:
            patch = {"metadata": {"labels": {LABEL: USED}}, "data": {KEY: text}}
            after = write(self.cluster, self._path(self.name), patch, metadata["resourceVersion"])
        except SalvageError as exc:
            if exc.reason in {"conflict", "not_found"}:
                return False
            raise
        if (after.get("data") or {}).get(KEY) != text:
            raise SalvageError(f"{self.place} was not kept as it was written; look for what changes it", reason="invalid")
        return True

    def _read(self) -> tuple[Object | None, float]:
        answer = self.cluster.call("GET", self._path(self.name), accept=_ABSENT)
        now = server_time(answer)
        if answer.status in _ABSENT:
            return None, now
        obj = answer.json()
        metadata = obj.get("metadata") if isinstance(obj, dict) else None
        if not isinstance(metadata, dict) or not all(isinstance(metadata.get(field), str) for field in ("uid", "resourceVersion")):
            raise SalvageError(f"the answer for {self.place} is not a ConfigMap", reason="invalid")
        return obj, now

    def _state(self, obj: Object) -> GuardState:
        """Of a new one that has no state yet, an empty one.  One that somebody has emptied does not say what was done."""
        metadata: dict[str, Any] = obj["metadata"]
        labels, data = metadata.get("labels"), obj.get("data")
        used = labels.get(LABEL) if isinstance(labels, dict) else None
        if used not in (NEW, USED):
            raise self._foreign(f"it was not made by this collection (label {LABEL})")
        if not data:
            if used == NEW:
                return GuardState()
            raise self._foreign("somebody has emptied it")
        if not isinstance(data, dict) or set(data) != {KEY} or not isinstance(data[KEY], str):
            raise self._foreign(f"it has {shown(sorted(map(str, data)))} and not {KEY} alone")
        try:
            return read_state(data[KEY], metadata["uid"])
        except SalvageError as exc:
            raise self._foreign(str(exc)) from None

    def _foreign(self, why: str) -> SalvageError:
        hint = "look at what was done lately, then delete it, and the next run makes a new one"
        return SalvageError(f"{self.place} can't be used: {why}; {hint}", reason="invalid")

    def _path(self, name: str = "") -> str:
        return path_of("ConfigMap", self.namespace, name)

    def _empty(self) -> Object:
        metadata = {"name": self.name, "namespace": self.namespace, "labels": {LABEL: NEW}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
