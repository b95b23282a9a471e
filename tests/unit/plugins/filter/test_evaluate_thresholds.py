# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter in a template: data of any kind in, the module's result out."""

from __future__ import annotations

import datetime
import json
from typing import Any

import jinja2
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.euystacio.meta_salvage.plugins.filter.evaluate_thresholds import FilterModule

GOOD = {"metrics": {"QEK": 0.93, "H_VAR": {"current_value": 0.05}, "ETHISCHES_IDEAL": 0.99, "SYMBIOSIS_SCORE": 0.7}}

evaluate = FilterModule().filters()["evaluate_thresholds"]


@pytest.mark.parametrize("data", [GOOD, GOOD["metrics"], json.dumps(GOOD), json.dumps(GOOD).encode()])
def test_the_runbooks_metrics(data: object) -> None:
    result = evaluate(data, source="a file")
    assert (result["status"], result["summary"]) == ("healthy", "4 metrics, all healthy")
    assert {m["source"] for m in result["metrics"]} == {"a file"}


def test_another_profile_and_text() -> None:
    result = evaluate("queue_length 120\n", {"queue": {"critical_max": 100, "query": "queue_length"}})
    assert (result["status"], result["summary"]) == ("critical", "1 critical: queue exceeded maximum threshold: 120 > 100")


@pytest.mark.parametrize("data", [None, "", "<html>", {}, [], 3, True, jinja2.Undefined(), jinja2.StrictUndefined()])
def test_what_says_nothing_is_unknown(data: object) -> None:
    result = evaluate(data)
    assert result["status"] == "unknown"
    assert all(m["status"] == "unknown" and m["reason"] for m in result["metrics"])


def test_age() -> None:
    data = {"QEK": {"current_value": 0.93, "timestamp": 1000}}
    profile = {"QEK": {"critical_min": 0.85}}
    assert evaluate(data, profile)["status"] == "unknown"
    assert evaluate(data, profile, max_age=0)["status"] == "healthy"
    now = datetime.datetime.now(datetime.timezone.utc)
    # a time that YAML read, and a class of its own as ansible-core 2.19 and later make of it
    tagged = type("_AnsibleTaggedDateTime", (datetime.datetime,), {})
    for moment in (now, tagged.fromtimestamp(now.timestamp(), datetime.timezone.utc), now.replace(tzinfo=None)):
        assert evaluate({"QEK": {"current_value": 0.93, "timestamp": moment}}, profile)["status"] == "healthy"
        old = moment - datetime.timedelta(minutes=11)
        assert evaluate({"QEK": {"current_value": 0.93, "last_updated": old}}, profile)["status"] == "unknown"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"profile": {"qek": {}}}, "profile.qek: it has no limit"),
        ({"profile": jinja2.Undefined()}, "profile: the variable is undefined"),
        ({"max_age": "soon"}, "max_age: 'soon' is not a duration"),
        ({"format": "xml"}, "format 'xml' is none of auto, api, exposition, promql"),
    ],
)
def test_a_wrong_argument_is_an_error(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match="^evaluate_thresholds: " + sentence):
        evaluate(GOOD, **arguments)


class Vaulted:
    """As ansible-core before 2.19 gives a vaulted value to a filter."""

    __ENCRYPTED__ = True

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Unsafe(str):
    """As the text of a module's result is marked."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [str, Unsafe, Vaulted])
def test_plain_unsafe_and_vaulted_values_mean_the_same(kind: Any) -> None:
    profile = {kind("qek"): {"critical_min": kind("0.85"), "title": kind("QEK"), "aliases": [kind("QEK")]}}
    now = kind(datetime.datetime.now(datetime.timezone.utc).isoformat())
    for value, status in ((0.93, "healthy"), (0.2, "critical")):
        for data in ({"QEK": {"current_value": value, "timestamp": now}}, kind(f'{{"QEK": {value}}}')):
            assert evaluate(data, profile)["status"] == status
