# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sets of 24 kinds in random order on a real API server: there and back, beside a second manager, and killed at random points.

MANIFESTS_SETS sets how many sets go there and back, MANIFESTS_KILLS how often a run is killed, MANIFESTS_SEED another choice.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.documents import manifests_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.engine import ManifestSet
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import ApplySettings, Text
from cluster_lab import Lab
from manifest_sets import Set, deployment, obj

pytestmark = pytest.mark.lab

SPACE = "manifests-property"
SETS = int(os.environ.get("MANIFESTS_SETS", "3"))
KILLS = int(os.environ.get("MANIFESTS_KILLS", "3"))
SEED = int(os.environ.get("MANIFESTS_SEED", "1"))
RBAC = "rbac.authorization.k8s.io"
OTHER = "second-manager"
ALWAYS = "PersistentVolumeClaim"  # never removed with a set, so it is in each
BOOKKEEPING = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}
CONTROLLERS = {"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"}


@pytest.fixture(scope="module")
def whole(lab: Lab) -> Iterator[Set]:
    def clean() -> None:
        lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")

    clean()
    lab.kubectl("create", "namespace", SPACE)
    yield Set(lab, SPACE)
    clean()


def every_kind(rng: random.Random, name: str) -> list[dict[str, Any]]:
    """One object of each kind; what may change in it is chosen at random."""
    keys, number, word = rng.sample("abcdef", rng.randint(1, 5)), rng.randint(1, 9), rng.choice(["red", "green", "blue"])
    labels, nobody = {"app": name}, {"app": f"{name}-nobody"}
    ports = [{"name": key, "port": 8000 + index // 2, "protocol": ("TCP", "UDP")[index % 2]} for index, key in enumerate(keys)]
    pod = {
        "containers": [{"name": key, "image": f"localhost/none:{number}", "env": [{"name": word, "value": key}]} for key in keys],
        "nodeSelector": {"none": word},
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    matched = {"selector": {"matchLabels": labels}, "template": template}
    fixed = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "localhost/none:1"}], "restartPolicy": "Never"}}
    job = {"suspend": True, "manualSelector": True, "selector": {"matchLabels": labels}, "template": fixed}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}
    path = {"path": f"/{word}", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 8000 + number}}}}
    rule = {"apiGroups": [""], "resources": keys, "verbs": ["get"]}
    cron = {"schedule": f"{number} * * * *", "suspend": True, "jobTemplate": {"spec": {"template": fixed}}}
    network = {"podSelector": {"matchLabels": {"app": word}}, "ingress": [{}] * (number % 3)}
    hosts = [{"host": f"{key}.example.org", "http": {"paths": [path]}} for key in keys]
    endpoints = [{"addresses": [f"192.0.2.{number}"]}]
    found = [
        obj("ConfigMap", name, data=dict.fromkeys(keys, word)),
        obj("Secret", name, stringData=dict.fromkeys(keys, word)),
        obj("Service", name, spec={"selector": {"app": word}, "clusterIP": "None", "ports": ports}),
        obj("ServiceAccount", name, automountServiceAccountToken=number > 5),
        obj("PodTemplate", name, template=template),
        obj("ReplicationController", name, spec={"replicas": 0, "selector": labels, "template": template}),
        obj("LimitRange", name, spec={"limits": [{"type": "PersistentVolumeClaim", "min": {"storage": f"{number}Ki"}}]}),
        obj("ResourceQuota", name, spec={"hard": dict.fromkeys((f"count/{key}.example.org" for key in keys), str(number))}),
        obj(ALWAYS, name, spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}),
        obj("Endpoints", f"{name}-other", subsets=[{"addresses": [{"ip": f"192.0.2.{number}"}], "ports": ports}]),
        {**deployment(name), "spec": {"replicas": 0, **matched, "minReadySeconds": number}},
        obj("StatefulSet", name, "apps/v1", spec={"replicas": 0, "serviceName": name, **matched}),
        obj("DaemonSet", name, "apps/v1", spec=matched),
        obj("ReplicaSet", name, "apps/v1", spec={"replicas": 0, **matched}),
        obj("Job", name, "batch/v1", spec=job),
        obj("CronJob", name, "batch/v1", spec=cron),
        obj("HorizontalPodAutoscaler", name, "autoscaling/v2", spec={"scaleTargetRef": target, "maxReplicas": number}),
        obj("PodDisruptionBudget", name, "policy/v1", spec={"maxUnavailable": number, "selector": {"matchLabels": nobody}}),
        obj("NetworkPolicy", name, "networking.k8s.io/v1", spec=network),
        obj("Ingress", name, "networking.k8s.io/v1", spec={"rules": hosts}),
        obj("Role", name, f"{RBAC}/v1", rules=[rule]),
        obj("RoleBinding", name, f"{RBAC}/v1", subjects=[{"kind": "User", "name": key, "apiGroup": RBAC} for key in keys],
            roleRef={"apiGroup": RBAC, "kind": "Role", "name": name}),
        obj("Lease", name, "coordination.k8s.io/v1", spec={"holderIdentity": word, "leaseDurationSeconds": number}),
        obj("EndpointSlice", name, "discovery.k8s.io/v1", addressType="IPv4", endpoints=endpoints, ports=ports),
    ]  # fmt: skip
    for one in found:  # the server gives a Job without any label those of its pods, for good
        one["metadata"]["labels"] = {"set": "1", **{f"its-{key}": word for key in rng.sample("abcdef", rng.randint(0, 3))}}
    return found


