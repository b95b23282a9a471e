# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page in a browser: it needs nothing, is readable on a phone and on a large screen, by keyboard, and by those who see less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from examples import LARGE, ODD, PLAIN, Made
from playwright.sync_api import Browser, Page

CHECKOUT = Path(__file__).resolve().parents[2]
MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
ALL = {**PLAIN, **ODD, **LARGE}
PHONE, SCREEN = 400, 1600
# Of the elements that a key can reach: the place of the focused one, whether it is marked as such, and whether something covers it.
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getClientRects()[0];
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return [window.reachable.indexOf(one), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, one.contains(top)];
}"""
# What is folded up is text of the page too.
UNFOLD = "() => [...document.querySelectorAll('details')].map(one => one.open = true).length"
REACHABLE = """() => {
  const every = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]");
  window.reachable = [...every].filter(one => one.tabIndex >= 0 && one.checkVisibility());
  return window.reachable.length;
}"""


@contextmanager
def opened(browser: Browser, file: Path, width: int, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """The page at a width, and what it asked for and complained about."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page, heard = context.new_page(), list[str]()
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(file.as_uri())
    try:
        yield page, heard
    finally:
        context.close()


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: Made = ALL[request.param]
    path = tmp_path / f"{request.param}.html"
    path.write_text(made(tmp_path), encoding="utf-8")
    return path


def test_every_writer_of_a_page_is_here() -> None:
    """A new page wants an example in examples.py."""
    plugins = CHECKOUT / "plugins"
    writers = {str(path.relative_to(plugins)) for path in plugins.rglob("*.py") if "_report.shell import" in path.read_text()}
    known = {"module_utils/_health/render.py", "module_utils/_diagnostics/page.py", "module_utils/_incident/page.py"}
    known |= {"module_utils/_run_report/page.py", "module_utils/_game_day/page.py"}
    assert writers == known


@pytest.mark.parametrize("file", ALL, indirect=True)
def test_a_page_asks_nobody_and_is_readable_at_each_width(browser: Browser, file: Path) -> None:
    with opened(browser, file, PHONE) as (page, heard):
        for width in (PHONE, SCREEN):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(MEASURE) == [], width
        if page.evaluate(UNFOLD):
            assert page.evaluate(MEASURE) == []
        assert heard == [file.as_uri()]
        assert page.title()


@pytest.mark.parametrize("file", [*PLAIN, *ODD], indirect=True)
@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (SCREEN, "light")])
def test_axe_finds_nothing(browser: Browser, file: Path, width: int, scheme: str) -> None:
    with opened(browser, file, width, scheme) as (page, _heard):
        page.evaluate(UNFOLD)
        found = Axe().run(page).response["violations"]
        assert {one["id"]: [node["html"][:160] for node in one["nodes"][:3]] for one in found} == {}


@pytest.mark.parametrize("file", [*PLAIN, *ODD], indirect=True)
def test_keys_reach_everything_in_its_order_and_show_where_they_are(browser: Browser, file: Path) -> None:
    with opened(browser, file, SCREEN) as (page, _heard):
        count = page.evaluate(REACHABLE)
        for key, order in (("Tab", range(count)), ("Shift+Tab", range(count - 2, -1, -1))):
            for place in order:
                page.keyboard.press(key)
                assert page.evaluate(FOCUS) == [place, True, True], key


@pytest.mark.parametrize("file", ["diagnostics"], indirect=True)
def test_the_search_hides_what_does_not_match_and_says_how_much_is_left(browser: Browser, file: Path) -> None:
    with opened(browser, file, PHONE) as (page, heard):
        rows = page.locator("[data-search]")
        before = rows.count()
        page.keyboard.press("/")
        page.keyboard.type("probe FAILED")
        shown = page.locator("[data-search]:visible").count()
        assert 0 < shown < before
        assert page.locator("#found").inner_text() == f"{shown} of {before} entries"
        page.keyboard.press("Escape")
        assert page.locator("[data-search]:visible").count() == before
        assert page.locator("#found").inner_text() == ""
        assert len(heard) == 1


@pytest.mark.parametrize("file", ["health"], indirect=True)
def test_evidence_opens_by_key(browser: Browser, file: Path) -> None:
    with opened(browser, file, PHONE) as (page, _heard):
        page.keyboard.press("Tab")
        assert not page.locator("pre").first.is_visible()
        page.keyboard.press("Enter")
        assert page.locator("pre").first.is_visible()


@pytest.mark.parametrize("file", ["post-mortem"], indirect=True)
def test_a_citation_leads_to_its_entry(browser: Browser, file: Path) -> None:
    with opened(browser, file, PHONE) as (page, _heard):
        page.get_by_role("link", name="[#14]").first.press("Enter")
        assert page.evaluate("location.hash") == "#e14"
        assert 0 <= page.locator("#e14").bounding_box()["y"] <= 900  # type: ignore[index]
