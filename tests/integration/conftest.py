# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bonds_lab import Bonds, opa_in, policy_files
from cluster_lab import CHECKOUT, NAMESPACE, Lab
from object_store import serving
from recovery_site import Site, site_in


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The node-size lab: KUBECONFIG_LAB, or one that is brought up (and left) under the name `test`."""
    given = os.environ.get("KUBECONFIG_LAB")
    if given is None:
        subprocess.run([sys.executable, "-m", "lab", "up", "test"], cwd=CHECKOUT, check=True)
        given = subprocess.run(
            [sys.executable, "-m", "lab", "kubeconfig", "test"], cwd=CHECKOUT, check=True, capture_output=True, text=True
        ).stdout.strip()
    found = Lab(Path(given), tmp_path_factory.mktemp("lab"))
    # A cluster that has just come up is not healthy before its autoscaler has read the pods.
    found.kubectl("wait", "hpa", "--all", "-n", NAMESPACE, "--for=condition=ScalingActive", "--timeout=90s")
    return found


@pytest.fixture(scope="module")
def bonds(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bonds]:
    """OPA in the namespace ``SPACE`` of the test file."""
    with opa_in(lab, request.module.SPACE, tmp_path_factory.mktemp("bonds")) as found:
        yield found


@pytest.fixture
def published(bonds: Bonds) -> Bonds:
    bonds.put(policy_files())
    return bonds


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An application with backups in the namespace ``SPACE`` of the test file."""
    with site_in(lab, request.module.SPACE, tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture(scope="session")
def object_store(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What reaches it, as the roles' ``backup_s3`` has it."""
    with serving(lab.lab("tool", "versitygw").strip(), tmp_path_factory.mktemp("objects")) as reached:
        yield reached
