# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a bundle: its objects, events and logs, and on which line of which file each stands.  Pure.

Files come from other machines, and from editors: what cannot be read is noted, and does not keep the rest from being read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .._core.redact import clean
from .._core.times import when
from .paths import Steps, brief_value, elements, offset_of, parse_path, path_text, walk

LONGEST_LINE = 400
MAX_NOTES = 100
# The kind that a resource of the API has, where an item of a list does not say it.
_KINDS = {
    "pods": "Pod", "nodes": "Node", "services": "Service", "configmaps": "ConfigMap", "secrets": "Secret", "namespaces": "Namespace",
    "persistentvolumes": "PersistentVolume", "persistentvolumeclaims": "PersistentVolumeClaim", "resourcequotas": "ResourceQuota",
    "limitranges": "LimitRange", "endpoints": "Endpoints", "serviceaccounts": "ServiceAccount", "deployments": "Deployment",
    "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "replicasets": "ReplicaSet", "jobs": "Job", "cronjobs": "CronJob",
    "controllerrevisions": "ControllerRevision", "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "poddisruptionbudgets": "PodDisruptionBudget", "ingresses": "Ingress", "networkpolicies": "NetworkPolicy",
    "endpointslices": "EndpointSlice", "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration", "customresourcedefinitions": "CustomResourceDefinition",
    "apiservices": "APIService", "storageclasses": "StorageClass", "leases": "Lease", "certificates": "Certificate",
    "clusteroperators": "ClusterOperator", "routes": "Route", "deploymentconfigs": "DeploymentConfig", "imagestreams": "ImageStream",
}  # fmt: skip
# The kinds that the collector ``cluster`` reads; ``objects`` reads all others.
CLUSTER_KINDS = frozenset({
    "Node", "PersistentVolume", "Namespace", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "CustomResourceDefinition",
    "APIService", "StorageClass", "ClusterOperator",
})  # fmt: skip
_FOLDERS = {
    "objects": "objects/",
    "cluster": "objects/_cluster/",
    "events": "events.jsonl",
    "rollouts": "rollouts.json",
    "index": "index.json",
}
_POD_KINDS = frozenset({"Pod", "ReplicaSet", "Job"})
_HASHED = re.compile(r"(.+)-[a-z0-9]{5,10}")


@dataclass(frozen=True)
class Evidence:
    """A line of a file of the bundle; ``line`` counts from 1, 0 is the file as a whole."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Piece:
    """An object of the bundle, or a line of a list in it: where it is, and what it says."""

    file: str
    steps: Steps
    kind: str
    namespace: str
    name: str
    body: Any
    offset: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.namespace, self.name


@dataclass(frozen=True)
class Where:
    """A value of an object, as evidence: on which line it stands is looked up when it is known that somebody wants to see it."""

    part: Piece
    steps: Steps
    value: Any


@dataclass(frozen=True)
class CheckHit:
    """What a named check found: names for the rule's texts, evidence, and what it is about if that is not the object itself."""

    facts: Mapping[str, str]
    evidence: Sequence[Where | Evidence]
    subject: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class ClusterEvent:
    line: int
    at: float | None
    first: float | None
    count: int
    type: str
    reason: str
    namespace: str
    kind: str
    name: str
    message: str


