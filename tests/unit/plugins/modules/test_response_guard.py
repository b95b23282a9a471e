# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module response_guard, as a role calls it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.retry import Retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_task
from ansible_collections.euystacio.meta_salvage.plugins.modules import response_guard
from fake_guard import key_files

Guard = Callable[..., dict[str, Any]]
PATH = "/api/v1/namespaces/euystacio-ai/configmaps/meta-salvage-response"
TARGET = {"kind": "Deployment", "namespace": "euystacio-ai", "name": "euystacio-api", "uid": "u-1", "resource_version": "41"}
PLAN = "0f" * 32
STARTED = iso(int(time.time()) - 60)


@pytest.fixture
def guard(api: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Guard:
    api.retry = Retry(tries=1)
    monkeypatch.setattr(guard_task.Cluster, "connect", lambda *args, **how: api)

    def call(run: str = "alice/1", check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"holder": {"run": run, "who": run.partition("/")[0]}, "_ansible_remote_tmp": str(tmp_path), "_ansible_check_mode": check}
        done: dict[str, Any] = run_module(response_guard, **given, **options)
        return done

    return call


def request(**other: Any) -> dict[str, Any]:
    usual = {
        "alert": "HighMemory",
        "fingerprint": "3f1c2a9be04d7715",
        "started_at": STARTED,
        "target": TARGET,
        "action": "restart_pod",
        "environment": "staging",
        "replicas": 4,
        "touched": 1,
        "limits": {"allowed_actions": {"staging": ["restart_pod", "scale_up"]}},
    }
    return {**usual, **other}


def test_an_action_from_the_question_to_its_end(api: Any, guard: Guard) -> None:
    asked = guard(**request())
    assert (asked["decision"], asked["rule"], asked["changed"], asked["recorded"], asked["page"]) == (
        "admitted",
        "allowed",
        True,
        True,
        False,
    )
    assert [(one["permit"], one["status"]) for one in asked["open"]] == [(asked["permit"], "running")]
    assert asked["limits_used"]["actions"] == 1
    assert guard(permit=asked["permit"])["rule"] == "renewed"
    assert guard(run="bob/2", **request(fingerprint="f2", alert="b"))["rule"] == "running"
    done = guard(state="finished", permit=asked["permit"], outcome="ok", note="two pods, both ready")
    assert (done["changed"], done["decision"], done["open"]) == (True, "", [])
    assert done["diff"]["before"] != done["diff"]["after"]
    again = guard(state="finished", permit=asked["permit"], outcome="ok")
    assert (again["changed"], again["diff"]) == (False, {"before": "", "after": ""})
    assert guard(state="finished", permit=asked["permit"], outcome="worse")["reason"] == "conflict"
    assert guard(**request())["rule"] == "episode"
    kept = json.loads(api.objects[PATH]["data"]["state.json"])
    assert kept["actions"][0]["note"] == "two pods, both ready"


def test_the_action_of_another_run_is_ended_by_who_looked(guard: Guard) -> None:
    permit = guard(**request())["permit"]
    refused = guard(run="bob/2", state="finished", permit=permit, outcome="undone")
    assert refused["failed"] and "take_over" in refused["msg"]
    assert guard(run="bob/2", state="finished", permit=permit, outcome="undone", take_over=True)["changed"]
    assert guard(state="finished", permit="nothing", outcome="ok")["reason"] == "not_found"


def test_two_runs_with_long_names_stay_two(guard: Guard) -> None:
    names = [f"alice  {'x' * 300}/{number}" for number in (1, 2)]
    permit = guard(run=names[0], **request())["permit"]
    assert guard(run=names[1], permit=permit)["rule"] == "permit"
    assert guard(run=names[0], permit=permit)["rule"] == "renewed"


def test_paused_and_resumed(guard: Guard) -> None:
    paused = guard(run="bob/2", state="paused", reason="migration", until="2h")
    assert paused["changed"] and paused["pause"]["by"] == "bob" and paused["pause"]["until"] == paused["until"]
    assert guard(**request())["rule"] == "paused"
    assert guard(run="bob/2", state="paused", reason="and a backup", until="3h")["changed"]
    kept = [one["reason"].partition(" (")[0] for one in guard(state="reported")["decisions"] if one["decision"] == "paused"]
    assert kept == ["bob: and a backup", "bob: migration"]
    paused = guard(run="bob/2", state="paused", reason="migration", until="2h")
    end = paused["until"]
    assert not guard(run="bob/2", state="paused", reason="migration", until=end)["changed"]
    assert guard(state="resumed")["changed"] and not guard(state="resumed")["changed"]
    assert guard(**request())["decision"] == "admitted"
    assert [one["rule"] for one in guard(state="reported")["decisions"][:2]] == ["allowed", "resumed"]


@pytest.mark.parametrize("until", ["", "soon", "0", "32d", "2020-01-01T00:00:00Z", "-5m", "2026-11-27T05:00:00"])
def test_a_pause_has_an_end(api: Any, guard: Guard, until: str) -> None:
    done = guard(state="paused", reason="why", until=until)
    assert done["failed"] and done["reason"] == "bad_input"
    assert PATH not in api.objects or "data" not in api.objects[PATH]


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_pause_has_a_reason(guard: Guard, reason: str) -> None:
    assert "say why actions are paused" in guard(state="paused", reason=reason, until="1h")["msg"]


def test_check_mode_says_what_it_would_answer(api: Any, guard: Guard) -> None:
    asked = guard(check=True, **request())
    assert (asked["decision"], asked["permit"], asked["until"], asked["recorded"]) == ("admitted", "", "", False)
    assert guard(check=True, state="paused", reason="r", until="1h")["changed"]
    assert api.writes == []


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"alert": ""}, "alert is missing"),
    ({"alert": "a\nb"}, "alert is 'a\\nb', which is not known"),
    ({"fingerprint": None}, "fingerprint is missing"),
    ({"fingerprint": "../x"}, "fingerprint is '../x'"),
    ({"started_at": "0001-01-01T00:00:00Z"}, "not a time"),
    ({"started_at": "yesterday"}, "not a time"),
    ({"target": None}, "target is missing"),
    ({"target": {**TARGET, "name": ""}}, "target.name is missing"),
    ({"target": {**TARGET, "name": "a/b"}}, "target.name is 'a/b'"),
    ({"target": {**TARGET, "namespace": "A B"}}, "target.namespace"),
    ({"action": "Restart; rm -rf /"}, "action is"),
    ({"opposite": "restart_pod"}, "its own opposite"),
    ({"environment": ""}, "environment is missing"),
    ({"incident": "INC 1"}, "incident is"),
    ({"plan_sha256": "zz"}, "plan_sha256 is"),
    ({"replicas": None}, "how many replicas"),
]


