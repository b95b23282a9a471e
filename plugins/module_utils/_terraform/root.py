# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root of Terraform or OpenTofu, brought to what it says: planned to a file, looked at, and applied as it was planned."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.lock import alone
from .._core.progress import Tell, lines, silent
from .messages import Message, deletions, errors, is_progress, message_of, planned_changes, summed_up

_MARK = ".meta-salvage-terraform"  # in a folder that this module made


def work_folder(text: str, root: str) -> Path:
    """The folder for the plan.  Raises SalvageError(bad_input) for a path that cannot be a folder of the module's own."""
    work, of_root = Path(text).resolve(), Path(root).resolve()
    if not text.strip() or work in {Path.cwd(), Path.home(), of_root, *of_root.parents, *Path.cwd().parents}:
        raise SalvageError(f"work_dir: {text!r} is not a folder of the plan's own; set a path that does not exist yet", reason="bad_input")
    return work


def _make_own(work: Path) -> None:
    """A new, empty folder.  What a killed run left is removed, and nothing that was not made here.  Raises OSError, SalvageError."""
    if (work / _MARK).is_file():
        shutil.rmtree(work)
    elif work.is_dir() and any(work.iterdir()):
        raise SalvageError(f"work_dir: {work} is not empty and was not made by this module; set another path", reason="bad_input")
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    (work / _MARK).touch(mode=0o600)


@dataclass(frozen=True)
class Root:
    """``run_command`` is a module's, ``arguments`` go to the plan; a lock that another holds is waited for, ``lock_timeout`` seconds.

    ``work`` is a folder of this root's own (see ``work_folder``), removed at the end: a plan has secrets.
    """

    folder: str
    work: Path
    run_command: Callable[..., tuple[int, str, str]]
    binary: str
    arguments: Sequence[str] = ()
    lock_timeout: int = 0
    tell: Tell = silent

    def apply(self, *, dry_run: bool = False) -> dict[str, Any]:
        """What was changed.  Raises SalvageError: conflict for a plan that deletes and for a second run, invalid for what fails."""
        with self._alone():
            lock, plan = f"-lock-timeout={self.lock_timeout}s", str(self.work / "plan")
            if not dry_run:
                self._run("init", "-input=false", "-no-color")
            status, said = self._run(
                "plan", "-input=false", "-json", "-detailed-exitcode", f"-out={plan}", lock, *self.arguments, good=(0, 2)
            )
            if deleted := deletions(said):
                raise SalvageError(
                    f"the plan deletes {', '.join(deleted)}, which a runbook never does, so nothing was applied;"
                    f" see `{self.binary} -chdir={self.folder} plan`, and decide that by hand",
                    reason="conflict",
                )
            if status == 2 and not summed_up(said):
                raise SalvageError(
                    f"{self.binary} does not say what its plan deletes, so nothing was applied; use Terraform 1.0 or newer, or OpenTofu",
                    reason="invalid",
                )
            if status == 2 and not dry_run:
                self._run("apply", "-input=false", "-json", lock, plan)
            return {"changed": status == 2, "plan": planned_changes(said)}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(alone(self.folder, f"another run is at work on {self.folder}; wait for its end"))
            except OSError as exc:
                raise SalvageError(
                    f"{self.folder}: {exc.strerror}; set root to the folder with the .tf files", reason="bad_input"
                ) from None
            try:
                _make_own(self.work)
            except OSError as exc:
                raise SalvageError(f"{self.work}: {exc.strerror}; set a work_dir that can be created", reason="bad_input") from None
            held.callback(shutil.rmtree, self.work)
            yield

    def _run(self, command: str, *arguments: str, good: Sequence[int] = (0,)) -> tuple[int, list[Message]]:
        output, said, ended = self.work / f"{command}.log", [], threading.Event()

        def follow() -> None:
            for message in filter(None, map(message_of, lines(output, ended))):
                said.append(message)
                if is_progress(message) and (command, message["type"]) != ("apply", "planned_change"):  # that was the plan's to say
                    self.tell({"terraform": message["type"], "says": message["@message"]})

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            # To a file, not a pipe: should this process be killed, what is being made is made to its end and written to the state.
            status, _out, _err = self.run_command(
                ["sh", "-c", 'exec "$@" > "$0" 2>&1', str(output), self.binary, f"-chdir={self.folder}", command, *arguments],
                environ_update={"TF_IN_AUTOMATION": "1"},
            )
        finally:
            ended.set()
            follower.join()
        if status not in good:
            words = " ".join(output.read_bytes().decode("utf-8", "replace").split())
            raise SalvageError(f"{self.binary} {command} failed: {errors(said) or words[-500:]}", reason="invalid")
        return status, said
