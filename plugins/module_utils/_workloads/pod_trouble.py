# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a pod; and the reasons for which the kubelet keeps a container waiting, for a rollout and for health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._cluster.pods import ready
from .._core.status import CRITICAL
from .workload import Object

# True: final, the container can't start until somebody changes something.  False: the next try may succeed.
_IS_FINAL: Mapping[str, bool] = {
    "ErrImagePull": False,
    "CrashLoopBackOff": False,  # a rollout ends at its limit of restarts
    "ImagePullBackOff": True,
    "InvalidImageName": True,
    "ErrImageNeverPull": True,
    "ImageInspectError": True,
    "RegistryUnavailable": True,
    "SignatureValidationFailed": True,
    "CreateContainerConfigError": True,
    "CreateContainerError": True,
    "RunContainerError": True,
    "PostStartHookError": True,
}
FINAL_REASONS = frozenset(reason for reason, final in _IS_FINAL.items() if final)
# For health each of these is critical, also a temporary one: the container does not run.
SEVERITY: Mapping[str, str] = dict.fromkeys(_IS_FINAL, CRITICAL)


# With these messages a final reason is temporary: the kubelet, or the runtime, was too slow.
_PASSING = ("failed to sync configmap cache", "failed to sync secret cache", "context deadline exceeded")


@dataclass(frozen=True)
class Trouble:
    """A pod that is not well, and the container to ask."""

    pod: str
    reason: str
    container: str = ""
    restarted: bool = False
    terminal: bool = False


def trouble_of(pod: Object, restart_limit: int = 2) -> Trouble | None:
    """What is wrong with a pod, the most telling thing first."""
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        return None
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        restarts = container.get("restartCount", 0)
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        last = f"exit code {ended['exitCode']} ({ended.get('reason', 'Error')})" if "exitCode" in ended else ""
        if waiting.get("reason") in FINAL_REASONS:
            message = waiting.get("message") or ""
            said = f": {message}" if message else ""
            terminal = not any(words in message for words in _PASSING)
            return Trouble(name, f"{waiting['reason']}{said}", container["name"], restarted=restarts > 0, terminal=terminal)
        if restarts >= max(restart_limit, 1) and not container.get("ready"):
            reason = f"{waiting.get('reason') or 'restarts'}: restarted {restarts} times, last {last or 'end unknown'}"
            return Trouble(name, reason, container["name"], restarted=True, terminal=True)
        if waiting.get("reason") in {"CrashLoopBackOff", "ErrImagePull"} or (restarts and not container.get("ready")):
            reason = waiting.get("reason") or "restarted"
            return Trouble(name, f"{reason}{', last ' + last if last else ''}", container["name"], restarted=restarts > 0)
    unscheduled = next((c for c in status.get("conditions") or [] if c.get("type") == "PodScheduled" and c.get("status") == "False"), None)
    if unscheduled:
        return Trouble(name, f"not scheduled: {unscheduled.get('message') or unscheduled.get('reason', '')}")
    if status.get("phase") == "Failed":
        return Trouble(name, f"failed: {status.get('reason') or status.get('message') or 'no reason given'}")
    if not ready(pod):
        unready = [c["name"] for c in status.get("containerStatuses") or [] if not c.get("ready")]
        return Trouble(name, f"not ready{': ' + ', '.join(unready) if unready else ''}", unready[0] if unready else "")
    return None
