# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of modules that only read."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return the same, because it only reads.
    support: full
  diff_mode:
    description: Returns what has changed, or would change.
    support: none
    details: It changes nothing.
  idempotent:
    description: Running it again changes nothing.
    support: full
  action_group:
    description: Takes its connection from C(module_defaults) of the action group.
    support: full
    membership:
      - euystacio.meta_salvage.salvage
"""
