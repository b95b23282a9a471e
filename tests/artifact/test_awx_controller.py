# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects for AWX, applied to a stand-in of its API by the modules of awx.awx 24.6.1, and the commands of the tutorial."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic, urls
from fake_controller import AWX_KINDS, Controller

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT))
from tools.env import collection

TOKEN = "a-token-of-awx"
PROJECT = CHECKOUT / "extensions/awx/project"
TUTORIAL = CHECKOUT / "docs/tutorials/4_awx.md"


class EndedError(Exception):
    """What a module returns."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(str(result))
        self.result = result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the collections installed, as after the first command of the tutorial."""
    folder = tmp_path_factory.mktemp("home")
    root = folder / ".ansible/collections/ansible_collections"
    found = {"awx/awx": collection("awx.awx"), "kubernetes/core": collection("kubernetes.core"), "euystacio/meta_salvage": CHECKOUT}
    for name, target in found.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).symlink_to(target)
    return folder


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    one = Controller([path.name for path in PROJECT.glob("*.yml")], TOKEN)
    yield one
    one.close()


@pytest.fixture(scope="module")
def environ(home: Path, controller: Controller) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBECONFIG", "PYTHONPATH"))}
    return {
        **inherited, "HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(home / ".ansible/collections"), "ANSIBLE_NOCOLOR": "1",
        "CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": TOKEN, "CONTROLLER_REQUEST_TIMEOUT": "120",
        "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_PIPELINING": "true",
    }  # fmt: skip


def run_module(module: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """In this process: 70 processes would take longer than all other tests of this file."""

    def end(_self: Any, **result: Any) -> None:
        raise EndedError(result)

    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    for name in ("exit_json", "fail_json"):
        monkeypatch.setattr(basic.AnsibleModule, name, end)
    with pytest.raises(EndedError) as ended:
        importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}").main()
    return ended.value.result


def apply(objects: dict[str, Any], controller: Controller, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """With every module, as awx_objects.yml does; the objects that a module says it has changed."""
    for name in ("CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN"):
        monkeypatch.setenv(name, {"CONTROLLER_HOST": controller.url}.get(name, TOKEN))
    monkeypatch.setenv("CONTROLLER_REQUEST_TIMEOUT", "120")
    # It reads all certificates of the machine for each request, of which there are 700 here, and none of them by TLS.
    monkeypatch.setattr(urls, "make_context", lambda **_options: None)
    changed = []
    for name, module in AWX_KINDS.items():
        for one in objects[name]:
            result = run_module(module, one, monkeypatch)
            assert "msg" not in result, (one["name"], result)
            changed += [(module, one["name"])] if result["changed"] else []
    return changed


@pytest.fixture(scope="module")
def applied(objects: dict[str, Any], controller: Controller, home: Path) -> Iterator[list[tuple[str, str]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(home / ".ansible/collections"))
        yield apply(objects, controller, patch)


def play(environ: dict[str, str], folder: Path, *more: str) -> str:
    command = ["ansible-playbook", str(CHECKOUT / "extensions/awx/apply_awx.yml"), *more]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout


def test_awx_takes_every_object_and_ignores_no_field(
    objects: dict[str, Any], controller: Controller, applied: list[tuple[str, str]]
) -> None:
    assert applied == [(module, one["name"]) for name, module in AWX_KINDS.items() for one in objects[name]]
    assert controller.ignored <= {
        ("workflow_approval_templates", name) for name in ("identifier", "workflow_job_template")
    }  # of the module
    nodes = [node for one in objects["controller_workflows"] for node in one["workflow_nodes"]]
    assert len(controller.objects["workflow_job_template_nodes"]) == len(nodes)
    assert len(controller.surveys) == sum("survey_spec" in one for name in AWX_KINDS for one in objects[name])


def test_the_playbook_finds_no_difference_names_one_made_by_hand_and_repairs_only_that(
    controller: Controller, applied: list[tuple[str, str]], environ: dict[str, str], tmp_path: Path
) -> None:
    before = len(controller.writes)
    said = play(environ, tmp_path)
    assert "Nothing differs." in said and "changed=0" in said
    assert len(controller.writes) == before
    controller.named("job_templates", "Meta Salvage deploy (run)")["allow_simultaneous"] = True
    controller.named("notification_templates", "Meta Salvage mail")["notification_configuration"]["port"] = 25
    backup = controller.named("job_templates", "Meta Salvage backup (run)")
    controller.lists["job_templates", backup["id"], "notification_templates_error"].clear()
    workflow = controller.named("workflow_job_templates", "Meta Salvage restore after approval")
    (approval,) = [
        node for node in controller.objects["workflow_job_template_nodes"].values()
        if node["workflow_job_template"] == workflow["id"] and node["identifier"] == "approve"
    ]  # fmt: skip
    controller.objects["workflow_approval_templates"][approval["unified_job_template"]]["timeout"] = 60
    said = play(environ, tmp_path, "--check")
    for sentence in (
        'job template "Meta Salvage deploy (run)": allow_simultaneous is true, and shall be false',
        'job template "Meta Salvage backup (run)": notification_templates_error is [], and shall be ["Meta Salvage mail"]',
        'notification template "Meta Salvage mail": notification_configuration differs in port',
        'workflow job template "Meta Salvage restore after approval": its node approve differs in timeout',
    ):
        assert sentence in said.replace('\\"', '"')
    assert "changed=1" in said and len(controller.writes) == before
    said = play(environ, tmp_path)
    assert "changed=3" in said
    touched = {path for _method, path, _body in controller.writes[before:]}
    assert not [path for path in touched if re.search(r"/(projects|inventories|schedules|credential_types)/", path)]
    assert controller.named("notification_templates", "Meta Salvage mail")["notification_configuration"]["port"] == 587


def commands() -> list[str]:
    """Those of the tutorial, in their order."""
    blocks = re.findall(r"```bash\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_every_command_of_the_tutorial_does_what_it_says(
    controller: Controller, applied: list[tuple[str, str]], environ: dict[str, str], tmp_path: Path
) -> None:
    """The objects are there already: without them the second command would take a minute and more."""
    schedule = controller.named("schedules", "Meta Salvage nightly backup")
    del controller.objects["schedules"][schedule["id"]]
    said: list[str] = []
    before = len(controller.writes)
    for command in commands():
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env={**environ, "KUBECONFIG": str(tmp_path / "none")}, capture_output=True, text=True,
            timeout=900, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said.append(done.stdout.replace('\\"', '"') + done.stderr)
        assert done.returncode == (2 if command.startswith("ansible-runner") else 0), said[-1]
        assert "Traceback" not in said[-1] and TOKEN not in said[-1]
    copied, site, built, looked, created, again, ran = said
    assert not copied and not site
    assert (tmp_path / "context/Containerfile").is_file() and "context" in built
    assert 'schedule "Meta Salvage nightly backup": it does not exist' in looked and "failed=0" in looked
    assert "changed=1" in created
    assert "Nothing differs." in again and "changed=0" in again
    assert [method for method, _path, _body in controller.writes[before:]] == ["POST"]
    # No cluster answers here, and unknown is not healthy: the gate is shut, with its reason in plain sight and handed on.
    events = [json.loads(path.read_text()) for path in (tmp_path / "awx/artifacts/first/job_events").glob("*.json")]
    (ended,) = [one for one in events if one["event"] == "playbook_on_stats"]
    (found,) = ended["event_data"]["artifact_data"]["meta_salvage_results"]["health"].values()
    assert found["result"] == "failed" and found["reason"]
    last = " ".join(ran[-4000:].split())
    assert found["reason"][:60] in last, last
