# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPA's decision log, record by record, out of whatever carries it.

Pure: from pieces of bytes to records.  A container's log mixes decision records with server lines, the kubelet may put a time stamp or
a CRI prefix before each and splits long ones, rotation cuts the first and the last.  OPA's own uploads are gzipped JSON arrays.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..._core.times import rfc3339
from ..._opa.decide import decide_result, lookup, unknown
from ..._opa.model import REQUIRED_INPUT, Decision

MAX_LINE = 4 * 1024 * 1024
MAX_ARRAY = 64 * 1024 * 1024
_CRI = re.compile(rb"^\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::\S+)? ")
_PREFIX = re.compile(rb"^[^{]{0,300}?(?=\{\")")
MAX_NAME = 200
PROVIDER_FIELDS = ("provider.id", "provider.provider_id", "provider_id", "provider.name")
MASKED = "(masked)"
NAMELESS = "(not named)"


@dataclass
class Reading:
    """What was read, and what could not be: a summary must say both."""

    bytes: int = 0
    lines: int = 0
    records: int = 0
    other: int = 0
    cut: int = 0
    broken: int = 0
    too_long: int = 0
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass
class _Parts:
    """A line that comes in parts; of one that is too long only the size is kept."""

    held: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= MAX_LINE:
            self.held.append(part)
        else:
            self.held.clear()


def inflate(pieces: Iterable[bytes], reading: Reading) -> Iterator[bytes]:
    """The pieces as they are, or unzipped where they are gzip (also several members, also cut off)."""
    source = iter(pieces)
    head = b""
    while len(head) < 2:
        piece = next(source, None)
        if piece is None:
            if head:
                yield head
            return
        head += piece
    if head[:2] != b"\x1f\x8b":
        yield head
        yield from source
        return
    unzip = zlib.decompressobj(wbits=31)
    data: bytes | None = head
    while data is not None:
        try:
            yield (out := unzip.decompress(data, 1 << 20))
            rest = unzip.unconsumed_tail
            while rest or len(out) == 1 << 20:  # bounded pieces, however well it was packed
                yield (out := unzip.decompress(rest, 1 << 20))
                rest = unzip.unconsumed_tail
        except zlib.error as exc:
            reading.problems.append(f"the gzip data is damaged: {exc}")
            return
        if unzip.eof:
            data = unzip.unused_data.lstrip(b"\0") or next(source, None)
            unzip = zlib.decompressobj(wbits=31)
        else:
            data = next(source, None)
            if data is None:
                reading.problems.append("the gzip data is cut off; what came before is counted")


def split(pieces: Iterable[bytes], reading: Reading) -> Iterator[tuple[bytes, bool]]:
    """Lines of bounded length, each with whether it ended in a newline.  Longer ones are skipped and counted."""
    held: list[bytes] = []
    size = 0
    limit = MAX_LINE
    skipping = False
    for piece in pieces:
        reading.bytes += len(piece)
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            if skipping or size + end - start > limit:
                reading.too_long += 1
            elif held:
                held.append(piece[start:end])
                yield b"".join(held), True
            else:
                yield piece[start:end], True
            held, size, skipping, limit = [], 0, False, MAX_LINE
            start = end + 1
        if start < len(piece) and not skipping:
            if not held and piece[start : start + 1] == b"[":
                limit = MAX_ARRAY  # an upload of OPA's is one line, and an array
            held.append(piece[start:])
            size += len(piece) - start
            if size > limit:
                held, size, skipping = [], 0, True
    if skipping:
        reading.too_long += 1
    elif held:
        yield b"".join(held), False


