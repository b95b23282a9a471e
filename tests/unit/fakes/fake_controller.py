# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWX's API that keeps objects, refuses what AWX 24.6 refuses, and records what it was asked.

AWX ignores a field that an object does not have. Here such fields are in ``ignored``, so that a test can see a misspelt one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from controller_rules import credential_type_errors, notification_errors, prompt_errors, rrule_errors
from fake_awx import survey_errors

API = "/api/v2"
# The variables of extensions/awx/controller, in the order in which they refer to each other, and the modules that apply them.
AWX_KINDS = {
    "controller_credential_types": "credential_type", "controller_execution_environments": "execution_environment",
    "controller_notifications": "notification_template", "controller_inventories": "inventory", "controller_projects": "project",
    "controller_templates": "job_template", "controller_workflows": "workflow_job_template", "controller_schedules": "schedule",
}  # fmt: skip
ASKS = tuple(
    f"ask_{name}_on_launch"
    for name in (
        "scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory", "credential",
        "execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups",
    )
)  # fmt: skip
NODES = ("success_nodes", "failure_nodes", "always_nodes")
NOTES = tuple(f"notification_templates_{event}" for event in ("started", "success", "error"))
TEMPLATES = ("projects", "job_templates", "workflow_job_templates", "workflow_approval_templates")


class RefusedError(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


@dataclass(frozen=True)
class Kind:
    type: str
    fields: dict[str, Any]  # the default, which tells the type; a class if the field must be given
    refers: dict[str, str] = field(default_factory=dict)
    unique: tuple[str, ...] = ("name", "organization")
    lists: tuple[str, ...] = ()
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)


NAMED = {"name": str, "description": ""}
OWNED = {"organization": "organizations"}
PROMPTED = {"extra_data": {}, "scm_branch": None, "job_type": None, "limit": None}
KINDS: dict[str, Kind] = {
    "organizations": Kind("organization", dict(NAMED), unique=("name",)),
    "credential_types": Kind(
        "credential_type", {**NAMED, "kind": str, "managed": False, "inputs": {}, "injectors": {}}, unique=("name", "kind")
    ),
    "credentials": Kind("credential", dict(NAMED), {**OWNED, "credential_type": "credential_types"}),
    "execution_environments": Kind(
        "execution_environment", {**NAMED, "image": str, "pull": ""}, OWNED, ("name",),
        choices={"pull": ("", "always", "missing", "never")},
    ),
    "notification_templates": Kind(
        "notification_template", {**NAMED, "notification_type": str, "notification_configuration": {}, "messages": {}}, OWNED
    ),
    "inventories": Kind(
        "inventory", {**NAMED, "kind": "", "host_filter": None, "variables": "", "prevent_instance_group_fallback": False}, OWNED,
        choices={"kind": ("", "smart", "constructed")},
    ),
    "projects": Kind(
        "project",
        {**NAMED, "scm_type": "", "scm_url": "", "scm_branch": "", "scm_refspec": "", "scm_clean": False, "scm_delete_on_update": False,
         "scm_track_submodules": False, "scm_update_on_launch": False, "scm_update_cache_timeout": 0, "allow_override": False, "timeout": 0,
         "local_path": ""},
        {**OWNED, "default_environment": "execution_environments"}, lists=NOTES, choices={"scm_type": ("", "git", "svn", "archive")},
    ),
    "job_templates": Kind(
        "job_template",
        {**NAMED, "job_type": "run", "playbook": "", "forks": 0, "limit": "", "verbosity": 0, "extra_vars": "", "timeout": 0,
         "survey_enabled": False, "become_enabled": False, "diff_mode": False, "allow_simultaneous": False, "scm_branch": "",
         **dict.fromkeys(ASKS, False)},
        {"inventory": "inventories", "project": "projects", "execution_environment": "execution_environments", **OWNED},
        lists=("credentials", "labels", *NOTES), choices={"job_type": ("run", "check")},
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        {**NAMED, "extra_vars": "", "survey_enabled": False, "allow_simultaneous": False, "limit": None, "scm_branch": None,
         **dict.fromkeys(ASKS, False)},
        {"inventory": "inventories", **OWNED}, lists=("labels", "notification_templates_approvals", *NOTES),
    ),
    "workflow_approval_templates": Kind("workflow_approval_template", {**NAMED, "timeout": 0}, unique=()),
    "workflow_job_template_nodes": Kind(
        "workflow_job_template_node", {**PROMPTED, "identifier": str, "all_parents_must_converge": False},
        {"workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates", "inventory": "inventories"},
        ("workflow_job_template", "identifier"), (*NODES, "credentials", "labels"),
    ),
    "schedules": Kind(
        "schedule", {**PROMPTED, **NAMED, "rrule": str, "enabled": True},
        {"unified_job_template": "unified_job_templates", "inventory": "inventories"}, ("unified_job_template", "name"), ("credentials",),
    ),
}  # fmt: skip
NEEDED = {
    "workflow_job_template_nodes": ("workflow_job_template",), "schedules": ("unified_job_template",), "inventories": ("organization",),
    "notification_templates": ("organization",), "credentials": ("credential_type",),
}  # fmt: skip


