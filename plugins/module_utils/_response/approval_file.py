# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of an approval: read, or signed and written."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import write_whole
from .._core.json_values import load_json
from .._core.redact import excerpt
from .._sealing.hashing import canonical
from .._sealing.keys import private_key, public_key
from .approval import approval_document, check_approval
from .guard_model import ActionRequest, Grant, GuardDecision, GuardLimits, GuardState
from .guard_options import ApprovalOptions, GuardOptions
from .guard_request import WORD, target_of
from .guard_view import answer_view

_LARGEST = 64 * 1024  # bytes

Check = Callable[[ActionRequest, GuardLimits, float], Grant]


def given_approval(given: ApprovalOptions | None) -> Check | None:
    """What checks the approval that is given; None without one.  Raises SalvageError(bad_input, missing_library) for the keys."""
    if given is None or not (given.path or given.data):
        return None
    if given.path and given.data:
        raise SalvageError("approval has both path and data; give one of them", reason="bad_input")
    if not given.public_keys:
        raise SalvageError("approval.public_keys is empty; give the keys of those who may approve", reason="bad_input")
    keys = {key.key_id: key for key in map(public_key, given.public_keys)}
    document = given.data or _read(Path(given.path or ""))
    if isinstance(document, str):
        problem = document
        return lambda request, limits, now: Grant("", "", problem)
    return lambda request, limits, now: check_approval(document, keys, request, limits, now)


def _read(path: Path) -> Any:
    """The document, or why there is none."""
    try:
        with path.expanduser().open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as exc:
        return f"{path} can't be read: {getattr(exc, 'strerror', None) or 'this is not the name of a file'}"
    if len(data) > _LARGEST:
        return f"{path} is too large"
    try:
        return load_json(data, strict=True)
    except SalvageError:
        return f"{path} is not JSON"


def approve(given: GuardOptions, now: float, *, dry_run: bool) -> dict[str, Any]:
    """The result of state=approved.  Raises SalvageError."""
    options = given.approval or ApprovalOptions()
    target, problem = target_of(given.target)
    if problem:
        raise SalvageError(problem, reason="bad_input")
    if not (target.uid and target.resource_version):
        raise SalvageError("target.uid or target.resource_version is missing; an approval is for one object as it is", reason="bad_input")
    action, plan = given.action or "", given.plan_sha256 or ""
    if not WORD.fullmatch(action) or len(plan) != 64 or set(plan) - set("0123456789abcdef"):
        sentence = "action is not known, or plan_sha256 is not 64 hexadecimal digits; take both from the proposal"
        raise SalvageError(sentence, reason="bad_input")
    approver = excerpt(options.approver or (given.holder.who if given.holder else ""), 100)
    if not options.key or not approver:
        raise SalvageError("approval.key or approval.approver is missing", reason="bad_input")
    key = private_key(options.key)
    path = Path(options.path).expanduser() if options.path else None
    if path and path.exists():
        raise SalvageError(f"{path} exists; an approval is used once, so write each to a file of its own", reason="bad_input")
    document = approval_document(secrets.token_hex(8), target, action, plan, approver, now, key)
    if path and not dry_run:
        try:
            write_whole(path, canonical(document) + b"\n", create_only=True)
        except OSError as exc:
            raise SalvageError(f"{path} can't be written: {exc.strerror}", reason="bad_input") from None
    text = f"{approver} approves {action} on {target.key}"
    return {
        "changed": True,
        **answer_view(GuardDecision("", given.state, text, GuardState())),
        "approval": {} if dry_run else document,
        "diff": {"before": "", "after": f"{text}\n"},
    }
