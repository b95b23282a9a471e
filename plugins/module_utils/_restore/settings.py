# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore is asked to do.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .choice import Choice
from .kinds import Key


@dataclass(frozen=True)
class RestoreSettings:
    selection: Choice = field(default_factory=Choice)
    existing: str = "skip"
    confirmed_kinds: frozenset[str] = frozenset()  # of no namespace, as the user spells them; * for all
    force: bool = False
    finalizers: frozenset[str] = frozenset()
    workers: int = 16
    wait: bool = True
    wait_timeout: float = 300.0
    time_limit: float = 0.0  # of the whole, in seconds; 0 for none
    backup_first: bool = True
    show: bool = False
    values: bool = False

    def existing_for(self, key: Key, spelled: str) -> str:
        """What becomes of an object that is there and differs; one of no namespace is everybody's, and needs a word of its own."""
        own = bool(key.namespace) or key.kind == "Namespace" or self.selection.whole
        return self.existing if own or self.confirmed_kinds & {"*", spelled} else "skip"

    def task(self) -> list[Any]:
        """What makes one restore another: the journal of one is not for the other."""
        chosen = self.selection
        return [
            sorted(chosen.namespaces), sorted(chosen.mapping.items()), sorted(chosen.include), sorted(chosen.exclude),
            chosen.cluster_scoped, self.existing, self.force, sorted(self.finalizers), chosen.isolated,
            sorted(chosen.isolated_kinds), sorted(chosen.owned_kinds),
        ]  # fmt: skip
