# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import info_task, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.model import _APPLY as KINDS_OF_RECORDS
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records import chain_configmaps
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.chain_store import FolderChains, Keys, grow
from ansible_collections.euystacio.meta_salvage.plugins.modules import incident, incident_info
from hypothesis import given, settings
from hypothesis import strategies as st

NOON = 1795608000.0  # 2026-11-25T12:00:00Z, a Wednesday
MINUTE = 60.0
FIELDS = [
    *("title", "severity", "severity_by", "started_at", "plan", "severities", "P0", "calendar", "duties", "hours", "escalation", "after"),
    *("to", "before", "by", "why", "item", "state", "role", "alerts", "fingerprint", "starts_at", "name", "failing_share", "workloads"),
    *("services", "providers", "nodes", "pods", "unknown", "number", "kind", "link", "facts", "owner", "due", "key", "deadline", "text"),
    *("update_every", "remind_at", "id", "starts", "within", "phase"),
]
CONFIGMAPS = "/api/v1/namespaces/euystacio-ai/configmaps"


def alert(name: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "fingerprint": f"{name}-{number}",
        "starts_at": "2026-11-25T11:58:00Z",
        "labels": {"alertname": name, "severity": "critical", "namespace": "euystacio-ai"},
        "annotations": {"summary": f"{name} is not as it should be"},
        "state": "active",
        **more,
    }


