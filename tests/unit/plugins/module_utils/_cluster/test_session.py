# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.retry import ONCE
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster, body_bytes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from hypothesis import given
from hypothesis import strategies as st

PODS = "/api/v1/namespaces/a/pods"


@pytest.fixture
def session(web: Any) -> Cluster:
    return Cluster(web.url + "/", Http(timeout=2.0), retry=ONCE)


def refusal(code: int, message: str, **more: Any) -> tuple[int, str, str]:
    return code, "application/json", json.dumps({"kind": "Status", "code": code, "message": message, **more})


def page(token: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"kind": "PodList", "metadata": {"continue": token}, "items": [{"metadata": {"name": name}} for name in names], **more}


def names_in(items: Iterable[dict[str, Any]]) -> str:
    return " ".join(item["metadata"]["name"] for item in items)


def failure(action: Any) -> tuple[str, str]:
    with pytest.raises(SalvageError) as caught:
        action()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return caught.value.reason, sentence


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("\U0001f680", "\U0001f680"),
        ("a\U0001f525\U0001f44d\U0010ffff", "a\U0001f525\U0001f44d\U0010ffff"),
        ("\\\U0001f680", "\\\\\U0001f680"),
        ("\\ud83d\\ude80", "\\\\ud83d\\\\ude80"),  # the text of an escape is no escape
        ("\\ud83d\ude80", "\\\\ud83d\\ude80"),
        ("\u2705\x01\x7f\x85\ufeff\u2028", "\u2705\\u0001\\u007f\\u0085\\ufeff\\u2028"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_a_body_is_json_that_yaml_takes(text: str, sent: str) -> None:
    data = body_bytes({"k": text})
    assert data == f'{{"k": "{sent}"}}'.encode()
    assert json.loads(data) == {"k": text}


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=6), max_size=2))
def test_yaml_and_json_read_the_same_in_a_body(body: dict[str, str]) -> None:
    data = body_bytes(body)
    assert json.loads(data) == body == (yaml.safe_load(data.decode()) or {})


def test_a_text_takes_no_more_than_its_own_size() -> None:
    text = "ü漢🚀" * 1000
    assert len(body_bytes(text)) == len(text.encode()) + 2


def test_an_object(web: Any, session: Cluster) -> None:
    web.answers[f"{PODS}/p"] = {"kind": "Pod"}
    assert session.get_json(f"{PODS}/p") == {"kind": "Pod"}
    assert web.asked[0].headers["accept"] == ["application/json"]


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (refusal(401, "Unauthorized"), "unauthorized", " answered 401: Unauthorized; the login is not valid (any more), get a new one"),
        (
            refusal(403, 'pods is forbidden: User "u" cannot list'),
            "forbidden",
            ' answered 403: pods is forbidden: User "u" cannot list; ask for the right to it, or leave it out',
        ),
        (refusal(404, "no such resource"), "not_found", " answered 404: no such resource"),
        (refusal(410, "too old"), "conflict", " answered 410: too old"),
        (refusal(500, "etcdserver: leader changed"), "http_error", " answered 500: etcdserver: leader changed"),
        ((503, "text/plain", "busy\nnow"), "http_error", " answered 503: busy now"),
        ((302, "text/html", "<a>login</a>"), "http_error", " answered 302"),
        ((200, "text/html", "<html>\n"), "invalid", " is not a Kubernetes API: expected JSON, got 7 bytes that start with '<html>\\n'"),
        ((200, "application/json", "[]"), "invalid", " answered with something that is not a Kubernetes object"),
    ],
)
def test_refusals_say_who_what_and_what_to_do(web: Any, session: Cluster, answer: Any, reason: str, says: str) -> None:
    web.answers[PODS] = answer
    assert failure(lambda: session.get_json(PODS)) == (reason, f"{web.url}{PODS}{says}")
    assert failure(lambda: list(session.list(PODS))) == (reason, f"{web.url}{PODS}{says}")


