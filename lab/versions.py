# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file of versions, and the names that builds and images get from it. Pure but for reading files of the checkout."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .common import LAB


@dataclass(frozen=True)
class Module:
    """A Go module of the lab and what is built from it."""

    name: str
    version: str
    folder: Path
    binaries: dict[str, str]
    seconds: float
    module: str | None = None
    links: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ldflags(self) -> str:
        flags = "-s -w"
        if self.module == "k8s.io/kubernetes":
            major, minor = self.version.lstrip("v").split(".")[:2]
            at = "k8s.io/component-base/version"
            flags += f" -X {at}.gitVersion={self.version} -X {at}.gitMajor={major} -X {at}.gitMinor={minor} -X {at}.gitTreeState=clean"
        return flags

    @property
    def key(self) -> str:
        """The name of its folder in the cache: another version, source or build instruction is another folder."""
        digest = hashlib.sha256(repr((self.binaries, self.links, self.files, self.ldflags)).encode())
        for source in sorted(self.folder.rglob("*")):
            if source.name in ("go.mod", "go.sum") or (source.suffix == ".go" and not source.name.endswith("_test.go")):
                digest.update(source.relative_to(self.folder).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
        return f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True)
class Image:
    """What a container image is made of: one static binary, or one of Debian's with its libraries."""

    name: str
    binary: str | None = None
    debian: str | None = None
    entrypoint: str = ""
    shell: bool = False
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Versions:
    go: str
    modules: dict[str, Module]
    debian: list[str]
    images: dict[str, Image]


def parse(data: dict[str, Any], lab: Path = LAB) -> Versions:
    modules = {
        name: Module(name=name, folder=lab / entry.get("folder", f"go/{name}"), **{k: v for k, v in entry.items() if k != "folder"})
        for name, entry in data["modules"].items()
    }
    images = {
        name: Image(
            name=name,
            binary=entry.get("binary"),
            debian=entry.get("debian"),
            entrypoint="/bin/" + entry.get("as", name),
            shell=entry.get("shell", False),
            files=entry.get("files", {}),
        )
        for name, entry in data["images"].items()
    }
    return Versions(go=data["go"], modules=modules, debian=data["debian"], images=images)


def load() -> Versions:
    return parse(json.loads((LAB / "versions.json").read_text(encoding="utf-8")))


def go_mod_version(go_mod: str, module: str) -> str | None:
    """The version of a module that a go.mod requires."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    return found.group(1) if found else None


def at_least(version: str, wanted: str) -> bool:
    """Whether a dotted version is the wanted one or newer."""

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", text)[:3]]

    return numbers(version) >= numbers(wanted)
