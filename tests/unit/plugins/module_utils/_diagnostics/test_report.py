# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import Analysis, analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.compare import Difference, difference
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.contents import read_contents
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.report import pages
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules
from fake_bundle import NOW, FakeBundle, ago, merged

RULES = rules_of(shipped_rules())
EVIL = '</script><img src="http://evil.example/x" onerror="alert(1)"> \x1b[31m\0\ud800 & \'q\''


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "use", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "input", "use", "br"}:
            assert self.open.pop() == tag


def made(bundle: FakeBundle) -> tuple[dict[str, bytes], Analysis]:
    files = bundle.files()
    analysis = analyze(files, RULES, NOW)
    return pages(files, analysis), analysis


def evil() -> FakeBundle:
    bundle = (
        FakeBundle(cluster=EVIL)
        .waiting("CreateContainerError", EVIL)
        .event("Failed", EVIL)
        .log(EVIL.replace("\ud800", "") + " no space left on device")
    )
    return bundle.without("opa", reason=EVIL).pod("b", {"metadata": {"name": EVIL}}, owner="")


def test_the_page_is_whole_needs_nothing_and_runs_only_its_own_script() -> None:
    html = made(evil())[0]["report.html"].decode()
    page = Page(html)
    assert {tag for tag, _attrs in page.tags} & {"img", "link", "iframe", "object", "base", "form"} == set()
    assert all(not {"src", "onerror", "onclick"} & attrs.keys() for _tag, attrs in page.tags)
    assert {attrs["href"][:1] for tag, attrs in page.tags if tag == "use" and attrs.get("href")} == {"#"}
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
    assert "\x1b" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_the_page_has_findings_first_a_search_that_is_labelled_and_a_drawn_timeline() -> None:
    html = made(FakeBundle().crashed(1).event("Unhealthy", "x").without("opa"))[0]["report.html"].decode()
    places = [html.index(f'id="{name}"') for name in ("findings", "not-judged", "timeline", "collected")]
    assert places == sorted(places)
    tags = Page(html).tags
    assert ("label", {"for": "search"}) in tags
    assert any(tag == "svg" and attrs.get("role") == "img" and attrs.get("aria-label") for tag, attrs in tags)
    assert sum(1 for tag, attrs in tags if tag == "article" and attrs.get("class") == "finding critical") == 1
    assert html.count("<tr data-search>") == 4
    assert "opa is failed: nobody answered" in html


def test_a_clean_page_says_so_and_does_not_where_something_is_unknown() -> None:
    assert "No rule found anything.</p>" in made(FakeBundle().pod())[0]["report.html"].decode()
    html = made(FakeBundle().pod().without("logs"))[0]["report.html"].decode()
    assert "No rule found anything in what could be judged." in html
    assert '<header class="unknown">' in html


def test_junit_has_failures_and_skipped_cases_and_is_xml_whatever_the_names_are() -> None:
    files, analysis = made(evil())
    suite = ElementTree.fromstring(files["junit.xml"])
    failed = {case.get("classname") for case in suite if case.find("failure") is not None}
    skipped = {case.get("classname") for case in suite if case.find("skipped") is not None}
    assert failed == {one.code for one in analysis.findings if one.severity != "info"}
    assert skipped == set(analysis.unknown)
    assert {case.get("classname") for case in suite} == set(analysis.judged)
    assert int(str(suite.get("failures"))) == sum(1 for one in analysis.findings if one.severity != "info")


def test_the_summary_is_five_lines_worst_first() -> None:
    bundle = FakeBundle().crashed(1).without("opa").add("ResourceQuota", "q", {"status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}})
    bundle.log("no space left on device").log("leaderelection lost").log("lookup x: no such host", times=2)
    lines = made(bundle)[0]["summary.txt"].decode().splitlines()
    assert len(lines) == 5
    assert lines[0] == f"dev at 2026-11-26T12:00:00Z: 3 critical, 3 warning, {len(RULES)} rules"
    assert [line.partition(" ")[0] for line in lines[1:4]] == ["CRITICAL"] * 3
    assert lines[4] == "3 more findings; 4 rules could not be judged: opa is failed: nobody answered"
    assert made(FakeBundle().pod())[0]["summary.txt"].decode().splitlines()[1:] == ["every rule could be judged"]


def test_findings_and_timeline_are_json_of_the_agreed_form() -> None:
    files, _analysis = made(FakeBundle().crashed(1))
    (finding,) = json.loads(files["findings.json"])
    assert set(finding) == {"code", "severity", "title", "meaning", "advice", "link", "subject", "evidence"}
    assert set(finding["evidence"][0]) == {"file", "line", "text"}
    assert finding["link"] == "https://github.com/euystacio/meta_salvage/blob/main/docs/runbooks/deploy.md"
    moment = json.loads(files["timeline.jsonl"].splitlines()[0])
    assert set(moment) == {"time", "kind", "namespace", "name", "text", "source"}


def compared(before: FakeBundle, after: FakeBundle) -> Difference:
    both = [(analyze(one.files(), RULES, NOW), read_contents(one.files(), NOW)) for one in (before, after)]
    return difference(both[0][0], both[1][0], both[0][1], both[1][1])


def test_two_bundles_are_compared() -> None:
    image = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a:1"}]}}}}
    other = merged(image, {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a:2"}]}}}})
    before = FakeBundle().crashed(1).add("Deployment", "api", image).add("ConfigMap", "old").log("no space left on device")
    after = FakeBundle().crashed(2).add("Deployment", "api", other).add("ConfigMap", "new").log("no space left on device", seconds_ago=30)
    found = compared(before, after)
    assert [[one.code for one in part] for part in (found.new, found.gone, found.still)] == [
        ["pod.crash.exit-2"],
        ["pod.crash.exit-1"],
        ["storage.full"],
    ]
    assert ("Deployment shop/api", "spec.template.spec.containers[0].image", "a:1", "a:2") in found.changes
    assert ("ConfigMap shop/old", "", "there", "") in found.changes
    assert ("ConfigMap shop/new", "", "", "there") in found.changes
    json.dumps(found.plain())


def test_what_could_not_be_judged_in_one_of_two_bundles_is_neither_new_nor_gone() -> None:
    with_logs, without = FakeBundle().pod().log("no space left on device"), FakeBundle().pod().without("logs")
    assert [one.code for one in compared(with_logs, FakeBundle().pod()).gone] == ["storage.full"]
    for found in (compared(with_logs, without), compared(without, with_logs)):
        assert (found.new, found.gone) == ((), ())


def test_placeholders_which_each_bundle_has_of_its_own_are_no_change() -> None:
    one, other = (FakeBundle().add("Secret", "login", {"data": {"word": f"[redacted:{mark}]"}}) for mark in ("0a1b2c3d", "99887766"))
    assert compared(one, other).changes == ()


def test_two_bundles_of_the_same_cluster_have_no_difference() -> None:
    later = {"metadata": {"resourceVersion": "9"}, "status": {"startTime": ago(1)}}
    assert compared(FakeBundle().pod(owner=""), FakeBundle().pod(changes=later, owner="")).changes == ()