@pytest.fixture(params=["folder", "cluster"])
def place(request: pytest.FixtureRequest, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Where incidents are kept: as options of the modules."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(Cluster, "connect", lambda *_args, **_how: api)
    return {"dir": str(tmp_path / "incidents")} if request.param == "folder" else {}


@pytest.fixture
def change(place: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    return lambda now=NOON, check_mode=False, **given: task.run({"who": "ops", **place, **given}, now, check_mode=check_mode)


@pytest.fixture
def show(place: dict[str, Any]) -> Callable[..., Any]:
    def ask(now: float = NOON, **given: Any) -> Any:
        return info_task.run({**place, **given}, now)["incidents"]

    return ask


def kinds(result: dict[str, Any]) -> list[str]:
    return [record["kind"] for record in result["new"]]


def test_an_incident_from_the_first_alert_to_the_review(change: Any, show: Any, plan: dict[str, Any]) -> None:
    opened = change(state="opened", alerts=[alert("QEKBelowMinimum")], plan=plan, severity="P0")
    name = opened["incident"]["id"]
    assert (name, opened["changed"], kinds(opened)) == ("20261125-1", True, ["opened", "proposal", "alerts"])
    assert opened["incident"]["started_at"] == "2026-11-25T11:58:00Z"
    assert (opened["messages"][0]["action"], opened["messages"][0]["dedup_key"]) == ("trigger", f"incident-{name}")
    again = change(state="opened", alerts=[alert("QEKBelowMinimum")], plan=plan, severity="P0")
    assert (again["changed"], again["incident"]["id"]) == (False, name)
    worked = change(NOON + 3 * MINUTE, acknowledged=True, roles={"commander": "alice"}, done=["channel", "find_cause"], text="looking")
    assert kinds(worked) == ["note", "acknowledged", "role", "item", "item"]
    handed = change(NOON + 4 * MINUTE, roles={"commander": "bob"})
    assert handed["new"][0]["data"] == {"role": "commander", "before": "alice", "after": "bob"}
    assert kinds(change(NOON + 10 * MINUTE, state="mitigated", why="rolled back")) == ["mitigated"]
    assert kinds(change(NOON + 40 * MINUTE, state="resolved", why="fixed")) == ["resolved"]
    assert not change(NOON + 41 * MINUTE, state="resolved", id=name)["changed"]
    with pytest.raises(SalvageError, match=r"has open duties: .*report"):
        change(NOON + 50 * MINUTE, state="reviewed")
    rest = [duty["id"] for duty in show()[0]["duties"] if duty["state"] == "open"]
    done = change(NOON + 86400, state="reviewed", done=rest)
    assert done["incident"]["status"] == "reviewed"
    with pytest.raises(SalvageError, match="its record is closed"):
        change(NOON + 86500, id=name, text="one more")
    found = show(id=name, records=True)[0]
    assert (found["verified"], found["head"], found["head_known"]) == (True, done["head"], True)
    assert [record["number"] for record in found["records"]] == list(range(1, found["entries"] + 1))


def test_check_mode_writes_nothing(change: Any, show: Any, place: dict[str, Any], api: Any) -> None:
    planned = change(state="opened", title="slow", severity="P2", check_mode=True)
    assert (planned["changed"], kinds(planned)) == (True, ["opened", "acknowledged"])
    assert (show(), api.writes, bool(place) and Path(place["dir"]).exists()) == ([], [], False)
    change(state="opened", title="slow", severity="P2")
    assert change(text="a note", check_mode=True)["changed"]
    assert show()[0]["entries"] == 2


def test_a_storm_of_500_alerts_is_one_incident_with_all_of_them(change: Any, show: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_configmaps, "FULL", 32 * 1024)
    storm = [alert("Storm", number, annotations={"summary": "ü" * 300}) for number in range(500)]
    for start in range(0, 500, 100):
        change(state="opened", alerts=[*storm[start : start + 100], *storm[:50]])
    (found,) = show()
    assert {one["fingerprint"] for one in found["alerts"]} == {one["fingerprint"] for one in storm}
    assert (found["entries"] < 30, found["verified"]) == (True, True)
    for path, one in api.objects.items():
        assert len(json.dumps(one, ensure_ascii=False).encode()) < 128 * 1024, path
    ended = change(alerts=[{**one, "status": "resolved"} for one in storm])
    assert all(one["ended"] for one in ended["incident"]["alerts"])
    assert len(ended["messages"]) == 0


def test_alerts_that_ended_are_recorded_where_they_are_known(change: Any, show: Any) -> None:
    assert change(state="opened", alerts=[alert("Old", status="resolved")]) | {"diff": 0} == {
        "changed": False, "incident": {}, "new": [], "messages": [], "head": {"count": 0, "digest": ""}, "diff": 0
    }  # fmt: skip
    change(state="opened", alerts=[alert("First")])
    change(state="resolved")
    second = change(state="opened", alerts=[alert("Second"), alert("First", status="resolved")])
    assert second["incident"]["id"] == "20261125-2"
    first = show(id="20261125-1")[0]
    assert [one["ended"] for one in first["alerts"]] == ["2026-11-25T12:00:00Z"]
    suppressed = [alert("Quiet", state="silenced"), {**alert("Quiet"), "state": None, "status": {"state": "suppressed"}}]
    assert not change(state="updated", id="20261125-2", alerts=suppressed)["changed"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"state": "opened", "title": "x"}, "severity is missing"),
        ({"state": "opened", "severity": "P1"}, "title is missing"),
        ({"state": "updated", "text": "x"}, "there is no incident that can be updated"),
        ({"state": "updated", "id": "20261125-9", "text": "x"}, "there is no incident 20261125-9"),
        ({"state": "updated", "id": "../../etc"}, "write the id of an incident"),
        ({"state": "opened", "alerts": ["x"]}, r"alerts\[0\] is 'x'"),
        ({"state": "opened", "title": "x", "severity": "P1", "started_at": "yesterday"}, "started_at is 'yesterday'"),
        ({"state": "opened", "title": "x", "severity": "P1", "roles": {"king": "me"}}, "roles has 'king'"),
        ({"state": "opened", "title": "x", "severity": "P1", "done": ["x"]}, "has no duty 'x'"),
        ({"state": "opened", "title": "x", "severity": "P1", "plan": {"severities": {}}}, "plan.severities must have P0, P1, P2, P3"),
        ({"state": "opened", "title": "x", "severity": "P1", "actions": [{"title": "x", "owner": "y", "due": "soon"}]}, "due is 'soon'"),
        (
            {"state": "opened", "title": "x", "severity": "P1", "evidence": [{"kind": "x", "title": "y", "facts": {"z": []}}]},
            "neither a text",
        ),
        ({"state": "opened", "title": "x", "health": {"status": "healthy"}}, "write the report of health_info"),
    ],
)
def test_a_wrong_request_adds_nothing(change: Any, show: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        change(**given)
    assert show() == []


def test_moves_that_do_not_follow_each_other_are_refused(change: Any) -> None:
    name = change(state="opened", title="x", severity="P1")["incident"]["id"]
    for state, words in (("reviewed", "no incident that can be reviewed"), ("cancelled", "why is missing")):
        with pytest.raises(SalvageError, match=words):
            change(state=state)
    change(state="resolved")
    for state in ("mitigated", "cancelled"):
        with pytest.raises(SalvageError, match=f"is resolved, so it can't be {state}"):
            change(state=state, id=name, why="x")
    reopened = change(state="opened", id=name, why="it came back")
    assert (kinds(reopened), reopened["incident"]["mitigated_at"]) == (["reopened"], None)
    assert change(state="cancelled", why="a test")["incident"]["status"] == "cancelled"
    assert not change(state="cancelled", why="a test", id=name)["changed"]


def test_two_incidents_by_hand_are_two_and_alerts_join_the_newest(change: Any, show: Any) -> None:
    for title in ("one", "two", "one"):
        change(state="opened", title=title, severity="P2")
    assert [one["title"] for one in show()] == ["two", "one"]
    with pytest.raises(SalvageError, match="2 incidents can be resolved: 20261125-2, 20261125-1; set id"):
        change(state="resolved")
    assert change(state="opened", alerts=[alert("A")])["incident"]["title"] == "two"
    assert change(state="opened", alerts=[alert("B")], cluster_name="other")["incident"]["title"] == "two"


def test_the_severity_follows_the_facts_until_a_person_sets_it(change: Any) -> None:
    assert change(state="opened", alerts=[alert("A")])["incident"]["severity"] == "P2"
    raised = change(error_rate=0.7)
    assert (raised["incident"]["severity"], raised["new"][1]["data"]["by"]) == ("P0", "proposal")
    assert change(severity="P1", why="one region only")["incident"]["severity"] == "P1"
    left = change(error_rate=0.9)
    assert (left["incident"]["severity"], left["incident"]["proposed"]) == ("P1", "P0")
    assert left["incident"]["proposed_why"] == "90.0% of requests fail"


def test_a_run_that_was_killed_before_it_told_anybody_is_told_by_the_next(change: Any) -> None:
    alerts = [alert("QEKBelowMinimum")]
    told = change(state="opened", alerts=alerts, severity="P0")["messages"]
    again = change(NOON + MINUTE, state="opened", alerts=alerts, severity="P0")
    assert (again["changed"], again["new"], again["messages"]) == (False, [], told[:1])
    assert told[0]["action"] == "trigger"
    change(NOON + 2 * MINUTE, acknowledged=True)
    assert change(NOON + 3 * MINUTE, state="opened", alerts=alerts, severity="P0")["messages"] == []
    name = again["incident"]["id"]
    for state in ("mitigated", "resolved"):
        first = change(NOON + 4 * MINUTE, state=state, id=name, why="x")["messages"]
        assert change(NOON + 5 * MINUTE, state=state, id=name, why="x")["messages"] == first != []
    assert change(NOON + 6 * MINUTE, id=name, text="a note")["messages"] == []
    by_hand = change(state="opened", title="slow", severity="P2")["messages"]
    assert change(state="opened", title="slow", severity="P2")["messages"] == by_hand[:1]


def test_a_clock_that_went_back_makes_no_time_of_zero(change: Any, show: Any, place: dict[str, Any], plan: dict[str, Any]) -> None:
    change(state="opened", title="slow", severity="P0", plan=plan)
    change(NOON - 3600, state="resolved", why="fixed")
    result = info_task.run({**place, "reports": True}, NOON)
    assert (result["metrics"]["all"]["mttr"], result["metrics"]["all"]["mttm"]) == (None, None)
    text = result["incidents"][0]["markdown"]
    assert "| resolve | not known: a clock was wrong |" in text
    assert "How long it lasted is not known" in text and "lasted 0 s" not in text


def test_a_clock_that_was_ahead_hides_no_deadline(change: Any, show: Any, plan: dict[str, Any]) -> None:
    change(NOON + 365 * 86400, state="opened", title="slow", severity="P0", plan=plan)
    assert [one["kind"] for one in show()[0]["due"]] == ["clock_ahead"]
    assert kinds(change(watch=True)) == ["clock_ahead"]
    assert kinds(change(NOON + 30, watch=True)) == []
    assert "overdue" in kinds(change(NOON + 86400, watch=True))
    assert "the clock was ahead at 2027-11-25T12:00:00Z" in show(reports=True)[0]["markdown"]


def test_no_credential_is_recorded(change: Any, show: Any) -> None:
    change(state="opened", title="login https://u:hunter22@host failed", severity="P2", text="password: hunter22", evidence=[
        {"kind": "log", "title": "x", "link": "https://u:hunter22@host/log", "facts": {"token": "hunter22"}}])  # fmt: skip
    assert "hunter22" not in json.dumps(show(records=True))


def tampered(api: Any, place: dict[str, Any], how: str, number: int) -> None:
    """Change, remove or swap an entry as somebody with the rights of the store can."""
    if "dir" in place:
        files = sorted(Path(place["dir"]).glob("*/*.json"))
        one, next_one = files[number], files[number - 1]
        if how == "changed":
            one.write_text(one.read_text().replace("note ", "Note "))
        elif how == "removed":
            one.unlink()
        else:
            a, b = one.read_text(), next_one.read_text()
            one.write_text(b)
            next_one.write_text(a)
        return
    (path,) = [path for path in api.objects if path.startswith(CONFIGMAPS)]
    obj = api.objects[path]
    names = sorted(obj["data"])
    one, next_one = names[number], names[number - 1]
    data = dict(obj["data"])
    if how == "changed":
        data[one] = data[one].replace("note ", "Note ")
    elif how == "removed":
        del data[one]
    else:
        data[one], data[next_one] = data[next_one], data[one]
    api.put(path, {**obj, "data": data})


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("how", "number"), [*itertools.product(["changed", "removed", "moved"], [2, 3, 4, 5, 6])])
def test_a_changed_removed_or_moved_entry_is_found(
    change: Any, show: Any, place: dict[str, Any], api: Any, tmp_path: Path, how: str, number: int, signed: bool
) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 4)
    key = {"key": f"hmac:{tmp_path / 'key'}"} if signed else {}
    change(state="opened", title="x", severity="P1", **key)
    for count in range(5):
        head = change(text=f"note {count}", **key)["head"]
    assert show(**key)[0]["verified"]
    tampered(api, place, how, number)
    (found,) = show(**key)
    assert not found["verified"]
    with pytest.raises(SalvageError, match="so nothing was recorded"):
        change(text="more", id="20261125-1", **key)
    os.environ["XDG_STATE_HOME"] = str(tmp_path / "another user")
    assert not show(id="20261125-1", expected_count=head["count"], expected_head=head["digest"], **key)[0]["verified"]


