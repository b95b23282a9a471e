# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as the logs and objects of a cluster have them, with nothing to hide in them, though much that looks like it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

# {x} is replaced; see _fill
TEMPLATES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()

_HEX = "0123456789abcdef"
_LOWER = "bcdfghjklmnpqrstvwxz2456789"
_B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PLACE = re.compile(r"\{(t6|t|ns|pod|uuid|ulid|b64|b43|hex\d+|r\d+|n\d)\}")


def _word(random: Random, letters: str, length: int) -> str:
    return "".join(random.choices(letters, k=length))


def _fill(random: Random, what: str) -> str:
    if what.startswith("hex"):
        return _word(random, _HEX, int(what[3:]))
    if what[0] == "r":
        return _word(random, _LOWER, int(what[1:]))
    if what[0] == "n" and what != "ns":
        return str(random.randrange(10 ** (int(what[1:]) - 1), 10 ** int(what[1:])))
    clock = f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
    made: dict[str, Callable[[], str]] = {
        "t": lambda: clock,
        "t6": lambda: f"{clock}.{random.randrange(1000000):06}",
        "ns": lambda: random.choice(["default", "shop", "kube-system", "monitoring", "euystacio-ai"]),
        "pod": lambda: (
            f"{random.choice(['api', 'auth-service', 'token-rotator', 'db'])}-{_word(random, _LOWER, 10)}-{_word(random, _LOWER, 5)}"
        ),
        "uuid": lambda: "-".join(_word(random, _HEX, length) for length in (8, 4, 4, 4, 12)),
        "ulid": lambda: _word(random, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23),
        "b64": lambda: _word(random, _B64, 44),
        "b43": lambda: _word(random, _B64, 43),
    }
    return made[what]()


def harmless_lines(count: int, seed: int = 1) -> Iterator[str]:
    random = Random(seed)
    for number in range(count):
        yield _PLACE.sub(lambda found: _fill(random, found[1]), TEMPLATES[number % len(TEMPLATES)])
