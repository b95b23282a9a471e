# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_record_info: the records of a folder, verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.options import argument_spec, from_params, option
from .._records.decision_records import verify
from .._sealing.envelope import signer


@dataclass(frozen=True)
class RecordInfoOptions:
    dir: str = option(type="path")
    keys: list[str] = option(elements="path", no_log=False)
    provider: str | None = option(None)
    fail_on_unverified: bool = option(False)


MODULE: dict[str, Any] = {"argument_spec": argument_spec(RecordInfoOptions), "supports_check_mode": True}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    options = from_params(RecordInfoOptions, params)
    keys = [signer(path) for path in options.keys]
    found = verify(options.dir, {key.key_id: key for key in keys})
    bad = [f"{item.name}: {item.problem}" for item in found if item.problem]
    result = {
        "changed": False,
        "records": [item.to_dict() for item in found if options.provider is None or item.record.get("provider") == options.provider],
        "verified": bool(found) and not bad,
        "count": len(found),
    }
    if bad and options.fail_on_unverified:
        msg = f"{len(bad)} of {len(found)} records are not verified: {'; '.join(bad[:3])}"
        return {**result, "failed": True, "msg": msg}
    return result
