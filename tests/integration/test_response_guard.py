# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard rails on a real API server: two bastions at once, runs that are killed, a pause, and rights that are taken away."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_task
from cluster_lab import CHECKOUT, Lab

pytestmark = pytest.mark.lab

NAMESPACE = "response-guard"
NAME = "meta-salvage-response"
RACES = int(os.environ.get("RESPONSE_RACES", "4"))
KILLS = int(os.environ.get("RESPONSE_KILLS", "4"))
STARTED = iso(int(time.time()) - 30)
ALLOWED = {"allowed_actions": {"staging": ["restart_pod"]}}
# As docs/response_guard.md has it.
RULES = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get", "patch"]},
]


@pytest.fixture(scope="module")
def space(lab: Lab) -> Iterator[str]:
    with lab.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}):
        yield NAMESPACE


def question(name: str, target: str, fingerprint: str, **other: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "alert": "HighMemory",
        "fingerprint": fingerprint,
        "started_at": STARTED,
        "target": {"kind": "Deployment", "namespace": NAMESPACE, "name": target},
        "action": "restart_pod",
        "environment": "staging",
        "replicas": 4,
        "touched": 1,
        "limits": ALLOWED,
    }
    return {**usual, **other}


def guard(lab: Lab, kubeconfig: Path | None = None, **options: Any) -> dict[str, Any]:
    usual = {"kubeconfig": str(kubeconfig or lab.kubeconfig), "namespace": NAMESPACE, "holder": {"run": "ops/1", "who": "ops"}}
    return guard_task.run({"state": "admitted", **usual, **options}, check_mode=False)


@contextmanager
def bastion(lab: Lab, run: str, *how: str) -> Iterator[subprocess.Popen[str]]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, str(CHECKOUT / "tests/integration/guard_worker.py"), str(lab.kubeconfig), NAMESPACE, run, *how]
    environ = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: subprocess.Popen[str], questions: Sequence[dict[str, Any]]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(questions) + "\n")
    process.stdin.flush()


