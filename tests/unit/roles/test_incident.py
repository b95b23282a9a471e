# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a failed deployment, which people `cat` during an incident; and other ways out of the roles."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.filter.redacted import FilterModule

from tools.env import CHECKOUT

ROLES = CHECKOUT / "roles"
HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2Jtoken=HUNTER2\r\n- Rolled back \u202e http://u:HUNTER2@h"


def test_nothing_that_a_pod_wrote_drives_the_terminal_or_names_a_credential() -> None:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701 - a text file
    environment.filters["euystacio.meta_salvage.redacted"] = FilterModule().filters()["redacted"]
    incident: dict[str, Any] = dict.fromkeys(("run", "cluster", "began", "failed", "step", "reason", "verdict"), HOSTILE)
    incident |= {
        "revision_before": {"revision": 1, "images": [HOSTILE]},
        "revision_failed": {"revision": 2, "images": ["api:2"]},
        "done": [HOSTILE],
        "pods": [{"pod": "api-1", "container": "api", "reason": HOSTILE, "events": [HOSTILE], "log": [HOSTILE, "plain"]}],
    }
    template = environment.from_string((ROLES / "deploy/templates/incident.txt.j2").read_text())
    shown = template.render(deploy_incident=incident, deploy_kind="Deployment", deploy_name="api", deploy_namespace="a")
    assert "HUNTER2" not in shown
    assert not re.search("[^\n\x20-\x7e]", shown)
    assert "  log: plain\n" in shown
    assert next(line for line in shown.splitlines() if line.startswith("  log: ")).endswith("- Rolled back   http://(hidden)@h")


def tasks(path: Any) -> Any:
    def walk(found: Any) -> Any:
        for task in found or ():
            yield task
            for part in ("block", "rescue", "always"):
                yield from walk(task.get(part))

    yield from walk(yaml.safe_load(path.read_text()))


def test_no_role_shows_a_diff_that_the_user_did_not_ask_for() -> None:
    forced = [
        path
        for path in sorted(ROLES.glob("*/tasks/**/*.yml"))
        for task in tasks(path)
        for apply in (task, *(value["apply"] for value in task.values() if isinstance(value, dict) and "apply" in value))
        if isinstance(apply, dict) and apply.get("diff") is True
    ]
    assert forced == []


def test_a_release_of_helm_is_logged_nowhere_because_it_holds_its_values() -> None:
    open_ = [
        f"{path}: {task['name']}"
        for path in sorted(ROLES.glob("*/tasks/**/*.yml"))
        for task in tasks(path)
        if {"kubernetes.core.helm", "kubernetes.core.helm_info"} & task.keys() and task.get("no_log") is not True
    ]
    assert open_ == []


def test_the_reason_of_a_failure_is_redacted_wherever_a_role_keeps_it() -> None:
    lines = [line for path in sorted(ROLES.glob("*/tasks/**/*.yml")) for line in path.read_text().splitlines()]
    kept = [line for line in lines if "no reason given" in line]
    assert kept
    assert [line for line in kept if "euystacio.meta_salvage.redacted" not in line] == []
