# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blue-green, decided: which Deployment is which colour, whether the traffic may move, and whether it has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._cluster.pods import ready
from ..._core.errors import SalvageError
from ..._core.status import HEALTHY
from ..._workloads.progress import restarts_of
from ..._workloads.service_health import ServiceHealth
from ..._workloads.workload import Object, selects

# The labels of the old Deployment that the new one gets, beside those of its selector.
_PLAIN_LABELS = frozenset({"app", *(f"app.kubernetes.io/{name}" for name in ("name", "component", "part-of", "version"))})
_OWNERS = frozenset({"app.kubernetes.io/instance", "app.kubernetes.io/managed-by"})

JOURNAL = "meta-salvage.euystacio/blue-green"

SWITCHED = "switched"  # written, not proven yet
SETTLED = "settled"  # proven; the bake may judge it
DONE = "done"  # judged good, the old colour is retired
REVERTED = "reverted"


@dataclass(frozen=True)
class Journal:
    """What the last run did to the Service.  ``until`` (seconds since 1970) is when an unfinished run is taken to be dead."""

    run: str
    source: str
    target: str
    phase: str
    at: str
    until: float

    @classmethod
    def of(cls, service: Object) -> Journal | None:
        text = (service["metadata"].get("annotations") or {}).get(JOURNAL)
        try:
            data = json.loads(text or "")
            return cls(str(data["run"]), str(data["from"]), str(data["to"]), str(data["phase"]), str(data["at"]), float(data["until"]))
        except (ValueError, KeyError, TypeError):
            return None

    def to_dict(self) -> dict[str, Any]:
        return {"run": self.run, "from": self.source, "to": self.target, "phase": self.phase, "at": self.at, "until": self.until}

    def to_annotation(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    def blocks(self, run: str, target: str, now: float) -> bool:
        """Whether another run is under way to somewhere else.  Helping it to the same place does no harm."""
        return self.phase in {SWITCHED, SETTLED} and self.run != run and self.target != target and now < self.until

    def refuse(self, run: str, target: str, now: float, doing: str) -> None:
        """``doing`` is what it does to what.  Raises SalvageError(conflict) if it blocks this run."""
        if self.blocks(run, target, now):
            raise SalvageError(
                f"run {self.run} {doing} from {self.source} to {self.target} and is not finished; "
                f"it counts as dead in {self.until - now:.0f} s, or switch back (state: reverted)",
                reason="conflict",
            )


@dataclass(frozen=True)
class Colours:
    """The Service's colours.  ``active`` is None if its selector does not name the colour key yet."""

    key: str
    active: str | None
    selector: Mapping[str, str]  # without the key
    deployments: Mapping[str, Object]  # by colour
    uncoloured: tuple[Object, ...] = ()

    def deployment(self, colour: str) -> Object:
        """Raises SalvageError(not_found)."""
        if colour not in self.deployments:
            known = ", ".join(sorted(self.deployments)) or "none"
            raise SalvageError(
                f"no Deployment's pods carry {self.key}={colour} beside the Service's selector; colours that are there: {known}",
                reason="not_found",
            )
        return self.deployments[colour]

    def labels(self, colour: str) -> dict[str, str]:
        return {**self.selector, self.key: colour}


def inspect(service: Object, deployments: Iterable[Object], key: str) -> Colours:
    """The colours behind a Service.  Raises SalvageError(bad_input) where they are not clear."""
    name = service["metadata"]["name"]
    full = dict((service.get("spec") or {}).get("selector") or {})
    if not full:
        raise SalvageError(
            f"the Service {name} has no selector, so there is nothing to switch; its endpoints are made by hand", reason="bad_input"
        )
    active = full.pop(key, None)
    if not full:
        raise SalvageError(
            f"the Service {name} selects by {key} alone; give it a label beside it that says which application it is", reason="bad_input"
        )
    found: dict[str, Object] = {}
    uncoloured: list[Object] = []
    for deployment in deployments:
        labels = ((deployment["spec"]["template"].get("metadata") or {}).get("labels")) or {}
        if any(labels.get(label) != value for label, value in full.items()):
            continue
        colour = labels.get(key)
        if colour is None:
            uncoloured.append(deployment)
        elif colour in found:
            both = f"{found[colour]['metadata']['name']} and {deployment['metadata']['name']}"
            raise SalvageError(f"the Deployments {both} are both {key}={colour}: a switch would mix them", reason="bad_input")
        else:
            found[colour] = deployment
    return Colours(key, active, full, found, tuple(uncoloured))


def behind(service: Object, deployments: Iterable[Object]) -> list[Object]:
    """The Deployments with pods that the Service selects."""
    selector = ((service.get("spec") or {}).get("selector") or {}).items()
    labels = [(one, ((one["spec"]["template"].get("metadata") or {}).get("labels")) or {}) for one in deployments]
    return [one for one, its in labels if selector and selector <= its.items()]


def must_be_coloured(colours: Colours, service: str) -> str:
    """The active colour.  Raises SalvageError(bad_input) for a Service that takes pods of every colour."""
    if colours.active is None:
        raise SalvageError(
            f"the selector of Service {service} does not name {colours.key}: pods of a new colour would take traffic at once; "
            "adopt it first (state: adopted)",
            reason="bad_input",
        )
    return colours.active


@dataclass(frozen=True)
class Gate:
    """``passed`` is None where it could not be seen: that does not pass."""

    name: str
    passed: bool | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"gate": self.name, "passed": self.passed, "reason": self.reason}


