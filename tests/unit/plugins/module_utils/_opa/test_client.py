# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPA's word on itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa


class Answers:
    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        return Response(self.status, {}, self.body, 0.0)


def health(status: int, body: bytes) -> bool:
    found = Opa(Endpoint("http://o", "http://o", Answers(status, body))).health()
    assert found.healthy or found.reason
    return found.healthy


def test_opa_is_healthy_only_if_it_says_so() -> None:
    assert health(200, b"{}")
    assert not health(500, b"{}")


@pytest.mark.parametrize(
    "answer", [None, [], "", "ok", 0, True, {"error": "bundles are not activated"}, {"status": "down"}, {"healthy": True}]
)
def test_any_other_answer_is_not_opas(answer: Any) -> None:
    assert not health(200, json.dumps(answer).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"{} {}"])
def test_what_is_not_json_is_not_opas(body: bytes) -> None:
    assert not health(200, body)
