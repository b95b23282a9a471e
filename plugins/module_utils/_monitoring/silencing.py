# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and expires silences on the replicas of Alertmanager, and reads each of them until it shows what is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from .._alerts.alertmanager import Alertmanager, SilenceView
from .._alerts.silence_plan import SilencePlan, SilenceStep, SilenceWish, lagging_ids, newest_knowledge, plan_silences
from .._alerts.silences import Silence
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.processes import has_ended

_REFUSED = frozenset({"invalid", "bad_input", "unauthorized", "forbidden", "not_found"})


@dataclass
class SilenceOutcome:
    """What was done, or would be, and what the replicas show.  ``problems``: the replicas without a whole answer, and why."""

    before: list[Silence]
    steps: list[SilenceStep]
    kept: Silence | None = None
    replicas: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def after(self) -> list[Silence]:
        gone = {step.silence.id for step in self.steps if step.kind == "expire" and step.silence}
        return [self.kept if self.kept and one.id == self.kept.id else one for one in self.before if one.id not in gone] + (
            [self.kept] if self.kept and self.kept.id not in {one.id for one in self.before} else []
        )


class Silencing:
    """``wait`` in seconds is for the replicas to tell each other.  ``text`` is the comment of a new silence."""

    def __init__(self, replicas: Sequence[Alertmanager], text: str, wait: float) -> None:
        self.replicas = {one.address: one for one in replicas}
        self.text = text
        self.wait = wait

    def read(self, wish: SilenceWish) -> tuple[dict[str, SilenceView], dict[str, str]]:
        """What each replica shows, and why others show nothing.  Raises SalvageError if none does."""
        answers = gather({address: partial(one.silences, wish.concerns) for address, one in self.replicas.items()})
        failed = {address: answer for address, answer in answers.items() if isinstance(answer, SalvageError)}
        if len(failed) == len(answers):
            first = next(iter(failed.values()))
            raise SalvageError("; ".join(dict.fromkeys(map(str, failed.values()))), reason=first.reason)
        views = {address: answer for address, answer in answers.items() if isinstance(answer, SilenceView)}
        return views, {address: str(why) for address, why in failed.items()}

    def settle(self, wanted: Callable[[float], SilenceWish], *, dry_run: bool) -> SilenceOutcome:
        """``wanted`` gives the wish at a time of Alertmanager's clock.

        Each step is sent once: an answer that breaks off says nothing, only what is read back does.  Raises SalvageError.
        """
        wish = wanted(time.time())
        views, problems = self.read(wish)
        wish = wanted(max(view.now for view in views.values()))
        plan_now, union = self._judge(views, wish)
        outcome = SilenceOutcome([one for one in union if one.live and self._ours(one, wish)], list(plan_now.steps), plan_now.kept)
        sent: dict[tuple[str, str], str] = {}
        deadline, pause = time.monotonic() + self.wait, 0.05
        while True:
            outcome.kept, outcome.replicas = plan_now.kept, sorted(views)
            outcome.problems.update(problems)
            if dry_run:
                outcome.kept = self._promised(plan_now, wish)
                return outcome
            relevant = [one for one in union if self._ours(one, wish)]
            lagging = {address: ids for address, view in views.items() if (ids := lagging_ids(relevant, view.silences))}
            if plan_now.fulfilled and not lagging:
                return outcome
            for step in plan_now.steps:
                if step.key not in sent:
                    if step not in outcome.steps:
                        outcome.steps.append(step)
                    sent[step.key] = self._send(step, views, wish)
            if time.monotonic() >= deadline:
                raise SalvageError(self._unfinished(plan_now, lagging, [why for why in sent.values() if why]), reason="timeout")
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
            views, problems = self.read(wish)
            plan_now, union = self._judge(views, wish)

    def _judge(self, views: dict[str, SilenceView], wish: SilenceWish) -> tuple[SilencePlan, list[Silence]]:
        union = newest_knowledge(view.silences for view in views.values())
        return plan_silences(union, wish, max(view.now for view in views.values()), has_ended), union

    def _ours(self, one: Silence, wish: SilenceWish) -> bool:
        return wish.is_mine(one) or wish.is_left_over(one, has_ended)

    def _promised(self, found: SilencePlan, wish: SilenceWish) -> Silence | None:
        """The silence as it would be."""
        kinds = {step.kind for step in found.steps}
        if "create" in kinds:
            return Silence("", "active", wish.matchers, wish.creator, self.text, wish.began, wish.until, wish.began)
        return replace(found.kept, ends_at=wish.until) if found.kept and "extend" in kinds else found.kept

    def _send(self, step: SilenceStep, views: dict[str, SilenceView], wish: SilenceWish) -> str:
        """Why it is not known to have arrived, empty if it is.  Raises SalvageError if Alertmanager refuses the silence."""
        one = step.silence
        # A replica that does not know a silence yet can't change it.
        address = next(
            (name for name, view in views.items() if one and any(one.id == each.id and each.live for each in view.silences)),
            next(iter(views)),
        )
        replica = self.replicas[address]
        try:
            if one is None:
                replica.set_silence(wish.matchers, wish.creator, self.text, views[address].now, wish.until)
            elif step.kind == "extend":
                replica.set_silence(one.matchers, one.creator, one.comment, one.starts_at, wish.until, of=one.id)
            else:
                replica.expire_silence(one.id)
        except SalvageError as exc:
            if one is None and exc.reason in _REFUSED:
                raise
            return str(exc)
        return ""

    def _unfinished(self, found: SilencePlan, lagging: dict[str, list[str]], failed: list[str]) -> str:
        said = f" ({'; '.join(failed[:3])})" if failed else ""
        if found.kept is None and any(step.kind == "create" for step in found.steps):
            return f"no Alertmanager of {', '.join(self.replicas)} shows the silence {self.wait:g} s after it was sent{said}"
        if found.kept and found.kept.state != "active":
            return f"the silence {found.kept.id} is still {found.kept.state} after {self.wait:g} s{said}"
        if found.steps:
            ids = ", ".join(f"{step.kind} {step.silence.id}" for step in found.steps if step.silence)
            return f"Alertmanager does not show the result of a change after {self.wait:g} s: {ids}{said}"
        where = "; ".join(f"{address} shows {', '.join(ids)} differently" for address, ids in lagging.items())
        return f"the replicas of Alertmanager do not agree after {self.wait:g} s: {where}{said}"
