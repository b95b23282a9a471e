# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain words: phrases that this project does not use, with what to write instead.

python3 -m tools.style [PATH...]    check these files or folders (default: everything that has text for readers)

Each finding is one line: file:line: the phrase, and the advice.  A phrase is found across a line break too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .collection import sources
from .env import CHECKOUT, EnvError

READ_BY_PEOPLE = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "galaxy.yml", "bindep.txt", "pyproject.toml"),
    *(
        "requirements.txt",
        "requirements-s3.txt",
        "requirements-openshift.txt",
        ".ci",
        ".github",
        "changelogs/fragments",
        "docs",
        "extensions",
        "inventory",
    ),
    *("lab/README.md", "meta", "playbooks", "plugins", "roles", "tools"),
)
TEXT = frozenset({".md", ".py", ".yml", ".yaml", ".j2", ".txt", ".toml", ".in", ".json", ".html", ".rst", ""})
HERE = "tools/style.py"  # names every phrase

# Phrase (a space stands for any white space, a comment sign included; a group is the part to report), and what to write instead.
BANNED = (
    (r"\b(?:is|are|was|were|be|been|being) told\b", 'write "is reported", "is shown", or say who reports it'),
    (r"\b(?:tells|told)\b", 'write "reports", "shows" or "says"'),
    (r"(?<!\S)(?!\S*\bthere\s)\S+ ((?:is|are|was|were) no (?!longer\b|more\b|one\b)[a-z]+)", 'write "is not a ..."'),
    (r"\bwhose\b", 'write "with", "that has" or a second sentence'),
    (r"\bbe it\b", 'write "whether ... or ..."'),
    (r"\bwhat(?: [a-z]+){1,6} (?:came|comes) to\b", 'write "the result of ..."'),
    (r"\bin passing\b", 'write "temporarily"'),
    (r"\bstumbl(?:e|es|ed|ing)\b", 'write "fails temporarily"'),
    (r"\bfor want of\b", 'write "because ... is missing"'),
    (r"\bspelled so\b", 'write "in the same format"'),
    (r"\bmend(?:s|ed|ing)?\b", 'write "fix"'),
    (r"\banew\b", 'write "again"'),
    (r"\bthereby\b", 'write "so"'),
    (r"\b(?:where|here|there)(?:in|of|upon|unto|from|with)\b", "use a plain preposition"),
    (r"\b(?:whilst|amongst|lest|hence|thence|whence|nought|ere)\b", "use a current word"),
    (r"\bgives? up on\b", 'write "stops trying"'),
    (r"\b(?:is|are) the ones? that (?:is|are)\b", "name the thing"),
    (r"\bwho asks\b", 'write "the caller"'),
    (r"\bto be had\b", 'write "available"'),
    (r"\b(?:is|are) for(?: [a-z]+){1,4} to (?:say|decide|know)\b", 'write "... decides"'),
    (r"\bof no use\b", 'write "not useful"'),
)
_PATTERNS = tuple((re.compile(phrase.replace(" ", r"[\s#]+"), re.IGNORECASE), advice) for phrase, advice in BANNED)


@dataclass(frozen=True, order=True)
class Finding:
    line: int
    phrase: str
    advice: str


def findings(text: str) -> list[Finding]:
    """Every banned phrase in the text, by line; one place is reported once."""
    found: dict[tuple[int, int], Finding] = {}
    for pattern, advice in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span(pattern.groups)
            if not any(first < end and start < last for first, last in found):
                line = text.count("\n", 0, start) + 1
                found[start, end] = Finding(line, re.sub(r"[\s#]+", " ", text[start:end]), advice)
    return sorted(found.values())


def files(wanted: list[str]) -> Iterator[str]:
    for name in sources():
        path = Path(name)
        if name != HERE and path.suffix in TEXT and any(name == one or name.startswith(f"{one.rstrip('/')}/") for one in wanted):
            yield name


def main(arguments: list[str]) -> int:
    count = 0
    for name in files(arguments or list(READ_BY_PEOPLE)):
        for finding in findings((CHECKOUT / name).read_text(encoding="utf-8")):
            print(f"{name}:{finding.line}: {finding.phrase}: {finding.advice}")
            count += 1
    if count:
        print(f"{count} phrases are not plain; see the advice behind each.")
    return 1 if count else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EnvError as error:
        sys.exit(f"{error}")
