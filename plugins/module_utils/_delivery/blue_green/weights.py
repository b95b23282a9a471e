# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic by weights, decided: who has which share on a route, what to write for another, and whether its controller took it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._core.errors import SalvageError
from ..._workloads.workload import Object

HTTPROUTE = "httproute"
ROUTE = "route"
COLLECTIONS = {
    HTTPROUTE: "apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    ROUTE: "apis/route.openshift.io/v1/namespaces/{}/routes",
}
# What a backend without a weight has: 1 in the Gateway API, 100 in OpenShift.
_DEFAULT_WEIGHT = {HTTPROUTE: 1, ROUTE: 100}


@dataclass(frozen=True)
class Shares:
    """The share of the new Service in per cent, in each place of the route that splits traffic between the two."""

    of_target: tuple[float, ...]

    @property
    def agreed(self) -> float | None:
        """None where the places differ, or there is none."""
        return self.of_target[0] if len(set(self.of_target)) == 1 else None


def _lists(kind: str, route: Object) -> list[list[Object]]:
    """The backends, for each place that names some."""
    spec = route.get("spec") or {}
    if kind == ROUTE:
        return [[spec.get("to") or {}, *(spec.get("alternateBackends") or [])]]
    return [list(rule.get("backendRefs") or []) for rule in spec.get("rules") or []]


def _is(backend: Object, name: str, namespace: str) -> bool:
    local = backend.get("namespace", namespace) == namespace
    return local and backend.get("name") == name and backend.get("kind", "Service") == "Service" and not backend.get("group")


def _weight(kind: str, backend: Object) -> int:
    weight = backend.get("weight")
    return _DEFAULT_WEIGHT[kind] if weight is None else int(weight)


def _places(kind: str, route: Object, names: Iterable[str]) -> set[int]:
    """Where the route splits between the two: the rules that name both; or the only one that names either, where the other is added.

    A rule that names one of them beside such rules was pinned to it by somebody, and is left alone.
    """
    namespace = route["metadata"]["namespace"]
    named = [{name for name in names for backend in backends if _is(backend, name, namespace)} for backends in _lists(kind, route)]
    both = {place for place, its in enumerate(named) if len(its) == 2}
    either = {place for place, its in enumerate(named) if its}
    return both or (either if len(either) == 1 else set())


def pinned(kind: str, route: Object, name: str, other: str) -> bool:
    """Whether a rule beside those that split sends traffic to this Service."""
    namespace, split = route["metadata"]["namespace"], _places(kind, route, (name, other))
    lists = [backends for place, backends in enumerate(_lists(kind, route)) if place not in split]
    return any(_is(backend, name, namespace) and _weight(kind, backend) for backends in lists for backend in backends)


def shares(kind: str, route: Object, source: str, target: str, *, strict: bool = True) -> Shares:
    """Raises SalvageError(bad_input) for a route that names neither Service; if ``strict`` also where it goes elsewhere, or nowhere."""
    metadata = route["metadata"]
    found: list[float] = []
    known = False
    places = _places(kind, route, (source, target))
    for place, backends in enumerate(_lists(kind, route)):
        weights = dict.fromkeys((source, target), 0)
        others: list[str] = []
        named = False
        for backend in backends:
            name = next((name for name in weights if _is(backend, name, metadata["namespace"])), None)
            if name is not None:
                named = True
                weights[name] += _weight(kind, backend)
            elif _weight(kind, backend):
                others.append(str(backend.get("name")))
        known = known or named
        if place not in places:
            continue
        if others and strict:
            raise SalvageError(
                f"{metadata['name']} sends traffic to {', '.join(others)} beside {source} and {target}; a split is between two",
                reason="bad_input",
            )
        total = sum(weights.values())
        if not total and strict:
            raise SalvageError(
                f"{metadata['name']} gives no weight to {source} or {target}; set the weight of one of them", reason="bad_input"
            )
        found.append(100 * weights[target] / total if total else 0.0)
    if not known:
        raise SalvageError(f"{metadata['name']} names neither {source} nor {target} as a backend", reason="bad_input")
    return Shares(tuple(found))


def next_step(steps: Iterable[int], share: float) -> int | None:
    """The first step above the share; None at the end."""
    return next((step for step in steps if step > share), None)


def check_steps(steps: list[int]) -> None:
    """Raises SalvageError(bad_input)."""
    if not steps or steps[-1] != 100 or steps != sorted(set(steps)) or steps[0] < 1:
        raise SalvageError(f"steps must rise from at least 1 to 100, such as [5, 25, 100]; these are {steps}", reason="bad_input")


def weights_patch(kind: str, route: Object, source: str, target: str, percent: int) -> Object:
    """The merge patch that gives ``target`` this share and ``source`` the rest, where the route splits between them.

    Raises SalvageError(bad_input) where it does so nowhere.
    """
    namespace = route["metadata"]["namespace"]
    wanted = {source: 100 - percent, target: percent}
    places = _places(kind, route, wanted)
    if not places:
        raise no_split(route, source, target)
    lists = [_split(one, wanted, namespace) if place in places else one for place, one in enumerate(_lists(kind, route))]
    if kind == ROUTE:
        return {"spec": {"to": lists[0][0], "alternateBackends": lists[0][1:]}}
    rules = [{**rule, "backendRefs": backends} if backends else rule for rule, backends in zip(route["spec"]["rules"], lists, strict=True)]
    return {"spec": {"rules": rules}}


def no_split(route: Object, source: str, target: str) -> SalvageError:
    name = route["metadata"]["name"]
    return SalvageError(
        f"no rule of {name} names both {source} and {target}, and several name one of them; name both in the rules that are to be split, "
        "with weight 0 for the new one; the others are left alone",
        reason="bad_input",
    )


def _split(backends: list[Object], wanted: Mapping[str, int], namespace: str) -> list[Object]:
    found: dict[str, Object] = {}
    after: list[Object] = []
    for backend in backends:
        name = next((name for name in wanted if _is(backend, name, namespace)), None)
        if name is None:
            after.append(backend)
        else:  # named twice, it would have its weight twice
            after.append({**backend, "weight": 0 if name in found else wanted[name]})
            found.setdefault(name, backend)
    if found:
        pattern = next(iter(found.values()))
        after += [{**pattern, "name": name, "weight": weight} for name, weight in wanted.items() if name not in found]
    return after


def accepted(kind: str, route: Object) -> tuple[bool | None, str]:
    """What the route's controllers say.  None while one has not looked at what was written."""
    status, generation = route.get("status") or {}, route["metadata"].get("generation", 0)
    key, types = ("parents", ("Accepted", "ResolvedRefs")) if kind == HTTPROUTE else ("ingress", ("Admitted",))
    reports = status.get(key) or []
    if not reports:
        return True, "no controller reports on it"
    for report in reports:
        said = {condition.get("type"): condition for condition in report.get("conditions") or []}
        for name in types:
            verdict, why = _condition(said.get(name), generation)
            if verdict is not True:
                return verdict, f"{name}: {why}"
    return True, f"{' and '.join(types)} by {len(reports)}"


def _condition(condition: Mapping[str, Any] | None, generation: int) -> tuple[bool | None, str]:
    if condition is None or condition.get("observedGeneration", generation) < generation:
        return None, "not looked at yet"
    if condition.get("status") == "True":
        return True, "yes"
    why = condition.get("message") or condition.get("reason") or "no reason given"
    return (False if condition.get("status") == "False" else None), str(why)
