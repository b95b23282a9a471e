# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file of a dashboard has to be, and what its queries become."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._grafana.dashboards import CONFIG_MAP_BYTES, dashboard_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._grafana.queries import with_samples
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_grafana import dashboard
from hypothesis import given
from hypothesis import strategies as st

PANEL = dashboard()["panels"][0]


def read(model: Any) -> Any:
    return dashboard_of(json.dumps(model).encode(), "a.json")


def test_a_good_dashboard() -> None:
    row = {"id": 2, "type": "row", "title": "More", "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1}, "panels": [{**PANEL, "id": 3}]}
    label = {"name": "pod", "type": "query", "datasource": "default", "query": {"query": 'label_values(up{a=~"$b"}, pod)', "refId": "A"}}
    names = {"name": "names", "type": "query", "query": "label_names()"}
    found = read({**dashboard(), "panels": [PANEL, row], "templating": {"list": [label, names]}})
    assert (found.uid, found.title) == ("one", "One")
    assert [(one.where, one.expression) for one in found.queries] == [
        ("the panel 'Up', query 'A'", "sum(up)"),
        ("the panel 'Up', query 'A'", "sum(up)"),
        ("the variable pod", 'up{a=~"$b"}'),
    ]


BAD: dict[str, tuple[Any, str]] = {
    "no object": ([], "not a JSON object"),
    "an answer of the API": ({"dashboard": dashboard(), "meta": {}}, "under the key dashboard"),
    "a resource": ({"apiVersion": "dashboard.grafana.app/v2", "kind": "Dashboard", "spec": {}}, "classic JSON"),
    "an export to share": ({**dashboard(), "__inputs": [{"name": "DS"}]}, "__inputs"),
    "rows": ({**dashboard(), "rows": []}, "Grafana 4"),
    "a field that nobody knows": ({**dashboard(), "widgets": []}, "knows no field 'widgets'"),
    "no uid": ({**dashboard(), "uid": None}, "its uid is None"),
    "a uid that is a path": (dashboard(uid="../x"), "its uid is '../x'"),
    "a long uid": (dashboard(uid="x" * 41), "1 to 40 letters"),
    "no title": (dashboard(title=" "), "its title is ' '"),
    "a title on two lines": (dashboard(title="a\nb"), "one line of text"),
    "no schemaVersion": ({**dashboard(), "schemaVersion": True}, "its schemaVersion is True"),
    "no panels": ({**dashboard(), "panels": []}, "no panels"),
    "panels that are no list": ({**dashboard(), "panels": {}}, "panels are {}"),
    "a panel that is text": ({**dashboard(), "panels": ["a"]}, "a panel is 'a'"),
    "a panel without an id": ({**dashboard(), "panels": [{**PANEL, "id": None}]}, "no number as its id"),
    "two panels of one id": ({**dashboard(), "panels": [PANEL, PANEL]}, "the same id"),
    "a panel without a type": ({**dashboard(), "panels": [{**PANEL, "type": None}]}, "no type"),
    "a panel beside the grid": ({**dashboard(), "panels": [{**PANEL, "gridPos": {"x": 20, "y": 0, "w": 8, "h": 4}}]}, "24 columns"),
    "a panel without a place": ({**dashboard(), "panels": [{**PANEL, "gridPos": None}]}, "no gridPos"),
    "a library panel": ({**dashboard(), "panels": [{**PANEL, "libraryPanel": {"uid": "x"}}]}, "unlink it"),
    "a query that is no text": ({**dashboard(), "panels": [{**PANEL, "targets": [{"expr": 1}]}]}, "is 1, not text"),
    "targets that are no list": ({**dashboard(), "panels": [{**PANEL, "targets": {"expr": "up"}}]}, "the targets of"),
    "a datasource that is a number": ({**dashboard(), "panels": [{**PANEL, "datasource": 3}]}, "a datasource is 3"),
    "a variable without a name": ({**dashboard(), "templating": {"list": [{"type": "custom"}]}}, "a variable has no name"),
    "templating that is a list": ({**dashboard(), "templating": [1]}, "templating is [1]"),
    "a row in a row": ({**dashboard(), "panels": [{**PANEL, "type": "row", "panels": [{"type": "row"}]}]}, "the row 'Up' holds"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dashboard_is_refused_in_one_sentence(case: str) -> None:
    model, words = BAD[case]
    with pytest.raises(SalvageError) as caught:
        read(model)
    assert words in str(caught.value) and str(caught.value).startswith("a.json: ") and caught.value.reason == "bad_input"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "it is not JSON"),
        (b"", "is empty"),
        (b"\xff", "not UTF-8"),
        (b'{"uid": "a", "uid": "b"}', "one key is given twice"),
        (b"[" * 100_000, "a.json: it is"),
    ],
)
def test_a_file_that_is_no_json(data: bytes, words: str) -> None:
    with pytest.raises(SalvageError, match=r"^a\.json: ") as caught:
        dashboard_of(data, "a.json")
    assert words in str(caught.value)


def test_a_dashboard_that_no_config_map_holds() -> None:
    with pytest.raises(SalvageError, match="a ConfigMap holds 1048576") as caught:
        read(dashboard(description="x" * CONFIG_MAP_BYTES))
    assert caught.value.reason == "too_large"


def test_variables_get_values_as_grafana_does_it() -> None:
    listed = [
        {"name": "ns", "type": "query", "query": "label_values(namespace)"},
        {"name": "step", "type": "interval", "query": "30s,1m"},
        {"name": "limit", "type": "custom", "query": "low : 5, high : 9"},
        {"name": "by", "type": "constant", "query": "pod"},
    ]
    variables = read({**dashboard(), "templating": {"list": listed}}).variables
    text = 'sum by ($by) (rate(a{n=~"${ns:regex}", m="[[ns]]", x=~"a$|b$"}[$__rate_interval]) offset [$step]) > ${limit}'
    assert with_samples(text, variables) == (
        'sum by (pod) (rate(a{n=~"x", m="x", x=~"a$|b$"}[5m]) offset [30s]) > 5',
        [],
    )
    assert with_samples('a{b="$nobody"} + ${neither:csv}', variables)[1] == ["nobody", "neither"]
    assert with_samples('label_replace(up, "a", "$1", "b", "(.*)")', ()) == ('label_replace(up, "a", "$1", "b", "(.*)")', [])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20
    )
)
def test_whatever_stands_in_a_field_there_is_a_dashboard_or_one_sentence(value: Any) -> None:
    for field in ("panels", "templating", "annotations", "title", "uid", "schemaVersion"):
        for model in ({**dashboard(), field: value}, {**dashboard(), field: {"list": value}}, {**dashboard(), field: [value]}):
            with suppress(SalvageError):
                read(model)
