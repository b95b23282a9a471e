# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions that an object's controller has written to its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def holds(obj: Mapping[str, Any], *types: str) -> bool:
    """Whether one of these is true of the object; what is unknown, or not there, is not."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(one.get("type") in types and one.get("status") == "True" for one in conditions)


def established(definition: Mapping[str, Any]) -> bool:
    return holds(definition, "Established")
