# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of modules that only read, and of those in the action group."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tell what it would without changing anything.
    support: full
    details: It only reads.
  diff_mode:
    description: Shows what changed.
    support: N/A
    details: It changes nothing.
  idempotent:
    description: Running it again changes nothing.
    support: full
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Takes its connection from C(module_defaults) of the action group.
    support: full
    membership:
      - euystacio.meta_salvage.salvage
"""
