# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Which workload the delivery modules are about."""

    DOCUMENTATION = r"""
options:
  kind:
    description: The kind of the workload.
    type: str
    choices: [Deployment, StatefulSet, DaemonSet]
    default: Deployment
  name:
    description: The workload's name.
    type: str
    default: euystacio-api
  namespace:
    description: The workload's namespace.
    type: str
    default: euystacio-ai
  request_timeout:
    description: Seconds for each request to the API server. Requests that are safe to repeat are repeated if it fails temporarily.
    type: float
    default: 10.0
"""
