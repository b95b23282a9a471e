# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""health_info in Ansible's own process, where the module would run in the same place anyway.

To pack a module and start another Python takes longer than the whole check.  So a task with a local connection and Ansible's own Python
runs here.  Any other task runs as a module, and so does a task with a secret (Ansible removes secrets from a module's result) or with
wrong options.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action.normal import ActionModule as RunsModule
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import credentials_in, outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import task

_ARGUMENTS = task.MODULE["argument_spec"]
_SECRETS = {name for name, spec in _ARGUMENTS.items() if spec.get("no_log")} | {"proxy_headers"}


class ActionModule(RunsModule):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # As it would arrive in a module: plain JSON.
        args = json.loads(json.dumps(self._task.args, default=str))
        checked = ArgumentSpecValidator(_ARGUMENTS).validate(args)
        if checked.error_messages or _SECRETS & args.keys() or credentials_in(args) or not self._is_here(task_vars or {}):
            result: dict[str, Any] = super().run(tmp, task_vars)
            return result
        try:
            seen: dict[str, Any] = outgoing(task.run(checked.validated_parameters, time.time()))
            return seen
        except SalvageError as exc:
            return {"failed": True, "msg": str(exc), "reason": exc.reason}

    def _is_here(self, task_vars: dict[str, Any]) -> bool:
        task, connection = self._task, self._connection
        return (
            connection.transport == "local"
            and connection.become is None
            and not task.delegate_to
            and not task.async_val
            and not any(task.environment or ())
            and self._templar.template(task_vars.get("ansible_python_interpreter")) == sys.executable
        )
