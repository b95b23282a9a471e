# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened when, from every part of a bundle, in one list.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .._core.redact import clean
from .._core.sentences import some_of
from .._core.times import iso, when
from .contents import Contents, Piece, dict_of, list_of, string_of

MAX_MOMENTS = 20_000
_LONGEST = 300
_SCALINGS = frozenset({"ScalingReplicaSet", "SuccessfulRescale"})


@dataclass(frozen=True)
class Moment:
    """``source`` is the file of the bundle that says it."""

    at: float
    kind: str
    namespace: str
    name: str
    text: str
    source: str

    def plain(self) -> dict[str, Any]:
        return {"time": iso(self.at), **{key: value for key, value in vars(self).items() if key != "at"}}


def moments(contents: Contents) -> tuple[Moment, ...]:
    """Everything with a time, in its order; of more than can be shown, the newest."""
    found = [*_of_events(contents), *_of_containers(contents), *_of_rollouts(contents), *_of_alerts(contents), *_of_deploys(contents)]
    ordered = sorted(
        {one for one in found if 0 <= one.at < 4e9}, key=lambda one: (one.at, one.kind, one.namespace, one.name, one.text, one.source)
    )
    if len(ordered) > MAX_MOMENTS:
        contents.note(f"the timeline leaves out its {len(ordered) - MAX_MOMENTS} oldest entries")
    return tuple(ordered[-MAX_MOMENTS:])


def _moment(at: object, kind: str, namespace: str, name: str, text: str, source: str) -> Iterator[Moment]:
    moment = when(at) if isinstance(at, str) else at
    if isinstance(moment, (int, float)):
        yield Moment(moment, kind, namespace, name, clean(text, limit=_LONGEST), source)


def _of_events(contents: Contents) -> Iterator[Moment]:
    for event in contents.events:
        kind = "scaling" if event.reason in _SCALINGS else "warning" if event.type == "Warning" else "event"
        said = f"{event.kind} {event.reason}: {event.message}"
        times = f" ({event.count} times)" if event.count > 1 else ""
        if event.count > 1 and event.first != event.at:
            yield from _moment(
                event.first, kind, event.namespace, event.name, f"{said} (the first of {event.count})", f"events.jsonl:{event.line}"
            )
        yield from _moment(event.at, kind, event.namespace, event.name, said + times, f"events.jsonl:{event.line}")


def _of_containers(contents: Contents) -> Iterator[Moment]:
    for part in contents.objects.get("Pod", ()):
        for key in ("initContainerStatuses", "containerStatuses"):
            for status in list_of(part.body, "status", key):
                yield from _of_container(part, status)


def _of_container(part: Piece, status: dict[str, Any]) -> Iterator[Moment]:
    name = string_of(status, "name")
    for state in (dict_of(status, "state"), dict_of(status, "lastState")):
        ended = dict_of(state, "terminated")
        started = dict_of(state, "running") or ended
        yield from _moment(started.get("startedAt"), "start", part.namespace, part.name, f"container {name} started", part.file)
        why = f"container {name} ended: {string_of(ended, 'reason') or 'no reason'}, exit code {ended.get('exitCode')}"
        yield from _moment(ended.get("finishedAt"), "end", part.namespace, part.name, why, part.file)


def _of_rollouts(contents: Contents) -> Iterator[Moment]:
    for one in rollouts(contents):
        for revision in list_of(one, "revisions"):
            text = f"{string_of(one, 'kind')} revision {revision.get('revision')}{changed_text(revision)}"
            yield from _moment(
                revision.get("created"), "rollout", string_of(one, "namespace"), string_of(one, "name"), text, "rollouts.json"
            )


def rollouts(contents: Contents) -> list[dict[str, Any]]:
    return list_of({"all": contents.json("rollouts.json")}, "all")


def changed_text(revision: dict[str, Any]) -> str:
    """What a revision changed, in words."""
    named = [string_of(change, "path") for change in list_of(revision, "changes")]
    named = [name for name in named if name]
    return f" changed {some_of(named, 5)}" if named else ""


def _of_alerts(contents: Contents) -> Iterator[Moment]:
    document = contents.json("alerts/alerts.json")
    listed = [*list_of({"all": document}, "all"), *list_of(document, "alerts"), *list_of(document, "data", "alerts")]
    for alert in listed:
        labels = dict_of(alert, "labels")
        name = string_of(labels, "alertname") or string_of(alert, "name") or "an alert"
        place = (string_of(labels, "namespace"), name)
        started = alert.get("starts_at") or alert.get("startsAt") or alert.get("activeAt")
        yield from _moment(started, "alert", *place, f"alert {name} started", "alerts/alerts.json")
        ended = when(alert.get("ends_at") or alert.get("endsAt"))
        if ended is not None and 0 < ended <= contents.collected_at:
            yield from _moment(ended, "alert", *place, f"alert {name} ended", "alerts/alerts.json")


def _of_deploys(contents: Contents) -> Iterator[Moment]:
    """Who wrote an object last, by the API server's own record: deploys of this collection, and changes of policies."""
    for kind, parts in contents.objects.items():
        for part in parts if kind in _WRITTEN else ():
            policy = kind == "ConfigMap" and any(str(key).endswith(".rego") for key in dict_of(part.body, "data"))
            for entry in list_of(part.body, "metadata", "managedFields"):
                manager = string_of(entry, "manager")
                if policy or manager.startswith(_MANAGERS):
                    text = f"{kind} written by {manager or 'an unknown manager'} ({string_of(entry, 'operation') or 'operation unknown'})"
                    yield from _moment(entry.get("time"), "policy" if policy else "deploy", part.namespace, part.name, text, part.file)


_WRITTEN = frozenset({"ConfigMap", "Deployment", "StatefulSet", "DaemonSet", "Service", "Ingress", "HorizontalPodAutoscaler"})
_MANAGERS = ("euystacio", "meta-salvage", "kubectl", "helm", "argocd", "flux", "kustomize-controller")
