# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the API server has established the kinds that were defined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._cluster.conditions import established
from .._cluster.objects import Object
from .._cluster.session import Cluster
from .._cluster.watch import Watch

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def not_established(cluster: Cluster, names: Iterable[str], deadline: float) -> set[str]:
    """The names of the definitions that it has not established by the deadline."""
    wanted = set(names)

    def left(scene: Mapping[str, Mapping[str, Object]]) -> set[str]:
        return {name for name in wanted if not established(scene["it"].get(f"/{name}", {}))}

    if not wanted:
        return set()
    with Watch(cluster, {"it": (_DEFINITIONS, None)}) as watch:
        watch.wait(lambda scene: True if not left(scene) else None, deadline)
        return left(watch.scene)
