# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that a cluster-scoped owner made: what comes back if the owner is gone, and if it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from backups import Backups
from cluster_lab import Lab
from test_restore import until

pytestmark = pytest.mark.lab

SPACE = "restore-owners-test"
OWNER = f"/apis/scheduling.k8s.io/v1/priorityclasses/{SPACE}"
POD = {"containers": [{"name": "c", "image": "none"}], "nodeSelector": {"no": "where"}}
MADE: dict[str, dict[str, Any]] = {
    f"/api/v1/namespaces/{SPACE}/secrets": {"stringData": {"password": "x"}},
    f"/api/v1/namespaces/{SPACE}/pods": {"spec": POD},
    f"/apis/batch/v1/namespaces/{SPACE}/jobs": {
        "spec": {"suspend": True, "template": {"spec": {**POD, "restartPolicy": "Never"}}},
    },
    f"/apis/apps/v1/namespaces/{SPACE}/deployments": {
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}, "spec": POD}},
    },
}


class Site(Backups):
    def make(self) -> str:
        create(self.cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        made = create(self.cluster, OWNER.rpartition("/")[0], {"metadata": {"name": SPACE}, "value": 1})
        assert made is not None
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "name": SPACE}
        owner = {**kind, "uid": made["metadata"]["uid"], "controller": True}
        for path, content in MADE.items():
            create(self.cluster, path, {"metadata": {"name": "made", "ownerReferences": [owner]}, **content})
        return self.back_up(SPACE)

    def owners(self) -> dict[str, Any]:
        """Of what is there, by its kind."""
        there = {path.rpartition("/")[2]: read(self.cluster, f"{path}/made") for path in MADE}
        return {kind: bool(obj["metadata"].get("ownerReferences")) for kind, obj in there.items() if obj is not None}

    def wipe(self, *, owner: bool = True) -> None:
        delete(self.cluster, f"/api/v1/namespaces/{SPACE}")
        if owner:
            delete(self.cluster, OWNER)
        until(lambda: read(self.cluster, f"/api/v1/namespaces/{SPACE}") is None)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    one = Site(str(lab.kubeconfig), tmp_path)
    one.wipe()
    yield one
    one.wipe()


def test_what_an_owner_made_comes_back_without_it_or_is_left_to_it(site: Site) -> None:
    name = site.make()
    chosen: dict[str, Any] = {"selection": Choice(namespaces=frozenset({SPACE})), "wait": False}
    site.wipe(owner=False)
    found = site.restore(name, **chosen)
    assert (found.status, site.owners()) == ("PASS", {"secrets": True, "deployments": True}), found.report
    assert {row["reason"] for row in found.report["skipped"]} >= {"its owner (PriorityClass) makes it"}

    site.wipe()
    planned = site.restore(name, dry_run=True, **chosen)
    found = site.restore(name, **chosen)
    assert (found.status, site.owners()) == ("PASS", dict.fromkeys(("secrets", "pods", "jobs", "deployments"), False)), found.report
    for told in (planned, found):
        (note,) = [one for one in told.report["notes"] if "without their owner" in one]
        assert f"PriorityClass/{SPACE}, which is not there" in note and all(kind in note for kind in ("Secret", "Pod", "Job", "Deployment"))
