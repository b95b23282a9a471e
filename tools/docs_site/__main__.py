# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the site in build/docs: antsibull-docs writes the reference, Sphinx makes pages of it and of docs/.  Nothing is downloaded.

    python3 -m tools.env run python -m tools.docs_site [FOLDER]

A warning of Sphinx and a link that leads nowhere are errors.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .links import broken

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "euystacio.meta_salvage"


def main(arguments: list[str]) -> int:
    target = Path(arguments[0]) if arguments else CHECKOUT / "build" / "docs"
    with tempfile.TemporaryDirectory(prefix="meta-salvage-docs-") as name:
        source = Path(name, "source")
        shutil.copytree(CHECKOUT / "docs", source)
        (source / "reference").mkdir(mode=0o700)
        reference = ("antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error")
        subprocess.run([*reference, "--dest-dir", str(source / "reference"), COLLECTION], check=True)
        shutil.copy(Path(__file__).with_name("index.rst"), source)
        html = Path(name, "html")
        configuration = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto", "-c", configuration, str(source), str(html)],
            cwd=CHECKOUT,
            check=False,
        )
        if done.returncode:
            return done.returncode
        dead = broken(html)
        for sentence in dead:
            print(sentence, file=sys.stderr)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(html, target)
    print(f"The site is in {target}: open index.html.")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
