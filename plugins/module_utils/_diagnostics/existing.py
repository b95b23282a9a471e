# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there already: a bundle, or any folder or archive that somebody collected; read within bounds, and redacted again."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from .._core.errors import SalvageError
from .._redaction.file_secrets import unpacked
from .._redaction.redactor import Redactor
from .bundle import FOLDER, Bundle
from .logs import readable

_MOST_FILES = 200_000
_ZSTD = b"\x28\xb5\x2f\xfd"
_AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE")


def files_in(path: Path, most: int) -> Iterator[tuple[str, bytes]]:
    """Each file of a folder or an archive; links and devices are left out.  Raises SalvageError(not_found, bad_input, too_large)."""
    size = count = 0
    for name, data in _folder(path) if path.is_dir() else _archive(path):
        size, count = size + len(data), count + 1
        if size > most or count > _MOST_FILES:
            raise SalvageError(f"{path} holds more than max_size, {most} bytes; set a larger one", reason="too_large")
        yield name, data


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for parent, folders, names in os.walk(path):
        folders.sort()
        for one in (Path(parent, name) for name in sorted(names)):
            if one.is_file() and not one.is_symlink():
                try:
                    yield one.relative_to(path).as_posix(), one.read_bytes()
                except OSError as exc:
                    raise SalvageError(f"{one} can't be read: {exc.strerror or exc}", reason="bad_input") from None


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open("rb") as file, tarfile.open(fileobj=_unpacked(file, path), mode="r|*") as archive:
            folder = None
            for entry in archive:
                if not entry.isfile():
                    continue
                name = PurePosixPath(entry.name)
                if folder is None:  # of a bundle, which is one folder; what a foreign archive has beside it keeps its name
                    folder = name.parts[0] if len(name.parts) > 1 and name.parts[0].startswith(FOLDER) else ""
                if name.is_absolute() or ".." in name.parts:
                    raise SalvageError(f"{path} is refused: a file in it would be outside of it ({entry.name!r})", reason="bad_input")
                content = archive.extractfile(entry)
                if content is not None:
                    yield (name.relative_to(folder) if name.parts[0] == folder else name).as_posix(), content.read()
    except FileNotFoundError:
        raise SalvageError(f"there is no bundle {path}; check the path on the host where the module runs", reason="not_found") from None
    except (OSError, tarfile.TarError, zlib.error, EOFError, ValueError) as exc:
        raise SalvageError(f"{path} is not a folder, nor a tar archive that can be read: {exc}", reason="bad_input") from None


def _unpacked(file: BinaryIO, path: Path) -> BinaryIO:
    head = file.read(32)
    file.seek(0)
    if head.startswith(_AGE):
        raise SalvageError(f"{path} is encrypted; decrypt it first: age -d -i KEY {path} > bundle.tar.gz", reason="bad_input")
    if not head.startswith(_ZSTD):
        return file
    with contextlib.suppress(ImportError):
        return io.BufferedReader(importlib.import_module("compression.zstd").open(file))
    with contextlib.suppress(ImportError):
        return io.BufferedReader(importlib.import_module("zstandard").ZstdDecompressor().stream_reader(file))
    raise SalvageError(f"{path} is zstd; install the Python library zstandard, or use Python 3.14", reason="missing_library")


def redact_into(bundle: Bundle, name: str, data: bytes, redactor: Redactor) -> None:
    """A file as JSON where it is, so that what is secret by its key is hidden too; else as text.  Raises SalvageError(too_large).

    What is packed with gzip is unpacked for it, and packed again.
    """
    plain = unpacked(data)
    shown = redacted_file(name if plain is data else name.removesuffix(".gz"), plain, redactor)
    bundle.add(redactor.text(name), [shown if plain is data else gzip.compress(shown, mtime=0)])


def redacted_file(name: str, data: bytes, redactor: Redactor) -> bytes:
    if name.endswith((".json", ".jsonl")):
        lines = data.splitlines() if name.endswith(".jsonl") else [data]
        with contextlib.suppress(ValueError, RecursionError):
            shown: list[Any] = [redactor.value(json.loads(line)) for line in lines]
            return b"".join(json.dumps(one, ensure_ascii=False).encode(errors="replace") + b"\n" for one in shown)
    hidden = redactor.data(data)
    if not name.endswith(".log"):
        return hidden
    text = readable(hidden)
    return text if text == hidden else redactor.data(text)
