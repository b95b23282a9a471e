# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy change: validated, replayed, published in pods of the test's own, proven, taken back."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.request
from pathlib import Path

import pytest
from bonds_lab import BAD, DEFECTS, GOOD, MEDIUM, POLICIES, Bonds, policy_files

pytestmark = pytest.mark.lab

SPACE = "bonds-policy-test"


def test_rego_v0_is_refused_with_the_way_out(published: Bonds) -> None:
    refused = published.policy(policy_files={"v0_syntax.rego": (DEFECTS / "v0_syntax.rego").read_text()})
    assert refused["failed"]
    assert "Rego v0" in refused["msg"]
    assert published.policy(policy_files=policy_files(), check=True)["changed"]  # nothing was put in force


def test_a_threshold_goes_through_replay_publication_and_back(published: Bonds) -> None:
    for document in (GOOD, MEDIUM, BAD):
        published.ask(document)
    change = {"policy_data": {"euystacio": {"thresholds": {"risk_max": 0.35}}}, "decisions_of_pods": True, "min_decisions": 3}

    planned = published.policy(check=True, **change)
    assert planned["changed"]
    assert planned["replay"]["transitions"] == {"allowed to denied": 1}
    assert planned["replay"]["newly_denied"]["providers"] == {"provider-boreas": 1}
    assert '"risk_max": 0.35' in planned["diff"]["after"]
    assert published.config_map()["metadata"].get("annotations") is None

    refused = published.policy(max_newly_denied=0, **change)
    assert refused["failed"]
    assert "provider-boreas (1)" in refused["msg"]

    done = published.policy(**change)
    assert done["changed"], done
    assert [pod["revision"] for pod in done["pods"]] == [done["revision"]] * 2
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"

    again = published.policy(**change)
    assert not again["changed"], again
    back = published.policy(state="reverted")
    assert back["changed"]
    assert back["revision"] == done["previous_revision"]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"
    assert not published.policy(state="reverted")["changed"]
    forth = published.policy(state="reverted", revision=done["revision"])
    assert forth["changed"]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"


