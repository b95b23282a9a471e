# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Which run of Ansible a task belongs to."""

    DOCUMENTATION = r"""
options:
  holder:
    description: Which run this is. The part on the controller fills it in.
    type: dict
    suboptions:
      run:
        description: The identity of the run. The same one is the same holder.
        type: str
        required: true
      who:
        description: Who runs it and where, for people.
        type: str
        required: true
      machine:
        description: The machine, its boot and its container, which the process is on. Empty if it is not known.
        type: str
        default: ''
      pid:
        description: The process of the run.
        type: int
        default: 0
      started:
        description: When the process started, in ticks since the machine booted.
        type: int
        default: 0
"""
