# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboards by Grafana's API: saved on the version that was seen, read again, and put back if one of them fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError
from .._grafana.client import Grafana
from .._grafana.model import GrafanaDashboard, LiveDashboard
from .._manifests.model import CHANGED, CREATED, UNCHANGED
from .._manifests.proven_set import some
from .proof import content_of_model, unlike_live


@dataclass
class ApiChange:
    """``folder_uid`` is empty for no folder.  A killed run is finished by the next one: each save is whole or not there."""

    grafana: Grafana
    dashboards: Sequence[GrafanaDashboard]
    folder_uid: str
    run: str
    before: dict[str, LiveDashboard | None] = field(default_factory=dict)
    written: list[GrafanaDashboard] = field(default_factory=list)

    def plan(self) -> dict[str, Any]:
        """Raises SalvageError(conflict) for a dashboard that only its file can change."""
        self.before = {one.uid: self.grafana.dashboard(one.uid) for one in self.dashboards}
        for uid, live in self.before.items():
            if live is not None and live.provisioned:
                raise SalvageError(
                    f"Grafana has the dashboard {uid} from a file, so nobody can save it; change the file, or set through: config_maps",
                    reason="conflict",
                )
        return self._result()

    def perform(self) -> dict[str, Any]:
        """Raises SalvageError, with what was put back."""
        result = self.plan()
        problems: list[str] = []
        reason = "conflict"
        try:
            for one in self.dashboards:
                if self._action(one) != UNCHANGED:
                    live = self.before[one.uid]
                    self.grafana.save(one.model, live.version if live else None, self.folder_uid, f"Meta Salvage, run {self.run}")
                    self.written.append(one)
            problems = [
                f"the dashboard {one.uid} {why}" for one in self.dashboards if (why := unlike_live(one, self.grafana.dashboard(one.uid)))
            ]
        except SalvageError as exc:
            problems, reason = [str(exc)], exc.reason
        if not problems:
            return result
        if not self.written:
            raise SalvageError(f"nothing was changed: {some(problems)}", reason=reason)
        left = self._put_back()
        said = f"it could not be put back ({some(left)})" if left else "it was put back"
        raise SalvageError(f"the change failed; {said}: {some(problems)}", reason=reason)

    def _put_back(self) -> list[str]:
        return [why for one in reversed(self.written) if (why := self._put_one_back(one))]

    def _put_one_back(self, one: GrafanaDashboard) -> str:
        """Why it is not as it was; empty if it is."""
        try:
            was, now = self.before[one.uid], self.grafana.dashboard(one.uid)
            if unlike_live(one, now):
                return f"others have changed the dashboard {one.uid}"
            if was is None:
                self.grafana.delete(one.uid)
            elif now is not None:
                self.grafana.save(was.model, now.version, was.folder_uid, f"Meta Salvage, run {self.run}: put back")
            after = self.grafana.dashboard(one.uid)
            same = after is None if was is None or after is None else content_of_model(after.model) == content_of_model(was.model)
            return "" if same else f"the dashboard {one.uid} is not as it was"
        except SalvageError as exc:
            return str(exc)

    def _action(self, one: GrafanaDashboard) -> str:
        live = self.before[one.uid]
        if live is None:
            return CREATED
        moved = bool(self.folder_uid) and live.folder_uid != self.folder_uid
        return CHANGED if moved or unlike_live(one, live) else UNCHANGED

    def _result(self) -> dict[str, Any]:
        actions = {one.uid: self._action(one) for one in self.dashboards}
        counts = Counter(dict.fromkeys((CREATED, CHANGED, UNCHANGED), 0))
        counts.update(actions.values())
        lines = ["".join(f"{one.uid} {one.title}\n" for one in self.dashboards if actions[one.uid] != UNCHANGED)]
        before = "".join(f"{uid} {live.model.get('title')}\n" for uid, live in self.before.items() if live and actions[uid] != UNCHANGED)
        return {
            "changed": any(action != UNCHANGED for action in actions.values()),
            "counts": dict(counts),
            "notes": [],
            "diff": {"before": before, "after": "".join(lines)},
        }
