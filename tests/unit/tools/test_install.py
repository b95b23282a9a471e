# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installation gate installs, imports and refuses."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tools import env, install

HERE = env.Python((sys.version_info[0], sys.version_info[1]), sys.executable)


def names(file: str) -> set[str]:
    lines = [line.split("#")[0].strip() for line in (env.CHECKOUT / file).read_text().splitlines()]
    return {re.split(r"[<>=!~ ]", line)[0].lower().replace("-", "_") for line in lines if line and not line.startswith("-r")}


def test_third_party_imports_are_found_wherever_they_are() -> None:
    source = """
import json, urllib3.util
from ansible.module_utils.basic import AnsibleModule
from ..module_utils import x
try:
    import boto3
except ImportError:
    boto3 = None
def late():
    from prometheus_client.parser import text_string_to_metric_families
POLICY = '''
import rego.v1
'''
"""
    assert install.third_party(source) == {"urllib3", "boto3", "prometheus_client"}


def test_every_package_that_plugins_import_is_named_in_the_requirements() -> None:
    files = list((env.CHECKOUT / "plugins").rglob("*.py"))
    packages = {"yaml": "pyyaml"}
    base = {packages.get(name, name) for name in install.needed(files, "requirements.txt")}
    assert base <= names("requirements.txt")
    assert "boto3" not in base
    with_s3 = {packages.get(name, name) for name in install.needed(files, "requirements-s3.txt")}
    assert with_s3 - base == {"boto3", "botocore"}
    assert names("requirements-s3.txt") == {"boto3"}  # it brings botocore of its own version


def test_requirements_have_no_upper_bounds() -> None:
    for file in ("requirements.txt", "requirements-s3.txt", "requirements-openshift.txt"):
        assert not re.search(r"^[^#\n]*(<|==|~=)", (env.CHECKOUT / file).read_text(), re.MULTILINE)


def test_a_resolver_that_does_not_end_is_stopped_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(env.EnvError, match=r"Could not install it within 0 s; look for packages that disagree"):
        install._do([sys.executable, "-c", "import time; time.sleep(30)"], "install it", 0.2)


def test_a_failed_command_reports_its_last_lines() -> None:
    with pytest.raises(env.EnvError, match=r"Could not install it: .*no such package"):
        install._do([sys.executable, "-c", "import sys; sys.exit('no such package')"], "install it", 30)


def test_an_installed_file_is_imported_completely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[list[str]] = []
    monkeypatch.setattr(install, "_do", lambda command, what, limit: done.append(command))
    assert install.install(install.Case(HERE, "23.2", "requirements.txt"), tmp_path / "venv") >= 0
    assert done[1][-1] == "pip==23.2"
    assert done[2][-1] == str(env.CHECKOUT / "requirements.txt")
    assert "kubernetes" in done[3][-1] and "boto3" not in done[3][-1]
