# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once on one workload, and a run after one that was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cluster_lab import NAMESPACE, Lab
from test_delivery_playbooks import QUICK, App

pytestmark = pytest.mark.lab

SPACE = "lock-test"
LEASE = "meta-salvage-deployment-app"


@pytest.fixture(scope="module")
def app(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    one = App(lab, "app", image, tmp_path_factory.mktemp("lock"), SPACE)
    one.start()
    yield one
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def leases(app: App) -> list[dict[str, Any]]:
    return list(json.loads(app.lab.kubectl("get", "leases", "-n", SPACE, "-o", "json"))["items"])


def test_the_second_run_says_who_holds_the_lock_and_the_next_one_takes_over_from_a_killed_one(app: App) -> None:
    change = {**QUICK, "deploy_record_dir": str(app.folder), "deploy_name": "app", "deploy_namespace": SPACE}
    slow = {**change, "deploy_manifests": app.manifests("debug"), "deploy_window": 600, "deploy_interval": 15}
    with app.lab.playing("deploy", slow):
        deadline = time.monotonic() + 180
        while not leases(app) or app.get("configmap")["data"]["LEVEL"] != "debug":
            assert time.monotonic() < deadline, leases(app)
            time.sleep(1)
        (lease,) = leases(app)
        before = app.get("deployment")["metadata"]["generation"]
        second = app.play("scale", scale_replicas=4)
        assert second.code != 0
        assert lease["spec"]["holderIdentity"] in second.output
        assert "Deployment app in lock-test is locked by" in second.output
        assert "scale_lock_take_over=true" in second.output
        assert app.get("deployment")["metadata"]["generation"] == before
        check = app.lab.play("scale", {"scale_name": "app", "scale_namespace": SPACE, "scale_replicas": 4}, check=True)
        assert check.code == 0, check.output
        assert "is locked by" in check.output
        assert [one["spec"]["holderIdentity"] for one in leases(app)] == [lease["spec"]["holderIdentity"]]
    third = app.play("scale", scale_replicas=3)
    assert third.code == 0, third.output
    assert "that process has ended" in third.output
    assert leases(app) == []