def test_a_signed_record_needs_the_key_and_an_unsigned_one_none(change: Any, show: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef" * 4)
    key = f"hmac:{tmp_path / 'key'}"
    change(state="opened", title="x", severity="P1", key=key)
    assert "no key was given" in show()[0]["problems"][0]
    with pytest.raises(SalvageError, match="not"):
        change(id="20261125-1", text="x")
    with pytest.raises(SalvageError, match="give key too"):
        change(id="20261125-1", text="x", keys=[key])
    assert show(keys=[key])[0]["verified"]


def test_fifty_writers_lose_nothing(change: Any, show: Any) -> None:
    change(state="opened", title="x", severity="P1")
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda number: change(id="20261125-1", text=f"note {number}"), range(50)))
    assert all(kinds(one) == ["note"] for one in done)
    (found,) = show(records=True)
    assert sorted(record["data"]["text"] for record in found["records"][2:]) == sorted(f"note {number}" for number in range(50))
    assert found["verified"]


def test_fifty_that_open_at_once_by_alerts_open_one(change: Any, show: Any) -> None:
    with ThreadPoolExecutor(50) as pool:
        done = list(pool.map(lambda number: change(state="opened", alerts=[alert("A", number)]), range(50)))
    assert {one["incident"]["id"] for one in done} == {"20261125-1"}
    assert len(show()[0]["alerts"]) == 50


