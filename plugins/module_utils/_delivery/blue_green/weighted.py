# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic by weights, done: each step is one compare-and-swap write of both weights and the journal, proven by reading it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._cluster.http import ServesProxy
from ..._cluster.objects import must_read, read, update, write
from ..._cluster.watch import Scene, Watch, list_all
from ..._core.errors import SalvageError
from ..._workloads.workload import Object, path_of
from ..rollout.rollback import now
from .colours import DONE, JOURNAL, REVERTED, SETTLED, SWITCHED, Gate, Journal, behind, image_gate, moving_on, refusal, stable_gate
from .gates_seen import Settings, endpoints_behind, health, health_port, pods_with
from .old_colour import Ending, Result, hold, names_of, release, retire
from .switch import BlueGreen
from .weights import COLLECTIONS, accepted, check_steps, next_step, pinned, shares, weights_patch


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
    key: str = "version"

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

    def _ready(self, colour: str) -> set[str]:
        """The pods behind the colour's Service that take requests."""
        return set(endpoints_behind(self.cluster, self.namespace, self.backends[colour]).ready.values())

    def _deployments(self, colour: str) -> list[Object]:
        """Those behind the colour's Service; none where there is no such Service."""
        service = read(self.cluster, path_of("Service", self.namespace, self.backends[colour]))
        return behind(service, list_all(self.cluster, path_of("Deployment", self.namespace))[0].values()) if service else []

    def _deployment(self, colour: str) -> Object | None:
        """The one that is retired or takes over the autoscaler.  Raises SalvageError where it is not clear which."""
        found = self._deployments(colour)
        if len(found) > 1:
            names = ", ".join(sorted(names_of(found)))
            raise SalvageError(f"the Service {self.backends[colour]} selects pods of several Deployments: {names}", reason="bad_input")
        return found[0] if found else None

    def inspect(self) -> tuple[dict[str, float | None], Journal | None, dict[str, Object]]:
        """By colour its share, None where the route's rules differ; the journal; and by colour its Deployment."""
        route = must_read(self.cluster, self.path)
        deployments = {colour: found[0] for colour in self.backends if len(found := self._deployments(colour)) == 1}
        return {colour: self._share(route, colour) for colour in self.backends}, Journal.of(route), deployments

    def _refuse_another(self, journal: Journal | None, target: str) -> None:
        if journal:
            journal.refuse(self.settings.run, target, self.clock(), f"moves {self.route}")

    def prepare(self, target: str, name: str, definition: Object | None, images: Mapping[str, str], *, dry_run: bool) -> Result:
        """The target's Deployment, as big as the other one, behind the target's Service.

        While it has a share it is left as it is if it is what is asked for.  Raises SalvageError, also if it is not.
        """
        source = self._other(target)
        route = must_read(self.cluster, self.path)
        share = self._share(route, target)
        weights_patch(self.kind, route, self.backends[source], self.backends[target], 0)  # raises where no rule is to be split
        self._refuse_another(Journal.of(route), target)
        blue_green = BlueGreen(
            self.cluster, self.namespace, self.backends[source], self.key, self.settings, self.clock, backend=self.backends[target]
        )
        _service, colours = blue_green.inspect()
        if colours.active != source:
            raise SalvageError(
                f"the selector of Service {self.backends[source]} must name {self.key}={source}, or {target} would be behind it too; "
                f"it names {colours.active or 'none'}",
                reason="bad_input",
            )
        if share != 0:
            return blue_green.as_asked(colours, target, definition, images)
        return blue_green.prepare(target, name, definition, images, dry_run=dry_run)

    def _look(self, source: str, target: str) -> tuple[list[Gate], list[Object]]:
        """All gates for more of ``target``, and its pods."""
        service = read(self.cluster, path_of("Service", self.namespace, self.backends[target]))
        if service is None:
            raise SalvageError(f"there is no Service {self.backends[target]} in namespace {self.namespace}", reason="not_found")
        names, there = self._ready(target), self._ready(source)
        selector = service["spec"].get("selector") or {}
        found = pods_with(self.cluster, self.namespace, selector) if selector else []
        pods = [pod for pod in found if pod["metadata"]["name"] in names]
        wanted = max(self.settings.min_ready or len(there), 1)
        both = sorted(names & there)
        gates = [
            Gate("endpoints", len(names) >= wanted, f"{len(names)} ready, {wanted} needed"),
            Gate("apart", not both, f"behind both Services: {', '.join(both[:3])}" if both else "no pod is behind both"),
            health(self.cluster, service, pods, self.settings),
        ]
        if self.settings.image:
            gates.append(image_gate(pods, self.settings.image))
        gates.append(Gate("return path", bool(there), f"{len(there)} ready to go back to"))
        return gates, pods

    def _refusal(self, gates: list[Gate]) -> str:
        return refusal(gates, allow_no_return=self.settings.allow_no_return)

    def promote(self, target: str, steps: list[int], verdict: str, *, dry_run: bool) -> Result:
        """To the next step.  Beyond the first one this needs the verdict on the step before.  Raises SalvageError."""
        check_steps(steps)
        source = self._other(target)
        route = must_read(self.cluster, self.path)
        share = self._share(route, target)
        if share is None:
            # Raises where no rule names both.
            weights_patch(self.kind, route, self.backends[source], self.backends[target], 0)
            raise SalvageError(f"the rules of {self.route} split differently; revert it, or make them alike", reason="bad_input")
        journal = Journal.of(route)
        self._refuse_another(journal, target)
        step = next_step(steps, share)
        result: Result = {"changed": False, "weight": share, "finished": step is None, "gates": []}
        if share > 0 and verdict == "failed":
            message = f"the verdict on {target} at {share:g} % is failed: it gets no more; switch back (state: reverted)"
            return {**result, "failed": True, "msg": message}
        if step is None or (share > 0 and verdict != "passed"):
            return result
        gates, first = self._look(source, target)
        if not self._refusal(gates) and not dry_run:
            pause = self.settings.stability
            self.settings.tell({"at": now(), "says": f"{target} is fit for {step} %; looked at once more in {pause:g} s"})
            time.sleep(pause)
            gates, second = self._look(source, target)
            gates.append(stable_gate(first, second))
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
        for deployment in self._deployments(source):
            hold(self.cluster, deployment)
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
        version = route["metadata"]["resourceVersion"]
        write(self.cluster, self.path, patch, version, dry_run=dry_run, done=lambda live: Journal.of(live) == entry)

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
                return {"changed": self._release(dry_run=dry_run), "active": back_to}
            if not self._ready(back_to):
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
            self._release(dry_run=dry_run)
            diff = {"before": {back_to: share}, "after": {back_to: 100}}
            return {"changed": True, "active": back_to, "journal": entry.to_dict(), "diff": diff}
        raise SalvageError(f"{self.route} was written by others twenty times in a row; find out which client does that", reason="conflict")

    def _release(self, *, dry_run: bool) -> bool:
        names = {name for colour in self.backends for name in names_of(self._deployments(colour))}
        return release(self.cluster, self.namespace, names, dry_run=dry_run)

    # --- the end of the old colour

    def retire(self, ending: Ending, *, dry_run: bool) -> Result:
        """Let the old colour go.  Raises SalvageError unless all steps to the other one are on record."""
        route = must_read(self.cluster, self.path)
        journal = Journal.of(route)
        if journal is None or journal.phase not in {SETTLED, DONE} or self._share(route, journal.target) != 100:
            raise SalvageError(
                f"{self.route} has no finished move on record, so nothing is retired; promote to 100 % first", reason="bad_input"
            )
        source, target = journal.source, journal.target
        if pinned(self.kind, route, self.backends[source], self.backends[target]):
            pin = self.backends[source]
            message = f"a rule of {self.route} still sends traffic to {pin} alone, so it is not retired; change that rule first"
            raise SalvageError(message, reason="bad_input")
        old, new = self._deployment(source), self._deployment(target)
        result: Result = {"changed": False, "active": target, "retired": source}
        if old is not None and new is not None:
            service = must_read(self.cluster, path_of("Service", self.namespace, self.backends[source]))
            result |= retire(
                self.cluster,
                old,
                new,
                lambda: pods_with(self.cluster, self.namespace, service["spec"]["selector"]),
                health_port(service, self.settings),
                ending,
                still=lambda: self._share(must_read(self.cluster, self.path), target) == 100,
                dry_run=dry_run,
            )
        released = self._release(dry_run=dry_run)
        written = update(self.cluster, self.path, lambda there: moving_on(there, journal, DONE, self.clock()), dry_run=dry_run).changed
        result["changed"] = bool(result["changed"] or released or written)
        return result
