# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the pictures of docs/images from the examples: make screenshots."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests/unit/fakes"), os.environ["PYTHONPATH"]]

from chromium import headless
from examples import PLAIN

PICTURES = {"health": 900, "diagnostics": 1000, "post-mortem": 1000}  # and their heights


def main() -> None:
    images = CHECKOUT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, headless(Path(name)) as browser:
        os.environ["XDG_STATE_HOME"] = name
        for picture, height in PICTURES.items():
            file = Path(name, f"{picture}.html")
            file.write_text(PLAIN[picture](Path(name, picture)), encoding="utf-8")
            page = browser.new_page(viewport={"width": 1000, "height": height}, color_scheme="light")
            page.goto(file.as_uri())
            page.screenshot(path=images / f"{picture}.png")
            page.close()


if __name__ == "__main__":
    main()
