# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the check needs: what to look at, what was seen, and namespaces that are asked side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._cluster.http import Endpoint
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import as_text
from .._core.status import CRITICAL, UNKNOWN
from .._metrics.fetch import API_PATH
from .._metrics.model import Evaluation, Profile
from .._metrics.profile import DEFAULT_PROFILE
from .._opa.probe import Probe
from .alerts import DEFAULT_SEVERITIES
from .ignore import IgnoreRule
from .model import Check

# A snapshot of now is asked for, and the API server's watch cache is one (some milliseconds old at most, and the same in every list of a
# kind). It spares etcd a quorum read of every object, which at 5,000 pods is most of the time.
CACHED = {"resourceVersion": "0"}


@dataclass(frozen=True)
class Wanted:
    """What to look at, under which names, by which limits.  Times in seconds, shares from 0 to 1."""

    parts: Sequence[str]
    namespaces: Sequence[str]
    api: Endpoint | None = None
    health_path: str = "/health"
    health_words: Mapping[str, str] = field(default_factory=dict)
    thresholds: Endpoint | None = None
    thresholds_format: str = "auto"
    thresholds_path: str | None = API_PATH
    profile: Profile = DEFAULT_PROFILE
    max_age: float | None = None
    prometheus: Endpoint | None = None
    alertmanager: Endpoint | None = None
    opa: Endpoint | None = None
    opa_namespace: str = ""
    opa_selector: str = ""
    opa_path: str = ""
    probes: Sequence[Probe] = ()
    ignored_alerts: frozenset[str] = frozenset()
    severities: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SEVERITIES)
    ignore: Sequence[IgnoreRule] = ()
    storage_warning: float = 0.8
    storage_critical: float = 0.9
    certificate_warning_days: float = 30.0
    certificate_critical_days: float = 7.0
    backup_path: str = ""
    backup_public_key: str = ""
    backup_max_age: float = 26 * 3600.0
    history: float = 3600.0
    timeout: float = 20.0


@dataclass
class Seen:
    """What parts bring beside their findings."""

    restarts: dict[str, int] | None = None
    evaluations: list[Evaluation] = field(default_factory=list)


def each_namespace(
    namespaces: Sequence[str], ask: Callable[[str], list[dict[str, Any]]]
) -> Iterable[tuple[str, list[dict[str, Any]] | SalvageError]]:
    return gather({namespace: lambda namespace=namespace: ask(namespace) for namespace in namespaces}).items()  # type: ignore[misc]


def namespace_unknown(what: str, namespace: str, exc: SalvageError) -> Check:
    return Check(f"{what}/{namespace}", UNKNOWN, str(exc), {"kind": "Namespace", "name": namespace})


def check_of(look: Callable[[dict[str, Any]], Check | None], group: str, obj: dict[str, Any]) -> Check | None:
    """What ``look`` finds of an object; an object that the API can't give is unknown, and the others are judged all the same."""
    try:
        if not isinstance(obj["metadata"]["name"], str):
            raise TypeError("its metadata.name is not a text")
        return look(obj)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as exc:
        metadata = obj.get("metadata") if isinstance(obj, Mapping) else None
        metadata = metadata if isinstance(metadata, Mapping) else {}
        subject = {"kind": "Object", **{name: as_text(metadata.get(name)) for name in ("namespace", "name") if metadata.get(name)}}
        where = "/".join([group, *(subject[name] for name in ("namespace", "name") if name in subject)])
        return Check(where, UNKNOWN, f"it is not as the API describes it: {type(exc).__name__}: {exc}", subject)


def empty_namespace(session: Cluster, what: str, namespace: str) -> Check:
    """A namespace without pods: not there, or empty, and neither is healthy."""
    subject = {"kind": "Namespace", "name": namespace}
    try:
        session.get_json(f"/api/v1/namespaces/{namespace}")
    except SalvageError as exc:
        if exc.reason == "not_found":
            return Check(f"{what}/{namespace}", CRITICAL, f"there is no namespace {namespace}", subject)
    return Check(f"{what}/{namespace}", UNKNOWN, f"there are no pods in the namespace {namespace}", subject)
