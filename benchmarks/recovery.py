# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup and a restore beside what a user would use instead.

    python benchmarks/recovery.py [--objects 1000,10000] [--bytes 1024] [--runs 3] [--kubectl-restores 1] [--velero]

On the control-plane-size lab: a namespace of ConfigMaps, 1 kB each.  Out: to a signed and encrypted archive that is read back and verified,
and to a plain file by kubectl.  Back, each time into a new namespace: the archive is proven, and what was written read again and compared;
the same again, when all of it is there; and from a plain file by threads that only write, by kubectl, which neither proves nor compares,
and with `--velero` by the engine of Velero, which is built from its Go module the first time.  A gigabyte is
`--objects 10000 --bytes 102400 --kubectl-restores 0`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import io
import json
import os
import ssl
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

import pyrage
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import list_backups, proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.restore import Restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.settings import RestoreSettings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.stored import open_items
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import identity_file, private_key

from benchmarks.go_program import go_program
from benchmarks.health import Cost, kubectl, lab, measure

LAB = "bench-recovery"
SPACE = "bench"
PLAIN, TARBALL = "to-apply.json", "velero.tar.gz"
OURS_OUT, OURS_BACK, OURS_AGAIN = "ours: backup, verified", "ours: restore, verified", "ours: restore when all is there"
# At 10,000: the contestant, what of it is meant, and the figure to reach.
TARGETS = ((OURS_OUT, "wall", 3.0), (OURS_OUT, "largest", 128.0), (OURS_BACK, "wall", 9.0), (OURS_BACK, "largest", 200.0))
UNITS = {"wall": "s", "largest": "MB"}
PLAINLY = {"create": "16 threads that only create", "apply": "16 threads that only apply, server-side"}
# The 9 s are of a machine on which these threads took 8.8 s to apply: that is what another machine can be held to.
OF_PLAIN = 9.0 / 8.8
# Velero's engine 1.18.1, 10,001 ConfigMaps of 1 kB, on another machine of two idle cores: seconds, and MB at the peak.
VELERO_OUT = {"backup, 1 worker": (3.1, 170), "backup, 4 workers": (6.4, 176)}
VELERO_RATES = {"at its own rate of 100 requests/s": "100", "at 5,000 requests/s": "5000"}


def back_up(kubeconfig: str, folder: str) -> None:
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    to = recipients([Path(folder, "recipient.txt").read_text()])
    wanted = Selection("configmaps", namespaces=(SPACE,))
    record = Backup(cluster, wanted, private_key(f"{folder}/sign.pem"), to, keep=2).write(
        open_store(StoreOptions(f"{folder}/backups"), make=True)
    )
    print(json.dumps(record))


def verify(_kubeconfig: str, folder: str) -> None:
    store, key = open_store(StoreOptions(f"{folder}/backups")), private_key(f"{folder}/sign.pem")
    assert not list_backups(store, key, datetime.now(timezone.utc))[0]["problem"]
    proven(store, key, identity_file(f"{folder}/identity.txt"))


def keys(folder: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity.txt").write_text(f"{identity}\n")
    (folder / "recipient.txt").write_text(str(identity.to_public()))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(folder / "sign.pem")], check=True)


def fill(kubeconfig: str, first: str, last: str, size: str) -> None:
    """In a process of its own: the memory of one that starts another counts as memory of that."""
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    create(cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE}})

    def make(number: int) -> None:
        data = "".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(int(size) // 64))
        create(
            cluster,
            f"/api/v1/namespaces/{SPACE}/configmaps",
            {"metadata": {"name": f"c{number:06}", "namespace": SPACE}, "data": {"d": data}},
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(int(first), int(last))))


def _restored(kubeconfig: str, folder: str, space: str) -> Outcome:
    store = open_store(StoreOptions(f"{folder}/backups"))
    archive = open_items(store, private_key(f"{folder}/sign.pem"), identity_file(f"{folder}/identity.txt"))[1:]
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    wish = RestoreSettings(Choice(mapping={SPACE: space}, include=frozenset({"configmaps"})), backup_first=False)
    found = Restore(cluster, archive, wish, RestoreJournal(f"{folder}/journal", {"space": space})).run()
    assert found.status == "PASS", found.report
    return found


