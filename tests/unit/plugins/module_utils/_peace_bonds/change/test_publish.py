# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing: what is in force is proven by every pod, or taken back; whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.policy_files import (
    REVISION_FILE,
    published,
    revision,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import load_logs, publish, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.fixtures import Fixture
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.publish import (
    Publisher,
    RefusedError,
    Target,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.restrict import RULE_FILE, Restriction, present

SPACE = "/api/v1/namespaces/euystacio-ai"
MAP = f"{SPACE}/configmaps/peace-bonds-policies"
OLD = {"p.rego": "limit=0.8 \n"}
NEW = {"p.rego": "limit=0.7 \n"}
GOOD = Fixture("good", {"score": 0.1}, True)


class Clock:
    """Time passes only where it is slept."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_795_543_200.0 + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Session(Cluster):
    """The API server of the fixture, and pods of OPA behind its proxy that load what the ConfigMap holds."""

    def __init__(self, api: Any, clock: Clock, restricted_by: Any) -> None:
        super().__init__(api.server, self)  # type: ignore[arg-type]
        self.api = api
        self.restricted_by = restricted_by
        self.clock = clock
        self.deaf: set[str] = set()  # never load anything new
        self.complain = False
        self.lenient: set[str] = set()  # restrictions do not bind there
        self.wrong: set[str] = set()  # deny everything, whatever the policy
        self.loaded: dict[str, dict[str, str]] = {}
        self.new_files_after = 0.0
        self.loads_at = 1.0  # on the clock: the kubelet takes its time

    timeout = 5.0

    def add_pod(self, name: str, **metadata: Any) -> None:
        self.api.put(f"{SPACE}/pods/{name}", {"metadata": {"name": name, **metadata}, "status": {"phase": "Running"}})
        self.loaded[name] = self.api.objects[MAP]["data"]

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        path = url.removeprefix(self.server)
        if "/proxy/" in path:
            return self.pod(path.split("/pods/")[1].split(":")[0], path.split("/proxy")[1], kwargs.get("body"))
        query = {"dryRun": "All"} if "dryRun" in (kwargs.get("query") or {}) else None
        if method == "GET" and path.endswith("/configmaps"):
            answer = self.api.http.request(method, url)
            listed = json.loads(answer.body)
            listed["items"] = [item for item in listed["items"] if publish.HISTORY in (item["metadata"].get("labels") or {})]
            return Response(200, answer.headers, json.dumps(listed).encode(), 0.0)
        return self.api.http.request(method, url, **{**kwargs, "query": query})

    def pod(self, name: str, path: str, body: bytes | None) -> Response:
        def says(document: Any, status: int = 200) -> Response:
            return Response(status, {"content-type": "application/json"}, json.dumps(document).encode(), 0.0)

        if name not in self.deaf and self.clock.now >= self.loads_at:
            self.loaded[name] = self.api.objects[MAP]["data"]
        files = self.loaded[name]
        if path == "/health":
            return says({}) if name not in self.wrong else says({"error": "not ready"}, 500)
        if body is None:
            return says({"result": files[REVISION_FILE].split('"')[1]} if REVISION_FILE in files else {})
        document = json.loads(body)["input"]
        deny = [] if document.get("score", 1) < float(files["p.rego"].split("limit=")[1].split()[0]) else ["x"]
        if name not in self.lenient and self.clock.now >= self.loads_at + self.new_files_after:
            deny += self.restricted_by(files, document)
        return says({"result": {"allow": not deny, "deny": deny}})

    def stream(self, method: str, url: str, **kwargs: Any) -> Iterator[bytes]:
        if not self.complain:
            raise SalvageError("no log", reason="not_found")
        yield b'{"msg":"Received request."}\nnonsense "error"\n'
        mounted = self.api.objects[MAP]["data"]
        error = "1 error: conflict" if self.loaded[url.split("/pods/")[1].split("/", maxsplit=1)[0]] != mounted else None
        yield json.dumps({"err": error, "msg": "Processed file watch event.", "time": revision(mounted)}).encode() + b"\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(publish, "time", clock)
    monkeypatch.setattr(load_logs, "time", clock)
    return clock


@pytest.fixture
def session(api: Any, clock: Clock, restricted_by: Any) -> Session:
    api.put(MAP, {"data": dict(OLD)})
    session = Session(api, clock, restricted_by)
    session.add_pod("opa-1")
    session.add_pod("opa-2")
    session.add_pod("leaving", deletionTimestamp="2026-11-24T15:00:00Z")
    return session


def publisher(session: Session, **target: Any) -> Publisher:
    return Publisher(session, Target(**target), [GOOD])


def notes(session: Session) -> dict[str, str]:
    found: dict[str, str] = session.api.objects[MAP]["metadata"].get("annotations") or {}
    return found


def test_a_policy_is_in_force_when_every_pod_says_so(session: Session) -> None:
    mine = publisher(session)
    views = mine.publish(mine.state(), NEW)
    assert [(view.pod, view.revision, view.problem) for view in views] == [("opa-1", revision(NEW), ""), ("opa-2", revision(NEW), "")]
    assert notes(session) == {publish.CONFIRMED: revision(NEW), publish.PREVIOUS: revision(OLD)}
    kept = {revision(item["data"]) for item in mine.history()}
    assert kept == {revision(OLD), revision(NEW)}
    assert mine.kept(revision(OLD))["p.rego"] == OLD["p.rego"]
    assert session.api.objects[f"{SPACE}/pods/opa-1"]["metadata"]["annotations"][publish.NUDGE].startswith(revision(NEW))


@pytest.mark.parametrize("complain", [False, True])
def test_a_pod_that_does_not_take_it_brings_the_old_one_back(session: Session, complain: bool) -> None:
    mine = publisher(session, wait_timeout=20)
    mine.publish(mine.state(), OLD)
    session.deaf.add("opa-2")
    session.complain = complain
    with pytest.raises(RefusedError, match="opa-2") as caught:
        mine.publish(mine.state(), NEW)
    assert "is in force again, every pod answers with it" in str(caught.value)
    assert ("rejects revision" in str(caught.value)) == complain
    assert ("conflict" in str(caught.value)) == complain
    assert {view.pod: bool(view.problem) for view in caught.value.views} == {"opa-1": False, "opa-2": True}
    assert session.api.objects[MAP]["data"] == published(OLD)
    assert notes(session)[publish.CONFIRMED] == revision(OLD)


def test_a_pod_that_decides_otherwise_brings_the_old_one_back_at_once(session: Session) -> None:
    mine = publisher(session)
    mine.publish(mine.state(), OLD)
    with pytest.raises(RefusedError, match="fixture good is denied there"):
        mine.publish(mine.state(), {"p.rego": "limit=0.05 \n"})
    assert session.api.objects[MAP]["data"] == published(OLD)


def test_the_first_policy_has_none_to_go_back_to(session: Session) -> None:
    session.deaf |= {"opa-1", "opa-2"}
    mine = publisher(session, wait_timeout=5)
    with pytest.raises(RefusedError, match="no earlier revision"):
        mine.publish(mine.state(), OLD)


def test_going_back_that_can_not_be_proven_is_said(session: Session) -> None:
    mine = publisher(session, wait_timeout=5)
    session.deaf |= {"opa-1", "opa-2"}
    with pytest.raises(RefusedError, match="is not proven either"):
        mine.publish(mine.state(), NEW)


def test_what_somebody_else_changed_meanwhile_is_left_alone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = publisher(session, wait_timeout=5)
    session.deaf |= {"opa-1", "opa-2"}
    theirs = {"p.rego": "limit=0.3 \n"}
    monkeypatch.setattr(mine, "_nudge", lambda pod, mark: session.api.put(MAP, {"data": theirs}))
    with pytest.raises(RefusedError, match="left unchanged"):
        mine.publish(mine.state(), NEW)
    assert session.api.objects[MAP]["data"] == theirs


def test_a_change_that_can_not_be_proven_is_not_begun(session: Session) -> None:
    session.wrong.add("opa-1")
    mine = publisher(session)
    with pytest.raises(SalvageError, match="nothing was changed, because OPA is not healthy in 1 of 2 pods: opa-1"):
        mine.publish(mine.state(), NEW)
    for name in ("opa-1", "opa-2"):
        session.api.remove(f"{SPACE}/pods/{name}")
    with pytest.raises(SalvageError, match="no pod in namespace"):
        mine.publish(mine.state(), NEW)
    assert session.api.objects[MAP]["data"] == OLD


def test_a_race_for_the_config_map_is_lost_without_harm(session: Session) -> None:
    mine = publisher(session)
    state = mine.state()
    session.api.put(MAP, {"data": {"p.rego": "limit=0.3 \n"}})
    with pytest.raises(SalvageError, match="changed meanwhile"):
        mine.publish(state, NEW)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_write_with_an_answer_that_is_lost_is_proven_all_the_same(session: Session, monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    """The publication, and its last entry in the journal."""
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
    mine, writes = publisher(session), 0
    mine.publish(mine.state(), OLD)

    def stumble(method: str, path: str) -> str | None:
        nonlocal writes
        writes += method == "PATCH" and path == MAP
        return "reset after" if method == "PATCH" and path == MAP and writes == lost else None

    session.api.stumble = stumble
    mine.publish(mine.state(), NEW)
    assert notes(session)[publish.CONFIRMED] == revision(NEW) and publish.PENDING not in notes(session) and writes >= lost + 1


def test_a_killed_run_is_taken_up_by_the_next(session: Session) -> None:
    mine = publisher(session, wait_timeout=20)
    mine.publish(mine.state(), OLD)
    state = mine.state()
    mine._write(state, NEW, {publish.PENDING: revision(NEW), publish.PREVIOUS: revision(OLD)})  # and then it was killed
    worse = {"p.rego": "limit=0.6 \n"}
    session.deaf.add("opa-1")
    with pytest.raises(RefusedError, match=f"revision {revision(OLD)} is in force again"):  # not the one that nobody proved
        session.loaded["opa-1"] = published(OLD)
        mine.publish(mine.state(), worse)
    session.deaf.clear()
    mine._write(mine.state(), NEW, {publish.PENDING: revision(NEW), publish.PREVIOUS: revision(OLD)})
    writes = len(session.api.history)
    mine.publish(mine.state(), NEW)
    assert notes(session)[publish.CONFIRMED] == revision(NEW)
    assert publish.PENDING not in notes(session)
    assert len(session.api.history) - writes <= 6  # nothing was written anew but marks and the kept revision


def edited_by_hand(session: Session, mine: Publisher) -> None:
    """What decides otherwise, under the mark of what was proven; every pod has loaded it, nobody has proven it."""
    mine.publish(mine.state(), OLD)
    annotations = {**notes(session), publish.PENDING: "unproven", publish.PREVIOUS: revision(OLD)}
    session.api.put(MAP, {"metadata": {"annotations": annotations}, "data": {**published(OLD), "p.rego": "limit=0.05 \n"}})
    for pod in ("opa-1", "opa-2"):
        session.loaded[pod] = session.api.objects[MAP]["data"]
    session.loads_at = session.clock.now + 5


def test_the_same_mark_on_other_content_is_waited_out(session: Session) -> None:
    mine = publisher(session, wait_timeout=20)
    edited_by_hand(session, mine)
    views = mine.publish(mine.state(), OLD, reverting=True)
    assert [view.problem for view in views] == ["", ""]
    assert (notes(session)[publish.CONFIRMED], publish.PENDING in notes(session)) == (revision(OLD), False)


def test_what_nobody_proved_is_never_gone_back_to(session: Session) -> None:
    mine = publisher(session, wait_timeout=20)
    edited_by_hand(session, mine)
    session.deaf.add("opa-2")
    with pytest.raises(RefusedError, match="no earlier revision"):
        mine.publish(mine.state(), OLD, reverting=True)
    assert session.api.objects[MAP]["data"] == published(OLD)


def test_old_revisions_are_pruned(session: Session) -> None:
    mine = publisher(session, history_limit=2)
    for number in range(5):
        mine.publish(mine.state(), {"p.rego": f"limit=0.{number + 3} \n"})
    kept = {revision(item["data"]) for item in mine.history()}
    assert {revision({"p.rego": f"limit=0.{number} \n"}) for number in (6, 7)} <= kept  # in force, and the one before
    assert len(kept) <= 4


def test_a_restart_is_asked_of_the_deployment(session: Session) -> None:
    path = "/apis/apps/v1/namespaces/euystacio-ai/deployments/opa-peace-bonds"
    session.api.put(path, {"spec": {"template": {"metadata": {}}}})
    mine = publisher(session, reload="restart")
    mine.publish(mine.state(), NEW)
    assert session.api.objects[path]["spec"]["template"]["metadata"]["annotations"][publish.NUDGE] == revision(NEW)


def test_revisions_that_are_not_kept_or_not_what_they_say(session: Session) -> None:
    mine = publisher(session)
    with pytest.raises(SalvageError, match="is not kept; there is: none"):
        mine.kept("abc")
    session.api.put(f"{SPACE}/configmaps/peace-bonds-policies-abc", {"data": dict(OLD)})
    with pytest.raises(SalvageError, match="other content"):
        mine.kept("abc")
    with pytest.raises(SalvageError, match="there is no ConfigMap"):
        publisher(session, config_map="nothing").state()


PARAMS: dict[str, Any] = {
    "state": "present", "policy_files": None, "policy_dir": None, "policy_data": None, "data_file": "policy_data.json", "test_dir": None,
    "fixtures": [{"name": "good", "input": {"score": 0.1}, "allow": True}], "decision_logs": [], "decisions_of_pods": False,
    "decisions_since": None, "compare_with": "recorded", "max_newly_allowed": 0, "max_newly_denied": -1, "max_newly_unknown": 0,
    "max_not_replayable": 0, "min_decisions": 0, "min_coverage": 0.0, "revision": None, "namespace": "euystacio-ai",
    "config_map": "peace-bonds-policies", "label_selector": "app=opa", "deployment": "opa", "container": "opa", "port": 8181,
    "scheme": "http",
    "package": "euystacio/peace_bonds", "provider_fields": ["provider.id"], "reload": "watch", "wait_timeout": 20.0, "history_limit": 10,
    "opa_timeout": 20.0, "rego_version": "v1", "timeout": 5.0, "restrictions": None, "restrictions_lifted": None,
}  # fmt: skip


@pytest.fixture
def run(session: Session, opa: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(task, "connect", lambda params, timeout: session)

    def call(*, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        result = task.run({**PARAMS, "opa_binary": opa, **params}, check_mode=check_mode)
        return {**result, "failed": result["msg"]} if result.get("failed") else result

    return call


def test_from_the_options_to_the_result_and_back(run: Any, session: Session) -> None:
    planned = run(policy_files=NEW, check_mode=True)
    assert planned["changed"]
    assert planned["changed_files"] == ["p.rego"]
    assert "limit=0.7" in planned["diff"]["after"]
    assert session.api.objects[MAP]["data"] == OLD

    done = run(policy_files=NEW)
    assert done["changed"]
    assert [pod["revision"] for pod in done["pods"]] == [revision(NEW)] * 2
    assert not run(policy_files=NEW)["changed"]
    back = run(state="reverted")
    assert (back["changed"], back["revision"]) == (True, revision(OLD))
    assert not run(state="reverted")["changed"]
    assert run(state="reverted", revision=revision(NEW))["changed"]
    assert {item["revision"] for item in run(policy_files=NEW)["history"]} == {revision(OLD), revision(NEW)}


def test_refusals_change_nothing(run: Any, session: Session) -> None:
    assert "fixture good would be denied" in run(policy_files={"p.rego": "limit=0.05 \n"})["failed"]
    assert "nothing to examine" in run()["failed"]
    assert "has no revision before" in run(state="reverted")["failed"]
    session.deaf.add("opa-2")
    taken_back = run(policy_files=NEW)
    assert "opa-2" in taken_back["failed"]
    assert taken_back["pods"]


def test_without_a_cluster_a_candidate_can_be_validated(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "connect", lambda params, timeout: pytest.fail("the cluster was asked"))
    assert run(state="validated", policy_files=NEW) == {
        **run(state="validated", policy_files=NEW), "changed": False, "accepted": True, "refusals": [],
    }  # fmt: skip


def test_data_alone_and_restrictions(run: Any, session: Session) -> None:
    done = run(policy_data={"euystacio": {"thresholds": {"x": 1}}})
    assert done["changed_files"] == ["policy_data.json"]
    wanted = {"provider": "p", "until": "2099-01-01T00:00:00Z", "reason": "a test"}
    assert run(restrictions=[wanted])["restrictions"] == [wanted]
    assert not run(restrictions=[])["changed"]
    assert run(policy_files=NEW)["restrictions"] == [wanted]
    assert run(restrictions_lifted=["p"])["restrictions_ended"] == [wanted]
    assert "which is past" in run(restrictions=[{**wanted, "until": "2001-01-01T00:00:00Z"}])["failed"]
    assert sorted(session.api.objects[MAP]["data"]) == [REVISION_FILE, "p.rego"]


STOLEN = {"provider": "4711", "until": None, "reason": "stolen"}
NAMED = {"name": "named", "input": {"score": 0.1, "provider": {"id": 4711}}, "allow": False}


def test_going_back_keeps_the_restrictions_until_they_are_lifted_by_name(run: Any, session: Session) -> None:
    assert run(policy_files=NEW)["changed"]
    assert run(restrictions=[STOLEN], fixtures=[*PARAMS["fixtures"], NAMED])["restrictions_added"] == [STOLEN]
    assert run(policy_files={"p.rego": "limit=0.6 \n"})["restrictions"] == [STOLEN]
    back = run(state="reverted", revision=revision(OLD), check_mode=True)
    assert (back["changed"], back["restrictions"], back["restrictions_ended"]) == (True, [STOLEN], [])
    back = run(state="reverted", revision=revision(OLD))
    data = session.api.objects[MAP]["data"]
    assert (back["changed"], data["p.rego"], present(data)) == (True, OLD["p.rego"], [Restriction("4711", "stolen")])
    for again in ({}, {"revision": revision(OLD)}, {"revision": back["revision"]}):
        assert not run(state="reverted", **again)["changed"], again
    lifted = run(state="reverted", revision=revision(OLD), restrictions_lifted=["4711"])
    assert (lifted["restrictions"], lifted["restrictions_ended"]) == ([], [STOLEN])
    assert session.api.objects[MAP]["data"] == published(OLD)


def test_going_back_from_a_restriction_alone_says_that_it_stays(run: Any, session: Session) -> None:
    run(policy_files=NEW)
    run(restrictions=[STOLEN])
    back = run(state="reverted")
    assert not back["changed"]
    assert "only in its restrictions" in back["warnings"][0]
    assert present(session.api.objects[MAP]["data"])


def test_a_restriction_that_does_not_bind_is_refused_before_and_after_it_is_published(run: Any, session: Session) -> None:
    toothless = {"p.rego": "limit=0.8 \n# toothless\n"}
    refused = run(policy_files=toothless, restrictions=[STOLEN])
    assert "the restriction of 4711 in provider.id would be allowed" in refused["failed"]
    assert session.api.objects[MAP]["data"] == OLD
    run(policy_files=NEW)
    run(policy_files=toothless)
    run(policy_files=OLD, restrictions=[STOLEN])
    reverted = run(state="reverted", revision=revision(toothless))
    assert "the restriction of 4711 in provider.id would be allowed" in reverted["failed"]
    assert present(session.api.objects[MAP]["data"])

    run(policy_files=OLD, restrictions_lifted=["4711"])
    session.lenient.add("opa-2")
    refused = run(restrictions=[STOLEN])
    assert "the restriction of 4711 in provider.id is allowed there" in refused["failed"]
    assert session.api.objects[MAP]["data"] == published(OLD)


def test_without_an_input_that_is_allowed_the_proof_is_said_to_be_weak(run: Any) -> None:
    done = run(policy_files={"p.rego": "limit=0.7 \n"}, restrictions=[STOLEN], fixtures=[])
    assert "add a fixture that is allowed" in done["warnings"][0]


def test_a_rule_that_an_older_version_wrote_is_written_again(run: Any, session: Session) -> None:
    run(policy_files=NEW, restrictions=[STOLEN])
    data = session.api.objects[MAP]["data"]
    data[RULE_FILE] = data[RULE_FILE].replace("trim_space", "")
    assert run(restrictions=[])["changed_files"] == [RULE_FILE]
    assert not run(restrictions=[])["changed"]


@pytest.mark.parametrize(
    "name",
    [
        "meta_salvage_x.rego",
        "zz_meta_salvage_replay.rego",
        "Meta_Salvage_Revision.rego",
        "./meta_salvage_revision.rego",
        "a/ZZ_META_SALVAGE_.rego",
    ],
)
def test_a_candidate_brings_no_file_with_a_name_of_ours(run: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / Path(name).name).write_text("package x\n")
    for candidate in (
        {"policy_files": {**NEW, name: "package x\n"}},
        {"policy_dir": str(tmp_path)},
        {"policy_data": {"a": 1}, "data_file": name},
    ):
        for state in ("validated", "present"):
            assert "are reserved" in run(state=state, **candidate)["failed"]


def test_a_decision_under_an_earlier_restriction_does_not_stand_against_another(run: Any, tmp_path: Path) -> None:
    run(policy_files=NEW)
    log = tmp_path / "log.jsonl"
    earlier = {"decision_id": "1", "path": "euystacio/peace_bonds", "input": {"score": 0.1, "provider": {"id": "p"}}}
    log.write_text(json.dumps({**earlier, "result": {"allow": False, "deny": ["Restricted until it is lifted: x"]}}) + "\n")
    assert run(restrictions=[STOLEN], decision_logs=[str(log)])["changed"]


def test_new_files_that_come_later_than_changed_ones_are_waited_for(run: Any, session: Session) -> None:
    session.new_files_after = 3.0
    done = run(policy_files=NEW, restrictions=[STOLEN])
    assert (done["changed"], [pod["problem"] for pod in done["pods"]]) == (True, ["", ""])
