# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: run_report
type: notification
short_description: Write a report of each run as JSON, HTML and JUnit
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Writes what a run of C(ansible-playbook) did, in its steps with their times, what the modules of this collection decided and why,
    what was changed, and what is left to do.
  - Credentials and control characters are removed from all of it. Of a task with C(no_log) the report shows only that it ran.
  - If the run added itself to an incident (C(meta_salvage_incident)), the report is added to this incident too, with the hash of the
    JSON file.
  - A report that cannot be written is a warning and never fails the run. A run that is killed leaves no report.
requirements:
  - enable it with C(callbacks_enabled = euystacio.meta_salvage.run_report) in the section C(defaults) of C(ansible.cfg)
options:
  path:
    description:
      - The folder of the reports. It is created for the user alone.
      - The default is C(meta-salvage/runs) in C(XDG_STATE_HOME), which is C(~/.local/state) if not set. In a job of AWX it is a folder that
        ends with the job; the incident has the report, or set a folder on a volume.
    type: path
    env:
      - name: META_SALVAGE_RUN_REPORT_PATH
    ini:
      - section: callback_run_report
        key: path
  formats:
    description: What to write.
    type: list
    elements: str
    choices: [json, html, junit]
    default: [json, html, junit]
    env:
      - name: META_SALVAGE_RUN_REPORT_FORMATS
    ini:
      - section: callback_run_report
        key: formats
  incident:
    description: Whether to add the report to the incident of the run.
    type: bool
    default: true
    env:
      - name: META_SALVAGE_RUN_REPORT_INCIDENT
    ini:
      - section: callback_run_report
        key: incident
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# callbacks_enabled = euystacio.meta_salvage.run_report
# [callback_run_report]
# path = /var/lib/meta-salvage/runs
"""

import getpass
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.files import make_private, state_folder, write_whole
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import excerpt, outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import task as incident
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.book import RunBook, TaskKnown
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.evidence import run_evidence
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.junit import run_junit
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.page import run_page
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.record import PlaybookRun
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.plain import plain

INCIDENT = "euystacio.meta_salvage.incident"
ROLE = "euystacio.meta_salvage.meta_salvage"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "euystacio.meta_salvage.run_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._book = RunBook(PlaybookRun("ansible", "", time.time()))
        self._place: dict[str, Any] | None = None

    # What happens, by Ansible's names.

    def v2_playbook_on_start(self, playbook: Any) -> None:
        path = Path(str(playbook._file_name))
        self._book.run.playbook, self._book.run.name = path.name, path.stem

    def v2_playbook_on_play_start(self, play: Any) -> None:
        variables = play.get_variable_manager().get_vars(play=play)
        run = self._book.run
        run.check = bool(context.CLIARGS.get("check"))
        run.job = str(variables.get("awx_job_id") or variables.get("tower_job_id") or "")
        run.who = str(outgoing(str(variables.get("awx_user_name") or variables.get("tower_user_name") or _user())))

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._book.begins(_task(host, task), time.time())

    def v2_runner_on_ok(self, result: Any) -> None:
        self._ended(result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._ended(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._ended(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._ended(result, "ignored" if result._task.ignore_unreachable else "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        run = self._book.closes(time.time(), dict(stats.rescued))
        if not run.steps and not run.counts:
            return
        record = outgoing(run.as_dict())
        whole = json.dumps(record, indent=1, ensure_ascii=False, default=str).encode(errors="replace")
        link = self._write(record, whole)
        if self._place and self.get_option("incident") and not run.check:
            self._add_to_incident(run_evidence(run, link, hashlib.sha256(whole).hexdigest()))

    # What is done with it.

    def _ended(self, result: Any, status: str) -> None:
        said = plain(result._result)
        task = _task(result._host, result._task)
        self._book.ends(task, status, said, time.time())
        # The role adds the run to the incident; other tasks of this module work on incidents themselves.
        if task.module == INCIDENT and task.role == ROLE and isinstance(said.get("place"), Mapping):
            self._place = {**said["place"], "id": said["incident"]["id"]}

    def _write(self, record: Mapping[str, Any], whole: bytes) -> str:
        """The path of the page, or of another format; empty if none could be written."""
        given = self.get_option("path")
        name = re.sub(r"[^\w.-]", "_", f"{record['name']}-{iso(round(record['began'])).replace(':', '')}-{record['job'] or os.getpid()}")
        made: dict[str, tuple[str, Callable[[], bytes]]] = {
            "json": (".json", lambda: whole),
            "html": (".html", lambda: run_page(record).encode(errors="replace")),
            "junit": (".junit.xml", lambda: run_junit(record)),
        }
        try:
            place = Path(given).expanduser() if given else state_folder() / "runs"
            make_private(place)
            for each in self.get_option("formats"):
                ending, content = made[each]
                write_whole(place / f"{name}{ending}", content())
        except (OSError, RuntimeError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            where = f" to {given}" if given else ""
            self._display.warning(f"The report of this run cannot be written{where}: {reason}. Set META_SALVAGE_RUN_REPORT_PATH.")
            return ""
        shown = "html" if "html" in self.get_option("formats") else self.get_option("formats")[0]
        path = str(place / f"{name}{made[shown][0]}")
        self._display.display(f"The report of this run is {path}")
        return path

    def _add_to_incident(self, evidence: dict[str, Any]) -> None:
        defaults = {name: spec.get("default") for name, spec in incident.MODULE["argument_spec"].items()}
        try:
            incident.run({**defaults, **(self._place or {}), "evidence": [evidence]}, time.time(), check_mode=False)
        except SalvageError as exc:
            self._display.warning(f"The incident does not have the report of this run: {exc}")


def _task(host: Any, task: Any) -> TaskKnown:
    role = task._role.get_name() if task._role else ""
    module = str(getattr(task, "resolved_action", None) or task.action)
    name = task.name if isinstance(task.name, str) and task.name else module
    return TaskKnown(str(task._uuid), host.get_name(), excerpt(name, 300), role, module)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
