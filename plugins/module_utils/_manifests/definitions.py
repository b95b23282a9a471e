# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the API server knows the namespaces and kinds that came a moment ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from .._cluster.conditions import established
from .._cluster.http import Response
from .._cluster.objects import Object
from .._cluster.session import Cluster
from .._cluster.watch import Watch

_PAUSE = 0.1
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


def sent_until_known(send: Callable[[], Response], deadline: float) -> Response:
    """The answer to a write, sent again until the deadline while a part of the API server does not know its place or kind yet."""
    while (answer := send()).status == 404 and time.monotonic() <= deadline:
        time.sleep(_PAUSE)
    return answer


def until_listed(look: Callable[[], bool], deadline: float) -> bool:
    """Whether discovery, which can't be watched, lists by the deadline what ``look`` asks it for."""
    while not (found := look()) and time.monotonic() <= deadline:
        time.sleep(_PAUSE)
    return found
