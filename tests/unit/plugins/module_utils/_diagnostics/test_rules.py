# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules, with_own_rules
from fake_bundle import NOW, FakeBundle

from tools.env import CHECKOUT

GOOD = """
findings:
  - code: own.slow-pod
    severity: warning
    kind: Pod
    where: [{path: status.phase, is: Running}]
    title: Pod {pod}
    meaning: It is slow.
    advice: Wait.
    link: https://wiki.example/slow
"""


W = "own.yml: rule own.slow-pod: "


def refused(text: str) -> str:
    with pytest.raises(SalvageError) as caught:
        rules_of({"own.yml": text})
    assert caught.value.reason == "bad_input"
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("own.slow-pod", "Slow Pod", "own.yml: rule 1: code: 'Slow Pod' is not a code"),
        ("severity: warning", "severity: bad", W + "severity: 'bad' is not one of critical, warning, info"),
        ("severity: warning", "", W + "severity: None is not one of"),
        ("kind: Pod", "kindd: Pod", W + "has the unknown field 'kindd'"),
        ("kind: Pod", "file: secrets/x.json", W + "file: 'secrets/x.json' is not a file of a bundle"),
        ("kind: Pod", "", W + "has no condition"),
        ("kind: Pod", "kind: [1]", W + "kind: [1] is not a word"),
        ("path: status.phase", "path: status..phase", W + "where[1].path: 'status..phase' is not a path from its character 7"),
        ("path: status.phase", "path: [3]", W + "where[1].path: 3 is not a path"),
        ("is: Running", "equals: Running", W + "where[1]: has the unknown field 'equals'"),
        ("is: Running", "is: Running, not: A", W + "where[1]: has 2 comparisons"),
        ("is: Running", "is: {a: 1}", W + "where[1].is: {'a': 1} is not a value"),
        ("is: Running", "matches: '(a{0,9}){0,99}'", W + "where[1].matches: '(a{0,9}){0,99}' could take too long"),
        ("is: Running", "above: many", W + "where[1].above: 'many' is not a number"),
        ("is: Running", "above: .nan", "own.yml, line 6: JSON has no such number"),
        ("is: Running", "newer: soon", W + "where[1].newer: 'soon' is not a duration"),
        ("is: Running", "exists: 1", W + "where[1].exists: 1 is not true or false"),
        ("where: [", "where: [{any: []}, ", W + "where[1].any: [] is not a list"),
        ("where: [{path: status.phase, is: Running}]", "where: 3", W + "where: 3 is not a list"),
        ("title: Pod {pod}", "title: Pod {prod}", W + "title: refers to {prod}, which is none of"),
        ("meaning: It is slow.", "", W + "meaning: is missing"),
        ("link: https://wiki.example/slow", "link: javascript:alert(1)", W + "link: 'javascript:alert(1)' is not a page"),
        ("kind: Pod", "kind: Pod\n    check: reboot", W + "check: 'reboot' is not one of backend_missing"),
        ("kind: Pod", "kind: Pod\n    check: crashing\n    args: {exits: [1]}", W + "args: has the unknown argument 'exits'"),
        ("kind: Pod", "kind: Pod\n    check: crashing\n    args: {exit: 1}", W + "args.exit: 1 is not a list"),
        ("kind: Pod", "kind: Pod\n    event: {within: 5m}", W + "event: has no reason and no message"),
        ("kind: Pod", "kind: Pod\n    event: {reason: [A], message: '.*'}", W + "event.message: '.*' repeats without an end"),
        ("kind: Pod", "kind: Pod\n    log: {matches: abcd}", W + "log.has: None is not a word"),
        ("kind: Pod", "kind: Pod\n    log: {has: [a]}", W + "log.has: has a word of fewer than four characters"),
        ("kind: Pod", "kind: Pod\n    metric: {name: a}", W + "metric: gives not exactly one of above, below"),
        ("kind: Pod", "kind: Pod\n    with: [{path: a, is: 1}]", W + "with: needs each"),
        ("kind: Pod", "kind: Pod\n    file: opa/health.json", W + "has both kind and file"),
        ("kind: Pod", "event: {reason: A}", W + "has where, each, with"),
        ("findings:", "rules:", "own.yml: has the unknown field 'rules'"),
        ("findings:", "without: [own.gone]\nfindings:", "own.yml: without: 'own.gone' is the code of no rule"),
        ("findings:", "- findings:", "own.yml: [{'findings'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_said_in_one_sentence(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert refused(GOOD.replace(old, new, 1)).startswith(says)


def test_a_code_twice_in_one_file_is_refused_and_text_that_is_not_yaml() -> None:
    assert W + "code: is in this file twice" in refused(GOOD + GOOD.split("findings:\n")[1])
    assert refused("findings: [").startswith("own.yml, line 2 is not YAML")


def test_a_rule_of_the_user_finds_replaces_and_turns_off(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(GOOD.replace("own.slow-pod", "pod.crash.exit-1") + "without: [pod.crash.exit-2]\n")
    rules = rules_of(with_own_rules([str(tmp_path)]))
    assert len(rules) == len(rules_of(shipped_rules())) - 1
    found = analyze(FakeBundle().pod().files(), rules, NOW).findings
    assert [(one.code, one.link, one.severity) for one in found] == [("pod.crash.exit-1", "https://wiki.example/slow", "warning")]


@pytest.mark.parametrize("name", ["gone.yml", "folder", "latin.yml"])
def test_rules_that_cannot_be_read_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.yml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SalvageError, match=name):
        with_own_rules([str(tmp_path / name)])


def test_the_links_of_the_shipped_rules_lead_to_pages() -> None:
    links = {rule.link for rule in rules_of(shipped_rules()) if not rule.link.startswith("https://")}
    assert {link for link in links if not (CHECKOUT / link).is_file()} == set()
