# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores on real controllers, kubelet and aggregator, into namespaces of their own.

RESTORE_KILLS, RESTORE_FLIPS and RESTORE_STUMBLES set how often the heavy ones go round.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import ssl
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import MERGE_PATCH, delete, must_read, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import (
    context_of,
    object_key,
    restore_item,
    restore_items,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.plan import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.portable import stripped
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.skip_rules import why_not
from audit import Audit
from backups import Backed, Backups, choice_of
from cluster_lab import NAMESPACE, Lab
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from stumbling import Stumbling

pytestmark = pytest.mark.lab

SPACE = "restore-test"
OTHER = "restored"
SECRET = base64.b64encode(b"never-to-be-seen").decode()
KILLS = int(os.environ.get("RESTORE_KILLS", "3"))
FLIPS = int(os.environ.get("RESTORE_FLIPS", "1"))
STUMBLES = int(os.environ.get("RESTORE_STUMBLES", "2"))
READS = {"get", "list", "watch"}
WIDGETS = "/apis/restore-test.example/v1"
# In the order in which they can go: an aggregated API that does not answer holds up the end of every namespace.
CLUSTER_SCOPED = (
    ("apiregistration.k8s.io/v1/apiservices", "v1.own.restore-test.example"),
    ("admissionregistration.k8s.io/v1/validatingwebhookconfigurations", SPACE),
    ("admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", SPACE),
    ("rbac.authorization.k8s.io/v1/clusterrolebindings", SPACE),
    ("rbac.authorization.k8s.io/v1/clusterroles", SPACE),
    ("networking.k8s.io/v1/ingressclasses", f"{SPACE}-ingress"),
    ("storage.k8s.io/v1/storageclasses", f"{SPACE}-storage"),
    ("scheduling.k8s.io/v1/priorityclasses", f"{SPACE}-class"),
)


class Back:
    """A server on this machine that admits everything and is an API without kinds."""

    def __init__(self, address: str, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now, day = datetime.now(timezone.utc), timedelta(days=1)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"hook.{SPACE}.svc")])
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"hook.{SPACE}.svc")]), critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)
        pem = folder / "hook.pem"
        pem.write_bytes(
            self.certificate
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.server = ThreadingHTTPServer((address, 0), _Admits)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class _Admits(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "own.restore-test.example/v1", "resources": []})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer({**asked, "response": {"uid": asked["request"]["uid"], "allowed": True}})


class World(Backups):
    """The namespace with one of everything, and what belongs to it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        self.lab = lab
        host = urlsplit(self.cluster.server)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host.hostname or "", host.port or 443))
            address = probe.getsockname()[0]
        self.back = Back(address, folder)
        image = must_read(self.cluster, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/euystacio-api")
        text = string.Template((Path(__file__).parent / "everything.yaml").read_text()).substitute(
            SPACE=SPACE, IMAGE=image["spec"]["template"]["spec"]["containers"][0]["image"], SECRET=SECRET,
            HOST=address, PORT=self.back.server.server_port, BUNDLE=base64.b64encode(self.back.certificate).decode(),
        )  # fmt: skip
        self.items: list[dict[str, Any]] = yaml.safe_load(text)["items"]

    def make(self) -> None:
        first = [item for item in self.items if item["kind"] == "CustomResourceDefinition"]
        self.apply(first)
        self.lab.kubectl("wait", "crd", first[0]["metadata"]["name"], "--for=condition=Established", "--timeout=60s")
        self.apply([item for item in self.items if item["kind"] != "CustomResourceDefinition"])
        web = must_read(self.cluster, f"/apis/apps/v1/namespaces/{SPACE}/deployments/web")
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": web["metadata"]["uid"]}
        self.apply(
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-web", "namespace": SPACE, "ownerReferences": [owner]}}]
        )
        for workload in ("deployment/web", "deployment/scaled", "statefulset/store", "daemonset/agent"):
            self.lab.kubectl("rollout", "status", workload, "-n", SPACE, "--timeout=120s")
        self.lab.kubectl("wait", "pod/bare", "-n", SPACE, "--for=condition=Ready", "--timeout=120s")
        self.lab.kubectl("wait", "apiservice", "v1.own.restore-test.example", "--for=condition=Available", "--timeout=120s")

    def apply(self, items: Sequence[Mapping[str, Any]]) -> None:
        # Only what is in the namespace takes it from -n.
        self.lab.kubectl("apply", "-n", SPACE, "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def wipe(self, *spaces: str, volume: bool = False, definition: bool = False, wait: bool = True) -> None:
        for path, name in CLUSTER_SCOPED:
            delete(self.cluster, f"/apis/{path}/{name}")
        for space in spaces:
            widget = f"{WIDGETS}/namespaces/{space}/widgets/thing"
            if read(self.cluster, widget) is not None:
                self.cluster.call("PATCH", widget, body={"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)
            delete(self.cluster, f"/api/v1/namespaces/{space}")
        for space in spaces if wait else ():
            until(lambda space=space: read(self.cluster, f"/api/v1/namespaces/{space}") is None)  # type: ignore[misc]
        if definition:
            delete(self.cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.restore-test.example")
        if volume:
            delete(self.cluster, f"/api/v1/persistentvolumes/{SPACE}-disk")


def until(seen: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def content(backup: Backed, *, space: str = "") -> dict[str, Any]:
    """What of a backup is the user's, with owners by their names; of the whole cluster, or only what belongs to that namespace."""
    objects = backup[1]
    context = context_of(restore_items(objects))
    found = {}
    for obj in objects:
        mine = not space or obj["metadata"].get("namespace") == space or space in obj["metadata"]["name"]
        if mine and not why_not(restore_item(obj), context):
            owners = [(owner["kind"], owner["name"]) for owner in obj["metadata"].get("ownerReferences") or ()]
            finalizers = [name for name in obj["metadata"].get("finalizers") or () if "example" in name]
            found[str(object_key(obj))] = {**stripped(restore_item(obj), context), "owners": owners, "finalizers": finalizers}
    return found


