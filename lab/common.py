# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the lab shares: the error, the folders, the locks, the progress lines."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

LAB = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meta-salvage"
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "meta-salvage"
CLUSTERS = STATE / "clusters"

Answer = TypeVar("Answer")


class LabError(Exception):
    """One sentence for a person: what is wrong, where, what to do."""


class Progress:
    """Says what is done and when; the clock starts with the command."""

    def __init__(self, quiet: bool = False) -> None:
        self.start = time.monotonic()
        self.quiet = quiet

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def say(self, text: str) -> None:
        if not self.quiet:
            print(f"[{self.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(path: Path, progress: Progress, waiting_for: str) -> Iterator[None]:
    """Holds a file lock, which the kernel drops when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            progress.say(f"waiting for {waiting_for} by another process")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def until(what: str, check: Callable[[], Answer | None], timeout: float, every: float = 0.1, hint: str = "") -> Answer:
    """The first answer of check() that is not None, or an error that says what did not happen."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer is not None:
            return answer
        if time.monotonic() > deadline:
            raise LabError(f"{what} did not happen within {timeout:.0f} s{'; ' + hint if hint else ''}.")
        time.sleep(every)


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Runs a command to its end and returns what it printed; a failure becomes one sentence with its last words."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(words, env=env, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError(f"The command {words[0]} is not on this machine; install it and try again.") from None
    if done.returncode:
        last_words = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise LabError(f"`{' '.join(words[:6])}` failed with exit status {done.returncode}: {last_words}")
    return done.stdout
