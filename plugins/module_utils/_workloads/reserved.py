# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest may not bring: the names, labels and annotations in which the modules note what they found.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .proofs import RESERVED
from .workload import PREFIX


def refuse_reserved(objects: Iterable[Any]) -> None:
    """Raises SalvageError(bad_input) for the first object of a manifest that uses what is ours."""
    for obj in objects:
        problem = next(_problems(obj), None)
        if problem:
            metadata = obj.get("metadata") if isinstance(obj, Mapping) else None
            name = metadata.get("name") if isinstance(metadata, Mapping) else None
            kind = obj.get("kind") if isinstance(obj, Mapping) else None
            raise SalvageError(
                f"{kind or 'an object'} {shown(name or '')} in the manifest has the {problem}, which is reserved for what the modules "
                "record; remove it from the manifest",
                reason="bad_input",
            )


def _problems(obj: Any) -> Iterator[str]:
    """Of an object, of the templates in it and of the items of a List."""
    if isinstance(obj, list):
        for item in obj:
            yield from _problems(item)
    elif isinstance(obj, Mapping):
        metadata = obj.get("metadata")
        if isinstance(metadata, Mapping):
            yield from _of_metadata(metadata)
        for field, value in obj.items():
            if field not in {"metadata", "data", "stringData", "binaryData"}:
                yield from _problems(value)


def _of_metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    for field in ("labels", "annotations"):
        keys = metadata.get(field)
        yield from (f"{field[:-1]} {key}" for key in (keys if isinstance(keys, Mapping) else {}) if str(key).startswith(PREFIX))
    for field in ("name", "generateName"):
        if str(metadata.get(field) or "").startswith(RESERVED):
            yield f"{field} {metadata[field]}"