def name_of(one: dict[str, Any]) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def some_objects(rng: random.Random) -> list[dict[str, Any]]:
    found = [one for one in every_kind(rng, "set-0") if one["kind"] == ALWAYS or rng.random() < 0.8]
    rng.shuffle(found)
    return found


def state(whole: Set) -> dict[str, Any]:
    """What is there of the sets' objects, without what the server and its controllers keep in them."""
    kinds = every_kind(random.Random(0), "set-0")
    manifests = manifests_of([Text("all", "\n".join(json.dumps(one) for one in kinds).encode())])
    every = ManifestSet(whole.cluster, manifests, ApplySettings("nobody"), SPACE)
    ours = {name_of(one) for one in kinds}
    found = {}
    for kind, collection in ((item.id.kind, every.server.collection(item)) for item in every.items):
        for one in whole.cluster.list(collection):
            metadata = {name: value for name, value in one["metadata"].items() if name not in BOOKKEEPING}
            notes = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if name not in CONTROLLERS}
            if f"{kind}/{metadata['name']}" in ours:
                content = {name: value for name, value in one.items() if name not in ("status", "metadata")}
                found[f"{kind}/{metadata['name']}"] = {**content, "metadata": {**metadata, "annotations": notes}}
    return found


def patch(whole: Set, one: dict[str, Any], labels: dict[str, str], manager: str = OTHER) -> None:
    change = json.dumps({"metadata": {"labels": labels, "annotations": {"example.org/others": "kept"}}})
    group = one["apiVersion"].rpartition("/")[0]
    kind = f"{one['kind']}.{one['apiVersion'].rpartition('/')[2]}.{group}" if group else one["kind"]
    arguments = ("patch", kind, one["metadata"]["name"], "-n", SPACE, f"--field-manager={manager}", "--type=merge", "-p", change)
    whole.lab.kubectl(*arguments)


@pytest.mark.parametrize("number", range(SETS))
def test_there_and_back_is_the_state_before_and_others_keep_their_fields(whole: Set, number: int) -> None:
    rng = random.Random(f"{SEED} {number}")
    first, second = some_objects(rng), some_objects(rng)
    apply = {"inventory": "set", "prune": True}
    whole.ok(*first, **apply)
    assert not whole.ok(*first, **apply)["changed"]
    stay = {name_of(one) for one in second}
    shared = rng.sample([one for one in first if name_of(one) in stay], 3)
    for one in shared:
        patch(whole, one, {"team": f"{OTHER}-{number}"})
    before = state(whole)
    assert len(before) == len(first)
    whole.ok(*second, **apply)
    there = state(whole)
    assert len(there) == len(second)
    for one in shared:
        metadata = there[name_of(one)]["metadata"]
        assert (metadata["labels"]["team"], metadata["annotations"]["example.org/others"]) == (f"{OTHER}-{number}", "kept")
    rng.shuffle(first)
    assert whole.ok(*first, **apply)["changed"]
    assert state(whole) == before
    assert not whole.ok(*first, **apply)["changed"]