@pytest.mark.parametrize(("what", "words"), UNKNOWN)
def test_what_is_not_known_is_refused_and_recorded(guard: Guard, what: dict[str, Any], words: str) -> None:
    done = guard(**request(**what))
    assert (done["decision"], done["rule"], done["page"], done["changed"], done["recorded"]) == ("refused", "unknown", True, False, True)
    assert words in done["reason"]
    assert done["decisions"][0]["reason"] == done["reason"]


LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"window": "0"}, "limits.window is '0'"),
    ({"window": "8d"}, "limits.window is '8d'"),
    ({"cooldown": "soon"}, "limits.cooldown: 'soon' is not a duration"),
    ({"max_actions": -1}, "limits.max_actions is -1"),
    ({"max_share": 101}, "limits.max_share is 101"),
    ({"max_share": "nan"}, "limits.max_share is nan"),
    ({"storm_targets": 201}, "limits.storm_targets is 201"),
    ({"permit_duration": "2d"}, "limits.permit_duration"),
    ({"max_clock_skew": "1h"}, "limits.max_clock_skew"),
    ({"allowed_actions": {"staging": "restart_pod"}}, "limits.allowed_actions has"),
    ({"allowed_actions": {"staging": None}}, "limits.allowed_actions has"),
    ({"allowed_actions": {"staging": ["*"]}}, "limits.allowed_actions has"),
    ({"allowed_actions": {"": []}}, "limits.allowed_actions has"),
    ({"quiet_hours": [{"start": "25:00", "end": "07:00"}]}, "limits.quiet_hours"),
    ({"quiet_hours": [{"start": "22:00", "end": "07:00", "timezone": "Rome", "environments": ["production"]}]}, "limits.quiet_hours"),
    ({"freezes": [{"start": "2026-12-25", "end": "2026-12-24"}]}, "before it starts"),
]


