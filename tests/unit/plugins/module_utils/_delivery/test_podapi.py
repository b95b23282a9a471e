# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod says counts at once; what goes wrong on the way to it is asked again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.podapi import health_of

POD = {"metadata": {"namespace": "n", "name": "p"}, "spec": {"containers": []}}
WELL = Response(200, {"content-type": "application/json"}, b'{"status":"healthy"}', 0.0)
SICK = Response(500, {"content-type": "application/json"}, b'{"status":"failing"}', 0.0)
STUMBLED = Response(500, {"content-type": "application/json"}, b'{"kind":"Status","message":"etcd is slow"}', 0.0)


class Session:
    server = "https://cluster"

    def __init__(self, *answers: Response | str) -> None:
        self.answers = list(answers)
        self.http: Any = self

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise SalvageError(f"the connection broke: {answer}", reason=answer)
        return answer


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((WELL,), ""),
        ((SICK, WELL), "answered 500"),
        ((STUMBLED, WELL), ""),
        (("http_error", "unreachable", WELL), ""),
        ((*(STUMBLED,) * 5, WELL), ""),
        ((*(STUMBLED,) * 6, WELL), "etcd is slow"),
        (("unreachable",) * 6, "unreachable"),
        (("timeout", WELL), "timeout"),  # a pod that is silent must not cost its time again and again
    ],
)
def test_health_of_a_pod(answers: tuple[Response | str, ...], said: str) -> None:
    found = health_of(Session(*answers), POD, "8000", "/health")
    assert said in found
    assert bool(found) == bool(said)
