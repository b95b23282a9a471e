# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How long work reports its progress."""

    DOCUMENTATION = r"""
options:
  progress:
    description:
      - Show a line for each step while the task runs. Only where the module runs on the controller (a local connection, no C(become),
        no C(async)), and never with C(no_log) or where the output is JSON.
    type: bool
    default: true
  progress_path:
    description: A file, where the module runs, to add a line of JSON to at each step. Its C(says) is what is shown.
    type: path
"""