def test_a_broken_connection_adds_an_entry_once(change: Any, show: Any, api: Any) -> None:
    breaks = itertools.count()
    api.stumble = lambda method, path: "reset after" if method != "GET" and next(breaks) % 2 == 0 else None
    for _attempt in range(2):
        change(state="opened", title="x", severity="P1")
    assert kinds(change(text="a note")) == ["note"]
    assert show()[0]["entries"] == 3


def test_a_full_configmap_is_closed_and_followed_by_another(
    change: Any, show: Any, place: dict[str, Any], api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_configmaps, "FULL", 4000)
    change(state="opened", title="x", severity="P1")
    for count in range(8):
        change(text=f"{count} " + "x" * 900)
    assert (show()[0]["entries"], show()[0]["verified"]) == (10, True)
    if api.objects:
        parts = [api.objects[path] for path in sorted(api.objects) if path.startswith(CONFIGMAPS)]
        assert [one.get("immutable", False) for one in parts] == [True] * (len(parts) - 1) + [parts[-1].get("immutable", False)]
        assert len(parts) > 1
        api.remove(f"{CONFIGMAPS}/{parts[0]['metadata']['name']}")
        assert not show()[0]["verified"]


def test_configmaps_of_somebody_else_are_left_alone(change: Any, show: Any, place: dict[str, Any], api: Any) -> None:
    label = {"labels": {"meta-salvage.euystacio/incident": "20261125-1"}}
    api.put(f"{CONFIGMAPS}/planted", {"kind": "ConfigMap", "metadata": label, "data": {"000001.json": "{}"}})
    assert show() == []
    assert change(state="opened", title="x", severity="P1")["incident"]["id"] == "20261125-1"
    assert show()[0]["verified"]


