# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a real cluster, to a directory and to a real object store.

BACKUP_CUTS and BACKUP_KILLS set how often the heavy ones go round, BACKUP_WRITERS how many write meanwhile.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyrage
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.directory import Directory
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import list_backups
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import identity_file, private_key, public_key
from cluster_lab import Lab
from stumbling import Stumbling
from whole_backups import open_backup

pytestmark = pytest.mark.lab

SPACE = "backup-test"
CUTS = int(os.environ.get("BACKUP_CUTS", "10"))
KILLS = int(os.environ.get("BACKUP_KILLS", "5"))
PAIR = ("ConfigMap", "Secret")
PAIRS = [f"pair-{number}" for number in range(int(os.environ.get("BACKUP_WRITERS", "1")))]
WORKER = Path(__file__).with_name("backup_worker.py")


class Site:
    """Keys, a directory for backups, and the cluster."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.cluster = Cluster.connect({"kubeconfig": str(lab.kubeconfig)}, timeout=30)
        identity = pyrage.x25519.Identity.generate()
        (folder / "identity.txt").write_text(f"{identity}\n")
        (folder / "recipient.txt").write_text(str(identity.to_public()))
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(folder / "sign.pem")], check=True)
        subprocess.run(["openssl", "pkey", "-in", str(folder / "sign.pem"), "-pubout", "-out", str(folder / "sign.pub")], check=True)
        self.key = private_key(str(folder / "sign.pem"))
        self.public = public_key(str(folder / "sign.pub"))
        self.having = identity_file(str(folder / "identity.txt"))
        self.recipient = identity.to_public()
        self.store = Directory(str(folder / "backups"), make=True)

    def backup(self, selection: Selection | None = None, *, cluster: Cluster | None = None, keep: int = 0, partial: bool = False) -> Backup:
        return Backup(
            cluster or self.cluster,
            selection or Selection(namespaces=(SPACE,)),
            self.key,
            [self.recipient],
            allow_partial=partial,
            keep=keep,
        )

    def opened(self, store: Store | None = None) -> tuple[dict[str, Any], dict[tuple[str, str], dict[str, Any]]]:
        record, _manifest, objects = open_backup(store or self.store, self.public, self.having)
        return record, {(item["kind"], item["metadata"]["name"]): item for item in objects}

    def problems(self) -> list[str]:
        return [entry["problem"] for entry in list_backups(self.store, self.public, datetime.now(timezone.utc)) if entry["problem"]]

    @contextmanager
    def worker(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), arguments[0], str(self.lab.kubeconfig), *arguments[1:]], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def space(lab: Lab) -> Iterator[None]:
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        *({"apiVersion": "v1", "kind": kind, "metadata": {"name": pair, "namespace": SPACE}} for kind in PAIR for pair in PAIRS),
    ]
    with lab.applied(*objects):
        for made in ("configmap/kube-root-ca.crt", "serviceaccount/default"):  # the cluster's own, so that two backups have the same
            lab.kubectl("wait", made, "-n", SPACE, "--for=create", "--timeout=120s")
        yield


@pytest.fixture
def site(lab: Lab, space: None, tmp_path: Path) -> Site:
    return Site(lab, tmp_path)


def module(
    site: Site, name: str, environ: dict[str, str] | None = None, *, check: bool = False, **options: Any
) -> tuple[dict[str, Any], str]:
    """The result of a module, run as a user runs it, and all that was printed."""
    command = [
        "ansible",
        "localhost",
        "-m",
        f"euystacio.meta_salvage.{name}",
        "-a",
        json.dumps(options),
        "-vvv",
        *(["--check"] if check else []),
    ]
    whole = {**os.environ, "KUBECONFIG": str(site.lab.kubeconfig), "ANSIBLE_NOCOLOR": "1", **(environ or {})}
    done = subprocess.run(command, cwd=site.folder, env=whole, capture_output=True, text=True, check=False, timeout=180)
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    start = output.index("{", output.index("localhost |"))
    found: dict[str, Any] = json.JSONDecoder().raw_decode(output, start)[0]
    return found, output


class Arguments(threading.Thread):
    """What every process of the machine was started with, looked at again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended
                    self.seen.add(path.read_bytes())

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self.join()

    def __enter__(self) -> Arguments:
        self.start()
        return self


