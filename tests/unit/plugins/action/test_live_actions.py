# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
from pathlib import Path

from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.live import LiveAction

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
ACTIONS = "ansible_collections.euystacio.meta_salvage.plugins.action"


def test_each_module_with_progress_has_an_action_that_shows_it() -> None:
    with_progress = {path.stem for path in (PLUGINS / "modules").glob("*.py") if "euystacio.meta_salvage.progress" in path.read_text()}
    actions = {path.stem: importlib.import_module(f"{ACTIONS}.{path.stem}").ActionModule for path in (PLUGINS / "action").glob("*.py")}
    assert with_progress == {name for name, action in actions.items() if issubclass(action, LiveAction)}