def answers(process: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
    assert process.stdout
    return [json.loads(process.stdout.readline()) for _number in range(count)]


def test_two_bastions_at_once_never_exceed_a_limit(lab: Lab, space: str) -> None:
    """Each race: a limit of all actions, one of the incident, or an episode, and three questions of each bastion."""
    rng = random.Random(RACES)
    with bastion(lab, "alice/1") as alice, bastion(lab, "bob/2") as bob:
        for race in range(RACES):
            name, most = f"race-{race}", rng.randint(1, 2)
            kind = rng.choice(["max_actions", "max_actions_per_incident", "episode", "running"])
            limits = {**ALLOWED, "storm_targets": 50, **({kind: most} if kind.startswith("max_") else {})}
            for who, process in (("a", alice), ("b", bob)):
                questions = []
                for number in range(3):
                    target = "same" if kind in {"episode", "running"} else f"{who}{number}"
                    fingerprint = "same" if kind == "episode" else f"{who}{number}"
                    questions.append(question(name, target, fingerprint, limits=limits, incident="INC-1"))
                ask(process, questions)
            found = [*answers(alice, 3), *answers(bob, 3)]
            admitted = [one for one in found if one["decision"] == "admitted"]
            assert len(admitted) == (most if kind.startswith("max_") else 1), (kind, found)
            kept = guard(lab, name=name, state="reported")
            assert {one["permit"] for one in kept["open"]} == {one["permit"] for one in admitted}
            assert sum(one["count"] for one in kept["decisions"]) == 6
            lab_delete(lab, name)


def lab_delete(lab: Lab, name: str) -> None:
    lab.kubectl("delete", "configmap", name, "-n", NAMESPACE, "--wait=false")


def test_a_run_that_is_killed_leaves_an_action_that_nobody_repeats(lab: Lab, space: str) -> None:
    rng = random.Random(KILLS)
    for kill in range(KILLS):
        with bastion(lab, f"killed/{kill}") as process:
            ask(process, [question(f"kill-{kill}", "app", "first", limits={**ALLOWED, "permit_duration": "1s"})])
            if kill % 2:
                assert answers(process, 1)[0]["decision"] == "admitted"  # between the permit and its outcome
            else:
                time.sleep(rng.uniform(0.3, 1.2))  # anywhere, while it starts and asks
            process.send_signal(signal.SIGKILL)
            process.wait()
    time.sleep(2.1)
    for kill in range(KILLS):
        name = f"kill-{kill}"
        done = [guard(lab, **question(name, "app", "first")), guard(lab, **question(name, "app", "x", alert="b"))]
        left = [one for one in done[0]["open"] if one["run"] != "ops/1"]
        if kill % 2:
            assert left
        if not left:  # it was killed before it was admitted, so the first one of the others is
            assert [one["rule"] for one in done] == ["allowed", "running"]
            continue
        assert [one["rule"] for one in done] == ["unfinished", "unfinished"]
        assert all(one["page"] and left[0]["permit"] in one["reason"] for one in done)
        guard(lab, name=name, state="finished", permit=left[0]["permit"], outcome="ok", note="looked: it was restarted")
        assert guard(lab, **question(name, "app", "first"))["rule"] == "episode"
        assert guard(lab, **question(name, "app", "x", alert="b"))["rule"] == "allowed"


def test_a_pause_stops_a_running_action_within_one_step(lab: Lab, space: str) -> None:
    with bastion(lab, "alice/1", "steps") as process:
        ask(process, [question("pause", "app", "first")])
        assert [one["rule"] for one in answers(process, 3)] == ["allowed", "renewed", "renewed"]
        guard(lab, name="pause", state="paused", reason="look first", until="10m")
        paused = time.monotonic()
        found = answers(process, 1)
        while found[-1]["decision"] == "admitted":
            assert found[-1]["began"] < paused
            found += answers(process, 1)
    assert (found[-1]["rule"], "look first" in found[-1]["reason"]) == ("paused", True)
    assert guard(lab, **question("pause", "other", "second"))["rule"] == "paused"


@pytest.mark.parametrize("what", ["deleted", "overwritten"])
def test_a_state_that_somebody_takes_away_stops_a_running_action_within_one_step(lab: Lab, space: str, what: str) -> None:
    with bastion(lab, "alice/1", "steps") as process:
        ask(process, [question(what, "app", "first")])
        assert [one["rule"] for one in answers(process, 3)] == ["allowed", "renewed", "renewed"]
        if what == "deleted":
            lab_delete(lab, what)
        else:
            lab.kubectl("patch", "configmap", what, "-n", NAMESPACE, "-p", json.dumps({"data": {"state.json": "nobody's"}}))
        taken = time.monotonic()
        found = answers(process, 1)
        while found[-1]["decision"] == "admitted":
            assert found[-1]["began"] < taken
            found += answers(process, 1)
    assert (found[-1]["rule"], "\n" in found[-1]["reason"]) == ("permit" if what == "deleted" else "state", False)
    if what == "overwritten":
        again = guard(lab, **question(what, "other", "second"))
        assert (again["decision"], again["rule"], again["page"], "can't be used" in again["reason"]) == ("refused", "state", True, True)
        assert lab.get("configmap", what, "-n", NAMESPACE)["data"] == {"state.json": "nobody's"}


def test_rights_are_the_ones_that_are_documented_and_without_them_nothing_is_done(lab: Lab, space: str, tmp_path: Path) -> None:
    subject = {"kind": "ServiceAccount", "name": "responder", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "responder"}
    metadata = {"name": "responder", "namespace": NAMESPACE}
    rbac = "rbac.authorization.k8s.io/v1"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    rules = {"apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": RULES}
    binding = {"apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]}
    with ExitStack() as held:
        held.enter_context(lab.applied(account, rules))
        config = yaml.safe_load(lab.kubeconfig.read_text())
        token = lab.kubectl("create", "token", "responder", "-n", NAMESPACE).strip()
        config["users"] = [{**user, "user": {"token": token}} for user in config["users"]]
        mine = tmp_path / "kubeconfig"
        mine.write_text(yaml.safe_dump(config))
        before = guard(lab, mine, **question(NAME, "app", "first"))
        with lab.applied(binding):
            asked = until_allowed(lab, mine)
            assert asked["decision"] == "admitted", asked
            assert guard(lab, mine, name=NAME, state="finished", permit=asked["permit"], outcome="ok")["changed"]
            assert guard(lab, mine, name=NAME, state="paused", reason="r", until="1m")["changed"]
            assert guard(lab, mine, name=NAME, state="resumed")["changed"]
            permit = guard(lab, mine, **question(NAME, "other", "second"))["permit"]
        after = guard(lab, mine, **question(NAME, "third", "third"))
        step = guard(lab, mine, name=NAME, permit=permit)  # an action that is under way
    for done in (before, after, step):
        assert (done["decision"], done["rule"], done["page"], done["permit"]) == ("refused", "no_access", True, "")


def until_allowed(lab: Lab, mine: Path) -> dict[str, Any]:
    """The authorizer sees a binding a moment after it was made."""
    deadline = time.monotonic() + 10
    while True:
        asked = guard(lab, mine, **question(NAME, "app", "first"))
        if asked["rule"] != "no_access" or time.monotonic() > deadline:
            return asked
        time.sleep(0.1)


def test_an_api_server_that_does_not_answer_means_no_action(lab: Lab, space: str, tmp_path: Path) -> None:
    config = yaml.safe_load(lab.kubeconfig.read_text())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    done = guard(lab, tmp_path / "kubeconfig", **question(NAME, "app", "fourth"))
    assert (done["decision"], done["rule"], done["page"]) == ("refused", "no_access", True)
