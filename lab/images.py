# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images made of static binaries: a docker-archive that `ctr images import` reads. No registry, no builder."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import tarfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import build
from .common import CACHE, LabError, run
from .versions import Image, Versions

IMAGES = CACHE / "images"
SHELL_NAMES = [
    "sh",
    "cat",
    "ls",
    "tar",
    "wget",
    "gzip",
    "find",
    "du",
    "ps",
    "env",
    "sleep",
    "kill",
    "head",
    "tail",
    "grep",
    "rm",
    "mkdir",
    "nslookup",
    "sha256sum",
]
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class File:
    """A file of an image: bytes or a path to copy from, or a link."""

    data: bytes | None = None
    source: Path | None = None
    link: str | None = None
    mode: int = 0o644


def layer(files: Mapping[str, File]) -> bytes:
    """One layer: the same files give the same bytes, so the digest is the content's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders = {"tmp": 0o1777}
        for name in files:
            for parent in Path(name).parents:
                if parent != Path():
                    folders.setdefault(parent.as_posix(), 0o755)
        for folder, mode in sorted(folders.items()):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, file in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.mode = file.mode
            if file.link is not None:
                entry.type, entry.linkname = tarfile.SYMTYPE, file.link
                tar.addfile(entry)
                continue
            data = file.data if file.data is not None else Path(file.source or "").read_bytes()
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def archive(reference: str, content: bytes, entrypoint: str, architecture: str = "amd64") -> bytes:
    """A docker-archive of one image with one layer."""
    digest = hashlib.sha256(content).hexdigest()
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": EPOCH,
            "config": {"Entrypoint": [entrypoint], "Env": ["PATH=/bin"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
            "history": [{"created": EPOCH, "created_by": "meta-salvage lab"}],
        },
        sort_keys=True,
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    layer_name = digest + ".tar"  # containerd locks by this name: were it the same in all archives, imports would wait for each other
    manifest = json.dumps([{"Config": config_name, "RepoTags": [reference], "Layers": [layer_name]}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in (("manifest.json", manifest), (config_name, config), (layer_name, content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def reference(image: Image, version: str) -> str:
    return f"localhost/{image.name}:{version}"


def placeholder(name: str) -> str:
    """IMAGE_PROMETHEUS_OPERATOR for prometheus-operator, as the manifests write it."""
    return "IMAGE_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


@dataclass(frozen=True)
class Built:
    reference: str
    archive: Path


def build_all(versions: Versions, debian: Path, names: Collection[str] | None = None) -> dict[str, Built]:
    """All images, or the named ones."""
    return {name: build_one(versions, image, debian) for name, image in versions.images.items() if names is None or name in names}


def build_one(versions: Versions, image: Image, debian: Path) -> Built:
    """Makes an image if the cache has none of the same ingredients. Its tag is the version and a digest of the ingredients."""
    files = ingredients(versions, image, debian)
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        # The cache's folders are named by content, so the path of a source is as good as its bytes, and much faster.
        digest.update(repr((name, str(file.source), file.data, file.link, file.mode)).encode())
    version = next((module.version for module in versions.modules.values() if image.binary in module.binaries), "debian")
    tag = f"{version}-{digest.hexdigest()[:8]}"
    path = IMAGES / f"{image.name}-{tag}.tar"
    name = reference(image, tag)
    if path.exists():
        path.touch()  # in use: not one of the old ones that are removed below
    else:
        IMAGES.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(archive(name, layer(files), image.entrypoint, _architecture()))
        partial.rename(path)
        for older in IMAGES.glob("*.tar"):
            if older.stat().st_mtime < time.time() - 86400:  # another process may be reading a younger one
                older.unlink()
    return Built(name, path)


def ingredients(versions: Versions, image: Image, debian: Path) -> dict[str, File]:
    files = {
        "etc/passwd": File(data=b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
        "etc/group": File(data=b"root:x:0:\nnobody:x:65534:\n"),
    }
    program = build.binary(versions, image.binary) if image.binary else debian / str(image.debian)
    files[image.entrypoint.lstrip("/")] = File(source=program, mode=0o755)
    if image.debian:
        files |= {path.lstrip("/"): File(source=Path(path), mode=0o755) for path in libraries(program)}
    if image.shell:
        files["bin/busybox"] = File(source=debian / "bin/busybox", mode=0o755)
        files |= {f"bin/{name}": File(link="busybox") for name in SHELL_NAMES}
    if image.files:
        folder = debian if image.debian else next(module.folder for module in versions.modules.values() if image.binary in module.binaries)
        files |= {target: File(data=(folder / source).read_bytes()) for source, target in image.files.items()}
    return files


def libraries(program: Path) -> list[str]:
    """The shared libraries of a dynamically linked program, as the machine's loader finds them."""
    found = re.findall(r"(?:=> |^\s*)(/\S+) \(0x", run(["ldd", program]), re.MULTILINE)
    if not found:
        raise LabError(f"ldd finds no libraries of {program}; it is no dynamically linked program of this machine.")
    return found


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
