# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery runbooks as a user runs them, on real pods in a namespace of their own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.high_water import HighWater
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import private_key
from audit import checked
from backups import Backups
from cluster_lab import NAMESPACE, Lab, Run, comes_to
from object_store import BUCKET, SECRET
from test_delivery_playbooks import App

pytestmark = pytest.mark.lab

SPACE = "recovery-test"
LABEL = "meta-salvage.euystacio/drill-of"


class Site(Backups):
    """An application, the keys of its backups, and the runbooks that are run on it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        self.lab, self.reports = lab, folder / "reports"
        self.keys = {
            "backup_repository": str(folder / "store"), "backup_namespaces": [SPACE],
            "backup_recipients": [self.recipient], "backup_signing_key": str(folder / "sign.pem"),
            "backup_public_key": str(folder / "sign.pub"), "backup_identity": str(folder / "identity"),
            "backup_cluster": "localhost",  # also for the hosts of another inventory
        }  # fmt: skip

    @property
    def _places(self) -> dict[str, Any]:
        return {f"{role}_report_dir": str(self.reports) for role in ("backup", "restore", "restore_drill")}

    def playing(self, runbook: str, **variables: Any) -> AbstractContextManager[subprocess.Popen[str]]:
        return self.lab.playing(runbook, {**self._places, **self.keys, **variables})

    def play(self, runbook: str, *, inventory: Path | None = None, check: bool = False, **variables: Any) -> Run:
        given = {**self._places, **({} if inventory else self.keys), **variables}
        if not check:
            return self.lab.play(runbook, given, inventory=inventory)
        before = self.published
        run = checked(self.lab, runbook, given)[0]
        assert self.published == before
        return run

    @property
    def published(self) -> list[str]:
        return self.store.names()

    def report(self, name: str) -> dict[str, Any]:
        """The newest of them."""
        found: dict[str, Any] = json.loads(max(self.reports.glob(f"{name}-*.json")).read_text())
        return found

    def copies(self) -> list[str]:
        spaces = self.lab.get("namespaces", "-l", LABEL)["items"]
        return [space["metadata"]["name"] for space in spaces if space["metadata"]["name"].startswith(SPACE)]

    def marking(self, name: str, *more: dict[str, Any]) -> str:
        """A file of tasks that leave a mark."""
        path = self.folder / f"{name}.yml"
        touch = {"ansible.builtin.copy": {"dest": str(self.folder / f"{name}.mark"), "content": "done", "mode": "0600"}}
        path.write_text(json.dumps([touch, *more]))
        return str(path)

    def marked(self, name: str) -> bool:
        path = self.folder / f"{name}.mark"
        there = path.exists()
        path.unlink(missing_ok=True)
        return there


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    one = Site(lab, tmp_path_factory.mktemp("recovery"))
    for space in [SPACE, *one.copies()]:
        lab.kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    App(lab, "app", standin["spec"]["template"]["spec"]["containers"][0]["image"], one.folder, SPACE).start()
    lab.kubectl("patch", "service", "app", "-n", SPACE, "--type=merge", "-p", '{"spec": {"type": "NodePort"}}')
    lab.kubectl("create", "cronjob", "yearly", "-n", SPACE, "--image=none", "--schedule=0 0 1 1 *")
    yield one
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_a_backup_is_proven_and_none_is_taken_while_it_is_young(site: Site) -> None:
    hooks = {"backup_before_tasks": [site.marking("before")], "backup_after_tasks": [site.marking("after")]}
    wish = {**hooks, "backup_sentinel": SPACE, "backup_max_age": 3600}
    before = site.published
    planned = site.play("backup", check=True, **wish)
    assert planned.code == 0, planned.output
    assert not site.marked("before")

    run = site.play("backup", **wish)
    assert run.code == 0, run.output
    assert site.marked("before") and site.marked("after")
    report = site.report("backup")
    assert [report["backup"]["name"], *before] == site.published
    assert (report["result"], report["proven_to"]) == ("COMPLETE", "each object")

    again = site.play("backup", **wish)
    assert "changed=0 " in again.output, again.output
    assert len(site.published) == len(before) + 1

    verified = site.play("backup_verify", backup_verify_max_age=3600)
    assert verified.code == 0 and f"{site.published[0]} is COMPLETE" in verified.output, verified.output


def test_a_backup_of_another_cluster_and_one_that_was_taken_away_are_refused(site: Site) -> None:
    site.back_up(SPACE)
    newest = site.back_up(SPACE)
    other = site.play("backup_verify", backup_cluster="another")
    assert other.code != 0 and "it is of the cluster localhost, not of another" in other.output, other.output
    restore = site.play("restore", restore_cluster="another", restore_namespaces=[SPACE])
    assert restore.code != 0 and "it is of the cluster localhost, not of another" in restore.output, restore.output
    for end in (".json", ".age"):
        (site.folder / "store" / f"{newest}{end}").unlink()
    missed = site.play("backup_verify")
    assert missed.code != 0 and f"the backup {newest} was the newest here before, and is gone" in missed.output, missed.output
    known = site.play("backup_verify", backup_allow_missing=True)
    assert known.code == 0, known.output


def test_what_comes_after_is_done_though_what_comes_before_failed(site: Site) -> None:
    before = site.published
    broken = site.marking("before", {"ansible.builtin.fail": {"msg": "the dump can't be written"}})
    run = site.play("backup", backup_before_tasks=[broken], backup_after_tasks=[site.marking("after")])
    assert run.code != 0 and "the dump can't be written" in run.output, run.output
    assert site.marked("after")
    assert site.published == before
    assert site.report("backup")["result"] == "FAIL"


def test_a_drill_restores_beside_the_original_and_leaves_nothing_though_the_one_before_was_killed(site: Site) -> None:
    # Not a copy: nothing but its label says so.
    alike = {"metadata": {"name": "recovery-alike-drill-20260101000000-00ff", "labels": {LABEL: SPACE}}}
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
    wrong: list[dict[str, Any]] = [{"uid": "0"}, {"run": "other"}, {"space": "recovery-alike"}, {}]
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


def test_the_runbooks_do_the_same_with_an_object_store(site: Site, object_store: dict[str, str]) -> None:
    there = {"backup_repository": f"s3://{BUCKET}/recovery", "backup_s3": object_store}
    before = site.published
    taken = site.play("backup", backup_sentinel=SPACE, **there)
    assert taken.code == 0, taken.output
    name = site.report("backup")["backup"]["name"]

    verified = site.play("backup_verify", backup_verify_max_age=3600, **there)
    assert verified.code == 0 and f"{name} is COMPLETE" in verified.output, verified.output

    drilled = site.play("restore_drill", restore_drill_namespace=SPACE, restore_drill_take=False, **there)
    assert drilled.code == 0, drilled.output
    assert site.report("restore-drill-localhost")["backup"] == name

    site.lab.kubectl("delete", "configmap", "app", "-n", SPACE)
    restored = site.play("restore", restore_confirm=[SPACE], restore_namespaces=[SPACE], restore_existing="update", **there)
    assert restored.code == 0, restored.output
    assert site.lab.get("configmap", "app", "-n", SPACE)["data"]["LEVEL"] == "info"
    safety = site.report("restore-localhost")["restore"]["safety_backup"]
    assert safety > name
    assert site.published == before  # all of it went there

    for run in (taken, verified, drilled, restored):
        assert SECRET not in run.output


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
        user = site.lab.lab("user", site.lab.name, "recovery-viewer").strip()
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
    site.lab.kubectl("create", "rolebinding", "viewer", "-n", SPACE, "--clusterrole=view", "--user=recovery-viewer")
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


def test_a_restore_is_planned_confirmed_and_done_once(site: Site) -> None:
    wish = {"restore_namespaces": [SPACE], "restore_existing": "update"}
    site.back_up(SPACE)
    before = site.published
    site.lab.kubectl("delete", "configmap", "app", "-n", SPACE)
    planned = site.play("restore", check=True, **wish)
    assert planned.code == 0 and f"ConfigMap {SPACE}/app" in planned.output, planned.output

    refused = site.play("restore", **wish)
    assert refused.code != 0 and f'restore_confirm=["{SPACE}"]' in refused.output.replace("\\", ""), refused.output
    assert not site.lab.kubectl("get", "configmap", "app", "-n", SPACE, "--ignore-not-found").strip()
    assert site.published == before

    done = site.play("restore", restore_confirm=[SPACE], **wish)
    assert done.code == 0, done.output
    assert site.lab.get("configmap", "app", "-n", SPACE)["data"]["LEVEL"] == "info"
    report = site.report("restore-localhost")
    assert (report["result"], report["restore"]["safety_backup"]) == ("PASS", site.published[0])

    again = site.play("restore", restore_confirm=[SPACE], restore_name=before[0], **wish)
    assert again.code == 0 and "changed=0 " in again.output, again.output
