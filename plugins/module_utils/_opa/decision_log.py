# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPA's decision log, record by record, out of whatever carries it.

Pure: from pieces of bytes to records.  A container's log mixes decision records with server lines, the kubelet may put a time stamp or
a CRI prefix before each and splits long ones, rotation cuts the first and the last.  OPA's own uploads are gzipped JSON arrays.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from .._core.times import rfc3339
from .decide import decide_result, lookup, unknown
from .log_lines import MAX_LINE, Documents, Parts, Reading, as_utf8
from .model import DENIED, REQUIRED_INPUT, Decision

MAX_ARRAY = 64 * 1024 * 1024
_CRI = re.compile(rb"^\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP])(?::\S+)? ")
_TIME = re.compile(rb"^\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d) ")
MAX_NAME = 200
PROVIDER_FIELDS = ("provider.id", "provider.provider_id", "provider_id", "provider.name")
MASKED = "(masked)"
NAMELESS = "(not named)"


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
    """The decision records of one source.  Never raises for what the source holds.

    A source that has lines and no decision, and is not a server log of OPA, is a problem: it was not understood.
    """
    understood = 0
    hint = ""
    documents = Documents(reading)
    for document in documents.read(_logical_lines(split(as_utf8(inflate(pieces, reading), reading), reading), reading)):
        for item in _unwrapped(document):
            if (
                isinstance(item, dict)
                and isinstance(item.get("decision_id"), str)
                and ("result" in item or "input" in item or "path" in item)
            ):
                reading.records += 1
                yield item
                continue
            reading.other += 1
            understood += isinstance(item, dict) and isinstance(item.get("level"), str) and isinstance(item.get("msg"), str)
    if reading.records == 0 and documents.lines and (not understood or documents.hint):
        hint = f"; it looks like {documents.hint}" if documents.hint else ""
        reading.problems.append(f"{reading.lines} lines, none of them a decision{hint}")


def _unwrapped(document: Any) -> Iterator[Any]:
    """The items of an array, and what Elasticsearch wraps around each document."""
    if isinstance(document, dict) and "decision_id" not in document:
        hits = lookup(document, "hits.hits")
        if isinstance(hits, list):
            document = hits
        elif isinstance(document.get("_source"), dict):
            document = document["_source"]
    for item in document if isinstance(document, list) else (document,):
        source = item.get("_source") if isinstance(item, dict) and "decision_id" not in item else None
        yield source if isinstance(source, dict) else item


def _logical_lines(lines: Iterable[tuple[bytes, bool]], reading: Reading) -> Iterator[tuple[bytes, bool, bool]]:
    """Lines without the time stamps and CRI prefixes, the parts of one joined; with whether each is whole, and the first."""
    partial: dict[bytes, Parts] = {}
    first = True
    for line, whole in lines:
        reading.lines += 1
        was_first, first = first, False
        if line[:1] != b"{" and line[:2] != b"[{":
            cri = _CRI.match(line)
            if cri:
                parts = partial.setdefault(cri[1], Parts())
                parts.add(line[cri.end() :])
                if cri[2] == b"P":
                    continue
                del partial[cri[1]]
                if parts.size > MAX_LINE:
                    reading.too_long += 1
                    continue
                line = b"".join(parts.held)
            else:
                line = _TIME.sub(b"", line, count=1)
        yield line, whole, was_first
    for _left in partial:
        reading.cut += 1


def timestamp(text: object) -> float | None:
    """Seconds of an RFC 3339 time stamp, None if the text is not one."""
    found = rfc3339(text)
    return None if found is None else found / 1e9


def hidden(record: dict[str, Any]) -> tuple[str, ...]:
    """The JSON pointers that OPA erased or masked in this record; the empty one, for all of it, where they can't be read."""
    found: list[str] = []
    for name in ("erased", "masked"):
        value = record.get(name)
        if value is not None:
            listed = value if isinstance(value, list) else [value]
            found += [item if isinstance(item, str) and item.startswith("/") else "" for item in listed]
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
    if error is not None:
        text = error.get("message") or error.get("code") if isinstance(error, dict) else error
        return unknown(f"the evaluation failed: {text}", path=path)
    masked = {pointer.split("/")[2] if pointer.startswith("/result/") else "" for pointer in hidden(record) if _hides_result(pointer)}
    if "" in masked or masked & {"allow", "allowed", "decision"}:
        return unknown("the result is masked in the log", path=path)
    if "result" not in record:
        return unknown("undefined: the record has no result", path=path)
    result = record["result"]
    if masked and isinstance(result, dict):
        result = {name: value for name, value in result.items() if name not in masked}
    decision = decide_result(result, path=path)
    if masked & {"deny", "violations"} and decision.status != DENIED:
        return unknown("the reasons of the result are masked in the log, so it may contradict itself", path=path)
    return decision


def _hides_result(pointer: str) -> bool:
    return pointer in {"", "/", "/result"} or pointer.startswith("/result/")


def revision_of(record: dict[str, Any]) -> str:
    """The policy's revision in the record: of its bundles, its own, or of a label; '' if it has none."""
    bundles = record.get("bundles")
    if isinstance(bundles, dict):
        names = [f"{b.get('revision')}" for b in bundles.values() if isinstance(b, dict) and b.get("revision")]
        if names:
            return "+".join(sorted(names))[:200]
    own = record.get("revision")
    if isinstance(own, str) and own:
        return own[:200]
    labels = record.get("labels")
    value = labels.get("policy_revision") if isinstance(labels, dict) else None
    return value[:200] if isinstance(value, str) else ""


def whole_input(record: dict[str, Any], pointers: tuple[str, ...]) -> bool:
    """Whether the record's input is what OPA saw: only such a record can be replayed, since a policy may read any field."""
    return "input" in record and not any(p in {"", "/", "/input"} or p.startswith("/input/") for p in pointers)