@pytest.mark.parametrize("number", range(SETS // 3 or 1))
def test_the_way_back_of_a_journal_is_the_state_before_and_others_keep_what_they_changed_since(whole: Set, number: int) -> None:
    rng = random.Random(f"{SEED} back {number}")
    first, second = some_objects(rng), some_objects(rng)
    apply = {"inventory": "set", "prune": True, "journal": "before"}
    for one in second:
        one["metadata"]["labels"]["set"] = "2"
    whole.ok(*first, **apply)
    whole.back(state="settled")
    stay = {name_of(one) for one in second}
    shared = rng.sample([one for one in first if name_of(one) in stay], 3)
    for one in shared[:2]:
        patch(whole, one, {"team": f"{OTHER}-{number}"})
    before = state(whole)
    whole.ok(*second, **apply)
    for one in shared[1:]:
        patch(whole, one, {"since": f"{OTHER}-{number}", "set": "theirs"})
    result = whole.back(state="reverted")
    assert sorted(result["left"]) == sorted(
        f"{one['kind']} {SPACE}/{one['metadata']['name']}: .metadata.labels.set ({OTHER})" for one in shared[1:]
    )
    there = state(whole)
    for one in shared[1:]:
        labels = there[name_of(one)]["metadata"]["labels"]
        assert (labels.pop("since"), labels.pop("set")) == (f"{OTHER}-{number}", "theirs")
        there[name_of(one)]["metadata"]["annotations"].pop("example.org/others")
        before[name_of(one)]["metadata"]["labels"].pop("set")
        before[name_of(one)]["metadata"]["annotations"].pop("example.org/others", None)
    assert there == before
    assert not whole.back(state="reverted")["changed"]
    # An object that is created again has what the manifests had, so the next test begins without the fields of others.
    whole.ok(*(one for one in first if one["kind"] == ALWAYS), force_conflicts=True, **apply)
    whole.back(state="settled")


def test_a_conflict_with_a_second_manager_names_object_manager_and_field_and_nothing_is_written(whole: Set) -> None:
    rng = random.Random(f"{SEED} conflict")
    objects = every_kind(rng, "set-0")
    for one in objects:
        one["metadata"]["labels"] = {"ours": "1"}
    whole.ok(*objects, inventory="set", prune=True)
    taken = rng.choice(objects)
    patch(whole, taken, {"ours": "2", "theirs": "2"})
    before = state(whole)
    for one in objects:
        one["metadata"]["labels"] = {"ours": "3"}
    said = whole.refused(*objects, inventory="set", prune=True)
    assert said.startswith(f"{taken['kind']} {SPACE}/{taken['metadata']['name']} (")
    assert f"{OTHER} owns .metadata.labels.ours; take these fields out of the manifest, or set force_conflicts" in said
    assert said.endswith("nothing was written")
    assert state(whole) == before
    whole.ok(*objects, inventory="set", prune=True, force_conflicts=True)
    labels = state(whole)[name_of(taken)]["metadata"]["labels"]
    assert (labels["ours"], labels["theirs"]) == ("3", "2")


def test_a_run_that_is_killed_is_finished_by_the_next(whole: Set, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    path = tmp_path / "set.json"
    worker = [sys.executable, str(Path(__file__).with_name("manifests_worker.py")), str(whole.lab.kubeconfig), SPACE, str(path)]
    takes = 1.0
    for kill in range(KILLS):
        objects = some_objects(rng)
        before = state(whole)
        path.write_text("\n".join(json.dumps(one) for one in objects))
        with subprocess.Popen(worker, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(rng.uniform(0, takes))
            run.kill()
        if kill % 2:
            whole.back(state="reverted")
            assert state(whole) == before
        began = time.monotonic()
        whole.ok(*objects, inventory="set", prune=True)
        takes = time.monotonic() - began
        whole.back(state="settled")
        again = whole.ok(*objects, inventory="set", prune=True)
        assert not again["changed"], [row for row in again["objects"] if row["action"] != "unchanged"]
        there = state(whole)
        wanted = {name_of(one) for one in objects}
        assert wanted == {name for name in there if not name.startswith(f"{ALWAYS}/")} | {
            name for name in wanted if name.startswith(ALWAYS)
        }
        for one in objects:
            if one["kind"] == "ConfigMap":
                assert there[name_of(one)]["data"] == one["data"]
