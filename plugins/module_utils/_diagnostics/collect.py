# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All collectors, side by side; what each got and what it could not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .._core.gather import for_each
from .._redaction.file_secrets import secret_values_in
from .._redaction.redactor import Redactor
from .bundle import trim_logs
from .collector import Collector, Site, path_in
from .event_groups import group_events
from .existing import redact_into
from .helm import metadata_of
from .logs import collect_logs
from .objects import (
    CLUSTER,
    OF_CLUSTER,
    Raw,
    is_of_namespace,
    kinds_of,
    read_objects,
    read_secrets,
    write_objects,
    write_secrets,
)
from .openshift import collect_openshift
from .rollout_history import histories, history_kinds
from .services import collect_alerts, collect_opa, collect_prometheus, collect_usage, listed

_SECRETS = "secrets"
_NEED_OBJECTS = frozenset({"objects", "logs", "rollouts"})


@dataclass(frozen=True)
class Collected:
    collectors: list[dict[str, Any]]
    redactor: Redactor


def collect(site: Site, wanted: tuple[str, ...]) -> Collected:
    """Fills the bundle of ``site``.

    First what says what is secret: the Secrets that the login may read, and the objects.  Then all others, redacted.
    """
    raw = Raw()
    collectors = {name: Collector(name, site) for name in (_SECRETS, *wanted)}
    read_first(collectors, raw, wanted)
    site = replace(site, redactor=redactor_of(raw, site))
    works = works_of(raw, site.params)
    todo: list[Callable[[], None]] = [lambda: collectors[_SECRETS].run(lambda it: write_secrets(it, raw))]
    for name in wanted:
        collectors[name].site = site
        todo.append(partial(collectors[name].run, works[name]))
    collectors[_SECRETS].site = site
    for_each(lambda work: work(), todo)
    if "logs" in collectors:
        trim(collectors["logs"], raw)
    outcomes = [collectors[name].outcome() for name in collectors]
    return Collected(site.redactor.value(outcomes), site.redactor)


def redactor_of(raw: Raw, site: Site, more: Iterable[bytes] = ()) -> Redactor:
    return Redactor([*raw.known(), *more], site.query.redact_names, os.urandom(32))


def redact_again(site: Site, files: Iterable[tuple[str, bytes]]) -> Collected:
    """Fills the bundle of ``site`` with files that are there already.  Secret is what the Secrets hold, of the cluster and of the files."""
    raw, held = Raw(), dict(files)
    secrets = Collector(_SECRETS, site)
    secrets.run(lambda it: read_secrets(it, raw))
    redactor = redactor_of(raw, site, secret_values_in(held))
    rest = Collector("redact", site)
    for name, data in held.items():
        redact_into(site.bundle, name, data, redactor)
        rest.say(name, now=False)
    return Collected([secrets.outcome(), rest.outcome()], redactor)


def read_first(collectors: dict[str, Collector], raw: Raw, wanted: tuple[str, ...]) -> None:
    def read(name: str) -> None:
        if name == _SECRETS:
            collectors[name].run(lambda it: read_secrets(it, raw))
        elif name == "objects":
            reader = collectors.get(name) or collectors[next(one for one in wanted if one in _NEED_OBJECTS)]
            reader.run(lambda it: _read_namespaces(it, raw))
        elif name in collectors:
            collectors[name].run(lambda it: _read_cluster(it, raw))

    for_each(read, [_SECRETS, *(["objects"] if _NEED_OBJECTS & set(wanted) else []), "cluster"])


def _read_namespaces(collector: Collector, raw: Raw) -> None:
    collector.say("reads the objects")
    kinds = [kind for kind in kinds_of(collector, raw) if is_of_namespace(kind)]
    read_objects(collector, raw, [(place, kind) for place in collector.site.namespaces for kind in kinds])
    there = {place for place, _resource in raw.places()}
    for place in collector.site.namespaces:
        if place not in there:
            collector.miss(f"namespace {place}", "no object of it could be read, not even a ServiceAccount; check its name")


def _read_cluster(collector: Collector, raw: Raw) -> None:
    kinds = [kind for kind in kinds_of(collector, raw) if kind.full_name in OF_CLUSTER]
    read_objects(collector, raw, [(CLUSTER, kind) for kind in kinds])


def works_of(raw: Raw, params: dict[str, Any]) -> dict[str, Callable[[Collector], None]]:
    """What each collector does when it is known what is secret."""
    return {
        "objects": lambda it: write_objects(it, raw, frozenset(it.site.namespaces)),
        "cluster": lambda it: write_objects(it, raw, frozenset({CLUSTER})),
        "events": collect_events,
        "logs": lambda it: collect_logs(it, raw.logs),
        "usage": collect_usage,
        "rollouts": lambda it: collect_rollouts(it, raw),
        "opa": collect_opa,
        "prometheus": collect_prometheus,
        "alerts": collect_alerts,
        "helm": lambda it: collect_helm(it, raw),
        "openshift": lambda it: collect_openshift(it, kinds_of(it, raw), params),
    }


def collect_events(collector: Collector) -> None:
    """Those of the namespaces, and those about nodes."""
    site = collector.site
    places: dict[str, dict[str, str]] = {"default": {"fieldSelector": "involvedObject.kind=Node"}, **{name: {} for name in site.namespaces}}
    found = []
    for place, query in places.items():
        read = partial(listed, site, f"/api/v1/namespaces/{place}/events", query)
        found += collector.attempt(f"events of {place}", read) or []
    collector.save_lines("events.jsonl", group_events(found))


def collect_rollouts(collector: Collector, raw: Raw) -> None:
    found: list[dict[str, Any]] = []
    for namespace in collector.site.namespaces:
        for kind, resource, keepers in history_kinds():
            here = histories(kind, raw.items(namespace, resource), raw.items(namespace, keepers), collector.site.redactor.value)
            found += collector.attempt(f"{kind} of {namespace}", partial(list, here)) or []
    collector.save("rollouts.json", [json.dumps(found, ensure_ascii=False).encode(errors="replace")])


def collect_helm(collector: Collector, raw: Raw) -> None:
    """Of each release what it is and how it went; it is read with the Secrets."""
    if not raw.releases:
        collector.skip("no Secret of a Helm release was read in the namespaces")
    else:
        collector.save_json("helm/releases.json", [metadata_of(one) for one in raw.releases])


def trim(collector: Collector, raw: Raw) -> None:
    """The logs' oldest lines go, where the bundle would be larger than it may be."""
    bundle = collector.site.bundle
    logs = sum(bundle.held(path).size for path in bundle if path.startswith("logs/"))
    in_trouble = frozenset(path_in(collector.site.redactor, source.path) for source in raw.logs if not source.well)
    before, gone = trim_logs(bundle, in_trouble, max(0, bundle.most - (bundle.size - logs)))
    if gone:
        collector.note(f"max_size: {gone} bytes of log lines up to {before}Z were left out, those of pods in trouble last")
