# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences that are set, extended and expired: once, proven by what every replica shows, and never because an answer says so."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.silence_plan import RunMark, run_mark
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import silence_task
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_alertmanager import FakeAlertmanager, broken

MINE = ["namespace=a"]


def holder(run: str, pid: int = 0) -> dict[str, Any]:
    process = process_of(pid or os.getpid())
    return {"run": run, "who": run, "machine": process.machine, "pid": process.pid, "started": process.started}


@pytest.fixture
def alertmanagers(monkeypatch: pytest.MonkeyPatch) -> list[FakeAlertmanager]:
    both = [FakeAlertmanager("a"), FakeAlertmanager("b")]
    both[0].peers, both[1].peers = both[1:], both[:1]
    monkeypatch.setattr(silence_task, "_replicas", lambda addresses, given: ([one.replica for one in both], {}))
    return both


@pytest.fixture
def ended() -> dict[str, Any]:
    """A run whose process was there and is not any more."""
    child = subprocess.Popen(["sleep", "60"])
    it = holder("dead", child.pid)
    child.kill()
    child.wait()
    return it


def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
    given = {"matchers": MINE, "creator": None, "wait": 2.0, "holder": holder("me"), **options}
    return silence_task.run(given, check_mode=check_mode)


def test_a_hundred_runs_leave_one_silence_that_is_expired_in_the_end(alertmanagers: list[FakeAlertmanager]) -> None:
    results = [run(duration=600) for _time in range(100)]
    assert [one["changed"] for one in results] == [True] + [False] * 99
    assert {one["silence"]["id"] for one in results} == {results[0]["silence"]["id"]}
    assert [one.states() for one in alertmanagers] == [["active"], ["active"]]
    assert results[0]["silence"]["state"] == "active" and results[0]["replicas"] == ["http://a", "http://b"]
    assert 595 <= (when(results[0]["silence"]["ends_at"]) or 0) - time.time() <= 601
    done = run(state="expired", matchers=[])
    assert (done["changed"], done["silence"], done["expired"]) == (True, None, [results[0]["silence"]["id"]])
    assert [one.states() for one in alertmanagers] == [["expired"], ["expired"]]
    assert run(state="absent")["changed"] is False


def test_what_ends_too_early_is_extended_not_doubled(alertmanagers: list[FakeAlertmanager]) -> None:
    first, second = run(duration=600)["silence"], run(duration=1200)
    assert second["changed"] and second["silence"]["id"] == first["id"]
    assert (when(second["silence"]["ends_at"]) or 0) - (when(first["ends_at"]) or 0) >= 580
    assert not run(duration=600)["changed"]  # never shortened
    assert alertmanagers[0].states() == ["active"]


def test_other_matchers_or_another_creator_are_other_silences(alertmanagers: list[FakeAlertmanager]) -> None:
    run()
    run(matchers=["namespace=a", "severity!=critical"])
    run(matchers=["namespace=~a"])
    run(creator="somebody")
    assert alertmanagers[1].states() == ["active"] * 4
    assert len(run(state="absent")["expired"]) == 1
    assert len(run(state="expired", matchers=[])["expired"]) == 2
    assert alertmanagers[1].states() == ["active"] + ["expired"] * 3


def test_doubles_of_two_runs_at_once_become_one(alertmanagers: list[FakeAlertmanager]) -> None:
    run(duration=600)
    (one,) = alertmanagers[0].silences.values()
    alertmanagers[0].put({**one, "id": "double"})
    alertmanagers[0].gossip()
    result = run(duration=600)
    assert result["changed"] and len(result["expired"]) == 1
    assert [each.states() for each in alertmanagers] == [["active", "expired"]] * 2


def test_check_mode_sends_nothing_and_says_what_would_be(alertmanagers: list[FakeAlertmanager]) -> None:
    result = run(check_mode=True)
    assert result["changed"] and result["silence"]["id"] == "" and result["diff"]["after"].count("\n") == 1
    made = run(duration=600)
    assert made["diff"]["before"] == "" and made["silence"]["id"] in made["diff"]["after"]
    longer = run(check_mode=True, duration=1200)
    assert longer["changed"] and longer["silence"]["ends_at"] > made["silence"]["ends_at"]
    gone = run(check_mode=True, state="expired")
    assert gone["expired"] == [made["silence"]["id"]] and gone["diff"]["after"] == ""
    assert not run(check_mode=True, duration=600)["changed"]
    assert [one.writes for one in alertmanagers] == [["POST"], []]


