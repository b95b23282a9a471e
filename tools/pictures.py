# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of docs/images: the house from the table of floors, and plots of the figures in docs/benchmarks.md.

python3 -m tools.env run python -m tools.pictures    write them; a unit test says when they are out of date
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from . import house

CHECKOUT = Path(__file__).resolve().parents[1]
IMAGES = CHECKOUT / "docs" / "images"
BENCHMARKS = CHECKOUT / "docs" / "benchmarks.md"
KINDS = {"modules", "action", "filter", "test", "lookup", "callback", "inventory"}

WIDTH, MARGIN, ROW, GAP = 960, 24, 34, 10
INK, PALE, LINE, OURS, THEIRS = "#1f2933", "#f5f7fa", "#9aa5b1", "#1b6ca8", "#9aa5b1"
FONT = 'font-family="system-ui, \'Segoe UI\', sans-serif" font-size="14"'
LETTER = 7.6  # pixels of a letter of that font, rather too many than too few


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    ours: bool


def svg(title: str, description: str, height: float, body: Iterable[str]) -> str:
    """A drawing with words for who does not see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="title what" {FONT}>',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="what">{escape(description)}</desc>',
            f'<rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", fill: str = INK, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{fill}" stroke="{LINE}"/>'


def rows(names: Sequence[str], width: float) -> list[list[str]]:
    """The names in rows that are not wider than ``width``."""
    found: list[list[str]] = [[]]
    for name in names:
        if found[-1] and sum(_wide(one) + GAP for one in [*found[-1], name]) > width:
            found.append([])
        found[-1].append(name)
    return found


def _wide(name: str) -> float:
    return len(name) * LETTER + 20


def architecture() -> str:
    """Who stands on whom, from top to bottom; each floor uses only those below it."""
    plugins = sorted({path.name for path in (CHECKOUT / "plugins").iterdir() if path.is_dir()} & KINDS)
    floors = [(f"floor {number}", sorted(rooms)) for number, rooms in reversed(list(enumerate(house.FLOORS)))]
    layers: list[tuple[str, list[str]]] = [
        ("for people", ["playbooks", "inventory", "extensions (AWX, EDA, monitoring, RBAC)"]),
        ("roles", ["a role for each runbook", "meta_salvage: names, connection, state folder"]),
        ("plugins", plugins),
        ("domains", sorted(house.DOMAINS)),
        *floors,
    ]
    left = MARGIN + 110
    body, y = [], float(MARGIN)
    for name, members in layers:
        lines = rows(members, WIDTH - MARGIN - left - 2 * GAP)
        height = len(lines) * (ROW + GAP) + GAP
        body += [box(MARGIN, y, WIDTH - 2 * MARGIN, height, PALE), text(MARGIN + 14, y + height / 2 + 5, name, bold=True)]
        for number, line in enumerate(lines):
            x = float(left)
            top = y + GAP + number * (ROW + GAP)
            for member in line:
                body += [box(x, top, _wide(member), ROW, "#ffffff"), text(x + _wide(member) / 2, top + 22, member, anchor="middle")]
                x += _wide(member) + GAP
        y += height + GAP
    exceptions = " and ".join(f"{reader} reads {read}" for reader, read in sorted(house.ALLOWED))
    body.append(text(MARGIN, y + 16, f"Each row uses only rows below it, and no domain another; but {exceptions}."))
    said = "; ".join(f"{name}: {', '.join(members)}" for name, members in layers)
    return svg("The rooms of the collection, floor by floor", f"From top to bottom, each uses only what is below it. {said}.", y + 34, body)


def tables(page: str) -> dict[str, list[list[str]]]:
    """The rows of each table of a page, without its head, by the heading that is above it."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in page.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ").strip()
        elif line.startswith("|"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return {name: [row for row in lines if not set("".join(row)) <= set("-: ")] for name, lines in found.items()}


def number(cell: str) -> float:
    """The first number of a cell; raises ValueError where there is none."""
    found = re.search(r"\d[\d,]*\.?\d*", cell)
    if not found:
        raise ValueError(f"docs/benchmarks.md: {cell!r} has no number to plot.")
    return float(found.group().replace(",", ""))


def bars(title: str, unit: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Bars, a group below the other, all on one scale; ours in colour, and every bar with its number."""
    most = max(bar.value for _name, members in groups for bar in members) or 1.0
    left = MARGIN + max(_wide(bar.label) for _name, members in groups for bar in members)
    room = WIDTH - left - MARGIN - 90
    body, y = [text(MARGIN, MARGIN + 8, f"{title} ({unit}; shorter is better)", bold=True)], MARGIN + 30.0
    for name, members in groups:
        if name:
            body.append(text(MARGIN, y + 14, name, bold=True))
            y += 24
        for bar in members:
            length = max(2.0, bar.value / most * room)
            body += [
                text(left - 12, y + 16, bar.label, anchor="end"),
                f'<rect x="{left:g}" y="{y + 3:g}" width="{length:.1f}" height="18" fill="{OURS if bar.ours else THEIRS}"/>',
                text(left + length + 8, y + 17, f"{bar.value:,.4g} {unit}"),
            ]
            y += 26
        y += 10
    said = "; ".join(
        (f"{name}: " if name else "") + ", ".join(f"{bar.label} {bar.value:,.4g} {unit}" for bar in members) for name, members in groups
    )
    return svg(title, said + ".", y + MARGIN - 10, body)


def health_plot(page: str) -> str:
    found: dict[str, list[Bar]] = {}
    for row in tables(page)["The daily health check"]:
        if len(row) == 6 and row[0].replace(",", "").isdigit():
            found.setdefault(f"{row[0]} pods", []).append(Bar(row[1], number(row[2]), row[1] == "ours"))
    return bars("The daily health check, wall time", "s", list(found.items()))


def delivery_plot(page: str) -> str:
    found = [
        (row[0], [Bar("ours", number(row[1]), True), Bar("kubectl", number(row[2]), False)])
        for row in tables(page)["Delivery"]
        if len(row) == 3 and all(" ms" in cell for cell in row[1:])
    ]
    return bars("Delivery", "ms", found)


def recovery_plot(page: str) -> str:
    found: dict[str, list[Bar]] = {"backup": [], "restore": []}
    for row in tables(page)["Recovery"]:
        if len(row) == 7 and row[0].replace(",", "") in {"10000", "10001"}:
            kind = "restore" if re.search("restore|apply|create", row[1]) else "backup"
            found[kind].append(Bar(row[1], number(row[3]), row[1].startswith("ours")))
    return bars("10,000 ConfigMaps, wall time", "s", list(found.items()))


PICTURES: dict[str, Callable[[], str]] = {
    "architecture": architecture,
    "benchmark-health": lambda: health_plot(BENCHMARKS.read_text(encoding="utf-8")),
    "benchmark-delivery": lambda: delivery_plot(BENCHMARKS.read_text(encoding="utf-8")),
    "benchmark-recovery": lambda: recovery_plot(BENCHMARKS.read_text(encoding="utf-8")),
}


def main() -> None:
    for name, draw in PICTURES.items():
        (IMAGES / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
