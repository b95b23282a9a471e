# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A post-mortem as Markdown.  Pure: the same record gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .post_mortem import PostMortem, Sentence
from .timeline import entry_text, entry_time

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#!~])")


def markdown(made: PostMortem) -> str:
    lines = [f"# {_text(made.title)}", "", "## Summary", "", *_items(made.summary), "", "## Impact", "", *_items(made.impact), ""]
    lines += ["## Times", "", "| Time to | | Entries |", "| --- | --- | --- |"]
    lines += [f"| {name} | {_text(sentence.text)} | {_cites(sentence.cites)} |" for name, _seconds, sentence in made.times]
    for title, sentences, none in (
        ("What worked", made.worked, "No duty was done before its deadline."),
        ("What was missed", made.missed, "No deadline was missed."),
        ("Contributing changes", made.changes, "No change is in the record."),
    ):
        lines += ["", f"## {title}", "", *(_items(sentences) or [none])]
    lines += ["", "## Action items", ""]
    if made.actions:
        lines += ["| Action | Owner | Due | Done | Entry |", "| --- | --- | --- | --- | --- |"]
        for one in made.actions:
            cells = [*(_text(one[name]) for name in ("title", "owner", "due")), "yes" if one.get("done") else "no", f"[#{one['number']}]"]
            lines.append(f"| {' | '.join(cells)} |")
    else:
        lines.append("No action is in the record.")
    lines += ["", "## Timeline", "", "| Entry | Time | By | What |", "| --- | --- | --- | --- |"]
    lines += [f"| #{one['number']} | {entry_time(one)} | {_text(one.get('by'))} | {_text(entry_text(one))} |" for one in made.timeline]
    return "\n".join(lines) + "\n"


def _items(sentences: Iterable[Sentence]) -> list[str]:
    return [f"- {_text(one.text)} {_cites(one.cites)}".rstrip() for one in sentences]


def _cites(numbers: Iterable[int]) -> str:
    return " ".join(f"[#{number}]" for number in numbers)


def _text(value: object) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
