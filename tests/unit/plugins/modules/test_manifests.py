# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.modules import manifests


def test_definitions_are_not_logged_and_the_names_in_them_are_not_hidden(run_module: Any) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "stringData": {"pin": 2026}}
    result = run_module(manifests, definitions=[secret], kubeconfig="/nowhere/config")
    assert result["msg"] == "definitions, line 1: stringData.pin of Secret app is not text; put it in quotes"
    assert result["reason"] == "bad_input"
    assert "2026" not in str(result)
