# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blue-green, done: the gates are looked at, the Service is switched by compare-and-swap, and its endpoints prove it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._cluster.http import ServesProxy
from ..._cluster.objects import create, delete, must_read, read, update, write
from ..._cluster.pods import ready
from ..._cluster.watch import Scene, Watch, list_all
from ..._core.errors import SalvageError
from ..._workloads.progress import COMPLETE
from ..._workloads.workload import RESTARTED, Object, path_of
from ..rollout.rollback import Workload, now
from .colours import (
    DONE,
    REVERTED,
    SETTLED,
    SWITCHED,
    Colours,
    Journal,
    endpoints_gate,
    endpoints_of,
    green_from,
    inspect,
    moving_on,
    must_be_coloured,
    only_of,
    refusal,
    stable_gate,
    switch_patch,
)
from .gates_seen import Settings, endpoints_behind, health_port, look_at_gates, pods_with, query_of, refuse_other_services, slices_of
from .old_colour import Ending, Result, hold, names_of, release, retire


@dataclass(frozen=True)
class BlueGreen:
    """A Service and the Deployments behind it."""

    cluster: ServesProxy
    namespace: str
    service: str
    key: str = "version"
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], float] = time.time
    backend: str = ""  # the new colour's own Service, where a route has one for each colour

    @property
    def preview(self) -> str:
        """The Service of the new colour alone."""
        return self.backend or f"{self.service}-preview"

    @property
    def path(self) -> str:
        return path_of("Service", self.namespace, self.service)

    def inspect(self) -> tuple[Object, Colours]:
        """The Service and its colours.  Raises SalvageError."""
        service = read(self.cluster, self.path)
        if service is None:
            raise SalvageError(f"there is no Service {self.service} in namespace {self.namespace}", reason="not_found")
        return service, inspect(service, list_all(self.cluster, path_of("Deployment", self.namespace))[0].values(), self.key)

    def _pods(self, labels: Mapping[str, str]) -> list[Object]:
        return pods_with(self.cluster, self.namespace, labels)

    def _workload(self, deployment: Object) -> Workload:
        return Workload(self.cluster, "Deployment", self.namespace, deployment["metadata"]["name"], tell=self.settings.tell)

    # --- adoption

    def adopt(self, colour: str, *, dry_run: bool) -> Result:
        """Give the Service a colour: label the pods, wait, and only then narrow the selector."""
        service, colours = self.inspect()
        if colours.active is not None:
            return {"changed": False, "active": colours.active}
        there = [*colours.deployments.values(), *colours.uncoloured]
        if len(there) != 1:
            names = ", ".join(sorted(deployment["metadata"]["name"] for deployment in there)) or "none"
            raise SalvageError(
                f"to adopt the Service {self.service} it must select pods of exactly one Deployment; it selects {len(there)}: {names}",
                reason="bad_input",
            )
        colour = next(iter(colours.deployments), colour)
        workload = self._workload(there[0])
        if colours.uncoloured:
            labels = {"spec": {"template": {"metadata": {"labels": {self.key: colour}}}}}
            update(self.cluster, workload.path, lambda obj: labels, dry_run=dry_run)
        result = {"active": colour, "diff": _selector_diff(service, {**colours.selector, self.key: colour})}
        if dry_run:
            return {"changed": True, **result}
        progress = workload.wait(self.settings.timeout)
        if progress.status != COMPLETE:
            raise SalvageError(
                f"{workload.name} did not come up with its colour, the Service is as it was: {progress.reason}", reason="invalid"
            )
        labels_now = colours.labels(colour)
        pods = {pod["metadata"]["name"] for pod in self._pods(labels_now)}
        gate = endpoints_gate("endpoints", endpoints_behind(self.cluster, self.namespace, self.service), pods, 1)
        if not gate.passed:
            raise SalvageError(f"the Service {self.service} has {gate.reason}; it is as it was", reason="invalid")
        proof = self._swap({"spec": {"selector": {self.key: colour}}}, service, labels_now, 1)
        return {"changed": True, **result, **proof}

    # --- the new colour

    def prepare(self, colour: str, name: str, definition: Object | None, images: Mapping[str, str], *, dry_run: bool) -> Result:
        """The Deployment of the new colour, as big as the active one, and a preview Service; and wait until it is up.

        The active colour is left as it is if it is what is asked for.  Raises SalvageError, also if it is not.
        """
        service, colours = self.inspect()
        active = must_be_coloured(colours, self.service)
        if colour == active:
            return {"active": active, **self.as_asked(colours, colour, definition, images)}
        self._not_under_way(service, colour)
        blue = colours.deployment(active)
        size = blue["spec"].get("replicas", 1)
        there = colours.deployments.get(colour)
        name = there["metadata"]["name"] if there else name
        wanted = green_from(blue, name, self.key, colour, size, definition, images)
        refuse_other_services(self.cluster, wanted, self.key, (self.service, self.preview, *self.settings.shared_services))
        if there is None:
            changed = create(self.cluster, path_of("Deployment", self.namespace), wanted, dry_run=dry_run) is not None
        else:
            changed = update(self.cluster, path_of("Deployment", self.namespace, name), _becoming(wanted, size), dry_run=dry_run).changed
        preview = self._preview(service, colours.labels(colour), dry_run=dry_run)
        result: Result = {"changed": changed or preview, "active": active, "deployment": name, "size": size}
        if dry_run:
            return result
        workload = Workload(self.cluster, "Deployment", self.namespace, name, tell=self.settings.tell)
        progress = workload.wait(self.settings.timeout)
        result["rollout"] = progress.to_dict()
        if progress.status != COMPLETE:
            message = f"{name} did not come up, the Service is still on {active}: {progress.reason}"
            result |= {"failed": True, "msg": message, "explanation": workload.explain(progress, 20)}
        return result

    def as_asked(self, colours: Colours, colour: str, definition: Object | None, images: Mapping[str, str]) -> Result:
        """Of a colour that takes traffic: it is what is asked for, says the API server.  Raises SalvageError(bad_input) if not."""
        there = colours.deployment(colour)
        name, size = there["metadata"]["name"], there["spec"].get("replicas", 1)
        template = green_from(there, name, self.key, colour, size, definition, images)["spec"]["template"]
        restarted = ((there["spec"]["template"].get("metadata") or {}).get("annotations") or {}).get(RESTARTED)
        if restarted:  # that is not another version
            template["metadata"]["annotations"] = {RESTARTED: restarted, **(template["metadata"].get("annotations") or {})}
        operations = [{"op": "replace", "path": "/spec/template", "value": template}]
        path = path_of("Deployment", self.namespace, name)
        if update(self.cluster, path, lambda deployment: operations, dry_run=True).changed:
            raise SalvageError(
                f"{colour} takes traffic now, and {name} differs from what the options ask for; a new version goes to another colour",
                reason="bad_input",
            )
        return {"changed": False, "deployment": name, "size": size}

    def _preview(self, service: Object, labels: Mapping[str, str], *, dry_run: bool) -> bool:
        name = self.preview
        keys = ("name", "port", "targetPort", "protocol", "appProtocol")
        ports = [{key: port[key] for key in keys if key in port} for port in service["spec"].get("ports") or []]
        made = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"selector": dict(labels), "ports": ports},
        }
        if create(self.cluster, path_of("Service", self.namespace), made, dry_run=dry_run) is not None:
            return True

        def decide(there: Object) -> Object | None:
            stale = {key: None for key in there["spec"].get("selector") or {} if key not in labels}
            if not stale and there["spec"].get("selector") == dict(labels):
                return None
            if self.backend:  # somebody's own, not made here for looking at
                raise SalvageError(f"the Service {name} does not select {self.key}={labels[self.key]} as it should", reason="bad_input")
            return {"spec": {"selector": {**stale, **labels}}}

        return update(self.cluster, path_of("Service", self.namespace, name), decide, dry_run=dry_run).changed

    def _not_under_way(self, service: Object, target: str) -> None:
        journal = Journal.of(service)
        if journal:
            journal.refuse(self.settings.run, target, self.clock(), f"switched {self.service}")

    # --- the switch

    def promote(self, target: str, *, dry_run: bool) -> Result:
        """Move the traffic to ``target``.  ``failed`` in the result if the gates or the proof say no.  Raises SalvageError."""
        sent = False
        for _attempt in range(5):
            service, colours = self.inspect()
            active = must_be_coloured(colours, self.service)
            if active == target:
                return self._already_there(service, colours, target, changed=sent and _ours(service, self.settings.run))
            self._not_under_way(service, target)
            first = look_at_gates(self.cluster, self.namespace, service, colours, target, self.preview, self.settings)
            gates, refused = list(first.gates), refusal(first.gates, allow_no_return=self.settings.allow_no_return)
            if not refused and not dry_run:
                pause = max(self.settings.stability, colours.deployment(target)["spec"].get("minReadySeconds", 0))
                self.settings.tell({"at": now(), "says": f"{target} is fit to take over; looked at once more in {pause:g} s"})
                time.sleep(pause)
                second = look_at_gates(self.cluster, self.namespace, service, colours, target, self.preview, self.settings)
                gates = [*second.gates, stable_gate(first.pods, second.pods)]
                refused = refusal(gates, allow_no_return=self.settings.allow_no_return)
            result: Result = {
                "changed": not refused,
                "active": active,
                "gates": [gate.to_dict() for gate in gates],
                "diff": _selector_diff(service, colours.labels(target)),
            }
            if refused:
                message = f"{self.service} stays on {active}: {target} is not fit to take over: {refused}"
                return {**result, "failed": True, "msg": message, "diff": _selector_diff(service, service["spec"]["selector"])}
            if dry_run:
                return result
            if active in colours.deployments:
                hold(self.cluster, colours.deployments[active])
            size = self.settings.min_ready or len(first.pods)
            until = self.clock() + self.settings.proof_timeout + self.settings.settle + 10
            journal = Journal(self.settings.run, active, target, SWITCHED, now(), until)
            sent = True
            try:
                proof = self._swap(switch_patch(colours, journal), service, colours.labels(target), size)
            except SalvageError as exc:
                if exc.reason == "conflict":
                    continue  # somebody else wrote: everything is read again
                raise
            if not proof["proven"]:
                back = self.revert(active)
                waited = f"{self.settings.proof_timeout:g} s"
                message = f"{target} was not the only one behind {self.service} after {waited}; switched back to {active}"
                return {**result, **proof, "failed": True, "msg": message, "reverted": back}
            return {**result, "active": target, **proof, **self._settle(journal)}
        raise SalvageError(
            f"the Service {self.service} was written by others five times in a row; find out which client does that", reason="conflict"
        )

    def _already_there(self, service: Object, colours: Colours, target: str, *, changed: bool) -> Result:
        """A run that was killed after its write is finished by the next one."""
        pods = {pod["metadata"]["name"] for pod in self._pods(colours.labels(target))}
        gate = endpoints_gate("endpoints", endpoints_behind(self.cluster, self.namespace, self.service), pods, self.settings.min_ready or 1)
        result: Result = {"changed": changed, "active": target, "gates": [gate.to_dict()], "proven": gate.passed is True}
        if not gate.passed:
            message = f"{self.service} is on {target}, which is not fit: {gate.reason}"
            return {**result, "failed": True, "msg": message}
        journal = Journal.of(service)
        if journal and journal.phase == SWITCHED and journal.target == target and self._is_left_to_us(journal):
            return {**result, **self._settle(journal), "changed": True, "resumed": journal.run}
        return result

    def _is_left_to_us(self, journal: Journal) -> bool:
        """Whether a switch that is written and not settled is ours to finish: the run that wrote it is this one, or dead."""
        if journal.run == self.settings.run:
            return True
        lists = {"service": (path_of("Service", self.namespace), {"fieldSelector": f"metadata.name={self.service}"})}

        def settled(scene: Scene) -> bool | None:
            there = [Journal.of(service) for key, service in scene["service"].items() if key == f"{self.namespace}/{self.service}"]
            if there != [journal]:
                return False
            return True if self.clock() >= journal.until else None

        with Watch(self.cluster, lists) as watch:
            left = max(journal.until - self.clock(), 0) + 5
            return watch.wait(settled, time.monotonic() + left) is True

    def _settle(self, journal: Journal) -> Result:
        """The nodes' proxies follow the endpoints by a moment."""
        time.sleep(self.settings.settle)
        until = self.clock() + self.settings.bake
        update(self.cluster, self.path, lambda service: moving_on(service, journal, SETTLED, until))
        return {"journal": Journal(journal.run, journal.source, journal.target, SETTLED, journal.at, until).to_dict()}

    def _swap(self, patch: Object, service: Object, labels: Mapping[str, str], minimum: int) -> Result:
        """The write, and its proof: the Service's endpoints are of these pods alone.  Raises SalvageError(conflict)."""
        lists = {
            "slices": slices_of(self.namespace, self.service),
            "pods": (path_of("Pod", self.namespace), {"labelSelector": query_of(labels)}),
        }
        with Watch(self.cluster, lists) as watch:
            write(self.cluster, self.path, patch, service["metadata"]["resourceVersion"])
            began = time.monotonic()
            proven = watch.wait(lambda scene: True if _holds(scene, minimum) else None, began + self.settings.proof_timeout)
            return {"proven": bool(proven), "proof_ms": round((time.monotonic() - began) * 1000, 1)}

    # --- back

    def revert(self, target: str | None = None, *, dry_run: bool = False) -> Result:
        """Switch back.  Needs a ready pod of the old colour, and nothing else: no gates, no metrics, no lease."""
        for _attempt in range(20):
            service, colours = self.inspect()
            active = must_be_coloured(colours, self.service)
            journal = Journal.of(service)
            back_to = target or _way_back(journal, active, self.service)
            if back_to == active:
                released = self._release(colours, dry_run=dry_run)
                return {"changed": released, "active": active, "diff": _selector_diff(service, service["spec"]["selector"])}
            pods = self._pods(colours.labels(back_to))
            fit = [pod for pod in pods if ready(pod)]
            needed = max(self.settings.min_ready, 1)
            if len(fit) < needed:
                raise SalvageError(
                    f"{len(fit)} pods of {back_to} are ready, {needed} needed: {self.service} stays on {active}; "
                    f"scale the Deployment of {back_to} up, then switch back",
                    reason="invalid",
                )
            diff = _selector_diff(service, colours.labels(back_to))
            if dry_run:
                return {"changed": True, "active": active, "diff": diff}
            entry = Journal(self.settings.run, active, back_to, REVERTED, now(), self.clock())
            try:
                proof = self._swap(switch_patch(colours, entry), service, colours.labels(back_to), needed)
            except SalvageError as exc:
                if exc.reason == "conflict":
                    continue
                raise
            self._release(colours, dry_run=False)
            return {"changed": True, "active": back_to, "diff": diff, "journal": entry.to_dict(), **proof}
        raise SalvageError(
            f"the Service {self.service} was written by others twenty times in a row; find out which client does that", reason="conflict"
        )

    # --- the end of the old colour

    def retire(self, ending: Ending, *, dry_run: bool) -> Result:
        """Let the old colour go.  Raises SalvageError unless a switch to the active colour is on record."""
        service, colours = self.inspect()
        active = must_be_coloured(colours, self.service)
        journal = Journal.of(service)
        if journal is None or journal.target != active or journal.phase not in {SETTLED, DONE}:
            raise SalvageError(
                f"{self.service} has no finished switch to {active} on record, so nothing is retired; promote it first", reason="bad_input"
            )
        old = colours.deployments.get(journal.source)
        result: Result = {"changed": False, "active": active, "retired": journal.source}
        if old is not None:
            result |= retire(
                self.cluster,
                old,
                colours.deployment(active),
                lambda: pods_with(self.cluster, self.namespace, colours.labels(journal.source)),
                health_port(service, self.settings),
                ending,
                still=lambda: self._still_on(active),
                dry_run=dry_run,
            )
        released = self._release(colours, dry_run=dry_run)
        gone = delete(self.cluster, path_of("Service", self.namespace, self.preview), dry_run=dry_run)
        written = update(self.cluster, self.path, lambda there: moving_on(there, journal, DONE, self.clock()), dry_run=dry_run).changed
        result["changed"] = bool(result["changed"] or released or gone or written)
        return result

    def _release(self, colours: Colours, *, dry_run: bool) -> bool:
        return release(self.cluster, self.namespace, names_of(colours.deployments.values()), dry_run=dry_run)

    def _still_on(self, colour: str) -> bool:
        return (must_read(self.cluster, self.path)["spec"].get("selector") or {}).get(self.key) == colour


