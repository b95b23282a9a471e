# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that change the monitoring under its lock."""

    DOCUMENTATION = r"""
options:
  take_over:
    description: Take the lock also if another run holds it and it has not expired. Make sure that this run has ended.
    type: bool
    default: false
  timeout:
    description: Seconds for each request.
    type: float
    default: 10
"""
