# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the delivery modules share."""

from __future__ import annotations

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.options import argument_spec
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.options import WorkloadOptions


def test_the_kinds_that_can_be_asked_for_hold_the_one_that_is_meant_without_one() -> None:
    kind = argument_spec(WorkloadOptions)["kind"]
    assert kind["default"] in kind["choices"]
