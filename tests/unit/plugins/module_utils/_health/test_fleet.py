# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import math

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import fleet
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import report_files as store
from hypothesis import given
from hypothesis import strategies as st

NOW = "2026-11-24T14:00:00Z"
HEALTHY = {"schema": 1, "status": "healthy", "generated_at": "2026-11-24T13:00:00Z", "parts": [], "changes": []}


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ({"failed": True, "msg": "kubeconfig /x does not exist"}, "kubeconfig /x does not exist"),
        ({"unreachable": True, "msg": "no route"}, "the host that checks this cluster is unreachable: no route"),
        ({"unreachable": True}, "the host that checks this cluster is unreachable: no reason given"),
        ({"skipped": True}, "its check was skipped"),
        ({"module_stderr": "boom\nTraceback"}, "boom Traceback"),
        ({}, "it was not checked in this run"),
        (None, "it was not checked in this run"),
        ({"report": "text"}, "it was not checked in this run"),
    ],
)
def test_a_dead_cluster_is_reported_with_the_reason(outcome, reason):
    entry = fleet.entry("a", outcome, None, NOW)
    assert entry.report["status"] == "unknown"
    assert entry.report["reason"] == reason
    assert entry.previous_at is None
    assert entry.report["changes"] == []


def test_a_dead_cluster_keeps_what_was_last_known_until_it_is_back():
    first = fleet.entry("a", {"msg": "down"}, HEALTHY, NOW)
    assert first.report["changes"] == [{"id": "cluster", "from": "healthy", "to": "unknown"}]
    second = fleet.entry("a", {"msg": "down"}, first.report, NOW)
    assert second.report["changes"] == []
    assert second.report["last_known"] == HEALTHY
    assert second.previous_at == HEALTHY["generated_at"]
    back = fleet.entry("a", {"report": {**HEALTHY, "changes": [{"id": "x", "from": None, "to": "warning"}]}}, second.report, NOW)
    assert back.report["changes"][0] == {"id": "cluster", "from": "unknown", "to": "healthy"}
    assert len(back.report["changes"]) == 2
    assert "last_known" not in back.report


def test_digest_is_the_findings_and_not_the_times():
    report = {
        **HEALTHY,
        "status": "critical",
        "parts": [
            {
                "name": "pods",
                "status": "critical",
                "checks": [{"id": "pods/b", "status": "healthy"}, {"id": "pods/a", "status": "critical"}],
            }
        ],
    }
    assert fleet.fleet_digest("h", report) == ["h: critical", "h pods/a: critical", "h pods: critical"]
    assert fleet.fleet_digest("h", {**report, "generated_at": NOW, "duration_s": 9}) == fleet.fleet_digest("h", report)
    assert fleet.fleet_digest("h", None) == []


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=15,
)


@given(JSON)
def test_plain_is_strict_json(value):
    assert fleet.plain(json.loads(json.dumps(fleet.plain(value), allow_nan=False))) == fleet.plain(value)


def test_plain_has_no_nan():
    assert fleet.plain({"a": [math.nan, (math.inf, 1.5)]}) == {"a": [None, [None, 1.5]]}


def test_reports_round_trip_and_replace(tmp_path):
    path = store.report_path(tmp_path / "new" / "folder", "prod/eu")
    assert store.load_report(path) is None
    store.write_report(path, json.dumps(HEALTHY))
    store.write_report(path, json.dumps({**HEALTHY, "status": "warning"}))
    assert store.load_report(path)["status"] == "warning"
    assert [file.name for file in path.parent.iterdir()] == ["prod%2Feu.json"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_two_clusters_share_a_file_nor_leave_the_folder(one, other):
    folder = store.Path("/reports")
    try:
        paths = [store.report_path(folder, name) for name in (one, other)]
    except UnicodeEncodeError:  # a lone surrogate is no name of a host
        return
    assert (paths[0] == paths[1]) == (one == other)
    assert all(path.parent == folder and not path.name.startswith(".") for path in paths)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100000])
def test_what_is_no_report_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(SalvageError, match=r"a\.json is not a report of an earlier run"):
        store.load_report(path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SalvageError, match="choose another folder"):
        store.write_report(tmp_path / "file" / "a.json", "{}")
    (tmp_path / "taken.json" / "x").mkdir(parents=True)
    with pytest.raises(SalvageError, match="choose another folder"):
        store.write_report(tmp_path / "taken.json", "{}")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "taken.json"]


def test_a_last_report_with_a_status_that_is_none_is_no_change() -> None:
    for status in ([], {}, None, "", "fine"):
        assert fleet._dead("gone", {"status": status}, {}, "now")["changes"] == []
    assert fleet._dead("gone", {"status": "healthy"}, {}, "now")["changes"] == [{"id": "cluster", "from": "healthy", "to": "unknown"}]
