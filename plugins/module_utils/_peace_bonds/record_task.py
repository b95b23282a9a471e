# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of peace_bonds_record: a signed record of a decision."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.options import argument_spec, from_params, option
from .._core.redact import outgoing
from .._core.times import iso
from .._records.chain_head import default_head_file
from .._records.decision_records import write_record
from .._sealing.envelope import signer
from .._sealing.hashing import canonical, digest


@dataclass(frozen=True)
class RecordOptions:
    dir: str = option(type="path")
    key: str = option(type="path", no_log=False)
    decision: str = option(choices=["keep_block", "adjust_threshold", "restrict", "lift", "revert", "none"])
    provider: str = option()
    who: str = option()
    why: str = option()
    reference: str = option("")
    evidence: dict[str, Any] = option({})
    details: dict[str, Any] = option({})
    keys: list[str] = option([], elements="path", no_log=False)
    head: str | None = option(None, type="path")


MODULE: dict[str, Any] = {"argument_spec": argument_spec(RecordOptions), "supports_check_mode": True}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    options = from_params(RecordOptions, params)
    record = {
        "schema": 1,
        "at": iso(int(time.time())),
        **{name: outgoing(getattr(options, name)) for name in ("decision", "provider", "who", "why", "reference", "details")},
        "evidence": {name: digest(canonical({"evidence": value})) for name, value in options.evidence.items()},
    }
    head_file = Path(options.head) if options.head else default_head_file(options.dir)
    accepted = {key.key_id: key for key in map(signer, options.keys)}
    written = write_record(options.dir, record, signer(options.key), head_file, accepted=accepted, dry_run=check_mode)
    return {
        "changed": written.new,
        "file": written.file,
        "record": written.record,
        "head": written.head.to_dict(),
        "head_file": str(head_file),
        "differs": list(written.differs),
        "diff": {"before": {} if written.new else written.record, "after": written.record},
    }
