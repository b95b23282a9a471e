# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of Prometheus' configuration that is ended by signal 9 wherever it is.  MONITORING_KILLS sets how often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cluster_lab import CHECKOUT, Lab
from own_prometheus import CONFIG, JOBS, job, running, with_config_map
from test_monitoring_changes import CHILD, change, jobs_of

pytestmark = pytest.mark.lab

KILLS = int(os.environ.get("MONITORING_KILLS", "10"))
PLAIN = "config-kills-test"


@pytest.fixture(scope="module")
def plain(lab: Lab) -> Iterator[Lab]:
    with running(lab, PLAIN, with_config_map(lab, PLAIN)) as ready:
        yield ready


def test_what_a_killed_run_left_is_finished_or_taken_back(plain: Lab) -> None:
    """At points from before its first write to after its last."""
    where = str(plain.kubeconfig)
    new = {"config": {**CONFIG, "scrape_configs": [*JOBS, job("three")]}}
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "tests/integration"), *sys.path])}
    for number in range(KILLS):
        at = 32 + 2 * number
        child = subprocess.run([sys.executable, "-c", CHILD, json.dumps([where, PLAIN, new, at])], env=environ, check=False)
        change(where, PLAIN, config=CONFIG, max_sample_drop=1.0, wait=300.0)  # the kubelet of a busy machine takes its time
        assert child.returncode in (-9, 0), at
        assert json.loads(plain.kubectl("get", "configmap", "prometheus", "-n", PLAIN, "-o", "json"))["data"]
        assert jobs_of(plain, PLAIN) == [["one", "two"]] * 2, at
        secrets, leases = (plain.kubectl("get", kind, "-n", PLAIN, "-o", "name") for kind in ("secrets", "leases"))
        assert "prometheus-config" not in secrets and leases == ""
