# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module backup_info."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .._core.options import from_params
from .._sealing.keys import identity_file, public_key
from .options import READ_ARGUMENTS, STORE_ARGUMENTS, ReadOptions, store_options
from .store.high_water import HighWater
from .store.repository import open_store
from .store.verify import described, list_backups, proven, refuse_foreign

MODULE: dict[str, Any] = {
    "argument_spec": {**STORE_ARGUMENTS, **READ_ARGUMENTS, "name": {"type": "str"}},
    "required_by": {"name": ["identity"]},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    options = from_params(ReadOptions, params)
    now = datetime.now(timezone.utc)
    key = public_key(options.public_key)
    having = identity_file(options.identity) if options.identity else None
    store = open_store(store_options(params))
    HighWater(store, key).check(allow_missing=options.allow_missing)
    found: dict[str, Any] = {"changed": False, "backups": list_backups(store, key, now, options)}
    if having:
        record = proven(store, key, having, params["name"])[0]
        refuse_foreign(record, options)
        found["verified"] = described(record, now)
    return found
