# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of the documentation show what is so now, and have words for who does not see them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from lab import versions
from tools import env, house, pictures

DOCS = env.CHECKOUT / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_drawing_is_current(name: str) -> None:
    drawn = (pictures.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert drawn == pictures.PICTURES[name](), "run: python3 -m tools.env run python -m tools.pictures"


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_drawing_has_a_title_and_loads_nothing_and_stays_within_its_frame(name: str) -> None:
    root = ET.fromstring(pictures.PICTURES[name]())
    assert root.findtext(f"{SVG}title") and root.findtext(f"{SVG}desc")
    assert "href" not in ET.tostring(root, encoding="unicode")
    _x, _y, width, height = map(float, root.attrib["viewBox"].split())
    for one in root.iter(f"{SVG}rect"):
        assert float(one.get("x", 0)) + float(one.attrib["width"]) <= width
        assert float(one.get("y", 0)) + float(one.attrib["height"]) <= height
    for one in root.iter(f"{SVG}text"):
        wide = len(one.text or "") * pictures.LETTER
        start = float(one.attrib["x"]) - {"start": 0, "middle": wide / 2, "end": wide}[one.attrib["text-anchor"]]
        assert start >= 0, one.text
        assert start + wide <= width + pictures.MARGIN, one.text


def test_the_house_shows_every_room_once() -> None:
    words = [one.text for one in ET.fromstring(pictures.architecture()).iter(f"{SVG}text")]
    for room in [*house.DOMAINS, *(room for floor in house.FLOORS for room in floor)]:
        assert words.count(room) == 1, room


def test_every_room_is_in_the_page_too() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    described = re.findall(r"`(_\w+)`", "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `_")))
    rooms = {*house.DOMAINS, *(room for floor in house.FLOORS for room in floor)}
    assert set(described) == rooms


def test_the_plots_have_the_figures_of_the_page() -> None:
    page = "## The daily health check\n| 10 | ours | 1.84 s | a | b | c |\n|---|---|---|---|---|---|\n"
    page += "| 5,000 | bash | 1,002.50 s | a | b | c |\n"
    drawn = pictures.health_plot(page)
    assert ">1.84 s<" in drawn and ">1,002 s<" in drawn and ">5,000 pods<" in drawn


def test_a_figure_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="'soon' has no number"):
        pictures.number("soon")


@pytest.mark.parametrize("page", ["architecture.md", "benchmarks.md"])
def test_every_picture_of_a_page_has_words(page: str) -> None:
    found = re.findall(r"!\[([^\]]*)\]\((images/[^)]+)\)", (DOCS / page).read_text(encoding="utf-8"))
    assert found
    for words, file in found:
        assert len(words) > 20 and (DOCS / file).is_file()


def test_what_is_supported_is_what_is_tested() -> None:
    rows = {row[0]: row for row in pictures.tables((DOCS / "support.md").read_text(encoding="utf-8"))["What is supported"]}
    assert env.CORES.keys() == set(re.findall(r"\b2\.\d+", rows["ansible-core"][2]))
    oldest, newest = (".".join(map(str, one)) for one in (env.OLDEST, env.NEWEST))
    assert rows["Python, where modules run"][1] == f"{oldest} to {newest}"
    assert rows["Kubernetes"][1] == versions.load().modules["kubernetes"].version.lstrip("v").rpartition(".")[0]
    text = {name: (env.CHECKOUT / name).read_text(encoding="utf-8") for name in ("meta/runtime.yml", "galaxy.yml")}
    assert f"requires_ansible: '>={rows['ansible-core'][1].split()[0]}.0'" in text["meta/runtime.yml"]
    assert f"kubernetes.core: '>={rows['`kubernetes.core`'][1].split()[0]}'" in text["galaxy.yml"]
    assert json.dumps(rows)