WRITER = """
import sys, itertools
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import task
for number in itertools.count():
    done = task.run({"dir": sys.argv[1], "id": sys.argv[2], "who": "w", "text": f"{sys.argv[3]}-{number}"}, 1795608000.0, check_mode=False)
    print(done["new"][0]["data"]["text"], flush=True)
"""


@pytest.mark.parametrize("pause", [0.05, 0.15, 0.3])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = {"dir": str(tmp_path / "incidents")}
    name = task.run({**place, "state": "opened", "title": "x", "severity": "P1"}, NOON, check_mode=False)["incident"]["id"]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, place["dir"], name, "a"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip()]
    collector = threading.Thread(target=lambda: said.extend(line.strip() for line in writer.stdout or ()))
    collector.start()
    time.sleep(pause)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    collector.join()
    (found,) = info_task.run({**place, "records": True}, NOON)["incidents"]
    texts = [record["data"].get("text") for record in found["records"]]
    assert found["verified"]
    assert set(said) <= set(texts)
    assert task.run({**place, "id": name, "text": "after"}, NOON, check_mode=False)["changed"]


def test_the_modules_run(run_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any]) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = {"dir": str(tmp_path / "incidents")}
    opened = run_module(incident, **place, state="opened", title="slow", severity="P1", plan=plan, alerts=[alert("A")])
    assert (opened["changed"], opened["diff"]["after"]["#1 opened"]["title"]) == (True, "slow")
    listed = run_module(incident_info, **place, fail_on_unverified=True)
    assert listed["incidents"][0]["id"] == opened["incident"]["id"]
    (file,) = Path(place["dir"]).glob("*/000001.json")
    file.write_text(file.read_text().replace("slow", "fast"))
    failed = run_module(incident_info, **place, fail_on_unverified=True)
    assert failed["msg"].startswith("1 of 1 incidents are not verified")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.sampled_from(["P0", "2026-11-25T12:00:00Z", "NaN"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([*KINDS_OF_RECORDS, "x"]), st.dictionaries(st.sampled_from(FIELDS), JSON)), min_size=1, max_size=5)
)
def test_a_record_that_was_written_by_hand_ends_in_a_sentence(records: list[tuple[str, dict[str, Any]]]) -> None:
    contents = [{"at": "2026-11-25T12:00:00Z", "by": "x", "kind": kind, "data": data} for kind, data in records]
    templates = {"a": {"audience": "public", "text": "{{ what }}"}}
    with tempfile.TemporaryDirectory() as folder:
        place = {"dir": f"{folder}/i", "id": "20261125-1"}
        grow(FolderChains(Path(place["dir"])), place["id"], lambda found: contents[len(found) :], Keys(), Path(folder, "head"), "run")
        with contextlib.suppress(SalvageError):
            info_task.run({**place, "reports": True, "records": True, "templates": templates}, NOON)
        with contextlib.suppress(SalvageError):
            task.run({**place, "state": "resolved", "watch": True}, NOON + 9 * 86400, check_mode=False)
