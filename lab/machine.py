# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can run a size of cluster: one sentence for what it lacks, and which size would work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .common import CACHE, LabError

GIGABYTE = 1024**3
SMALLER = "use --size control-plane, which needs none of this"


@dataclass(frozen=True)
class Machine:
    """What is seen of the machine."""

    system: str
    root: bool
    commands: Mapping[str, bool]
    filesystems: frozenset[str]
    namespaces: frozenset[str]
    cgroup_controllers: frozenset[str]
    disk: float
    memory: float


def look() -> Machine:
    def lines(path: str) -> list[str]:
        return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []

    CACHE.mkdir(parents=True, exist_ok=True)
    available = next((int(line.split()[1]) for line in lines("/proc/meminfo") if line.startswith("MemAvailable")), 0)
    return Machine(
        system=os.uname().sysname,
        root=os.geteuid() == 0,
        commands={name: shutil.which(name) is not None for name in ("openssl", "ip", "nsenter", "unshare", "apt-get", "dpkg")},
        filesystems=frozenset(line.split()[-1] for line in lines("/proc/filesystems")),
        namespaces=frozenset(path.name for path in Path("/proc/self/ns").iterdir()) if Path("/proc/self/ns").exists() else frozenset(),
        cgroup_controllers=frozenset(
            [line.split()[0] for line in lines("/proc/cgroups")[1:]] + " ".join(lines("/sys/fs/cgroup/cgroup.controllers")).split()
        ),
        disk=shutil.disk_usage(CACHE).free,
        memory=available * 1024,
    )


def lacks(machine: Machine, size: str) -> str | None:
    """The first thing that the machine lacks for a size, as a sentence; None if nothing."""
    if machine.system != "Linux":
        return f"The lab runs on Linux and this machine has {machine.system}; set KUBECONFIG to a cluster that you have."
    disk, memory = (6, 2.5) if size == "node" else (4, 1)
    if machine.disk < disk * GIGABYTE:
        return (
            f"{CACHE} has {machine.disk / GIGABYTE:.1f} GB free and this needs {disk} GB; free some or set XDG_CACHE_HOME to another disk."
        )
    if machine.memory < memory * GIGABYTE:
        return f"The machine has {machine.memory / GIGABYTE:.1f} GB of memory free and the {size} size needs {memory} GB."
    if not machine.commands["openssl"]:
        return "The command openssl is missing, which makes the certificates; install the package openssl."
    if size != "node":
        return None
    if not machine.root:
        return f"The node size needs root, for namespaces and containers; run it with sudo, or {SMALLER}."
    for command, package in (
        ("apt-get", "apt"),
        ("dpkg", "dpkg"),
        ("ip", "iproute2"),
        ("nsenter", "util-linux"),
        ("unshare", "util-linux"),
    ):
        if not machine.commands[command]:
            return f"The command {command} (package {package}) is missing, which the node size needs; install it, or {SMALLER}."
    if missing := sorted({"net", "mnt", "pid"} - machine.namespaces):
        return f"The kernel has no {missing[0]} namespaces, which the node size needs; {SMALLER}."
    if "overlay" not in machine.filesystems:
        return f"The kernel has no overlay file system, which containers need; try `modprobe overlay`, or {SMALLER}."
    if missing := sorted({"cpu", "memory", "pids"} - machine.cgroup_controllers):
        return f"The kernel has no cgroup controller {missing[0]}, which the node size needs; {SMALLER}."
    return None


def check(size: str) -> None:
    if sentence := lacks(look(), size):
        raise LabError(sentence)
