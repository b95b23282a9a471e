# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.holds import mismatches
from hypothesis import given
from hypothesis import strategies as st

TCP = {"name": "http", "port": 8000, "targetPort": "http", "protocol": "TCP"}
UDP = {"name": "http3", "port": 8000, "targetPort": 8000, "protocol": "UDP"}


def found(asked: Any, live: Any) -> list[tuple[str, bool]]:
    return [(one.path, one.lost) for one in mismatches(asked, live)]


def test_a_port_that_is_lost_is_seen_although_another_has_its_number() -> None:
    asked = {"spec": {"ports": [TCP, UDP]}}
    assert found(asked, {"spec": {"ports": [UDP, TCP]}}) == []
    assert found(asked, {"spec": {"ports": [UDP]}}) == [(".spec.ports[0]", True)]
    bare = {"spec": {"ports": [{"port": 8000}, {"port": 8000, "protocol": "UDP"}]}}
    assert found(bare, {"spec": {"ports": [UDP, TCP]}}) == []
    assert found(bare, {"spec": {"ports": [UDP]}}) != []


def test_what_the_server_adds_does_not_count() -> None:
    assert found({"spec": {"a": 1}}, {"spec": {"a": 1, "b": 2}, "status": {}}) == []
    assert (
        found({"spec": {"containers": [{"name": "a"}]}}, {"spec": {"containers": [{"name": "proxy"}, {"name": "a", "image": "x"}]}}) == []
    )
    assert found({"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": ["b", "a"]}}) == []


@pytest.mark.parametrize("empty", [None, "", [], {}, False, 0, {"a": {}}, {"a": None}])
def test_empty_fields_may_be_left_out(empty: Any) -> None:
    assert found({"spec": {"a": empty}}, {"spec": {}}) == []


@pytest.mark.parametrize(
    ("asked", "live", "path", "lost"),
    [
        ({"a": 1}, {}, ".a", True),
        ({"a": 1}, {"a": None}, ".a", True),
        ({"a": {"b": 1}}, {"a": "x"}, ".a", False),
        ({"a": 1}, {"a": 2}, ".a", False),
        ({"a": True}, {"a": 1}, ".a", False),
        ({"a": True}, {"a": False}, ".a", False),
        ({"a": "1"}, {"a": 1}, ".a", False),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, ".args", False),
        ({"args": ["a", "b"]}, {"args": ["a"]}, ".args", True),
        ({"args": ["a"]}, {"args": ["a", "b"]}, ".args", False),
        ({"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": ["b"]}}, ".metadata.finalizers[0]", True),
        ({"c": [{"name": "a", "image": "x"}]}, {"c": [{"name": "a", "image": "y"}]}, ".c[0].image", False),
        ({"c": [{"name": "a", "image": "x"}]}, {"c": [{"name": "b", "image": "x"}]}, ".c[0]", True),
        ({"data": {"a": "1.0"}}, {"data": {"a": "1"}}, ".data.a", False),
        ({"data": {"cpu": "1000m"}}, {"data": {"cpu": "1"}}, ".data.cpu", False),
        ({"resources": {"limits": {"cpu": "1"}}}, {"resources": {"limits": {"cpu": "2"}}}, ".resources.limits.cpu", False),
        ({"resources": {"limits": {"cpu": "x"}}}, {"resources": {"limits": {"cpu": "y"}}}, ".resources.limits.cpu", False),
    ],
)
def test_what_is_missing_or_other_is_told(asked: Any, live: Any, path: str, lost: bool) -> None:
    assert found(asked, live) == [(path, lost)]


@pytest.mark.parametrize(
    ("asked", "live"),
    [("1000m", "1"), (0.5, "500m"), (1, "1"), ("1024Mi", "1Gi"), ("1e3", "1k"), ("0.1G", "100M"), ("100000n", "100u"), ("1E", "1000P")],
)
def test_quantities_may_have_another_form(asked: Any, live: Any) -> None:
    assert found({"resources": {"requests": {"memory": asked}}}, {"resources": {"requests": {"memory": live}}}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=15,
)


@given(JSON)
def test_an_object_holds_itself(value: Any) -> None:
    assert found(value, copy.deepcopy(value)) == []


@given(st.dictionaries(st.text(max_size=3), JSON), st.dictionaries(st.text(max_size=3), JSON))
def test_an_object_with_more_holds_it_too(value: Any, more: Any) -> None:
    assert found(value, {**more, **copy.deepcopy(value)}) == []