class Controller:
    """``playbooks``: the files of the project's repository."""

    def __init__(self, playbooks: Iterable[str], token: str) -> None:
        self.playbooks, self.token = frozenset(playbooks), token
        self.objects: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.lists: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[int, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.ignored: set[tuple[str, str]] = set()
        self._lock, self._last = threading.RLock(), 0
        self._put("organizations", {"name": "Default", "description": ""})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.asked if one[0] != "GET"]

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """An object as it is kept; a test changes it by hand."""
        (found,) = [one for one in self.objects[kind].values() if one.get("name", one.get("identifier")) == name]
        return found

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        with self._lock:
            self.asked.append((method, path, body))
            kind, *rest = path.removeprefix(API).strip("/").split("/")
            if kind == "project_updates":
                return 200, {"id": int(rest[0]), "status": "successful", "scm_revision": "0" * 40}
            if kind not in KINDS and kind != "unified_job_templates":
                raise RefusedError(404, {"detail": "Not found."})
            if not rest:
                return self._list(kind, path, query) if method == "GET" else (201, self._create(kind, body))
            found = self.objects.get(kind, {}).get(int(rest[0]) if rest[0].isdigit() else -1)
            if found is None:
                raise RefusedError(404, {"detail": "Not found."})
            if len(rest) == 1:
                return self._one(method, kind, found, body)
            return self._below(method, kind, found, rest[1], query, body)

    def _one(self, method: str, kind: str, found: dict[str, Any], body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, self._shown(kind, found)
        if method == "PATCH":
            fresh = {**found, **self._fields(kind, body)}
            if "workflow_job_template" in found:
                fresh["workflow_job_template"] = found["workflow_job_template"]
            self._judge(kind, fresh)
            found.update(fresh)
            return 200, self._shown(kind, found)
        if method != "DELETE":
            raise RefusedError(405, {"detail": f"Method {method} not allowed."})
        del self.objects[kind][found["id"]]
        self.objects["workflow_approval_templates"].pop(found.get("unified_job_template") or -1, None)
        for members in self.lists.values():
            members[:] = [one for one in members if one != found["id"]]
        return 204, None

    def _below(self, method: str, kind: str, found: dict[str, Any], name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if name == "survey_spec" and kind in {"job_templates", "workflow_job_templates"}:
            if method == "POST":
                errors = survey_errors(body)
                if errors:
                    raise RefusedError(400, {"error": "; ".join(errors)})
                self.surveys[found["id"]] = body
            return 200, self.surveys.get(found["id"], {}) if method == "GET" else {}
        if name == "create_approval_template" and method == "POST":
            approval = self._create("workflow_approval_templates", body)
            found["unified_job_template"] = approval["id"]
            return 201, approval
        if name not in KINDS[kind].lists:
            raise RefusedError(404, {"detail": "Not found."})
        members = self.lists.setdefault((kind, found["id"], name), [])
        target = kind if name in NODES else "notification_templates" if name in {*NOTES, "notification_templates_approvals"} else name
        if method == "GET":
            return self._page([self._shown(target, self.objects[target][one]) for one in members], "", query)
        if body.get("disassociate"):
            members[:] = [one for one in members if one != body["id"]]
        elif body["id"] not in members:
            self._may_join(kind, found, name, target, body["id"])
            members.append(body["id"])
        return 204, None

    def _may_join(self, kind: str, found: dict[str, Any], name: str, target: str, other: int) -> None:
        if other not in self.objects.get(target, {}):
            raise RefusedError(400, {"msg": f"{target} with id {other} was not found."})
        if name in NODES:
            one = self.objects[kind][other]
            if one["workflow_job_template"] != found["workflow_job_template"]:
                raise RefusedError(400, {"error": "Relationship not allowed."})
            if self._leads(other, found["id"]):
                raise RefusedError(400, {"error": "Cycle detected."})
        if name == "credentials":
            template = self.objects["job_templates"].get(found.get("unified_job_template") or -1, {})
            if kind != "job_templates" and not template.get("ask_credential_on_launch"):
                raise RefusedError(400, {"msg": "Related template is not configured to accept credentials on launch."})
            types = [self.objects[target][one]["credential_type"] for one in self.lists[(kind, found["id"], name)]]
            if self.objects[target][other]["credential_type"] in types:
                raise RefusedError(400, {"error": "Cannot assign multiple credentials of one type."})

    def _leads(self, start: int, end: int) -> bool:
        following = [one for name in NODES for one in self.lists.get(("workflow_job_template_nodes", start, name), [])]
        return start == end or any(self._leads(one, end) for one in following)

    def _create(self, kind: str, body: Any) -> dict[str, Any]:
        if kind not in KINDS:
            raise RefusedError(405, {"detail": "Method POST not allowed."})
        fresh = {name: value for name, value in KINDS[kind].fields.items() if not isinstance(value, type)}
        fresh |= dict.fromkeys(KINDS[kind].refers)
        fresh |= self._fields(kind, body)
        missing = [name for name, value in KINDS[kind].fields.items() if isinstance(value, type) and name not in fresh]
        missing += [name for name in NEEDED.get(kind, ()) if fresh.get(name) is None]
        if missing:
            raise RefusedError(400, {name: ["This field is required."] for name in missing})
        self._judge(kind, fresh)
        return self._shown(kind, self._put(kind, fresh), created=True)

    def _put(self, kind: str, fresh: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        self.objects[kind][self._last] = {"id": self._last, **fresh}
        return self.objects[kind][self._last]

    def _fields(self, kind: str, body: Any) -> dict[str, Any]:
        known, found = KINDS[kind], {}
        for name, value in body.items():
            if name in known.refers:
                if value is not None and value not in self._all(known.refers[name]):
                    raise RefusedError(400, {name: [f'Invalid pk "{value}" - object does not exist.']})
            elif name in known.fields:
                if value is None and isinstance(known.fields[name], str):
                    value = ""  # AWX takes null for an empty text
                right = known.fields[name] if isinstance(known.fields[name], type) else type(known.fields[name])
                if right is not type(None) and type(value) is not right:
                    raise RefusedError(400, {name: [f"Not a valid {right.__name__}."]})
                if value not in known.choices.get(name, (value,)):
                    raise RefusedError(400, {name: [f'"{value}" is not a valid choice.']})
                if isinstance(value, str) and name == "name" and not 0 < len(value) <= 512:
                    raise RefusedError(400, {name: ["Ensure this field has at least 1 and no more than 512 characters."]})
            else:
                self.ignored.add((kind, name))
                continue
            found[name] = json.loads(json.dumps(value))
        return found

    def _judge(self, kind: str, fresh: dict[str, Any]) -> None:
        if kind == "job_templates":
            project = self.objects["projects"].get(fresh["project"] or -1)
            if project is None:
                raise RefusedError(400, {"project": ["Job Templates must have a project assigned."]})
            fresh["organization"] = project["organization"]  # AWX takes it from there
            if project["scm_type"] and not project["allow_override"] and fresh["playbook"] not in self.playbooks:
                raise RefusedError(400, {"playbook": ["Playbook not found for project."]})
            if fresh["inventory"] is None and not fresh["ask_inventory_on_launch"]:
                raise RefusedError(400, {"inventory": ["You must either set a default value or ask to prompt on launch."]})
        errors: list[str] = []
        if kind == "notification_templates":
            errors = notification_errors(fresh["notification_type"], fresh["notification_configuration"])
        elif kind == "credential_types":
            errors = credential_type_errors(fresh)
        elif kind in {"schedules", "workflow_job_template_nodes"} and fresh["unified_job_template"]:
            template = self._all("unified_job_templates")[fresh["unified_job_template"]]
            errors = prompt_errors(template, self.surveys.get(template["id"], {}), fresh)
            errors += rrule_errors(fresh["rrule"]) if kind == "schedules" else []
        if errors:
            raise RefusedError(400, {"__all__": errors})
        keys = KINDS[kind].unique
        same = [one for one in self.objects[kind].values() if keys and all(one.get(key) == fresh.get(key) for key in keys)]
        if any(one["id"] != fresh.get("id") for one in same):
            raise RefusedError(400, {"__all__": [f"{KINDS[kind].type} with this {' and '.join(keys)} already exists."]})

    def _all(self, kind: str) -> dict[int, dict[str, Any]]:
        if kind == "unified_job_templates":
            return {number: one for part in TEMPLATES for number, one in self.objects[part].items()}
        return self.objects[kind]

    def _kind_of(self, number: int) -> str:
        return next(kind for kind in TEMPLATES if number in self.objects[kind])

    def _shown(self, kind: str, kept: dict[str, Any], *, created: bool = False) -> dict[str, Any]:
        kind = self._kind_of(kept["id"]) if kind == "unified_job_templates" else kind
        url = f"{API}/{kind}/{kept['id']}/"
        below = (*KINDS[kind].lists, *(["survey_spec"] if kind in {"job_templates", "workflow_job_templates"} else []))
        related = {name: f"{url}{name}/" for name in below}
        summary: dict[str, Any] = {}
        for name, target in KINDS[kind].refers.items():
            if kept.get(name) is None:
                continue
            other = self._all(target)[kept[name]]
            place = self._kind_of(kept[name]) if target == "unified_job_templates" else target
            related[name] = f"{API}/{place}/{kept[name]}/"
            summary[name] = {key: other[key] for key in ("id", "name", "description")}
            if target == "unified_job_templates":
                summary[name]["unified_job_type"] = {"job_templates": "job", "workflow_approval_templates": "workflow_approval"}.get(
                    place, ""
                )
            if place == "workflow_approval_templates":
                summary[name]["timeout"] = other["timeout"]
        shown = {**json.loads(json.dumps(kept)), "type": KINDS[kind].type, "url": url, "related": related, "summary_fields": summary}
        if kind == "workflow_job_template_nodes":
            shown |= {name: self.lists.get((kind, kept["id"], name), []) for name in NODES}
        if kind == "job_templates":
            chosen = self.lists.get((kind, kept["id"], "credentials"), [])
            summary["credentials"] = [{"id": one, "name": self.objects["credentials"][one]["name"]} for one in chosen]
        if kind == "projects":
            shown["scm_revision"] = "" if created else "0" * 40
            summary |= {"current_update": {"id": self._last}} if created else {}
        secrets = {"password"} & set(kept.get("notification_configuration", {}))
        for name in secrets:
            if kept["notification_configuration"][name]:
                shown["notification_configuration"][name] = "$encrypted$"
        return shown

    def _list(self, kind: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
        wanted = {name: value for name, value in query.items() if name not in {"page", "page_size", "order_by"}}
        found = [self._shown(kind, one) for one in self._all(kind).values()]
        for name, value in wanted.items():
            known = {"id", "type", "name"} if kind == "unified_job_templates" else {"id", *KINDS[kind].fields, *KINDS[kind].refers}
            if name not in known | {"organization"}:
                raise RefusedError(400, {"detail": f"{kind} has no field named '{name}'"})
            found = [one for one in found if str(one.get(name)) == value]
        return self._page(found, path, query)

    def _page(self, found: list[Any], path: str, query: dict[str, str]) -> tuple[int, Any]:
        size, number = min(int(query.get("page_size", 25)), 200), int(query.get("page", 1))
        more = len(found) > size * number
        following = f"{path}?{urlencode({**query, 'page': number + 1})}" if more else None
        return 200, {"count": len(found), "next": following, "previous": None, "results": found[size * (number - 1) : size * number]}


def _handler(controller: Controller) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(size)
            at = urlsplit(self.path)
            try:
                if self.headers.get("Authorization") != f"Bearer {controller.token}":
                    raise RefusedError(401, {"detail": "Authentication credentials were not provided."})
                body = json.loads(text) if self.command in {"POST", "PATCH"} and text else {}
                status, answer = controller.answer(self.command, at.path, dict(parse_qsl(at.query)), body)
            except RefusedError as refused:
                status, answer = refused.status, refused.body
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1", "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing is written; ``asked`` has it."""

    handle: Callable[[Any], None] = Handler._handle
    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", handle)
    return Handler