def test_a_policy_that_one_pod_does_not_load_is_taken_back_and_nobody_was_let_in(published: Bonds) -> None:
    """One pod has a file of its own, which defines a rule that the candidate defines too."""
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": SPACE},
           "data": {"own.rego": "package euystacio.peace_bonds\n\ndefault extra := 1\n"}}  # fmt: skip
    template = published.lab.get("deployment", "opa-peace-bonds", "-n", SPACE)["spec"]["template"]["spec"]
    spec = json.loads(json.dumps(template))
    spec["volumes"].append({"name": "own", "configMap": {"name": "own"}})
    spec["containers"][0]["volumeMounts"].append({"name": "own", "mountPath": "/own", "readOnly": True})
    spec["containers"][0]["args"].append("/own")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd-one", "namespace": SPACE, "labels": {"app": "opa-peace-bonds"}},
           "spec": spec}  # fmt: skip
    seen: list[str] = []
    stop = threading.Event()

    def traffic() -> None:
        body = json.dumps({"input": BAD})
        address = published.lab.get("service", "opa-service", "-n", SPACE)["spec"]["clusterIP"]
        while not stop.is_set():
            request = urllib.request.Request(
                f"http://{address}:8181/v1/data/euystacio/peace_bonds/allow",
                data=body.encode(),
                headers={"Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
                    seen.append(answer.read().decode())
            except OSError as exc:
                seen.append(f"error {exc}")

    with published.lab.applied(own, pod):
        published.lab.kubectl("wait", "--for=condition=Ready", "pod/odd-one", "-n", SPACE, "--timeout=120s")
        before = published.config_map()["data"]
        watcher = threading.Thread(target=traffic)
        watcher.start()
        try:
            files = policy_files()
            files["peace_bonds.rego"] += "\ndefault extra := 2\n"
            refused = published.policy(policy_files=files)
        finally:
            stop.set()
            watcher.join()
        assert refused["failed"]
        assert "odd-one rejects" in refused["msg"]
        assert "is in force again, every pod answers with it" in refused["msg"]
        after = published.config_map()["data"]
        assert {name: text for name, text in after.items() if name != "meta_salvage_revision.rego"} == before
    assert len(seen) > 10
    assert not [answer for answer in seen if "true" in answer]


def test_a_killed_run_is_proven_or_taken_back_by_the_next(published: Bonds) -> None:
    first = published.policy(policy_files=policy_files())
    assert first["changed"]
    name = "peace-bonds-policies"
    # What a run leaves that is killed between the write and the proof: a policy that decides wrongly, pending.
    state = published.config_map()
    state["data"]["peace_bonds.rego"] = state["data"]["peace_bonds.rego"].replace("default allow := false", "default allow := true")
    state["metadata"]["annotations"]["meta-salvage.euystacio/pending-revision"] = "unproven"
    state["metadata"]["annotations"]["meta-salvage.euystacio/previous-revision"] = first["revision"]
    published.lab.kubectl("replace", "-f", "-", given=json.dumps(state))
    done = published.policy(state="reverted")
    assert done["changed"], done
    assert done["revision"] == first["revision"]
    notes = published.config_map()["metadata"]["annotations"]
    assert "meta-salvage.euystacio/pending-revision" not in notes
    assert notes["meta-salvage.euystacio/confirmed-revision"] == first["revision"]
    assert name in json.dumps(published.lab.get("configmap", "-n", SPACE))


def log_file(folder: Path, count: int, *, odd: int | None = None) -> Path:
    """A decision log: denied and allowed ones, and at ``odd`` one that only just was denied."""
    path = folder / "decisions.jsonl"
    with path.open("w") as handle:
        for number in range(count):
            document = GOOD if number % 3 else BAD
            if number == odd:
                document = {
                    **GOOD,
                    "provider": {"id": "provider-odd", "trust_weight": 0.2, "compliance_score": 0.2, "ethical_alignment": 0.195},
                }
            denied = document is not GOOD
            record = {
                "decision_id": f"id-{number}", "path": "euystacio/peace_bonds", "input": document, "timestamp": "2026-11-23T14:00:00Z",
                "result": {"allow": not denied, "deny": ["High risk provider detected: risk_score=0.8015"] if denied else []},
            }  # fmt: skip
            handle.write(json.dumps(record) + "\n")
    return path


def test_one_open_door_in_a_hundred_thousand_decisions_is_refused_by_name(bonds: Bonds) -> None:
    log = log_file(bonds.scratch, 100_000, odd=54_321)
    data = json.loads((POLICIES / "policy_data.json").read_text())
    data["euystacio"]["thresholds"]["risk_max"] = 0.802
    files = {**policy_files(), "policy_data.json": json.dumps(data)}
    refused = bonds.policy(state="validated", policy_files=files, decision_logs=[str(log)], min_decisions=100_000)
    assert refused["failed"]
    assert "1 of 100000 decisions would be newly allowed, max_newly_allowed is 0: provider-odd (1)" in refused["msg"]
    assert refused["replay"]["newly_allowed"]["examples"][0]["decision_id"] == "id-54321"


@pytest.mark.parametrize("name", ["zz_meta_salvage_replay.rego", "Meta_Salvage_Revision.rego"])
def test_no_candidate_brings_a_file_with_a_name_of_the_module(bonds: Bonds, name: str) -> None:
    hidden = 'package euystacio.peace_bonds\n\nallow if input.provider.id == "mallory"\n'
    refused = bonds.policy(state="validated", policy_files={**policy_files(), name: hidden})
    assert "are reserved" in refused["msg"], refused


@pytest.mark.parametrize("call", ['http.send({"method": "post", "url": URL, "body": input})', "opa.runtime()"])
def test_policies_reach_neither_the_network_nor_the_machine(published: Bonds, call: str) -> None:
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        spy = f"package euystacio.spy\n\nseen := {call.replace('URL', json.dumps(f'http://127.0.0.1:{server.server_port}/'))}\n"
        files = policy_files()
        files["peace_bonds.rego"] += '\ndeny contains "seen" if is_number(data.euystacio.spy.seen)\n'
        tests = {"spy_test.rego": "package euystacio.spy_test\n\ntest_spy if not is_number(data.euystacio.spy.seen)\n"}
        for arguments in (
            {"policy_files": {**files, "spy.rego": spy, **tests}},
            {"compare_with": "current", "policy_files": policy_files()},
        ):
            if "compare_with" in arguments:
                published.put({**files, "spy.rego": spy})
                log = published.scratch / "one.jsonl"
                log.write_text(json.dumps({"decision_id": "1", "path": "euystacio/peace_bonds", "input": GOOD, "result": {"allow": True}}))
                arguments["decision_logs"] = [str(log)]
            refused = published.policy(state="validated", **arguments)
            assert "without network, environment and runtime" in refused["msg"], refused
        server.shutdown()
    assert not asked


def test_a_policy_comes_by_a_restart_where_opa_does_not_watch_its_files(published: Bonds) -> None:
    container = {"name": "opa", "args": ["run", "--server", "--addr=:8181", "--ignore=..*", "/policies"]}
    patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
    published.lab.kubectl("patch", "deployment/opa-peace-bonds", "-n", SPACE, "--type=strategic", "-p", patch)
    published.lab.kubectl("rollout", "status", "deployment/opa-peace-bonds", "-n", SPACE, "--timeout=120s")
    before = {pod["metadata"]["name"] for pod in published.lab.get("pods", "-n", SPACE, "-l", "app=opa-peace-bonds")["items"]}
    done = published.policy(policy_files=policy_files(), reload="restart")
    assert done["changed"], done
    assert {view["revision"] for view in done["pods"]} == {done["revision"]}
    assert not before & {view["pod"] for view in done["pods"]}
