# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX needs of each playbook, generated from playbooks and argument specs: a wrapper, two job templates, a survey.

python3 -m tools.env run python -m tools.awx            write extensions/awx/project/*.yml and extensions/awx/controller/templates.yml
python3 -m tools.env run python -m tools.awx --check    only name the files that are out of date; exit status 1 if there are any
"""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import role_docs

CHECKOUT = Path(__file__).resolve().parents[1]
AWX = CHECKOUT / "extensions" / "awx"
PREFIX = "Meta Salvage"
HEAD = "---\n# SPDX-License-Identifier: GPL-3.0-or-later\n# Written by `python3 -m tools.env run python -m tools.awx`.\n"
HOSTS = "{{ meta_salvage_hosts | default('all' if groups['all'] | default([]) else 'localhost') }}"
LINES = "_lines"  # the variable of a list that is typed, one entry on a line
LONGEST = 200  # characters of an explanation below a question


@dataclass(frozen=True)
class Playbook:
    """What distinguishes the job templates of a playbook."""

    # The options that a person decides at launch. All others belong into the inventory or the template.
    asked: tuple[str, ...] = ()
    required: tuple[str, ...] = ()  # those without which the playbook has nothing to do
    alone: bool = True  # two jobs of it at once would hurt
    credentials: str = ""  # the variables of site.yml with more credentials than those of the cluster
    reports: bool = True  # it can add its run to an incident
    scheduled: bool = False  # nobody watches it, so AWX sends a message if it fails
    variables: bool = False  # an event gives its variables, which are data


def _of(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in names.split())


# A playbook that is not here has no survey of its own.
PLAYBOOKS: dict[str, Playbook] = {
    "backup": Playbook(_of("backup", "preset namespaces max_age keep allow_partial"), credentials="awx_backup_credentials", scheduled=True),
    "backup_verify": Playbook(
        _of("backup", "name verify_max_age allow_partial allow_missing"), credentials="awx_restore_credentials", reports=False, alone=False
    ),
    "blue_green": Playbook(
        _of("blue_green", "service namespace to until traffic window adopt lock_take_over"), credentials="awx_record_credentials"
    ),
    "deploy": Playbook(
        _of("deploy", "manifests kustomize name namespace kind window roll_back prune force_conflicts lock_take_over"),
        credentials="awx_record_credentials",
    ),
    "diagnostics": Playbook(
        _of("diagnostics", "namespaces since around only exclude fail_on require_complete"), reports=False, alone=False
    ),
    "game_day": Playbook(_of("game_day", "cluster fault"), required=("game_day_cluster", "game_day_fault"), reports=False),
    "health_check": Playbook(_of("health_check", "parts namespaces fail_on"), alone=False, scheduled=True),
    "incident_open": Playbook(
        _of("incident", "title severity text public_text started_at acknowledged error_rate data_loss security_breach"),
        required=("incident_title",),
        reports=False,
        alone=False,
    ),
    "incident_report": Playbook(_of("incident", "id require_verified"), reports=False, alone=False),
    "incident_resolve": Playbook(_of("incident", "id why text public_text"), reports=False, alone=False),
    "incident_update": Playbook(
        _of("incident", "id severity why text public_text acknowledged error_rate done"), reports=False, alone=False
    ),
    "incident_watch": Playbook(_of("incident", "id"), reports=False, scheduled=True),
    "monitoring": Playbook(_of("monitoring", "action silence_state silence_matchers silence_duration silence_comment"), reports=False),
    "notify_test": Playbook(reports=False, alone=False),
    "peace_bonds_policy": Playbook(
        _of(
            "peace_bonds",
            "state policy_dir revision max_newly_allowed max_newly_denied max_newly_unknown max_not_replayable min_decisions min_coverage",
        )
    ),
    "peace_bonds_respond": Playbook(
        _of("peace_bonds", "provider decision who why until restriction_hours"),
        required=("peace_bonds_provider",),
        credentials="awx_record_credentials",
    ),
    "peace_bonds_review": Playbook(_of("peace_bonds", "decisions_since margin"), reports=False, alone=False),
    "rebuild": Playbook(_of("cluster_rebuild", "max_age accept"), credentials="awx_restore_credentials"),
    "respond": Playbook(credentials="awx_record_credentials", alone=False, reports=False, variables=True),
    "restore": Playbook(
        _of("restore", "name max_age namespaces confirm include exclude existing cluster_scoped backup_first allow_partial"),
        credentials="awx_backup_credentials + awx_restore_credentials",
    ),
    "restore_drill": Playbook(
        _of("restore_drill", "namespace take max_age max_rto accept"),
        credentials="awx_backup_credentials + awx_restore_credentials",
        scheduled=True,
    ),
    "rollback": Playbook(
        _of("rollback", "name namespace kind revision unproven restore_secrets lock_take_over"), credentials="awx_record_credentials"
    ),
    "scale": Playbook(_of("scale", "state name namespace kind replicas hpa_min hpa_max pin check_headroom lock_take_over")),
}
LONG = {"incident_text", "incident_public_text", "incident_why", "peace_bonds_why"}


def names() -> list[str]:
    return sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml"))


def how(playbook: str) -> Playbook:
    return PLAYBOOKS.get(playbook, Playbook())


@cache
def play(playbook: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CHECKOUT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8"))[0])


@cache
def _specs(role: str) -> dict[str, Any]:
    return role_docs.specs(role)


@cache
def options(playbook: str) -> dict[str, dict[str, Any]]:
    """The options of the role and the entry point that a playbook uses."""
    found = play(playbook)
    if "roles" in found:
        role, point = found["roles"][0]["role"], "main"
    else:
        task = next(value for name, value in found["tasks"][0].items() if name.endswith("_role"))
        role, point = task["name"], task.get("tasks_from", "main")
    return dict(_specs(role.rpartition(".")[2])[point]["options"])


def _plain(text: str) -> str:
    """An explanation without Ansible's markup, cut after a sentence."""
    text = re.sub(r"\bR\(([^,)]+),[^)]*\)", r"\1", text)
    text = " ".join(re.sub(r"\b[BCIMOPV]\(([^()]*)\)", r"\1", text).split())
    sentences = re.split(r"(?<=\.)\s+", text)
    said = sentences[0]
    for sentence in sentences[1:]:
        if len(said) + len(sentence) >= LONGEST:
            break
        said += f" {sentence}"
    return textwrap.shorten(said, LONGEST, placeholder=" ...")


def is_typed_list(option: dict[str, Any]) -> bool:
    return option["type"] == "list" and not option.get("choices")


def question(name: str, option: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """One question, without a default: AWX would pass it as an extra variable, over the value of the inventory."""
    kind, choices = option["type"], [choice for choice in option.get("choices", []) if choice]
    says = _plain(option["description"])
    found: dict[str, Any] = {"variable": name, "required": required or bool(option.get("required"))}
    if kind == "list":
        if not choices:
            found["variable"] += LINES
            says += " One on each line."
        found["type"] = "multiselect" if choices else "textarea"
    elif kind == "bool":
        found["type"], choices = "multiplechoice", ["yes", "no"]
    elif kind in {"int", "float"}:
        found["type"] = {"int": "integer", "float": "float"}[kind]
    elif choices:
        found["type"] = "multiplechoice"
    elif option.get("no_log"):
        found["type"] = "password"
    else:
        found["type"] = "textarea" if name in LONG else "text"
    if choices:
        found["choices"] = choices
    if found["type"] in {"text", "textarea", "password"}:
        found |= {"min": 1 if found["required"] else 0, "max": 16384 if found["type"] == "textarea" else 1024}
    elif found["type"] == "integer":
        found |= {"min": min(0, int(option.get("default", 0))), "max": 2147483647}
    title = re.sub(r"_", " ", name)
    return {"question_name": title[0].upper() + title[1:], "question_description": says, **found}


def survey(playbook: str) -> dict[str, Any] | None:
    known, ours = options(playbook), how(playbook)
    asked = [question(name, known[name], required=name in ours.required) for name in ours.asked]
    if ours.reports:
        asked.append(
            question("meta_salvage_incident", _specs(role_docs.COMMON)["main"]["options"]["meta_salvage_incident"], required=False)
        )
    if not asked:
        return None
    explained = "Leave a question unanswered to use the value of the inventory, or else the default of the role."
    return {"name": title_of(playbook), "description": explained, "spec": asked}


def title_of(playbook: str) -> str:
    return str(play(playbook)["name"])


def template_name(playbook: str, job_type: str) -> str:
    return f"{PREFIX} {playbook} ({job_type})"


def template(playbook: str, job_type: str) -> dict[str, Any]:
    ours, asked = how(playbook), survey(playbook)
    credentials = f"awx_credentials + {ours.credentials}" if ours.credentials else "awx_credentials"
    what = title_of(playbook)
    return {
        "name": template_name(playbook, job_type),
        "description": f"{what}. Changes nothing, shows what it would do" if job_type == "check" else what,
        "job_type": job_type,
        "organization": "{{ awx_organization }}",
        "inventory": "{{ awx_inventory }}",
        "project": "{{ awx_project }}",
        "playbook": f"{playbook}.yml",
        "execution_environment": "{{ awx_execution_environment }}",
        "credentials": f"{{{{ {credentials} }}}}",
        "ask_limit_on_launch": True,
        "ask_variables_on_launch": ours.variables,
        "allow_simultaneous": job_type == "check" or not ours.alone,
        "diff_mode": job_type == "check",
        "survey_enabled": asked is not None,
        **({"survey_spec": asked} if asked else {}),
        **({"notification_templates_error": "{{ awx_failure_notifications }}"} if ours.scheduled and job_type == "run" else {}),
    }


def wrapper(playbook: str) -> str:
    """The playbook of the project: the collection's own one, after the lists that were typed into the survey."""
    known = options(playbook)
    lists = [name for name in how(playbook).asked if is_typed_list(known[name])]
    plays: list[dict[str, Any]] = []
    if lists:
        tasks = [
            {
                "name": f"Read {name}",
                "ansible.builtin.set_fact": {name: f"{{{{ {name}{LINES}.splitlines() | map('trim') | select | list }}}}"},
                "when": f"{name}{LINES} | default('') | trim | length > 0",
            }
            for name in lists
        ]
        plays.append({"name": "Read the lists of the survey", "hosts": HOSTS, "connection": "local", "gather_facts": False, "tasks": tasks})
    plays.append({"name": title_of(playbook), "ansible.builtin.import_playbook": f"euystacio.meta_salvage.{playbook}"})
    return HEAD + _dump(plays)


class _Dumper(yaml.SafeDumper):
    """Lists are indented, as everywhere in the collection, and nothing refers to something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    quoted = value.startswith("{{") or value in {"yes", "no"}
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if quoted else None)


_Dumper.add_representer(str, _text)


def _dump(data: Any) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=150, allow_unicode=True)


def files() -> dict[Path, str]:
    found = {AWX / "project" / f"{playbook}.yml": wrapper(playbook) for playbook in names()}
    templates = [template(playbook, job_type) for playbook in names() for job_type in ("run", "check")]
    found[AWX / "controller" / "templates.yml"] = HEAD + _dump({"controller_templates": templates})
    return found


def main(arguments: list[str]) -> int:
    wanted = files()
    outdated = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in outdated:
        if "--check" in arguments:
            print(f"{path.relative_to(CHECKOUT)} is out of date; run python3 -m tools.env run python -m tools.awx", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
