# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a restore has to know of the cluster, and the plan."""

from __future__ import annotations

from typing import Any

from .._core.errors import SalvageError
from .._core.gather import for_each
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
    """What controllers make again and again is not added to an owner that is there, outside of the restore."""
    makers = {
        step.key: (owner["uid"], step.key.namespace, owner)
        for step in plan.steps
        if step.owned and step.key.kind in OFFSPRING and (owner := controller_of(step.source))
    }
    owners = list({maker[:2]: maker for maker in makers.values()}.values())
    uids = for_each(lambda maker: live.uid_of(maker[2], maker[1]), owners, workers)
    there = {maker[:2] for maker, uid in zip(owners, uids, strict=True) if uid == maker[0]}
    left = {key: made_by(owner) for key, (uid, space, owner) in makers.items() if (uid, space) in there}
    plan.steps[:] = [step for step in plan.steps if step.key not in left]
    plan.left.extend(Left(key, why) for key, why in left.items())
