# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from ansible_collections.euystacio.meta_salvage.plugins.action import health_report
from ansible_collections.euystacio.meta_salvage.plugins.lookup import health_report as lookup

REPORT = {"schema": 1, "status": "healthy", "generated_at": "2026-11-24T14:00:00Z", "parts": [], "metrics": [], "changes": []}


@pytest.fixture
def said(monkeypatch):
    lines = []
    screen = SimpleNamespace(display=lambda line, color=None: lines.append(line), warning=lambda text: lines.append(f"WARNING {text}"))
    monkeypatch.setattr(health_report, "display", screen)
    return lines


def run(folder, results, check_mode=False, **options):
    task = SimpleNamespace(
        action="euystacio.meta_salvage.health_report",
        args={"results": results, "path": str(folder), **options},
        async_val=0,
        check_mode=check_mode,
        diff=True,
        environment=None,
    )
    shell = SimpleNamespace(tmpdir=None)
    plugin = health_report.ActionModule(task, SimpleNamespace(_shell=shell), SimpleNamespace(), None, None, None)
    plugin._make_tmp_path = lambda: "/nowhere"
    return plugin.run(task_vars={})


def test_writes_a_file_for_each_cluster_the_fleet_and_the_page(tmp_path, said):
    done = run(tmp_path / "new", {"a": {"report": REPORT}, "b": {"failed": True, "msg": "kubeconfig /x does not exist"}})
    assert done["status"] == "unknown"
    assert {host: cluster["status"] for host, cluster in done["clusters"].items()} == {"a": "healthy", "b": "unknown"}
    assert json.loads((tmp_path / "new" / "a.json").read_text())["status"] == "healthy"
    assert json.loads((tmp_path / "new" / "b.json").read_text())["reason"] == "kubeconfig /x does not exist"
    assert json.loads((tmp_path / "new" / "fleet.json").read_text())["clusters"] == done["clusters"]
    assert "kubeconfig /x does not exist" in (tmp_path / "new" / "health.html").read_text()
    assert said == done["summary"]
    assert said[-1] == f"Report: {tmp_path}/new/health.html"
    assert len(said) <= 25


def test_changed_and_diff_tell_whether_the_findings_are_others(tmp_path, said):
    first = run(tmp_path, {"a": {"report": REPORT}})
    same = run(tmp_path, {"a": {"report": {**REPORT, "generated_at": "2026-11-24T15:00:00Z"}}})
    worse = run(tmp_path, {"a": {"report": {**REPORT, "status": "critical"}}})
    assert [first["changed"], same["changed"], worse["changed"]] == [True, False, True]
    assert (worse["diff"]["before"], worse["diff"]["after"]) == ("a: healthy\n", "a: critical\n")
    assert "15:00 UTC" in (tmp_path / "health.html").read_text()


def test_check_mode_predicts_and_writes_nothing(tmp_path, said):
    done = run(tmp_path / "new", {"a": {"report": REPORT}}, check_mode=True)
    assert done["changed"]
    assert not (tmp_path / "new").exists()
    assert said[-1].startswith("Check mode:")


def test_check_mode_names_no_file_that_is_not_there(tmp_path, said):
    done = run(tmp_path / "new", {"a": {"report": REPORT}}, check_mode=True)
    assert (done["html"], done["json"], done["clusters"]["a"]["json"]) == ("", "", "")
    assert done["summary"][-1] == f"Check mode: no report was written. There is no {tmp_path / 'new' / 'health.html'} yet."
    run(tmp_path / "new", {"a": {"report": REPORT}})
    done = run(tmp_path / "new", {"a": {"report": REPORT}}, check_mode=True)
    assert done["html"] == str(tmp_path / "new" / "health.html")
    assert done["summary"][-1].endswith("health.html is of an earlier run.")


def test_an_earlier_file_that_is_no_report_is_told_and_replaced(tmp_path, said):
    (tmp_path / "a.json").write_text("{")
    assert run(tmp_path, {"a": {"report": REPORT}})["changed"]
    assert said[0].startswith(f"WARNING {tmp_path}/a.json is not a report of an earlier run")
    assert json.loads((tmp_path / "a.json").read_text()) == REPORT


def test_a_folder_that_cannot_be_written_fails_in_one_sentence(tmp_path, said):
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleError, match="choose another folder"):
        run(tmp_path / "file", {"a": {"report": REPORT}})


@pytest.mark.parametrize(("callback", "shown"), [("default", True), ("ansible.posix.json", False), ("ansible.posix.jsonl", False)])
def test_nothing_is_printed_into_json(tmp_path, said, monkeypatch, callback, shown):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    run(tmp_path, {"a": {"report": REPORT}})
    assert bool(said) == shown


def test_show_can_be_turned_off(tmp_path, said):
    assert run(tmp_path, {"a": {"report": REPORT}}, show=False)["summary"]
    assert not said


def test_values_that_are_no_json_are_written_as_null(tmp_path, said):
    run(tmp_path, {"a": {"report": {**REPORT, "metrics": [{"name": "qek", "value": float("nan"), "history": [[0, float("inf")]]}]}}})
    metric = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)["metrics"][0]
    assert metric == {"name": "qek", "value": None, "history": [[0, None]]}


def last(folder, host):
    plugin = lookup.LookupModule()
    plugin.set_options = lambda var_options, direct: plugin._options.update(direct)  # Ansible's own needs the plugin's loader
    return plugin.run([host], {}, path=str(folder))[0]


def test_lookup_gives_the_last_report_that_knew_something(tmp_path, said):
    assert last(tmp_path, "a") == {}
    run(tmp_path, {"a": {"report": REPORT}})
    assert last(tmp_path, "a") == REPORT
    run(tmp_path, {"a": {"unreachable": True}})
    run(tmp_path, {"a": {"unreachable": True}})
    assert last(tmp_path, "a") == REPORT


def test_lookup_warns_of_a_file_that_is_no_report(tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(lookup, "display", SimpleNamespace(warning=warnings.append))
    (tmp_path / "a.json").write_text("{")
    assert last(tmp_path, "a") == {}
    assert len(warnings) == 1
