# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asked of the API server, by its audit log: so that check mode is seen to write nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_lab import NAMESPACE, Lab, Run

CHECKER = "runbook-checker"
_READS = {"get", "list", "watch"}
# A POST that asks: what may I, and OPA's queries, which it takes with their input as the body.
_QUESTION = re.compile(r"^/apis/auth\w+\.k8s\.io/v1/self\w+reviews$|/proxy/v1/(data|query|compile)\b")


class Audit:
    """What a user asked for, from here on."""

    def __init__(self, lab: Lab, user: str) -> None:
        self._lab, self._user = lab, user
        self._log = lab.kubeconfig.parent / "audit.log"
        self._seen = self._log.stat().st_size

    def events(self) -> list[dict[str, Any]]:
        """The log is read up to a request that was sent after all of that."""
        mark = f"mark-{time.monotonic_ns()}"
        self._lab.kubectl("get", "configmap", mark, "-n", NAMESPACE, "--ignore-not-found")
        deadline = time.monotonic() + 60
        while True:
            with self._log.open("rb") as file:
                file.seek(self._seen)
                lines = file.read().decode().splitlines()
            if any(mark in line for line in lines):
                break
            assert time.monotonic() < deadline, "the audit log does not get on"
            time.sleep(0.1)
        return [event for line in lines if f'"{self._user}"' in line and (event := json.loads(line))["user"]["username"] == self._user]


def is_write(event: Mapping[str, Any]) -> bool:
    if event["verb"] in _READS or "dryRun=All" in event["requestURI"]:
        return False
    return event["verb"] != "create" or not _QUESTION.search(event["requestURI"].partition("?")[0])


def checked(lab: Lab, runbook: str, variables: Mapping[str, Any]) -> tuple[Run, list[dict[str, Any]]]:
    """A playbook in check mode, and what it asked for; it wrote nothing."""
    user = Path(lab.lab("user", lab.name, CHECKER, "--group", "system:masters").strip())
    log = Audit(lab, CHECKER)
    run = lab.play(runbook, variables, kubeconfig=user, check=True)
    events = log.events()
    assert events, run.output
    written = [event for event in events if is_write(event)]
    assert not written, written
    return run, events
