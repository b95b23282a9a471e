# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a chain of records: how many there are and the hash of the newest.

A chain alone does not show that its newest records are missing.  The head does, as long as it is not where the chain is: it is kept in a
file elsewhere, and each result has it, so that it can be compared later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .._core.errors import SalvageError
from .._core.files import state_folder
from .._core.json_values import load_json
from .._sealing.envelope import Signer
from .._sealing.hashing import digest
from .signed_document import problem_of, sign_document


@dataclass(frozen=True)
class Head:
    """``digest`` is empty for no record, or where only the count is known; ``count`` is 0 where only the digest is known."""

    count: int
    digest: str

    def to_dict(self) -> dict[str, int | str]:
        return asdict(self)


def default_head_file(folder: str) -> Path:
    """In the state folder of the user, not in the folder of the records."""
    return head_file_of(str(Path(folder).resolve()))


def head_file_of(place: str, folder: str | None = None) -> Path:
    """By a name for where the records are; in the state folder of the user, if no other is given."""
    return (Path(folder) if folder else state_folder() / "heads") / f"{digest(place.encode())[:16]}.json"


def end_problem(digests: Sequence[str], head: Head) -> str:
    """What the records lack of a chain that once had this head; it may have grown since."""
    if head.count > len(digests):
        return f"there are {len(digests)} records and there were {head.count}, so the newest are missing"
    if head.digest and head.digest not in (digests[head.count - 1 : head.count] if head.count else digests):
        return f"the record {head.digest[:16]} that was the newest one is not in its place"
    return ""


def head_document(head: Head, key: Signer | None) -> bytes:
    return json.dumps(sign_document("head", head.to_dict(), key), indent=2, sort_keys=True).encode() + b"\n"


def read_head(path: Path, keys: Mapping[str, Signer] | None) -> Head | None:
    """None if there is no such file.  Raises SalvageError(invalid) for one that none of the keys signed."""
    try:
        document = load_json(path.read_bytes().decode(), strict=True)
        problem = problem_of("head", document, keys)
        head = Head(int(document["head"]["count"]), str(document["head"]["digest"]))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SalvageError(f"the head of the records can't be read from {path}: {exc.strerror}", reason="bad_input") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SalvageError):
        problem = "it is not one"
    if problem:
        raise SalvageError(f"{path} is not the head of these records: {problem}", reason="invalid")
    return head
