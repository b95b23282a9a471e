# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a container's log, in lines and bytes that are bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._core.times import iso

Ask = Callable[[Mapping[str, "str | int"]], bytes]


def latest(ask: Ask, most: int, lines: int, since: float = 0.0) -> tuple[bytes, bool]:
    """The last lines of a log, at most ``most`` bytes, and whether there were more.

    ``ask`` sends the query of ``pods/log`` and returns the body; ``since`` is a time in seconds of the epoch.  The kubelet applies
    ``limitBytes`` from the first of the lines that were asked for, so a limit alone would cut off the newest ones.
    """
    query: dict[str, str | int] = {"limitBytes": most, **({"sinceTime": iso(int(since))} if since else {})}
    cut = False
    while True:
        log = ask({**query, "tailLines": lines})
        if len(log) < most:
            return log, cut or log.count(b"\n") >= lines
        if lines == 1:
            return log, True  # one line that is longer than that
        cut, whole = True, log.count(b"\n")
        lines = max(1, min(whole or lines // 2, lines * 3 // 4))
