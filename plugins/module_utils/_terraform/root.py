# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root of Terraform or OpenTofu, brought to what it says: planned to a file, looked at, and applied as it was planned."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import write_whole
from .._core.lock import alone
from .._core.progress import Tell, lines, silent
from .messages import Message, deletions, errors, is_needed, message_of, planned_changes, sentence_of, summed_up, warnings
from .work import own_folder

_PROSE = 20  # lines, of a program that ended before its first message


@dataclass(frozen=True)
class Root:
    """``run_command`` is a module's, ``arguments`` go to the plan; a lock that another holds is waited for, ``lock_timeout`` seconds.

    ``work`` is a folder of this root's own (see ``own_folder``): a plan has secrets.  ``variables`` is what the environment adds.
    """

    folder: str
    work: Path
    run_command: Callable[..., tuple[int, str, str]]
    binary: str
    arguments: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    backend: bytes = b""  # settings, see backend_text
    lock_timeout: int = 0
    tell: Tell = silent

    def apply(self, *, dry_run: bool = False) -> dict[str, Any]:
        """What was changed.  Raises SalvageError: conflict for a plan that deletes and for a second run, invalid for what fails."""
        with self._alone():
            lock, plan = f"-lock-timeout={self.lock_timeout}s", str(self.work / "plan")
            if not dry_run:
                self._run("init", "-input=false", "-no-color", *self._backend())
            status, said = self._run(
                "plan", "-input=false", "-json", "-detailed-exitcode", f"-out={plan}", lock, *self.arguments, good=(0, 2)
            )
            if deleted := deletions(said):
                raise SalvageError(
                    f"the plan deletes {', '.join(deleted)}, which a runbook never does, so nothing was applied;"
                    f" review `{self.binary} -chdir={self.folder} plan`, and apply it by hand if you agree",
                    reason="conflict",
                )
            if status == 2 and not summed_up(said):
                raise SalvageError(
                    f"{self.binary} does not say what its plan deletes, so nothing was applied; use Terraform 1.0 or newer, or OpenTofu",
                    reason="invalid",
                )
            done: list[Message] = []
            if status == 2 and not dry_run:
                done = self._run("apply", "-input=false", "-json", lock, plan)[1]
            return {"changed": status == 2, "plan": planned_changes(said), "warnings": warnings([*said, *done])}

    def _backend(self) -> list[str]:
        """In a file: what is in an argument everyone on the machine can read."""
        if not self.backend:
            return []
        file = self.work / "backend.hcl"
        write_whole(file, self.backend)
        return [f"-backend-config={file}"]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(alone(self.folder, f"another run is at work on {self.folder}; wait for its end"))
            except OSError as exc:
                raise SalvageError(
                    f"{self.folder}: {exc.strerror}; set root to the folder with the .tf files", reason="bad_input"
                ) from None
            held.enter_context(own_folder(self.work))
            yield

    def _run(self, command: str, *arguments: str, good: Sequence[int] = (0,)) -> tuple[int, list[Message]]:
        output, ended = self.work / f"{command}.log", threading.Event()
        said: list[Message] = []
        prose: deque[bytes] = deque(maxlen=_PROSE)

        def follow() -> None:
            begun = False
            for line in lines(output, ended):
                message = message_of(line)
                begun = begun or message is not None
                if message is None and not begun:  # after the first message, prose may be what a provisioner printed
                    prose.append(line[:500])
                if message is None or not is_needed(message):
                    continue
                said.append(message)
                repeated = (command, message["type"]) == ("apply", "planned_change")  # the plan said it
                if (words := sentence_of(message)) and not repeated:
                    self.tell({"terraform": message["type"], "says": words})

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            # To a file, not a pipe: should this process be killed, what is being made is made to its end and written to the state.
            status, _out, _err = self.run_command(
                ["sh", "-c", 'exec "$@" > "$0" 2>&1', str(output), self.binary, f"-chdir={self.folder}", command, *arguments],
                environ_update={"TF_IN_AUTOMATION": "1", **self.variables},
            )
        finally:
            ended.set()
            follower.join()
        if status not in good:
            words = " ".join(b" ".join(prose).decode("utf-8", "replace").split())
            raise SalvageError(f"{self.binary} {command} failed: {errors(said) or words[-500:] or f'status {status}'}", reason="invalid")
        return status, said