@pytest.mark.parametrize(("limits", "words"), LIMITS)
def test_a_limit_that_limits_nothing_is_an_error(api: Any, guard: Guard, limits: dict[str, Any], words: str) -> None:
    done = guard(**request(limits=limits))
    assert done["failed"] and done["reason"] == "bad_input" and words in done["msg"]
    assert api.requests == []


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"quiet_hours": [{"start": "00:00", "end": "00:00", "timezone": "Asia/Kolkata", "reason": "night"}]}, "quiet"),
        ({"quiet_hours": [{"start": "00:00", "end": "00:00", "environments": ["production"]}]}, "allowed"),
        ({"quiet_hours": [{"start": "00:00", "end": "00:00", "days": []}]}, "allowed"),
        ({"freezes": [{"start": "2020-01-01T00:00", "end": "2999-01-01T00:00", "reason": "for ever"}]}, "quiet"),
        ({"freezes": [{"start": "2020-01-01T00:00", "end": "2020-01-02T00:00"}]}, "allowed"),
    ],
)
def test_times_without_changes(guard: Guard, limits: dict[str, Any], rule: str) -> None:
    done = guard(**request(limits={"allowed_actions": {"staging": ["restart_pod"]}, **limits}))
    assert done["rule"] == rule
    assert rule == "allowed" or limits[next(iter(limits))][0]["reason"] in done["reason"]