def restore(kubeconfig: str, folder: str, space: str) -> None:
    assert _restored(kubeconfig, folder, space).changed


def nothing_to_restore(kubeconfig: str, folder: str, space: str) -> None:
    assert not _restored(kubeconfig, folder, space).changed


def write_only(kubeconfig: str, folder: str, space: str, way: str) -> None:
    """As fast as Python's own HTTP client writes: nothing is read, proven or compared."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as login:
        login.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        login.flush()
        tls.load_cert_chain(login.name)
    mine = threading.local()

    def write(item: dict[str, Any]) -> None:
        name = item["metadata"]["name"]
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPSConnection(server["server"].partition("//")[2], context=tls)
        path, query = f"/api/v1/namespaces/{space}/configmaps", "fieldManager=benchmark&fieldValidation=Strict"
        if way == "create":
            mine.connection.request("POST", f"{path}?{query}", json.dumps(item), {"Content-Type": "application/json"})
        else:
            how = {"Content-Type": "application/apply-patch+yaml"}
            mine.connection.request("PATCH", f"{path}/{name}?{query}", json.dumps(item), how)
        answer = mine.connection.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()

    items = json.loads(Path(folder, PLAIN).read_text())["items"]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, items))


def write_plain(kubeconfig: str, folder: str) -> None:
    """The objects, for whatever namespace, and as Velero stores them; in a process of its own, as ``fill``."""
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": item["metadata"]["name"]}, "data": item["data"]}
        for item in cluster.list(f"/api/v1/namespaces/{SPACE}/configmaps")
        if item["metadata"]["name"] != "kube-root-ca.crt"
    ]
    Path(folder, PLAIN).write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    tarball(items, Path(folder, TARBALL))


def tarball(items: list[dict[str, Any]], path: Path) -> None:
    there = ({**item, "metadata": {**item["metadata"], "namespace": SPACE}} for item in items)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in [
            ("metadata/version", "1.1.0"),
            *((f"resources/configmaps/namespaces/{SPACE}/{item['metadata']['name']}.json", json.dumps(item)) for item in there),
        ]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))


class Contest:
    """The costs of each contestant's runs; they take turns, so that what else the machine does falls on all alike."""

    def __init__(self, kubeconfig: str, folder: Path, velero: str | None) -> None:
        self.costs: dict[str, list[Cost]] = {}
        self._kubeconfig, self._folder = kubeconfig, folder
        self._kubectl = [kubectl(), "--kubeconfig", kubeconfig]
        self._cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
        subprocess.run(self._ours("write_plain"), check=True)
        self._velero = [velero, str(folder / TARBALL), SPACE] if velero else None

    def _run(self, name: str, command: list[str], *, warm: bool = False) -> None:
        cost = measure(command, {**os.environ, "KUBECONFIG": self._kubeconfig}, memory=False)
        print(f"{name}{' (to warm up)' if warm else ''}: {cost.wall:.2f} s", file=sys.stderr, flush=True)
        if not warm:
            self.costs.setdefault(name, []).append(cost)

    def _ours(self, act: str, *more: str) -> list[str]:
        return [*ACT, act, self._kubeconfig, str(self._folder), *more]

    def out(self, *, warm: bool, by_others: bool) -> None:
        get = [*self._kubectl, "get", "configmaps", "-n", SPACE, "-o"]
        self._run(OURS_OUT, self._ours("back_up"), warm=warm)
        self._run("ours: verification alone", self._ours("verify"), warm=warm)
        for form in ("json", "yaml") if by_others else ():
            plainly = ["sh", "-c", f'exec "$@" > {self._folder}/plain.{form}', "-", *get, form]
            self._run(f"kubectl get -o {form}, plain", plainly, warm=warm)

    def back(self, turn: str, *, by_others: bool) -> None:
        ways = {"apply --server-side": ["apply", "--server-side"], "apply": ["apply"], "create": ["create"]} if by_others else {}
        space = self._space(f"ours-{turn}")
        self._run(OURS_BACK, self._ours("restore", space))
        self._run(OURS_AGAIN, self._ours("nothing_to_restore", space))
        for way, name in PLAINLY.items():
            self._run(name, self._ours("write_only", self._space(f"plain-{way}-{turn}"), way))
        for name, words in ways.items():
            space = self._space(f"{words[-1].strip('-')}-{turn}")
            self._run(f"kubectl {name}", [*self._kubectl, *words, "-n", space, "-f", str(self._folder / PLAIN)])
        for name, rate in VELERO_RATES.items() if self._velero and by_others else ():
            self._run(f"Velero: restore {name}", [*self._velero, self._space(f"velero-{rate}-{turn}"), rate])

    def _space(self, name: str) -> str:
        create(self._cluster, "/api/v1/namespaces", {"metadata": {"name": name}})
        return name


