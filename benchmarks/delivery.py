# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery beside what a user would use instead.

    python benchmarks/delivery.py --kubeconfig PATH [--rounds 5] [--bakes 4000]

Waits for the same restarts with ours and with kubectl rollout status, rolls back with ours and with kubectl rollout undo,
switches a Service and times its proof and its way back from a green that crashes, counts the requests that a switch and the end of the
old colour cost, and simulates bakes.  Needs kubectl, and the lab with its stand-in; everything happens in
a namespace of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, must_read, read, update
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.watch import Watch
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.bake import Bake, Baseline, Plan, Sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.counters import Signals
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.judge import Rule
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.bake.sources import PodSource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.gates_seen import Settings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.old_colour import Ending
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.blue_green.switch import BlueGreen
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout.rollback import Workload, roll_back
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.workload import path_of

from benchmarks.bakes import SCENARIOS, simulate
from tests.integration.load import Load

SPACE = "delivery-bench"


def set_up(cluster: Cluster) -> Workload:
    path = f"/api/v1/namespaces/{SPACE}"
    delete(cluster, path)
    while read(cluster, path) is not None:
        time.sleep(0.2)
    create(cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    standin = must_read(cluster, path_of("Deployment", "euystacio-ai", "euystacio-api"))
    container = {
        "name": "api",
        "image": standin["spec"]["template"]["spec"]["containers"][0]["image"],
        "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    labels = {"app": "api", "version": "blue"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    create(cluster, path_of("Deployment", SPACE), {"metadata": {"name": "api"}, "spec": spec})
    ports = [{"name": "http", "port": 8000, "targetPort": "http"}]
    create(cluster, path_of("Service", SPACE), {"metadata": {"name": "api"}, "spec": {"selector": labels, "ports": ports}})
    workload = Workload(cluster, "Deployment", SPACE, "api")
    workload.wait(60)
    return workload


def wait_overheads(workload: Workload, kubeconfig: str, rounds: int) -> dict[str, list[float]]:
    """Seconds from the moment that a watch of our own sees the completed rollout to the return of each contestant."""
    ours: list[float] = []
    kubectl: list[float] = []
    for _ in range(rounds):
        returned: dict[str, float] = {}
        workload.restart(dry_run=False)

        def wait_ours(returned: dict[str, float] = returned) -> None:
            workload.wait(120)
            returned["ours"] = time.monotonic()

        def wait_kubectl(returned: dict[str, float] = returned) -> None:
            command = ["kubectl", "--kubeconfig", kubeconfig, "-n", SPACE, "rollout", "status", "deployment/api"]
            subprocess.run(command, check=True, capture_output=True)
            returned["kubectl"] = time.monotonic()

        threads = [threading.Thread(target=wait_ours), threading.Thread(target=wait_kubectl)]
        with Watch(workload.cluster, workload.lists(workload.read())) as watch:
            for thread in threads:
                thread.start()
            watch.wait(lambda scene: True if workload.progress_in(scene).status == "complete" else None, time.monotonic() + 120)
            known = time.monotonic()
        for thread in threads:
            thread.join()
        ours.append(returned["ours"] - known)
        kubectl.append(returned["kubectl"] - known)
    return {"ours": ours, "kubectl rollout status": kubectl}


def rollbacks(workload: Workload, kubeconfig: str, rounds: int) -> dict[str, list[float]]:
    """Seconds from a revision that can't come up back to the one before, complete."""
    times: dict[str, list[float]] = {"ours": [], "kubectl rollout undo + status": []}
    for _ in range(rounds):
        for contestant, spent in times.items():
            workload.record("passed", run="", reason="benchmark", dry_run=False)

            def bad(obj: dict[str, Any]) -> dict[str, Any]:
                container = {**obj["spec"]["template"]["spec"]["containers"][0], "image": "localhost/none:1"}
                return {"spec": {"template": {"spec": {"containers": [container]}}}}

            update(workload.cluster, workload.path, bad)
            workload.wait(60)
            began = time.monotonic()
            if contestant == "ours":
                roll_back(workload, workload.targets(None, unproven=False), 60, dry_run=False)
            else:
                for verb in ("undo", "status"):
                    command = ["kubectl", "--kubeconfig", kubeconfig, "-n", SPACE, "rollout", verb, "deployment/api"]
                    subprocess.run(command, check=True, capture_output=True)
            spent.append(time.monotonic() - began)
    return times


def proofs(cluster: Cluster, rounds: int) -> list[float]:
    """Seconds from the answer of the switch's write to the endpoints' proof."""
    settings = Settings(run="bench", stability=0, settle=0, bake=0, timeout=60)
    switch = BlueGreen(cluster, SPACE, "api", settings=settings)
    switch.prepare("green", "api-green", None, {}, dry_run=False)
    return [switch.promote(("green", "blue")[n % 2], dry_run=False)["proof_ms"] / 1000 for n in range(rounds)]


def tell_pods(workload: Workload, **faults: object) -> None:
    """The stand-in's switches, in every pod of a workload; a pod that dies of it can't answer."""
    for pod in workload.progress().pods:
        where = f"{path_of('Pod', SPACE, pod['metadata']['name'])}:8000/proxy/_fault"
        address, headers = f"{workload.cluster.server.rstrip('/')}{where}", {"Content-Type": "application/json"}
        workload.cluster.http.request("POST", address, body=json.dumps(faults).encode(), headers=headers, timeout=5)


def ways_back(cluster: Cluster, rounds: int) -> list[float]:
    """Seconds from a breach (every green pod is told to crash, right after the switch) until the Service is back on blue, with proof."""
    spent: list[float] = []
    for n in range(rounds):
        switch = BlueGreen(cluster, SPACE, "api", settings=Settings(run=f"back-{n}", stability=0, settle=0, bake=60, timeout=60))
        switch.prepare("green", "api-green", None, {}, dry_run=False)
        switch.promote("green", dry_run=False)
        green = Workload(cluster, "Deployment", SPACE, "api-green")
        plan = Plan(window=60, health_path="")
        bake = Bake(green, Sources(PodSource(cluster, "8000", "/metrics")), Signals(), Rule(), plan, Baseline(), Profile(()))
        verdicts: list[str] = []

        def baked(bake: Bake = bake, switch: BlueGreen = switch, verdicts: list[str] = verdicts) -> None:
            verdicts.append(bake.run()[0].status)
            switch.revert()

        thread = threading.Thread(target=baked)
        thread.start()
        began = time.monotonic()
        tell_pods(green, crash=1)
        thread.join()
        spent.append(time.monotonic() - began)
        if verdicts != ["failed"]:
            raise SystemExit(f"the bake of a crashing green ended with {verdicts}")
        delete(cluster, green.path)  # else the kubelet's pause before the next restart grows from round to round
    return spent


def losses(cluster: Cluster, *, graceful: bool) -> tuple[int, int]:
    """Requests that were sent, and that were lost, over a switch and the end of the old colour; with a server that drains, or not."""
    switch = BlueGreen(cluster, SPACE, "api", settings=Settings(run=f"load-{graceful}", stability=0, settle=0.2, bake=1, timeout=60))
    active = switch.inspect()[1].active
    old, aim = ("api", "green") if active == "blue" else ("api-green", "blue")
    switch.prepare(aim, "api-green" if aim == "green" else "api", None, {}, dry_run=False)
    tell_pods(Workload(cluster, "Deployment", SPACE, old), graceful=graceful)
    with Load(must_read(cluster, path_of("Service", SPACE, "api"))["spec"]["clusterIP"]) as load:
        load.reach(400)
        switch.promote(aim, dry_run=False)
        switch.retire(Ending(drain_timeout=2, drain_interval=1), dry_run=False)
        load.reach(sum(load.results.values()) + 2000)
    return sum(load.results.values()), sum(count for outcome, count in load.results.items() if outcome != "200")


def show(title: str, times: dict[str, list[float]]) -> None:
    print(f"\n{title}\n")
    for name, spent in times.items():
        print(f"  {name:32} median {median(spent) * 1000:8.1f} ms   worst {max(spent) * 1000:8.1f} ms   of {len(spent)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bakes", type=int, default=4000)
    options = parser.parse_args()
    cluster = Cluster.connect({"kubeconfig": options.kubeconfig}, timeout=10)
    workload = set_up(cluster)
    try:
        show("Wait: from the completed rollout to the return", wait_overheads(workload, options.kubeconfig, options.rounds))
        show("Rollback of a bad image, complete again", rollbacks(workload, options.kubeconfig, options.rounds))
        show("Switch: from the write to the proof", {"ours": proofs(cluster, options.rounds * 4)})
        print("\nRequests over a switch and the end of the old colour\n")
        for graceful, name in ((True, "server that drains"), (False, "server that leaves at once")):
            sent, lost = losses(cluster, graceful=graceful)
            print(f"  {name:32} {lost} lost of {sent}")
        show("Way back: from the crash of every green pod to the proof of blue", {"ours": ways_back(cluster, options.rounds * 4)})
    finally:
        delete(cluster, f"/api/v1/namespaces/{SPACE}")
    print(f"\nBakes, {options.bakes} each\n")
    for scenario in SCENARIOS:
        found = simulate(scenario, options.bakes, Random(20261124))  # noqa: S311
        when = f"median {median(found):.0f} s" if found else ""
        print(f"  {scenario.name:34} aborted {len(found) / options.bakes:8.2%} {when}")


if __name__ == "__main__":
    main()
