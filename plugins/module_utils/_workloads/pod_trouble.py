# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a pod; and the reasons for which the kubelet keeps a container waiting, for a rollout and for health."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .._cluster.pods import ready
from .._core.status import CRITICAL
from .workload import Object, finished

# For health each of these is critical: the container does not run.
SEVERITY: Mapping[str, str] = dict.fromkeys(
    (
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PostStartHookError",
        "CrashLoopBackOff",
    ),
    CRITICAL,
)
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
# These words end a pull for good.  Anything else may pass: the registry, the network or the rate limit.
_PULL_IS_FINAL = re.compile(
    r"(?i)not ?found|manifest unknown|unknown manifest|does not exist|name unknown|unauthorized|authentication required|no basic auth"
    r"|denied|forbidden|invalid|insufficient_scope|no match for platform|no matching manifest|unsupported"
)
# These words mean that the next try may succeed, whatever was tried: nobody answered, or not in time.
_PASSING = re.compile(
    r"(?i)connection (refused|reset|timed out)|timed? ?out|deadline exceeded|too ?many ?requests|rate limit|no such host|no route to host"
    r"|temporary failure|try again|network is unreachable|unexpected EOF|\bEOF$|TLS handshake|unavailable|bad gateway"
    r"|internal server error|\b(status|status code|code)[: ]+(429|5\d\d)\b|failed to sync (configmap|secret) cache"
)
# What a container needs and an operator may make a moment later: an ExternalSecret, a SealedSecret, a Certificate.
_TO_COME = re.compile(r"(?i)(secret|configmap)s? \S+ not found|couldn't find key|references non-existent (secret|config) key")


def may_pass(message: str) -> bool:
    """Whether what failed for this reason may succeed if it is tried again, with nothing changed."""
    return bool(_PASSING.search(_without_names(message)))


def _without_names(message: str) -> str:
    """The message without what it quotes: an image may be called timeout."""
    for name in set(re.findall(r'"([^"]{3,})"', message)):
        message = message.replace(name, "")
    return message


def _is_final(reason: str, message: str) -> bool:
    """Whether a container that waits for this reason can't start until somebody changes the template."""
    if reason not in SEVERITY or reason == "CrashLoopBackOff" or may_pass(message):  # a crash loop ends at its limit of restarts
        return False
    if reason in _PULL:
        return bool(_PULL_IS_FINAL.search(_without_names(message)))
    return not (reason == "CreateContainerConfigError" and _TO_COME.search(message))


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
    if finished(pod):
        why = status.get("reason") or status.get("message") or "no reason given"
        return Trouble(name, f"failed: {why}") if status["phase"] == "Failed" else None
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        restarts = container.get("restartCount") or 0
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        last = f"exit code {ended['exitCode']} ({ended.get('reason', 'Error')})" if "exitCode" in ended else ""
        reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
        if reason in SEVERITY and reason != "CrashLoopBackOff":
            said = f"{reason}: {message}" if message else reason
            return Trouble(name, said, container["name"], restarted=restarts > 0, terminal=_is_final(reason, message))
        if restarts >= max(restart_limit, 1) and not container.get("ready"):
            reason = f"{reason or 'restarts'}: restarted {restarts} times, last {last or 'end unknown'}"
            return Trouble(name, reason, container["name"], restarted=True, terminal=True)
        if reason == "CrashLoopBackOff" or (restarts and not container.get("ready")):
            reason = reason or "restarted"
            return Trouble(name, f"{reason}{', last ' + last if last else ''}", container["name"], restarted=restarts > 0)
    unscheduled = next((c for c in status.get("conditions") or [] if c.get("type") == "PodScheduled" and c.get("status") == "False"), None)
    if unscheduled:
        return Trouble(name, f"not scheduled: {unscheduled.get('message') or unscheduled.get('reason', '')}")
    if not ready(pod):
        unready = [c["name"] for c in status.get("containerStatuses") or [] if not c.get("ready")]
        return Trouble(name, f"not ready{': ' + ', '.join(unready) if unready else ''}", unready[0] if unready else "")
    return None
