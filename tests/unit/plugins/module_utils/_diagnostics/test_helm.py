# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.helm import credentials_of, metadata_of, release_in

RELEASE = {
    "name": "web",
    "namespace": "a",
    "version": 3,
    "info": {"status": "failed", "description": "timed out", "last_deployed": "2026-11-26T12:00:00Z", "notes": "password: x"},
    "chart": {"metadata": {"name": "web", "version": "1.2.3", "appVersion": "4"}, "values": {"secretKey": "chart"}},
    "config": {"db": {"password": "swordfish"}, "replicas": 2},
    "manifest": "kind: Secret",
}


def secret(release: bytes) -> dict[str, Any]:
    return {"data": {"release": base64.b64encode(base64.b64encode(release)).decode()}}


def test_a_release_is_its_names_and_state_without_values_manifest_and_notes() -> None:
    release = release_in(secret(gzip.compress(json.dumps(RELEASE).encode())))
    assert release == RELEASE
    assert metadata_of(release) == {
        "namespace": "a",
        "name": "web",
        "revision": 3,
        "status": "failed",
        "first_deployed": None,
        "last_deployed": "2026-11-26T12:00:00Z",
        "description": "timed out",
        "chart": "web",
        "chart_version": "1.2.3",
        "app_version": "4",
    }
    assert credentials_of([release]) == {"swordfish"}


def test_one_that_is_not_packed_is_read_too() -> None:
    assert release_in(secret(json.dumps(RELEASE).encode())) == RELEASE


@pytest.mark.parametrize("data", [{}, {"release": None}, {"release": "!"}, {"release": base64.b64encode(b"\x1f\x8bno gzip").decode()}])
def test_what_is_none_is_left_out(data: Any) -> None:
    assert release_in({"data": data}) is None
    assert release_in(secret(gzip.compress(b"[1]"))) is None
    assert release_in(secret(gzip.compress(b"0" * 40_000_000))) is None
