# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic by weights, done: each step is one compare-and-swap write of both weights and the journal, proven by reading it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._cluster.apply import must_read, write
from .._cluster.errors import SalvageError
from .._cluster.http import ServesProxy
from .._cluster.watch import Scene, Watch, list_all
from .colours import JOURNAL, REVERTED, SETTLED, SWITCHED, Endpoints, Gate, Journal, endpoints_of
from .rollout import now
from .switch import Result, Settings
from .weights import COLLECTIONS, accepted, check_steps, next_step, shares, weights_patch
from .workload import Object, path_of


@dataclass(frozen=True)
class Weighted:
    """A route, and a Service for each of the two colours."""

    cluster: ServesProxy
    namespace: str
    kind: str
    route: str
    backends: Mapping[str, str]  # Service by colour
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if len(set(self.backends.values())) != 2:
            raise SalvageError("backends must name a Service for each of two colours", reason="bad_input")

    @property
    def path(self) -> str:
        return f"/{COLLECTIONS[self.kind].format(self.namespace)}/{self.route}"

    def _other(self, colour: str) -> str:
        if colour not in self.backends:
            raise SalvageError(f"backends has no Service for {colour}; it has {', '.join(sorted(self.backends))}", reason="bad_input")
        return next(name for name in self.backends if name != colour)

    def _share(self, route: Object, colour: str, *, strict: bool = True) -> float | None:
        return shares(self.kind, route, self.backends[self._other(colour)], self.backends[colour], strict=strict).agreed

    def _endpoints(self, colour: str) -> Endpoints:
        query = {"labelSelector": f"kubernetes.io/service-name={self.backends[colour]}"}
        return endpoints_of(list_all(self.cluster, path_of("EndpointSlice", self.namespace), query)[0].values())

    def inspect(self) -> Result:
        """The share of each colour; null where the route's rules differ."""
        route = must_read(self.cluster, self.path)
        journal = Journal.of(route)
        weights = {colour: self._share(route, colour) for colour in self.backends}
        active = next((colour for colour, share in weights.items() if share is not None and share > 50), None)
        return {"changed": False, "active": active, "weights": weights, "journal": journal.to_dict() if journal else None}

    def _gates(self, source: str, target: str) -> tuple[list[Gate], Endpoints]:
        new, old = self._endpoints(target), self._endpoints(source)
        pods, there = set(new.ready.values()), set(old.ready.values())
        wanted = max(self.settings.min_ready or len(there), 1)
        both = sorted(pods & there)
        return [
            Gate("endpoints", len(pods) >= wanted, f"{len(pods)} ready, {wanted} needed"),
            Gate("apart", not both, f"behind both Services: {', '.join(both[:3])}" if both else "no pod is behind both"),
            Gate("return path", bool(there), f"{len(there)} ready to go back to"),
        ], new

    def _refusal(self, gates: list[Gate]) -> str:
        free = {"return path"} if self.settings.allow_no_return else set()
        return "; ".join(f"{gate.name}: {gate.reason}" for gate in gates if gate.passed is not True and gate.name not in free)

    def promote(self, target: str, steps: list[int], verdict: str, *, dry_run: bool) -> Result:
        """To the next step.  Beyond the first one this needs the verdict on the step before.  Raises SalvageError."""
        check_steps(steps)
        source = self._other(target)
        route = must_read(self.cluster, self.path)
        share = self._share(route, target)
        if share is None:
            raise SalvageError(f"the rules of {self.route} split differently; revert it, or make them alike", reason="bad_input")
        journal = Journal.of(route)
        if journal and journal.blocks(self.settings.run, target, self.clock()):
            raise SalvageError(
                f"run {journal.run} moves {self.route} from {journal.source} to {journal.target} and is not finished; "
                f"it counts as dead in {journal.until - self.clock():.0f} s, or switch back (state: reverted)",
                reason="conflict",
            )
        step = next_step(steps, share)
        result: Result = {"changed": False, "weight": share, "finished": step is None, "gates": []}
        if share > 0 and verdict == "failed":
            message = f"the verdict on {target} at {share:g} % is failed: it gets no more; switch back (state: reverted)"
            return {**result, "failed": True, "msg": message}
        if step is None or (share > 0 and verdict != "passed"):
            return result
        gates, first = self._gates(source, target)
        if not self._refusal(gates) and not dry_run:
            time.sleep(self.settings.stability)
            gates, second = self._gates(source, target)
            gates.append(Gate("stable", first.ready == second.ready, "the same endpoints twice"))
        result["gates"] = [gate.to_dict() for gate in gates]
        refused = self._refusal(gates)
        if refused:
            message = f"{self.route} stays at {share:g} % for {target}, which is not fit for {step} %: {refused}"
            return {**result, "failed": True, "msg": message}
        until = self.clock() + self.settings.proof_timeout + self.settings.settle + self.settings.bake
        entry = Journal(self.settings.run, source, target, SETTLED if step == 100 else SWITCHED, now(), until)
        result |= {"changed": True, "diff": {"before": {target: share}, "after": {target: step}}}
        if dry_run:
            self._write(route, entry, step, dry_run=True)
            return result
        self._write(route, entry, step)
        proven, why = self._proof(target, step)
        result |= {"weight": step, "finished": step == 100, "proven": proven, "proof": why, "journal": entry.to_dict()}
        if not proven:
            back = self.revert(source)
            message = f"{step} % for {target} was written to {self.route} and not taken: {why}; all is back on {source}"
            return {**result, "weight": 0, "finished": False, "failed": True, "msg": message, "reverted": back}
        time.sleep(self.settings.settle)
        return result

    def _write(self, route: Object, entry: Journal, percent: int, *, dry_run: bool = False) -> None:
        """Raises SalvageError(conflict) if somebody else wrote: the verdict was on what stood there before, so it isn't tried again."""
        patch: dict[str, Any] = weights_patch(self.kind, route, self.backends[entry.source], self.backends[entry.target], percent)
        patch["metadata"] = {"annotations": {JOURNAL: entry.to_annotation()}}
        try:
            write(self.cluster, self.path, patch, route["metadata"]["resourceVersion"], dry_run=dry_run)
        except SalvageError as exc:
            # After a broken connection the write that went through is our own.
            if exc.reason != "conflict" or Journal.of(must_read(self.cluster, self.path)) != entry:
                raise

    def _proof(self, colour: str, percent: int) -> tuple[bool, str]:
        last = "the route could not be seen"

        def decide(scene: Scene) -> tuple[bool, str] | None:
            nonlocal last
            route = scene["route"].get(f"{self.namespace}/{self.route}")
            if route is None:
                return None
            if self._share(route, colour) != percent:
                last = "the weights are not as they were written"
                return None
            verdict, last = accepted(self.kind, route)
            return None if verdict is None else (verdict, last)

        query = {"fieldSelector": f"metadata.name={self.route}"}
        with Watch(self.cluster, {"route": (f"/{COLLECTIONS[self.kind].format(self.namespace)}", query)}) as watch:
            return watch.wait(decide, time.monotonic() + self.settings.proof_timeout) or (False, last)

    def revert(self, colour: str | None = None, *, dry_run: bool = False) -> Result:
        """All traffic to the old colour.  Needs a ready endpoint of its Service, and nothing else: no gate, verdict, or controller."""
        for _attempt in range(20):
            route = must_read(self.cluster, self.path)
            journal = Journal.of(route)
            back_to = colour or (journal and (journal.target if journal.phase == REVERTED else journal.source))
            if not back_to:
                raise SalvageError(f"no switch of {self.route} is on record; name the colour to go back to", reason="bad_input")
            # A third backend, or none with a weight, must not bar the way back.
            share = self._share(route, back_to, strict=False)
            if share == 100:
                return {"changed": False, "active": back_to}
            if not self._endpoints(back_to).ready:
                raise SalvageError(
                    f"no endpoint of {self.backends[back_to]} is ready: {self.route} stays as it is; scale {back_to} up, then switch back",
                    reason="invalid",
                )
            entry = Journal(self.settings.run, self._other(back_to), back_to, REVERTED, now(), self.clock())
            try:
                self._write(route, entry, 100, dry_run=dry_run)
            except SalvageError as exc:
                if exc.reason == "conflict":
                    continue
                raise
            diff = {"before": {back_to: share}, "after": {back_to: 100}}
            return {"changed": True, "active": back_to, "journal": entry.to_dict(), "diff": diff}
        raise SalvageError(f"{self.route} was written by others twenty times in a row; see who does", reason="conflict")
