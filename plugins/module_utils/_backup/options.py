# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules share which write and read backups."""

from __future__ import annotations

from typing import Any

STORE_ARGUMENTS: dict[str, Any] = {
    "repository": {"type": "path", "required": True},
    "s3_endpoint": {"type": "str"},
    "s3_region": {"type": "str"},
    "s3_access_key": {"type": "str", "no_log": False},
    "s3_secret_key": {"type": "str", "no_log": True},
    "s3_session_token": {"type": "str", "no_log": True},
    "s3_ca_path": {"type": "path"},
}
# For who opens them; `identity` is required where all is read.
READ_ARGUMENTS: dict[str, Any] = {
    "public_key": {"type": "path", "required": True, "no_log": False},
    "identity": {"type": "path"},
}
