# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module prometheus_snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from .._cluster.defaults import MONITORING_NAMESPACE
from .._core.options import option


@dataclass(frozen=True)
class SnapshotOptions:
    directory: str = option(type="path")
    state: str = option("created", choices=["created", "verified", "restored"])
    name: str | None = option(None)
    namespace: str = option(MONITORING_NAMESPACE)
    pod: str = option("prometheus-prometheus-operator-kube-p-prometheus-0")
    container: str = option("prometheus")
    port: int = option(9090)
    https: bool = option(default=False)
    path: str = option("")
    sample: str = option("up")
    data_dir: str | None = option(None, type="path")
    recipients: list[str] = option([])
    identity: str | None = option(None, type="path")
    signing_key: str | None = option(None, type="path", no_log=False)
    public_key: str | None = option(None, type="path", no_log=False)
    unsigned: bool = option(default=False)
    cluster: str | None = option(None)
    allow_unknown_cluster: bool = option(default=False)
    promtool: str = option("promtool", type="path")
    timeout: float = option(300.0)
