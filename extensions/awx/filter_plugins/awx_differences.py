# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the objects of controller/*.yml and those of a controller.

The modules of awx.awx cannot tell for all kinds: they report a change for each workflow with an approval, and for each secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]
HIDDEN = "$encrypted$"  # what AWX shows instead of a secret
LONGEST = 80
# How to apply the object, and what is compared in its own way.
NOT_COMPARED = frozenset({"name", "destroy_current_nodes", "state", "workflow_nodes", "survey_spec"})
LINKS = ("success_nodes", "failure_nodes", "always_nodes")


def _named(kind: str) -> str:
    return kind.removesuffix("s").replace("inventorie", "inventory").replace("_", " ")


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return wanted.keys() == found.keys() and all(_same(value, found[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_same, wanted, found))
    return bool(found == HIDDEN or wanted == found)


def _says(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."


def _reference(found: Object, name: str) -> Any:
    """The name of the object that a field refers to."""
    summary = found.get("summary_fields", {}).get(name)
    if isinstance(summary, list):
        return sorted(str(one["name"]) for one in summary)
    return summary.get("name") if isinstance(summary, Mapping) else None


def _field(name: str, wanted: Any, found: Object) -> str | None:
    """A sentence, or nothing. The values of a mapping are not shown: an address or a header can have a credential."""
    if isinstance(wanted, Mapping):
        there = found.get(name)
        there = there if isinstance(there, Mapping) else {}
        # AWX adds its defaults to the configuration of a notification.
        keys = wanted.keys() if name == "notification_configuration" else wanted.keys() | there.keys()
        wrong = sorted(key for key in keys if key not in wanted or key not in there or not _same(wanted[key], there[key]))
        return f"{name} differs in {', '.join(wrong)}" if wrong else None
    if isinstance(wanted, list):
        wanted = sorted({str(one) for one in wanted})  # two lists of a site can name the same credential
        is_there = found.get("names_of", {}).get(name, _reference(found, name) or [])
    elif name in found.get("summary_fields", {}) or (name in found and isinstance(found[name], int) and isinstance(wanted, str)):
        is_there = _reference(found, name)
    else:
        is_there = found.get(name)
    return None if _same(wanted, is_there) else f"{name} is {_says(is_there)}, and shall be {_says(wanted)}"


def _keyed(items: Iterable[Object], key: str) -> dict[str, Object]:
    return {str(item.get(key)): item for item in items}


def _survey(wanted: Object, found: Object) -> list[str]:
    asked, there = (_keyed(survey.get("spec", []), "variable") for survey in (wanted, found))
    said = [f"its survey has another {key}" for key in ("name", "description") if wanted.get(key) != found.get(key)]
    said += [f"its survey does not ask for {name}" for name in sorted(asked.keys() - there.keys())]
    said += [f"its survey also asks for {name}" for name in sorted(there.keys() - asked.keys())]
    said += [f"its survey asks in another way for {name}" for name in asked if name in there and not _same(asked[name], there[name])]
    return said or ([] if list(asked) == list(there) else ["its survey asks in another order"])


def _wanted_node(node: Object) -> dict[str, Any]:
    starts = node["unified_job_template"]
    links = {name: sorted(one["identifier"] for one in node.get("related", {}).get(name, [])) for name in LINKS}
    found = {"starts": starts["name"], "extra_data": node.get("extra_data", {}), **links}
    if starts["type"] == "workflow_approval":
        found |= {"description": starts.get("description", ""), "timeout": starts.get("timeout", 0)}
    return found


def _found_node(node: Object, identifiers: Mapping[int, str]) -> dict[str, Any]:
    starts = node.get("summary_fields", {}).get("unified_job_template", {})
    links = {name: sorted(identifiers.get(one, "another workflow's") for one in node.get(name, [])) for name in LINKS}
    found = {"starts": starts.get("name"), "extra_data": node.get("extra_data") or {}, **links}
    if starts.get("unified_job_type") == "workflow_approval":
        found |= {"description": starts.get("description", ""), "timeout": starts.get("timeout", 0)}
    return found


def _nodes(wanted: Iterable[Object], found: list[Object]) -> list[str]:
    identifiers = {one["id"]: str(one["identifier"]) for one in found}
    shall = {str(one["identifier"]): _wanted_node(one) for one in wanted}
    are = {str(one["identifier"]): _found_node(one, identifiers) for one in found}
    said = [f"it has no node {name}" for name in sorted(shall.keys() - are.keys())]
    said += [f"it also has a node {name}" for name in sorted(are.keys() - shall.keys())]
    for name, node in shall.items():
        there = are.get(name, node)
        wrong = sorted(key for key in node.keys() | there.keys() if node.get(key) != there.get(key))
        said += [f"its node {name} differs in {', '.join(wrong)}"] * bool(wrong)
    return said


def _is(wanted: Object, found: Object) -> bool:
    """Names are unique in an organization, those of schedules for a template."""
    keys = [key for key in ("organization", "unified_job_template") if key in wanted and key in found]
    return bool(wanted["name"] == found.get("name")) and all(_reference(found, key) == wanted[key] for key in keys)


def _object(wanted: Object, found: Object) -> list[str]:
    said = [
        _field(name, value, found)
        for name, value in wanted.items()
        # A schedule has no organization of its own.
        if name not in NOT_COMPARED and not (name == "organization" and name not in found)
    ]
    surveys = _survey(wanted["survey_spec"], found.get("survey") or {}) if "survey_spec" in wanted else []
    nodes = _nodes(wanted["workflow_nodes"], list(found.get("nodes") or [])) if "workflow_nodes" in wanted else []
    return [one for one in said if one] + surveys + nodes


def awx_differences(wanted: Mapping[str, list[Object]], found: Mapping[str, list[Object]]) -> list[dict[str, str]]:
    """Of each kind by its name in the API: the object, and a sentence about what is different."""
    differences = []
    for kind, objects in wanted.items():
        for one in objects:
            there = next((each for each in found.get(kind, []) if _is(one, each)), None)
            said = ["it does not exist"] if there is None else _object(one, there)
            name = str(one["name"])
            differences += [{"kind": kind, "name": name, "text": f'{_named(kind)} "{name}": {text}'} for text in said]
    return differences


def awx_changed(wanted: list[Object], kind: str, differences: list[Object], everything: bool = False) -> list[Object]:
    """Those that differ."""
    if everything:
        return wanted
    names = {one["name"] for one in differences if one["kind"] == kind}
    return [one for one in wanted if one["name"] in names]


def awx_with(objects: list[Object], name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects with a value more, which was read from below each, by its id."""
    return [{**one, name: values[str(one["id"])]} if str(one["id"]) in values else dict(one) for one in objects]


class FilterModule:
    """For apply_awx.yml."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"awx_differences": awx_differences, "awx_changed": awx_changed, "awx_with": awx_with}
