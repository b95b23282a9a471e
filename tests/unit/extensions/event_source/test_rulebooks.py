# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped rulebooks and what runs them: the schema of ansible-rulebook, arguments that the source has, variables that the docs name."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from alert_source import SOURCE  # noqa: F401 - the modules of the source are found by it
from ansible_rulebook.cli import get_parser
from jinja2.nativetypes import NativeEnvironment
from meta_salvage_events.metrics import HELP
from meta_salvage_events.options import OptionError, Options

from tools.env import CHECKOUT

EDA = CHECKOUT / "extensions" / "eda"
RULEBOOKS = sorted((EDA / "rulebooks").glob("*.yml"))
GUIDE = (CHECKOUT / "docs" / "events.md").read_text()


def ruleset(path: Path) -> dict[str, Any]:
    (found,) = yaml.safe_load(path.read_text())
    return dict(found)


def arguments(path: Path, **variables: Any) -> dict[str, Any]:
    """Of the source, as ansible-rulebook templates them."""
    (source,) = ruleset(path)["sources"]
    return {
        name: NativeEnvironment().from_string(str(text)).render(variables) for name, text in source["euystacio.meta_salvage.alerts"].items()
    }


def action(path: Path) -> dict[str, Any]:
    (rule,) = ruleset(path)["rules"]
    ((kind, found),) = rule["actions"][0].items()
    return dict(found if kind == "run_playbook" else found["job_args"])


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_a_rulebook_has_the_form_that_ansible_rulebook_wants(path: Path) -> None:
    spec = importlib.util.find_spec("ansible_rulebook")
    assert spec and spec.submodule_search_locations
    schema = Path(spec.submodule_search_locations[0], "schema", "ruleset_schema.json")
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(schema.read_text()))


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_without_a_way_to_know_the_sender_the_source_does_not_start(path: Path) -> None:
    with pytest.raises(OptionError, match="proves who it is"):
        Options.of(arguments(path))
    tls = {"events_cert_file": "/c", "events_key_file": "/k"}
    found = Options.of(arguments(path, events_token_file="/t", events_throttle_seconds=5, **tls))
    assert (found.port, found.throttle_seconds, found.hmac_file, found.client_names) == (5001, 5.0, None, ())


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_the_playbook_gets_the_alerts_and_what_it_needs_to_confirm(path: Path) -> None:
    defaults = yaml.safe_load((CHECKOUT / "roles/meta_salvage/defaults/main.yml").read_text())
    given = action(path)["extra_vars"]
    assert "event.alerts" in given["alert_response_alert"]
    assert {"meta_salvage_events_ids", "meta_salvage_events_url"} <= given.keys()
    assert {name for name in given if name.startswith("meta_salvage_")} <= defaults.keys()


def test_the_guide_names_every_variable_and_no_other() -> None:
    used = {name for path in RULEBOOKS for name in re.findall(r"\bevents_[a-z_]+", path.read_text())}
    assert set(re.findall(r"\bevents_[a-z_]+(?!\w)", GUIDE)) - {"events_total"} == used


def test_the_guide_names_the_metrics_that_there_are() -> None:
    table = GUIDE.split("| Metric |")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)(?:\{[^}]*\})?`", table)) <= HELP.keys()


def test_units_and_manifests_set_variables_of_the_rulebooks() -> None:
    used = {name for path in RULEBOOKS for name in re.findall(r"\bevents_[a-z_]+", path.read_text())}
    (config,) = [one for one in yaml.safe_load((EDA / "kubernetes.yaml").read_text())["items"] if one["kind"] == "ConfigMap"]
    variables = yaml.safe_load(config["data"]["vars.yml"])
    assert variables.keys() <= used
    Options.of(arguments(EDA / "rulebooks/alerts.yml", **variables))
    assert set(re.findall(r"\bevents_[a-z_]+", (EDA / "meta-salvage-events.service").read_text())) <= used


def container() -> dict[str, Any]:
    (workload,) = [one for one in yaml.safe_load((EDA / "kubernetes.yaml").read_text())["items"] if one["kind"] == "Deployment"]
    return dict(workload["spec"]["template"]["spec"]["containers"][0])


def test_the_unit_and_the_manifest_start_ansible_rulebook_with_options_that_it_has() -> None:
    unit = (EDA / "meta-salvage-events.service").read_text()
    (line,) = re.findall(r"^ExecStart=/usr/bin/env (.*)$", unit, re.MULTILINE)
    for words in (line.split(), container()["args"]):
        assert words[0] == "ansible-rulebook"
        found = get_parser().parse_args(words[1:])
        assert found.rulebook == "euystacio.meta_salvage.alerts"
        assert found.shutdown_delay < 330  # what systemd and the kubelet wait
    assert "TimeoutStopSec=330" in unit


def test_what_is_written_is_on_a_volume_and_what_is_read_is_mounted() -> None:
    """The root file system is read-only."""
    spec = container()
    (config,) = [one for one in yaml.safe_load((EDA / "kubernetes.yaml").read_text())["items"] if one["kind"] == "ConfigMap"]
    mounts = {Path(one["mountPath"]): one for one in spec["volumeMounts"]}
    variables = yaml.safe_load(config["data"]["vars.yml"])
    written = [one["value"] for one in spec["env"] if one["value"].startswith("/")] + [variables["events_journal"], spec["workingDir"]]
    read = [value for name, value in variables.items() if name.endswith("_file")]
    read += [word.partition("=")[2] for word in spec["args"] if "=/" in word]
    for path in map(Path, [*written, *read]):
        mount = next(mounts[one] for one in (path, *path.parents) if one in mounts)
        assert mount.get("readOnly", False) is (str(path) in read), path
    assert {Path(word.partition("=")[2]).name for word in spec["args"] if "=/" in word} == config["data"].keys()


def test_the_unit_lets_ansible_write_into_the_state_only() -> None:
    unit = (EDA / "meta-salvage-events.service").read_text()
    assert {"StateDirectory=meta-salvage-events", "ProtectHome=read-only", "ProtectSystem=strict"} <= set(unit.splitlines())
    given = dict(word.split("=", 1) for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE) for word in line.split())
    for name in ("HOME", "ANSIBLE_HOME", "ANSIBLE_REMOTE_TEMP"):
        assert given[name].startswith("%S/meta-salvage-events")
    documentation = re.findall(r"^Documentation=.*/blob/main/(.*)$", unit, re.MULTILINE)
    assert documentation and all((CHECKOUT / path).is_file() for path in documentation)
    credentials = dict(line.split(":", 1) for line in re.findall(r"^LoadCredential=(.*)$", unit, re.MULTILINE))
    assert set(re.findall(r"/run/credentials/meta-salvage-events\.service/([\w.]+)", unit)) <= credentials.keys()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
def test_systemd_understands_the_unit() -> None:
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(EDA / "meta-salvage-events.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "meta-salvage-events" in line]
    assert not ours and (done.returncode == 0 or not done.stderr), done.stderr


def test_the_receivers_post_to_the_path_of_the_source() -> None:
    plain = yaml.safe_load((EDA / "alertmanager.yaml").read_text())["receivers"][1]["webhook_configs"][0]
    operator = yaml.safe_load((EDA / "alertmanagerconfig.yaml").read_text())["spec"]["receivers"][0]["webhookConfigs"][0]
    assert plain["url"].endswith(":5001/alerts") and operator["url"].endswith(":5001/alerts")
    assert (plain["max_alerts"], operator["maxAlerts"], plain["send_resolved"], operator["sendResolved"]) == (0, 0, True, True)
