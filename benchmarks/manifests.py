# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of 200 objects of eight kinds, planned and applied: ours, kubernetes.core in a loop and at once, and kubectl.

    python benchmarks/manifests.py --kubeconfig PATH [--runs 5] [--loops 1] [--write]
    python benchmarks/manifests.py --kubeconfig PATH --apply FILE NAMESPACE    what is measured of ours beside kubectl

Each run has a new namespace; a second run then finds nothing to change.  The contestants take turns, so that what else the machine does
falls on all alike.  Ours plans by a dry run, applies, and proves what is there: as a playbook beside kubernetes.core's, and as a process
beside kubectl, which is measured alone and with the dry run that is such a plan.  ``--loops`` is how often kubernetes.core's loop runs,
which takes minutes.  ``--write`` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import task

from benchmarks.health import HERE, Cost, measure, write

SPACE = "manifests-bench"
EMPTY, OURS, LOOP, AT_ONCE = (
    "empty playbook",
    "ours, playbook",
    "kubernetes.core in a loop, playbook",
    "kubernetes.core, one task, playbook",
)
KUBECTL, KUBECTL_PLAN = "kubectl apply --server-side", "kubectl apply --server-side, dry run first"
PROCESS = "ours, process"
TARGETS = ((LOOP, OURS, 3.0), (KUBECTL_PLAN, PROCESS, 1.0), (KUBECTL, PROCESS, 1.0))


def obj(kind: str, name: str, api_version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **more}


def some(count: int) -> list[dict[str, Any]]:
    """``count`` times an application of ten objects, of eight kinds."""
    rbac, found = "rbac.authorization.k8s.io", []
    for number in range(count):
        name = f"app-{number}"
        labels, role = {"app": name}, {"apiGroup": rbac, "kind": "Role", "name": name}
        pod = {
            "serviceAccountName": name,
            "containers": [{"name": "app", "image": "localhost/none:1", "envFrom": [{"secretRef": {"name": name}}]}],
        }
        template = {"metadata": {"labels": labels}, "spec": pod}
        found += [
            obj("ServiceAccount", name),
            *(obj("ConfigMap", f"{name}-{part}", data={f"key-{n}": "x" * 100 for n in range(10)}) for part in "ab"),
            *(obj("Secret", f"{name}{part}", stringData={f"key-{n}": "x" * 40 for n in range(5)}) for part in ("", "-tls")),
            obj("Role", name, f"{rbac}/v1", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]),
            obj("RoleBinding", name, f"{rbac}/v1", subjects=[{"kind": "ServiceAccount", "name": name}], roleRef=role),
            obj("Service", name, spec={"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8000}]}),
            obj("PodDisruptionBudget", name, "policy/v1", spec={"maxUnavailable": 1, "selector": {"matchLabels": labels}}),
            obj("Deployment", name, "apps/v1", spec={"replicas": 0, "selector": {"matchLabels": labels}, "template": template}),
        ]  # fmt: skip
    return found


class Contest:
    def __init__(self, kubeconfig: str, folder: Path) -> None:
        self.costs: dict[str, dict[str, list[Cost]]] = {"new": {}, "unchanged": {}}
        self._folder, self._file = folder, folder / "set.json"
        self._environ = {**os.environ, "KUBECONFIG": kubeconfig, "K8S_AUTH_KUBECONFIG": kubeconfig}
        self._spaces: list[str] = []
        self._file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": some(20)}))

    def run(self, name: str) -> None:
        """In a new namespace, and again when all is there."""
        space = f"{SPACE}-{os.getpid()}-{len(self._spaces)}"
        self._spaces.append(space)
        self._kubectl("create", "namespace", space)
        command = self._command(name, space)
        for state, found in self.costs.items():
            cost = measure(command, self._environ, memory=False)
            print(f"{name}, {state}: {cost.wall:.2f} s", file=sys.stderr, flush=True)
            found.setdefault(name, []).append(cost)
            time.sleep(2)  # the controllers go on for a moment with what is new

    def clean(self) -> None:
        self._kubectl("delete", "namespace", "--wait=false", "--ignore-not-found", *self._spaces)

    def _kubectl(self, *arguments: str) -> None:
        subprocess.run(["kubectl", *arguments], env=self._environ, stdout=subprocess.DEVNULL, check=True)

    def _command(self, name: str, space: str) -> list[str]:
        apply = ["kubectl", "apply", "--server-side", "-n", space, "-f", str(self._file)]
        if name == KUBECTL:
            return apply
        if name == PROCESS:
            return [sys.executable, __file__, "--kubeconfig", self._environ["KUBECONFIG"], "--apply", str(self._file), space]
        if name == KUBECTL_PLAN:
            return ["sh", "-c", '"$@" --dry-run=server && exec "$@"', "-", *apply]
        objects = "{{ (lookup('file', file) | from_json)['items'] }}"
        tasks: dict[str, dict[str, Any]] = {
            OURS: {"euystacio.meta_salvage.manifests": {"files": ["{{ file }}"], "namespace": space}},
            LOOP: {
                "kubernetes.core.k8s": {"definition": "{{ item }}", "namespace": space},
                "loop": objects,
                "loop_control": {"label": "{{ item.kind }}"},
            },
            AT_ONCE: {"kubernetes.core.k8s": {"src": "{{ file }}", "namespace": space}},
        }
        play = HERE / "empty.yml"
        if name in tasks:
            play = self._folder / f"{space}.yml"
            play.write_text(
                json.dumps([{"hosts": "all", "gather_facts": False, "vars": {"file": str(self._file)}, "tasks": [tasks[name]]}])
            )
        return ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(play)]


