# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped alerts by promtool: they parse, and each fires for its cause, with the runbook's texts and times, and resolves after it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.routing import routing_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from cluster_lab import CHECKOUT

sys.path.append(str(CHECKOUT))
from lab import debian, versions
from lab.common import Progress

MONITORING = CHECKOUT / "extensions" / "monitoring"
NAMES = sorted(path.name for path in (MONITORING / "rules").glob("*.yaml"))


@pytest.fixture(scope="module")
def promtool() -> str:
    done = subprocess.run([sys.executable, "-m", "lab", "tool", "promtool"], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def run(promtool: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run([promtool, *arguments], cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_rules(promtool: str, name: str, tmp_path: Path) -> None:
    spec = yaml.safe_load((MONITORING / "rules" / name).read_text())["spec"]
    (tmp_path / name).write_text(yaml.safe_dump(spec))
    run(promtool, tmp_path, "check", "rules", "--lint=all", "--lint-fatal", name)
    # Without the anchors, which promtool's strict reader refuses.
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(yaml.safe_load((MONITORING / "tests" / name).read_text())))
    assert "SUCCESS" in run(promtool, tmp_path, "test", "rules", "tests.yaml")


def test_every_alert_is_tested() -> None:
    rules = [yaml.safe_load((MONITORING / "rules" / name).read_text()) for name in NAMES]
    alerts = {rule["alert"] for file in rules for group in file["spec"]["groups"] for rule in group["rules"] if "alert" in rule}
    tests = "".join((MONITORING / "tests" / name).read_text() for name in NAMES)
    assert {alert for alert in alerts if alert not in tests and not alert.startswith("ErrorBudgetBurn")} == set()


def test_a_rule_that_never_fires_is_found(promtool: str, tmp_path: Path) -> None:
    """So that the tests above prove something."""
    file: Any = yaml.safe_load((MONITORING / "rules/thresholds.yaml").read_text())
    for rule in file["spec"]["groups"][0]["rules"]:
        rule["expr"] = rule["expr"].replace("0.85", "0.80")
    (tmp_path / "thresholds.yaml").write_text(yaml.safe_dump(file["spec"]))
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(yaml.safe_load((MONITORING / "tests/thresholds.yaml").read_text())))
    with pytest.raises(AssertionError, match="QEKBelowMinimum"):
        run(promtool, tmp_path, "test", "rules", "tests.yaml")


@pytest.fixture(scope="module")
def amtool() -> str:
    """Of the Debian package that the lab's Alertmanager comes from."""
    return str(debian.unpack(list(versions.load().debian), Progress()) / "usr/bin/amtool")


def test_each_alert_reaches_its_receiver(amtool: str) -> None:
    """And Alertmanager takes the example configuration."""
    config = str(MONITORING / "alertmanager.yaml")
    run(amtool, MONITORING, "check-config", config)
    receivers = {"critical": "on-call", "warning": "engineers", "none": "nobody"}
    rules = [yaml.safe_load((MONITORING / "rules" / name).read_text()) for name in NAMES]
    alerts = {
        rule["alert"]: rule["labels"] for file in rules for group in file["spec"]["groups"] for rule in group["rules"] if "alert" in rule
    }
    for alert, labels in alerts.items():
        given = [f"{name}={value}" for name, value in {**labels, "alertname": alert, "namespace": "euystacio-ai"}.items()]
        wanted = "watchdog" if alert == "Watchdog" else receivers[labels["severity"]]
        assert run(amtool, MONITORING, "config", "routes", "test", f"--config.file={config}", *given).strip() == wanted, alert


def test_the_module_routes_as_amtool_does(amtool: str, tmp_path: Path) -> None:
    """The example, and a tree with every kind of matcher; and both refuse a route to a receiver that was removed."""
    tree = {
        "route": {
            "receiver": "a",
            "routes": [
                {"receiver": "b", "match": {"x": "1"}, "continue": True},
                {
                    "receiver": "c",
                    "match_re": {"x": "1|2"},
                    "routes": [{"receiver": "d", "matchers": ['y!="1"', 'z!~"on.*"']}, {"matchers": ["y=2"]}],
                },
                {"receiver": "d", "matchers": ['{x="3,4", y=~"a|b"}'], "continue": True},
                {"receiver": "b", "matchers": ['z=""']},
            ],
        },
        "receivers": [{"name": name} for name in "abcd"],
    }
    file = tmp_path / "tree.yaml"
    file.write_text(yaml.safe_dump(tree))
    mine = routing_of(file.read_text())
    for x, y, z in itertools.product(("", "1", "2", "3,4"), ("", "1", "2", "b"), ("", "on", "only", "off")):
        labels = {name: value for name, value in {"x": x, "y": y, "z": z}.items() if value}
        given = [f'{name}="{value}"' for name, value in labels.items()]
        said = run(amtool, MONITORING, "config", "routes", "test", f"--config.file={file}", *given).strip()
        assert list(dict.fromkeys(said.split(","))) == mine.receivers_of(labels), labels
    example = routing_of((MONITORING / "alertmanager.yaml").read_text())
    assert example.receivers_of({"alertname": "Watchdog", "severity": "none"}) == ["watchdog"]
    assert example.receivers_of({"severity": "critical"}) == ["on-call"]
    removed = (MONITORING / "alertmanager.yaml").read_text().replace("  - name: on-call\n", "  - name: gone\n")
    file.write_text(removed)
    with pytest.raises(AssertionError, match="on-call"):
        run(amtool, MONITORING, "check-config", str(file))
    with pytest.raises(SalvageError, match="names the receiver 'on-call', which is not among the receivers"):
        routing_of(removed)


@pytest.mark.parametrize(
    "route",
    [
        {"receiver": "a", "continue": True},
        {"receiver": "a", "matchers": ["x=1"]},
        {"receiver": "a", "routes": [{"matchers": ['x=~"("']}]},
        {"receiver": "a", "routes": [{"matchers": ['x=~"(?!y)"']}]},
        {"receiver": "a", "routes": [{"matchers": ["x"]}]},
        {"receiver": "a", "routes": [{"mute_time_intervals": ["night"]}]},
        {"routes": []},
    ],
)
def test_the_module_refuses_what_amtool_refuses(amtool: str, tmp_path: Path, route: dict[str, Any]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump({"route": route, "receivers": [{"name": "a"}]}))
    with pytest.raises(AssertionError):
        run(amtool, MONITORING, "check-config", str(file))
    with pytest.raises(SalvageError):
        routing_of(file.read_text())


def test_the_inhibitions_name_alerts_that_exist() -> None:
    rules = [yaml.safe_load((MONITORING / "rules" / name).read_text()) for name in NAMES]
    alerts = {rule["alert"] for file in rules for group in file["spec"]["groups"] for rule in group["rules"] if "alert" in rule}
    config = yaml.safe_load((MONITORING / "alertmanager.yaml").read_text())
    for inhibition in config["inhibit_rules"]:
        for matcher in (*inhibition["source_matchers"], *inhibition["target_matchers"]):
            pattern = re.fullmatch(r'alertname=~?"(.+)"', matcher)
            assert pattern and any(re.fullmatch(pattern[1], alert) for alert in alerts), matcher