def read_records(pieces: Iterable[bytes], reading: Reading) -> Iterator[dict[str, Any]]:
    """The decision records of one source.  Never raises for what the source holds."""
    partial: dict[bytes, _Parts] = {}
    first = True
    for line, whole in split(inflate(pieces, reading), reading):
        reading.lines += 1
        was_first, first = first, False
        if line[:1] != b"{" and line[:2] != b"[{":
            cri = _CRI.match(line)
            if cri:
                parts = partial.setdefault(cri[1], _Parts())
                parts.add(line[cri.end() :])
                if cri[2] == b"P":
                    continue
                del partial[cri[1]]
                if parts.size > MAX_LINE:
                    reading.too_long += 1
                    continue
                line = b"".join(parts.held)
            else:
                line = _PREFIX.sub(b"", line.strip(), count=1)
        try:
            found = json.loads(line) if line[:1] in (b"{", b"[") else None
        except (ValueError, RecursionError):
            if not whole or was_first:  # rotation cuts there
                reading.cut += 1
            elif b"decision_id" in line:
                reading.broken += 1
            else:
                reading.other += 1
            continue
        if found is None:
            if (was_first and b'"decision_id":' in line) or (not whole and line.strip()):
                reading.cut += 1
            elif line.strip():
                reading.other += 1
            continue
        for item in found if isinstance(found, list) else (found,):
            if (
                isinstance(item, dict)
                and isinstance(item.get("decision_id"), str)
                and ("result" in item or "input" in item or "path" in item)
            ):
                reading.records += 1
                yield item
            else:
                reading.other += 1
    for _left in partial:
        reading.cut += 1


def timestamp(text: object) -> float | None:
    """Seconds of an RFC 3339 time stamp, None if the text is not one."""
    found = rfc3339(text)
    return None if found is None else found / 1e9


def hidden(record: dict[str, Any]) -> tuple[str, ...]:
    """The JSON pointers that OPA erased or masked in this record."""
    found: list[str] = []
    for name in ("erased", "masked"):
        value = record.get(name)
        if isinstance(value, list):
            found += [item for item in value if isinstance(item, str)]
    return tuple(found)


def touches(pointers: Iterable[str], dotted: str) -> bool:
    """Whether one of the pointers hides ``input.<dotted>``, something in it or something around it."""
    target = "/input/" + dotted.replace(".", "/")
    return any(p == target or target.startswith(p.rstrip("/") + "/") or p.startswith(target + "/") for p in pointers)


def provider_of(record: dict[str, Any], fields: Iterable[str] = PROVIDER_FIELDS, pointers: tuple[str, ...] = ()) -> str:
    """The provider that the decision is about; a masked name is never shown, whatever stands in its place."""
    document = record.get("input")
    masked = False
    for name in fields:
        if pointers and touches(pointers, name):
            masked = True
            continue
        value = lookup(document, name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:MAX_NAME]
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 4711.0 is the number 4711 in JSON, and OPA writes it so
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
            return str(value)
    return MASKED if masked else NAMELESS


def record_path(record: dict[str, Any]) -> str:
    path = record.get("path")
    return path.strip("/").removeprefix("v1/data/") if isinstance(path, str) else ""


def decision_of(record: dict[str, Any], *, required: Iterable[str] = REQUIRED_INPUT) -> Decision:
    """What was decided.  An undefined or failed evaluation did not allow, and does not count as a deny of the policy."""
    path = record_path(record)
    error = record.get("error")  # an object in OPA 0.58, a text in 1.x
    if error:
        text = error.get("message") or error.get("code") if isinstance(error, dict) else error
        return unknown(f"the evaluation failed: {text}", path=path)
    if "result" not in record:
        if any(p == "/result" for p in hidden(record)):
            return unknown("the result is masked in the log", path=path)
        return unknown("undefined: the record has no result", path=path)
    return decide_result(record["result"], path=path)


def revision_of(record: dict[str, Any]) -> str:
    """The policy's revision in the record: of its bundles, or of a label; '' if it has none."""
    bundles = record.get("bundles")
    if isinstance(bundles, dict):
        names = [f"{b.get('revision')}" for b in bundles.values() if isinstance(b, dict) and b.get("revision")]
        if names:
            return "+".join(sorted(names))[:200]
    labels = record.get("labels")
    value = labels.get("policy_revision") if isinstance(labels, dict) else None
    return value[:200] if isinstance(value, str) else ""


def whole_input(record: dict[str, Any], pointers: tuple[str, ...], fields: Iterable[str] = REQUIRED_INPUT) -> bool:
    """Whether the record's input is what OPA saw, as far as ``fields`` go: only such a record can be replayed."""
    if "input" not in record:
        return False
    return not pointers or not any(p in {"/input", ""} or touches((p,), name) for p in pointers for name in fields)
