# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: python3 -m lab COMMAND."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from . import build, cluster, machine, pki, processes, versions
from .common import CLUSTERS, LabError, Progress, locked
from .control_plane import ControlPlane
from .node import Node

FAULTS = {"stop": signal.SIGSTOP, "start": signal.SIGCONT, "kill": signal.SIGKILL}


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options) or 0)
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python3 -m lab", description="A whole Kubernetes on this machine, for the demo, the tests and the benchmarks."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    up = command("up", _up, "start a cluster, or bring a running one back to its manifests")
    up.add_argument("name", nargs="?", default="lab")
    up.add_argument(
        "--size", choices=["node", "control-plane"], default="node", help="node: root, containers, everything; control-plane: no root, kwok"
    )
    up.add_argument("--nodes", type=int, default=10, help="control-plane: how many kwok nodes")
    up.add_argument("--pods", type=int, default=0, help="control-plane: how many pods of a Deployment to wait for")
    up.add_argument("--monitoring-replicas", type=int, default=1, help="node: how many replicas of Prometheus and of Alertmanager run")
    some = up.add_mutually_exclusive_group()
    some.add_argument("--bare", action="store_true", help="node: only what every cluster has, to build the rest of it by other means")
    some.add_argument(
        "--first",
        action="store_true",
        help="node: only the control plane and the service, which are built in a third of the time; another `up` brings the rest",
    )
    down = command("down", _down, "end a cluster and remove everything of it")
    down.add_argument("name", nargs="?", default="lab")
    down.add_argument("--all", action="store_true", help="all clusters, and what killed ones left behind")
    command("status", _status, "list the clusters and what runs of them")
    command("kubeconfig", _kubeconfig, "print the path of a cluster's kubeconfig").add_argument("name", nargs="?", default="lab")
    load = command("load-image", _load_image, "import an image archive (docker save, OCI) into a cluster of the node size")
    load.add_argument("name")
    load.add_argument("archive", type=Path)
    user = command("user", _user, "make a kubeconfig for a user with a certificate, and print its path")
    user.add_argument("name")
    user.add_argument("user")
    user.add_argument("--group", default="", help="a group that the certificate names; without any, RBAC allows the user nothing")
    user.add_argument("--days", type=int, default=365, help="how long the certificate holds; -1 for one that ran out yesterday")
    command("build", _build, "build all components and tools into the cache and start nothing")
    tool = command("tool", _tool, "print the path of a tool that goes with a cluster, such as helm, and build it if it is not there")
    tool.add_argument("tool", metavar="TOOL")
    fault = command("fault", _fault, "stop, start or kill a component: kubelet-stop, kubelet-start, kube-scheduler-kill, ...")
    fault.add_argument("name")
    fault.add_argument("what", metavar="COMPONENT-ACTION")
    kubectl = command("kubectl", _kubectl, "run kubectl on a cluster: python3 -m lab kubectl NAME -- get pods -A")
    kubectl.add_argument("name")
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    return top


def _up(options: argparse.Namespace) -> None:
    progress = Progress()
    folder = cluster.folder_of(options.name)
    record = cluster.read(folder)
    if record and record.size != options.size:
        raise LabError(f"{options.name} is a cluster of the {record.size} size; take it down or choose another name.")
    if record is None:
        machine.check(options.size)
    known = versions.load()
    with locked(CLUSTERS.parent / f"{options.name}.lock", progress, f"work on {options.name}"):
        try:
            if options.size == "node":
                replicas = options.monitoring_replicas
                Node(folder, known, progress, bare=options.bare, first=options.first, replicas=replicas).up()
            else:
                ControlPlane(folder, known, progress, options.nodes, options.pods).up()
        except KeyboardInterrupt:
            if record is None:
                progress.say(f"interrupted; removing {options.name}")
                cluster.take_down(folder)
            else:
                progress.say(f"interrupted; {options.name} is as it was, and another `up` goes on")
            raise
    progress.say(f"{options.name} is up" + (", with the service and without the rest" if options.first else ""))
    print(f"export KUBECONFIG={folder / 'kubeconfig'}")


def _down(options: argparse.Namespace) -> None:
    progress = Progress()
    for name in cluster.names() if options.all else [options.name]:
        folder = cluster.folder_of(name)
        if not folder.exists() and not processes.find(folder):
            progress.say(f"there is no cluster {name}")
            continue
        record = cluster.read(folder)
        if os.geteuid() and (record is None or record.size == "node"):
            raise LabError(f"{name} is a cluster of the node size, which only root can take down.")
        with locked(CLUSTERS.parent / f"{name}.lock", progress, f"work on {name}"):
            ended = cluster.take_down(folder)
        progress.say(f"{name} is down ({ended} processes ended)")


def _status(options: argparse.Namespace) -> None:
    for name in cluster.names():
        folder = cluster.folder_of(name)
        record = cluster.read(folder)
        running = {process.component: process.state for process in reversed(processes.find(folder))}
        parts = ", ".join(component + (" (stopped)" if state == "T" else "") for component, state in sorted(running.items()))
        print(f"{name}: {record.size if record else 'half made'} at {record.server if record else '?'}; runs: {parts or 'nothing'}")
    if not cluster.names():
        print("no clusters")


def _kubeconfig(options: argparse.Namespace) -> None:
    folder, _ = cluster.existing(options.name)
    print(folder / "kubeconfig")


def _load_image(options: argparse.Namespace) -> None:
    folder, _ = cluster.existing(options.name)
    if not options.archive.is_file():
        raise LabError(f"There is no image archive {options.archive}; `docker save -o FILE IMAGE` writes one.")
    print(Node(folder, versions.load(), Progress()).load_image(options.archive), end="")


def _user(options: argparse.Namespace) -> None:
    folder, record = cluster.existing(options.name)
    path = folder / "kubeconfigs" / f"{options.user}.user"
    pki.make(folder / "pki", pki.Identity(path.name, options.user, options.group, days=options.days))
    pki.write_kubeconfig(path, folder / "pki", path.name, options.name, record.server)
    print(path)


def _build(options: argparse.Namespace) -> None:
    known = versions.load()
    progress = Progress()
    build.build(known, list(known.modules), progress)
    progress.say(f"everything is built in {build.BINARIES}")


def _tool(options: argparse.Namespace) -> None:
    print(build.tool(versions.load(), options.tool, Progress()))


def _fault(options: argparse.Namespace) -> None:
    component, _, action = options.what.rpartition("-")
    if action not in FAULTS or not component:
        raise LabError(f"{options.what} is no fault; write a component and stop, start or kill, such as kubelet-stop.")
    folder, _ = cluster.existing(options.name)
    pid = processes.send(folder, component, FAULTS[action])
    print(f"{component} (process {pid}): {action}")


def _kubectl(options: argparse.Namespace) -> int:
    folder, _ = cluster.existing(options.name)
    kubectl = build.binary(versions.load(), "kubectl")
    arguments = [argument for index, argument in enumerate(options.arguments) if index or argument != "--"]
    return subprocess.run([kubectl, f"--kubeconfig={folder / 'kubeconfig'}", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
