# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace with one of everything, and a whole cluster, restored on real controllers, kubelet and aggregator."""

from __future__ import annotations

import base64
import json
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
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.kinds import (
    context_of,
    object_key,
    restore_item,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.portable import stripped
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.skip_rules import why_not
from backups import Backed, Backups
from cluster_lab import NAMESPACE, Lab
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from whole_backups import restore_items

pytestmark = pytest.mark.lab

SPACE = "restore-test"
OTHER = "restored"
SECRET = base64.b64encode(b"never-to-be-seen").decode()
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