def _holds(scene: Scene, minimum: int) -> bool:
    names = [pod["metadata"]["name"] for pod in scene["pods"].values()]
    return only_of(endpoints_of(scene["slices"].values()), names, minimum)


def _selector_diff(service: Object, after: Mapping[str, str]) -> Result:
    return {"before": {"selector": dict(service["spec"].get("selector") or {})}, "after": {"selector": dict(after)}}


def _ours(service: Object, run: str) -> bool:
    journal = Journal.of(service)
    return journal is not None and journal.run == run


def _way_back(journal: Journal | None, active: str, service: str) -> str:
    if journal is None:
        raise SalvageError(f"no switch of {service} is on record; name the colour to go back to", reason="bad_input")
    if journal.phase == REVERTED:
        return active
    return journal.source if journal.target == active else active


def _becoming(wanted: Object, size: int) -> Callable[[Object], Any]:
    """The template is always sent: the API server fills in its defaults and sees whether anything changes."""

    def decide(there: Object) -> list[Object]:
        operations: list[Object] = [{"op": "replace", "path": "/spec/template", "value": wanted["spec"]["template"]}]
        if there["spec"].get("replicas", 1) < size:
            operations.append({"op": "replace", "path": "/spec/replicas", "value": size})
        if there["spec"].get("paused"):
            operations.append({"op": "replace", "path": "/spec/paused", "value": False})
        return operations

    return decide
