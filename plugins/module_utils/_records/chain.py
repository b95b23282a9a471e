# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of which each names the hash of the one before: so one that was changed, moved, planted or taken away is noticed.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import load_json
from .._sealing.envelope import Signer
from .._sealing.hashing import digest
from .chain_head import Head, end_problem
from .signed_document import problem_of

DOCUMENT = "record"  # the name of the content in its signed document
_REFUSED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, SalvageError)


@dataclass(frozen=True)
class Checked:
    """A record of the chain.  ``problem`` is empty where its signature is good and the one before is there."""

    name: str
    record: dict[str, Any]
    problem: str
    digest: str

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.name, "verified": not self.problem, "problem": self.problem, "record": self.record}


def check_chain(
    entries: Iterable[tuple[str, bytes]],
    keys: Mapping[str, Signer] | None,
    own: Callable[[str, Mapping[str, Any]], str],
    *,
    what: str,
) -> list[Checked]:
    """All records in their order, from their names and bytes.  ``own`` says what is wrong with one by itself, ``what`` it should be."""
    found: list[Checked] = []
    previous: str | None = None
    for number, (name, data) in enumerate(entries, start=1):
        record: Any = {}
        try:
            document = load_json(data.decode(), strict=True)
            record = document[DOCUMENT]
            problem = problem_of(DOCUMENT, document, keys) or own(name, record)
        except _REFUSED:
            problem = f"it is not {what}"
        record = record if isinstance(record, dict) else {}
        if not problem and record.get("previous") != previous:
            problem = "the record before it was changed or taken away"
        elif not problem and not name.startswith(f"{number:06d}"):
            problem = "a record before it was taken away"
        previous = digest(data)
        found.append(Checked(name, record, problem, previous))
    return found


def head_of(found: Sequence[Checked]) -> Head:
    return Head(len(found), found[-1].digest if found else "")


def refuse_broken(found: Sequence[Checked], head: Head | None, where: str, head_file: object) -> None:
    """Raises SalvageError(invalid) for records that no new one may follow."""
    bad = next((item for item in found if item.problem), None)
    if bad:
        raise SalvageError(
            f"{bad.name} in {where} is not verified, so nothing was recorded: {bad.problem}; restore the records, or move them away"
            " and start others; records of an earlier key need that key in keys",
            reason="invalid",
        )
    missing = end_problem([item.digest for item in found], head) if head else ""
    if missing:
        raise SalvageError(
            f"the records in {where} are not complete, so nothing was recorded: {missing} ({head_file}); restore them, or remove that"
            " file if they were moved away on purpose",
            reason="invalid",
        )
