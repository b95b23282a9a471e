# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alert_response_info, in Ansible's own process where it runs on the controller."""

from __future__ import annotations

from ansible_collections.euystacio.meta_salvage.plugins.modules import alert_response_info
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.local import LocalAction


class ActionModule(LocalAction):
    """The module of the same name."""

    main = staticmethod(alert_response_info.main)
