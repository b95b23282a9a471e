# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules run programs: arguments reach a program as they are written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def literal(run_command: Callable[..., T]) -> Callable[..., T]:
    """A module's ``run_command`` that replaces neither ``$NAME`` nor ``~`` in arguments, as Ansible's does by default."""
    return functools.partial(run_command, expand_user_and_vars=False)
