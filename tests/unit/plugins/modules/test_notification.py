# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module notification, with servers on the loopback: what arrives, what is kept, and what the result says."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core import processes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify import deliver, outbox, task
from fake_vendors import PAGERDUTY, WEBHOOK, body_of, mailbox  # noqa: F401

from tools.env import collections_path

NOTIFICATION = importlib.import_module("ansible_collections.euystacio.meta_salvage.plugins.modules.notification")
KEY = "0123456789abcdef0123456789ABCDEF"
SECRET = "a-secret-of-at-least-24-bytes"
OK = (202, "application/json", '{"status": "success", "dedup_key": "k"}')
NO = (503, "text/plain", f"no {SECRET}")


def message(**changes: Any) -> dict[str, Any]:
    given = {"title": "The API is down", "severity": "P1", "dedup_key": "incident/1", "action": "trigger", "kind": "incident"}
    return {**given, "summary": "40 % fail", "facts": {"cluster": "eu"}, **changes}


class Bench:
    """The module with a pager, a hook and a mail server that tests can break."""

    def __init__(self, secure: Any, run_module: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.pem = secure
        self.folder = folder
        self._run = run_module
        self.clock = 1_800_000_000.0
        self.server.answers.update({"/v2/enqueue": OK, "/hook": (204, "text/plain", ""), "/ops": (204, "text/plain", "")})
        monkeypatch.setattr(task.run, "__kwdefaults__", {"clock": lambda: self.clock})
        self.slept: list[float] = []
        how = {"clock": lambda: self.clock, "sleep": self.slept.append, "jitter": lambda: 0.5, "timer": lambda: sum(self.slept)}
        monkeypatch.setattr(deliver.Courier.__init__, "__kwdefaults__", how)

    def channel(self, type_: str, name: str, **how: Any) -> dict[str, Any]:
        defaults = {
            "pagerduty": {"routing_key": KEY, "url": self.server.url, "api_url": self.server.url},
            "webhook": {"secret": SECRET, "url": f"{self.server.url}/{name}"},
        }
        return {"name": name, "type": type_, "ca_path": str(self.pem.cert_file), "timeout": 30, **defaults.get(type_, {}), **how}

    def __call__(self, *messages: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "messages": list(messages),
            "channels": [self.channel("pagerduty", "pager"), self.channel("webhook", "hook")],
            "routes": [{"channels": ["pager"], "severities": ["P0", "P1"]}, {"channels": ["hook"]}],
            "outbox": str(self.folder),
            "deadline": 60,
            **options,
        }
        result: dict[str, Any] = self._run(NOTIFICATION, **given, _ansible_check_mode=check)
        assert KEY not in json.dumps(result) and SECRET not in json.dumps(result)
        return result

    def got(self, path: str) -> list[Any]:
        schema = PAGERDUTY if path == "/v2/enqueue" else WEBHOOK
        return [body_of(asked, schema) for asked in self.server.asked if asked.path == path]

    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]

    def later(self, seconds: float) -> None:
        self.clock += seconds


@pytest.fixture
def bench(secure: Any, run_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(secure, run_module, tmp_path / "state" / "outbox", monkeypatch)


def states(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["channel"], one["status"]) for row in result["messages"] for one in row["channels"]]


def test_a_message_goes_to_every_channel_of_its_routes_once(bench: Bench) -> None:
    result = bench(message())
    assert states(result) == [("pager", "sent"), ("hook", "sent")]
    assert (result["changed"], result["sent"], result["pending"], result["problems"]) == (True, 2, 0, [])
    again = bench(message())
    assert [row["status"] for row in again["messages"]] == ["repeated"]
    assert (again["changed"], again["sent"]) == (False, 0)
    assert len(bench.server.asked) == 2
    assert [stat.S_IMODE(path.stat().st_mode) for path in (bench.folder, *bench.folder.iterdir())] == [0o700, 0o600]


def test_from_trigger_to_resolve_and_to_the_next_trouble(bench: Bench) -> None:
    for action in ("trigger", "trigger", "acknowledge", "acknowledge", "resolve", "resolve", "trigger"):
        bench.later(1)
        bench(message(action=action))
    assert [one["event_action"] for one in bench.got("/v2/enqueue")] == ["trigger", "acknowledge", "resolve", "trigger"]


