# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""extensions/audit/event_query.yml, as AAP reads it, on the documented result of every module."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from fake_results import NAMES, result_of

from tools.env import CHECKOUT

QUERIES: dict[str, dict[str, str]] = yaml.safe_load((CHECKOUT / "extensions/audit/event_query.yml").read_text())
PREFIX = "euystacio.meta_salvage."
FORM = re.compile(
    r"select\((?P<where>[\w.]+)\? != null\) \| (?P<from>[\w.]+) \| "
    r"\{name: \((?P<name>[\w.]+)\? // (?P<other>[\w.]+)\), canonical_facts: \{api_server: (?P<server>[\w.]+)\}, facts: \{[^{}]+\}\}"
)


def at(value: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def names_a_server(name: str) -> bool:
    """Whether the result says of which cluster it is, in the place of the four."""
    result = result_of(name)
    return any(at(result, path) for path in ("backup.server", "report.cluster.server", "restore.server", "snapshot.source.server"))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_that_says_which_cluster_it_saw_is_counted(name: str) -> None:
    assert (PREFIX + name in QUERIES) == names_a_server(name)


@pytest.mark.parametrize("module", sorted(QUERIES))
def test_a_query_has_the_one_form_and_finds_what_the_sample_has(module: str) -> None:
    assert set(QUERIES[module]) == {"query"}
    found = FORM.fullmatch(" ".join(QUERIES[module]["query"].split()))
    assert found, QUERIES[module]["query"]
    inner = at(result_of(module.removeprefix(PREFIX)), found["from"])
    assert found["where"] == found["from"] + found["server"]
    assert at(inner, found["server"]).startswith("https://") and found["other"] == found["server"]
    assert isinstance(at(inner, found["name"]), str)
    if shutil.which("jq"):
        assert nodes(module, result_of(module.removeprefix(PREFIX)))[0]["canonical_facts"] == {"api_server": at(inner, found["server"])}
        for odd in ({}, {"failed": True, "msg": "no"}, {found["from"].split(".")[1]: None}):
            assert nodes(module, odd) == []


def nodes(module: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["jq", "-c", QUERIES[module]["query"]], input=json.dumps(result), capture_output=True, text=True, check=True, timeout=20
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