def table(found: dict[int, dict[str, list[Cost]]], *, targets: bool) -> str:
    lines = [
        f"Medians, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f} at the end.",
        "",
        "| ConfigMaps | what | runs | wall | objects/s | CPU | peak |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    medians = {
        (objects, name): Cost(*(statistics.median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "largest", "together")))
        for objects, costs in found.items()
        for name, runs in costs.items()
    }
    for (objects, name), cost in medians.items():
        runs, rate = len(found[objects][name]), objects / cost.wall
        lines.append(f"| {objects:,} | {name} | {runs} | {cost.wall:.2f} s | {rate:,.0f} | {cost.cpu:.2f} s | {cost.largest:.0f} MB |")
    lines += [
        f"| 10,001 | Velero (recorded): {name} | 1 | {seconds} s | {10_001 / seconds:,.0f} | | {peak} MB |"
        for name, (seconds, peak) in VELERO_OUT.items()
    ]
    if targets and 10_000 in found:
        lines += ["", "| to reach at 10,000 | measured | |", "|---|---:|---|"]
        for name, field, target in TARGETS:
            value, unit = getattr(medians[10_000, name], field), UNITS[field]
            lines.append(f"| {name}: <= {target:g} {unit} | {value:.2f} {unit} | {'reached' if value <= target else 'missed'} |")
        share = medians[10_000, OURS_BACK].wall / medians[10_000, PLAINLY["apply"]].wall
        verdict = "reached" if share <= OF_PLAIN else "missed"
        lines.append(f"| {OURS_BACK}: <= {OF_PLAIN:.2f} of {PLAINLY['apply']} | {share:.2f} | {verdict} |")
    return "\n".join(lines)


ACT = (sys.executable, __file__, "--act")
ACTS = {act.__name__: act for act in (back_up, verify, restore, nothing_to_restore, write_only, write_plain, fill)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--objects", default="1000,10000")
    options.add_argument("--bytes", type=int, default=1024, help="of each ConfigMap")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument(
        "--kubectl-restores",
        type=int,
        default=1,
        help="in how many of the runs the others restore too; with 0 kubectl and Velero are left out",
    )
    options.add_argument("--velero", action="store_true", help="build and measure its restore too")
    options.add_argument("--act", nargs="+", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.act:
        ACTS[chosen.act[0]](*chosen.act[1:])
        return
    found: dict[int, dict[str, list[Cost]]] = {}
    velero = go_program("velero-restore", Path(__file__).with_suffix("")) if chosen.velero else None
    try:
        lab("up", LAB, "--size", "control-plane")
        kubeconfig = lab("kubeconfig", LAB)
        made = 0
        for objects in sorted(map(int, chosen.objects.split(","))):
            started = time.monotonic()
            subprocess.run([*ACT, "fill", kubeconfig, str(made), str(objects), str(chosen.bytes)], check=True)
            made = objects
            print(f"{objects} ConfigMaps are there after {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as scratch:
                keys(Path(scratch))
                contest = Contest(kubeconfig, Path(scratch), velero)
                found[objects] = contest.costs
                for number in range(chosen.runs + 1):
                    contest.out(warm=not number, by_others=chosen.kubectl_restores > 0)
                for number in range(chosen.runs):
                    contest.back(f"{objects}-{number}", by_others=number < chosen.kubectl_restores)
    finally:
        lab("down", LAB)
    print(table(found, targets=chosen.bytes == 1024))


if __name__ == "__main__":
    main()
