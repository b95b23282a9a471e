# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError


def test_a_direct_address_needs_no_cluster(web: Any) -> None:
    web.answers["/health"] = {}
    routes = Routes({"token": "s3cret", "kubeconfig": "/nowhere"}, 1.0)
    endpoint = routes.open(web.url)
    assert endpoint.get("/health").status == 200
    assert web.asked[0].headers["authorization"] == ["Bearer s3cret"]
    assert "s3cret" not in repr(endpoint)
    assert routes.open(web.url).http is endpoint.http


def test_an_address_in_the_cluster_carries_the_clusters_login_alone(web: Any) -> None:
    web.answers["/api/v1/namespaces/a/services/api:80/proxy/health"] = {}
    routes = Routes({"token": "service", "host": web.url, "api_key": "cluster"}, 1.0)
    assert routes.open("service://a/api:80").get("/health").status == 200
    assert web.asked[0].headers["authorization"] == ["Bearer cluster"]


def test_no_address_is_no_endpoint() -> None:
    assert Routes({}, 1.0).open_if("") is Routes({}, 1.0).open_if(None) is None


def test_certificates_of_direct_addresses(secure: Any, tmp_path: Path) -> None:
    server, shown = secure
    server.answers["/"] = {}
    with pytest.raises(SalvageError) as caught:
        Routes({}, 1.0).open(server.url).get("/")
    assert caught.value.reason == "tls"
    assert Routes({"ca_path": str(shown.cert_file)}, 1.0).open(server.url).get("/").status == 200
    assert Routes({"validate_certs": False}, 1.0).open(server.url).get("/").status == 200
    with pytest.raises(SalvageError, match=r"^ca_path: there is no file .*; give a PEM file of certificates$"):
        Routes({"ca_path": str(tmp_path / "none.pem")}, 1.0).open(server.url)