def test_an_expired_client_certificate_is_told(web: Any, pem: Any) -> None:
    web.answers[PODS] = refusal(401, "Unauthorized")
    session = Cluster(web.url, Http(), certificate=pem(days=-2).certificate)
    assert "; the client certificate expired on 20" in failure(lambda: session.get_json(PODS))[1]
    session = Cluster(web.url, Http(), certificate=pem(days=2).certificate)
    assert "; the login is not valid" in failure(lambda: session.get_json(PODS))[1]


def test_a_list_is_read_page_by_page(web: Any, session: Cluster) -> None:
    pages = {"": page("t1", "a", "b"), "t1": page("t2", "c"), "t2": page("", "d")}
    web.answers[PODS] = lambda asked: pages[asked.query.get("continue", "")]
    assert names_in(session.list(PODS, {"labelSelector": "app=x"}, limit=2)) == "a b c d"
    assert {(asked.query["limit"], asked.query["labelSelector"]) for asked in web.asked} == {("2", "app=x")}


def test_the_version_is_asked_for_once(web: Any, session: Cluster) -> None:
    # The API server refuses a continued list that names a version beside its token.
    def answer(asked: Any) -> Any:
        if "continue" in asked.query and asked.query.keys() & {"resourceVersion", "resourceVersionMatch"}:
            return refusal(400, "resourceVersionMatch is forbidden when continue is set")
        return page("" if "continue" in asked.query else "t1", str(len(web.asked)))

    web.answers[PODS] = answer
    assert names_in(session.list(PODS, {"resourceVersion": "7", "resourceVersionMatch": "Exact"})) == "1 2"


def test_a_version_that_is_forgotten_goes_on_with_the_present_one(web: Any, session: Cluster) -> None:
    fresh = refusal(410, "The provided continue parameter is too old", metadata={"continue": "fresh"})
    pages = {"": page("t1", "a"), "t1": fresh, "fresh": page("", "b")}
    web.answers[PODS] = lambda asked: pages[asked.query.get("continue", "")]
    assert names_in(session.list(PODS)) == "a b"
    exact = {"resourceVersion": "7", "resourceVersionMatch": "Exact"}
    assert failure(lambda: list(session.list(PODS, exact)))[0] == "conflict"


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"metadata": 3}', '{"metadata": {"continue": "t1"}}'])
def test_a_version_that_is_forgotten_without_an_offer(web: Any, session: Cluster, body: str) -> None:
    web.answers[PODS] = lambda asked: (410, "application/json", body) if "continue" in asked.query else page("t1", "a")
    assert failure(lambda: list(session.list(PODS)))[0] == "conflict"


def test_a_list_without_end(web: Any, session: Cluster) -> None:
    web.answers[PODS] = page("t1", "a")
    assert failure(lambda: list(session.list(PODS))) == ("invalid", f"{web.url}{PODS} gives the same page again and again")


def test_a_list_that_goes_in_a_circle(web: Any, session: Cluster) -> None:
    web.answers[PODS] = lambda asked: page({"t1": "t2"}.get(asked.query.get("continue", ""), "t1"), str(len(web.asked)))
    assert failure(lambda: list(islice(session.list(PODS), 50))) == ("invalid", f"{web.url}{PODS} gives the same page again and again")


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_a_list_that_never_gets_on_though_its_tokens_are_new(web: Any, session: Cluster, names: tuple[str, ...]) -> None:
    web.answers[PODS] = lambda asked: page(f"t{len(web.asked)}" if len(web.asked) < 300 else "", *names)
    assert failure(lambda: list(session.list(PODS))) == ("invalid", f"{web.url}{PODS} gives the same page again and again")


def test_a_page_may_be_empty(web: Any, session: Cluster) -> None:
    web.answers[PODS] = lambda asked: {1: page("t1", "a"), 2: page("t2"), 3: page("", "b")}[len(web.asked)]
    assert names_in(session.list(PODS)) == "a b"


def test_offers_of_the_present_version_in_a_circle(web: Any, session: Cluster) -> None:
    def answer(asked: Any) -> Any:
        token = asked.query.get("continue", "")
        if len(web.asked) > 50:
            return page("")
        return refusal(410, "too old", metadata={"continue": "b" if token == "a" else "a"}) if token else page("a", "x")

    web.answers[PODS] = answer
    assert failure(lambda: list(session.list(PODS)))[0] == "conflict"