@dataclass
class Contents:
    """A bundle, read."""

    files: Mapping[str, bytes]
    paths: frozenset[str] = frozenset()  # to look whether a file is there: to get it may mean to unpack it
    index: Mapping[str, Any] = field(default_factory=dict)
    objects: dict[str, list[Piece]] = field(default_factory=dict)
    events: list[ClusterEvent] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    collected_at: float = 0.0
    around: float | None = None
    owners: dict[tuple[str, str, str], tuple[str, str, str]] = field(default_factory=dict)
    _named: dict[tuple[str, str, str], Piece] = field(default_factory=dict)
    _events_of: dict[tuple[str, str, str], list[ClusterEvent]] = field(default_factory=dict)
    _text: tuple[str, str] = ("", "")
    _pods_with: dict[tuple[str, str, str], list[Piece]] | None = None
    _pods_on: dict[str, list[Piece]] | None = None
    _usage: dict[tuple[str, str], Piece] | None = None

    @property
    def at(self) -> float:
        """The time of interest: when what is recent happened."""
        return self.collected_at if self.around is None else self.around

    def recent(self, at: float | None, within: float) -> bool:
        return at is not None and self.at - within <= at <= (float("inf") if self.around is None else self.around + within)

    def note(self, sentence: str) -> None:
        if len(self.notes) < MAX_NOTES and sentence not in self.notes:
            self.notes.append(sentence)

    def find(self, kind: str, namespace: str, name: str) -> Piece | None:
        return self._named.get((kind, namespace, name))

    def events_of(self, part: Piece) -> list[ClusterEvent]:
        return self._events_of.get(part.key, [])

    def text(self, path: str) -> str:
        if self._text[0] != path:
            self._text = (path, self.files.get(path, b"").decode(errors="replace"))
        return self._text[1]

    def json(self, path: str) -> Any:
        """What a file says, None if it is not there or not JSON, which is noted."""
        if path not in self.paths:
            return None
        try:
            return json.loads(self.text(path))
        except (ValueError, RecursionError) as exc:
            self.note(f"{path} cannot be read: {clean(str(exc), limit=200)}")
            return None

    def lines(self, path: str) -> Iterator[tuple[int, Any]]:
        """The lines of a file of JSON lines, each with its number."""
        for number, line in enumerate(self.files.get(path, b"").split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                self.note(f"line {number} of {path} cannot be read: it is not JSON")

    def evidence(self, part: Piece, steps: Steps, value: Any) -> Evidence:
        """Where a value of an object stands."""
        if part.file.endswith(".jsonl"):
            return Evidence(part.file, int(part.steps[0]), f"{path_text(steps)}: {brief_value(value)}")
        text = self.text(part.file)
        at = offset_of(text, steps, part.offset) if part.offset else offset_of(text, (*part.steps, *steps))
        shown = f"{part.name}: {path_text(steps)}" if part.name and steps[:1] != ("metadata",) else path_text(steps)
        return Evidence(part.file, text.count("\n", 0, at) + 1, f"{shown}: {brief_value(value)}")

    def owner(self, key: tuple[str, str, str]) -> tuple[str, str, str]:
        """The workload that something belongs to, itself if it belongs to none."""
        for _step in range(4):
            above = self.owners.get(key)
            if above is None:
                break
            key = above
        kind, namespace, name = key
        if kind == "ReplicaSet" and key not in self._named and (hashed := _HASHED.fullmatch(name)):
            return "Deployment", namespace, hashed[1]
        return key

    def usage(self) -> dict[tuple[str, str], Piece]:
        """What the metrics API says of each pod, by its namespace and name."""
        if self._usage is None:
            pods = each_of(self.json("usage/pods.json"), "items")
            parts = [Piece("usage/pods.json", ("items", number), "PodMetrics", *_place(body), body) for number, body in pods]
            self._usage = {(part.namespace, part.name): part for part in parts}
        return self._usage

    def pods_with(self, namespace: str, selector: Mapping[str, Any]) -> list[Piece]:
        """The pods that have these labels, but those that have finished."""
        if self._pods_with is None:
            self._pods_with = {}
            for pod in self.objects.get("Pod", ()):
                if string_of(dict_of(pod.body, "status"), "phase") not in {"Succeeded", "Failed"}:
                    for key, value in dict_of(pod.body, "metadata", "labels").items():
                        self._pods_with.setdefault((pod.namespace, key, str(value)), []).append(pod)
        candidates = [self._pods_with.get((namespace, key, str(value)), []) for key, value in selector.items()]
        return [pod for pod in min(candidates, key=len) if fits(selector, dict_of(pod.body, "metadata", "labels"))] if candidates else []

    def pods_on(self, node: str) -> list[Piece]:
        if self._pods_on is None:
            self._pods_on = {}
            for pod in self.objects.get("Pod", ()):
                self._pods_on.setdefault(string_of(dict_of(pod.body, "spec"), "nodeName"), []).append(pod)
        return self._pods_on.get(node, [])

    def why_missing(self, room: str) -> str:
        """Why the files of a collector cannot be judged, empty if they can: it did not end well, or nobody says that it did."""
        for collector in self.index.get("collectors", ()):
            if collector.get("name") == room:
                status = string_of(collector, "status") or "without a status"
                why = clean(string_of(collector, "reason"), limit=LONGEST_LINE) or "no reason given"
                return "" if status == "complete" else f"{room} is {clean(status, limit=40)}: {why}"
        folder = _FOLDERS.get(room, f"{room}/")
        return "" if any(path.startswith(folder) for path in self.paths) else f"the bundle has no {folder.rstrip('/')}"


def fits(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def string_of(value: Any, key: str) -> str:
    """A text in a mapping, empty if it is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def dict_of(value: Any, *keys: str) -> dict[str, Any]:
    """The mapping under these keys, empty if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _place(body: Any) -> tuple[str, str]:
    metadata = dict_of(body, "metadata")
    return string_of(metadata, "namespace"), string_of(metadata, "name")


def each_of(value: Any, *keys: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in the list under these keys, each with its place in it."""
    found = dict_of(value, *keys[:-1]).get(keys[-1])
    return [(number, one) for number, one in enumerate(found) if isinstance(one, dict)] if isinstance(found, list) else []


def list_of(value: Any, *keys: str) -> list[dict[str, Any]]:
    """The mappings in the list under these keys."""
    return [one for _number, one in each_of(value, *keys)]


def read_contents(files: Mapping[str, bytes], now: datetime) -> Contents:
    """``now`` is the time of a bundle that does not say when it was collected."""
    contents = Contents(files, frozenset(files))
    index = contents.json("index.json")
    contents.index = {**index, "collectors": list_of(index, "collectors")} if isinstance(index, dict) else {}
    if not contents.index:
        contents.note("index.json cannot be read: when the bundle was collected, and what is missing in it, is unknown")
    collected = when(contents.index.get("collected_at"))
    contents.collected_at = now.timestamp() if collected is None else collected
    contents.around = when(contents.index.get("around"))
    for path in sorted(files):
        if path.startswith("objects/") and path.endswith(".json"):
            _read_objects(contents, path)
    _read_events(contents)
    return contents


def _read_objects(contents: Contents, path: str) -> None:
    folder, _slash, name = path[len("objects/") : -len(".json")].rpartition("/")
    resource = name.partition(".")[0]
    text = contents.text(path)
    items_at = offset_of(text, ("items",))
    try:
        start = text.index("[", items_at) if text.startswith('"items"', items_at) else len(text)
        items = elements(text, start)
    except (ValueError, IndexError, RecursionError) as exc:
        contents.note(f"{path} cannot be read: it is not a list of objects ({clean(str(exc), limit=100)})")
        return
    for number, (offset, body) in enumerate(items):
        if not isinstance(body, dict):
            continue
        metadata = dict_of(body, "metadata")
        namespace = string_of(metadata, "namespace") or ("" if folder == "_cluster" else folder)
        kind = string_of(body, "kind") or _KINDS.get(resource, resource)
        part = Piece(path, ("items", number), kind, namespace, string_of(metadata, "name"), body, offset)
        contents.objects.setdefault(kind, []).append(part)
        contents._named.setdefault(part.key, part)
        for owner in list_of(metadata, "ownerReferences"):
            if owner.get("controller") is True and string_of(owner, "name") and kind in _POD_KINDS:
                contents.owners[part.key] = (string_of(owner, "kind"), namespace, string_of(owner, "name"))


def _read_events(contents: Contents) -> None:
    for line, raw in contents.lines("events.jsonl"):
        if not isinstance(raw, dict):
            continue
        count = raw.get("count")
        event = ClusterEvent(
            line=line,
            at=when(raw.get("time")),
            first=when(raw.get("first")),
            count=count if isinstance(count, int) and 0 < count < 10**9 else 1,
            **{key: string_of(raw, key) for key in ("type", "reason", "namespace", "kind", "name", "message")},
        )
        contents.events.append(event)
        contents._events_of.setdefault((event.kind, event.namespace, event.name), []).append(event)
    for event in contents.events:  # of what is gone, as far as its name says it
        key = (event.kind, event.namespace, event.name)
        if event.kind == "Pod" and key not in contents._named and key not in contents.owners and (found := _HASHED.fullmatch(event.name)):
            contents.owners[key] = ("ReplicaSet", event.namespace, found[1])


def event_evidence(event: ClusterEvent) -> Evidence:
    times = f" ({event.count} times)" if event.count > 1 else ""
    text = f"{event.kind} {event.name}: {event.reason}{times}: {event.message}"
    return Evidence("events.jsonl", event.line, clean(text, limit=LONGEST_LINE))


def values(body: Any, path: str) -> list[Any]:
    """The values that a path leads to."""
    return [value for _steps, value in walk(body, parse_path(path))]
