# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that a creator has the one silence that is wanted, or none.  Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from .._core.errors import SalvageError
from .._core.json_values import is_integer, load_json
from .._core.processes import Process
from .silences import SKEW, Matchers, Silence

ENOUGH = 0.9  # a silence with this share of the wanted time left is not extended
_MARK = " [euystacio.meta_salvage "


@dataclass(frozen=True)
class RunMark:
    """The run that created a silence, at the end of its comment, so that a later run can find out whether it has ended."""

    run: str
    purpose: str
    process: Process

    def on(self, comment: str) -> str:
        return f"{comment}{_MARK}{json.dumps({'run': self.run, 'purpose': self.purpose, **asdict(self.process)})}]"


def run_mark(comment: str) -> RunMark | None:
    """The mark in a comment; None without one that is whole."""
    _text, found, mark = comment.rpartition(_MARK)
    if not found or not mark.endswith("]"):
        return None
    try:
        data = load_json(mark[:-1], strict=True)
    except SalvageError:
        return None
    if not isinstance(data, dict):
        return None
    words = [data.get(name) for name in ("run", "purpose", "machine")]
    pid, started = data.get("pid"), data.get("started")
    if not all(isinstance(word, str) for word in words) or not is_integer(pid) or not is_integer(started):
        return None
    return RunMark(str(words[0]), str(words[1]), Process(str(words[2]), pid, started))


@dataclass(frozen=True)
class SilenceWish:
    """Of ``creator`` one active silence with the ``matchers`` until at least ``enough``, set to end at ``until``; or none, if that is 0.

    ``began`` is the time of the wish.  Without matchers: all silences of the creator.  ``purpose``: with ``take_over`` the silences of
    other runs for it are left over.
    """

    creator: str
    purpose: str
    matchers: Matchers
    began: float = 0.0
    until: float = 0.0
    enough: float = 0.0
    take_over: bool = False

    def concerns(self, creator: str, comment: str) -> bool:
        return creator == self.creator or run_mark(comment) is not None

    def is_mine(self, silence: Silence) -> bool:
        return silence.creator == self.creator and (not self.matchers or silence.matchers == self.matchers)

    def is_left_over(self, silence: Silence, ended: Callable[[Process], bool]) -> bool:
        """Of another run that is known to have ended, or that has ended because this one could take its place."""
        mark = run_mark(silence.comment)
        if mark is None or silence.creator == self.creator:
            return False
        replaced = self.take_over and mark.purpose == self.purpose and (not self.matchers or silence.matchers == self.matchers)
        return replaced or ended(mark.process)


@dataclass(frozen=True)
class SilenceStep:
    """``create``, ``extend`` or ``expire``."""

    kind: str
    silence: Silence | None = None
    left_over: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.silence.id if self.silence else ""


@dataclass(frozen=True)
class SilencePlan:
    """``kept`` is the silence that is wanted, if it is there; ``fulfilled`` if nothing is left to do or to wait for."""

    steps: tuple[SilenceStep, ...]
    kept: Silence | None
    fulfilled: bool


def plan_silences(silences: Iterable[Silence], wish: SilenceWish, now: float, ended: Callable[[Process], bool]) -> SilencePlan:
    live = sorted((one for one in silences if one.live), key=lambda one: (one.ends_at, one.id), reverse=True)
    mine = [one for one in live if wish.is_mine(one)]
    kept: Silence | None = None
    steps: list[SilenceStep] = []
    if wish.until:
        kept = next((one for one in mine if one.starts_at <= now + SKEW), None)
        if kept is None:
            # What is left over is expired when the new one is active: nothing gets through in between.
            return SilencePlan((SilenceStep("create"),), None, fulfilled=False)
        if kept.ends_at < wish.enough:
            steps.append(SilenceStep("extend", kept))
    steps += [SilenceStep("expire", one) for one in mine if one is not kept]
    if kept is None or kept.state == "active":
        steps += [SilenceStep("expire", one, left_over=True) for one in live if wish.is_left_over(one, ended)]
    return SilencePlan(tuple(steps), kept, fulfilled=not steps and (kept is None or kept.state == "active"))


def newest_knowledge(views: Iterable[Iterable[Silence]]) -> list[Silence]:
    """Each silence once, as the replica with the newest knowledge of it shows it."""
    found: dict[str, Silence] = {}
    for view in views:
        for one in view:
            known = found.get(one.id)
            if known is None or (one.updated_at, not one.live) > (known.updated_at, not known.live):
                found[one.id] = one
    return list(found.values())


def lagging_ids(relevant: Iterable[Silence], view: Iterable[Silence]) -> list[str]:
    """The ids of the silences that a replica shows differently, of those that matter."""
    seen = {one.id: one for one in view}
    return sorted(one.id for one in relevant if _essence(seen.get(one.id)) != _essence(one))


def _essence(one: Silence | None) -> tuple[str, float] | None:
    return (one.state, one.ends_at) if one and one.live else None
