# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.alerts import Alert
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.alerts_in import alerts_in, completed
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.responses import OTHER, RESPONSES, response_for
from hypothesis import given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeTemplate

from tools.env import CHECKOUT

LABELS = {"alertname": "QEKBelowMinimum", "severity": "critical"}
FIRING = {"labels": LABELS, "startsAt": "2026-11-27T03:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "status": "firing", "fingerprint": "abc"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alerts", "labels", "alertname", "version", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "form",
    [
        "QEKBelowMinimum",
        LABELS,
        FIRING,
        {"version": "4", "alerts": [FIRING, FIRING]},
        {"name": "QEKBelowMinimum", "labels": LABELS, "starts_at": "2026-11-27T03:00:00Z", "state": "active"},
        {"labels": LABELS, "activeAt": "2026-11-27T03:00:00Z", "state": "firing"},
        {"labels": LABELS, "status": {"state": "active"}, "startsAt": "2026-11-27T03:00:00Z"},
        [FIRING],
    ],
)
def test_each_form_is_one_alert(form: Any) -> None:
    (found,) = alerts_in(form)
    assert (found.name, found.state) == ("QEKBelowMinimum", "firing")
    if isinstance(form, dict) and "labels" in form:
        assert found.starts_at == 1795748400.0
    assert response_for(found).name == "qek_below_minimum"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "has no label alertname"),
        ({"labels": {}}, "has no label alertname"),
        ({"labels": {"alertname": "  "}}, "has no label alertname"),
        ({"labels": "QEK"}, "has no label alertname"),
        ([], "there is no alert in it"),
        ({"version": "4", "alerts": []}, "there is no alert in it"),
        ({"version": "3", "alerts": [FIRING]}, "version '3' of Alertmanager's webhook is not known"),
        (7, "has no label alertname"),
        (None, "has no label alertname"),
        ([FIRING] * 1001, "more than 1000 alerts"),
    ],
)
def test_what_is_no_alert_is_refused_in_one_sentence(form: Any, words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        alerts_in(form)
    assert caught.value.reason == "bad_input"
    assert "\n" not in str(caught.value)


def test_resolved_and_suppressed_alerts_are_told_apart() -> None:
    states = [alerts_in({"labels": LABELS, "status": word})[0].state for word in ("resolved", "suppressed", "silenced", "dancing")]
    assert states == ["resolved", "suppressed", "suppressed", "firing"]


def test_labels_drive_no_terminal_and_have_a_bounded_length() -> None:
    (found,) = alerts_in({"alertname": "A\x1b[31m\u202eB", "x": "y" * 5000, "n": 7})
    assert found.name.isprintable()
    assert len(found.labels["x"]) == 1000


def test_a_start_that_can_t_be_is_none() -> None:
    for start in ("0001-01-01T00:00:00Z", "soon", "", None, -1, float("inf"), True, 1e30, [], "2026-11-27T03:00:00"):
        assert alerts_in({"labels": LABELS, "startsAt": start})[0].starts_at is None


def test_a_name_is_completed_by_the_one_alert_that_fires() -> None:
    one = Alert("QEKBelowMinimum", "active", {**LABELS, "pod": "a"}, starts_at="2026-11-27T03:00:00Z", fingerprint="f1")
    other = Alert("QEKBelowMinimum", "active", {**LABELS, "pod": "b"}, starts_at="2026-11-27T03:00:00Z", fingerprint="f2")
    (named,) = alerts_in("QEKBelowMinimum")
    assert completed(named, [one]).fingerprint == "f1"
    assert completed(named, [one]).starts_at == 1795748400.0
    assert completed(named, [one, other]) == named  # which of them is meant is not known
    assert completed(named, []) == named


def test_an_alert_of_another_name_is_known_by_the_runbooks_text() -> None:
    (found,) = alerts_in({"labels": {"alertname": "MyQEK"}, "annotations": {"summary": "QEK below minimum threshold: 0.82 < 0.85"}})
    assert response_for(found).name == "qek_below_minimum"
    assert response_for(alerts_in("SomethingElse")[0]).name == "unknown_alert"


@given(JSON)
def test_any_json_is_alerts_or_one_sentence(form: Any) -> None:
    try:
        assert all(one.name for one in alerts_in(form))
    except SalvageError as exc:
        assert exc.reason == "bad_input"


@pytest.mark.parametrize("form", [FIRING, [FIRING], {"version": "4", "alerts": [FIRING]}, "QEKBelowMinimum"])
def test_each_form_comes_in_percent_encoding_too(form: Any) -> None:
    text = quote(json.dumps(form))
    assert "{" not in text
    assert alerts_in(text) == alerts_in(form)


def test_a_text_in_percent_encoding_that_is_cut_off_is_refused() -> None:
    with pytest.raises(SalvageError, match="is not JSON in percent encoding"):
        alerts_in(quote(json.dumps(FIRING))[:-5])


@pytest.mark.parametrize("name", ["alerts", "alerts_aap"])
def test_the_rulebooks_hand_alerts_on_without_a_brace(name: str) -> None:
    """Ansible would evaluate what somebody wrote into a label."""
    text = (CHECKOUT / f"extensions/eda/rulebooks/{name}.yml").read_text(encoding="utf-8")
    (template,) = {line.partition(": ")[2].strip('"') for line in text.splitlines() if "alert_response_alert:" in line}
    alert = {"labels": {"alertname": "{{ lookup('pipe', 'id') }}"}, "status": "firing"}
    given = NativeTemplate(template).render(event={"alerts": [alert]})
    assert isinstance(given, str) and "{" not in given
    assert alerts_in(given)[0].name == alert["labels"]["alertname"]


def test_the_metric_of_each_response_is_in_the_profile_that_is_used_without_another() -> None:
    assert {one.metric for one in RESPONSES if one.metric} == {one.key for one in parse_profile().metrics}


def test_each_fault_that_is_shipped_has_an_alert_with_a_response() -> None:
    faults = yaml.safe_load((CHECKOUT / "roles/game_day/vars/main.yml").read_text())["game_day_shipped_faults"]
    assert [one["name"] for one in faults if response_for(alerts_in(one["alert"])[0]) is OTHER] == []
