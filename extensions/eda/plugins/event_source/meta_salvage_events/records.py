# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the journal: a checksum, a space, JSON. Pure: what a line means, not where it is."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

VERSION = 1
LONGEST = 4 * 1024 * 1024


def encode(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> dict[str, Any] | None:
    """None where the line is not what was written: cut off, or changed on the disk."""
    if not line.endswith(b"\n") or len(line) < 12 or len(line) > LONGEST or line[8:9] != b" ":
        return None
    text = line[9:-1]
    if line[:8] != b"%08x" % zlib.crc32(text):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("is"), str) else None


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines, the ends of lines included; of one that is too long to be a record, parts that are none."""
    return iter(lambda: stream.readline(LONGEST + 1), b"")
