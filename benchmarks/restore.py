# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore beside what a user would use instead.

    python benchmarks/restore.py [--objects 1000,10000] [--runs 3] [--kubectl-at-most 1000]

On the control-plane-size lab: ConfigMaps of 1 kB each, from a signed and encrypted archive that is proven first, into a new namespace, read
again and compared; the same again, when all of it is there; and from a plain file by kubectl, which neither proves nor compares.
Above --kubectl-at-most only kubectl's fastest takes part, once: the others take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.journal import Journal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.keys import identity_file, private_key
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.perform import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.plan import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.restore import Restore, Wish
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.verify import opened
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.api import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.apply import create

from benchmarks.health import Cost, kubectl, lab, measure
from benchmarks.recovery import SPACE, fill, keys

LAB = "bench-restore"
TARGET = 15.0  # seconds for 10,000 objects, with verification


def back_up(kubeconfig: str, folder: str) -> None:
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    to = recipients([Path(folder, "recipient.txt").read_text()])
    wanted = Selection("configmaps", namespaces=(SPACE,))
    Backup(cluster, wanted, private_key(f"{folder}/sign.pem"), to).write(open_store({"repository": f"{folder}/backups"}, make=True))


def restore(kubeconfig: str, folder: str, space: str) -> None:
    store = open_store({"repository": f"{folder}/backups"})
    proven = opened(store, private_key(f"{folder}/sign.pem"), identity_file(f"{folder}/identity.txt"))[1:]
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    wish = Wish(Choice(mapping={SPACE: space}, include=frozenset({"configmaps"})), backup_first=False)
    found = Restore(cluster, proven, wish, Journal(f"{folder}/journal", {"space": space})).run()
    assert found.status == "PASS", found.report
    print(json.dumps(found.report))


def plain(kubeconfig: str, folder: Path, space: str) -> str:
    """The objects as a file for kubectl."""
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": item["metadata"]["name"], "namespace": space}, "data": item["data"]}
        for item in Cluster.connect({"kubeconfig": kubeconfig}, timeout=60).list(f"/api/v1/namespaces/{SPACE}/configmaps")
        if item["metadata"]["name"] != "kube-root-ca.crt"
    ]
    path = folder / f"{space}.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)


def turn(kubeconfig: str, folder: Path, number: int, *, all_of_kubectl: bool, any_of_kubectl: bool) -> dict[str, Cost]:
    """Each contestant once, each into a namespace of its own that is new."""
    cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=60)
    ways = {"apply --server-side": ["apply", "--server-side"]} if any_of_kubectl else {}
    if all_of_kubectl:
        ways |= {"create": ["create"], "apply": ["apply"]}
    count = sum(1 for _item in cluster.list(f"/api/v1/namespaces/{SPACE}/configmaps"))
    found = {}
    for place, (name, words) in enumerate({"ours": [], "ours, all of it there": [], **ways}.items()):
        space = f"to-{count}-{number}-{place if words else 0}"
        create(cluster, "/api/v1/namespaces", {"metadata": {"name": space}})
        ours = [sys.executable, __file__, "--act", kubeconfig, str(folder), space]
        command = [kubectl(), "--kubeconfig", kubeconfig, *words, "-f", plain(kubeconfig, folder, space)] if words else ours
        label = f"kubectl {name}" if words else name
        found[label] = measure(command, dict(os.environ), memory=False)
        print(f"{label}: {found[label].wall:.2f} s", file=sys.stderr, flush=True)
    return found


def table(found: dict[int, dict[str, list[Cost]]]) -> str:
    lines = [
        f"Medians, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}.",
        "",
        "| ConfigMaps | what | runs | wall | objects/s | CPU | peak |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for objects, costs in found.items():
        for name, runs in costs.items():
            wall, cpu, peak = (statistics.median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "largest"))
            lines.append(f"| {objects:,} | {name} | {len(runs)} | {wall:.2f} s | {objects / wall:.0f} | {cpu:.2f} s | {peak:.0f} MB |")
    if 10_000 in found:
        wall = statistics.median(run.wall for run in found[10_000]["ours"])
        lines += [
            "",
            f"To reach at 10,000: {TARGET:g} s with verification. Measured: {wall:.2f} s, {'reached' if wall <= TARGET else 'missed'}.",
        ]
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--objects", default="1000,10000")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--kubectl-at-most", type=int, default=1000)
    options.add_argument("--act", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.act:
        restore(*chosen.act)
        return
    found: dict[int, dict[str, list[Cost]]] = {}
    try:
        lab("up", LAB, "--size", "control-plane")
        kubeconfig, made = lab("kubeconfig", LAB), 0
        for objects in sorted(map(int, chosen.objects.split(","))):
            fill(kubeconfig, made, objects)
            made, found[objects] = objects, {}
            with tempfile.TemporaryDirectory() as scratch:
                keys(Path(scratch))
                back_up(kubeconfig, scratch)
                for number in range(chosen.runs):
                    few = objects <= chosen.kubectl_at_most
                    costs = turn(kubeconfig, Path(scratch), number, all_of_kubectl=few, any_of_kubectl=few or not number)
                    for name, cost in costs.items():
                        found[objects].setdefault(name, []).append(cost)
    finally:
        lab("down", LAB)
    print(table(found))


if __name__ == "__main__":
    main()
