# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster this is."""

from __future__ import annotations

from .._core.errors import SalvageError
from .objects import read
from .session import Cluster


def cluster_uid(cluster: Cluster) -> str:
    """The UID of the namespace kube-system, which lives as long as the cluster; empty where it can't be read."""
    try:
        namespace = read(cluster, "/api/v1/namespaces/kube-system") or {}
    except SalvageError as exc:
        if exc.reason != "forbidden":
            raise
        return ""
    return str((namespace.get("metadata") or {}).get("uid") or "")
