# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that runs in a child of Ansible's own process, where Ansible would start it on the same machine anyway.

To pack a module, start another Python and compile all that the module imports takes about a second, often longer than the module's work.
So a task with a local connection and Ansible's own Python forks instead, and calls ``main`` of the module in the child.  The options, the
checks, the redaction and the result are those of the module.  Any other task runs as Ansible runs every module.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import IO, Any

from ansible import constants as C  # noqa: N812  (what all of Ansible calls it)
from ansible.module_utils import basic
from ansible.plugins.action.normal import ActionModule as RunsModule
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing

try:
    from ansible.module_utils.common.json import Direction, get_module_encoder

    _ENCODER: dict[str, Any] = {"cls": get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)}
except ImportError:  # ansible-core before 2.19
    from ansible.module_utils.common.json import AnsibleJSONEncoder

    _ENCODER = {"cls": AnsibleJSONEncoder, "vault_to_text": True}

_OF_A_CRASH = ("msg", "exception", "module_stderr", "module_stdout")
_PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
_FORK = multiprocessing.get_context("fork")


class LocalAction(RunsModule):
    @staticmethod
    def main() -> None:
        """Of the module.  Ansible's main process loads an action plugin, and so the module, before it forks: the import happens once."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        # A module that ended cleaned its result; what one said that crashed comes as it is.
        return {**result, **{key: outgoing(result[key]) for key in _OF_A_CRASH if isinstance(result.get(key), str)}}

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        variables, args = task_vars or {}, dict(self._task.args if module_args is None else module_args)
        result: dict[str, Any]
        with ExitStack() as held:
            shown = self._shown(args, variables, held)
            if not self._is_here(variables):
                with shown:
                    result = super()._execute_module(module_args=args, task_vars=task_vars, **more)
                return result
            self._update_module_args(self._task.action, args, variables)
            child = held.enter_context(_Child(self.main, args, folder_of(str(self._loader.get_basedir()))))
            with shown:
                result = wrap_var(child.result())  # nothing in it is a template
        return result

    def _shown(self, args: dict[str, Any], task_vars: dict[str, Any], held: ExitStack) -> AbstractContextManager[None]:
        """What surrounds the module while it runs; to be entered after a fork.  May change ``args``; what it needs goes into ``held``."""
        return nullcontext()

    def _is_here(self, task_vars: dict[str, Any]) -> bool:
        task, connection = self._task, self._connection
        return (
            connection.transport == "local"
            and connection.become is None
            and not task.delegate_to
            and not task.async_val
            and not any(task.environment or ())
            and not C.DEFAULT_KEEP_REMOTE_FILES  # someone wants the module's files
            and self._templar.template(task_vars.get("ansible_python_interpreter")) == sys.executable
        )


def folder_of(playbook: str) -> str:
    """Where relative paths start: the folder of the playbook, as for every module.

    The user of a playbook of this collection has no file beside it, and means the folder that the command was started in.
    """
    return str(Path.cwd()) if Path(playbook).resolve() == _PLAYBOOKS else playbook


class _Child:
    """A forked process that calls ``main`` of a module; it ends with the block."""

    def __init__(self, main: Callable[[], None], args: dict[str, Any], folder: str) -> None:
        self._given = json.dumps({"ANSIBLE_MODULE_ARGS": args}, **_ENCODER).encode()
        self._main, self._folder = main, folder
        self._files = ExitStack()
        self._out, self._err = (self._files.enter_context(tempfile.TemporaryFile()) for _file in range(2))  # noqa: SIM115
        self._process = _FORK.Process(target=self._run)

    def __enter__(self) -> _Child:
        self._process.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        self._files.close()

    def result(self) -> dict[str, Any]:
        self._process.join()
        printed, errors = (_text(file) for file in (self._out, self._err))
        try:
            found = json.loads(printed)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return {
                "failed": True,
                "msg": "The module ended without a result; what it printed is in module_stdout and module_stderr.",
                "module_stdout": printed,
                "module_stderr": errors,
                "rc": self._process.exitcode,
            }
        return {key: value for key, value in found.items() if not key.startswith("_ansible_")}

    def _run(self) -> None:
        """As an own program has it: signals end it, files of its own for its output, the folder of the playbook or of the caller."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        for file, stream in ((self._out, 1), (self._err, 2)):
            os.dup2(file.fileno(), stream)
        sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
        os.chdir(self._folder)
        basic._ANSIBLE_ARGS = self._given
        basic._ANSIBLE_PROFILE = "legacy"
        self._main()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
