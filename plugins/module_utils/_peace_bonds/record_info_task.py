# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_record_info: the records of a folder, verified, and whether the newest are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._records.chain import head_of
from .._records.chain_head import Head, default_head_file, end_problem, read_head
from .._records.decision_records import verify
from .._sealing.envelope import Signer, signer


@dataclass(frozen=True)
class RecordInfoOptions:
    dir: str = option(type="path")
    keys: list[str] = option(elements="path", no_log=False)
    head: str | None = option(None, type="path")
    expected_count: int | None = option(None)
    expected_head: str | None = option(None)
    provider: str | None = option(None)
    fail_on_unverified: bool = option(False)


MODULE: dict[str, Any] = {"argument_spec": argument_spec(RecordInfoOptions), "supports_check_mode": True}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    options = from_params(RecordInfoOptions, params)
    keys = {key.key_id: key for key in map(signer, options.keys)}
    found = verify(options.dir, keys)
    bad = [f"{item.name}: {item.problem}" for item in found if item.problem]
    end = _end_problem(options, [item.digest for item in found], keys)
    result = {
        "changed": False,
        "records": [item.to_dict() for item in found if options.provider is None or item.record.get("provider") == options.provider],
        "verified": bool(found) and not bad and not end,
        "problems": [*bad, *([end] if end else [])],
        "count": len(found),
        "head": head_of(found).to_dict(),
    }
    if options.fail_on_unverified and not result["verified"]:
        msg = (
            f"{len(bad)} of {len(found)} records are not verified: {'; '.join(bad[:3])}"
            if bad
            else end or f"there is no record in {options.dir}"
        )
        return {**result, "failed": True, "msg": msg}
    return result


def _end_problem(options: RecordInfoOptions, digests: list[str], keys: Mapping[str, Signer]) -> str:
    """Why newest records may be missing; empty if what is known of the head says that they are there."""
    path = Path(options.head) if options.head else default_head_file(options.dir)
    try:
        kept = read_head(path, keys)
    except SalvageError as exc:
        return str(exc)
    heads = [kept] if kept else []
    if options.expected_count is not None or options.expected_head:
        heads.append(Head(options.expected_count or 0, (options.expected_head or "").strip().lower()))
    if not heads:
        return f"whether the newest records are there is not known: there is no {path}; give head, or expected_head and expected_count"
    return next((problem for head in heads if (problem := end_problem(digests, head))), "")
