# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The revisions of workloads, and what changed from each to the next.  Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .._workloads.revisions import revisions_of
from .._workloads.template_changes import differences_of
from .._workloads.workload import KINDS, Object, keeper_of

_MOST = 100  # changes of one revision


def histories(kind: str, workloads: Iterable[Object], keepers: Iterable[Object], redact: Callable[[Any], Any]) -> Iterator[dict[str, Any]]:
    """Each workload with its revisions, oldest first.

    Redacted before they are compared: in a change, nothing says any more which of the values is of a name that is secret.
    """
    mine: dict[str, list[Object]] = defaultdict(list)
    for keeper in keepers:
        for owner in keeper["metadata"].get("ownerReferences") or ():
            mine[owner["uid"]].append(keeper)
    for workload in workloads:
        metadata = workload["metadata"]
        found = sorted(revisions_of(kind, workload, mine[metadata["uid"]]), key=lambda one: one.number)
        templates = [redact(one.template) for one in found]
        yield {
            "namespace": metadata["namespace"],
            "kind": kind,
            "name": metadata["name"],
            "revisions": [
                {
                    "revision": revision.number,
                    "created": revision.created,
                    "current": revision.current,
                    "changes": list(differences_of(before, after))[:_MOST] if before is not None else [],
                }
                for revision, before, after in zip(found, [None, *templates], templates, strict=False)
            ],
        }


def history_kinds() -> list[tuple[str, str, str]]:
    """Kind, resource, and the resource of what keeps its revisions."""
    return [(kind, f"{kind.lower()}s.apps", f"{keeper_of(kind).lower()}s.apps") for kind in KINDS]
