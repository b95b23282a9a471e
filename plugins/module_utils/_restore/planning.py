# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a restore has to know of the cluster, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .._core.errors import SalvageError
from .._core.gather import gather
from .._manifests.scaled import AUTOSCALER
from .choice import in_namespaces
from .live import Live
from .plan import Left, RestorePlan, node_ports, plan_restore, spelled
from .settings import RestoreSettings
from .skip_rules import OFFSPRING, controller_of, made_by
from .stored import StoredItems


def planned(items: StoredItems, live: Live, wish: RestoreSettings) -> RestorePlan:
    """Writes nothing.  Raises SalvageError."""
    selection = wish.selection
    more: dict[str, Any] = {"classes": live.classes()} if selection.isolated else {}
    wants_ports = node_ports(obj for key, obj in items if key.kind == "Service")
    more["ports"] = node_ports(live.services()) if wants_ports else {}
    unknown = []
    if not selection.isolated and any(key.kind == "PersistentVolume" for key, _obj in items):
        try:
            more["released"] = live.released()
        except SalvageError as exc:
            unknown.append(f"whether volumes of the cluster still hold the data of a claim is unknown: {exc}")
    scaled = {key.namespace for key, _obj in items if key.kind == AUTOSCALER and in_namespaces(key.namespace, selection)}
    more["autoscaled"] = live.autoscaled(selection.mapping.get(space, space) for space in scaled)
    more["read_only"] = live.read_only
    context = items.context(mapping=selection.mapping, finalizers=wish.finalizers, **more)
    plan = plan_restore(items, selection, context, {**spelled(items), **live.names})
    plan.unknown.extend(unknown)
    if not selection.isolated:
        _leave_to_live_owners(plan, live, wish.workers)
    return plan


def _leave_to_live_owners(plan: RestorePlan, live: Live, workers: int) -> None:
    """What controllers make again and again is not added to an owner that is there, outside of the restore, or may be there."""
    makers = {
        step.key: (owner["uid"], step.key.namespace, owner)
        for step in plan.steps
        if step.owned and step.key.kind in OFFSPRING and (owner := controller_of(step.source))
    }
    owners = {maker[:2]: maker[2] for maker in makers.values()}
    uids = gather({place: partial(live.uid_of, owner, place[1]) for place, owner in owners.items()}, workers)
    reasons = {}
    for (uid, space), found in uids.items():
        owner = owners[uid, space]
        if isinstance(found, SalvageError):
            reasons[uid, space] = f"it is not known whether its owner ({owner['kind']}) is there, which makes it"
            plan.unknown.append(owner_unknown(owner, space, found))
        elif found == uid:
            reasons[uid, space] = made_by(owner)
    left = {key: reasons[uid, space] for key, (uid, space, _owner) in makers.items() if (uid, space) in reasons}
    plan.steps[:] = [step for step in plan.steps if step.key not in left]
    plan.left.extend(Left(key, why) for key, why in left.items())


def owner_unknown(owner: Mapping[str, Any], namespace: str, why: SalvageError) -> str:
    return f"whether {owner['kind']}/{owner['name']} is there, which owns objects of {namespace}, is unknown: {why}"
