# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed records of decisions, with the person, the reason and the evidence: written once, listed, verified.

A record is canonical JSON (sorted keys, no spaces, UTF-8), signed with an ed25519 key, or sealed by HMAC-SHA256 where there is only a
shared secret.  Each names the hash of the one before, so that a record that was taken away is missed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._sealing.envelope import Signer
from .._sealing.hashing import canonical, digest

_SUFFIX = ".decision.json"
_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Checked:
    """A record of the folder.  ``problem`` is empty where its signature is good and the one before is there."""

    name: str
    record: dict[str, Any]
    problem: str

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.name, "verified": not self.problem, "problem": self.problem, "record": self.record}


def identity(record: Mapping[str, Any]) -> str:
    """The id of a decision: the same decision, provider, person, reason and reference have the same id."""
    return digest(canonical({key: record.get(key) for key in ("decision", "provider", "who", "why", "reference")}))[:16]


def write_record(folder: str, record: Mapping[str, Any], key: Signer, *, dry_run: bool = False) -> tuple[str, dict[str, Any], bool]:
    """(file, record, whether it is new).  The same decision on the same evidence is recorded once.  Raises SalvageError."""
    name = identity(record)
    place = Path(folder)
    try:
        if not dry_run:
            make_private(place)
        elif not place.is_dir():
            return str(place / f"{name}{_SUFFIX}"), {**record, "id": name}, True
        lock = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two runs must not both follow the same record
            known = _files(place)
            for path in known:
                if path.name.endswith(f"-{name}{_SUFFIX}"):
                    return str(path), dict(json.loads(path.read_bytes())["record"]), False
            previous = digest(known[-1].read_bytes()) if known else None
            whole = {**record, "id": name, "previous": previous}
            signature = base64.b64encode(key.sign(canonical(whole))).decode()
            text = json.dumps(
                {"record": whole, "signature": {"algorithm": key.algorithm, "key_id": key.key_id, "value": signature}},
                indent=2,
                sort_keys=True,
            )
            target = place / f"{len(known) + 1:06d}-{name}{_SUFFIX}"
            if not dry_run:
                write_whole(target, text.encode() + b"\n", create_only=True)
            return str(target), whole, True
        finally:
            os.close(lock)
    except (OSError, ValueError, KeyError) as exc:
        raise SalvageError(f"the decision can't be recorded in {folder}: {exc}", reason="bad_input") from None


def _files(place: Path) -> list[Path]:
    return sorted(place.glob(f"*{_SUFFIX}"))


def verify(folder: str, keys: Mapping[str, Signer]) -> list[Checked]:
    """All records of the folder, oldest first; ``keys`` by their ids.  Raises SalvageError(not_found)."""
    place = Path(folder)
    if not place.is_dir():
        raise SalvageError(f"there is no folder {folder} with decision records", reason="not_found")
    found: list[Checked] = []
    previous: str | None = None
    for number, path in enumerate(_files(place), start=1):
        data = b""
        record: dict[str, Any] = {}
        try:
            if path.stat().st_size <= _MAX:
                data = path.read_bytes()
            document = json.loads(data)
            record = document["record"]
            problem = _problem(document, keys)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            problem = "it is not a decision record"
        if not problem and record.get("previous") != previous:
            problem = "the record before it was changed or taken away"
        elif not problem and not path.name.startswith(f"{number:06d}-"):
            problem = "a record before it was taken away"
        found.append(Checked(path.name, record if isinstance(record, dict) else {}, problem))
        previous = digest(data)
    return found


def _problem(document: Mapping[str, Any], keys: Mapping[str, Signer]) -> str:
    signature = document["signature"]
    key = keys.get(signature["key_id"])
    if key is None or key.algorithm != signature["algorithm"]:
        return f"it is signed with another key ({str(signature['key_id'])[:32]})"
    if not key.verifies(canonical(document["record"]), base64.b64decode(signature["value"], validate=True)):
        return "its signature does not fit its content"
    return "" if document["record"].get("id") == identity(document["record"]) else "its id does not fit its content"
