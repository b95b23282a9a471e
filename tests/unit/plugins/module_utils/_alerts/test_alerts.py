# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts import alerts
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.status import STATUSES
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.alerts import DEFAULT_SEVERITIES, alert_check
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given
from hypothesis import strategies as st

Alert = alerts.Alert


def prometheus(*labels: dict[str, str], state: str = "firing") -> list[dict[str, Any]]:
    return [{"labels": one, "annotations": {}, "state": state, "activeAt": "2026-11-24T14:35:26.552123456Z"} for one in labels]


def alertmanager(labels: dict[str, str], **status: Any) -> dict[str, Any]:
    stated = {"state": "suppressed" if any(name.endswith("By") for name in status) else "active", **status}
    return {"labels": labels, "startsAt": "2026-11-24T14:36:00Z", "fingerprint": "f" + "".join(labels.values()), "status": stated}


LOW = {"alertname": "QEKBelowMinimum", "severity": "critical"}


def merged(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[tuple[str, str, tuple[str, ...]]]:
    found = alerts.merge_alerts(alerts.of_prometheus(first), alerts.of_alertmanager(second))
    return [("".join(one.labels.values()), one.state, one.sources) for one in found]


BOTH = ("prometheus", "alertmanager")


def test_the_same_alert_of_both_is_one_though_alertmanager_knows_more_labels() -> None:
    assert merged(prometheus(LOW), [alertmanager({**LOW, "cluster": "eu"}, silencedBy=["s1"])]) == [
        ("QEKBelowMinimumcriticaleu", "silenced", BOTH)
    ]


def test_pending_alerts_do_not_fire() -> None:
    assert alerts.of_prometheus(prometheus(LOW, state="pending")) == []


def test_alerts_without_labels_swallow_no_others() -> None:
    found = merged(prometheus({}), [alertmanager({"alertname": "A"}), alertmanager({"alertname": "B"})])
    assert sorted(found) == [("", "active", ("prometheus",)), ("A", "active", ("alertmanager",)), ("B", "active", ("alertmanager",))]


def test_one_with_few_labels_takes_nothing_from_one_with_many() -> None:
    known = [
        alertmanager({"alertname": "A", "cluster": "c"}),
        alertmanager({"alertname": "A", "pod": "x", "cluster": "c"}, silencedBy=["s"]),
    ]
    assert merged(prometheus({"alertname": "A"}, {"alertname": "A", "pod": "x"}), known) == [
        ("Ac", "active", BOTH),
        ("Axc", "silenced", BOTH),
    ]


def test_an_alert_that_another_prometheus_sent_stays() -> None:
    known = [alertmanager({"alertname": "A", "cluster": "a"}, silencedBy=["s"]), alertmanager({"alertname": "A", "cluster": "b"})]
    assert merged(prometheus({"alertname": "A"}), known) == [("Aa", "silenced", ("alertmanager",)), ("Ab", "active", BOTH)]


def test_alertmanagers_words() -> None:
    (one,) = alerts.of_alertmanager([{**alertmanager(LOW, inhibitedBy=["f2"]), "startsAt": "0001-01-01T00:00:00Z"}])
    assert one.to_dict() == {
        "name": "QEKBelowMinimum",
        "state": "inhibited",
        "severity": "critical",
        "labels": LOW,
        "annotations": {},
        "starts_at": None,
        "fingerprint": "fQEKBelowMinimumcritical",
        "silenced_by": [],
        "inhibited_by": ["f2"],
        "muted_by": [],
        "problem": "",
        "sources": ["alertmanager"],
    }


@pytest.mark.parametrize("data", [None, {}, {"status": "success"}, [3], [{}], [{"labels": None}]])
def test_what_is_no_answer_of_alertmanager(data: Any) -> None:
    with pytest.raises(SalvageError, match="not a list of alerts"):
        alerts.of_alertmanager(data)


@pytest.mark.parametrize(
    ("labels", "state", "status"),
    [
        ({"severity": "critical"}, "active", "critical"),
        ({"severity": "page"}, "active", "critical"),
        ({"severity": "info"}, "active", "healthy"),
        ({"severity": "Critical"}, "active", "critical"),
        ({"severity": " PAGE "}, "active", "critical"),
        ({"severity": "P1"}, "active", "unknown"),
        ({"severity": "critical"}, "muted", "healthy"),
        ({"severity": "critical"}, "unknown", "unknown"),
        ({}, "active", "warning"),
        ({"severity": "critical"}, "silenced", "healthy"),
        ({"severity": "critical"}, "inhibited", "healthy"),
    ],
)
def test_the_status_of_an_alert(labels: dict[str, str], state: str, status: str) -> None:
    assert alert_check(Alert("A", state, labels), DEFAULT_SEVERITIES, 0.0).status == status


def test_what_is_told_of_an_alert() -> None:
    one = Alert("A", "silenced", {"severity": "page"}, {"summary": "too low"}, "1970-01-01T00:00:00.123456789Z", "f1", ("s1",))
    check = alert_check(one, {"page": "critical"}, 180.0)
    assert (check.id, check.reason) == ("alerts/A/f1", "A fires for 2 min (severity page), silenced by s1: too low")
    assert alert_check(Alert("A", "active", {}), {"": "strange"}, 0.0).reason == "A fires (severity not given)"
    check = alert_check(Alert("A", "active", {"severity": "sev1"}), DEFAULT_SEVERITIES, 0.0)
    assert check.reason == "A fires (severity sev1, which is not in alert_severities)"
    muted = alert_check(Alert("A", "muted", {"severity": "page"}, muted_by=("offhours",)), DEFAULT_SEVERITIES, 0.0)
    assert (muted.status, muted.reason) == ("healthy", "A fires (severity page), muted by offhours")


few = st.dictionaries(st.sampled_from(["alertname", "pod", "cluster"]), st.sampled_from(["a", "b"]))
silences = st.sampled_from([{}, {"silencedBy": ["s"]}, {"inhibitedBy": ["f"]}])


@given(st.lists(few), st.lists(st.tuples(few, silences)))
def test_no_alert_is_lost_and_none_is_twice(first: list[dict[str, str]], second: list[tuple[dict[str, str], dict[str, Any]]]) -> None:
    known = [{"labels": labels, "status": status} for labels, status in second]
    one, other = alerts.of_prometheus(prometheus(*first)), alerts.of_alertmanager(known)
    found = alerts.merge_alerts(one, other)
    assert len({alert.fingerprint for alert in found}) == len(found)
    unique = lambda some: {frozenset(alert.labels.items()) for alert in some}  # noqa: E731
    both = sum(alert.sources == BOTH for alert in found)
    assert len(found) + both == len(unique(one)) + len(unique(other))
    assert unique(other) <= unique(found)
    assert all(any(alert.labels.items() <= told.labels.items() for told in found) for alert in one)
    # a silence of Alertmanager's silences nothing that it does not match itself
    assert {alert.fingerprint for alert in found if alert.state != "active"} <= {
        alert.fingerprint for alert in other if alert.state != "active"
    }


words = st.one_of(
    st.none(), st.integers(), st.text(max_size=20), st.sampled_from(["Alerting", "Alerting (NoData)", "Error", "Normal", "resolved"])
)


@given(words)
def test_a_state_that_prometheus_does_not_use_is_unknown(word: Any) -> None:
    known = {"firing": ["active"], "pending": [], "inactive": []}
    expected = known.get(word.strip().lower(), ["unknown"]) if isinstance(word, str) else ["unknown"]
    assert [one.state for one in alerts.of_prometheus(prometheus(LOW, state=word))] == expected


@given(words)
def test_a_state_that_alertmanager_does_not_use_is_unknown(word: Any) -> None:
    known = {"active": "active", "unprocessed": "active"}
    (one,) = alerts.of_alertmanager([alertmanager(LOW, state=word)])
    assert one.state == ("active" if word is None else known.get(word.strip().lower(), "unknown") if isinstance(word, str) else "unknown")


def test_who_suppresses_decides_the_state() -> None:
    def state(**status: Any) -> str:
        return alerts.of_alertmanager([alertmanager(LOW, **status)])[0].state

    assert state(state="suppressed", silencedBy=[], inhibitedBy=[], mutedBy=["offhours"]) == "muted"
    assert state(state="suppressed", silencedBy=[], inhibitedBy=[], mutedBy=[]) == "unknown"
    assert state(state="suppressed") == "unknown"
    assert state(state="active", silencedBy=["s"]) == "active"  # it notifies
    assert state(silencedBy=["s"]) == "silenced"
    assert [one.state for one in alerts.of_alertmanager([{"labels": LOW}, {"labels": LOW, "status": None}])] == ["active", "active"]
    (one,) = alerts.of_alertmanager([alertmanager(LOW, state="paused")])
    assert one.problem == "its state is 'paused', expected one of active, unprocessed, suppressed"


def test_prometheus_decides_where_alertmanagers_state_is_unknown() -> None:
    assert merged(prometheus(LOW), [alertmanager(LOW, state="Normal")])[0][1] == "active"


def worst_of(found: list[Any]) -> str:
    """The status of the health check for a source's alerts; healthy where none fires."""
    return max((alert_check(one, DEFAULT_SEVERITIES, 0.0).status for one in found), key=STATUSES.index, default="healthy")


def test_an_alert_with_one_place_wrong_is_never_healthy() -> None:
    def of_alertmanager(data: Any) -> str:
        try:
            return worst_of(alerts.of_alertmanager(data))
        except SalvageError:
            return "unknown"

    silenced = [alertmanager(LOW, state="suppressed", silencedBy=["s"])]
    places = ["0", "0/labels", "0/status", "0/status/state", "0/status/silencedBy", "0/status/silencedBy/0"]
    honest = {"0": [GONE], "0/labels": [{}, {"a": 1}], "0/status/silencedBy/0": ["Perhaps", "true", "NaN"]}
    assert false_healthy(of_alertmanager, silenced, *places, honest=honest) == []
    info = [alertmanager({**LOW, "severity": "info"})]
    assert (
        false_healthy(of_alertmanager, info, "0/labels", "0/labels/severity", "0/status/state", honest={"0/status/state": [None, GONE]})
        == []
    )
    pending = prometheus(LOW, state="pending")
    assert false_healthy(lambda data: worst_of(alerts.of_prometheus(data)), pending, "0/state") == []


@given(st.text() | st.sampled_from(["P1", "sev1", "Critical!", "error", "healthy", "ok"]))
def test_a_severity_that_is_not_in_the_table_is_never_healthy(word: str) -> None:
    status = alert_check(Alert("A", "active", {"severity": word}), DEFAULT_SEVERITIES, 0.0).status
    assert (status == "healthy") == (word.strip().lower() in {"info", "none"})
    assert status == DEFAULT_SEVERITIES.get(word.strip().lower(), "unknown" if word.strip() else "warning")


@given(st.text())
def test_a_state_of_an_alert_that_is_not_in_the_table_is_unknown(word: str) -> None:
    found = alert_check(Alert("A", word, {"severity": "info"}), DEFAULT_SEVERITIES, 0.0).status
    assert (found == "healthy") == (word in {"active", "silenced", "inhibited", "muted"})


def test_two_alerts_with_one_fingerprint_are_two() -> None:
    both = [
        {**alertmanager({"alertname": name, "severity": severity}), "fingerprint": "f"} for name, severity in (("A", "info"), ("B", "page"))
    ]
    assert worst_of(alerts.merge_alerts([], alerts.of_alertmanager(both))) == "critical"
