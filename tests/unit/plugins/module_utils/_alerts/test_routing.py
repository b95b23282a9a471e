# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets an alert, as Alertmanager decides it; tests/integration/test_alert_rules.py compares it with amtool."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.routing import routing_of, unexpected
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from hypothesis import given, settings
from hypothesis import strategies as st

RECEIVERS = [{"name": name} for name in "abcd"]


def config(*routes: Any, **more: Any) -> str:
    return json.dumps({"route": {"receiver": "a", "routes": list(routes)}, "receivers": RECEIVERS, **more})


ROUTES: list[tuple[str, list[Any], dict[str, str], list[str]]] = [
    ("no route takes it", [{"receiver": "b", "matchers": ['x="1"']}], {"x": "2"}, ["a"]),
    ("the first one takes it", [{"receiver": "b", "matchers": ["x=1"]}, {"receiver": "c"}], {"x": "1"}, ["b"]),
    ("it goes on", [{"receiver": "b", "continue": True}, {"receiver": "c"}, {"receiver": "d"}], {}, ["b", "c"]),
    ("below the first", [{"receiver": "b", "routes": [{"receiver": "c", "match": {"x": "1"}}]}], {"x": "1"}, ["c"]),
    ("not below the first", [{"receiver": "b", "routes": [{"receiver": "c", "match": {"x": "1"}}]}], {"x": "2"}, ["b"]),
    ("the receiver of above", [{"matchers": ["x=1"], "routes": [{"matchers": ["y=1"]}]}], {"x": "1", "y": "1"}, ["a"]),
    ("a whole word", [{"receiver": "b", "match_re": {"x": "on|off"}}], {"x": "only"}, ["a"]),
    ("one of two words", [{"receiver": "b", "matchers": ['x=~"on|off"']}], {"x": "off"}, ["b"]),
    ("not that", [{"receiver": "b", "matchers": ['x!="1"', 'y!~"2.*"']}], {"y": "3"}, ["b"]),
    ("a missing label is empty", [{"receiver": "b", "matchers": ['x=""']}], {}, ["b"]),
    ("all in one text", [{"receiver": "b", "matchers": '{x="1,2", y=~"a|b"}'}], {"x": "1,2", "y": "b"}, ["b"]),
    ("two in one element", [{"receiver": "b", "matchers": ["x=1,y=2"]}], {"x": "1"}, ["a"]),
]


@pytest.mark.parametrize("case", ROUTES, ids=lambda case: case[0])
def test_an_alert_reaches(case: Any) -> None:
    _name, routes, labels, wanted = case
    tree = routing_of(config(*routes))
    assert tree.receivers_of(labels) == wanted
    assert unexpected(tree, [(labels, wanted)]) == []
    assert unexpected(tree, [({**labels, "x": labels.get("x", "")}, ["z"])]) != []


BAD: dict[str, tuple[str, str]] = {
    "no YAML": ("route: [", "it is not YAML"),
    "a tag": ("!!python/object:os.system {}", "it is not YAML"),
    "a list": ("[]", "it has no route"),
    "no receiver": (json.dumps({"route": {}, "receivers": RECEIVERS}), "route has no receiver"),
    "a removed receiver": (config({"receiver": "e"}), "route.routes[0] names the receiver 'e', which is not among the receivers"),
    "a removed receiver far down": (config({"routes": [{"routes": [{"receiver": "e"}]}]}), "route.routes[0].routes[0].routes[0] names"),
    "a receiver twice": (json.dumps({"route": {"receiver": "a"}, "receivers": [*RECEIVERS, {"name": "a"}]}), "have the name 'a'"),
    "a receiver without a name": (json.dumps({"route": {"receiver": "a"}, "receivers": [{}]}), "one of receivers has no name"),
    "matchers at the top": (
        json.dumps({"route": {"receiver": "a", "matchers": ["x=1"]}, "receivers": RECEIVERS}),
        "at the top has matchers",
    ),
    "a regular expression": (config({"matchers": ['x=~"("']}), "is not a regular expression"),
    "no matcher": (config({"matchers": ["x"]}), "route.routes[0]: matchers: 'x' is none"),
    "a matcher that is a number": (config({"matchers": [1]}), "is 1, not text"),
    "a time that is not defined": (config({"mute_time_intervals": ["night"]}), "names the time interval 'night'"),
    "routes that are text": (json.dumps({"route": {"receiver": "a", "routes": "b"}, "receivers": RECEIVERS}), "routes of route is 'b'"),
    "a route that is text": (config("b"), "route.routes[0] is 'b', not a route"),
    "continue that is a word": (config({"continue": "maybe"}), "continue of route.routes[0]"),
    "too large": ("#" * (1024 * 1024 + 1), "characters"),
    "many routes by aliases": (
        "receivers: [{name: a}]\nroute:\n  receiver: a\n  routes: [&r0 {}, "
        + ", ".join(f"&r{n} {{routes: [{', '.join([f'*r{n - 1}'] * 9)}]}}" for n in range(1, 12))
        + "]",
        "too many routes",
    ),
    "a route in itself": ("receivers: [{name: a}]\nroute: &r\n  receiver: a\n  routes: [*r]", "too many routes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_configuration_that_alertmanager_would_refuse(case: str) -> None:
    text, words = BAD[case]
    with pytest.raises(SalvageError) as caught:
        routing_of(text)
    assert words in str(caught.value) and caught.value.reason == "invalid" and "\n" not in str(caught.value)


VALUES = st.sampled_from(["", "1", "2"])
LABELS = st.dictionaries(st.sampled_from("xy"), VALUES)
MATCHERS = st.lists(
    st.builds(lambda name, op, value: f'{name}{op}"{value}"', st.sampled_from("xy"), st.sampled_from(["=", "!=", "=~", "!~"]), VALUES)
)
ROUTE = st.recursive(
    st.fixed_dictionaries({"receiver": st.sampled_from("abcd"), "matchers": MATCHERS, "continue": st.booleans()}),
    lambda inner: st.fixed_dictionaries(
        {"receiver": st.sampled_from("abcd"), "matchers": MATCHERS, "continue": st.booleans(), "routes": st.lists(inner, max_size=3)}
    ),
    max_leaves=6,
)


@settings(max_examples=30)
@given(st.lists(ROUTE, max_size=4), LABELS)
def test_every_alert_reaches_somebody_and_a_route_for_all_ends_the_search(routes: list[Any], labels: dict[str, str]) -> None:
    assert routing_of(config(*routes)).receivers_of(labels)
    assert routing_of(config({"receiver": "d"}, *routes)).receivers_of(labels) == ["d"]
    first = routing_of(config({"receiver": "d", "continue": True}, *routes)).receivers_of(labels)
    assert first[0] == "d"