def table(costs: dict[str, dict[str, list[Cost]]]) -> str:
    lines = [
        f"200 objects of eight kinds. Medians, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}.",
        "",
        "| | runs | new: wall | CPU | unchanged: wall | CPU |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    middle = {state: {name: median(one.wall for one in found) for name, found in names.items()} for state, names in costs.items()}
    for name, found in costs["new"].items():
        cells = [f"{middle[state][name]:.2f} s | {median(one.cpu for one in costs[state][name]):.2f} s" for state in costs]
        lines.append(f"| {name} | {len(found)} | {' | '.join(cells)} |")
    lines += ["", "| to reach | new | unchanged | |", "|---|---:|---:|---|"]
    for other, ours, target in TARGETS:
        if other in middle["new"]:
            values = [one[other] / one[ours] for one in middle.values()]
            held = "reached" if min(values) >= target else "missed"
            lines.append(f"| {other} / {ours} >= {target:g} | {values[0]:.1f} | {values[1]:.1f} | {held} |")
    return "\n".join(lines) + "\n"


def apply(kubeconfig: str, file: str, space: str) -> int:
    defaults = {name: spec.get("default") for name, spec in task.MODULE["argument_spec"].items()}
    given = {"kubeconfig": kubeconfig, "files": [file], "namespace": space}
    return 1 if task.run({**defaults, **given}, check_mode=False, show=False).get("failed") else 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--loops", type=int, default=1)
    options.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options.add_argument("--apply", nargs=2, metavar=("FILE", "NAMESPACE"))
    chosen = options.parse_args()
    if chosen.apply:
        return apply(chosen.kubeconfig, *chosen.apply)
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(chosen.kubeconfig, Path(folder))
        try:
            for turn in range(chosen.runs):
                for name in (EMPTY, OURS, AT_ONCE, PROCESS, KUBECTL, KUBECTL_PLAN):
                    contest.run(name)
                if turn < chosen.loops:
                    contest.run(LOOP)
        finally:
            contest.clean()
    text = table(contest.costs)
    print(text)
    if chosen.write:
        write(text, "benchmarks/manifests.py", "Sets of manifests")
    return 1 if "missed" in text else 0


if __name__ == "__main__":
    sys.exit(main())