@pytest.mark.parametrize("fault", ["reset", "401", "403", "500", "503"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_without_access_nothing_is_done(api: Any, guard: Guard, fault: str, method: str) -> None:
    api.stumble = lambda sent, path: fault if sent == method else None
    done = guard(**request())
    assert (done["decision"], done["rule"], done["page"], done["permit"], done["recorded"]) == ("refused", "no_access", True, "", False)
    assert "failed" not in done and "nothing is done without the state" in done["reason"]
    for options in ({"state": "paused", "reason": "r", "until": "1h"}, {"state": "finished", "permit": "p", "outcome": "ok"}):
        assert guard(**options)["failed"]  # nobody must think that it worked


def test_a_namespace_that_is_not_there_is_no_access(api: Any, guard: Guard) -> None:
    api.stumble = lambda sent, path: "404"
    assert guard(**request())["rule"] == "no_access"


def test_a_foreign_state_is_left_alone(api: Any, guard: Guard) -> None:
    api.put(PATH, {"data": {"state.json": "{}"}})
    done = guard(**request())
    assert (done["decision"], done["rule"], done["page"]) == ("refused", "state", True)
    assert api.writes == []


@pytest.mark.parametrize("date", [None, "", "now", -3600, 3600])
def test_a_time_that_is_not_known_is_no_time_to_act(
    api: Any, guard: Guard, monkeypatch: pytest.MonkeyPatch, date: str | int | None
) -> None:
    call = api.call
    text = formatdate(time.time() + date, usegmt=True) if isinstance(date, int) else date
    headers = {} if text is None else {"date": text}
    monkeypatch.setattr(api, "call", lambda *args, **how: replace(call(*args, **how), headers=headers))
    done = guard(**request())
    assert done["decision"] == "refused" and done["rule"] in {"state", "clock"} and done["page"]


def approval(folder: Path, guard: Guard, **other: Any) -> dict[str, Any]:
    files = key_files(folder)
    given = {"path": str(folder / "approval.json"), "key": files.private, "approver": "carol"}
    done = guard(state="approved", target=TARGET, action="restart_pod", plan_sha256=PLAN, approval={**given, **other})
    assert done.get("changed"), done
    return {"public_keys": [files.public], "path": given["path"], "document": done["approval"]}


def test_an_approval_is_used_once(guard: Guard, tmp_path: Path) -> None:
    made = approval(tmp_path, guard)
    production = request(environment="production", plan_sha256=PLAN)
    assert guard(**production)["decision"] == "propose"
    by_data = {"data": made["document"], "public_keys": made["public_keys"]}
    assert guard(**production, approval=by_data, check=True)["rule"] == "approved"
    done = guard(**production, approval={"path": made["path"], "public_keys": made["public_keys"]})
    assert (done["decision"], done["rule"], done["reason"]) == ("admitted", "approved", "approved by carol")
    guard(state="finished", permit=done["permit"], outcome="ok")
    again = guard(run="bob/2", **{**production, "fingerprint": "f2", "alert": "b"}, approval=by_data)
    assert (again["decision"], again["rule"]) == ("refused", "approval")
    assert "was used at" in again["reason"]


def test_an_approval_of_something_else_is_refused(guard: Guard, tmp_path: Path) -> None:
    made = approval(tmp_path, guard)
    given = {"path": made["path"], "public_keys": made["public_keys"]}
    later = {**TARGET, "resource_version": "42"}
    done = guard(**request(environment="production", plan_sha256=PLAN, target=later), approval=given)
    assert (done["rule"], "'41' and not '42'" in done["reason"]) == ("approval", True)
    assert guard(**request(environment="production"), approval=given)["rule"] == "approval"
    missing = {"path": "/nowhere/approval.json", "public_keys": made["public_keys"]}
    assert guard(**request(plan_sha256=PLAN), approval=missing)["rule"] == "approval"  # in staging too: somebody wanted to be asked


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"target": {**TARGET, "uid": ""}}, "target.uid"),
        ({"target": {**TARGET, "name": "a b"}}, "target.name"),
        ({"plan_sha256": "short"}, "plan_sha256"),
        ({"action": "Restart"}, "action is not known"),
        ({"approval": {"key": "/nowhere/key.pem"}}, "/nowhere/key.pem can't be read"),
        ({"approval": {"approver": "carol"}}, "approval.key"),
    ],
)
def test_an_approval_that_can_not_be_signed(guard: Guard, tmp_path: Path, other: dict[str, Any], words: str) -> None:
    usual = {"target": TARGET, "action": "restart_pod", "plan_sha256": PLAN, "approval": {"key": key_files(tmp_path).private}}
    done = guard(state="approved", **{**usual, **other})
    assert done["failed"] and done["reason"] == "bad_input" and words in done["msg"]


def test_an_approval_never_replaces_a_file(guard: Guard, tmp_path: Path) -> None:
    files = key_files(tmp_path)
    given = {"target": TARGET, "action": "restart_pod", "plan_sha256": PLAN}
    done = guard(state="approved", **given, approval={"key": files.private, "path": files.public})
    assert done["failed"] and "exists" in done["msg"]
    nowhere = {"key": files.private, "path": str(tmp_path / "no" / "approval.json")}
    assert "can't be written" in guard(state="approved", **given, approval=nowhere)["msg"]
    assert guard(check=True, state="approved", **given, approval=nowhere)["approval"] == {}


@pytest.mark.parametrize("options", [{"namespace": "a/../b"}, {"name": "../secrets/x"}, {"name": ""}])
def test_a_name_that_no_configmap_has(api: Any, guard: Guard, options: dict[str, str]) -> None:
    done = guard(**request(), **options)
    assert done["failed"] and done["reason"] == "bad_input" and api.requests == []


def test_credentials_in_what_people_say_are_not_kept(api: Any, guard: Guard) -> None:
    guard(state="paused", reason="see https://bob:hunter2secret@example.com/x", until="1h")
    assert "hunter2secret" not in json.dumps(api.objects[PATH])
