# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import re

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._report.shell import STYLE, SYMBOLS, shell


def test_a_page_names_the_hash_of_its_script_and_escapes_its_title() -> None:
    page = shell("</title><script>x</script>", "<p>y</p>", style="p { margin: 0; }", script="let a = 1;")
    digest = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;</title>" in page
    assert page.count("<script>") == 1
    assert "p { margin: 0; }</style>" in page


def test_a_page_without_a_script_allows_none() -> None:
    page = shell("a", "b")
    assert "script-src" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_shell_asks_nobody_for_anything() -> None:
    assert re.findall(r"url\(|@import|https?:|src=", STYLE + SYMBOLS) == []


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        color = color if len(color) == 6 else "".join(2 * part for part in color)
        parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_on_every_ground_of_light_and_dark() -> None:
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL):
        colors = dict(re.findall(r"--([\w-]+): #([0-9a-f]{3,6})", block))
        for name in ("ink", "soft", "line", "healthy", "warning", "critical", "unknown"):
            for ground in ("paper", "panel"):
                assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
