# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, finding and ending a cluster's processes.

Each process carries its cluster's folder and its component's name in its environment, and is found by them in /proc. So what runs is
observed, never remembered: no pid file can be stale, and what a killed `up` left behind is found as well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .common import LabError

CLUSTER = "META_SALVAGE_LAB_CLUSTER"
COMPONENT = "META_SALVAGE_LAB_COMPONENT"


@dataclass(frozen=True)
class Process:
    pid: int
    component: str
    state: str


def start(
    folder: Path,
    component: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    inside: int | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a component in a session of its own, with its output in logs/; inside: the process whose namespaces it joins."""
    words = [str(word) for word in argv]
    if inside is not None:
        words = ["nsenter", f"--target={inside}", "--mount", "--net", "--pid", "--", *words]
    environment = {**os.environ, **(env or {}), CLUSTER: str(folder), COMPONENT: component}
    log = folder / "logs" / f"{component}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    # Popen may return a moment before the kernel shows the new environment, by which the process is found.
    with contextlib.suppress(OSError):
        while process.poll() is None and not Path(f"/proc/{process.pid}/environ").read_bytes():
            time.sleep(0.001)
    return process


def find(folder: Path) -> list[Process]:
    """Every process of a cluster that is not a zombie, nsenter's waiting parents left out."""
    marker = f"{CLUSTER}={folder}".encode()
    found = []
    for entry, variables in _environments():
        with contextlib.suppress(OSError):  # it ended meanwhile
            if marker not in variables or (entry / "comm").read_text().strip() in ("nsenter", "unshare"):
                continue
            component = next((v.split(b"=", 1)[1].decode() for v in variables if v.startswith(COMPONENT.encode() + b"=")), "?")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z":
                found.append(Process(int(entry.name), component, state))
    return sorted(found, key=lambda process: process.pid)


def holders() -> int:
    """How many clusters of the node size run on the machine, whoever started them and wherever their folders are."""
    return sum(f"{COMPONENT}=anchor".encode() in variables for _, variables in _environments())


def pid_of(folder: Path, component: str) -> int | None:
    """The component's process; None if it does not run."""
    return next((process.pid for process in find(folder) if process.component == component), None)


def last_words(folder: Path, component: str) -> str:
    log = folder / "logs" / f"{component}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return f"{component} of {folder.name} ended; its last words, in {log}: {lines[-1][:300] if lines else 'none'}"


def send(folder: Path, component: str, number: signal.Signals) -> int:
    pid = pid_of(folder, component)
    if pid is None:
        raise LabError(f"{component} of {folder.name} does not run; `python3 -m lab status` lists what does.")
    os.kill(pid, number)
    return pid


def end_all(folder: Path) -> int:
    """Kills all processes of a cluster and waits until they are gone; returns how many there were.

    With the process that holds the namespaces the kernel ends everything in its process namespace, containers too. Nobody is asked first:
    a cluster that goes down leaves nothing that would have to be saved.
    """
    count = 0
    deadline = time.monotonic() + 15
    while left := find(folder):
        count = max(count, len(left))
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(
                f"Process {left[0].pid} ({left[0].component}) of {folder.name} does not end; look at it with `ps {left[0].pid}`."
            )
        time.sleep(0.02)
    return count


def _environments() -> Iterator[tuple[Path, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
                yield entry, (entry / "environ").read_bytes().split(b"\0")
