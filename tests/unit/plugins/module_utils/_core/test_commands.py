# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.commands import literal


def test_arguments_are_not_expanded() -> None:
    def run_command(argv: list[str], **more: Any) -> tuple[list[str], dict[str, Any]]:
        return argv, more

    assert literal(run_command)(["a", "$HOME"], data="x") == (["a", "$HOME"], {"expand_user_and_vars": False, "data": "x"})
