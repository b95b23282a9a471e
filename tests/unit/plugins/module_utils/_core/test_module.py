# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import PASS_VARS
from ansible_collections.euystacio.meta_salvage.plugins.modules import alert_info, blue_green, manifests, rollout_info

from tools.env import CHECKOUT

KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "proxy-url": "http://me:HUNTER2-proxy@127.0.0.1:1"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "users": [{"name": "u", "user": {"token": "HUNTER2-token", "client-key-data": "HUNTER2-key"}}],
    "current-context": "c",
}
OPTIONS = {"kubeconfig": KUBECONFIG, "proxy": "http://me:HUNTER2-proxy@127.0.0.1:1", "proxy_headers": {"basic_auth": "me:HUNTER2"}}

# A core that does not know the option always shows the invocation, and refuses the option.
WITH_INVOCATION = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}


@pytest.mark.parametrize("wrong", [{}, {"timeout": "http://u:HUNTER2-url@h"}, {"nonsense": "password=HUNTER2-x"}])
@pytest.mark.parametrize("module", [alert_info, rollout_info])
def test_no_credential_of_the_options_is_in_the_result_nor_in_the_system_log(
    run_module: Any, monkeypatch: pytest.MonkeyPatch, module: Any, wrong: dict[str, Any]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _module, msg, log_args=None: logged.append(f"{msg}{log_args}"))
    options = {**WITH_INVOCATION, **OPTIONS, **wrong}
    if module is alert_info:
        options["prometheus_url"] = "http://u:HUNTER2-url@h:9O90"
    answer = run_module(module, **options)
    assert answer["invocation"]["module_args"]["kubeconfig"]["current-context"] == "c"
    assert "HUNTER2" not in f"{answer}{logged}"
    assert logged or wrong


@pytest.mark.parametrize(
    ("module", "option", "other"), [(manifests, "definitions", {"workers": 0}), (blue_green, "definition", {"min_ready": -1, **OPTIONS})]
)
def test_an_object_in_an_option_is_not_in_the_invocation_nor_in_the_system_log(
    run_module: Any, monkeypatch: pytest.MonkeyPatch, module: Any, option: str, other: dict[str, Any]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _module, msg, log_args=None: logged.append(f"{msg}{log_args}"))
    container = {"name": "api", "env": [{"name": "MODE", "value": "HUNTER2"}], "args": ["--api-token", "HUNTER2-x"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": {"containers": [container]}}
    answer = run_module(module, **WITH_INVOCATION, **{option: pod}, **other)
    assert answer["failed"]
    assert answer["invocation"]["module_args"].items() >= {name: value for name, value in other.items() if name not in OPTIONS}.items()
    assert logged
    assert "HUNTER2" not in f"{answer}{logged}"


@pytest.mark.parametrize("path", sorted((CHECKOUT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_options_with_objects_are_not_logged(path: Path) -> None:
    module = importlib.import_module(f"ansible_collections.euystacio.meta_salvage.plugins.modules.{path.stem}")
    options = next((one.MODULE["argument_spec"] for one in vars(module).values() if hasattr(one, "MODULE")), {})
    assert [name for name, spec in options.items() if "definition" in name and not spec.get("no_log")] == []


def test_of_an_option_that_is_not_logged_only_secrets_are_hidden(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"listed": "app", "kind": "Secret", "value": "x", "hidden": "hunter2", "named": "hunter3"}
    monkeypatch.setattr(manifests.task, "run", lambda *_args, **_how: {"changed": False, "words": list(shown.values())})
    secret = {"kind": "Secret", "metadata": {"name": "app"}, "stringData": {"a": "hunter2"}}
    settings = {"kind": "ConfigMap", "data": {"b": "x", "password": "hunter3"}}
    words = run_module(manifests, definitions=[{"kind": "List", "items": [secret, settings]}])["words"]
    assert words[:3] == ["app", "Secret", "x"]
    assert "hunter" not in str(words)


def test_a_warning_has_no_credential(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(params: Any) -> Any:
        return {"changed": False, "named": sorted(params)}

    monkeypatch.setattr(rollout_info.task, "run", run)
    made = rollout_info.SalvageModule

    class Warns(made):  # type: ignore[misc,valid-type]
        def __init__(self, **spec: Any) -> None:
            super().__init__(**spec)
            self.warn("\x1b[31mhttp://u:HUNTER2@h")

    monkeypatch.setattr(rollout_info, "SalvageModule", Warns)
    answer = run_module(rollout_info)
    assert "HUNTER2" not in str(answer)
    assert "\x1b" not in str(answer)


def test_every_module_is_one() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))}
    assert [name for name, source in sources.items() if "AnsibleModule" in source] == []
