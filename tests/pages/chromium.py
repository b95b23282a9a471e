# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's headless Chromium, unpacked into the cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from lab import debian
from lab.common import Progress

PACKAGES = ["chromium-headless-shell", "fonts-dejavu-core"]
FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{}</dir><cachedir>{}</cachedir></fontconfig>'


@contextmanager
def headless(scratch: Path) -> Iterator[Browser]:
    root = debian.unpack(PACKAGES, Progress())
    # Always the same fonts, so that a line breaks where it breaks elsewhere.
    fonts = scratch / "fonts.conf"
    fonts.write_text(FONTS.format(root / "usr/share/fonts", scratch), encoding="utf-8")
    environ = {**os.environ, **debian.environment(root), "FONTCONFIG_FILE": str(fonts)}
    program = root / "usr/lib/chromium/chromium-headless-shell"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], env=environ)
        try:
            yield browser
        finally:
            browser.close()
