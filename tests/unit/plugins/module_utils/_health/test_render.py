# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import render
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.render import Entry, findings, html, says, summary
from hypothesis import given
from hypothesis import strategies as st

NOW = "2026-11-24T14:00:00Z"
NASTY = "<script>alert(1)</script>\"'&\x1b[31m\u202e{{ 7 * 7 }}"


def report(status="healthy", **fields):
    return {
        "schema": 1,
        "status": status,
        "generated_at": NOW,
        "duration_s": 0.41,
        "cluster": {"name": "c", "server": "https://10.0.0.1:6443", "version": "v1.34.4"},
        "parts": [],
        "metrics": [],
        "changes": [],
        **fields,
    }


def part(name, status, checks=(), **fields):
    return {"name": name, "status": status, "summary": f"about {name}", "reason": "", "duration_s": 0.01, "checks": list(checks), **fields}


def check(name, status, reason="because", **fields):
    return {
        "id": f"pods/ns/{name}",
        "status": status,
        "reason": reason,
        "subject": {"kind": "Pod", "namespace": "ns", "name": name},
        **fields,
    }


def metric(status="healthy", value=0.93, history=(), **fields):
    return {
        "name": "qek",
        "status": status,
        "value": value,
        "history": list(history),
        "limits": {"critical_min": 0.85, "warning_min": 0.88, "ideal": 0.938},
        **fields,
    }


