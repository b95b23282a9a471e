# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest may not bring: the names, labels and annotations in which the modules note what they found.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .proofs import RESERVED
from .workload import PREFIX


def reserved_in(obj: Any) -> str:
    """What of an object, of the templates in it or of the items of a List is ours ("annotation NAME", "name NAME"); empty if nothing is."""
    return next(_problems(obj), "")


def _problems(obj: Any) -> Iterator[str]:
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
