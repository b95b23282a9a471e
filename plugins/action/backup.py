# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module backup, shown while it works."""

from __future__ import annotations

from ansible_collections.euystacio.meta_salvage.plugins.modules import backup
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.live import LiveAction


class ActionModule(LiveAction):
    """The module of the same name."""

    main = staticmethod(backup.main)
