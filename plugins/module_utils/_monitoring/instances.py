# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicas of a Prometheus: what each has loaded, and how long it takes until all have loaded what they should."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.progress import Tell, silent
from .._manifests.yaml_text import documents
from .._prometheus.client import PrometheusApi
from .._prometheus.rules import active_targets, last_reload, loaded_groups
from .config_text import ConfigWanted, LoadWanted
from .reload import Reloads
from .rule_proof import (
    PrometheusState,
    failing_in,
    fewer_samples,
    group_differences,
    lost,
    lost_pools,
    not_evaluated,
    not_scraped,
    pools_up,
    samples_a_second,
    settling,
)

States = Mapping[str, PrometheusState]
_PAUSE = 1.0
_SAMPLES = "scrape_samples_post_metric_relabeling"
_SYNC = 120.0  # seconds after which a kubelet has written a change into its pods for certain


def state_of(prometheus: PrometheusApi, *, whole: bool = False) -> PrometheusState:
    """``whole``: with its configuration and its samples.  Raises SalvageError."""
    try:
        groups = tuple(loaded_groups(prometheus.data("/api/v1/rules")))
        targets = active_targets(prometheus.data("/api/v1/targets", {"state": "active"}))
        reload = last_reload(prometheus.data("/api/v1/status/runtimeinfo"))
        if not whole:
            return PrometheusState(groups, targets, reload.worked, reload.at)
        loaded = prometheus.data("/api/v1/status/config")
        text = loaded.get("yaml") if isinstance(loaded, Mapping) else None
        if not isinstance(text, str):
            raise SalvageError("/api/v1/status/config shows no configuration", reason="invalid")
        config = next(iter(documents(text, "its configuration")), None)
        samples = {tuple(sorted(one.labels.items())): one.value or 0.0 for one in prometheus.query(_SAMPLES)}
        rate = samples_a_second(targets, samples)
        return PrometheusState(groups, targets, reload.worked, reload.at, config.value if config else {}, rate)
    except SalvageError as exc:
        where = prometheus.endpoint.address
        raise SalvageError(str(exc) if where in str(exc) else f"{where}: {exc}", reason=exc.reason) from None


@dataclass
class Missing:
    """What is not loaded yet, what is lost with it, and whether it is known that neither will change by itself."""

    pending: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    final: bool = False

    @property
    def problems(self) -> list[str]:
        """What is lost says more than what is not loaded."""
        return [*self.losses, *self.pending]


