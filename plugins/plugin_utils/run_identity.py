# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs Ansible, for modules that keep runs apart: only the controller knows it."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.local import LocalAction


class KnowsItsRun(LocalAction):
    """Fills in the option ``holder``."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = {"holder": holder(task_vars or {}, os.getppid()), **self._task.args}
        return super().run(tmp, task_vars)


def holder(task_vars: dict[str, Any], pid: int) -> dict[str, Any]:
    """This run of Ansible on this host of the inventory.  A task runs in a child of its process."""
    process = process_of(pid)
    who = f"{task_vars.get('awx_user_name') or task_vars.get('tower_user_name') or _user()}@{socket.gethostname()}"
    job = task_vars.get("awx_job_id") or task_vars.get("tower_job_id")
    if job:
        who += f" (job {job})"
    mark = hashlib.sha256(f"{process.machine} {process.started} {job}".encode()).hexdigest()[:8]
    identity = f"{who}/{task_vars.get('inventory_hostname', 'localhost')}/{pid}-{mark}"
    return {"run": identity, "who": who, "machine": process.machine, "pid": pid, "started": process.started}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container with a user that has no name
        return f"uid {os.getuid()}"