@dataclass(frozen=True)
class Endpoints:
    """A Service's ready endpoints: the address of each, and the pod behind it."""

    ready: Mapping[str, str]
    ports: frozenset[str]
    unready: int = 0


def endpoints_of(slices: Iterable[Object]) -> Endpoints:
    """Over all slices and address types.  An endpoint that does not say whether it is ready counts as ready, as the API has it."""
    found: dict[str, str] = {}
    ports: set[str] = set()
    unready: set[str] = set()
    for piece in slices:
        ports.update(port.get("name") or "" for port in piece.get("ports") or [] if port.get("port"))
        for endpoint in piece.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready") is False:
                unready.update(endpoint["addresses"])
                continue
            pod = (endpoint.get("targetRef") or {}).get("name", "")
            found.update(dict.fromkeys(endpoint["addresses"], pod))
    return Endpoints(found, frozenset(ports), len(unready - set(found)))


def only_of(endpoints: Endpoints, pods: Iterable[str], minimum: int) -> bool:
    """Whether the Service holds ready endpoints of these pods and of no others."""
    return endpoints_gate("", endpoints, set(pods), minimum).passed is True


def endpoints_gate(name: str, endpoints: Endpoints, pods: set[str], minimum: int) -> Gate:
    strangers = sorted({pod or "(no pod)" for pod in endpoints.ready.values()} - pods)
    if strangers:
        return Gate(name, False, f"endpoints of other pods: {', '.join(strangers[:3])}")
    number = len(set(endpoints.ready.values()))
    if number < minimum or not number:
        return Gate(name, False, f"{number} ready, {max(minimum, 1)} needed")
    return Gate(name, True, f"{number} ready")


def ports_gate(service: Object, endpoints: Endpoints) -> Gate:
    """A named target port that a pod does not have leaves its endpoints without that port."""
    wanted = {port.get("name") or "" for port in service["spec"].get("ports") or []}
    missing = sorted(wanted - endpoints.ports)
    return Gate("ports", not missing, f"not served: {', '.join(missing)}" if missing else f"all {len(wanted)} served")


def rollout_gate(deployment: Object, size: int) -> Gate:
    status = deployment.get("status") or {}
    desired = deployment["spec"].get("replicas", 1)
    available, updated = status.get("availableReplicas", 0), status.get("updatedReplicas", 0)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return Gate("rollout", False, "the controller has not seen the newest change")
    if deployment["spec"].get("paused"):
        return Gate("rollout", False, "it is paused")
    if desired < size:
        return Gate("rollout", False, f"{desired} replicas, the active colour has {size}")
    fine = available == updated == status.get("replicas", 0) == desired
    return Gate("rollout", fine, f"{available} of {desired} available, {updated} up to date")


def pods_gate(pods: Iterable[Object]) -> Gate:
    unready = [pod["metadata"]["name"] for pod in pods if not ready(pod)]
    return Gate("pods", not unready, f"not ready: {', '.join(unready[:3])}" if unready else "all ready")


def stable_gate(before: Iterable[Object], after: Iterable[Object]) -> Gate:
    """Between two moments no pod was restarted or replaced."""
    was = {pod["metadata"]["uid"]: restarts_of(pod) for pod in before}
    now = {pod["metadata"]["uid"]: (pod["metadata"]["name"], restarts_of(pod)) for pod in after}
    risen = [name for uid, (name, count) in now.items() if count > was.get(uid, count)]
    if risen:
        return Gate("stable", False, f"restarted: {', '.join(risen)}")
    return Gate("stable", set(was) == set(now), "no restarts" if set(was) == set(now) else "pods were replaced")


def image_gate(pods: Iterable[Object], wanted: str) -> Gate:
    """Each pod runs that image; by digest where one is given."""
    others = []
    for pod in pods:
        statuses = (pod.get("status") or {}).get("containerStatuses") or []
        ids = [container["image"] for container in pod["spec"]["containers"]] + [status.get("imageID", "") for status in statuses]
        if not any(one == wanted or one.endswith(f"@{wanted}") or one == wanted.removeprefix("docker://") for one in ids):
            others.append(pod["metadata"]["name"])
    return Gate("image", not others, f"another image: {', '.join(others[:3])}" if others else wanted)


def hpa_gate(hpas: Iterable[Object], deployment: str) -> Gate:
    for hpa in hpas:
        target = hpa["spec"]["scaleTargetRef"]
        if (target.get("kind"), target.get("name")) != ("Deployment", deployment):
            continue
        conditions = (hpa.get("status") or {}).get("conditions") or []
        inactive = next((c for c in conditions if c.get("type") == "ScalingActive" and c.get("status") == "False"), None)
        name = hpa["metadata"]["name"]
        return Gate(
            "hpa", inactive is None, f"{name}: {inactive.get('message') or inactive.get('reason')}" if inactive else f"{name} is active"
        )
    return Gate("hpa", True, "it has none; that of the active colour moves over when that is retired")