def test_the_silence_of_a_killed_run_is_expired_by_the_next(alertmanagers: list[FakeAlertmanager], ended: dict[str, Any]) -> None:
    kept = run(holder=holder("alive"), matchers=["namespace=other"])["silence"]
    left = run(holder=ended, matchers=["namespace=other"], purpose="restore")["silence"]
    result = run()
    assert [one["id"] for one in result["left_over"]] == [left["id"]] and result["expired"] == [left["id"]]
    assert result["warnings"] == [f"the silence {left['id']} was left over by dead"]
    assert {one["id"] for one in alertmanagers[0]._listed() if one["status"]["state"] == "active"} == {kept["id"], result["silence"]["id"]}
    assert not run()["changed"]


def test_a_run_that_holds_the_lock_replaces_those_of_its_purpose(alertmanagers: list[FakeAlertmanager]) -> None:
    away = {**holder("elsewhere"), "machine": "another machine", "pid": 1}
    replaced = run(holder=away, purpose="deploy")["silence"]
    run(holder={**away, "run": "restore"}, purpose="restore")
    run(holder={**away, "run": "other matchers"}, purpose="deploy", matchers=["namespace=b"])
    assert run(purpose="deploy")["left_over"] == []
    assert [one["id"] for one in run(purpose="deploy", take_over=True)["left_over"]] == [replaced["id"]]


def test_a_replica_that_does_not_answer_is_named(alertmanagers: list[FakeAlertmanager]) -> None:
    alertmanagers[0].fault = broken
    result = run()
    assert result["replicas"] == ["http://b"] and list(result["problems"]) == ["http://a"]
    assert "broke off" in result["warnings"][0]
    alertmanagers[1].fault = broken
    with pytest.raises(SalvageError, match="broke off"):
        run()


def test_a_replica_that_lies_counts_as_one_that_does_not_answer(alertmanagers: list[FakeAlertmanager]) -> None:
    alertmanagers[0].shown = lambda listed: [{**one, "status": {"state": "active"}, "endsAt": one["startsAt"]} for one in listed]
    alertmanagers[1].put({**silence_of_somebody(), "createdBy": "me (maintenance)"})
    alertmanagers[1].gossip()
    result = run()
    assert "can't be active" in result["problems"]["http://a"] and result["replicas"] == ["http://b"]


def silence_of_somebody() -> dict[str, Any]:
    matchers = [{"name": "namespace", "value": "b", "isRegex": False, "isEqual": True}]
    times = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-02T00:00:00Z", "updatedAt": "2020-01-01T00:00:00Z"}
    return {"id": "x", "createdBy": "somebody", "comment": "", "matchers": matchers, **times}


def test_an_answer_is_no_proof(alertmanagers: list[FakeAlertmanager]) -> None:
    alertmanagers[0].fault = lambda method, path: None if method == "GET" else Response(200, {}, b'{"silenceID":"x"}', 0.0)
    with pytest.raises(SalvageError, match=r"no Alertmanager of http://a, http://b shows the silence 0.3 s after it was sent") as caught:
        run(wait=0.3)
    assert caught.value.reason == "timeout"
    assert alertmanagers[0].writes == ["POST"]  # once: another one may be there twice


@pytest.mark.parametrize(
    "fault", [broken, lambda method, path: Response(200, {}, b"{}", 0.0), lambda method, path: Response(502, {}, b"", 0.0)]
)
def test_what_broke_off_and_arrived_is_there_once(alertmanagers: list[FakeAlertmanager], fault: Any) -> None:
    alertmanagers[0].after = fault
    assert run(duration=600)["silence"]["state"] == "active"
    assert run(duration=1200)["changed"] and run(state="absent")["changed"]
    assert alertmanagers[1].states() == ["expired"]


def test_a_silence_that_alertmanager_refuses(alertmanagers: list[FakeAlertmanager]) -> None:
    with pytest.raises(SalvageError, match="answered 400: silence invalid: at least one matcher must not match the empty string") as caught:
        run(matchers=['a=""'])
    assert caught.value.reason == "invalid"


def test_replicas_that_do_not_tell_each_other(alertmanagers: list[FakeAlertmanager]) -> None:
    alertmanagers[0].peers = []
    with pytest.raises(SalvageError, match=r"do not agree after 0.3 s: http://b shows id-\d+ differently"):
        run(wait=0.3)
    assert alertmanagers[0].states() == ["active"]
    # What only one of them knows is expired there.
    alertmanagers.reverse()
    assert run(state="absent")["changed"] and alertmanagers[1].states() == ["expired"]


