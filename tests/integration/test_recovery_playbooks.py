# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores as a user runs them, on real pods in a namespace of their own."""

from __future__ import annotations

import pytest
from object_store import BUCKET, SECRET
from recovery_site import Site

pytestmark = pytest.mark.lab

SPACE = "recovery-test"


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
