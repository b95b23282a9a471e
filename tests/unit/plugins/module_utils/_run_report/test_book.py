# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report import book as books
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.book import RunBook, TaskKnown
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.evidence import run_evidence
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.junit import run_junit
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.page import run_page
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.record import PlaybookRun
from hypothesis import given
from hypothesis import strategies as st

BAKE = {"verdict": "failed", "reason": "errors: 36 of 900", "evidence": 21043.5, "changed": False}


def book(*steps: tuple[str, str, dict[str, Any]], host: str = "eu", module: str = "euystacio.meta_salvage.bake", **run: Any) -> RunBook:
    """Steps of one second each: name, status, result."""
    made = RunBook(PlaybookRun("deploy", "deploy.yml", 1000.0, **run))
    for number, (name, status, result) in enumerate(steps):
        task = TaskKnown(str(number), host, name, "deploy", module)
        made.begins(task, 1000.0 + number)
        made.ends(task, status, result, 1001.0 + number)
    return made


def record(made: RunBook, **rescued: int) -> dict[str, Any]:
    return dict(outgoing(made.closes(1100.0, rescued).as_dict()))


def test_a_run_has_its_steps_their_times_and_what_was_decided() -> None:
    found = record(
        book(("Watch", "ok", BAKE), ("Skip", "skipped", {}), ("Write", "ok", {"changed": True, "counts": {"created": 2, "kept": 0}}))
    )
    assert [(step["name"], step["status"], step["seconds"]) for step in found["steps"]] == [("Watch", "ok", 1.0), ("Write", "changed", 1.0)]
    assert found["counts"] == {"ok": 1, "skipped": 1, "changed": 1}
    assert found["decisions"][0]["word"] == "failed" and found["decisions"][0]["evidence"] == {"evidence": 21043.5}
    assert found["changes"][0]["what"] == "created: 2"
    assert (found["result"], found["left"]) == ("done", [])


def test_a_failure_that_was_rescued_is_not_left_to_do_and_the_last_one_is() -> None:
    steps = (("First", "failed", {"msg": "no"}), ("Back", "ok", {}), ("Report", "failed", {"msg": "it was taken back"}))
    found = record(book(*steps), eu=1)
    assert [step["status"] for step in found["steps"]] == ["rescued", "ok", "failed"]
    assert [one["what"] for one in found["left"]] == ["it was taken back"]
    assert found["result"] == "failed"
    assert record(book(*steps[:2]), eu=1)["result"] == "done"


def test_check_mode_says_what_a_run_would_change() -> None:
    found = record(book(("Write", "ok", {"changed": True}), check=True))
    assert found["result"] == "planned"
    assert found["left"][0]["what"] == "Nothing was changed. A run would make 1 changes"


def test_what_only_says_something_is_no_change() -> None:
    assert record(book(("Set", "ok", {"changed": True}), module="ansible.builtin.set_fact"))["changes"] == []


def test_a_run_of_many_steps_is_counted_and_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "MOST_LISTED", 3)
    found = record(book(*((f"step {number}", "ok", BAKE) for number in range(5))))
    assert len(found["steps"]) == 3 and found["not_listed"] == {"steps": 2, "decisions": 2} and found["counts"] == {"ok": 5}
    assert "2 more were counted and not listed." in run_page(found)


HOSTILE = st.text(alphabet=st.characters(), max_size=30) | st.sampled_from(
    ["</td><script>alert(1)</script>", "]]>&\x00\ud800", '" onload="x', "token=canary0123456789abcdef"]
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_and_no_message_breaks_out_of_a_page_or_a_file(name: str, reason: str, host: str) -> None:
    made = book(
        (name, "failed", {"msg": reason}), (name, "ok", {**BAKE, "reason": reason, "changed": True, "problems": [reason]}), host=host
    )
    found = record(made)
    page, junit = run_page(found), run_junit(found)
    for text in (page, junit.decode(), json.dumps(found)):
        assert "canary0123456789abcdef" not in text
    assert "<script" not in page.partition("<body>")[2] and not re.search(r"<[^>]*\son\w+=", page)
    cases = ET.fromstring(junit).findall("testcase")
    assert len(cases) == 2 and cases[0].find("failure") is not None
    assert len(run_page(found).encode(errors="replace")) < 100_000


def test_the_page_tells_first_what_is_left() -> None:
    page = run_page(record(book(("Watch", "ok", BAKE), ("End", "failed", {"msg": "it <was> taken back"}), who="anna", job="17")))
    order = [page.index(word) for word in (">Left to do<", ">Decisions<", ">Changes<", ">Steps<")]
    assert order == sorted(order)
    assert "it &lt;was&gt; taken back" in page and "by anna, job 17" in page and "http" not in page.partition("<body>")[2]


def test_evidence_of_an_incident_is_texts_and_numbers() -> None:
    run = book(("Watch", "ok", BAKE), ("End", "failed", {"msg": "taken back"}), who="anna").closes(1100.0, {})
    found = run_evidence(run, "/runs/x.html", "ab" * 32)
    assert found["title"] == "deploy: failed"
    assert found["facts"]["decisions"] == "eu: failed, errors: 36 of 900" and found["facts"]["left"] == "eu: taken back"
    assert found["facts"]["sha256"] == "ab" * 32 and "job" not in found["facts"]
    assert all(isinstance(value, (str, int, float)) for value in found["facts"].values())