def test_gossip_that_takes_a_while(alertmanagers: list[FakeAlertmanager]) -> None:
    first, second = alertmanagers
    peers, first.peers = first.peers, []

    def later(method: str, path: str) -> None:
        if [one for one, _path in second.asked].count("GET") > 3:
            first.peers = peers
            first.gossip()

    second.fault = later
    result = run()
    assert result["replicas"] == ["http://a", "http://b"] and second.states() == ["active"]


def test_a_clock_of_alertmanager_that_is_wrong_is_the_one_that_counts(alertmanagers: list[FakeAlertmanager]) -> None:
    for one in alertmanagers:
        one.clock = lambda: time.time() + 5000
    result = run(duration=600)
    assert 5590 <= (when(result["silence"]["ends_at"]) or 0) - time.time() <= 5602
    assert result["silence"]["state"] == "active" and not run(duration=600)["changed"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"matchers": []}, "matchers is empty, which state present needs"),
        ({"matchers": [], "state": "absent"}, "matchers is empty, which state absent needs"),
        ({"matchers": ["a"]}, "matchers: 'a' is none"),
        ({"duration": 0}, "duration is 0"),
        ({"duration": -5}, "duration is -5"),
        ({"duration": 10**9}, "duration is 1000000000"),
        ({"wait": float("nan")}, "wait is nan"),
        ({"wait": 0.0}, "wait is 0"),
        ({"comment": " "}, "comment is empty"),
        ({"creator": ""}, "creator is missing"),
        ({"holder": None}, "creator is missing"),
    ],
)
def test_options_that_mean_nothing(alertmanagers: list[FakeAlertmanager], options: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError, match=words) as caught:
        run(**options)
    assert caught.value.reason == "bad_input"
    assert alertmanagers[0].asked == []


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "{}",
        "[]",
        "}{",
        '{"run": "a", "purpose": "b", "machine": "c", "pid": "1", "started": 2}',
        '{"run": "a", "purpose": "b", "machine": "c", "pid": true, "started": 2}',
        '{"run": 1, "purpose": "b", "machine": "c", "pid": 1, "started": 2}',
        '{"run": "a", "run": "b", "purpose": "b", "machine": "c", "pid": 1, "started": 2}',
    ],
)
def test_a_comment_without_a_whole_mark(mark: str) -> None:
    assert run_mark(f"work [euystacio.meta_salvage {mark}]") is None
    assert run_mark("work") is None and run_mark("") is None


def test_a_mark_is_read_as_it_was_written() -> None:
    mark = RunMark("alice@b/x ]", "deploy", process_of(os.getpid()))
    assert run_mark(mark.on("work [euystacio.meta_salvage {}]")) == mark


def test_where_alertmanager_is(api: Any, web: Any) -> None:
    service = {"metadata": {"name": "am"}, "spec": {"selector": {"app": "am"}, "ports": [{"port": 9093}]}}
    api.put("/api/v1/namespaces/m/services/am", service)
    api.put("/api/v1/namespaces/m/pods/am-0", {"metadata": {"name": "am-0"}, "spec": {"containers": []}, "status": {"phase": "Running"}})
    routes = Routes({}, 2.0, cluster=Cluster(api.server, api.http))

    def found(**options: Any) -> tuple[list[str], dict[str, str]]:
        replicas, doubt = silence_task._replicas(routes, silence_task.SilenceOptions(**options))
        return [one.address for one in replicas], doubt

    assert found(alertmanager_url="service://m/am:9093") == (["pod://m/am-0"], {})
    assert found(alertmanager_url=web.url) == ([web.url], {})
    assert found(replicas=[web.url, "http://b:1"]) == ([web.url, "http://b:1"], {})
    api.answers["/api/v1/namespaces/m/pods"] = lambda: (403, "application/json", "{}")
    addresses, doubt = found(alertmanager_url="service://m/am:9093")
    assert addresses == ["service://m/am:9093"] and "can't be listed, so only one of them was read" in doubt["service://m/am:9093"]
    with pytest.raises(SalvageError, match="no Alertmanager is set"):
        found(alertmanager_url="")
    with pytest.raises(SalvageError) as caught:
        found(alertmanager_url="service://m/nothing:9093")
    assert caught.value.reason == "not_found"
