# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's archive, built from the files that git knows or would take: never from what lies about in the checkout.

python3 -m tools.collection [FOLDER]    build it there (default: the checkout's build/)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .env import CHECKOUT, EnvError, environment


def sources() -> list[str]:
    """The paths that a clone of this work would have."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        raise EnvError(f"{CHECKOUT} is not a git checkout that git can list: the archive is built from a clone.") from None
    return sorted({name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()})


def build(folder: Path) -> Path:
    """Build the archive into ``folder``; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name in sources():
            target = Path(temporary, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target)
        environ = environment()
        galaxy = shutil.which("ansible-galaxy", path=environ["PATH"]) or "ansible-galaxy"
        command = [galaxy, "collection", "build", "--force", "--output-path", str(folder), temporary]
        result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if result.returncode:
            raise EnvError(f"ansible-galaxy could not build the collection: {(result.stderr or result.stdout).strip()}")
    return max(folder.glob("euystacio-meta_salvage-*.tar.gz"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "build"))
    except EnvError as error:
        sys.exit(f"{error}")
