# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the delivery modules share."""

from __future__ import annotations

from dataclasses import dataclass

from .._cluster.defaults import NAMESPACE, WORKLOAD
from .._core.options import option
from .._workloads.workload import KINDS


@dataclass(frozen=True)
class WorkloadOptions:
    kind: str = option("Deployment", choices=list(KINDS))
    name: str = option(WORKLOAD)
    namespace: str = option(NAMESPACE)
    request_timeout: float = option(10.0)
