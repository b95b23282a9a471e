# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the namespaces and of the cluster: read first, for they say what is secret and which logs there are; written redacted."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from .._cluster.discovery import Resource, discover
from .._core.gather import for_each
from .collector import Collector
from .helm import HELM, credentials_of, release_in
from .known import counted, named_values, secret_values, without_values
from .logs import LogSource, runs_of

Object = dict[str, Any]

# Read by collectors of their own, or copies of something that is read.
_LEFT_OUT = frozenset({"secrets", "events", "events.events.k8s.io", "endpoints"})
_LEFT_OUT_GROUPS = ("metrics.k8s.io", "packages.operators.coreos.com")
# Of those without a namespace only what says how the cluster is: its other objects are not the service's.
OF_CLUSTER = frozenset(
    {
        "apiservices.apiregistration.k8s.io",
        "certificatesigningrequests.certificates.k8s.io",
        "clusteroperators.config.openshift.io",
        "clusterversions.config.openshift.io",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "gatewayclasses.gateway.networking.k8s.io",
        "ingressclasses.networking.k8s.io",
        "machineconfigpools.machineconfiguration.openshift.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "priorityclasses.scheduling.k8s.io",
        "runtimeclasses.node.k8s.io",
        "storageclasses.storage.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "volumeattachments.storage.k8s.io",
    }
)
_WRITTEN_BY_THE_CLUSTER = frozenset({"EndpointSlice", "Lease", "Node", "Pod", "ReplicaSet"})
_WHO_AND_WHEN = ("manager", "operation", "apiVersion", "subresource", "time")
CLUSTER = "_cluster"  # no namespace has this name


def is_of_namespace(resource: Resource) -> bool:
    left_out = resource.full_name in _LEFT_OUT or resource.group.endswith(_LEFT_OUT_GROUPS)
    return resource.namespaced and not left_out


class Raw:
    """Objects as they came: with their secrets, so only in memory."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], list[bytes]] = {}
        self._lock = threading.Lock()
        self._known: set[bytes] = set()
        self._names: set[str] = set()
        self.asking = threading.Lock()
        self.kinds: list[Resource] | None = None
        self.secrets: list[Object] = []
        self.releases: list[Object] = []
        self.logs: list[LogSource] = []

    def take(self, place: str, resource: Resource, items: list[Object]) -> None:
        """A page of a list, in which no object says of what kind it is; ``place`` is its namespace, or CLUSTER."""
        known: set[bytes] = set()
        logs: list[LogSource] = []
        names = set()
        items = [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in items]
        for item in items:
            names.add(item["metadata"]["name"])
            _slim(item)
            known |= named_values(item, frozenset())
            if resource.full_name == "pods":
                logs += runs_of(item)
        page = zlib.compress(json.dumps(items).encode(), 1)
        with self._lock:
            self._pages.setdefault((place, resource.full_name), []).append(page)
            self._known |= known
            self._names |= names
            self.logs += logs

    def pages(self, place: str, resource: str) -> Iterator[list[Object]]:
        for page in self._pages.get((place, resource), ()):
            yield json.loads(zlib.decompress(page))

    def items(self, place: str, resource: str) -> Iterator[Object]:
        for page in self.pages(place, resource):
            yield from page

    def places(self) -> list[tuple[str, str]]:
        return sorted(self._pages)

    def known(self) -> set[bytes]:
        """All values that must be nowhere."""
        names = frozenset(self._names)
        of_releases = (counted("secret", text.encode(errors="surrogatepass"), names) for text in credentials_of(self.releases))
        return self._known.union(*(secret_values(secret, names) for secret in self.secrets), *of_releases)


def _slim(item: Object) -> None:
    """Takes off what is long and says nothing of the state: which fields somebody wrote, and the schemas of custom resources."""
    written = item["metadata"].pop("managedFields", None)
    if written and item["kind"] not in _WRITTEN_BY_THE_CLUSTER:
        item["metadata"]["managedFields"] = [{name: one[name] for name in _WHO_AND_WHEN if name in one} for one in written]
    if item["kind"] == "CustomResourceDefinition":
        for version in item["spec"].get("versions") or ():
            version.pop("schema", None)


def kinds_of(collector: Collector, raw: Raw) -> list[Resource]:
    """Every kind that there is, asked for once."""
    with raw.asking:
        if raw.kinds is None:
            raw.kinds, silent = discover(collector.site.cluster)
            for version, why in silent.items():
                collector.miss(version, why)
        return raw.kinds


def read_secrets(collector: Collector, raw: Raw) -> None:
    for namespace in collector.site.namespaces:
        found = collector.attempt(f"secrets of {namespace}", partial(_listed, collector, f"/api/v1/namespaces/{namespace}/secrets"))
        raw.secrets += found or []
    raw.releases += filter(None, (release_in(secret) for secret in raw.secrets if secret.get("type") == HELM))


def _listed(collector: Collector, path: str) -> list[Object]:
    return list(collector.site.cluster.list(path))


def read_objects(collector: Collector, raw: Raw, wanted: Iterable[tuple[str, Resource]]) -> None:
    """Each kind at each place, side by side."""
    for_each(lambda one: _read_kind(collector, raw, *one), list(wanted))


def _read_kind(collector: Collector, raw: Raw, place: str, resource: Resource) -> None:
    path = resource.path("" if place == CLUSTER else place)

    def read() -> None:
        for page in collector.site.cluster.pages(path):
            if items := page.get("items"):
                raw.take(place, resource, items)
            collector.check_time()

    collector.attempt(f"{resource.full_name} of {'the cluster' if place == CLUSTER else place}", read)
    collector.say(f"{resource.full_name} of {place}", now=False)


def write_objects(collector: Collector, raw: Raw, places: frozenset[str]) -> None:
    for place, resource in raw.places():
        if place in places:
            path = f"objects/{place}/{resource}.json"
            collector.attempt(path, partial(_write, collector, path, raw.pages(place, resource)))


def write_secrets(collector: Collector, raw: Raw) -> None:
    """Which Secrets there are, and their keys."""
    for namespace in collector.site.namespaces:
        mine = [one for one in raw.secrets if one["metadata"]["namespace"] == namespace]
        path = f"objects/{namespace}/secrets.json"
        if mine:
            shown = (without_values(one, collector.site.redactor) for one in mine)
            collector.attempt(path, partial(collector.save, path, _listed_as_json([shown])))


def _write(collector: Collector, path: str, pages: Iterable[list[Object]]) -> None:
    def shown() -> Iterator[list[Object]]:
        for page in pages:
            collector.check_time()
            yield collector.site.redactor.value(page)

    collector.save(path, _listed_as_json(shown()))


def _listed_as_json(pages: Iterable[Iterable[Object]]) -> Iterator[bytes]:
    """An object a line, so that a line names one."""
    yield b'{"kind": "List", "items": ['
    before = "\n"
    for page in pages:
        yield (before + ",\n".join(json.dumps(one, ensure_ascii=False) for one in page)).encode(errors="replace")
        before = ",\n"
    yield b"]}\n"
