# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guard rails decide on: one request, the limits, and the state that all runs share.  Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ADMITTED = "admitted"
REFUSED = "refused"
PROPOSE = "propose"

OUTCOMES = ("ok", "worse", "undone", "failed")
BAD_OUTCOMES = frozenset({"worse", "failed"})  # the world is not as it was before the action, and not as it should be

# An action and the one that takes it back.  Others are named by the option opposite.
OPPOSITES: Mapping[str, str] = {
    "scale_up": "scale_down",
    "scale_down": "scale_up",
    "raise_max_replicas": "lower_max_replicas",
    "lower_max_replicas": "raise_max_replicas",
    "restrict_provider": "restore_provider",
    "restore_provider": "restrict_provider",
    "roll_back": "roll_forward",
    "roll_forward": "roll_back",
}


@dataclass(frozen=True)
class GuardTarget:
    """What an action changes; ``namespace`` is empty for what is in none."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Grant:
    """An approval as it was checked; ``problem`` is why it does not count."""

    id: str
    by: str
    problem: str = ""


@dataclass(frozen=True)
class ActionRequest:
    """One action that a run asks for.

    ``permit`` is the id that it will have, ``clock`` the time of the machine that it runs on, ``problem`` what is missing or wrong in it.
    """

    permit: str
    alert: str
    fingerprint: str
    started_at: float
    target: GuardTarget
    action: str
    environment: str
    run: str
    who: str
    clock: float
    opposite: str = ""
    replicas: int | None = None
    touched: int | None = None
    incident: str = ""
    plan: str = ""
    problem: str = ""

    @property
    def takes_back(self) -> str:
        return self.opposite or OPPOSITES.get(self.action, "")

    @property
    def episode(self) -> str:
        return f"{self.fingerprint}@{self.started_at:.3f}"


@dataclass(frozen=True)
class ClosedTime:
    """A time in which nothing is changed, that is now: why, and until when."""

    reason: str
    until: float


@dataclass(frozen=True)
class GuardLimits:
    """In seconds, numbers and percent."""

    window: float = 3600.0
    max_actions: int = 6
    max_actions_per_incident: int = 3
    cooldown: float = 1800.0
    max_share: float = 50.0
    storm_window: float = 600.0
    storm_targets: int = 5
    storm_share: float = 25.0
    fleet: int = 0
    flap_window: float = 3600.0
    failure_hold: float = 3600.0
    permit_duration: float = 600.0
    approval_max_age: float = 14400.0
    max_clock_skew: float = 60.0
    allowed_actions: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ActionEntry:
    """An action that was admitted.  Without an outcome it is running until ``until``, and after that nobody knows how it ended."""

    permit: str
    at: float
    until: float
    alert: str
    fingerprint: str
    started_at: float
    action: str
    target: str
    incident: str
    run: str
    who: str
    plan: str = ""
    opposite: str = ""
    approval: str = ""
    outcome: str = ""
    finished_at: float = 0.0
    finished_by: str = ""
    note: str = ""

    @property
    def episode(self) -> str:
        return f"{self.fingerprint}@{self.started_at:.3f}"

    @property
    def text(self) -> str:
        return f"{self.action} on {self.target}"


@dataclass(frozen=True)
class AskedEntry:
    """When anything was last asked for on a target; the last of the actions that have an opposite; until when the target is flapping."""

    target: str
    at: float
    action: str = ""
    opposite: str = ""
    action_at: float = 0.0
    flapping_until: float = 0.0


@dataclass(frozen=True)
class DecisionEntry:
    """Decisions that are the same, and how many; ``at`` is the last one."""

    at: float
    first: float
    count: int
    decision: str
    rule: str
    reason: str
    alert: str
    fingerprint: str
    started_at: float
    action: str
    target: str
    run: str


@dataclass(frozen=True)
class PauseEntry:
    by: str
    reason: str
    since: float
    until: float


@dataclass(frozen=True)
class GuardState:
    pause: PauseEntry | None = None
    actions: tuple[ActionEntry, ...] = ()
    asked: tuple[AskedEntry, ...] = ()
    decisions: tuple[DecisionEntry, ...] = ()


@dataclass(frozen=True)
class LimitsUsed:
    """How far the limits are used up, with this decision included."""

    actions: int = 0
    max_actions: int = 0
    incident_actions: int = 0
    max_actions_per_incident: int = 0
    storm_targets: int = 0
    max_storm_targets: int = 0


@dataclass(frozen=True)
class GuardDecision:
    """The answer.  ``rule`` is the token of the reason; ``page`` is whether people must look now; ``state`` is the next one."""

    decision: str
    rule: str
    reason: str
    state: GuardState
    page: bool = False
    permit: str = ""
    until: float = 0.0
    used: LimitsUsed = field(default_factory=LimitsUsed)
