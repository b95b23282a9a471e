# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the delivery modules share."""

from __future__ import annotations

from typing import Any

from .._workloads.workload import KINDS

WORKLOAD_ARGUMENTS: dict[str, Any] = {
    "kind": {"type": "str", "choices": list(KINDS), "default": "Deployment"},
    "name": {"type": "str", "default": "euystacio-api"},
    "namespace": {"type": "str", "default": "euystacio-ai"},
    "request_timeout": {"type": "float", "default": 10.0},
}
