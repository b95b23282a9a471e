# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's archive, built from the files that git knows or would take: never from what lies about in the checkout.

    python3 -m tools.collection [FOLDER]    build it there (default: the checkout's build/)

The same commit gives the same bytes: order, modes, owners and times are set here (the times to the commit's, or to SOURCE_DATE_EPOCH),
because ansible-galaxy takes them from the file system and the clock.  Changelog fragments become CHANGELOG.rst in the archive.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from .env import CHECKOUT, EnvError, environment

NAME = ("euystacio", "meta_salvage")


def git(*arguments: str, checkout: Path = CHECKOUT) -> str:
    """What git says about the checkout."""
    try:
        return subprocess.run(["git", "-C", str(checkout), *arguments], capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        raise EnvError(f"{checkout} is not a git checkout that git can list: the archive is built from a clone.") from None


def sources(checkout: Path = CHECKOUT) -> list[str]:
    """The paths that a clone of this work would have."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", checkout=checkout)
    return sorted({name for name in listed.split("\0") if name and (checkout / name).is_file()})


def version(checkout: Path = CHECKOUT) -> str:
    """The collection's version: galaxy.yml is the only place that has it."""
    for line in (checkout / "galaxy.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version:"):
            return line.removeprefix("version:").strip()
    raise EnvError(f"{checkout / 'galaxy.yml'} has no line with a version.")


def moment(checkout: Path = CHECKOUT) -> int:
    """The time of everything in the archive, as seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct", checkout=checkout).strip()
    if not given.isdigit():
        raise EnvError(f"SOURCE_DATE_EPOCH is {given!r}; it is a number of seconds since 1970.")
    return int(given)


def build(folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Build the archive into ``folder``; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    when = moment(checkout)
    with tempfile.TemporaryDirectory() as temporary:
        # antsibull-changelog asks ansible-doc, which finds a collection by its path only.
        copy = Path(temporary, "ansible_collections", *NAME)
        for name in sources(checkout):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, target)
        write_changelog(copy, when)
        _do(copy, "build the collection", "ansible-galaxy", "collection", "build", "--force", "--output-path", temporary)
        built = next(Path(temporary).glob("*.tar.gz"))
        archive = folder / built.name
        archive.write_bytes(canonical(built.read_bytes(), when))
    return archive


def write_changelog(collection: Path, when: int) -> None:
    """Turn the fragments of ``collection`` into its CHANGELOG.rst, as the notes of its version; without fragments do nothing."""
    fragments = collection / "changelogs" / "fragments"
    if not any(fragments.glob("*.yml")):
        return
    date = time.strftime("%Y-%m-%d", time.gmtime(when))
    in_git = (collection / ".git").exists()
    if not in_git:
        _do(collection, "make a copy's git folder", "git", "init", "--quiet")  # antsibull-changelog copies what git lists
    try:
        command = ("antsibull-changelog", "release", "--version", version(collection), "--date", date)
        _do(collection, "write the changelog", *command)
    finally:
        (collection / "changelogs" / ".plugin-cache.yaml").unlink(missing_ok=True)
        if not in_git:
            shutil.rmtree(collection / ".git")


def canonical(archive: bytes, when: int) -> bytes:
    """The same collection as an archive that depends on its files' content and ``when`` alone.

    The list of files is in the order of their names; MANIFEST.json, which has that list's hash, and the list come first, as ansible-galaxy
    has them, because it reads these two before it unpacks the rest.
    """
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as content:
        members = {member.name.removeprefix("./"): member for member in content.getmembers()}
        texts: dict[str, bytes] = {}
        for name, member in members.items():
            handle = content.extractfile(member) if member.isfile() else None
            texts[name] = handle.read() if handle else b""
    files = json.loads(texts["FILES.json"])
    files["files"].sort(key=lambda entry: entry["name"])
    manifest = json.loads(texts["MANIFEST.json"])
    texts["FILES.json"] = _json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(texts["FILES.json"]).hexdigest()
    texts["MANIFEST.json"] = _json(manifest)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as out:
        for name in ("MANIFEST.json", "FILES.json", *sorted(members.keys() - {"MANIFEST.json", "FILES.json"})):
            old, new = members[name], tarfile.TarInfo(name)
            new.type, new.linkname, new.size, new.mtime = old.type, old.linkname, len(texts[name]), when
            new.mode = 0o755 if old.isdir() or old.mode & 0o100 else 0o644
            out.addfile(new, io.BytesIO(texts[name]))
    packed = io.BytesIO()
    # Not gzip.compress: some versions of Python write the operating system into the header.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(plain.getvalue())
    return packed.getvalue()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _do(folder: Path, what: str, *command: str) -> None:
    environ = environment()
    # The copy, not the checkout, is the collection that these commands see.
    environ |= {"ANSIBLE_COLLECTIONS_PATH": str(folder.parents[2]), "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    program = shutil.which(command[0], path=environ["PATH"]) or command[0]
    result = subprocess.run([program, *command[1:]], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        last = " / ".join((result.stderr or result.stdout).strip().splitlines()[-3:])
        raise EnvError(f"Could not {what}: `{' '.join(command)}` said: {last}")


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "build"))
    except EnvError as error:
        sys.exit(f"{error}")
