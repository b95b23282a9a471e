# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OPA said of a provider, and how sure of it we may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ALLOWED = "allowed"
DENIED = "denied"
UNKNOWN = "unknown"
REPORTED = "reported"  # the service gives a score without a decision

RISK_LEVELS = ("low", "medium", "high", "critical")

# What the policies read of their input.  An allow on less than this is not believed (the upstream policies fail open on it).
REQUIRED_INPUT = ("provider.trust_weight", "provider.compliance_score", "provider.ethical_alignment", "symbiosis_score")


@dataclass(frozen=True)
class Decision:
    """``status`` is allowed only where ``allow`` is exactly true and nothing contradicts it; unknown always has a ``reason``."""

    status: str
    allow: bool | None = None
    deny: tuple[str, ...] = ()
    risk_score: float | None = None
    risk_level: str | None = None
    action: str | None = None
    reason: str = ""
    path: str = ""
    decision_id: str | None = None
    elapsed: float | None = None
    raw: Any = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For a module's result; ``raw`` stays inside."""
        return {
            "status": self.status,
            "allow": self.allow,
            "deny": list(self.deny),
            "risk_score": self.risk_score,
            "risk_level": self.risk_level,
            "action": self.action,
            "reason": self.reason,
            "path": self.path,
            "decision_id": self.decision_id,
        }


@dataclass(frozen=True)
class OpaHealth:
    """``healthy`` only if OPA says so itself; ``reason`` otherwise."""

    healthy: bool
    reason: str = ""
