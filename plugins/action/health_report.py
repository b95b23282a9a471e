# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a fleet's health report on the controller, where the earlier one is and where the people are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812  (what all of Ansible calls it)
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import fleet, render
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import report_files as store

display = Display()
COLOURS = {"critical": "COLOR_ERROR", "unknown": "COLOR_UNREACHABLE", "warning": "COLOR_CHANGED", "healthy": "COLOR_OK"}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, args = self.validate_argument_spec(
            argument_spec={
                "results": {"type": "dict", "required": True},
                "path": {"type": "path", "required": True},
                "show": {"type": "bool", "default": True},
            }
        )
        try:
            report, lines = self._report(args["results"], Path(args["path"]).absolute())
        except SalvageError as exc:
            raise AnsibleActionFail(str(exc)) from None
        if args["show"] and not str(C.DEFAULT_STDOUT_CALLBACK).endswith(("json", "jsonl")):
            for status, line in lines:
                display.display(line, color=getattr(C, COLOURS[status]))
        return {**result, **report}

    def _report(self, results: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        entries: list[render.Entry] = []
        before: list[str] = []
        files: dict[Path, str] = {}
        for host, outcome in sorted(results.items()):
            path = store.report_path(folder, host)
            try:
                previous = store.load_report(path)
            except SalvageError as exc:
                display.warning(str(exc))
                previous = None
            entry = fleet.entry(host, outcome, previous, now)
            entries.append(entry)
            before += fleet.fleet_digest(host, previous)
            files[path] = _json(entry.report)
        page, index = folder / "health.html", folder / "fleet.json"
        files[page] = render.html(entries, generated_at=now)
        checking = self._task.check_mode

        def there(path: Path) -> str:
            return str(path) if not checking or path.exists() else ""

        clusters = {
            entry.host: {
                "status": render.status_of(entry.report.get("status")),
                "says": render.says(entry.report),
                "json": there(store.report_path(folder, entry.host)),
            }
            for entry in entries
        }
        status = render.fleet_status(entries)
        files[index] = _json({"schema": 1, "status": status, "generated_at": now, "clusters": clusters})
        if not checking:
            for path, text in files.items():
                store.write_report(path, text)
        after = [line for entry in entries for line in fleet.fleet_digest(entry.host, entry.report)]
        lines = render.summary(entries, width=max(80, min(160, shutil.get_terminal_size((120, 25)).columns)), lines=24)
        earlier = f"{page} is of an earlier run." if there(page) else f"There is no {page} yet."
        lines.append((status, f"Check mode: no report was written. {earlier}" if checking else f"Report: {page}"))
        report = {
            "changed": before != after,
            "diff": {
                "before_header": "the last run",
                "after_header": "this run",
                "before": "".join(f"{line}\n" for line in before),
                "after": "".join(f"{line}\n" for line in after),
            },
            "status": status,
            "clusters": clusters,
            "html": there(page),
            "json": there(index),
            "summary": [line for _status, line in lines],
        }
        return report, lines


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(outgoing(data), indent=1, ensure_ascii=False, default=str) + "\n"
