# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patterns of extensions/patterns, generated from the same playbooks and surveys as the job templates of extensions/awx.

python3 -m tools.env run python -m tools.patterns            write extensions/patterns
python3 -m tools.env run python -m tools.patterns --check    only name the files that are out of date; exit status 1 if there are any
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import awx

FOLDER = awx.CHECKOUT / "extensions" / "patterns"
LABEL = "meta-salvage"
IMAGE = "meta-salvage/meta-salvage-ee"


@dataclass(frozen=True)
class Pattern:
    """Job templates that a catalogue offers together; the first one is the primary."""

    title: str
    short: str
    description: str
    playbooks: tuple[str, ...]
    tags: tuple[str, ...]


PATTERNS = {
    "check_cluster_health": Pattern(
        "Check the health of Kubernetes clusters",
        "Health check and diagnostics of each cluster of an inventory",
        "Checks nodes, pods, API and metrics of each cluster, and answers healthy, breached or unknown with a reason. "
        "Diagnostics collects what a person needs to find the cause. Nothing in the clusters is changed.",
        ("health_check", "diagnostics"),
        ("kubernetes", "openshift", "monitoring"),
    ),
    "back_up_and_restore": Pattern(
        "Back up and restore Kubernetes clusters",
        "Encrypted, signed backups that are proven by restore drills",
        "Creates encrypted and signed backups in an object store, verifies them, restores them as planned, and proves in a copy that "
        "a restore works.",
        ("backup", "backup_verify", "restore", "restore_drill"),
        ("kubernetes", "openshift", "backup"),
    ),
    "deploy_and_watch": Pattern(
        "Deploy a service and watch it",
        "Deployments that are judged by their metrics and taken back if they harm",
        "Deploys a service, compares it with the revision before, and takes it back if it harms or if that stays unknown. "
        "Blue-green switches, rollback and scaling use the same proofs.",
        ("deploy", "rollback", "blue_green", "scale"),
        ("kubernetes", "openshift", "delivery"),
    ),
    "manage_incidents": Pattern(
        "Manage an incident from alert to report",
        "Timeline, messages and report of an incident",
        "Opens an incident with a signed timeline, adds what people and runbooks do, watches its deadlines, resolves it after a healthy "
        "check, and drafts the report.",
        ("incident_open", "incident_update", "incident_watch", "incident_resolve", "incident_report"),
        ("kubernetes", "openshift", "incident"),
    ),
}


def template(playbook: str, *, primary: bool) -> dict[str, Any]:
    asked = awx.survey(playbook)
    return {
        "name": awx.template_name(playbook, "run"),
        "description": awx.title_of(playbook),
        "execution_environment": awx.PREFIX,
        "playbook": f"{playbook}.yml",
        "primary": primary,
        "ask_inventory_on_launch": True,
        "ask_credential_on_launch": True,
        "labels": [LABEL],
        **({"survey": asked} if asked else {}),
    }


def definition(name: str) -> dict[str, Any]:
    pattern = PATTERNS[name]
    return {
        "schema_version": "1.0",
        "name": name,
        "title": pattern.title,
        "description": pattern.description,
        "short_description": pattern.short,
        "tags": list(pattern.tags),
        "aap_resources": {
            "controller_project": {"name": f"{awx.PREFIX}: {pattern.title}", "description": pattern.short},
            "controller_execution_environment": {
                "name": awx.PREFIX,
                "description": "The collection, its Python packages and the programs that the playbooks call",
                "image_name": IMAGE,
                "pull": "missing",
            },
            "controller_labels": [LABEL],
            "controller_job_templates": [template(one, primary=one == pattern.playbooks[0]) for one in pattern.playbooks],
        },
    }


def readme(name: str) -> str:
    pattern = PATTERNS[name]
    rows = "".join(
        f"| `{awx.template_name(one, 'run')}` | {awx.title_of(one)} | [{one}](../../../docs/runbooks/{page_of(one)}) |\n"
        for one in pattern.playbooks
    )
    return (
        f"# {pattern.title}\n\n{pattern.description}\n\n## What it creates\n\nA project, the execution environment `{IMAGE}`, the label "
        f"`{LABEL}`, and these job templates:\n\n| job template | what it does | runbook |\n| --- | --- | --- |\n{rows}\n"
        "## How to use it\n\nThe image must be in the private automation hub: "
        "[how to build it](../../../docs/execution_environment.md).\nChoose at launch an inventory with clusters "
        "as hosts, and the credentials that [the page about AWX](../../../docs/awx.md#credentials) names.\n"
        "The surveys ask only for what a person decides at launch; "
        "everything else is set in the inventory. To look before a change, use the check jobs of `extensions/awx`.\n"
    )


def page_of(playbook: str) -> str:
    """The page of the runbook that has the playbook."""
    pages = awx.CHECKOUT / "docs" / "runbooks"
    own = pages / f"{playbook}.md"
    if own.exists():
        return own.name
    named = f"euystacio.meta_salvage.{playbook}"
    return min((page.name for page in pages.glob("*.md") if named in page.read_text(encoding="utf-8")), key=lambda page: (len(page), page))


def files() -> dict[Path, str]:
    found: dict[Path, str] = {}
    for name, pattern in PATTERNS.items():
        found[FOLDER / name / "meta" / "pattern.json"] = json.dumps(definition(name), indent=2, ensure_ascii=False) + "\n"
        found[FOLDER / name / "README.md"] = readme(name)
        for playbook in pattern.playbooks:
            head = awx.HEAD.replace("tools.awx", "tools.patterns")
            found[FOLDER / name / "playbooks" / f"{playbook}.yml"] = awx.wrapper(playbook).replace(awx.HEAD, head)
    return found


def main(arguments: list[str]) -> int:
    wanted = files()
    outdated = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    outdated += [path for path in FOLDER.rglob("*") if path.is_file() and path not in wanted]
    for path in outdated:
        if "--check" in arguments:
            print(
                f"{path.relative_to(awx.CHECKOUT)} is out of date; run python3 -m tools.env run python -m tools.patterns", file=sys.stderr
            )
        elif path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
