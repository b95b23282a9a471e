# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of game days as data, and whether a cluster may have one.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.json_values import as_mapping

# A cluster may have a fault only if it says itself that it is one of these. Whatever else it says, or does not say, counts as production.
ENVIRONMENTS = ("development", "lab", "staging", "test")
DONE, PROPOSED, REFUSED = "done", "proposed", "refused"
DECISIONS = (DONE, PROPOSED, REFUSED)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOW = "create the ConfigMap with the keys name, environment and uid as docs/runbooks/game_day.md shows"


@dataclass(frozen=True)
class GameDayFault:
    """``manifests`` and the task file ``seed`` make it; the manifests are taken back by their journal, the rest by the task file ``heal``.

    ``alert`` is expected to fire for it.  ``verdicts`` has the expected answers, of which a list names several that are right; ``actions``
    what is expected of each action.  ``missing`` is evidence that this cluster does not have.
    """

    name: str
    alert: str
    title: str = ""
    manifests: Sequence[Mapping[str, Any]] = ()
    seed: str = ""
    heal: str = ""
    verdicts: Mapping[str, Any] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()


def fault_named(name: str, faults: Sequence[Mapping[str, Any]]) -> GameDayFault:
    """The last one of that name, so that a user's own replaces one that is shipped.  Raises SalvageError(bad_input)."""
    known = [one for one in map(as_mapping, faults) if one.get("name") == name]
    if not known:
        names = sorted({str(as_mapping(one).get("name")) for one in faults})
        raise SalvageError(f"fault: there is no fault {shown(name)}; use one of {', '.join(names)}", reason="bad_input")
    return _fault_of(known[-1])


def _fault_of(raw: Mapping[str, Any]) -> GameDayFault:
    where = f"the fault {shown(raw.get('name'))}"
    allowed = {one.name for one in fields(GameDayFault)}
    if beyond := sorted(set(raw) - allowed):
        raise SalvageError(f"{where}: {shown(beyond[0])} is not a part of a fault; use {', '.join(sorted(allowed))}", reason="bad_input")
    for part in ("name", "alert", "title", "seed", "heal"):
        if not isinstance(raw.get(part, ""), str):
            raise SalvageError(f"{where}: {part} is {shown(raw[part])}; give text", reason="bad_input")
    for part in ("verdicts", "actions"):
        if not isinstance(raw.get(part, {}), Mapping):
            raise SalvageError(f"{where}: {part} is {shown(raw[part])}; give a mapping", reason="bad_input")
    for part in ("manifests", "missing"):
        if not isinstance(raw.get(part, []), (list, tuple)):
            raise SalvageError(f"{where}: {part} is {shown(raw[part])}; give a list", reason="bad_input")
    if not _NAME.fullmatch(raw["name"]):
        raise SalvageError(f"{where}: use small letters, digits and hyphens in its name, at most 63", reason="bad_input")
    if not raw.get("alert"):
        raise SalvageError(f"{where} names no alert; set alert to the one that is expected to fire", reason="bad_input")
    if not raw.get("manifests") and not raw.get("seed"):
        raise SalvageError(f"{where} does nothing; give manifests, or the file of tasks seed", reason="bad_input")
    if raw.get("seed") and not raw.get("heal"):
        raise SalvageError(f"{where} can't be taken back; give the file of tasks heal for what seed does", reason="bad_input")
    for action, word in raw.get("actions", {}).items():
        if word not in DECISIONS:
            raise SalvageError(f"{where}: {shown(word)} is expected of {shown(action)}; use {', '.join(DECISIONS)}", reason="bad_input")
    return GameDayFault(**raw)


def fault_refusal(asked: str, environment: str, said: Mapping[str, Any] | None, uid: str) -> str:
    """Why this cluster may not have a fault, empty if it may.

    ``asked`` is the name of the cluster that people gave, and ``environment`` what the inventory says of it, empty if nothing.  ``said`` is
    what the connected cluster says of itself, None if nothing, and ``uid`` is its own.
    """
    if not asked:
        return "a game day needs the name of its cluster; set game_day_cluster"
    if said is None:
        return f"the connected cluster does not say what it is, so it counts as production; {_HOW}"
    name, kind, bound = (str(said.get(key) or "") for key in ("name", "environment", "uid"))
    if name != asked:
        return f"game_day_cluster is {shown(asked)}, and the connected cluster is {shown(name)}; connect to the one that is meant"
    if kind not in ENVIRONMENTS:
        return f"the connected cluster says that its environment is {shown(kind)}; a game day is for {', '.join(ENVIRONMENTS)}"
    if environment and environment != kind:
        return f"the inventory says that the environment is {shown(environment)}, and the cluster says {shown(kind)}; correct what is wrong"
    if not uid:
        return "the UID of the namespace kube-system can't be read, so nothing proves which cluster this is; allow get of namespaces"
    if bound != uid:
        return f"what the cluster says of itself was written for another cluster, with the UID {shown(bound)} and not {shown(uid)}; {_HOW}"
    return ""
