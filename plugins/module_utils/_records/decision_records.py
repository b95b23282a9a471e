# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed records of decisions, with the person, the reason and the evidence: written once, listed, verified.

A record is canonical JSON (sorted keys, no spaces, UTF-8), signed with an ed25519 key, or by HMAC-SHA256 where there is only a shared
secret.  Each names the hash of the one before.  The head (``chain_head``) is kept elsewhere, so that missing newest records are noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.lock import in_turn
from .._sealing.envelope import Signer
from .._sealing.hashing import canonical, digest
from .chain import Checked, check_chain, head_of, refuse_broken
from .chain_head import Head, head_document, read_head
from .signed_document import sign_document

_SUFFIX = ".decision.json"
_MAX = 4 * 1024 * 1024
_SAME = ("decision", "provider", "who", "why", "reference")


@dataclass(frozen=True)
class Written:
    """``differs``: parts of a record of the same decision that was there already, and has other content."""

    file: str
    record: dict[str, Any]
    new: bool
    head: Head
    differs: tuple[str, ...] = ()


def identity(record: Mapping[str, Any]) -> str:
    """The id of a record, from all of its content."""
    return digest(canonical({key: value for key, value in record.items() if key not in {"id", "previous"}}))[:16]


def write_record(
    folder: str,
    record: Mapping[str, Any],
    key: Signer,
    head_file: Path,
    *,
    accepted: Mapping[str, Signer] | None = None,
    dry_run: bool = False,
) -> Written:
    """The same decision (``_SAME``) is recorded once.  Nothing is added to records that are not verified.  Raises SalvageError.

    ``accepted``: keys of earlier records, by their ids.
    """
    keys = {**(accepted or {}), key.key_id: key}
    place = Path(folder)
    try:
        if not dry_run:
            make_private(place)
            make_private(head_file.parent)
        elif not place.is_dir():
            refuse_broken([], read_head(head_file, keys), folder, head_file)
            whole = _next(record, None)
            return Written(str(place / f"{1:06d}-{whole['id']}{_SUFFIX}"), whole, True, Head(0, ""))
        with in_turn(place):  # two runs must not both follow the same record
            found = verify(folder, keys)
            kept = read_head(head_file, keys)
            refuse_broken(found, kept, folder, head_file)
            differs: tuple[str, ...] = ()
            known = next((item for item in found if all(item.record.get(name) == record.get(name) for name in _SAME)), None)
            new = known is None
            if known is None:
                whole = _next(record, found[-1].digest if found else None)
                data = json.dumps(sign_document("record", whole, key), indent=2, sort_keys=True).encode() + b"\n"
                known = Checked(f"{len(found) + 1:06d}-{whole['id']}{_SUFFIX}", whole, "", digest(data))
                if not dry_run:
                    write_whole(place / known.name, data, create_only=True)
                    found.append(known)
            else:
                differs = tuple(name for name in ("details", "evidence") if known.record.get(name) != record.get(name))
            head = head_of(found)
            if not dry_run and head != kept:
                write_whole(head_file, head_document(head, key))
            return Written(str(place / known.name), known.record, new, head, differs)
    except (OSError, ValueError, KeyError) as exc:
        raise SalvageError(f"the decision can't be recorded in {folder}: {exc}", reason="bad_input") from None


def _next(record: Mapping[str, Any], previous: str | None) -> dict[str, Any]:
    return {**record, "id": identity(record), "previous": previous}


def verify(folder: str, keys: Mapping[str, Signer]) -> list[Checked]:
    """All records of the folder, oldest first; ``keys`` by their ids.  Raises SalvageError(not_found)."""
    place = Path(folder)
    if not place.is_dir():
        raise SalvageError(f"there is no folder {folder} with decision records", reason="not_found")
    return check_chain(map(_entry, sorted(place.glob(f"*{_SUFFIX}"))), keys, _own_problem, what="a decision record")


def _entry(path: Path) -> tuple[str, bytes]:
    try:
        return path.name, path.read_bytes() if path.is_file() and path.stat().st_size <= _MAX else b""
    except OSError:
        return path.name, b""


def _own_problem(name: str, record: Mapping[str, Any]) -> str:
    fits = record.get("id") == identity(record) and name == f"{name[:6]}-{record['id']}{_SUFFIX}"
    return "" if fits else "its id does not fit its content"