@pytest.mark.parametrize("body", ["{}", '{"kind": "Status", "status": "Failure"}', '{"kind": "Pod", "metadata": {}}', '{"items": {}}'])
def test_an_answer_that_is_not_a_list_is_not_an_empty_list(web: Any, session: Cluster, body: str) -> None:
    web.answers[PODS] = (200, "application/json", body)
    assert failure(lambda: list(session.list(PODS))) == ("invalid", f"{web.url}{PODS} gives no list")


def test_a_list_that_ends_before_its_rest(web: Any, session: Cluster) -> None:
    web.answers[PODS] = (200, "application/json", '{"metadata": {"remainingItemCount": 3}, "items": [{"metadata": {"name": "a"}}]}')
    assert failure(lambda: list(session.list(PODS))) == ("invalid", f"{web.url}{PODS} ends although 3 more objects remain")


@pytest.mark.parametrize("metadata", ['"x"', "[1]", '{"continue": 5}', '{"continue": {"a": 1}}', '{"continue": ["a"]}'])
def test_a_list_with_metadata_that_no_server_sends(web: Any, session: Cluster, metadata: str) -> None:
    web.answers[PODS] = (200, "application/json", f'{{"kind": "PodList", "items": [], "metadata": {metadata}}}')
    assert failure(lambda: list(session.list(PODS))) == ("invalid", f"{web.url}{PODS} gives no list")


@pytest.mark.parametrize(
    "item", ["1", "null", "{}", '{"metadata": {"name": ""}}', '{"metadata": null}', '{"metadata": {}}', '{"metadata": {"name": 1}}', "[]"]
)
def test_a_list_of_what_is_not_an_object(web: Any, session: Cluster, item: str) -> None:
    web.answers[PODS] = (200, "application/json", f'{{"items": [{{"metadata": {{"name": "a"}}}}, {item}]}}')
    reason, says = failure(lambda: list(session.list(PODS)))
    assert (reason, says) == ("invalid", f"{web.url}{PODS} gives a list with something in it that has no name")


COLUMNS = [{"name": "Name"}, {"name": "Ready"}, {"name": "Status"}]


def test_tables_are_read_by_their_columns_names(web: Any, session: Cluster) -> None:
    first = page("t1", kind="Table", columnDefinitions=COLUMNS, rows=[{"cells": ["p", "1/1", "Running"]}])
    # later pages of some servers have no definitions, and a wider row is cut
    second = page("", kind="Table", columnDefinitions=None, rows=[{"cells": ["q", "0/1", "Pending", "more"]}])
    web.answers[PODS] = lambda asked: second if "continue" in asked.query else first
    assert session.table(PODS) == [
        {"Name": "p", "Ready": "1/1", "Status": "Running"},
        {"Name": "q", "Ready": "0/1", "Status": "Pending"},
    ]
    assert web.asked[0].query["includeObject"] == "None"
    assert "as=Table" in web.asked[0].headers["accept"][0]


def test_an_empty_table(web: Any, session: Cluster) -> None:
    web.answers[PODS] = page("", kind="Table", columnDefinitions=COLUMNS, rows=None)
    assert session.table(PODS) == []


@pytest.mark.parametrize(
    "given", [{"rows": [1]}, {"rows": [{}]}, {"rows": [{"cells": None}]}, {"columnDefinitions": [1]}, {"columnDefinitions": [{}]}]
)
def test_a_table_of_another_form(web: Any, session: Cluster, given: dict[str, Any]) -> None:
    web.answers[PODS] = page("", **{"kind": "Table", "columnDefinitions": COLUMNS, "rows": [], **given})
    assert failure(lambda: session.table(PODS)) == ("invalid", f"{web.url}{PODS} gives no table")


def test_a_server_without_tables(web: Any, session: Cluster) -> None:
    web.answers[PODS] = page("", "p")
    assert failure(lambda: session.table(PODS)) == ("invalid", f"{web.url}{PODS} gives no table")
