# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phrases the style gate finds, and which it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import style


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("what can't be read is told", "is told"),
        ("The exit status tells whether", "tells"),
        ("raise Error(f'{value!r} is no duration')", "is no duration"),
        ("a cluster whose API is down", "whose"),
        ("any kind, be it old or new", "be it"),
        ("what the restore came to", "what the restore came to"),
        ("a request that fails in passing", "in passing"),
        ("a request that stumbles", "stumbles"),
        ("for want of a key", "for want of"),
        ("kinds to leave out, spelled so too", "spelled so"),
        ("the newest release is mended", "mended"),
        ("writes the locks anew", "anew"),
        ("which is the one that is fixed", "is the one that is"),
        ("as good as can be; not to be had", "to be had"),
    ],
)
def test_phrases_are_found(text: str, phrase: str) -> None:
    assert [finding.phrase for finding in style.findings(text)] == [phrase]


@pytest.mark.parametrize(
    "text",
    [
        "There is no Python on this machine.",
        "(there is no such thing)",
        "raise Error(f'There is no command')",
        "where there is\n# no Prometheus",
        "It is no longer needed, and there are no more.",
        "a piano recommended by Mendel",
        "unreadable kinds are reported",
        "Kafka has no queue; the answer is not a duration",
    ],
)
def test_plain_sentences_are_left_alone(text: str) -> None:
    assert style.findings(text) == []


def test_a_phrase_is_found_across_a_line_break_and_a_comment_sign() -> None:
    assert [(found.line, found.phrase) for found in style.findings("one\n# what is missing is\n# told.\n")] == [(2, "is told")]


def test_findings_come_in_the_order_of_the_lines() -> None:
    assert [found.line for found in style.findings("anew\nfine\nwhose\nit is told\n")] == [1, 3, 4]


def test_the_gate_prints_the_file_the_line_and_the_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(style, "CHECKOUT", tmp_path)
    monkeypatch.setattr(style, "sources", lambda: ["docs/a.md", "docs/b.png", "lab/x.py"])
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("fine\na cluster whose API is down\n")
    assert style.main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith("docs/a.md:2: whose: write ")
    assert "1 phrases" in said
    (tmp_path / "docs" / "a.md").write_text("fine\n")
    assert style.main([]) == 0
