# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore drills as a user runs them, on real pods in a namespace of their own."""

from __future__ import annotations

import json
import shutil
import signal
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.high_water import HighWater
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import private_key
from backups import Backups
from cluster_lab import comes_to
from recovery_site import LABEL, Site

pytestmark = pytest.mark.lab

SPACE = "drills-test"


def test_a_drill_restores_beside_the_original_and_leaves_nothing_though_the_one_before_was_killed(site: Site) -> None:
    # Not a copy: nothing but its label says so.
    alike = {"metadata": {"name": "drills-alike-drill-20260101000000-00ff", "labels": {LABEL: SPACE}}}
    with site.lab.applied({"apiVersion": "v1", "kind": "Namespace", **alike}):
        with site.playing("restore_drill", restore_drill_namespace=SPACE) as killed:
            comes_to(killed, lambda: any(site.reports.glob(f"{SPACE}-drill-*.drill-journal")), 180)
            killed.send_signal(signal.SIGSTOP)
            left = site.copies()
            assert len(left) == 1
            beside = site.play("restore_drill", restore_drill_namespace=SPACE)
            assert beside.code != 0 and f"Another drill of {SPACE} runs with the copy {left[0]}" in beside.words, beside.output
            assert site.copies() == left

        run = site.play("restore_drill", restore_drill_namespace=SPACE)
        assert run.code == 0, run.output
        assert f"No record here proves that a drill created {alike['metadata']['name']};" in run.words
        assert site.copies() == [] and site.lab.get("namespace", str(alike["metadata"]["name"]))["status"]["phase"] == "Active"
    assert not [*site.reports.glob("copy-*"), *site.reports.glob("*.drill-journal")]
    report = site.report("restore-drill-localhost")
    assert (report["result"], report["backup"]) == ("PASS", site.published[0])
    assert report["restore"]["resumed"] is False  # the killed one's copy is gone, so there is nothing to go on with
    assert 0 < report["rto_s"] < 300 and 0 <= report["rpo_s"] < 300
    skipped = {name for row in report["restore"]["skipped"] for name in row["objects"]}
    assert f"CronJob.batch {SPACE}/yearly" in skipped
    assert site.lab.get("service", "app", "-n", SPACE)["spec"]["type"] == "NodePort"


def test_a_drill_deletes_no_namespace_that_is_not_the_one_of_its_record(site: Site) -> None:
    """Each time one thing that the record says is not so."""
    name = f"{SPACE}-drill-20260101000000-00ff"
    site.reports.mkdir(exist_ok=True)
    wrong: list[dict[str, Any]] = [{"uid": "0"}, {"run": "other"}, {"space": "drills-alike"}, {}]
    for number, change in enumerate(wrong):
        record = {
            "schema": 1, "run": "r", "cluster": "localhost", "namespace": SPACE, "space": name, "uid": "", "began": 0,
            "process": {"machine": "another", "id": "1", "started": "1"}, "reason": "", **change,
        }  # fmt: skip
        metadata = {
            "name": record["space"], "labels": {LABEL: SPACE} if change else {}, "annotations": {"meta-salvage.euystacio/drill-run": "r"},
        }  # fmt: skip
        path = site.reports / f"copy-localhost-{number}.json"
        path.write_text(json.dumps(record))
        with site.lab.applied({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}):
            run = site.play("restore_drill", restore_drill_namespace=SPACE, restore_drill_take=False)
            assert run.code != 0 and "so it was not deleted" in run.words, run.output
            assert site.lab.get("namespace", str(record["space"]))["status"]["phase"] == "Active"
        path.unlink()


def test_a_drill_of_the_newest_backup_is_planned_and_nothing_is_written(site: Site) -> None:
    site.back_up(SPACE)
    run = site.play("restore_drill", check=True, restore_drill_namespace=SPACE, restore_drill_take=False)
    assert run.code == 0, run.output
    assert site.copies() == []


def bad(site: Site, kind: str) -> dict[str, Any]:
    """The variables of a drill whose newest backup is no good."""
    store = site.folder / kind
    shutil.copytree(site.folder / "store", store)
    archive = store / f"{site.published[0]}.age"
    given = {**site.keys, "backup_repository": str(store), "restore_drill_namespace": f"{SPACE}-{kind}", "restore_drill_take": False}
    if kind == "flipped":
        data = bytearray(archive.read_bytes())
        data[len(data) // 2] ^= 1
        archive.write_bytes(data)
    elif kind == "old":
        given["restore_drill_max_age"] = 0.001
    elif kind == "foreign":
        (site.folder / "other").mkdir()
        given["backup_public_key"] = str(Backups(site.kubeconfig, site.folder / "other").folder / "sign.pub")
    else:
        own = site if kind == "unmarked" else None
        user = site.lab.lab("user", site.lab.name, "drills-viewer").strip()
        cluster = own.cluster if own else Cluster.connect({"kubeconfig": user}, timeout=30)
        to, key = recipients([site.recipient]), private_key(str(site.folder / "sign.pem"))
        written = Backup(cluster, Selection(namespaces=(SPACE,)), key, to, allow_partial=not own, name="localhost").write(site.store)[
            "name"
        ]
        for end in (".age", ".json"):
            (site.folder / "store" / f"{written}{end}").rename(store / f"{written}{end}")
        HighWater(site.store, key).check(allow_missing=True)  # this machine has seen them, and misses them now
        if own:
            given["restore_drill_namespace"] = SPACE
    return given


def test_a_drill_of_each_kind_of_bad_backup_fails(site: Site) -> None:
    """Five clusters of one inventory; only a backup without its sentinel gets as far as a copy."""
    site.back_up(SPACE)
    site.lab.kubectl("create", "rolebinding", "viewer", "-n", SPACE, "--clusterrole=view", "--user=drills-viewer")
    site.lab.kubectl("delete", "configmap", "meta-salvage-sentinel", "-n", SPACE, "--ignore-not-found")
    words = {
        "flipped": "refused",
        "old": "s old, and 0.001 s are allowed",
        "partial": "it is PARTIAL, it does not contain",
        "foreign": "refused",
        "unmarked": "it has no sentinel",
    }
    hosts = {kind: {"ansible_connection": "local", **bad(site, kind)} for kind in words}
    inventory = site.folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    run = site.play("restore_drill", inventory=inventory)
    assert run.code != 0
    for kind, word in words.items():
        report = site.report(f"restore-drill-{kind}")
        assert report["result"] == "FAIL" and word in report["reason"], report
        assert "The drill FAILED" in run.output
    assert site.copies() == []
