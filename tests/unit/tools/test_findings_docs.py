# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from tools import findings_docs


def test_the_page_lists_the_codes_of_the_rules() -> None:
    text = findings_docs.PAGE.read_text(encoding="utf-8")
    assert findings_docs.page(text) == text
