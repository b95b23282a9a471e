# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: with what it found, or with one sentence."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError, conclude


class End(BaseException):
    pass


class Module:
    def exit_json(self, **result: Any) -> NoReturn:
        raise End("exit", result)

    def fail_json(self, **result: Any) -> NoReturn:
        raise End("fail", result)


def refuse() -> dict[str, Any]:
    raise SalvageError("there is no such Service", reason="not_found")


@pytest.mark.parametrize(
    ("work", "end", "result"),
    [
        (lambda: {"changed": True}, "exit", {"changed": True}),
        (lambda: {"changed": True, "failed": True, "msg": "no"}, "fail", {"changed": True, "failed": True, "msg": "no"}),
        (refuse, "fail", {"msg": "there is no such Service", "reason": "not_found"}),
    ],
)
def test_a_module_ends_once_with_all_that_it_knows(work: Any, end: str, result: dict[str, Any]) -> None:
    with pytest.raises(End) as caught:
        conclude(Module(), work)
    assert caught.value.args == (end, result)


def test_what_is_no_refusal_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        conclude(Module(), lambda: {"changed": 1 // 0})
