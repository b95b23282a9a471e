# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to Ansible's own documentation: their addresses, so that the site is built without its inventory.

Only what is listed here is foreign. Another reference that leads nowhere stays a warning.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

_ANSIBLE = "https://docs.ansible.com/ansible/latest/"
_PAGES = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
    "check_mode_dry": "playbook_guide/playbooks_checkmode.html",
    "diff_mode": "playbook_guide/playbooks_checkmode.html",
    "callback_plugins": "plugins/callback.html",
    "filter_plugins": "plugins/filter.html",
    "inventory_plugins": "plugins/inventory.html",
    "lookup_plugins": "plugins/lookup.html",
    "test_plugins": "plugins/test.html",
    "playbooks_filters": "playbook_guide/playbooks_filters.html",
    "playbooks_lookups": "playbook_guide/playbooks_lookups.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "ansible_forum": "community/communication.html",
}
_PLUGIN = re.compile(r"ansible_collections\.(?P<collection>(?:kubernetes\.core|community\.okd|ansible\.builtin))\.(?P<name>\w+)$")


def address(label: str) -> str | None:
    """Where a label of Ansible's documentation leads."""
    found = _PLUGIN.match(label)
    if found:
        return f"{_ANSIBLE}collections/{found['collection'].replace('.', '/')}/{found['name']}.html"
    return f"{_ANSIBLE}{_PAGES[label]}" if label in _PAGES else None


def resolve(_app: Any, _env: Any, node: Any, content: Any) -> nodes.reference | None:
    uri = address(str(node.get("reftarget")))
    return None if uri is None else nodes.reference("", "", content, refuri=uri, internal=False)


def setup(app: Any) -> dict[str, bool]:
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
