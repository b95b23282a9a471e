# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX 24.6 refuses in the fields of its objects, written from its documented rules. Each function returns the reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dateutil.rrule import rrulestr
from fake_awx import answer_errors
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
FIELD_KEYS = {"id", "label", "type", "format", "multiline", "secret", "help_text", "choices", "default", "ask_at_runtime"}
# Fields of each kind of notification, with their type.
CHANNELS: dict[str, dict[str, tuple[type, ...]]] = {
    "email": {
        "host": (str,), "port": (int,), "username": (str,), "password": (str,), "use_tls": (bool,), "use_ssl": (bool,), "sender": (str,),
        "recipients": (list,), "timeout": (int,),
    },
    "webhook": {
        "url": (str,), "http_method": (str,), "disable_ssl_verification": (bool,), "username": (str,), "password": (str,),
        "headers": (dict,),
    },
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {
    "email": {"timeout": 30},
    "webhook": {"http_method": "POST", "disable_ssl_verification": False, "username": "", "password": ""},
}
PROMPTS = {
    "inventory": "ask_inventory_on_launch",
    "limit": "ask_limit_on_launch",
    "job_type": "ask_job_type_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
}


def rrule_errors(text: Any) -> list[str]:
    if not isinstance(text, str):
        return ["rrule: a text is needed"]
    starts = re.findall(r"DTSTART(?:;[^:]+)?:[0-9]+T[0-9]+Z?", text)
    errors = [] if len(starts) == 1 else ["Valid DTSTART required in rrule, and only one"]
    if re.search(r"DTSTART:[0-9]+T[0-9]+ ", text):
        errors.append("DTSTART cannot be a naive datetime")
    errors += [f"{word} not allowed in rrule" for word in ("EXDATE", "RDATE") if f"{word.lower()}:" in text.lower()]
    rules = re.findall(r"RULE:(\S*)", text)
    errors += [] if rules else ["One or more rule required in rrule"]
    for rule in rules:
        errors += ["INTERVAL required in rrule"] * ("INTERVAL" not in rule.upper())
        errors += ["SECONDLY is not supported"] * ("SECONDLY" in rule.upper())
        errors += ["BYDAY with numeric prefix not supported"] * bool(re.search(r"BYDAY[:=][0-9]+[a-zA-Z]{2}", rule))
        errors += ["RRULE may not contain both COUNT and UNTIL"] * ("COUNT" in rule and "UNTIL" in rule)
        count = re.search(r"COUNT=([0-9]+)", rule)
        errors += ["COUNT > 999 is unsupported"] * (count is not None and int(count[1]) > 999)
    try:
        rrulestr(re.sub(r"TZID=UTC:(\w+)", r"\1Z", text).replace("DTSTART;", "DTSTART:").replace(" ", "\n"))
    except (ValueError, IndexError) as error:
        errors.append(f"rrule parsing failed validation: {error}")
    return errors


def notification_errors(kind: Any, given: Any) -> list[str]:
    """Fills in the defaults, as AWX does."""
    if kind not in CHANNELS or not isinstance(given, dict):
        return [f"notification_type {kind} with this configuration is not known here"]
    for name, value in DEFAULTS[kind].items():
        given.setdefault(name, value)
    errors = [f"Missing required fields for Notification Configuration: {name}" for name in CHANNELS[kind].keys() - given.keys()]
    for name, types in CHANNELS[kind].items():
        if name in given and type(given[name]) not in types:
            errors.append(f"Configuration field '{name}' incorrect type")
        elif given.get(name) == []:
            errors.append(f"No values specified for field '{name}'")
    if str(given.get("http_method", "POST")).lower() not in {"put", "post"}:
        errors.append("HTTP method must be either 'POST' or 'PUT'.")
    return errors


def credential_type_errors(given: Mapping[str, Any]) -> list[str]:
    errors = [] if given.get("kind") in {"cloud", "net"} else [f"kind: Must be 'cloud' or 'net', not {given.get('kind')}"]
    inputs, injectors = given.get("inputs") or {}, given.get("injectors") or {}
    errors += [f"inputs: {name} is not allowed" for name in set(inputs) - {"fields", "required", "dependencies", "metadata"}]
    ids: list[str] = []
    for field in inputs.get("fields", []):
        name = str(field.get("id"))
        errors += [f"inputs: {name}: {key} is not allowed" for key in set(field) - FIELD_KEYS]
        errors += [f"inputs: {name} is not a valid name"] * (not NAME.fullmatch(name) or name == "tower")
        errors += [f"inputs: {name} is there twice"] * (name in ids)
        errors += [f"inputs: {name} has no label"] * (not isinstance(field.get("label"), str))
        errors += [f"inputs: {name}: type must be string or boolean"] * (field.get("type", "string") not in {"string", "boolean"})
        errors += [f"inputs: {name}: ask_at_runtime is not supported for custom credentials"] * bool(field.get("ask_at_runtime"))
        for key in ("multiline", "secret"):
            errors += [f"inputs: {name}: {key} needs a string"] * (bool(field.get(key)) and field.get("type", "string") != "string")
        ids.append(name)
    errors += [f"inputs: {name} is required and not a field" for name in inputs.get("required", []) if name not in ids]
    return errors + _injector_errors(injectors, ids)


def _injector_errors(injectors: Mapping[str, Any], ids: list[str]) -> list[str]:
    errors = [f"injectors: {name} is not allowed" for name in set(injectors) - {"file", "env", "extra_vars"}]
    files = list(injectors.get("file", {}))
    errors += [f"injectors: {name} is no file template" for name in files if not re.fullmatch(r"template(\.\w+)?", name)]
    errors += ["injectors: one file without a name, or all with names"] * ("template" in files and len(files) > 1)
    names: Any = {name.partition(".")[2]: "path" for name in files if "." in name}
    known = {**dict.fromkeys(ids, "value"), "tower": {"filename": names or "path"}}
    for group in injectors.values():
        for name, template in group.items():
            try:
                ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(str(template)).render(known)
            except TemplateError as error:  # noqa: PERF203 - each one is judged
                errors.append(f"injectors: {name}: {error}")
    errors += [f"injectors: {name} is not a variable" for kind in ("env", "extra_vars") for name in injectors.get(kind, {})
               if not NAME.fullmatch(name)]  # fmt: skip
    blocked = {"VIRTUAL_ENV", "PATH", "PYTHONPATH", "JOB_ID", "INVENTORY_ID", "AWX_HOST"}
    return errors + [f"injectors: {name} is reserved" for name in injectors.get("env", {}) if name in blocked]


def prompt_errors(template: Mapping[str, Any], survey: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """What a node or a schedule may give to the job template that it starts; required answers can still come at launch."""
    errors = [
        f"{field}: Field is not configured to prompt on launch."
        for field, asks in PROMPTS.items()
        if given.get(field) not in {None, ""} and not template.get(asks)
    ]
    extra = given.get("extra_data") or {}
    if not isinstance(extra, dict):
        return [*errors, "extra_data is not an object"]
    if template.get("ask_variables_on_launch"):
        return errors
    spec = survey.get("spec", []) if template.get("survey_enabled") else []
    found = answer_errors({"spec": [{**question, "required": False} for question in spec]}, extra)
    return errors + [f"extra_data: {error}" for error in found]
