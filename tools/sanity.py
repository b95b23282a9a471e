# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity over what the built archive holds, on the oldest, a middle and the newest ansible-core.

What is tested is what a user installs: the archive is built and unpacked, so nothing of the lab, the benchmarks or the tests is
judged by rules for plugins (ruff and mypy look after those), and nothing that lies about in the checkout can make a difference.
Each run uses the newest interpreter at hand that its ansible-core supports; import and compile also use all the others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from .env import CACHE, CHECKOUT, CORES, Python, link_kubernetes_core, newest_python, pythons, venv

ROOT = CACHE / "sanity"


def _interpreters() -> Path:
    """A folder with python3.X of each interpreter at hand: ansible-test looks for them on PATH, where pyenv's shims would mislead it."""
    folder = ROOT / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for python in pythons().values():
        (folder / f"python{python.name}").symlink_to(python.path)
    return folder


def _home(core: Path) -> Path:
    """A home folder for ansible-test, which keeps its environments there and passes no variable but HOME on to pip."""
    home = ROOT / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in (".cache", ".config", ".pip"):
        if not (home / name).is_symlink():
            (home / name).symlink_to(Path.home() / name)
    wanted = next(core.glob("lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py")).read_text()
    for version in re.findall(r"pip='([0-9.]+)'", wanted):
        shutil.copyfile(CHECKOUT / "tools" / "get_pip.py", cache / f"get_pip_{version.replace('.', '_')}.py")
    return home


def _unpack(archive: Path, core: str) -> Path:
    """The archive's content as euystacio.meta_salvage in a collections folder of its own."""
    collection = ROOT / core / "ansible_collections" / "euystacio" / "meta_salvage"
    shutil.rmtree(collection, ignore_errors=True)
    with tarfile.open(archive) as content:
        content.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)  # Debian's 3.11 has none
        content.extractall(collection)
    (collection / "tests").mkdir()
    shutil.copyfile(CHECKOUT / "tests" / "config.yml", collection / "tests" / "config.yml")
    link_kubernetes_core(ROOT / core)
    return collection


def cores() -> dict[str, Python | None]:
    """Each ansible-core to test on, with its interpreter; None where none at hand fits."""
    return {core: newest_python(*span) for core, span in CORES.items()}


def run(archive: Path, core: str, python: Python) -> tuple[int, int]:
    """How many sanity tests passed, and how many failed."""
    collection = _unpack(archive, core)
    path = venv(f"core-{core}", python)
    command = [str(path / "bin" / "ansible-test"), "sanity", "--color", "no"]
    search = os.pathsep.join([str(path / "bin"), str(_interpreters()), os.defpath])
    environ = {"HOME": str(_home(path)), "PATH": search, "LC_ALL": "en_US.UTF-8"}
    process = subprocess.Popen(
        command, cwd=collection, env=environ, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    ran, failed = 0, 0
    for line in process.stdout or ():
        print(line, end="", flush=True)
        ran += line.startswith("Running sanity test ")
        counted = re.match(r"FATAL: The (\d+) sanity test", line)
        failed = int(counted[1]) if counted else failed
    if process.wait() and not failed:
        failed = 1  # it could not run at all
    return max(ran - failed, 0), failed
