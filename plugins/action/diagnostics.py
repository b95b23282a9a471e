# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module diagnostics, shown while it works, with the rules: Ansible sends no YAML files to where a module runs."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import with_own_rules
from ansible_collections.euystacio.meta_salvage.plugins.modules import diagnostics
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.live import LiveAction


class ActionModule(LiveAction):
    """The module of the same name."""

    main = staticmethod(diagnostics.main)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        given = self._task.args.get("rules") or []
        try:
            texts = with_own_rules([given] if isinstance(given, str) else given)
        except SalvageError as exc:
            return {"failed": True, "msg": str(exc), "reason": exc.reason}
        self._task.args = {**self._task.args, "rule_texts": texts}
        result = super().run(tmp, task_vars)
        with contextlib.suppress(KeyError, TypeError):
            result["invocation"]["module_args"]["rule_texts"] = None  # they are long, and the collection's own
        return result
