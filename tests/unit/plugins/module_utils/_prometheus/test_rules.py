# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Prometheus says that it has loaded: whole, or not believed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.rules import (
    active_targets,
    last_reload,
    loaded_groups,
    prometheus_seconds,
    wanted_groups,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("1d", 86400), ("1w", 604800), ("1y", 31536000), ("500ms", 0.5), ("0", 0), (0, 0), ("0s", 0),
     ("", None), ("10", None), ("10 m", None), ("m", None), ("-1m", None), (None, None), (True, None), (1.5, None), ([], None)],
)  # fmt: skip
def test_durations_as_prometheus_writes_them(text: Any, seconds: float | None) -> None:
    assert prometheus_seconds(text) == seconds


def loaded(**more: Any) -> dict[str, Any]:
    rule = {"name": "A", "query": "up", "type": "alerting", "health": "ok", "duration": 60, "labels": {"a": "b"}, **more}
    return {"groups": [{"name": "g", "file": "f", "rules": [rule]}]}


def test_a_rule_and_the_wanted_one_are_the_same() -> None:
    wanted = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up", "for": "1m", "labels": {"a": "b"}}]}]}
    (want,), (have,) = wanted_groups(wanted, "x")[0].rules, loaded_groups(loaded())[0].rules
    assert (want.name, want.alert, want.query, want.seconds, want.labels) == (have.name, have.alert, have.query, have.seconds, have.labels)
    assert have.health == "ok"


@pytest.mark.parametrize(
    "data",
    [
        *(
            None,
            [],
            {},
            {"groups": None},
            {"groups": [None]},
            {"groups": [{"name": "g", "rules": []}]},
            {"groups": [{"name": "g", "file": "f"}]},
        ),
        *(
            loaded(name=None),
            loaded(query=5),
            loaded(type="other"),
            loaded(type=[]),
            loaded(health=None),
            loaded(health="OK"),
            loaded(health=""),
        ),
        *(loaded(health=["ok"]), loaded(duration="60"), loaded(duration=None), loaded(duration=float("nan"))),
    ],
)
def test_rules_that_lack_something(data: Any) -> None:
    with pytest.raises(SalvageError, match="/api/v1/rules") as caught:
        loaded_groups(data)
    assert caught.value.reason == "invalid"


def test_targets_that_are_up() -> None:
    targets = [
        {"scrapePool": "p", "scrapeUrl": str(number), "health": one} for number, one in enumerate(("up", "down", "unknown", None, "UP"))
    ]
    found = active_targets({"activeTargets": targets})
    assert (found.up, len(found.every)) == ({("p", "0")}, 5)
    for wrong in (None, {}, {"activeTargets": {}}, {"activeTargets": [{}]}, {"activeTargets": [None]}):
        with pytest.raises(SalvageError, match="no active targets"):
            active_targets(wrong)


@pytest.mark.parametrize("data", [None, {}, {"reloadConfigSuccess": None}, {"reloadConfigSuccess": "true"}, {"reloadConfigSuccess": 1}])
def test_a_reload_of_which_nothing_is_said(data: Any) -> None:
    with pytest.raises(SalvageError, match="does not say whether the last reload worked"):
        last_reload(data)
    assert last_reload({"reloadConfigSuccess": True}).worked and not last_reload({"reloadConfigSuccess": False}).worked
