# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's folder, what is remembered in it, and how it is taken down, whatever state it is in."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import processes
from .addresses import Addresses
from .common import CLUSTERS, STATE, LabError, run

CGROUPS = Path("/sys/fs/cgroup")
# Settings of the whole machine that a kubelet changes, and has no option to leave alone.
SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
# Where Kubernetes and containerd write whatever their settings say; each cluster mounts folders of its own over these.
MOUNT_POINTS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/containers")


@dataclass(frozen=True)
class Record:
    """What `up` decided for a cluster; written before anything is started."""

    name: str
    size: str
    server: str
    base: int | None = None
    slot: int | None = None

    @property
    def addresses(self) -> Addresses | None:
        return Addresses(self.base, self.slot) if self.base is not None and self.slot is not None else None


def folder_of(name: str) -> Path:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", name):
        raise LabError(f"{name!r} is no name for a cluster: use up to 30 lower-case letters, digits and hyphens.")
    return CLUSTERS / name


def names() -> list[str]:
    return sorted(path.name for path in CLUSTERS.iterdir() if path.is_dir()) if CLUSTERS.is_dir() else []


def read(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / "cluster.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(folder: Path, record: Record) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / "cluster.json.partial"
    partial.write_text(json.dumps(asdict(record)), encoding="utf-8")
    partial.rename(folder / "cluster.json")


def existing(name: str) -> tuple[Path, Record]:
    folder = folder_of(name)
    record = read(folder)
    if record is None:
        known = ", ".join(names()) or "none"
        raise LabError(f"There is no cluster {name} (there is: {known}); `python3 -m lab up {name}` starts one.")
    return folder, record


def cgroup_name(name: str) -> str:
    return f"meta-salvage-{name}"


def cgroup_mounts() -> list[Path]:
    """Where cgroups are made: the one hierarchy of version 2, or on version 1 each controller's and the empty one of version 2."""
    found = []
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, where, kind = line.split()[:3]
        if kind in ("cgroup", "cgroup2") and CGROUPS in (Path(where), Path(where).parent):
            found.append(Path(where))
    return found


def is_cgroup_v1() -> bool:
    return not (CGROUPS / "cgroup.controllers").exists()


def make_cgroups(name: str) -> None:
    for mount in cgroup_mounts():
        folder = mount / cgroup_name(name)
        folder.mkdir(exist_ok=True)
        if is_cgroup_v1():
            for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one, and then no process may join
                if (mount / setting).exists():
                    (folder / setting).write_text((mount / setting).read_text())
        else:
            controllers = (mount / "cgroup.controllers").read_text().split()
            for parent in (mount, folder):
                with contextlib.suppress(OSError):
                    (parent / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in controllers))


def remove_cgroups(name: str) -> None:
    """The kernel lets a cgroup go a moment after its last process."""
    deadline = time.monotonic() + 10
    for mount in cgroup_mounts():
        top = mount / cgroup_name(name)
        while top.exists():
            for folder in sorted((path for path in top.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()
            if top.exists():
                if time.monotonic() > deadline:
                    raise LabError(f"The cgroup {top} cannot be removed; a process in it does not end.")
                time.sleep(0.05)


def prepare_machine() -> None:
    """A note of the machine's settings from before the first cluster."""
    note = STATE / "sysctls.json"
    if not note.exists():
        note.write_text(
            json.dumps({name: (Path("/proc/sys") / name).read_text().strip() for name in SYSCTLS if (Path("/proc/sys") / name).exists()})
        )


def restore_machine() -> None:
    """After the last cluster of the node size: the machine is as it was.

    Not before: a folder that is removed here takes along what a running cluster has mounted over it.
    """
    for mount_point in MOUNT_POINTS:
        with contextlib.suppress(OSError):
            Path(mount_point).rmdir()  # only an empty one goes
    note = STATE / "sysctls.json"
    if note.exists():
        for name, value in json.loads(note.read_text()).items():
            with contextlib.suppress(OSError):
                (Path("/proc/sys") / name).write_text(value)
        note.unlink()


def links() -> list[str]:
    """The host's ends of all clusters' links."""
    return re.findall(r"^\d+: (mslab[\d-]+)[@:]", run(["ip", "-o", "link", "show"]), re.MULTILINE) if shutil.which("ip") else []


def take_down(folder: Path) -> int:
    """Ends and removes everything of a cluster; safe to repeat, and right for a cluster that is half up. Returns how many processes ended.

    Order: first the processes (with them go the namespaces, and with these the mounts, addresses, iptables rules), then what the kernel
    keeps for names (the link, the cgroups), then the folder, whose absence says that nothing is left.
    """
    record = read(folder)
    ended = processes.end_all(folder)
    if record is None or record.size == "node":
        if record and record.addresses and record.addresses.interface in links():  # and it may go by itself meanwhile
            subprocess.run(["ip", "link", "delete", record.addresses.interface], capture_output=True, check=False)
        remove_cgroups(folder.name)
    _remove_tree(folder)
    if os.geteuid() == 0 and not processes.holders():
        restore_machine()
    return ended


def _remove_tree(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while folder.exists():
        # cluster.json goes last: while it is there, another `down` knows what there was.
        for entry in sorted(folder.iterdir(), key=lambda path: path.name == "cluster.json"):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        try:
            folder.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise LabError(f"{folder} cannot be removed: {error}") from error
            time.sleep(0.1)