def test_the_whole_cluster_and_nothing_of_a_secret_in_clear(site: Site) -> None:
    value = f"sentinel-{uuid.uuid4().hex}"
    forms = [value.encode(), base64.b64encode(value.encode())]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sentinel", "namespace": SPACE}, "stringData": {"password": value}}
    scratch = site.folder / "scratch"
    scratch.mkdir()
    places = {
        "TMPDIR": str(scratch),
        "ANSIBLE_LOCAL_TEMP": str(scratch / "local"),
        "ANSIBLE_REMOTE_TMP": str(scratch / "remote"),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
    }
    repository = str(site.folder / "backups")
    with site.lab.applied(secret), Arguments() as arguments:
        options = {"repository": repository, "recipients": [str(site.recipient)], "signing_key": str(site.folder / "sign.pem")}
        written, said = module(site, "backup", places, **options)
        found, said_again = module(
            site, "backup_info", places,
            repository=repository, public_key=str(site.folder / "sign.pub"), identity=str(site.folder / "identity.txt"),
        )  # fmt: skip
    assert written["backup"]["status"] == "COMPLETE"
    assert found["verified"]["name"] == written["backup"]["name"]
    assert found["backups"][0]["problem"] == ""
    assert 0 <= found["verified"]["age"] < 3600
    record, objects = site.opened()
    assert objects["Secret", "sentinel"]["data"]["password"].encode() == forms[1]
    assert {"Namespace", "Node", "ClusterRole", "CustomResourceDefinition", "Prometheus", "Deployment"} <= {kind for kind, _ in objects}
    assert record["objects"] > len(objects) > 100
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".age" for path in files)
    for form in forms:
        assert [path for path in files if form in path.read_bytes()] == []
        assert form.decode() not in said + said_again
        assert not any(form in line for line in arguments.seen)
    assert any(b"ansible" in line for line in arguments.seen)


def test_check_mode_reads_and_writes_nothing(site: Site) -> None:
    options = {"repository": str(site.folder / "none"), "recipients": [str(site.recipient)], "signing_key": str(site.folder / "sign.pem")}
    found, _ = module(site, "backup", check=True, **options, namespaces=[SPACE])
    assert found["backup"]["objects"] > 2
    assert not (site.folder / "none").exists()


def test_a_backup_is_one_moment_of_two_kinds_under_writes(site: Site) -> None:
    torn, moments = [], []
    with ExitStack() as workers:
        for pair in PAIRS:
            workers.enter_context(site.worker("write", SPACE, pair))
        started = time.monotonic()
        for _ in range(CUTS):
            site.backup(Selection(include=("configmaps", "secrets"), namespaces=(SPACE,)), keep=3).write(site.store)
            _record, objects = site.opened()
            ahead = [int(objects["ConfigMap", pair]["data"]["n"]) for pair in PAIRS]
            behind = [int(base64.b64decode(objects["Secret", pair]["data"]["n"])) for pair in PAIRS]
            moments.append(sum(ahead) + sum(behind))
            torn += [(a, b) for a, b in zip(ahead, behind, strict=True) if a - b not in (0, 1)]
        seconds = time.monotonic() - started
    print(f"{CUTS} backups, {len(torn)} torn, {(moments[-1] - moments[0]) / seconds:.0f} writes/s")
    assert torn == []
    assert len(set(moments)) > 1  # they were of moments that differ


def test_a_killed_run_publishes_nothing_half_and_the_next_one_cleans_up(site: Site) -> None:
    rng = random.Random(KILLS)
    for _ in range(KILLS):
        with site.worker("back_up", SPACE, str(site.folder)) as worker:
            time.sleep(rng.random())
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert site.problems() == []
        assert {path.stat().st_mode & 0o777 for path in (site.folder / "backups").iterdir()} <= {0o600}
    name = site.backup(keep=1).write(site.store)["name"]
    assert sorted(path.name for path in (site.folder / "backups").iterdir()) == [f"{name}.age", f"{name}.json"]
    assert site.opened()[0]["name"] == name


def test_an_api_server_that_stumbles_changes_nothing_of_the_backup(site: Site) -> None:
    stumbling = Cluster(site.cluster.server, Stumbling(site.cluster.http, random.Random(11)))
    whole = site.backup().write(site.store)
    stumbled = site.backup(cluster=stumbling).write(site.store)
    assert isinstance(stumbling.http, Stumbling)
    assert stumbling.http.stumbles > 0
    assert (stumbled["status"], stumbled["holes"], stumbled["outside_the_cut"]) == ("COMPLETE", {}, [])
    assert stumbled["objects"] == whole["objects"]


def test_what_a_user_may_not_read_fails_the_backup_or_is_a_hole(site: Site) -> None:
    kubeconfig = site.lab.lab("user", site.lab.name, "backup-test-user").strip()
    limited = Cluster.connect({"kubeconfig": kubeconfig}, timeout=30)
    rules = [{"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get", "list"]}]
    name = {"name": "backup-test-user"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": name, "rules": rules}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": name,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", **name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", **name}],
    }  # fmt: skip
    selection = Selection(include=("configmaps", "secrets"), namespaces=(SPACE,))
    with site.lab.applied(role, binding):
        deadline = time.monotonic() + 60
        while (
            limited.call("GET", f"/api/v1/namespaces/{SPACE}/configmaps", accept=frozenset({403})).status != 200
        ):  # RBAC reads by a watch of its own
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with pytest.raises(SalvageError, match=r"FAILED, nothing was published: .*secrets.*403.*forbidden"):
            site.backup(selection, cluster=limited).write(site.store)
        assert site.store.files() == []
        partial = site.backup(selection, cluster=limited, partial=True).write(site.store)
    assert partial["status"] == "PARTIAL"
    assert list(partial["holes"]) == ["secrets"]
    assert {kind for kind, _ in site.opened()[1]} == {"ConfigMap"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_publishes_nothing(site: Site) -> None:
    disk = site.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    try:
        store = Directory(str(disk))
        with pytest.raises(SalvageError, match=r"can't be written to .*: No space left on device"):
            site.backup(Selection()).write(store)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
