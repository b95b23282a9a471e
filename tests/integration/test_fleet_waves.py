# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of ten clusters in waves, with a bad one in the second: with make soak. Namespaces of the lab stand for clusters."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cluster_lab import NAMESPACE, Lab
from deployed_app import NAME, App

pytestmark = pytest.mark.lab

DEPLOYS, BAD = 10, 3
SPACE = "fleet-waves"


def test_waves_end_at_the_bad_cluster_and_the_others_are_not_touched(lab: Lab, tmp_path: Path) -> None:
    """The canary is done; of the second wave the bad one is taken back and the good one done; the third wave never starts."""
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    spaces = [f"{SPACE}-{number}" for number in range(DEPLOYS)]
    hosts = {}
    for number, space in enumerate(spaces):
        folder = tmp_path / space
        folder.mkdir()
        one = App(lab, space, image, folder).asked(port=8999 if number == BAD else "http")
        hosts[f"cluster-{number}"] = {"ansible_connection": "local", **one}
    file = tmp_path / "hosts.json"
    file.write_text(json.dumps({"all": {"hosts": hosts}}))
    try:
        run = lab.play("deploy", {"meta_salvage_serial": [1, BAD, "100%"]}, inventory=file)
        assert run.code != 0, run.output
        recap = run.output.rpartition("PLAY RECAP")[2]
        there = {one["metadata"]["name"] for one in lab.get("namespaces")["items"]} & set(spaces)
        assert there == set(spaces[: BAD + 1]), run.output
        for number in range(BAD):
            assert lab.get("deployment", NAME, "-n", spaces[number])["status"]["readyReplicas"] == 1
        assert f"cluster-{BAD}" in recap
        changed = dict(re.findall(r"cluster-(\d+) .*?changed=(\d+)", recap))
        assert [changed[str(number)] for number in range(BAD + 1, DEPLOYS)] == ["0"] * (DEPLOYS - BAD - 1), recap
    finally:
        lab.kubectl("delete", "namespace", *spaces, "--ignore-not-found", "--wait=false")