class Instances:
    """``max_sample_drop`` is the part of the samples that a change may cost; ``reloads`` is how the replicas come to load a change."""

    def __init__(
        self, replicas: Sequence[PrometheusApi], tell: Tell = silent, *, whole: bool = False, max_sample_drop: float = 1.0
    ) -> None:
        self.replicas = {one.endpoint.address: one for one in replicas}
        self.reloads: Reloads | None = None
        self.notes: list[str] = []
        self.whole = whole
        self._tell, self._drop = tell, max_sample_drop
        self._formatted: dict[str, str] = {}
        self._noted: dict[str, PrometheusState] = {}
        self._pools: frozenset[str] = frozenset()

    def states(self, addresses: Collection[str] | None = None) -> dict[str, PrometheusState | SalvageError]:
        asked = {address: one for address, one in self.replicas.items() if addresses is None or address in addresses}
        return gather({address: partial(state_of, one, whole=self.whole) for address, one in asked.items()})

    def form(self, expression: str) -> str:
        """As Prometheus lays it out, so that two texts of one expression are the same.  Raises SalvageError."""
        if expression not in self._formatted:
            prometheus = next(iter(self.replicas.values()))
            self._formatted[expression] = str(prometheus.data("/api/v1/format_query", {"query": expression}))
        return self._formatted[expression]

    def note(self) -> None:
        """Before a write: what is loaded now, and when."""
        self._noted = {address: one for address, one in self.states().items() if isinstance(one, PrometheusState)}

    def catch_up(self, there: LoadWanted, seconds: float) -> list[str]:
        """What is not loaded after ``seconds`` of what is in the cluster; a replica that refused it is not waited for.

        Nor is one that reloads on request: nobody will ask it to load what is taken back.
        """
        if self.reloads and self.reloads.by_hand:
            return []
        began = time.monotonic()
        while True:
            pending = [one for address, state in self.states().items() for one in self._not_there(address, state, there)]
            waited = time.monotonic() - began
            if not pending or waited > seconds:
                return pending
            if self.reloads:
                self.reloads.push(self.replicas, waited)
            self._tell({"says": f"{waited:.0f} s of {seconds:.0f} s until what is there is loaded, {pending[0]}"})
            time.sleep(min(_PAUSE, max(seconds - waited, 0.05)))

    def _not_there(self, address: str, state: PrometheusState | SalvageError, there: LoadWanted) -> list[str]:
        if isinstance(state, SalvageError):
            return [str(state)]
        if not state.reloaded:
            return []
        config = there.config.problem(state.config) if there.config and not there.config.means_the_same else ""
        found = [*self._missing_rules(state, there, back=True).pending, *([config] if config else [])]
        return [f"{address}: {one}" for one in found]

    def wait_loaded(self, wanted: LoadWanted, before: States, seconds: float, *, back: bool = False) -> list[str]:
        """What is missing after ``seconds``, or when it is known that it will not come; empty if nothing is.

        Where Prometheus reloads on request, one replica has to have loaded it before the next one is asked.
        ``back``: on the way back, or without ``before`` (after a kill), only what is loaded counts, and whether a job has lost all its
        targets; and a reload that failed is waited out.
        """
        began, self._pools = time.monotonic(), pools_up(before.values())
        turns: list[list[str]] = [[one] for one in self.replicas] if self.reloads and self.reloads.by_hand else [list(self.replicas)]
        for number, turn in enumerate(turns):
            known = {address: state for address, state in before.items() if address in turn}
            problems = self._wait(turn, wanted, known, began + seconds, back=back or not before)
            if problems:
                untouched = [one for later in turns[number + 1 :] for one in later]
                return problems + ([f"{', '.join(untouched)} did not get it"] if untouched else [])
        return []

    def _wait(self, turn: Sequence[str], wanted: LoadWanted, before: States, until: float, *, back: bool) -> list[str]:
        began, loaded = time.monotonic(), 0.0
        while True:
            missing, now = self._missing(turn, wanted, before, time.monotonic() - began, back=back), time.monotonic()
            if not missing.problems or missing.final:
                return missing.problems
            if missing.pending:
                loaded = 0.0
                if now > until:
                    return missing.problems
                if self.reloads:
                    self.reloads.push(turn, now - began)
            else:
                loaded = loaded or now
                if now - loaded > settling(before.values(), until - began):
                    if not back:
                        return missing.problems
                    self.notes += [f"it is loaded as before, and {one}" for one in missing.losses]
                    return []
            self._tell({"says": f"{now - began:.0f} s of {until - began:.0f} s, {missing.problems[0]}"})
            time.sleep(min(_PAUSE, max(until - now, 0.05)) if missing.pending else _PAUSE)

    def _missing(self, turn: Sequence[str], wanted: LoadWanted, before: States, waited: float, *, back: bool) -> Missing:
        every = Missing()
        for address, state in self.states(turn).items():
            if isinstance(state, SalvageError):
                every.pending.append(str(state))
                continue
            one = self._missing_rules(state, wanted, back=back)
            if wanted.config:
                late = waited >= _SYNC or not (self.reloads and self.reloads.by_hand)
                one.pending += _missing_config(state, before.get(address), self._noted.get(address), wanted.config, late=late, back=back)
            if not state.reloaded:
                answer = self.reloads.refused.get(address, "") if self.reloads else ""
                said = f"its last reload failed{f': {answer}' if answer else ''}"
                final = not back and address in before and before[address].reloaded
                (one.losses if final else one.pending).insert(0, said)
                one.final = one.final or final
            if address in before:
                self._add_losses(one, before[address], state, wanted, back=back)
            every.pending += [f"{address}: {said}" for said in one.pending]
            every.losses += [f"{address}: {said}" for said in one.losses]
            every.final = every.final or one.final
        return every

    def _missing_rules(self, state: PrometheusState, wanted: LoadWanted, *, back: bool) -> Missing:
        found = Missing()
        for mark, groups in wanted.rules.items():
            there = state.in_file(mark)
            unlike = group_differences(groups, there, self.form)
            # What fails is judged when it is what was wanted, not what it replaces, nor what was there before.
            failing = [] if unlike or back else [f"the rule {name} fails: {why}" for name, why in failing_in(there).items()]
            found.pending += unlike or [f"the rule {one} is not evaluated yet" for one in not_evaluated(there) if not back]
            found.losses += failing
            found.final = found.final or bool(failing)
        return found

    def _add_losses(self, found: Missing, before: PrometheusState, now: PrometheusState, wanted: LoadWanted, *, back: bool) -> None:
        removed = wanted.config.removed if wanted.config else frozenset()
        if back:
            found.losses += lost_pools(self._pools, now)
            return
        # A job that any replica had up counts for each: one that was starved a moment ago proves nothing.
        losses = [*lost_pools(self._pools, now, removed), *lost(before, now, removed)]
        found.losses += [one for one in dict.fromkeys(losses) if one not in found.losses and one != "its last reload failed"]
        if self.whole and not found.pending:
            found.losses += [*not_scraped(before, now), *fewer_samples(before, now, self._drop)]


def _missing_config(
    state: PrometheusState,
    before: PrometheusState | None,
    noted: PrometheusState | None,
    config: ConfigWanted,
    *,
    late: bool,
    back: bool,
) -> list[str]:
    """``late``: the kubelet had its time, so that a reload has loaded what is there now."""
    if config.means_the_same and (back or config.new.broken):
        return []
    problem = config.problem(state.config)
    if problem or config.means_the_same or not config.may_be_old(state.config):
        return [problem] if problem else []
    # What is loaded looks like both, as where the new one only lacks a field that the old one has.
    if back:
        # It never had what is taken back, or has what it had before.  Then it must not be made to load what its pod has now.
        if before is not None and state.config == before.config:
            return []
    elif noted is None or config.problem(noted.config):
        return []
    # A field with its default looks the same with or without it: then a reload is the proof.
    if noted is not None and late and state.reloaded_at != noted.reloaded_at:
        return []
    return ["what it has loaded may be the old configuration as well as the new one"]
