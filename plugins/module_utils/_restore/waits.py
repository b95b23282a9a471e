# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore waits for.  A wait sets the problem of each step that it waited for in vain."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from .._cluster.session import Cluster
from .._cluster.watch import Watch
from .._core.progress import Tell
from .kinds import Key
from .live import Live
from .plan import Step
from .portable import Object, bundle_holders, is_rolled_out
from .ready import served, unready
from .settings import RestoreSettings

Service = tuple[str, str]  # namespace, name


class Waits:
    """Each wait ends after ``wait_timeout``, and all of them at the ``time_limit`` of the restore, which begins here."""

    def __init__(self, cluster: Cluster, live: Live, wish: RestoreSettings, tell: Tell) -> None:
        self._cluster, self._live, self._wish, self._tell = cluster, live, wish, tell
        self._end = time.monotonic() + wish.time_limit if wish.time_limit else float("inf")

    @property
    def seconds(self) -> float:
        """How long a wait that begins now may take."""
        return max(min(self._wish.wait_timeout, round(self._end - time.monotonic(), 1)), 0.0)

    @property
    def deadline(self) -> float:
        return min(time.monotonic() + self._wish.wait_timeout, self._end)

    def for_services(self, title: str, steps: Sequence[Step]) -> None:
        """A webhook or an aggregated API blocks the cluster until its Service answers, so it is restored only after that."""
        silent = self._silent(title, {step.key: services_of(step.wanted) for step in steps})
        for step in steps:
            if step.key in silent:
                step.problem = f"its Service {silent[step.key]} has no ready endpoint, so it would only refuse"

    def for_converters(self, title: str, steps: Sequence[Step], definitions: Iterable[Step]) -> None:
        """The API server asks a webhook to convert what is not in the version that it stores."""
        webhooks = {_kind_defined(one.wanted): one.wanted for one in definitions if not one.problem and services_of(one.wanted)}
        late = [step for step in steps if step.key.kind in webhooks and _version(step) != _stored(webhooks[step.key.kind])]
        silent = self._silent(title, {step.key: services_of(webhooks[step.key.kind]) for step in late})
        for step in late:
            if step.key in silent:
                step.problem = f"the Service {silent[step.key]}, which converts it, has no ready endpoint"

    def _silent(self, title: str, needed: Mapping[Key, Sequence[Service]]) -> dict[Key, str]:
        """Of each key the first Service that has no ready endpoint in time."""
        services = sorted({service for found in needed.values() for service in found})
        lists = {space: (f"/apis/discovery.k8s.io/v1/namespaces/{quote(space, safe='')}/endpointslices", None) for space, _name in services}
        if not services:
            return {}

        def left(scene: Mapping[str, Mapping[str, Object]]) -> list[Service]:
            return [(space, name) for space, name in services if not served(scene[space].values(), name)]

        with Watch(self._cluster, lists) as watch:
            first = left(watch.scene)
            if first:
                what = f"{len(first)} Service{'s have' if len(first) > 1 else ' has'} a ready endpoint"
                says = f"{title}: waiting until {what}, {self.seconds:g} s at most"
                self._tell({"wave": title, "total": len(first), "says": says})
            watch.wait(lambda scene: True if not left(scene) else None, self.deadline)
            without = set(left(watch.scene))
        missing = {key: next((one for one in found if one in without), None) for key, found in needed.items()}
        return {key: "/".join(one) for key, one in missing.items() if one}

    def for_pods(self, steps: Iterable[Step]) -> None:
        """Deployments are paused again once their controller has given them their pods."""
        late = {step.key: step for step in steps}
        lists = {key.namespace: (self._live.collection(step), None) for key, step in late.items()}
        if not late:
            return

        def rolled(scene: Mapping[str, Mapping[str, Object]]) -> bool | None:
            found = (scene[key.namespace].get(f"{key.namespace}/{key.name}") for key in late)
            return all(one is None or is_rolled_out(one) for one in found) or None

        with Watch(self._cluster, lists) as watch:
            watch.wait(rolled, self.deadline)

    def for_workloads(self, steps: Iterable[Step]) -> None:
        waiting = {step.key: step for step in steps}
        if not waiting:
            return
        self._tell({"wave": "readiness", "total": len(waiting), "says": f"waiting until {len(waiting)} workloads serve"})
        places = {(step.key.kind, step.key.namespace): step for step in waiting.values()}
        lists = {f"{kind}/{space}": (self._live.collection(step), None) for (kind, space), step in places.items()}

        def left(scene: Mapping[str, Mapping[str, Object]]) -> dict[Key, str]:
            found = {}
            for key, step in waiting.items():
                live = scene[f"{key.kind}/{key.namespace}"].get(f"{key.namespace}/{key.name}")
                why = "it is gone" if live is None else unready({**live, **_type_of(step)})
                if why:
                    found[key] = why
            return found

        seconds = self.seconds
        with Watch(self._cluster, lists) as watch:
            watch.wait(lambda scene: True if not left(scene) else None, self.deadline)
            for key, why in left(watch.scene).items():
                step = waiting[key]
                before = "; it was not ready in the backup either" if step.source.get("status") and unready(step.source) else ""
                step.problem = f"it is there, and after {seconds:g} s {why}{before}"


def services_of(obj: Mapping[str, object]) -> list[Service]:
    """The Services that answer for an object."""
    found = [holder["service"] for holder in bundle_holders(obj) if holder.get("service")]
    return [(str(one["namespace"]), str(one["name"])) for one in found]


def _type_of(step: Step) -> Object:
    return dict(zip(("apiVersion", "kind"), step.resource_key, strict=True))


def _kind_defined(definition: Object) -> str:
    return f"{definition['spec']['names']['kind']}.{definition['spec']['group']}"


def _version(step: Step) -> str:
    return step.api_version.rpartition("/")[2]


def _stored(definition: Object) -> str:
    return next((str(one["name"]) for one in definition["spec"].get("versions") or () if one.get("storage")), "")
