# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a container as the kubelet gives it."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when


class Kubelet:
    """A log as the kubelet gives it: first the tail, then from the time, then cut at the limit."""

    def __init__(self, *texts: str) -> None:
        self.lines = [f"2026-11-26T12:{n // 60:02}:{n % 60:02}.000000000Z {text}\n".encode() for n, text in enumerate(texts)]
        self.asked = 0

    def __call__(self, query: Mapping[str, str | int]) -> bytes:
        self.asked += 1
        assert self.asked < 100
        start = when(query.get("sinceTime", "1970-01-01T00:00:00Z")) or 0
        lines = [line for line in self.lines if (when(line[:30].decode()) or 0) >= start]
        tail = query.get("tailLines")
        lines = lines if tail is None else lines[-int(tail) :] if int(tail) else []
        return b"".join(lines)[: int(query["limitBytes"])]
