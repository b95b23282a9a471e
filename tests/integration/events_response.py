# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A response to the alerts on its input, within the real guard rails: KUBECONFIG NAMESPACE WHO ACTED.

An action is a line of the file ACTED.  With the label ``dies`` an alert ends the process by signal 9, before or after its action.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_task

LIMITS = {
    "allowed_actions": {"staging": ["restart_pod"]},
    "max_actions": 1_000_000,
    "max_actions_per_incident": 1_000_000,
    "storm_window": "1s",
    "storm_targets": 200,
    "permit_duration": "10s",
}

if __name__ == "__main__":
    kubeconfig, namespace, who, path = sys.argv[1:]
    usual = {
        "kubeconfig": kubeconfig,
        "namespace": namespace,
        "request_timeout": 60.0,
        "holder": {"run": f"{who}/{os.getpid()}", "who": who},
    }
    acted = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def guard(**options: Any) -> dict[str, Any]:
        return guard_task.run({**usual, **options}, check_mode=False)

    for alert in json.load(sys.stdin):
        labels = alert["labels"]
        answer = guard(
            state="admitted",
            alert=labels["alertname"],
            fingerprint=alert["fingerprint"],
            started_at=alert["startsAt"],
            target={"kind": "Deployment", "namespace": namespace, "name": f"app-{labels['number']}"},
            action="restart_pod",
            environment="staging",
            replicas=4,
            touched=1,
            limits=LIMITS,
        )
        if answer["decision"] != "admitted":
            # Without the guard there was no answer, so the alert has to come again.
            assert answer["rule"] in {"episode", "running", "unfinished"}, answer
            continue
        if labels.get("dies") == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(acted, f"{labels['number']}\n".encode())
        if labels.get("dies") == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        guard(state="finished", permit=answer["permit"], outcome="ok")
