# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup beside what a user would use instead.

    python benchmarks/recovery.py [--objects 1000,10000] [--runs 3]

On the control-plane-size lab: all ConfigMaps, 1 kB each, to a signed and encrypted archive that is read back and verified, and to a plain
file by kubectl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import pyrage
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.keys import identity_file, private_key
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.perform import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.verify import listed, proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.api import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.apply import create

from benchmarks.health import Cost, kubectl, lab, measure

LAB = "bench-recovery"
SPACE = "bench"
TARGETS = {"backup, seconds": 3.0, "backup, MB": 128.0}  # at 10,000


def back_up(kubeconfig: str, folder: str) -> None:
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    to = recipients([Path(folder, "recipient.txt").read_text()])
    record = Backup(cluster, Selection("configmaps"), private_key(f"{folder}/sign.pem"), to, keep=2).write(
        open_store({"repository": f"{folder}/backups"}, make=True)
    )
    print(json.dumps(record))


def verify(_kubeconfig: str, folder: str) -> None:
    store, key = open_store({"repository": f"{folder}/backups"}), private_key(f"{folder}/sign.pem")
    assert not listed(store, key, datetime.now(timezone.utc))[0]["problem"]
    proven(store, key, identity_file(f"{folder}/identity.txt"))


def keys(folder: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity.txt").write_text(f"{identity}\n")
    (folder / "recipient.txt").write_text(str(identity.to_public()))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(folder / "sign.pem")], check=True)


def fill(kubeconfig: str, first: int, last: int) -> None:
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    create(cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE}})

    def make(number: int) -> None:
        data = "".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(16))
        create(
            cluster,
            f"/api/v1/namespaces/{SPACE}/configmaps",
            {"metadata": {"name": f"c{number:06}", "namespace": SPACE}, "data": {"d": data}},
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(first, last)))


def contestants(kubeconfig: str, folder: Path) -> dict[str, list[str]]:
    get = [kubectl(), "--kubeconfig", kubeconfig, "get", "configmaps", "-A", "-o"]
    ours = [sys.executable, __file__, "--act"]
    return {
        "ours: backup, verified": [*ours, "back_up", kubeconfig, str(folder)],
        "ours: verification alone": [*ours, "verify", kubeconfig, str(folder)],
        "kubectl get -o json, plain": ["sh", "-c", f'exec "$@" > {folder}/plain.json', "-", *get, "json"],
        "kubectl get -o yaml, plain": ["sh", "-c", f'exec "$@" > {folder}/plain.yaml', "-", *get, "yaml"],
    }


def compare(commands: dict[str, list[str]], runs: int) -> dict[str, Cost]:
    """Medians; the commands take turns, and the first turn warms caches."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            cost = measure(command, dict(os.environ), memory=False)
            if turn:
                costs[name].append(cost)
    return {
        name: Cost(*(statistics.median(getattr(one, field) for one in found) for field in ("wall", "cpu", "largest", "together")))
        for name, found in costs.items()
    }


def table(found: dict[int, dict[str, Cost]], runs: int) -> str:
    lines = [
        f"Median of {runs} runs, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}.",
        "",
        "| ConfigMaps | what | wall | CPU | peak |",
        "|---:|---|---:|---:|---:|",
    ]
    for objects, costs in found.items():
        lines += [
            f"| {objects:,} | {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.largest:.0f} MB |" for name, cost in costs.items()
        ]
    if 10_000 in found:
        ours = found[10_000]["ours: backup, verified"]
        lines += ["", "| to reach at 10,000 | measured | |", "|---|---:|---|"]
        for (name, target), value in zip(TARGETS.items(), (ours.wall, ours.largest), strict=True):
            lines.append(f"| {name} <= {target:g} | {value:.2f} | {'reached' if value <= target else 'missed'} |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--objects", default="1000,10000")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--act", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.act:
        {"back_up": back_up, "verify": verify}[chosen.act[0]](*chosen.act[1:])
        return
    found: dict[int, dict[str, Cost]] = {}
    try:
        lab("up", LAB, "--size", "control-plane")
        kubeconfig = lab("kubeconfig", LAB)
        made = 0
        for objects in sorted(map(int, chosen.objects.split(","))):
            started = time.monotonic()
            fill(kubeconfig, made, objects)
            made = objects
            print(f"{objects} ConfigMaps are there after {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as scratch:
                keys(Path(scratch))
                found[objects] = compare(contestants(kubeconfig, Path(scratch)), chosen.runs)
    finally:
        lab("down", LAB)
    print(table(found, chosen.runs))


if __name__ == "__main__":
    main()
