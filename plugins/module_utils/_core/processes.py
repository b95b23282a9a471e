# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this machine: which one it is, and whether one that was noted earlier has ended."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_ENDED_STATES = frozenset("ZX")  # a zombie does nothing any more


@dataclass(frozen=True)
class Process:
    """A process of one boot of one machine (and container); ``started`` distinguishes it from a later one with the same number."""

    machine: str
    pid: int
    started: int


def this_machine() -> str:
    """This boot and this namespace of processes; empty where the system does not say it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def process_of(pid: int) -> Process:
    _state, started = _stat(pid)
    return Process(this_machine(), pid, started)


def has_ended(process: Process) -> bool:
    """Whether that process is known to have ended; False for one of another machine, and where it can't be seen."""
    if not process.machine or process.machine != this_machine() or process.pid <= 0:
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it is there and somebody else's, or the number is none
        return False
    state, started = _stat(process.pid)
    return state in _ENDED_STATES or bool(started and process.started and started != process.started)


def _stat(pid: int) -> tuple[str, int]:
    """The state and the start (ticks since boot) of a process; ("", 0) where they can't be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, ValueError, IndexError):
        return "", 0
