# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small namespace, restored under other names: killed, stumbling, over what is there, planned, and from what is no backup.

RESTORE_KILLS, RESTORE_FLIPS and RESTORE_STUMBLES set how often the heavy ones go round.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import MERGE_PATCH, delete, must_read, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from audit import Audit
from backups import Backups, choice_of
from cluster_lab import Lab
from stumbling import Stumbling
from test_restore import READS, SECRET, content

pytestmark = pytest.mark.lab

KILLS = int(os.environ.get("RESTORE_KILLS", "3"))
FLIPS = int(os.environ.get("RESTORE_FLIPS", "1"))
STUMBLES = int(os.environ.get("RESTORE_STUMBLES", "2"))
SMALL = "restore-small"
LIGHT = """
- {apiVersion: v1, kind: Secret, metadata: {name: password}, type: Opaque, data: {password: SECRET}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: bot}}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {name: bot}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
  subjects: [{kind: ServiceAccount, name: bot, namespace: SMALL}]
- {apiVersion: v1, kind: Service, metadata: {name: out}, spec: {type: NodePort, ports: [{port: 80}], selector: {app: none}}}
- &cron
  apiVersion: batch/v1
  kind: CronJob
  metadata: {name: yearly}
  spec:
    schedule: 0 0 1 1 *
    jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: none}]}}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: twins}
  spec:
    replicas: 0
    selector: {matchLabels: {app: twins}}
    template:
      metadata: {labels: {app: twins}}
      spec: {containers: [{name: c, image: none, env: [{name: A, value: "1"}, {name: A, value: "2"}]}]}
"""


class Small(Backups):
    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        self.lab, self.spaces = lab, [SMALL]
        left = [item["metadata"]["name"] for item in lab.get("namespaces")["items"] if item["metadata"]["name"].startswith(SMALL)]
        if left:
            lab.kubectl("delete", "namespace", *left, "--ignore-not-found", "--wait=true", "--timeout=240s")
        lab.kubectl("create", "namespace", SMALL)
        items = yaml.safe_load(LIGHT.replace("SECRET", SECRET).replace("SMALL", SMALL))
        items += [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n}"}, "data": {"n": str(n)}} for n in range(12)]
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        lab.kubectl("create", "-n", SMALL, "-f", "-", given=given)
        cron = must_read(self.cluster, f"/apis/batch/v1/namespaces/{SMALL}/cronjobs/yearly")
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "yearly", "uid": cron["metadata"]["uid"]}
        self.cluster.call("PATCH", self.path("c0"), body={"metadata": {"ownerReferences": [owner]}}, content_type=MERGE_PATCH)
        self.name = self.back_up(SMALL)
        self.was = content(self.opened(self.name), space=SMALL)

    def path(self, name: str, space: str = SMALL) -> str:
        return f"/api/v1/namespaces/{space}/configmaps/{name}"

    def space(self) -> str:
        """The name of a namespace that is not there yet."""
        self.spaces.append(f"{SMALL}-{len(self.spaces)}")
        return self.spaces[-1]

    def is_as_it_was(self, space: str) -> None:
        """What is in the namespace now is what the first one held."""
        now = content(self.opened(self.back_up(space)), space=space)
        text = json.dumps(now, sort_keys=True).replace(space, SMALL)
        was = json.dumps(self.was, sort_keys=True)
        # The first one still has its node port.
        port = must_read(self.cluster, f"/api/v1/namespaces/{space}/services/out")["spec"]["ports"][0]["nodePort"]
        first = must_read(self.cluster, f"/api/v1/namespaces/{SMALL}/services/out")["spec"]["ports"][0]["nodePort"]
        assert json.loads(text.replace(str(port), str(first))) == json.loads(was)


