# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a replica of Prometheus or Alertmanager can be restarted without losing what it has stored, and in which order.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .._cluster.pods import ready
from .._core.errors import SalvageError

PROMETHEUS, ALERTMANAGER = "prometheus", "alertmanager"
POD, CONTAINER = "pod", "container"
_STORAGE = {PROMETHEUS: ("--storage.tsdb.path=", "/prometheus"), ALERTMANAGER: ("--storage.path=", "/alertmanager")}


@dataclass(frozen=True)
class Replica:
    """A pod; ``storage`` is where its container stores data, ``volume`` the kind of volume there (empty: none)."""

    name: str
    uid: str
    owner: str
    container: str
    started: str  # which start of the container it is
    storage: str
    volume: str
    ready: bool

    @property
    def keeps_nothing(self) -> bool:
        """Whether what it has stored goes with the pod."""
        return self.volume in ("", "emptyDir")


def replica_of(pod: Mapping[str, Any], component: str) -> Replica:
    """Raises SalvageError(bad_input) for a pod that is none."""
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    found = next((one for one in spec.get("containers") or [] if _is(one, component)), None)
    owner: Mapping[str, Any] = next((one for one in metadata.get("ownerReferences") or [] if one.get("controller")), {})
    if found is None or owner.get("kind") != "StatefulSet":
        what = f"no container of {component}" if found is None else "no StatefulSet that starts it again"
        raise SalvageError(f"the pod {metadata['name']} has {what}; name the address of the Service of {component}", reason="bad_input")
    flag, default = _STORAGE[component]
    given = [str(one).partition("=")[2] for one in found.get("args") or [] if str(one).startswith(flag)]
    storage = PurePosixPath(given[0] if given else default)
    mounts = [one for one in found.get("volumeMounts") or [] if storage.is_relative_to(str(one.get("mountPath")))]
    mount: Mapping[str, Any] = max(mounts, key=lambda one: len(str(one["mountPath"])), default={})
    volume: Mapping[str, Any] = next((one for one in spec.get("volumes") or [] if mount and one.get("name") == mount.get("name")), {})
    states = (pod.get("status") or {}).get("containerStatuses") or []
    status: Mapping[str, Any] = next((one for one in states if one.get("name") == found["name"]), {})
    return Replica(
        metadata["name"],
        metadata["uid"],
        str(owner["name"]),
        str(found["name"]),
        f"{metadata['uid']} {status.get('restartCount', 0)} {status.get('containerID', '')}",
        str(storage),
        next((kind for kind in volume if kind != "name"), ""),
        ready(pod),
    )


def _is(container: Mapping[str, Any], component: str) -> bool:
    image = str(container.get("image", "")).rsplit("/", maxsplit=1)[-1].partition(":")[0]
    return container.get("name") == component or image == component


def restart_method(wish: str, replica: Replica) -> str:
    """An emptyDir goes with its pod, and stays when only the container is restarted."""
    return wish if wish in (POD, CONTAINER) else CONTAINER if replica.volume == "emptyDir" else POD


def in_order(replicas: Sequence[Replica]) -> list[Replica]:
    """Those that are not ready first: nothing is lost with them. Then the last one first, as a StatefulSet has it."""
    return sorted(sorted(replicas, key=lambda one: (len(one.name), one.name), reverse=True), key=lambda one: one.ready)


def why_not_restarted(replicas: Sequence[Replica], wanted: int) -> str:
    """What has to be waited for before one that is ready may be restarted; empty if nothing."""
    bad = sorted(one.name for one in replicas if not one.ready)
    if bad:
        return f"{', '.join(bad)} is not ready"
    return f"{len(replicas)} of {wanted} replicas are there" if len(replicas) < wanted else ""


def log_expiries(data: bytes) -> list[float] | None:
    """When each entry of a notification log expires, in seconds; None if the bytes are not such a log.

    Alertmanager stores the messages ``MeshEntry`` of its ``nflog.proto``, each after its length: ``expires_at`` is their second field.
    """
    try:
        found, at = [], 0
        while at < len(data):
            message, at = _sized(data, at)
            ends = _field(message, 2)
            found.append(float(_field(ends, 1)) if isinstance(ends, bytes) else 0.0)
    except (ValueError, TypeError):
        return None
    return found


def _field(message: bytes, wanted: int) -> Any:
    """The last value of a field: bytes, or a number. 0 where it is left out."""
    value: Any = 0
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        read = {0: _number, 2: _sized}.get(key & 7)
        if read is None:
            raise ValueError(key)
        found, at = read(message, at)
        value = found if key >> 3 == wanted else value
    return value


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _number(data, at)
    if at + size > len(data):
        raise ValueError(size)
    return data[at : at + size], at + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            if value >= 2**63:  # a negative number: no length and no time is one
                break
            return value, at + shift + 1
    raise ValueError(at)
