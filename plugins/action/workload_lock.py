# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module workload_lock, with who runs Ansible."""

from __future__ import annotations

from ansible_collections.euystacio.meta_salvage.plugins.modules import workload_lock
from ansible_collections.euystacio.meta_salvage.plugins.plugin_utils.run_identity import KnowsItsRun


class ActionModule(KnowsItsRun):
    """The module of the same name."""

    main = staticmethod(workload_lock.main)