def pdb_gate(pdbs: Iterable[Object], active: Mapping[str, str], target: Mapping[str, str]) -> Gate:
    """Whoever protects the active colour must protect the target too."""
    bare = [pdb["metadata"]["name"] for pdb in pdbs if _protects(pdb, active) and not _protects(pdb, target)]
    return Gate("pdb", not bare, f"{', '.join(bare)} protects the active colour only" if bare else "both colours are protected alike")


def _protects(pdb: Object, labels: Mapping[str, str]) -> bool:
    return selects(pdb["spec"].get("selector"), labels)


def others_that_select(services: Iterable[Object], labels: Mapping[str, str], key: str, known: Iterable[str]) -> list[str]:
    """The Services beside the known ones that would send traffic to pods with these labels, before any gate is passed.

    One that selects by the label of the colour, ``key``, has no traffic of the other colour to send.
    """
    found = [(one["metadata"]["name"], ((one.get("spec") or {}).get("selector") or {}).items()) for one in services]
    return sorted(
        name for name, selector in found if selector and selector <= labels.items() and key not in dict(selector) and name not in set(known)
    )


def return_gate(deployment: Object | None, minimum: int) -> Gate:
    """Whether there is a way back."""
    available = ((deployment or {}).get("status") or {}).get("availableReplicas", 0)
    if available >= max(minimum, 1):
        return Gate("return path", True, f"{available} of the active colour available")
    return Gate("return path", False, f"{available} of the active colour available: no return path")


def health_gate(answers: Mapping[str, ServiceHealth]) -> Gate:
    """``answers`` by pod.  Only a pod that states that it is healthy passes."""
    bad = {pod: health.reason for pod, health in answers.items() if health.status != HEALTHY}
    if bad:
        pod, what = next(iter(bad.items()))
        return Gate("health", False, f"{len(bad)} of {len(answers)} pods, {pod}: {what}")
    return Gate("health", True if answers else None, f"{len(answers)} pods answer" if answers else "no pod was asked")


def refusal(gates: Iterable[Gate], *, allow_no_return: bool) -> str:
    """Why the switch may not be made, or nothing."""
    closed = [gate for gate in gates if gate.passed is not True and not (allow_no_return and gate.name == "return path")]
    return "; ".join(f"{gate.name}: {gate.reason}" for gate in closed)


def switch_patch(colours: Colours, journal: Journal) -> Object:
    """The selector's colour and the journal, in one write."""
    return {
        "metadata": {"annotations": {JOURNAL: journal.to_annotation()}},
        "spec": {"selector": {colours.key: journal.target}},
    }


def phase_patch(journal: Journal, phase: str, until: float | None = None) -> Object:
    moved = replace(journal, phase=phase, until=journal.until if until is None else until)
    return {"metadata": {"annotations": {JOURNAL: moved.to_annotation()}}}


def green_from(blue: Object, name: str, key: str, colour: str, size: int, definition: Object | None, images: Mapping[str, str]) -> Object:
    """The Deployment of a new colour: the given one, or blue's with other images; sized as blue is now, labelled, without its history.

    Raises SalvageError(bad_input) for an image of a container that is not there.
    """
    source = definition or blue
    template = json.loads(json.dumps(source["spec"]["template"]))
    template.setdefault("metadata", {}).setdefault("labels", {})[key] = colour
    containers = [*template["spec"]["containers"], *(template["spec"].get("initContainers") or [])]
    names = [container["name"] for container in containers]
    unknown = sorted(set(images) - set(names))
    if unknown:
        raise SalvageError(f"images names {', '.join(unknown)}, and {name} has the containers {', '.join(names)}", reason="bad_input")
    for container in containers:
        container["image"] = images.get(container["name"], container["image"])
    selector = json.loads(json.dumps(source["spec"].get("selector") or {}))
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), key: colour}
    if selector.get("matchExpressions"):  # one of the colour is of the old one
        selector["matchExpressions"] = [one for one in selector["matchExpressions"] if one["key"] != key]
    keep = {k: v for k, v in source["spec"].items() if k not in {"template", "selector", "replicas", "paused"}}
    labels = (source.get("metadata") or {}).get("labels") or {}
    if definition is None:
        # What else is there may be how Argo CD, Flux or Helm know what is theirs, and they delete what they do not find in Git.
        kept = (_PLAIN_LABELS | set(selector["matchLabels"])) - _OWNERS
        labels = {name: value for name, value in labels.items() if name in kept}
    labels = {**labels, key: colour}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": blue["metadata"]["namespace"], "labels": labels},
        "spec": {**keep, "replicas": size, "selector": selector, "template": template},
    }


def moving_on(service: Object, journal: Journal, phase: str, until: float) -> Object | None:
    """Only this switch's own entry is moved on, and only once."""
    there = Journal.of(service)
    if there is None or (there.run, there.at) != (journal.run, journal.at) or there.phase == phase:
        return None
    return phase_patch(there, phase, until)
