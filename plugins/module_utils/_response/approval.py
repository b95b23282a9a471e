# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An approval: what a person signed, and whether it is for just this action.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .._core.redact import excerpt
from .._core.times import iso, span, when
from .._records.signed_document import problem_of, sign_document
from .._sealing.envelope import Signer
from .guard_model import ActionRequest, Grant, GuardLimits, GuardTarget

DOCUMENT = "approval"
_TEXTS = ("id", "action", "plan_sha256", "approver", "created")
_TARGET = ("kind", "namespace", "name", "uid", "resource_version")
_ID = re.compile(r"[0-9a-f]{16,64}")


def approval_document(ident: str, target: GuardTarget, action: str, plan: str, approver: str, now: float, key: Signer) -> dict[str, Any]:
    content = {
        "id": ident,
        "action": action,
        "plan_sha256": plan,
        "approver": approver,
        "created": iso(int(now)),
        "target": asdict(target),
    }
    return sign_document(DOCUMENT, content, key)


def check_approval(document: object, keys: Mapping[str, Signer], request: ActionRequest, limits: GuardLimits, now: float) -> Grant:
    """Authenticated before anything in it is believed."""
    try:
        if not isinstance(document, Mapping) or set(document) != {DOCUMENT, "signature"}:
            return Grant("", "", "it is not a signed approval")
        content = document[DOCUMENT]
        problem = problem_of(DOCUMENT, document, keys)
        if problem:
            return Grant("", "", problem)
        target = content["target"]
        if set(content) != {*_TEXTS, "target"} or set(target) != set(_TARGET):
            return Grant("", "", "it does not have the fields of an approval")
        texts = [*(content[name] for name in _TEXTS), *target.values()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return Grant("", "", "it is not a signed approval")
    if not all(isinstance(one, str) for one in texts) or not _ID.fullmatch(content["id"]):
        return Grant("", "", "it does not have the fields of an approval")
    by = excerpt(content["approver"], 100)
    return Grant(content["id"], by, _other_action(content, request) or _wrong_age(content, limits, now))


def _other_action(content: Mapping[str, Any], request: ActionRequest) -> str:
    target = request.target
    if not (target.uid and target.resource_version and request.plan):
        return "it counts only for a target with uid and resource_version and for a plan with plan_sha256"
    pairs = [("action", content["action"], request.action), ("plan_sha256", content["plan_sha256"], request.plan)]
    pairs += [(f"target.{name}", content["target"][name], getattr(target, name)) for name in _TARGET]
    for name, found, wanted in pairs:
        if found != wanted:
            return f"it is for another {name}, {excerpt(found, 80)!r} and not {excerpt(wanted, 80)!r}"
    return ""


def _wrong_age(content: Mapping[str, Any], limits: GuardLimits, now: float) -> str:
    created = when(content["created"])
    if created is None or created - now > limits.max_clock_skew:
        return f"it was created at {excerpt(content['created'], 40)!r}, which is not a time in the past"
    age, most = now - created, limits.approval_max_age
    return "" if age <= most else f"it is {span(age)} old, and {span(most)} are allowed (approval_max_age)"