@pytest.fixture(scope="module")
def small(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    one = Small(lab, tmp_path_factory.mktemp("small"))
    yield one
    for space in one.spaces:
        delete(one.cluster, f"/api/v1/namespaces/{space}")


def test_a_copy_under_another_name_is_all_there_and_its_references_are_its_own(small: Small) -> None:
    space = small.space()
    choice = Choice(mapping={SMALL: space})
    found = small.restore(small.name, selection=choice)
    assert found.report["result"] == "PASS", json.dumps(found.report, indent=1)
    assert sum(found.report["counts"].values()) == found.report["total"]
    small.is_as_it_was(space)
    cron = must_read(small.cluster, f"/apis/batch/v1/namespaces/{space}/cronjobs/yearly")
    assert cron["spec"]["suspend"] is False
    owner = must_read(small.cluster, small.path("c0", space))["metadata"]["ownerReferences"][0]
    assert owner["uid"] == cron["metadata"]["uid"]
    again = small.restore(small.name, selection=choice)
    assert not again.changed, json.dumps(again.report, indent=1)


def test_a_killed_restore_goes_on(small: Small) -> None:
    rng = random.Random(6)
    writes = len(small.was) + 4
    for _number in range(KILLS):
        space = small.space()
        code = small.restore_and_die(small.name, rng.randint(1, writes), after=rng.random() < 0.5, mapping={SMALL: space})
        assert code in (-signal.SIGKILL, 0)
        journal = small.folder / "journal"
        assert journal.exists() is (code != 0)
        found = small.restore(small.name, selection=Choice(mapping={SMALL: space}))
        assert (found.report["result"], found.report["resumed"]) == ("PASS", code != 0), json.dumps(found.report, indent=1)
        assert not journal.exists()
        small.is_as_it_was(space)


def test_an_api_server_that_stumbles_changes_nothing_of_the_outcome(small: Small) -> None:
    stumbling = Stumbling(small.cluster.http, random.Random(7))
    for _number in range(STUMBLES):
        space = small.space()
        found = small.restore(small.name, http=stumbling, selection=Choice(mapping={SMALL: space}))
        assert found.report["result"] == "PASS", json.dumps(found.report, indent=1)
        small.is_as_it_was(space)
    assert stumbling.stumbles > 3 * STUMBLES


def test_what_is_there_is_only_changed_if_that_is_asked_for(small: Small) -> None:
    space = small.space()
    choice = choice_of({"mapping": {SMALL: space}})
    assert small.restore(small.name, selection=choice).report["result"] == "PASS"
    small.lab.kubectl("patch", "configmap", "c1", "-n", space, "--type=merge", "-p", '{"data": {"n": "theirs", "more": "x"}}')
    delete(small.cluster, small.path("c2", space))

    kept = small.restore(small.name, selection=choice)
    assert (kept.report["result"], kept.report["counts"]["kept"], kept.report["counts"]["created"]) == ("PARTIAL", 1, 1)
    assert kept.report["kept"][0]["fields"] == [".data.n", ".data.more"]
    assert kept.report["safety_backup"] in small.store.names()
    assert read(small.cluster, small.path("c2", space)) is not None

    refused = small.restore(small.name, selection=choice, existing="update")
    assert refused.report["result"] == "FAIL"
    assert any(".data.n" in entry and "kubectl" in entry for entry in refused.report["failed"][0]["fields"])
    assert must_read(small.cluster, small.path("c1", space))["data"]["n"] == "theirs"
    assert not (small.folder / "journal").exists()  # nothing was begun

    assert small.restore(small.name, selection=choice, existing="update", force=True).report["result"] == "PASS"
    assert must_read(small.cluster, small.path("c1", space))["data"] == {"n": "1"}

    before = must_read(small.cluster, small.path("c3", space))["metadata"]["uid"]
    small.lab.kubectl("patch", "configmap", "c3", "-n", space, "--type=merge", "-p", '{"data": {"n": "theirs"}}')
    assert small.restore(small.name, selection=choice, existing="recreate").report["counts"]["recreated"] == 1
    after = must_read(small.cluster, small.path("c3", space))
    assert (after["data"], after["metadata"]["uid"] != before) == ({"n": "3"}, True)
    small.is_as_it_was(space)


def test_a_later_backup_changes_what_an_earlier_one_brought_without_force(small: Small) -> None:
    source, space = small.space(), small.space()
    small.lab.kubectl("create", "namespace", source)
    small.lab.kubectl("create", "configmap", "conf", "-n", source, "--from-literal=a=1", "--from-literal=b=2")
    earlier = small.back_up(source)
    small.lab.kubectl("patch", "configmap", "conf", "-n", source, "--type=merge", "-p", '{"data": {"a": "9", "b": null}}')
    later, choice = small.back_up(source), choice_of({"mapping": {source: space}})
    assert small.restore(earlier, selection=choice).report["result"] == "PASS"
    wish: dict[str, Any] = {"selection": choice, "existing": "update", "backup_first": False}
    planned = small.restore(later, dry_run=True, **wish)
    assert (planned.report["result"], planned.report["counts"]["updated"]) == ("PASS", 1), json.dumps(planned.report, indent=1)
    assert must_read(small.cluster, small.path("conf", space))["data"] == {"a": "1", "b": "2"}
    done = small.restore(later, **wish)
    assert (done.report["result"], done.report["counts"]["updated"]) == ("PASS", 1), json.dumps(done.report, indent=1)
    assert must_read(small.cluster, small.path("conf", space))["data"] == {"a": "9"}
    # Fields that others set since are still theirs.
    small.lab.kubectl("patch", "configmap", "conf", "-n", space, "--type=merge", "-p", '{"data": {"a": "theirs"}}')
    refused = small.restore(earlier, **wish)
    assert refused.report["result"] == "FAIL" and "kubectl" in str(refused.report["failed"][0]["fields"])
    assert must_read(small.cluster, small.path("conf", space))["data"] == {"a": "theirs"}


def test_a_namespace_that_is_on_its_way_out_is_waited_for(small: Small) -> None:
    space = small.space()
    choice = Choice(mapping={SMALL: space})
    assert small.restore(small.name, selection=choice).report["result"] == "PASS"
    before = must_read(small.cluster, f"/api/v1/namespaces/{space}")["metadata"]["uid"]
    delete(small.cluster, f"/api/v1/namespaces/{space}")
    found = small.restore(small.name, selection=choice)
    assert found.report["result"] == "PASS", json.dumps(found.report, indent=1)
    assert must_read(small.cluster, f"/api/v1/namespaces/{space}")["metadata"]["uid"] != before
    small.is_as_it_was(space)


def test_a_plan_writes_nothing_and_no_secret_is_ever_seen(small: Small) -> None:
    space = small.space()
    user = small.lab.lab("user", small.lab.name, "restore-plan", "--group", "system:masters").strip()
    log = Audit(small.lab, "restore-plan")
    asked = {"name": small.name, "namespace_mapping": {SMALL: space}}
    planned, made = small.tasks({"check": True, "kubeconfig": user, **asked}, asked)
    assert planned["changed"] and not planned.get("failed"), planned["msg"]
    assert planned["restore"]["counts"]["created"] == len(small.was)
    written = [event for event in log.events() if event["verb"] not in READS]
    assert written and all("dryRun=All" in event["requestURI"] for event in written)

    assert made["restore"]["result"] == "PASS"
    small.lab.kubectl("patch", "secret", "password", "-n", space, "--type=merge", "-p", '{"data": {"password": "b3RoZXI="}}')
    over = {**asked, "existing": "update", "force": True}
    keys = {"recipients": [small.recipient], "signing_key": str(small.folder / "sign.pem")}
    unkeyed, forced = small.tasks(over, {**over, **keys})
    assert unkeyed["failed"] and "recipients and signing_key" in unkeyed["msg"] and space in unkeyed["msg"]
    assert (forced["restore"]["result"], forced["restore"]["counts"]["updated"]) == ("PASS", 1)
    assert forced["restore"]["safety_backup"] in small.store.names()
    assert "(hidden, changed)" in forced["printed"]

    seen = "".join(one["printed"] for one in (planned, made, forced))
    files = b"".join(path.read_bytes() for path in small.folder.rglob("*") if path.is_file())
    for word in (SECRET, base64.b64decode(SECRET).decode(), "b3RoZXI="):
        assert word not in seen
        assert word.encode() not in files
    assert '"wave"' in (small.folder / "progress").read_text()


def test_a_broken_backup_or_a_wrong_key_is_refused_before_anything_is_asked(small: Small) -> None:
    user = small.lab.lab("user", small.lab.name, "restore-broken", "--group", "system:masters").strip()
    log = Audit(small.lab, "restore-broken")
    store, rng, asked = small.folder / "store", random.Random(5), {"kubeconfig": user, "name": small.name}
    whole = (store / f"{small.name}.age").read_bytes()
    broken = [whole[: rng.randrange(len(whole))] for _number in range(FLIPS)]
    for _number in range(FLIPS):
        at = rng.randrange(len(whole))
        broken.append(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
    variants: list[dict[str, Any]] = []
    for number, changed in enumerate(broken):
        other_store = small.folder / f"store-{number}"
        other_store.mkdir()
        (other_store / f"{small.name}.age").write_bytes(changed)
        (other_store / f"{small.name}.json").write_bytes((store / f"{small.name}.json").read_bytes())
        variants.append({**asked, "repository": str(other_store)})
    (small.folder / "other").mkdir()
    other = Backups(small.kubeconfig, small.folder / "other").folder
    variants += [{**asked, "identity": str(other / "identity")}, {**asked, "public_key": str(other / "sign.pub")}]
    for result in small.tasks(*variants):
        assert result["failed"] and result["reason"] == "invalid" and "refused" in result["msg"], result["msg"]
    assert not log.events()
