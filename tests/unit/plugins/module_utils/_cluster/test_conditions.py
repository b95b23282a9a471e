# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.conditions import established


def having(kind: str, status: str = "True") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status}]}


def test_a_definition_is_established_when_the_server_says_so() -> None:
    assert established({"status": having("Established")})
    assert not established({"status": having("Established", "False")})
    assert not established({})