@pytest.fixture(scope="module")
def world(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    one = World(lab, tmp_path_factory.mktemp("restore"))
    one.wipe(SPACE, volume=True, definition=True)
    one.make()
    yield one
    one.wipe(SPACE, volume=True, definition=True, wait=False)
    one.back.server.shutdown()


@pytest.fixture(scope="module")
def backup(world: World) -> str:
    return world.back_up()


SELECTED = Choice(
    namespaces=frozenset({SPACE}),
    cluster_scoped=True,
)
HELD = frozenset({"restore-test.example/hold"})


def test_a_namespace_and_all_that_belongs_to_it_come_back(world: World, backup: str) -> None:
    before = world.opened(backup)
    world.wipe(SPACE, definition=True)
    planned = world.restore(backup, selection=SELECTED, finalizers=HELD, dry_run=True)
    assert planned.changed and not planned.report["failed"], planned.report["failed"]
    first = world.restore(backup, selection=SELECTED, finalizers=HELD)
    assert first.report["result"] in ("PASS", "PARTIAL"), json.dumps(first.report["failed"], indent=1)
    assert not [row for row in first.report["kept"] if SPACE in (row["namespace"], row["name"])], first.report["kept"]
    assert sum(first.report["counts"].values()) == first.report["total"] == len(before[1])
    assert first.report["counts"]["created"] == planned.report["counts"]["created"]
    again = world.restore(backup, selection=SELECTED, finalizers=HELD)
    assert not again.changed, json.dumps(again.report, indent=1)
    assert again.report["safety_backup"] is None
    after = world.opened(world.back_up())
    was, now = content(before, space=SPACE), content(after, space=SPACE)
    assert len(was) > 45
    assert {key: now.get(key) for key in was} == was
    assert set(now) == set(was)
    disk = must_read(world.cluster, f"/api/v1/persistentvolumes/{SPACE}-disk")
    assert disk["status"]["phase"] == "Bound"  # to the claim that it had, which found its data again


def test_a_whole_cluster_comes_back_in_one_that_is_new(world: World) -> None:
    name = world.back_up()
    kubeconfig = world.lab.kubeconfig.parent.parent / OTHER / "kubeconfig"
    world.lab.lab("down", OTHER)
    try:
        world.lab.lab("up", OTHER, "--bare")
        other = Backups(str(kubeconfig), world.folder)
        first = other.restore(name, finalizers=HELD)
        assert first.report["result"] == "PASS", json.dumps(first.report, indent=1)
        again = other.restore(name, finalizers=HELD)
        assert not again.changed, json.dumps(again.report, indent=1)
        was, now = content(world.opened(name)), content(other.opened(other.back_up()))
    finally:
        world.lab.lab("down", OTHER)
    assert {key: now.get(key) for key in was} == was
    assert set(now) == set(was)
    assert {key.partition(" ")[0] for key in was} > {"APIService.apiregistration.k8s.io", "ClusterRole.rbac.authorization.k8s.io"}


# --- a small namespace, restored under other names ----------------------------------------------------------------------------------------

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
    planned = small.task(check=True, kubeconfig=user, name=small.name, namespace_mapping={SMALL: space})
    assert planned["changed"] and not planned.get("failed"), planned["msg"]
    assert planned["restore"]["counts"]["created"] == len(small.was)
    assert read(small.cluster, f"/api/v1/namespaces/{space}") is None
    written = [event for event in log.events() if event["verb"] not in READS]
    assert written and all("dryRun=All" in event["requestURI"] for event in written)

    asked = {"name": small.name, "namespace_mapping": {SMALL: space}}
    made = small.task(**asked)
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
