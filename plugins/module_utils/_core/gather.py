# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many calls side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .errors import SalvageError

K = TypeVar("K")
T = TypeVar("T")
AT_ONCE = 16


def gather(calls: Mapping[K, Callable[[], T]], at_once: int = AT_ONCE) -> dict[K, T | SalvageError]:
    """Each call's answer, or the SalvageError that it raised, in the order of ``calls``; one failure never hides another answer."""

    def answer(call: Callable[[], T]) -> T | SalvageError:
        try:
            return call()
        except SalvageError as exc:
            return exc

    return dict(zip(calls, for_each(answer, calls.values(), at_once), strict=True))


def for_each(work: Callable[[K], T], items: Iterable[K], at_once: int = AT_ONCE) -> list[T]:
    """``work`` of each item, in order.  Raises what the first of the failed ones raised, after the others have ended."""
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    answers: list[Any] = [None] * len(todo)
    failures: dict[int, BaseException] = {}
    numbers, turn = iter(range(len(todo))), threading.Lock()

    def run() -> None:
        """One of the workers: each takes the next item, so that a hundred thousand of them do not wait as so many futures."""
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            try:
                answers[number] = work(todo[number])
            except BaseException as exc:
                failures[number] = exc

    with ThreadPoolExecutor(min(at_once, len(todo))) as pool:
        for _worker in range(min(at_once, len(todo))):
            pool.submit(run)
    if failures:
        raise failures[min(failures)]
    return answers
