# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each vendor gets, checked against the schemas that they publish, and how each answer and each fault is reported."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import socket
import time
from typing import Any

import jsonschema
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify import channel as room
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.build import Channels
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.channel import SendError, SkippedError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.channels.slack import channel_name, escaped
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.message import ACTIONS, SEVERITIES
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._notify.options import ChannelOptions, Contact, Rotation
from fake_vendors import (
    OPSGENIE,
    OPSGENIE_NOTE,
    PAGERDUTY,
    SLACK,
    STATUS_POST,
    STATUSPAGE,
    TEAMS,
    WEBHOOK,
    body_of,
    mailbox,  # noqa: F401
    message,
)
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = "0123456789abcdef0123456789ABCDEF"
TOKEN = "tok-VERYSECRET-4711"
SECRET = "a-secret-of-at-least-24-bytes"
HOOK = "/services/T000/B000/HOOKSECRETHOOKSECRET"
CREDENTIALS = (KEY, TOKEN, SECRET, "HOOKSECRET", "MAILSECRET")


def channel(type_: str, server: str = "https://127.0.0.1:1", **how: Any) -> Any:
    url = server
    defaults: dict[str, dict[str, Any]] = {
        "pagerduty": {"routing_key": KEY, "token": TOKEN, "api_url": url, "schedules": ("PSCHED",)},
        "opsgenie": {"token": TOKEN, "responders": ("infrastructure",), "schedules": ("ops",)},
        "slack": {"token": TOKEN},
        "slack_webhook": {"url": url + HOOK},
        "teams": {"url": url + "/workflows/1?api-version=1&sig=HOOKSECRETHOOKSECRET"},
        "statuspage": {"token": TOKEN, "page": "page1", "components": ("c1",)},
        "status_page": {"token": TOKEN, "url": url + "/incidents"},
        "webhook": {"secret": SECRET, "url": url + "/hook"},
        "mail": {
            "host": "127.0.0.1",
            "sender": "runbook@example.com",
            "recipients": ("infrastructure",),
            "username": "u",
            "password": "MAILSECRET",
        },
    }
    options = ChannelOptions(**{"name": "it", "type": type_, "url": url, "timeout": 2.0, **defaults[type_], **how})
    contacts = [Contact(name="infrastructure", mail="infra@example.com", slack="U1"), Contact(name="ada", mail="ada@example.com")]
    rotations = [Rotation(name="primary", contacts=["ada"], start="2026-01-05T09:00")]
    found = Channels([options], contacts, rotations, time.time()).find("it")
    if isinstance(found, SalvageError):
        raise found
    return found


@pytest.fixture
def at(secure: Any) -> Any:
    """A channel of a type, to the server with TLS."""

    def make(type_: str, **how: Any) -> Any:
        server, pem = secure
        return channel(type_, server.url, **{"ca_path": str(pem.cert_file), **how})

    return make