def test_the_end_of_a_trouble_goes_to_every_channel_that_knows_of_it(bench: Bench) -> None:
    options = {"routes": [{"channels": ["pager"], "severities": ["P1"]}, {"channels": ["hook"], "severities": ["P3"]}]}
    bench(message(severity="P1"), **options)
    bench.later(1)
    result = bench(message(severity="P3", action="resolve"), **options)
    assert states(result) == [("hook", "sent"), ("pager", "sent")]
    bench.later(1)
    assert states(bench(message(severity="P3", action="resolve", summary="again"), **options)) == [("hook", "sent")]


def test_the_same_trouble_with_another_severity_is_news(bench: Bench) -> None:
    bench(message(severity="P1"))
    bench.later(1)
    bench(message(severity="P0"))
    assert [one["payload"]["severity"] for one in bench.got("/v2/enqueue")] == ["error", "critical"]


def test_a_dead_channel_stops_nothing_and_the_next_run_sends_it(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = NO
    result = bench(message())
    assert not result.get("failed")
    assert states(result) == [("pager", "pending"), ("hook", "sent")]
    assert result["messages"][0]["status"] == "sent"
    assert "pager: 127.0.0.1 answered 503: no" in result["problems"][0]
    assert result["pending"] == 1
    assert bench.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(60)
    after = bench()
    assert states(after) == [("pager", "sent"), ("hook", "sent")]
    assert (after["sent"], after["pending"]) == (1, 0)
    assert len(bench.got("/hook")) == 1


def test_what_the_server_asks_for_is_waited_for_only_within_the_deadline(bench: Bench) -> None:
    answers = [[b"HTTP/1.1 429 T\r\nRetry-After: 3\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"], OK]
    bench.server.answers["/v2/enqueue"] = lambda asked: answers.pop(0)
    assert states(bench(message()))[0] == ("pager", "sent")
    assert bench.slept == [3.0]
    bench.server.answers["/v2/enqueue"] = [b"HTTP/1.1 429 T\r\nRetry-After: 3600\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]
    bench.later(1)
    assert states(bench(message(dedup_key="two")))[0] == ("pager", "pending")
    assert bench.slept == [3.0]
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(600)
    assert bench()["sent"] == 0  # the server asked for an hour
    bench.later(3001)
    assert bench()["sent"] == 1


def test_the_end_of_a_trouble_never_overtakes_its_start(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = [b"HTTP/1.1 429 T\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n"]
    bench(message())
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(1)
    assert states(bench(message(action="resolve"))) == [("pager", "pending"), ("hook", "sent")]
    bench.later(600)
    bench()
    bench.later(1)
    bench(message(dedup_key="b", severity="P2", action="resolve"), message(dedup_key="b"), message(dedup_key="b", action="resolve"))
    sent = [(one["event_action"], one["dedup_key"]) for one in bench.got("/v2/enqueue")[1:]]
    assert sent == [("trigger", "incident/1"), ("resolve", "incident/1"), ("trigger", "b"), ("resolve", "b")]


def test_a_permanent_refusal_is_not_repeated_in_the_same_run(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = (400, "application/json", '{"message": "invalid key"}')
    result = bench(message())
    assert result["messages"][0]["channels"][0]["tries"] == 1
    assert "invalid key" in result["messages"][0]["channels"][0]["says"]
    assert result["pending"] == 1  # somebody can correct the key


def test_the_fallback_gets_what_a_channel_does_not_take(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = NO
    channels = [bench.channel("pagerduty", "pager", fallback="hook"), bench.channel("webhook", "hook", fallback="pager")]
    result = bench(message(), channels=channels, routes=[{"channels": ["pager"]}])
    assert states(result) == [("pager", "fallback")]
    assert result["messages"][0]["channels"][0]["via"] == "hook"
    assert "pager failed: 127.0.0.1 answered 503" in result["messages"][0]["channels"][0]["says"]
    assert (result["pending"], len(bench.got("/hook"))) == (0, 1)
    bench.server.answers["/hook"] = NO
    bench.later(1)
    assert states(bench(message(dedup_key="b"), channels=channels, routes=[{"channels": ["pager"]}])) == [("pager", "pending")]


def test_a_channel_with_a_wrong_setting_stops_no_other(bench: Bench) -> None:
    channels = [bench.channel("pagerduty", "pager", routing_key=""), bench.channel("webhook", "hook")]
    result = bench(message(), channels=channels, routes=[{"channels": ["pager", "hook", "nowhere"]}])
    assert states(result) == [("pager", "pending"), ("hook", "sent"), ("nowhere", "pending")]
    assert sorted(result["problems"]) == [
        "nowhere: there is no channel 'nowhere'; define it in channels",
        "pager: pager: routing_key is missing, or is not one word of printable ASCII; set it",
    ]


def test_a_message_that_no_route_takes_is_a_problem_and_is_sent_when_there_is_one(bench: Bench) -> None:
    result = bench(message(severity="P3"), routes=[{"channels": ["pager"], "severities": ["P0"]}])
    assert result["messages"][0]["status"] == "unrouted" and "no route takes the message" in result["problems"][0]
    assert bench(message(severity="P3"))["sent"] == 1


def test_check_mode_shows_each_payload_and_sends_nothing(bench: Bench) -> None:
    result = bench(message(), check=True)
    assert [(one["channel"], one["messages"]) for one in result["payloads"]] == [("pager", 1), ("hook", 1)]
    assert result["payloads"][0]["payload"]["routing_key"] == "(hidden)"
    assert result["payloads"][0]["payload"]["payload"]["summary"] == "[P1] The API is down: 40 % fail"
    assert (result["changed"], bench.server.asked, bench.folder.exists()) == (True, [], False)


def test_no_secret_reaches_a_channel_the_outbox_or_the_result(bench: Bench) -> None:
    leak = f"it said {KEY}, password: hunter2hunter2, and OTHERSECRET"
    result = bench(message(title=leak, summary=leak, facts={"a": leak, "db_password": "hunter2hunter2"}), secrets=["OTHERSECRET"])
    everything = json.dumps([result, bench.kept(), bench.got("/hook"), [one["payload"] for one in bench.got("/v2/enqueue")]])
    assert not [one for one in (KEY, "hunter2", "OTHERSECRET") if one in everything]


def test_readers_outside_get_no_internal_names(bench: Bench) -> None:
    inside = (
        "euystacio-api-7d9f8b6c5d-x2x4z on 10.0.0.7:8080, service://euystacio-ai/euystacio-api:8000, opa.euystacio-ai.svc.cluster.local"
    )
    given = message(
        audience="public",
        title="The EUYSTACIO-AI service is slow",
        summary=f"Requests fail since 14:05:30. {inside}",
        facts={"region": "EU", "cluster": "production-eu", "host": inside},
        links={"status": "https://status.example.com/", "grafana": "https://grafana.example.com/"},
    )
    bench(
        given, routes=[{"channels": ["hook"], "audiences": ["public"]}], public_facts=["region", "status"], internal_names=["euystacio-ai"]
    )
    (got,) = bench.got("/hook")
    assert got["title"] == "The (internal) service is slow"
    assert got["summary"] == "Requests fail since 14:05:30. (internal) on (internal), (internal), (internal)"
    assert (got["facts"], list(got["links"])) == ({"region": "EU"}, ["status"])
    assert "euystacio" not in json.dumps(bench.kept()).replace("euystacio.meta_salvage", "")


QUIET = [{"start": "22:00", "end": "07:00", "timezone": "Europe/Rome"}]
EVENING = 1_800_050_400.0  # 2027-01-15 23:00 in Rome


def test_quiet_hours_hold_back_what_is_not_urgent(bench: Bench) -> None:
    bench.clock = EVENING
    result = bench(message(severity="P3"), message(severity="P1", dedup_key="urgent"), quiet_hours=QUIET)
    assert states(result) == [("hook", "held"), ("pager", "sent"), ("hook", "sent")]
    bench.later(8 * 3600 - 1)
    assert bench(quiet_hours=QUIET)["sent"] == 0
    bench.later(1)
    assert bench(quiet_hours=QUIET)["sent"] == 1
    assert len(bench.got("/hook")) == 2


def test_maintenance_drops_what_is_expected_and_says_so_what_lasts_longer(bench: Bench) -> None:
    bench.clock = EVENING
    window = [
        {"start": "2027-01-15T22:00", "end": "2027-01-16T00:00", "timezone": "Europe/Rome", "reason": "an upgrade", "clusters": ["eu"]}
    ]
    result = bench(message(), message(severity="P0", dedup_key="worse"), maintenance=window)
    assert states(result) == [("pager", "dropped"), ("hook", "dropped"), ("pager", "sent"), ("hook", "sent")]
    assert result["messages"][0]["channels"][0]["says"] == "not sent because of an upgrade"
    assert bench(message(), maintenance=window)["messages"][0]["status"] == "repeated"
    bench.later(3600)
    assert bench(message(), maintenance=window)["sent"] == 2


def test_what_nobody_acknowledges_is_escalated_once(bench: Bench) -> None:
    routes = [{"channels": ["pager"], "escalate": [{"after": "15m", "channels": ["hook"]}, {"after": "1h", "channels": ["ops"]}]}]
    options = {
        "routes": routes,
        "channels": [*(bench.channel("pagerduty", "pager"),), bench.channel("webhook", "hook"), bench.channel("webhook", "ops")],
    }
    bench(message(), message(dedup_key="taken"), **options)
    bench.later(60)
    bench(message(dedup_key="taken", action="acknowledge"), **options)
    bench.later(15 * 60 - 61)
    assert bench(**options)["sent"] == 0
    bench.later(1)
    assert bench(**options)["sent"] == 1
    assert bench(**options)["sent"] == 0
    (first,) = bench.got("/hook")
    assert first["title"] == "Not acknowledged for 15 min: The API is down"
    bench.later(45 * 60)
    assert bench(**options)["sent"] == 1
    assert bench.got("/ops")[0]["title"].startswith("Not acknowledged for 60 min")


def test_an_escalation_asks_the_pager_first(bench: Bench) -> None:
    routes = [{"channels": ["pager"], "escalate": [{"after": "15m", "channels": ["hook"]}]}]
    channels = [bench.channel("pagerduty", "pager", token="tok"), bench.channel("webhook", "hook")]
    bench.server.answers["/incidents"] = {"incidents": [{"status": "acknowledged"}]}
    bench(message(), routes=routes, channels=channels)
    bench.later(1000)
    assert bench(routes=routes, channels=channels)["sent"] == 0
    bench.server.answers["/incidents"] = NO  # unknown is not acknowledged
    assert bench(routes=routes, channels=channels)["sent"] == 1


def test_a_storm_is_a_few_messages_and_all_of_it_is_in_the_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    storm = [message(dedup_key=f"alert/{number}", title=f"alert {number}", severity="P2") for number in range(500)]
    result = bench(*storm, routes=[{"channels": ["pager", "hook"]}])
    assert (len(bench.got("/v2/enqueue")), len(bench.got("/hook"))) == (10, 10)
    last = bench.got("/hook")[-1]
    assert (last["title"], last["facts"]["count"]) == ("491 more messages", "491")
    assert len(bench.kept()) == len(result["messages"]) == 500
    assert {one["status"] for row in result["messages"] for one in row["channels"]} == {"sent", "grouped"}
    assert result["pending"] == 0
    # What comes then waits for its turn, and goes as one; the worst has a share of its own, and what ends an alert always goes.
    bench.later(10)
    more = [message(dedup_key=f"late/{number}", severity="P2") for number in range(3)]
    held = bench(
        *more,
        message(dedup_key="bad", severity="P0"),
        message(dedup_key="alert/0", severity="P2", action="resolve"),
        routes=[{"channels": ["pager"]}],
    )
    assert [state for _channel, state in states(held)] == ["held", "held", "held", "sent", "sent", "sent"]
    bench.later(291)
    assert bench()["sent"] == 3


def test_a_storm_of_runs_is_bounded_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    for number in range(30):
        bench.later(1)
        bench(message(dedup_key=f"alert/{number}"), flood={"limit": 5, "seconds": 300})
    assert len(bench.got("/v2/enqueue")) == 5
    bench.later(300)
    bench(flood={"limit": 5, "seconds": 300})
    sent = bench.got("/v2/enqueue")
    assert len(sent) == 10
    assert sent[-1]["payload"]["custom_details"]["count"] == "21"
    assert len(bench.kept()) == 30


def test_what_is_too_old_is_given_up_and_said(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = NO
    bench(message())
    bench.later(86401)
    result = bench()
    assert states(result)[0] == ("pager", "expired")
    assert "'The API is down' was given up after 24h" in result["problems"][0]
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(30 * 86400)
    assert bench()["messages"] == []
    assert bench.kept() == []


def test_what_is_not_a_message_in_the_outbox_hides_no_other(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = NO
    bench(message())
    (bench.folder / "000000000000001-aa.json").write_text('{"format": 1, "created": "x"}')
    (bench.folder / "000000000000002-aa.json").write_bytes(b"\xff{")
    (bench.folder / "000000000000003-aa.json").symlink_to("/etc/hostname")
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(1)
    result = bench()
    assert result["sent"] == 1
    assert len([one for one in result["problems"] if "is not a message of the outbox" in one]) == 3


def _first(data: dict[str, Any], **changes: Any) -> None:
    data["deliveries"][0].update(changes)


EDITS: list[Callable[[dict[str, Any]], None]] = [
    *(partial(_first, not_before=value) for value in ("soon", None, True, [])),
    *(partial(_first, status=value) for value in ("banana", None, 1)),
    *(partial(_first, **{name: 1.5}) for name in ("channel", "says", "reason", "via", "id", "step", "tries")),
    *(partial(_first, **{name: "x"}) for name in ("step", "tries", "at")),
    *(lambda data, value=value: data["message"].update(value) for value in ({"facts": None}, {"facts": {"a": 1}}, {"links": "x"})),
    *(lambda data, name=name: data["message"].update({name: None}) for name in ("title", "summary", "dedup_key", "kind", "severity")),
    *(lambda data, value=value: data.update(created=value) for value in ("nan", "inf", True, None, "1")),
    *(lambda data, value=value: data.update(claim={"until": 9e9, "pid": 1, "started": 1, **value}) for value in ({}, {"machine": 1})),
    *(lambda data, value=value: data.update(steps=value) for value in ({}, [{"after": 1, "channels": "hook"}], [{"after": "x"}])),
    lambda data: data.update(deliveries={}),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_message_that_another_tool_has_edited_stops_no_other(bench: Bench, edit: Callable[[dict[str, Any]], None]) -> None:
    bench.server.answers["/v2/enqueue"] = NO
    bench(message())
    (path,) = bench.folder.glob("*.json")
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(4000)
    result = bench(message(dedup_key="another"))
    assert states(result) == [("pager", "sent"), ("hook", "sent")]
    assert [one for one in result["problems"] if f"{path} is not a message of the outbox" in one]
    assert path.exists()


@pytest.mark.parametrize(
    "asked", ["9" * 400, "99999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "-5", "nonsense"]
)
def test_a_server_that_asks_for_a_pause_of_years_gets_the_alert_within_the_day(bench: Bench, asked: str) -> None:
    head = f"HTTP/1.1 429 Too Many\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n"
    bench.server.answers["/v2/enqueue"] = lambda _asked: [head.encode()]
    assert states(bench(message())) == [("pager", "pending"), ("hook", "sent")]
    bench.server.answers["/v2/enqueue"] = OK
    bench.later(3600)
    assert bench()["pending"] == 0


def test_a_clock_that_was_ahead_holds_nothing_back(bench: Bench) -> None:
    routes = [{"channels": ["hook"], "escalate": [{"after": "5m", "channels": ["pager"]}]}]
    options: dict[str, Any] = {"routes": routes, "flood": {"limit": 2, "seconds": 600}}
    bench.later(365 * 86400)
    for number in range(3):
        bench(message(dedup_key=f"ahead {number}"), **options)
    bench.later(-365 * 86400)
    bench(message(dedup_key="right"), **options)
    for _run in range(3):
        bench.later(601)
        result = bench(**options)
    assert result["pending"] == 0
    told = {one["dedup_key"] for one in bench.got("/hook")}
    assert {"ahead 0", "ahead 1"} <= told and ("right" in told or any(one.startswith("flood/") for one in told))
    assert {"ahead 0", "right"} <= {one["dedup_key"] for one in bench.got("/v2/enqueue")}


def test_a_key_with_a_secret_in_it_is_the_same_in_each_run(bench: Bench) -> None:
    for number in range(2):
        result = bench(message(dedup_key="login with password=hunter22x failed"))
        assert [row["status"] for row in result["messages"]] == ["repeated" if number else "sent"]
        assert "hunter22x" not in json.dumps(result)
    assert bench(message(dedup_key="login with password=hunter23y failed"))["sent"] == 2


def test_an_outbox_that_cannot_be_used_is_one_sentence(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    for folder, words in (
        (tmp_path / "file", "it is not a directory"),
        (tmp_path / "file" / "a", "Not a directory"),
        (tmp_path / "open", "nobody else"),
    ):
        result = bench(message(), outbox=str(folder))
        assert result["failed"] and words in result["msg"], result["msg"]
    assert bench.server.asked == []


def test_a_wrong_message_or_hours_fail_before_anything_is_sent(bench: Bench) -> None:
    for options, words in (
        ({"messages": [message(title=" ")]}, "a message has no title"),
        ({"routes": [{"channels": ["hook"], "timezone": "Europe/Roma"}]}, "is not a time zone"),
        ({"quiet_hours": [{"start": "25:00", "end": "07:00"}]}, "is not a time of day"),
        ({"maintenance": [{"start": "soon", "end": "later"}]}, "is not a time"),
        ({"routes": [{"channels": ["hook"], "escalate": [{"after": "soon", "channels": []}]}]}, "is not a duration"),
        ({"channels": [bench.channel("webhook", "a"), bench.channel("webhook", "a")]}, "two channels have the same name"),
        ({"max_age": "x"}, "is not a duration"),
    ):
        result = bench(**{"messages": [message()], **options})
        assert words in result.get("msg", ""), result
    assert bench.server.asked == []
    assert bench.kept() == []


def test_a_test_of_each_channel(bench: Bench, mailbox: Any) -> None:  # noqa: F811
    box = mailbox()
    bench.server.answers["/oncalls"] = {"oncalls": [{"user": {"summary": "Ada"}, "escalation_level": 1}]}
    bench.server.answers["/v1/pages/p/incidents/unresolved"] = []
    channels = [
        bench.channel("pagerduty", "pager", token="tok"),
        bench.channel("webhook", "hook"),
        bench.channel("webhook", "broken"),
        bench.channel("mail", "mail", host="127.0.0.1", port=box.port, sender="a@example.com", recipients=["owner", "b@example.com"]),
        bench.channel("statuspage", "page", url=bench.server.url, token="tok", page="p"),
        bench.channel("status_page", "other", url=bench.server.url + "/page"),
        bench.channel("slack_webhook", "unset"),
    ]
    result = bench(state="tested", channels=channels, contacts=[{"name": "owner", "mail": "owner@example.com"}], on_call=True)
    rows = {one["channel"]: one for one in result["received"]}
    assert {name: row["ok"] for name, row in rows.items()} == {
        **dict.fromkeys(("pager", "hook", "mail", "page", "other"), True),
        **dict.fromkeys(("broken", "unset"), False),
    }
    assert rows["mail"]["who"] == ["owner@example.com", "b@example.com"] and len(box.mails) == 1
    assert rows["pager"]["who"] == ["Ada"]
    assert [one["event_action"] for one in bench.got("/v2/enqueue")] == ["trigger", "resolve"]
    assert not [asked for asked in bench.server.asked if asked.path in {"/page", "/v1/pages/p/incidents"}]
    assert rows["broken"]["says"].startswith("127.0.0.1 answered 404")
    assert result["on_call"]["pager"]["people"][0]["name"] == "Ada"
    assert not bench.folder.exists()
    asked = len(bench.server.asked)
    assert bench(state="tested", channels=channels, check=True)["received"][1]["payload"]["kind"] == "test"
    assert len(bench.server.asked) == asked


def test_the_channel_of_an_incident_gets_its_messages_until_it_is_archived(bench: Bench) -> None:
    answers = bench.server.answers
    for method in ("setTopic", "invite", "archive"):
        answers[f"/api/conversations.{method}"] = {"ok": True}
    answers["/api/conversations.create"] = {"ok": True, "channel": {"id": "C7"}}
    answers["/api/conversations.list"] = {"ok": True, "channels": [{"id": "C7", "name": "incident-17"}]}
    answers["/api/chat.postMessage"] = {"ok": True, "ts": "1"}
    options = {
        "channels": [bench.channel("slack", "slack", token="tok", url=bench.server.url)],
        "routes": [{"channels": ["slack"]}],
        "contacts": [{"name": "owner", "slack": "U7"}],
    }
    first = bench(message(), **options, incident={"id": "17", "topic": "The API", "people": ["owner"]})
    assert first["incident_channels"] == {"slack": {"id": "C7", "name": "incident-17", "state": "present"}}
    assert states(first) == [("slack", "sent"), ("slack#C7", "sent")]
    posted = [json.loads(one.body)["channel"] for one in bench.server.asked if one.path == "/api/chat.postMessage"]
    assert sorted(posted) == ["#euystacio-ops", "C7"]
    invited = [json.loads(one.body) for one in bench.server.asked if one.path == "/api/conversations.invite"]
    assert invited == [{"channel": "C7", "users": "U7"}]
    bench.later(1)
    last = bench(message(action="resolve"), **options, incident={"id": "17", "state": "archived"})
    assert last["incident_channels"]["slack"]["state"] == "archived"
    assert [one.path for one in bench.server.asked][-1] == "/api/conversations.archive"
    answers["/api/conversations.create"] = {"ok": False, "error": "invalid_auth"}
    bench.later(1)
    dead = bench(message(), **options, incident={"id": "18"})
    assert dead["problems"] == ["slack: 127.0.0.1 refused conversations.create: invalid_auth"] and dead["sent"] == 1


CHILD = """
import json, sys
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.modules import notification
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[1])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
notification.main()
"""


def start(bench: Bench, *messages: dict[str, Any]) -> subprocess.Popen[str]:
    options = {
        "messages": list(messages),
        "channels": [bench.channel("pagerduty", "pager", timeout=30)],
        "routes": [{"channels": ["pager"]}],
        "outbox": str(bench.folder),
    }
    environ = {**os.environ, "PYTHONPATH": str(collections_path())}
    return subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(options)], stdout=subprocess.PIPE, text=True, env=environ)


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_run_that_is_killed_while_it_sends_is_finished_by_the_next_one_with_the_same_key(bench: Bench) -> None:
    bench.server.answers["/v2/enqueue"] = lambda asked: bench.server.silence()
    child = start(bench, message())
    wait_for(lambda: bench.server.asked)
    bench.clock = time.time()
    bench.server.answers["/v2/enqueue"] = OK
    assert bench(message())["sent"] == 0  # the other one is still at it
    child.send_signal(signal.SIGKILL)
    child.wait()
    result = bench()
    assert (result["sent"], result["pending"]) == (1, 0)
    assert [one["dedup_key"] for one in bench.got("/v2/enqueue")] == ["incident/1", "incident/1"]


class DiedError(BaseException):
    """As a kill is, for everything that runs in this process."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("which", range(1, 7))
def test_a_run_that_ends_at_any_write_is_finished_by_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch, which: int, when: str) -> None:
    written = outbox.Outbox.write
    left = iter(range(which - 1, -99, -1))

    def dying(self: outbox.Outbox, posting: Any) -> None:
        number = next(left)
        if number > 0 or (number == 0 and when == "after"):
            written(self, posting)
        if number <= 0:
            raise DiedError

    ended = {"machine": processes.this_machine(), "pid": 2**30, "started": 1, "until": 2e9}
    with monkeypatch.context() as patch:
        patch.setattr(outbox.Outbox, "write", dying)
        patch.setattr(task, "new_claim", lambda pid, until: ended)
        with contextlib.suppress(DiedError):
            bench(message(), message(dedup_key="b"))
    bench.later(1)
    result = bench(message(), message(dedup_key="b"))  # who was not sure that it was recorded sends it again
    assert (result["pending"], result["problems"]) == (0, [])
    for path in ("/v2/enqueue", "/hook"):
        keys = [one["dedup_key"] for one in bench.got(path)]
        assert set(keys) == {"incident/1", "b"}, "each at least once"
        assert len(keys) <= 3, "and at most one of them twice"
    assert {one["message"]["dedup_key"] for one in bench.kept()} == {"incident/1", "b"} and len(bench.kept()) == 2


def test_many_runs_at_once_send_each_message_once(bench: Bench) -> None:
    children = [start(bench, message(dedup_key=f"k{number % 2}")) for number in range(6)]
    results = [json.loads(child.communicate()[0]) for child in children]
    assert sum(result["sent"] for result in results) == 2
    assert sorted(one["dedup_key"] for one in bench.got("/v2/enqueue")) == ["k0", "k1"]
    assert len(bench.kept()) == 2
