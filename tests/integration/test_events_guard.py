# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two bastions with ansible-rulebook each get every alert; the guard rails in the cluster let one act, whoever is killed and when."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alert_source import alert, payload_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_task
from cluster_lab import CHECKOUT, Lab, end_all
from rulebook_runner import Runner, taken, until

pytestmark = pytest.mark.lab

NAMESPACE = "events-guard"
STORM = int(os.environ.get("EVENTS_STORM", "6"))  # 500 by `make soak`
PLAYBOOK = """
- name: A response
  hosts: all
  gather_facts: false
  tasks:
    - name: Act within the guard rails
      ansible.builtin.command: {argv: ARGV, stdin: "{{ alerts | to_json }}"}
      changed_when: true
    - name: Confirm
      ansible.builtin.include_role: {name: euystacio.meta_salvage.meta_salvage, tasks_from: handled.yml}
  vars:
    alerts: "{{ alert_response_alert if alert_response_alert is not string else alert_response_alert | urldecode | from_json }}"
"""


@pytest.fixture
def runners(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Runner]]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
    found = []
    for who in ("alice", "bob"):
        worker = [sys.executable, str(CHECKOUT / "tests/integration/events_response.py"), str(lab.kubeconfig), NAMESPACE, who]
        playbook = PLAYBOOK.replace("ARGV", json.dumps([*worker, str(tmp_path / "acted")]))
        more: dict[str, Any] = {
            "events_group_by": ["alertname"],
            "events_throttle_seconds": 0,
            "events_confirm_seconds": 120 + 4 * STORM,
            "events_in_flight": 2,
        }
        found.append(Runner(tmp_path / who, playbook, **more))
    with lab.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}):
        yield found
        for one in found:
            one.kill()
            end_all(one.mark)


def dies(number: int) -> dict[str, str]:
    """Some responses end between the permit and the action, some between the action and its record."""
    return {1: {"dies": "before"}, 3: {"dies": "after"}}.get(number % 125, {})


def test_two_runners_and_the_guard_handle_each_episode_once(lab: Lab, runners: list[Runner], tmp_path: Path) -> None:
    """A storm in one POST to both, 20 times more, and one bastion lost in between with all that ran on it."""
    start = iso(int(time.time()) - 30)
    storm = payload_of(*[alert(number, start=start, **dies(number)) for number in range(STORM)])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Runner.start, runners, [180.0, 180.0]))
        slowest = 0.0
        for time_ in range(21):
            slowest = max(slowest, *pool.map(lambda one: taken(one.port, storm), runners))
            if time_ == 10:
                until((tmp_path / "acted").exists, 120)
                runners[0].kill()
                end_all(runners[0].mark)
                runners[0].start(180)
    for one in runners:
        until(one.done, 180 + 4 * STORM)
    report = guard_task.run({"kubeconfig": str(lab.kubeconfig), "namespace": NAMESPACE, "state": "reported"}, check_mode=False)
    unfinished = {one["target"].rpartition("/app-")[2] for one in report["open"]}
    acted = Counter((tmp_path / "acted").read_text().split())
    everything = {str(number) for number in range(STORM)}
    assert set(acted.values()) == {1}
    assert set(acted) | unfinished == everything  # done once, or nobody knows and people are called
    told = {number: dies(int(number)).get("dies") for number in everything}
    assert {number for number, how in told.items() if how} <= unfinished
    assert not {number for number, how in told.items() if how == "before"} & set(acted)
    assert len(unfinished) <= sum(map(bool, told.values())) + 4  # those that the lost bastion was at
    print(f"{STORM} alerts, two runners: {len(acted)} acted on once, {len(unfinished)} unfinished; slowest answer {slowest:.3f} s")