class Page(HTMLParser):
    """The page as a browser sees it: tags with attributes, and text."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.said, self._silent = [], [], False
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._silent = tag == "style"

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        if not self._silent:
            self.said.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.said).split())

    def classes(self, tag=None):
        return [attrs.get("class", "").split() for name, attrs in self.tags if tag in {None, name}]


def page(*entries):
    return Page(html(entries, generated_at=NOW))


def test_page_needs_nothing_else():
    markup = html([Entry("local", report(metrics=[metric(history=[[0, 0.9], [60, 0.91]])]))], generated_at=NOW)
    assert not re.search(r"(?i)(src|href)=\"(?!#)|url\((?!#)|@import|<script|<link", markup)


def test_everything_foreign_is_escaped():
    everything = report(
        "critical",
        cluster={"server": NASTY, "version": NASTY},
        parts=[
            part(NASTY, "critical", [check(NASTY, "critical", NASTY, since=NASTY, evidence={NASTY: NASTY})], reason=NASTY, summary=NASTY)
        ],
        metrics=[metric(name=NASTY, reason=NASTY, history=[[0, 1.0], [60, 1.0]])],
        changes=[{"id": NASTY, "from": None, "to": "critical"}],
    )
    drawn = page(Entry(NASTY, everything, NASTY), Entry("other", report()))
    assert "script" not in [tag for tag, _attrs in drawn.tags]
    assert "alert(1)" in drawn.text
    assert "{{ 7 * 7 }}" in drawn.text
    assert not re.search("[\x1b\u202e]", drawn.text)


@pytest.mark.parametrize("status", ["unknown", "great", None, 1, ["healthy"]])
def test_what_is_not_known_is_never_shown_as_healthy(status):
    drawn = page(Entry("local", report(status, parts=[part("pods", status)], metrics=[metric(status)])))
    shown = [name for name in drawn.classes() for name in name]
    assert "healthy" not in shown
    assert "unknown" in shown
    assert "Healthy" not in drawn.text


def test_status_is_told_by_shape_and_word_as_well_as_colour():
    drawn = page(Entry("local", report("warning", parts=[part("pods", "warning", [check("a", "warning")])])))
    assert "Warning" in drawn.text
    assert ("use", {"href": "#warning"}) in drawn.tags


def test_findings_are_worst_first_and_parts_without_checks_speak():
    told = report(
        "critical",
        parts=[
            part("pods", "critical", [check("w", "warning"), check("h", "healthy"), check("c", "critical")]),
            part("alerts", "unknown", reason="Prometheus is unreachable"),
            part("nodes", "healthy"),
        ],
    )
    assert [(f.status, f.subject) for f in findings(told)] == [("critical", "Pod ns/c"), ("unknown", "alerts"), ("warning", "Pod ns/w")]
    assert says(told) == "Pod ns/c: because (and 2 more)"
    assert says(report(parts=[part("nodes", "healthy")])) == "about nodes"
    assert says(report()) == "every check is healthy"
    assert says(report("unknown", reason="no answer")) == "cluster: no answer"


def test_a_silenced_alert_is_noted_and_no_finding():
    silenced = check("a", "healthy", "QEKBelowMinimum fires, silenced by ann")
    told = report(parts=[part("alerts", "healthy", [silenced, check("b", "healthy", "")])])
    assert findings(told) == []
    assert "silenced by ann" in page(Entry("local", told)).text
    assert "Noted" not in page(Entry("local", report())).text


def test_long_lists_say_how_much_is_left_out():
    many = [check(str(n), "critical") for n in range(render.MAX_FINDINGS + 7)]
    moves = [{"id": str(n), "from": "healthy", "to": "critical"} for n in range(render.MAX_CHANGES + 3)]
    text = page(Entry("local", report("critical", parts=[part("pods", "critical", many)], changes=moves), NOW)).text
    assert "7 more are in the JSON report" in text
    assert "3 more are in the JSON report" in text


def test_changes_say_what_came_and_went():
    moves = [{"id": "a", "from": None, "to": "critical"}, {"id": "b", "from": "warning", "to": None}]
    assert "not there" in page(Entry("local", report(changes=moves), NOW)).text
    assert "gone" in page(Entry("local", report(changes=moves), NOW)).text
    assert "No status changed" in page(Entry("local", report(), NOW)).text
    assert "no earlier report" in page(Entry("local", report())).text


@pytest.mark.parametrize(
    ("history", "paths", "dots"),
    [
        ([], 0, 0),
        ([[0, None]], 0, 0),
        ([[0, 0.9]], 0, 1),
        ([[0, 0.9], [60, 0.91]], 1, 0),
        ([[0, float("nan")], [60, 0.9]], 0, 1),
        ("text", 0, 0),
        ([7, "ab"], 0, 0),
    ],
)
def test_plots_of_few_points(history, paths, dots):
    drawn = page(Entry("local", report(metrics=[metric(history=history)], generated_at="")))
    assert sum("line" in names for names in drawn.classes("path")) == paths
    assert sum("dot" in names for names in drawn.classes("circle")) == dots
    assert ("no history to draw" in drawn.text) == (paths + dots == 0)


def test_metric_without_value_or_limits():
    drawn = page(Entry("local", report("unknown", metrics=[metric("unknown", None, [[0, 0.9]], limits=None, reason="no sample")])))
    assert "no value" in drawn.text
    assert not [names for names in drawn.classes("line") if "mark" in names]


def test_the_value_that_was_judged_ends_the_plot():
    behind = metric("critical", 0.82, [[1795528680, 0.938], [1795528740, 0.938]])
    drawn = page(Entry("local", report("critical", metrics=[behind])))
    label = next(attrs["aria-label"] for tag, attrs in drawn.tags if tag == "svg" and attrs.get("class") == "plot")
    assert label.endswith("lowest 0.82, highest 0.938, last 0.82, ideal 0.938, warning 0.88, critical 0.85")


def test_limits_are_lines_of_the_plot():
    drawn = page(Entry("local", report(metrics=[metric(history=[[0, 0.9], [60, 0.9]])])))
    assert all(f"{limit} {value}" in drawn.text for limit, value in (("critical", 0.85), ("warning", 0.88), ("ideal", 0.938)))
    only_one = metric(history=[[0, 0.9], [60, 0.9]], limits=None, limit="warning_min", limit_value=0.88, ideal=None)
    assert [names for names in page(Entry("local", report(metrics=[only_one]))).classes("line") if "mark" in names] == [["mark", "warning"]]


def test_parts_that_were_not_asked_are_named():
    text = page(Entry("local", report(parts=[part(name, "healthy") for name in render.PARTS if name != "backup"]))).text
    assert "Not asked: backup." in text


def test_fleet_overview_is_worst_first():
    drawn = page(Entry("a", report()), Entry("b", report("critical")), Entry("c", report("unknown")))
    assert re.findall("#cluster-. ?", " ".join(attrs["href"] for tag, attrs in drawn.tags if tag == "a"))
    assert drawn.text.index(" b ") < drawn.text.index(" c ") < drawn.text.index(" a ")
    assert "3 clusters: 1 critical, 1 unknown, 1 healthy" in drawn.text


def test_times_are_utc_and_odd_times_stay():
    text = page(
        Entry("local", report("critical", parts=[part("p", "critical", [check("x", "critical", since="2026-11-24T15:00:00+02:00")])]))
    ).text
    assert "since 2026-11-24 13:00 UTC" in text
    assert render._when(0.5) == "1970-01-01 00:00 UTC"
    assert render._when(1e40) == "1e+40"
    assert render._when("yesterday") == "yesterday"


def test_jinja2_missing_is_one_sentence(monkeypatch):
    monkeypatch.setattr(render, "jinja2", None)
    with pytest.raises(SalvageError, match="jinja2"):
        html([], generated_at=NOW)


def test_summary_of_one_cluster():
    told = report(
        "critical",
        parts=[part("pods", "critical", [check("a", "critical", "CrashLoopBackOff")])],
        changes=[{"id": "a", "from": None, "to": "critical"}],
    )
    assert [line for _status, line in summary([Entry("local", told, NOW)])] == [
        "CRITICAL  local  1 worse, 0 better since the last run; https://10.0.0.1:6443, v1.34.4, 2026-11-24 14:00 UTC, in 0.41 s",
        "  critical  Pod ns/a: CrashLoopBackOff",
    ]


def test_summary_of_a_healthy_cluster_says_what_was_looked_at():
    lines = summary([Entry("local", report(parts=[part("pods", "healthy"), part("nodes", "healthy")]), NOW)])
    assert lines[1] == ("healthy", "  about pods; about nodes")
    assert "nothing changed since the last run" in lines[0][1]


def test_summary_lines_carry_no_control_characters():
    told = report("critical", parts=[part("pods", "critical", [check("a", "critical", NASTY)])])
    assert not [line for _status, line in summary([Entry(NASTY, told)]) if re.search("[\x00-\x1f\x7f\u202e]", line)]


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(render.WORST_FIRST)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "parts",
                    "checks",
                    "metrics",
                    "history",
                    "limits",
                    "changes",
                    "id",
                    "reason",
                    "name",
                    "cluster",
                    "subject",
                    "from",
                    "to",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)
REPORTS = st.dictionaries(
    st.sampled_from(["status", "parts", "metrics", "changes", "cluster", "generated_at", "duration_s", "reason"]), JUNK
)


@given(st.lists(REPORTS, max_size=40), st.integers(3, 25))
def test_summary_is_bounded_and_never_fails(reports, limit):
    entries = [Entry(f"cluster-{n}", told) for n, told in enumerate(reports)]
    lines = summary(entries, width=80, lines=limit)
    assert len(lines) <= limit
    assert all(len(line) <= 80 and "\n" not in line for _status, line in lines)
    if entries:
        assert lines[0][0] == render.fleet_status(entries)


@given(REPORTS)
def test_any_report_gives_a_page(told):
    drawn = page(Entry("local", told))
    if told.get("status") != "healthy":
        assert drawn.classes("header") != [["healthy"]]
