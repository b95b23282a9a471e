# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle as one file: the same files give the same bytes, and it has its name only when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .._core.errors import SalvageError
from .._core.files import make_private, whole_file
from .._sealing import age
from .bundle import FOLDER, Bundle

_GZIP = 31  # zlib's number for its largest window in gzip's wrapping
INDEX = "index.json"


class _Counted:
    """A stream that knows how much went through it, and its hash."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.size, self.sha = stream, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.sha.update(data)
        return self._stream.write(data)


def _zstd() -> Any:
    """A packer of zstd, or None where neither Python nor a library has one."""
    with contextlib.suppress(ImportError):
        return importlib.import_module("compression.zstd").ZstdCompressor()
    with contextlib.suppress(ImportError):
        return importlib.import_module("zstandard").ZstdCompressor().compressobj()
    return None


def check_format(form: str, recipients: Iterable[str]) -> list[Any]:
    """The keys to encrypt to.  Raises SalvageError before anything is read: bad_input, missing_library."""
    if form == "tar.zst" and list(recipients):
        raise SalvageError("format: an encrypted bundle is a tar.gz inside; leave out format, or recipients", reason="bad_input")
    if form == "tar.zst" and _zstd() is None:
        raise SalvageError(
            "format: tar.zst needs Python 3.14, or the Python library zstandard where the module runs; install it, or take tar.gz",
            reason="missing_library",
        )
    return age.recipients(list(recipients)) if list(recipients) else []


def file_of(path: str, name: str, form: str, encrypted: bool, stamp: str) -> Path:
    """The file to write: ``path``, or a name of its own in the folder that ``path`` is."""
    where = Path(path)
    if where.is_dir() or path.endswith("/"):
        safe = "".join(c if c.isalnum() or c in "-." else "_" for c in name).strip(".") or "cluster"
        where = where / f"diagnostics-{safe}-{stamp}-{os.urandom(2).hex()}.{form}{'.age' if encrypted else ''}"
    return where


def make_room(where: Path) -> None:
    """The folder of the file, seen to be one that can be written.  Raises SalvageError(bad_input)."""
    try:
        make_private(where.parent)
        with tempfile.TemporaryFile(dir=where.parent):
            pass
    except OSError as exc:
        raise SalvageError(
            f"path: nothing can be written to the folder {where.parent}: {exc.strerror or exc}; choose another", reason="bad_input"
        ) from None


def index_of(head: Mapping[str, Any], collectors: list[dict[str, Any]], bundle: Bundle) -> bytes:
    files = {path: {"bytes": bundle.held(path).size, "sha256": bundle.held(path).sha256} for path in bundle if path != INDEX}
    return json.dumps({"format": 1, **head, "collectors": collectors, "files": files}, indent=1, ensure_ascii=False).encode(
        errors="replace"
    )


def folder_of(where: Path) -> str:
    """The folder that the archive unpacks to, by the name of its file."""
    stem = where.name.partition(".tar")[0]
    return stem if stem.startswith(FOLDER) else f"{FOLDER}-{stem}"


def tarred(bundle: Bundle, folder: str = FOLDER) -> Iterator[bytes]:
    """The files, sorted, of nobody and of no time."""
    for path in bundle:
        info = tarfile.TarInfo(f"{folder}/{path}")
        info.size, info.mode = bundle.held(path).size, 0o600
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield bundle[path]
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def write_bundle(bundle: Bundle, where: Path, form: str, keys: list[Any], folder: str = FOLDER) -> tuple[int, str]:
    """Size and hash of the file that was written.  Raises SalvageError(bad_input); then there is none that was not there before."""
    try:
        with whole_file(where) as stream:
            counted = _Counted(stream)
            if keys:
                age.encrypt(tarred(bundle, folder), counted, keys)  # type: ignore[arg-type]
            else:
                packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP) if form == "tar.gz" else _zstd()
                for piece in tarred(bundle, folder):
                    counted.write(packer.compress(piece))
                counted.write(packer.flush())
    except OSError as exc:
        raise SalvageError(
            f"the bundle can't be written to {where}: {exc.strerror or exc}; make room, or choose another path", reason="bad_input"
        ) from None
    return counted.size, counted.sha.hexdigest()
