# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the Secrets in the files of a bundle, or of a folder that someone else made.  Pure."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.credential_values import is_placeholder
from .objects import load_nested

_GZIP = b"\x1f\x8b\x08"
_LONGEST = 1 << 30  # bytes of one unpacked file
# The data of a Secret as YAML has it; nothing else of YAML is needed here.
_FIELD = re.compile(r"^([ \t]*)(data|stringData):[ \t]*\r?\n((?:\1[ \t]+[^\n]*(?:\n|\Z))+)", re.MULTILINE)
_ENTRY = re.compile(r"^[ \t]+[^\s:#][^\n:]*:[ \t]*[\"']?([^\s|>\"'][^\n]*?)[\"']?[ \t]*\r?$", re.MULTILINE)


def values_of_secrets(objects: Iterable[Any]) -> Iterator[bytes]:
    """The values in the Secrets among these objects, which can be lists of objects."""
    for obj in objects:
        if not isinstance(obj, Mapping):
            continue
        if isinstance(obj.get("items"), list):
            is_secrets = obj.get("kind") == "SecretList"
            yield from values_of_secrets(
                {"kind": "Secret", **one} if is_secrets and isinstance(one, Mapping) else one for one in obj["items"]
            )
        elif obj.get("kind") == "Secret":
            for field in ("data", "stringData"):
                values = obj.get(field)
                for value in values.values() if isinstance(values, Mapping) else ():
                    if isinstance(value, str) and not is_placeholder(value):  # of a bundle that is redacted already
                        yield _decoded(value) if field == "data" else value.encode(errors="surrogatepass")


def secret_values_in(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """The values of the Secrets that are in files of JSON or YAML."""
    for data in map(unpacked, files.values()):
        if b"Secret" not in data:
            continue
        text = data.decode(errors="replace")
        whole = load_nested(text)
        if whole is not None:
            yield from values_of_secrets(whole if isinstance(whole, list) else [whole])
        elif "kind: Secret" in text:
            for field in _FIELD.finditer(text):
                for entry in _ENTRY.finditer(field[3]):
                    yield _decoded(entry[1]) if field[2] == "data" else entry[1].encode()
        else:
            yield from values_of_secrets(filter(None, (load_nested(line) for line in text.splitlines() if '"Secret' in line)))


def unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _LONGEST)
    except zlib.error:
        return data


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return value.encode(errors="surrogatepass")
