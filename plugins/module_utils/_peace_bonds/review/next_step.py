# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recommended action for a provider, and its evidence.  Pure; it changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._opa.decide import finite_number
from ..._opa.model import ALLOWED, DENIED, UNKNOWN

KEEP_BLOCK, ADJUST, REVERT, RESTRICT, NOTHING, INVESTIGATE = "keep_block", "adjust_threshold", "revert", "restrict", "none", "investigate"


def recommend(
    decision: Mapping[str, Any],
    summary: Mapping[str, Any],
    *,
    share: float = 0.5,
    margin: float = 0.02,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """``decision`` and ``summary`` are those of peace_bonds_info and peace_bonds_decision_info for one provider.

    ``share``: how much of a provider's denies must be near a threshold to call them false positives.
    ``margin`` and ``settings`` make the change that would let those pass: how far to move a limit, and where the data document has that of
    a field (``a.b.c``).
    """
    name = str(decision.get("provider", ""))
    history = _of(name, summary.get("providers"))
    suspects = summary.get("likely_false_positives") or {}
    near = _of(name, suspects.get("near_threshold"))
    began = _of(name, suspects.get("began_with_revision"))
    denied = int(finite_number(history.get("denied")) or 0)
    allowed = int(finite_number(history.get("allowed")) or 0)
    evidence = {"denied": denied, "allowed": allowed, "unknown": int(finite_number(history.get("unknown")) or 0)}
    status = decision.get("status")
    if status == ALLOWED:
        if denied:
            return _answer(
                RESTRICT, f"{name} is allowed now, but was denied {denied} times in the log: an anomaly until it is understood", evidence
            )
        return _answer(NOTHING, f"{name} is allowed now and was never denied in the log", evidence)
    if status != DENIED:
        return _answer(INVESTIGATE, f"the decision about {name} is unknown: {decision.get('reason') or 'no reason given'}", evidence)
    if began:
        reason = (
            f"{name} was allowed {began.get('allowed_before')} times under revision {began.get('previous_revision')} and denied "
            f"{began.get('denied_since')} times since {began.get('revision')}: the policy changed, not the provider"
        )
        return _answer(REVERT, reason, {**evidence, "began_with_revision": dict(began)})
    within = int(finite_number(near.get("within_margin")) or 0)
    if denied and within / denied >= share:
        closest = {str(field): dict(values) for field, values in (near.get("closest") or {}).items()}
        fields = ", ".join(f"{field} {values.get('value')} at the limit {values.get('limit')}" for field, values in sorted(closest.items()))
        reason = f"{within} of {denied} denies of {name} are within the margin of a threshold: {fields}"
        proposed = {
            settings[field]: round(values["limit"] + (margin if values["value"] > values["limit"] else -margin), 9)
            for field, values in sorted(closest.items())
            if settings and field in settings
        }
        return {
            **_answer(ADJUST, reason, {**evidence, "within_margin": within, "closest": closest}),
            "thresholds": proposed,
            "policy_data": _nested(proposed),
        }
    return _answer(
        KEEP_BLOCK, f"{name} is denied, and {denied - within} of {denied} denies in the log are far from any threshold", evidence
    )


INPUT_FIELDS = {
    "qek": "metrics.qek_value",
    "hvar": "metrics.hvar_value",
    "ethisches_ideal": "metrics.ethisches_ideal",
    "symbiosis_score": "symbiosis_score",
}


def input_of(metrics: Iterable[Mapping[str, Any]], fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The system's part of OPA's input.  An unknown metric is left out: the policies deny incomplete input."""
    fields = INPUT_FIELDS if fields is None else fields
    return _nested(
        {
            fields[item["name"]]: item["value"]
            for item in metrics
            if item.get("name") in fields and item.get("status") != UNKNOWN and finite_number(item.get("value")) is not None
        }
    )


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        place = result
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return result


def _of(name: str, items: Any) -> dict[str, Any]:
    return next((dict(item) for item in items or [] if item.get("provider") == name), {})


def _answer(action: str, reason: str, evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": action, "reason": reason, "evidence": dict(evidence)}
