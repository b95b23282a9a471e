# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The draft of a post-mortem: derived, cited, and the same for the same record."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import info_task, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.metrics import metrics_of, prometheus_text

NOON = 1795608000.0  # 2026-11-25T12:00:00Z
MINUTE = 60.0
ALERT = {"fingerprint": "a", "startsAt": "2026-11-25T11:58:00Z", "labels": {"alertname": "QEKBelowMinimum", "severity": "critical"}}
HEALTH = {
    "status": "critical",
    "parts": [
        {
            "name": "workloads",
            "status": "critical",
            "checks": [
                {"status": "critical", "subject": {"kind": "Deployment", "namespace": "euystacio-ai", "name": "euystacio-api"}},
                {"status": "healthy", "subject": {"kind": "Deployment", "namespace": "euystacio-ai", "name": "other"}},
            ],
        }
    ],
}
TEMPLATES = {
    "status_page": {"audience": "public", "text": "{{ what }} {{ state_of_work }} Since {{ since }}."},
    "mail": {"audience": "stakeholders", "text": "{{ severity }} {{ title }} in {{ cluster }}: {{ blast_radius.workloads | join(', ') }}"},
}


@pytest.fixture
def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any]) -> Callable[..., Any]:
    """An incident that was worked on, as incident_info shows it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = {"dir": str(tmp_path / "incidents"), "who": "ops"}

    def change(minute: float, **given: Any) -> None:
        task.run({**place, **given}, NOON + minute * MINUTE, check_mode=False)

    change(
        0, state="opened", alerts=[ALERT], health=HEALTH, error_rate=0.6, plan=plan, cluster_name="production", providers=["provider-dusk"]
    )
    change(3, acknowledged=True, roles={"commander": "alice"}, text="<script>alert(1)</script> | [x](javascript:y) `z`")
    change(7, watch=True)
    change(
        8,
        evidence=[{"kind": "deploy", "title": "Deployment of euystacio-api", "facts": {"result": "failed"}}],
        public_text="Logging in is slow.",
    )
    change(10, state="mitigated", why="rolled back")
    change(40, state="resolved", why="fixed", skipped=[{"item": "monitor", "why": "not needed"}])
    change(41, actions=[{"title": "Add a test", "owner": "bob", "due": "2026-12-01"}])
    return lambda **given: info_task.run({**place, "reports": True, **given}, NOON + 50 * MINUTE)


def test_every_derived_sentence_cites_entries_that_are_there(worked: Any) -> None:
    (found,) = worked(records=True)["incidents"]
    text = found["markdown"]
    numbers = {record["number"] for record in found["records"]}
    assert {int(one) for one in re.findall(r"\[#(\d+)\]", text)} <= numbers
    derived = text.partition("## Action items")[0]
    assert [line for line in derived.splitlines() if line.startswith("- ") and not re.search(r"\[#\d+\]$", line)] == []
    assert "- It began 2026-11-25 11:58:00 UTC. [#3]" in text
    assert "- 60.0% of requests failed. [#4]" in text
    assert "| detect | 2 min | [#1] |" in text
    assert "| acknowledge | 3 min | [#1] [#6] |" in text
    mitigated, resolved = (next(one["number"] for one in found["records"] if one["kind"] == kind) for kind in ("mitigated", "resolved"))
    assert f"| mitigate | 10 min | [#1] [#{mitigated}] |" in text
    assert f"| resolve | 40 min | [#1] [#{resolved}] |" in text
    assert "- 1 alert fired (" in text
    assert "- It lasted 12 min until it was mitigated. [#1]" in text
    assert "Deployment of euystacio-api (result: failed)" in text
    assert "| Add a test | bob | 2026-12-01 | no |" in text
    assert "<script>" not in text and "\\<script\\>" in text
    assert text.count("\n| #") == found["entries"]


def test_the_same_record_gives_the_same_bytes(worked: Any) -> None:
    first, second = worked()["incidents"][0], worked()["incidents"][0]
    assert (first["markdown"], first["html"]) == (second["markdown"], second["html"])


class Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "line"}:
            self.open.append(tag)
        for name, value in attrs:
            {"id": self.ids, "href": self.links, "src": self.outside}.get(name, []).append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_links_only_within_itself(worked: Any) -> None:
    result = worked()
    for page in (result["incidents"][0]["html"], result["metrics_html"]):
        reader = Reader()
        reader.feed(page)
        assert (reader.open, reader.outside) == ([], [])
        assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
        assert len(reader.ids) == len(set(reader.ids))
    assert "<script" not in result["incidents"][0]["html"].lower()


def test_each_audience_reads_its_own_words(worked: Any) -> None:
    (found,) = worked(templates=TEMPLATES)["incidents"]
    assert found["texts"] == {
        "status_page": "Logging in is slow. It is resolved. Since 2026-11-25 11:58:00 UTC.",
        "mail": "P0 QEKBelowMinimum in production: Deployment euystacio-ai/euystacio-api",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ what }} on euystacio-api", "the internal name euystacio-api"),
        ("provider-dusk is affected", "the internal name provider-dusk"),
        ("Ask ALICE", "the internal name alice"),
        ("pod euystacio-api-7f9c is slow", "the internal name euystacio-api"),
        ("in Production", "the internal name production"),
        ("{{ title }}", "'title' is undefined"),
        ("{{ what.__class__.__mro__ }}", "can't be used"),
        ("{% for", "can't be used"),
        ("{{ 1 // 0 }}", "can't be used"),
    ],
)
def test_what_the_public_must_not_read_is_refused(worked: Any, text: str, words: str) -> None:
    with pytest.raises(SalvageError) as failure:
        worked(templates={"page": {"audience": "public", "text": text}})
    assert words in str(failure.value)


def test_a_word_that_only_begins_like_a_name_is_no_name(worked: Any) -> None:
    (found,) = worked(templates={"page": {"audience": "public", "text": "productions"}})["incidents"]
    assert found["texts"]["page"] == "productions"


@pytest.mark.parametrize("template", ["text", {"text": "x"}, {"audience": "public", "text": "x", "more": 1}])
def test_a_template_that_is_none(worked: Any, template: Any) -> None:
    with pytest.raises(SalvageError, match=r"templates.page is .*; write an audience and a text"):
        worked(templates={"page": template})


def test_the_metrics_are_means_over_incidents(worked: Any) -> None:
    result = worked()
    p0 = {"count": 1, "open": 0, "mttd": 120.0, "mtta": 180.0, "mttm": 600.0, "mttr": 2400.0}
    none = {"count": 0, "open": 0, "mttd": None, "mtta": None, "mttm": None, "mttr": None}
    assert result["metrics"] == {"severities": {"P0": p0, "P1": none, "P2": none, "P3": none}, "all": p0, "cancelled": 0}
    assert 'meta_salvage_incidents{severity="P0"} 1' in result["metrics_text"].splitlines()
    assert 'meta_salvage_incident_mean_time_to_resolve_seconds{severity="P0"} 2400.0' in result["metrics_text"].splitlines()
    assert "None" not in result["metrics_text"]
    assert "mean_time" not in prometheus_text(metrics_of([]))
