# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident as a module's result shows it.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from .._core.errors import SalvageError
from .._core.times import iso
from .duties import checklist
from .model import Incident


@contextmanager
def as_recorded(name: str) -> Iterator[None]:
    """Raises SalvageError(invalid) where a record was written by hand and is not what this collection writes."""
    try:
        yield
    except (TypeError, AttributeError, KeyError, ValueError, IndexError, ArithmeticError) as exc:
        sentence = f"the record of the incident {name} has what this collection does not write ({type(exc).__name__}: {exc}); look at it"
        raise SalvageError(sentence, reason="invalid") from None


def view(incident: Incident) -> dict[str, Any]:
    duties = [{**asdict(duty), "starts_at": iso(duty.starts_at), "deadline": iso(duty.deadline)} for duty in checklist(incident)]
    return {**incident.to_dict(), "duties": duties}
