# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that takes its time, shown while it works.

Ansible shows nothing of a module before it has ended.  This one writes a line for each step to a file (``progress_path``); where it
runs on the controller, the file is read meanwhile and each line shown.  The module and its result are the same with and without.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812  (what all of Ansible calls it)
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import lines
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import excerpt
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.local import LocalAction

display = Display()
_LONGEST = 500  # characters of a line that is shown


class LiveAction(LocalAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        with contextlib.suppress(KeyError, TypeError):
            result["invocation"]["module_args"]["progress_path"] = self._task.args.get("progress_path")
        return result

    def _shown(
        self, args: dict[str, Any], task_vars: dict[str, Any], held: contextlib.ExitStack
    ) -> contextlib.AbstractContextManager[None]:
        if not self._is_shown():
            return contextlib.nullcontext()
        name = self._task.action.rpartition(".")[2]
        host = task_vars.get("inventory_hostname", "localhost")

        def show(says: str) -> None:
            display.display(f"{name} [{host}]: {excerpt(says, _LONGEST)}")

        path = held.enter_context(self._file(args.get("progress_path")))
        args["progress_path"] = str(path)
        return followed(path, show)

    def _is_shown(self) -> bool:
        task, connection = self._task, self._connection
        return (
            boolean(task.args.get("progress", True), strict=False)
            and connection.transport == "local"
            and connection.become is None
            and not task.async_val
            and not task.no_log
            and not str(C.DEFAULT_STDOUT_CALLBACK).endswith(("json", "jsonl"))
        )

    @contextlib.contextmanager
    def _file(self, wanted: Any) -> Iterator[Path]:
        if wanted:
            yield Path(os.path.expandvars(str(wanted))).expanduser().absolute()
            return
        with tempfile.TemporaryDirectory(prefix="meta-salvage-", dir=C.DEFAULT_LOCAL_TMP) as folder:
            yield Path(folder) / "progress.jsonl"


@contextlib.contextmanager
def followed(path: Path, show: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile each line that comes new is shown, the last ones at the end; any other line is left out."""
    done = threading.Event()
    start = path.stat().st_size if path.exists() else 0

    def follow() -> None:
        for line in lines(path, done, start):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                show(str(json.loads(line)["says"]))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