def failure(action: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert not [one for one in CREDENTIALS if one in str(caught.value)]
    return caught.value


# --- what is sent

PATHS = {
    "pagerduty": ("/v2/enqueue", PAGERDUTY, (202, {"status": "success", "message": "Event processed", "dedup_key": "incident/2026-17"})),
    "opsgenie": ("/v2/alerts", OPSGENIE, (202, {"result": "Request will be processed", "took": 0.1, "requestId": "r-1"})),
    "slack": ("/api/chat.postMessage", SLACK, (200, {"ok": True, "channel": "C1", "ts": "1.2"})),
    "slack_webhook": (HOOK, SLACK, (200, "ok")),
    "teams": ("/workflows/1", TEAMS, (202, "")),
    "statuspage": ("/v1/pages/page1/incidents", STATUSPAGE, (201, {"id": "i-1"})),
    "status_page": ("/incidents", STATUS_POST, (200, {})),
    "webhook": ("/hook", WEBHOOK, (204, "")),
}
AUDIENCE = {"statuspage": "public", "status_page": "public"}


def answered(status: int, body: Any) -> tuple[int, str, str]:
    return (status, "text/plain", body) if isinstance(body, str) else (status, "application/json", json.dumps(body))


def said_by(type_: str, **changes: Any) -> Any:
    return message(**{"audience": AUDIENCE.get(type_, "engineers"), **changes})


@pytest.mark.parametrize("type_", PATHS)
def test_a_message_is_what_the_vendor_takes(secure: Any, at: Any, type_: str) -> None:
    server, _pem = secure
    path, schema, answer = PATHS[type_]
    server.answers[path] = answered(*answer)
    server.answers["/v1/pages/page1/incidents/unresolved"] = []
    one = at(type_)
    one.send(said_by(type_))
    asked = server.asked[-1]
    payload = body_of(asked, schema)
    assert asked.method == "POST"
    assert "The API is down" in json.dumps(payload)
    assert not [secret for secret in CREDENTIALS if secret in json.dumps(one.render(said_by(type_)))]


NASTY = st.text(st.sampled_from("ab <>&*_`|\n\t\"'\\é漢🚨[]()#@!\u202e\0") | st.characters(exclude_categories=["Cs"]), max_size=2_000)


def limits_hold(type_: str, payload: Any) -> None:
    path, schema, _answer = PATHS[type_]
    sent = {"routing_key": KEY, **{k: v for k, v in payload.items() if k != "routing_key"}} if type_ == "pagerduty" else payload
    jsonschema.Draft202012Validator(schema).validate(sent)
    size = len(json.dumps(sent).encode())
    assert size <= {"pagerduty": 512 * 1024, "teams": 28 * 1024, "slack": 14_000, "slack_webhook": 14_000}.get(type_, 10**6), path


@pytest.mark.parametrize("type_", PATHS)
def test_a_huge_message_is_cut_to_the_limits(type_: str) -> None:
    facts = {f"fact {number} {'n' * 300}": "<&>" * 4000 for number in range(400)}
    links = {f"link {number}": f"https://example.com/{'p' * 500}/{number}" for number in range(60)}
    large = said_by(type_, title="<T>é" * 1000, summary="&🚨" * 400_000, facts=facts, links=links, dedup_key="k" * 3000, kind="k" * 300)
    limits_hold(type_, channel(type_).render(large))


@pytest.mark.parametrize("type_", PATHS)
@settings(max_examples=25)
@given(title=NASTY.filter(str.strip), summary=NASTY, value=NASTY, action=st.sampled_from(ACTIONS), severity=st.sampled_from(SEVERITIES))
def test_any_message_is_what_the_vendor_takes(type_: str, title: str, summary: str, value: str, action: str, severity: str) -> None:
    one = said_by(type_, title=title, summary=summary, facts={"a": value, value[:50]: "b"}, action=action, severity=severity)
    if type_ == "opsgenie" and action != "trigger":
        jsonschema.Draft202012Validator(OPSGENIE_NOTE).validate(channel(type_).render(one))
        return
    try:
        limits_hold(type_, channel(type_).render(one))
    except SkippedError:
        assert (type_, action) == ("pagerduty", "update")


@given(st.text(max_size=200), st.integers(2, 100))
def test_what_slack_would_take_for_markup_is_escaped_and_never_cut_in_two(text: str, limit: int) -> None:
    made = escaped(text, limit)
    assert len(made) <= limit
    plain = made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(plain) & set("&<>")


def test_a_mention_in_a_message_reaches_nobody() -> None:
    payload = channel("slack").render(message(title="<!channel> & <@U1>", summary="<!here>", facts={"<!everyone>": "<!channel>"}))
    texts = json.dumps([payload["text"], payload["blocks"][1:]])
    assert "<!" not in texts and "<@" not in texts
    assert "&lt;!channel&gt;" in texts


def test_pagerduty_acknowledges_and_resolves_by_the_key_alone(secure: Any, at: Any) -> None:
    secure[0].answers["/v2/enqueue"] = {"status": "success", "dedup_key": "k"}
    for action in ("acknowledge", "resolve"):
        at("pagerduty").send(message(action=action))
        assert body_of(secure[0].asked[-1], PAGERDUTY) == {"routing_key": KEY, "event_action": action, "dedup_key": "incident/2026-17"}
    with pytest.raises(SkippedError):
        at("pagerduty").send(message(action="update"))
    assert len(secure[0].asked) == 2


@pytest.mark.parametrize(("severity", "word"), [("P0", "critical"), ("P1", "error"), ("P2", "warning"), ("P3", "info")])
def test_the_severities_of_pagerduty(severity: str, word: str) -> None:
    assert channel("pagerduty").render(message(severity=severity))["payload"]["severity"] == word


def test_who_is_on_call_and_whether_somebody_acknowledged_by_pagerduty(secure: Any, at: Any) -> None:
    server, _pem = secure
    people = [
        {"user": {"summary": "Bob"}, "escalation_level": 2, "end": None},
        {"user": {"summary": "Ada"}, "escalation_level": 1, "end": "E"},
    ]
    server.answers["/oncalls"] = {"oncalls": people}
    one = at("pagerduty")
    assert [person["name"] for person in one.on_call()] == ["Ada", "Bob"]
    assert server.asked[-1].headers["authorization"] == [f"Token token={TOKEN}"]
    assert server.asked[-1].query["schedule_ids[]"] == "PSCHED"
    for statuses, known in ((["acknowledged"], True), (["triggered"], False), (["resolved", "triggered"], False), ([], None)):
        server.answers["/incidents"] = {"incidents": [{"status": status} for status in statuses]}
        assert one.acknowledged(message()) is known
    assert server.asked[-1].query["incident_key"] == "incident/2026-17"
    assert at("pagerduty", token=None).on_call() is None


def test_opsgenie_says_the_rest_to_the_alias(secure: Any, at: Any) -> None:
    server, _pem = secure
    one = at("opsgenie")
    for action, word in (("acknowledge", "acknowledge"), ("resolve", "close"), ("update", "notes")):
        server.answers[f"/v2/alerts/incident%2F2026-17/{word}"] = (202, "application/json", '{"requestId": "r"}')
        assert one.send(message(action=action)).id == "r"
        body_of(server.asked[-1], OPSGENIE_NOTE)
        assert server.asked[-1].query == {"identifierType": "alias"}
    assert server.asked[-1].headers["authorization"] == [f"GenieKey {TOKEN}"]
    server.answers["/v2/schedules/ops/on-calls"] = {"data": {"onCallRecipients": ["ada@example.com"]}}
    assert one.on_call() == [{"name": "ada@example.com", "schedule": "ops"}]
    for data, known in (({"acknowledged": True}, True), ({"acknowledged": False, "status": "open"}, False), ({"status": "closed"}, True)):
        server.answers["/v2/alerts/incident%2F2026-17"] = {"data": data}
        assert one.acknowledged(message()) is known


def test_the_web_api_of_slack_fails_with_the_status_200(secure: Any, at: Any) -> None:
    server, _pem = secure
    for problem, reason, again in (("invalid_auth", "unauthorized", False), ("ratelimited", "http_error", True), ("odd", "invalid", False)):
        server.answers["/api/chat.postMessage"] = {"ok": False, "error": problem}
        found = failure(lambda: at("slack").send(message()))
        assert (str(found), found.reason, found.again) == (f"127.0.0.1 refused chat.postMessage: {problem}", reason, again)


def test_the_channel_of_an_incident(secure: Any, at: Any) -> None:
    server, _pem = secure
    for method in ("setTopic", "archive"):
        server.answers[f"/api/conversations.{method}"] = {"ok": True}
    server.answers["/api/conversations.invite"] = {"ok": False, "error": "already_in_channel"}
    server.answers["/api/conversations.create"] = {"ok": True, "channel": {"id": "C7"}}
    one = at("slack")
    assert one.open_channel("2026/17 EU", "t" * 300, ["U1", "U2"]) == {"id": "C7", "name": "incident-2026-17-eu"}
    bodies = {asked.path: json.loads(asked.body) for asked in server.asked}
    assert bodies["/api/conversations.create"] == {"name": "incident-2026-17-eu"}
    assert len(bodies["/api/conversations.setTopic"]["topic"]) == 250
    assert bodies["/api/conversations.invite"] == {"channel": "C7", "users": "U2"}
    # It is there already: it is found, page by page.
    server.answers["/api/conversations.create"] = {"ok": False, "error": "name_taken"}
    pages = {"": {"ok": True, "channels": [{"id": "C1", "name": "x"}], "response_metadata": {"next_cursor": "2"}}}
    pages["2"] = {"ok": True, "channels": [{"id": "C8", "name": "incident-2026-17-eu"}]}
    server.answers["/api/conversations.list"] = lambda asked: pages[asked.query.get("cursor", "")]
    assert one.open_channel("2026/17 EU", "", [])["id"] == "C8"
    assert one.archive_channel("2026/17 EU") == {"id": "C8", "name": "incident-2026-17-eu"}
    pages["2"] = {"ok": True, "channels": []}
    assert one.archive_channel("2026/17 EU")["id"] == ""
    assert "archived" in str(failure(lambda: one.open_channel("2026/17 EU", "", [])))


@given(st.text(max_size=200))
def test_the_name_of_a_channel_is_one_that_slack_allows(incident: str) -> None:
    name = channel_name(incident)
    assert len(name) <= 80 and name == name.lower() and not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_")


def test_statuspage_has_one_incident_for_a_key(secure: Any, at: Any) -> None:
    server, _pem = secure
    one = at("statuspage")
    server.answers["/v1/pages/page1/incidents/unresolved"] = []
    server.answers["/v1/pages/page1/incidents"] = (201, "application/json", '{"id": "i-1"}')
    assert one.send(said_by("statuspage")).id == "i-1"
    made = body_of(server.asked[-1], STATUSPAGE)["incident"]
    assert (made["status"], made["impact_override"], made["components"]) == ("investigating", "major", {"c1": "partial_outage"})
    assert "2026-17" not in server.asked[-1].body.decode()
    server.answers["/v1/pages/page1/incidents/unresolved"] = [
        {"id": "other", "metadata": None},
        {"id": "i-1", "metadata": made["metadata"]},
    ]
    server.answers["/v1/pages/page1/incidents/i-1"] = {"id": "i-1"}
    for action, status in (("trigger", "investigating"), ("update", None), ("resolve", "resolved")):
        assert one.send(said_by("statuspage", action=action)).id == "i-1"
        assert server.asked[-1].method == "PATCH"
        assert body_of(server.asked[-1], STATUSPAGE)["incident"].get("status") == status
    assert body_of(server.asked[-1], STATUSPAGE)["incident"]["components"] == {"c1": "operational"}
    server.answers["/v1/pages/page1/incidents/unresolved"] = []
    assert "no open incident" in one.send(said_by("statuspage", action="resolve")).says
    assert server.asked[-1].method == "GET"


@pytest.mark.parametrize("type_", AUDIENCE)
@pytest.mark.parametrize("audience", ["engineers", "stakeholders"])
def test_a_status_page_gets_nothing_that_is_not_for_everybody(type_: str, audience: str) -> None:
    with pytest.raises(SkippedError):
        channel(type_).render(message(audience=audience))


def test_a_webhook_can_be_verified_by_its_receiver(secure: Any, at: Any) -> None:
    server, _pem = secure
    server.answers["/hook"] = (204, "text/plain", "")
    coded = base64.b64encode(b"k" * 24).decode()
    for secret, key in ((SECRET, SECRET.encode()), (f"whsec_{coded}", b"k" * 24)):
        at("webhook", secret=secret).send(message())
        asked = server.asked[-1]
        identity, moment, signature = (asked.headers[f"webhook-{name}"][0] for name in ("id", "timestamp", "signature"))
        assert abs(int(moment) - time.time()) < 60
        wanted = hmac.new(key, f"{identity}.{moment}.".encode() + asked.body, hashlib.sha256).digest()
        assert signature == "v1," + base64.b64encode(wanted).decode()
    assert {asked.headers["webhook-id"][0] for asked in server.asked} == {identity}
    at("webhook").send(message(title="another"))
    assert server.asked[-1].headers["webhook-id"] != [identity]


# --- what goes wrong

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
FAULTS: dict[str, tuple[Any, str, str, bool]] = {
    "429": ([b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"], "http_error", "127.0.0.1 answered 429", True),
    "500": ((500, "text/plain", "oops OWN_SECRET"), "http_error", "127.0.0.1 answered 500: oops", True),
    "400": (
        (400, "application/json", '{"message": "Event object is invalid"}'),
        "http_error",
        "127.0.0.1 answered 400: Event object is invalid",
        False,
    ),
    "401": ((401, "text/plain", ""), "unauthorized", "127.0.0.1 answered 401", False),
    "403": ((403, "text/plain", "no"), "forbidden", "127.0.0.1 answered 403: no", False),
    "redirect": (
        [b"HTTP/1.1 302 F\r\nLocation: https://evil.example.com/\r\nContent-Length: 0\r\n\r\n"],
        "http_error",
        "a redirect, which is not followed",
        False,
    ),
    "reset": ([b""], "http_error", "the connection to 127.0.0.1 broke off", True),
    "half an answer": ([HEAD], "http_error", "the connection to 127.0.0.1 broke off", True),
    "garbage": ([b"garbage\r\n\r\n"], "http_error", "the connection to 127.0.0.1 broke off", True),
}


@pytest.mark.parametrize("type_", ["pagerduty", "slack_webhook", "teams", "webhook"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(secure: Any, at: Any, type_: str, fault: str) -> None:
    answer, reason, words, again = FAULTS[fault]
    if fault == "500":
        own = {"pagerduty": f"{KEY} {TOKEN}", "webhook": SECRET, "slack_webhook": HOOK}.get(type_, "sig=HOOKSECRETHOOKSECRET")
        answer = (500, "text/plain", answer[2].replace("OWN_SECRET", own))
    secure[0].answers[PATHS[type_][0]] = lambda asked: answer
    found = failure(lambda: at(type_).send(message()))
    assert (found.reason, found.again) == (reason, again)
    assert words in str(found)
    assert found.after == (7.0 if fault == "429" else None)
    assert len(secure[0].asked) == 1


@pytest.mark.parametrize("how", ["silence", "slow body"])
def test_what_takes_too_long_ends_in_time(secure: Any, at: Any, how: str) -> None:
    server, _pem = secure
    server.answers["/v2/enqueue"] = lambda asked: server.silence() if how == "silence" else server.drip(HEAD)
    started = time.monotonic()
    found = failure(lambda: at("pagerduty", timeout=30).send(message(), timeout=0.2))
    assert time.monotonic() - started < 3
    assert (str(found), found.reason, found.again) == ("127.0.0.1 did not answer within 0.2 s", "timeout", True)


def test_an_answer_without_an_end_is_not_read(secure: Any, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MAX_BYTES", 1000)
    secure[0].answers["/v2/enqueue"] = (200, "text/plain", "x" * 5000)
    assert failure(lambda: at("pagerduty").send(message())).reason == "too_large"


@pytest.mark.parametrize("body", ["ok", "[]", '{"a"', ""])
def test_an_answer_that_is_not_the_vendors_is_no_success(secure: Any, at: Any, body: str) -> None:
    secure[0].answers["/v2/enqueue"] = (202, "application/json", body)
    found = failure(lambda: at("pagerduty").send(message()))
    assert "something that is not a JSON object" in str(found)


LOGIN_PAGE = (200, "text/html", "<html>Please log in</html>")
NOT_TAKEN: dict[str, list[Any]] = {
    "pagerduty": [LOGIN_PAGE, {}, {"status": "invalid event", "message": "Event object is invalid"}, {"status": None}],
    "opsgenie": [LOGIN_PAGE, {}, {"message": "Could not authenticate"}],
    "slack": [LOGIN_PAGE, {}, {"ok": "true"}],
    "slack_webhook": [LOGIN_PAGE, (200, "text/plain", "invalid_token"), {"ok": False, "error": "no"}],
    "teams": [
        LOGIN_PAGE,
        (200, "text/plain", "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"),
    ],
    "statuspage": [LOGIN_PAGE, {}, {"error": "no"}, []],
}


@pytest.mark.parametrize(("type_", "answer"), [(type_, answer) for type_, answers in NOT_TAKEN.items() for answer in answers])
def test_a_status_of_success_with_another_body_is_no_success(secure: Any, at: Any, type_: str, answer: Any) -> None:
    server, _pem = secure
    server.answers["/v1/pages/page1/incidents/unresolved"] = []
    server.answers[PATHS[type_][0]] = answer
    found = failure(lambda: at(type_).send(said_by(type_)))
    assert found.reason == "invalid"
    assert found.again == ("429" in str(answer))


@pytest.mark.parametrize("answer", [LOGIN_PAGE, {"incidents": []}, (200, "application/json", "null"), (200, "application/json", "")])
@pytest.mark.parametrize("action", ["trigger", "acknowledge", "resolve"])
def test_a_page_that_does_not_say_what_is_open_is_not_taken_for_an_empty_one(secure: Any, at: Any, answer: Any, action: str) -> None:
    server, _pem = secure
    server.answers["/v1/pages/page1/incidents/unresolved"] = answer
    one = at("statuspage")
    assert failure(lambda: one.send(said_by("statuspage", action=action))).reason == "invalid"
    assert failure(one.probe).reason == "invalid"
    assert [asked.method for asked in server.asked] == ["GET", "GET"]


def test_a_certificate_that_nobody_vouches_for(secure: Any) -> None:
    found = failure(lambda: channel("pagerduty", secure[0].url).send(message()))
    assert found.reason == "tls" and not found.again
    assert str(found).startswith("TLS with 127.0.0.1 failed: ")
    assert secure[0].asked == []


def test_a_name_that_dns_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(*args: Any, **how: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    found = failure(lambda: channel("slack_webhook", "https://hooks.example.com").send(message()))
    assert (found.reason, found.again) == ("unreachable", True)
    assert "hooks.example.com is unreachable: " in str(found) and "Name or service not known" in str(found)


def test_a_port_that_nobody_listens_on() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = failure(lambda: channel("teams", f"https://127.0.0.1:{port}").send(message()))
    assert (found.reason, found.again) == ("unreachable", True)


@pytest.mark.parametrize(
    ("type_", "how", "words"),
    [
        ("slack_webhook", {"url": "http://hooks.example.com/s"}, "url is not https"),
        ("slack_webhook", {"url": "https://u:VERYSECRET@hooks.example.com/s"}, "holds a login"),
        ("slack_webhook", {"url": "hooks.example.com"}, "is not an address"),
        ("slack_webhook", {"url": None}, "url is missing"),
        ("slack_webhook", {"url": "https://[VERYSECRET"}, "is not an address"),
        ("slack_webhook", {"ca_path": "/nowhere/ca.pem"}, "there is no file /nowhere/ca.pem"),
        ("pagerduty", {"routing_key": ""}, "routing_key is missing"),
        ("pagerduty", {"routing_key": "two words"}, "routing_key is missing"),
        ("opsgenie", {"token": None}, "token is missing"),
        ("slack", {"token": "a\nb"}, "token is missing"),
        ("statuspage", {"page": None}, "page is missing"),
        ("webhook", {"secret": "short"}, "fewer than 24 bytes"),
        ("webhook", {"secret": "whsec_%%%"}, "whsec_ and base64"),
        ("mail", {"host": None}, "host or recipients are missing"),
        ("mail", {"recipients": ()}, "host or recipients are missing"),
        ("mail", {"sender": "nobody"}, "'nobody' is not a mail address"),
        ("mail", {"recipients": ("a@b.c\nBcc: x@y.z",)}, "is not a mail address"),
        ("mail", {"ca_path": "/nowhere/ca.pem"}, "/nowhere/ca.pem can't be read"),
    ],
)
def test_a_channel_that_cannot_be_built(type_: str, how: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError) as caught:
        channel(type_, **how)
    assert caught.value.reason == "bad_input"
    assert words in str(caught.value)
    assert "VERYSECRET" not in str(caught.value)


# --- mail


def test_a_mail(secure: Any, at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "MAILSECRET"))
    sent = at("mail", port=box.port, recipients=("infrastructure", "primary", "x@example.com")).send(message(title="Ünïcode\r\nBcc: z@z"))
    (envelope,) = box.mails
    assert box.secure == [True]
    assert envelope.rcpt_tos == ["infra@example.com", "ada@example.com", "x@example.com"]
    got = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert got["Subject"] == "[P1] Ünïcode Bcc: z@z"
    assert got["Bcc"] is None
    assert got["Message-ID"] == sent.id
    assert got["Auto-Submitted"] == "auto-generated"
    assert "cluster: production-eu" in got.get_content()


def test_a_mail_server_that_hangs_up_after_it_took_a_mail_gets_it_once(secure: Any, at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "MAILSECRET"))
    box.hangs_up = True
    assert at("mail", port=box.port).send(message()).id
    assert len(box.mails) == 1


def test_a_mail_server_that_repeats_the_login(secure: Any, at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "MAILSECRET"))
    login = base64.b64encode(b"\0u\0MAILSECRET").decode()
    box.refuse["data"] = f"554 no mails for {login} or {base64.b64encode(b'MAILSECRET').decode()}"
    words = str(failure(lambda: at("mail", port=box.port).send(message())))
    assert "554 no mails for" in words
    assert login not in words and base64.b64encode(b"MAILSECRET").decode() not in words


def test_mails_of_one_trouble_are_one_thread_and_the_same_one_has_one_id() -> None:
    one = channel("mail")
    first, second = one.render(message()), one.render(message(action="resolve"))
    assert first["References"] == second["References"]
    assert first["Message-ID"] == one.render(message())["Message-ID"] != second["Message-ID"]


def test_without_starttls_nothing_is_sent(at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(tls=False)
    found = failure(lambda: at("mail", port=box.port).send(message()))
    assert found.reason == "tls" and "does not offer STARTTLS" in str(found)
    assert box.mails == []


def test_a_mail_server_with_a_wrong_certificate_gets_no_password(at: Any, pem: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "MAILSECRET"))
    found = failure(lambda: at("mail", port=box.port, ca_path=str(pem("other").cert_file)).send(message()))
    assert found.reason == "tls" and not found.again
    assert str(found).startswith(f"TLS with 127.0.0.1:{box.port} failed: ")
    name = failure(lambda: at("mail", port=box.port, host="localhost").send(message()))
    assert name.reason == "tls" and "ostname" in str(name)
    assert box.mails == []


def test_a_wrong_login(at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "another"))
    found = failure(lambda: at("mail", port=box.port).send(message()))
    assert (found.reason, found.again) == ("unauthorized", False)


def test_a_password_that_smtp_cannot_send(at: Any, mailbox: Any) -> None:  # noqa: F811
    box = mailbox(login=("u", "another"))
    found = failure(lambda: at("mail", port=box.port, password="MAILSECRET\u00e9").send(message()))
    assert (found.reason, found.again) == ("bad_input", False)


@pytest.mark.parametrize(("answer", "again"), [("550 no such user MAILSECRET", False), ("451 later", True)])
def test_recipients_that_are_refused(at: Any, mailbox: Any, answer: str, again: bool) -> None:  # noqa: F811
    box = mailbox()
    box.refuse["infra@example.com"] = answer
    one = at("mail", port=box.port, username=None, recipients=("infrastructure",))
    assert failure(lambda: one.send(message())).again is again
    some = at("mail", port=box.port, username=None, recipients=("infrastructure", "ada"))
    assert some.send(message()).says == "refused for infra@example.com"


def test_a_mail_server_that_says_nothing_or_hangs_up(at: Any) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(4)
        one = at("mail", port=mute.getsockname()[1])
        found = failure(lambda: one.send(message(), timeout=0.2))
        assert (found.reason, found.again) == ("timeout", True)
    found = failure(lambda: one.send(message(), timeout=1))
    assert found.reason in {"unreachable", "http_error"} and found.again
