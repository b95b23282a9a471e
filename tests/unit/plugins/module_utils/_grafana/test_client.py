# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Grafana: its answers are taken for what they are, and never for more."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._grafana.client import Grafana, signed_in
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_grafana import FakeGrafana, answer, dashboard


def test_all_pages_of_a_search_are_read_once(api: Any) -> None:
    fake = FakeGrafana(api)
    fake.saved = {f"u{number}": (dashboard(f"u{number}"), 1, "") for number in range(2300)}
    assert len(fake.client.search()) == 2300
    assert [path for _method, path in fake.asked].count("/api/search") == 3
    fake.asked.clear()
    page = [{"uid": f"u{number}", "title": "x"} for number in range(1000)]
    fake.fault = lambda method, path: answer(page)  # a server that knows no pages
    assert len(fake.client.search()) == 1000 and len(fake.asked) == 2


LIES: dict[str, tuple[str, Any, str]] = {
    "a login page": ("health", Response(200, {"content-type": "text/html"}, b"<html>", 0.0), "is not JSON"),
    "another service": ("health", answer({"status": "ok"}), "it is not Grafana's"),
    "a broken database": ("health", answer({"database": "failing"}), "its database is failing"),
    "no list": ("search", answer({"message": "x"}), "not a list of search results"),
    "a list of texts": ("datasources", answer(["Prometheus"]), "not a list of datasources"),
    "a datasource without a type": ("datasources", answer([{"uid": "a", "name": "b"}]), "one of the answer has no type"),
    "no version": ("dashboard", answer({"dashboard": {}, "meta": {}}), "no dashboard with its version"),
    "a wrong token": ("dashboard", answer({"message": "Invalid API key"}, 401), "answered 401: Invalid API key"),
    "a redirect": ("dashboard", Response(302, {"location": "/login"}, b"", 0.0), "answered 302"),
}


@pytest.mark.parametrize("case", LIES)
def test_an_answer_that_is_none(api: Any, case: str) -> None:
    call, given, words = LIES[case]
    fake = FakeGrafana(api)
    fake.fault = lambda method, path: given
    with pytest.raises(SalvageError, match="http://g/api/") as caught:
        getattr(fake.client, call)(*(["x"] if call == "dashboard" else []))
    assert words in str(caught.value)


def test_a_save_is_on_the_version_that_was_seen(api: Any) -> None:
    fake = FakeGrafana(api)
    grafana = fake.client
    assert grafana.dashboard("one") is None
    grafana.save(dashboard(), None, "f1", "first")
    with pytest.raises(SalvageError, match="changed by someone else") as caught:
        grafana.save(dashboard(), None, "f1", "again")
    assert caught.value.reason == "conflict"
    live = grafana.dashboard("one")
    assert live is not None and (live.version, live.folder_uid, live.provisioned) == (1, "f1", False)
    grafana.delete("one")
    with pytest.raises(SalvageError, match="not found"):
        grafana.delete("one")


def test_a_login_is_in_the_header_and_in_no_sentence() -> None:
    endpoint = signed_in(Endpoint("http://g", "http://g", None), "admin", "s3cret")  # type: ignore[arg-type]
    assert endpoint.headers == {"Authorization": "Basic YWRtaW46czNjcmV0"}
    assert "YWRtaW46" not in repr(Grafana(endpoint))
    with pytest.raises(SalvageError, match="grafana_username") as caught:
        signed_in(endpoint, "a:b", "s3cret")
    assert "s3cret" not in str(caught.value)
