# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs on an API server that answers well, badly, or not at all."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import session
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics import logs, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.collector import Collector
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.existing import files_in
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Leak, Redactor
from fake_web import Web, refusal

SECRET = "Zr8-kanne-Moor-41"
NOW = when("2026-11-26T12:30:00Z")
RESET = object()


def kinds(**names: str) -> dict[str, Any]:
    return {
        "resources": [
            {"name": name, "kind": kind, "namespaced": kind not in {"Node", "Namespace"}, "verbs": ["list"]} for name, kind in names.items()
        ]
    }


def pod(name: str, *, restarts: int = 0) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}} if restarts else {}
    status = {"name": "main", "state": {"running": {}}, "lastState": ended, "restartCount": restarts, "ready": not restarts}
    return {
        "metadata": {"name": name, "namespace": "a", "managedFields": [{"manager": "x"}]},
        "spec": {"containers": [{"name": "main", "env": [{"name": "API_TOKEN", "value": "variable-Secret-7"}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [status]},
    }


def log(*texts: str) -> tuple[int, str, str]:
    return 200, "text/plain", "".join(f"2026-11-26T12:00:{n:02}.000000000Z {text}\n" for n, text in enumerate(texts))


class Town(dict[str, Any]):
    """Answers by path; ``before`` may give another one."""

    def __init__(self) -> None:
        secret = {"metadata": {"name": "db", "namespace": "a"}, "type": "Opaque", "data": {"x": base64.b64encode(SECRET.encode()).decode()}}
        event = {
            "metadata": {"name": "ill.1", "namespace": "a"},
            "reason": "BackOff",
            "message": f"the password is {SECRET}",
            "involvedObject": {"kind": "Pod", "name": "ill", "namespace": "a"},
            "lastTimestamp": "2026-11-26T12:00:00Z",
        }
        super().__init__(
            {
                "/version": {"gitVersion": "v1.34.4"},
                "/api": {"versions": ["v1"]},
                "/apis": {"groups": []},
                "/api/v1": kinds(pods="Pod", configmaps="ConfigMap", secrets="Secret", events="Event", nodes="Node"),
                "/api/v1/namespaces/a/pods": {"items": [pod("ill", restarts=3), pod("well")]},
                "/api/v1/namespaces/a/configmaps": {"items": [{"metadata": {"name": "c"}, "data": {"text": f"see {SECRET}"}}]},
                "/api/v1/namespaces/a/secrets": {"items": [secret]},
                "/api/v1/namespaces/a/events": {"items": [event]},
                "/api/v1/namespaces/default/events": {"items": []},
                "/api/v1/nodes": {"items": [{"metadata": {"name": "n"}}]},
                "/api/v1/namespaces/a/pods/ill/log": log("starts", f"cannot log in with {SECRET} or variable-Secret-7"),
                "/api/v1/namespaces/a/pods/well/log": log("serves"),
            }
        )
        self.before: Any = lambda path: None

    def get(self, path: str, default: Any = None) -> Any:
        found = self.before(path)
        return [b""] if found is RESET else super().get(path) if found is None else found


@pytest.fixture
def town(web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(session, "pause", lambda attempt, answer: 0.0)
    answers = Town()
    web.answers = answers
    yield answers


@pytest.fixture
def run(web: Web, town: Town, tmp_path: Path) -> Any:
    def call(check_mode: bool = False, **options: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
        given = {
            "host": web.url,
            "api_key": "login",
            "path": str(tmp_path / "bundle.tar.gz"),
            "namespaces": ["a"],
            "only": ["objects", "cluster", "events", "logs"],
            "request_timeout": 2.0,
            **options,
        }
        result = task.run(given, check_mode=check_mode, now=NOW)
        return result, {} if check_mode else dict(files_in(Path(result["path"]), 10**9))

    return call


def one(result: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [collector for collector in result["collectors"] if collector["name"] == name]
    return found


def test_everything_is_there_and_no_secret_value_is(run: Any, tmp_path: Path) -> None:
    result, files = run()
    assert result["complete"], result
    assert {path for path in files if path.startswith("logs/")} == {
        "logs/a/ill/main.log",
        "logs/a/ill/main.previous.log",
        "logs/a/well/main.log",
    }
    assert b"serves" in files["logs/a/well/main.log"]
    whole = b"".join(files.values())
    for value in (SECRET, base64.b64encode(SECRET.encode()).decode(), "variable-Secret-7", "managedFields"):
        assert value.encode() not in whole
    index = json.loads(files["index.json"])
    assert set(index["files"]) == set(files) - {"index.json"}
    assert (index["cluster"], index["collected_at"], index["since_seconds"], index["namespaces"]) == (
        "cluster",
        "2026-11-26T12:30:00Z",
        3600,
        ["a"],
    )
    assert json.loads(files["objects/a/pods.json"])["items"][0]["kind"] == "Pod"
    assert json.loads(files["objects/a/secrets.json"])["items"][0]["data"]["x"].startswith("[redacted:")
    assert "objects/_cluster/nodes.json" in files
    assert json.loads(files["events.jsonl"])["reason"] == "BackOff"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.tar.gz"]


def test_the_same_cluster_gives_the_same_bundle(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    monkeypatch.setattr("time.monotonic", itertools.repeat(1.0).__next__)
    assert run()[0]["sha256"] == run()[0]["sha256"]


PLACES = [
    ("/api/v1/namespaces/a/pods/ill/log", "logs", "logs/a/well/main.log"),
    ("/api/v1/namespaces/a/events", "events", "logs/a/ill/main.log"),
    ("/api/v1/namespaces/a/configmaps", "objects", "objects/a/pods.json"),
    ("/api/v1/nodes", "cluster", "objects/a/pods.json"),
    ("/api/v1/namespaces/a/secrets", "secrets", "objects/a/pods.json"),
]
PAGE = (200, "text/html", "<login>")
FAILURES = [refusal(403, "forbidden"), refusal(404, "gone"), refusal(500, "broken"), RESET, PAGE]
FAULTS = [(*place, failure) for place in PLACES for failure in FAILURES if not (failure is PAGE and place[1] == "logs")]


@pytest.mark.parametrize(("path", "collector", "still_there", "failure"), FAULTS)
def test_what_cannot_be_read_is_listed_and_hides_nothing_else(
    path: str, collector: str, still_there: str, failure: Any, run: Any, town: Town
) -> None:
    town.before = lambda asked: failure if asked == path else None
    result, files = run()
    assert not result["complete"]
    assert one(result, collector)["status"] in {"partial", "failed"}
    assert one(result, collector)["reason"]
    assert still_there in files
    missing = next(entry["missing"] for entry in json.loads(files["index.json"])["collectors"] if entry["name"] == collector)
    assert missing and all(entry["what"] and entry["reason"] for entry in missing)


def test_a_namespace_that_is_forbidden_hides_no_other(run: Any, town: Town) -> None:
    town.before = lambda path: refusal(403, "forbidden") if "/namespaces/b/" in path else None
    result, files = run(namespaces=["a", "b"])
    assert "logs/a/ill/main.log" in files
    assert one(result, "objects")["status"] == "partial" and "of b" in one(result, "objects")["reason"]


def test_an_api_server_that_stumbles_at_one_request_in_five_takes_nothing_away(run: Any, town: Town) -> None:
    faults = itertools.cycle([refusal(429, "slow down"), RESET, refusal(500, "broken"), refusal(503, "away")])
    count, lock = itertools.count(1), threading.Lock()

    def stumble(path: str) -> Any:
        with lock:
            return next(faults) if next(count) % 5 == 0 else None

    town.before = stumble
    result, files = run()
    assert result["complete"], result
    assert len([path for path in files if path.startswith("logs/")]) == 3


def test_pods_that_vanish_while_they_are_read_are_named(run: Any, town: Town) -> None:
    del town["/api/v1/namespaces/a/pods/well/log"]
    result, files = run()
    assert one(result, "logs")["status"] == "partial"
    assert "a/well/main.log" in one(result, "logs")["reason"] and "404" in one(result, "logs")["reason"]
    assert "logs/a/ill/main.log" in files


def test_a_collector_that_takes_too_long_gives_what_it_has(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_time(it: Collector) -> None:
        if it.name == "logs" and it.got:
            raise SalvageError("the time was up", reason="timeout")

    monkeypatch.setattr(Collector, "check_time", check_time)
    monkeypatch.setattr(logs, "for_each", lambda work, items: [work(item) for item in items])
    result, files = run()
    assert one(result, "logs")["reason"].endswith("the time was up")
    assert [path for path in files if path.startswith("logs/")] == ["logs/a/ill/main.log"]
    assert "objects/a/pods.json" in files


def test_no_bundle_where_a_known_value_is_left_in_it(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redactor, "leaks", lambda self, data: [Leak(7, "base64")] if data.endswith(b"serves\n") else [])
    (tmp_path / "bundle.tar.gz").write_bytes(b"of yesterday")
    with pytest.raises(SalvageError, match=r"no bundle was written: .* logs/a/well/main.log \(base64, at byte 7\)") as caught:
        run()
    assert SECRET not in str(caught.value)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"of yesterday"]


def test_check_mode_reads_nothing_big_and_writes_nothing(run: Any, web: Web, tmp_path: Path) -> None:
    result, _files = run(check_mode=True, path=f"{tmp_path}/new/")
    assert result["changed"] and not result["complete"]
    assert {entry["reason"] for entry in result["collectors"]} == {"check mode"}
    assert list(tmp_path.iterdir()) == []
    assert {asked.path for asked in web.asked} == {"/version"}


def test_a_cluster_that_does_not_answer_is_one_sentence(run: Any, town: Town, tmp_path: Path) -> None:
    town.before = lambda path: refusal(401, "who are you")
    with pytest.raises(SalvageError, match="login is not valid"):
        run()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_at_once_write_two_bundles(run: Any, tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(run(path=f"{tmp_path}/")[0]["path"])) for _run in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2
    assert sorted(str(path) for path in tmp_path.iterdir()) == sorted(found)


def test_a_bundle_that_would_be_too_large_has_the_newest_lines_and_says_so(run: Any, town: Town) -> None:
    town["/api/v1/namespaces/a/pods/well/log"] = log(*("w" * 2000 for _ in range(60)))
    result, files = run(max_size="64KB")
    assert b":59.000000000Z" in files["logs/a/well/main.log"] and b":00.000000000Z" not in files["logs/a/well/main.log"]
    assert "starts" in files["logs/a/ill/main.log"].decode()
    assert "max_size" in one(result, "logs")["reason"]
    assert sum(len(data) for path, data in files.items() if "/" in path or path == "events.jsonl") <= 64 * 1024


def test_only_what_is_wanted_is_in_it_and_secrets_are_read_all_the_same(run: Any, web: Web) -> None:
    result, files = run(only=["logs"])
    assert {path.split("/")[0] for path in files if "/" in path} == {"logs", "objects"}
    assert [path for path in files if path.startswith("objects/")] == ["objects/a/secrets.json"]
    assert SECRET.encode() not in b"".join(files.values())
    assert [entry["name"] for entry in result["collectors"]] == ["secrets", "logs"]


def test_services_behind_a_proxy_that_stumbles_are_asked_again(run: Any, town: Town, web: Web) -> None:
    record = {
        "decision_id": "1",
        "path": "euystacio/peace_bonds/allow",
        "result": False,
        "timestamp": "2026-11-26T12:20:00Z",
        "msg": "Decision Log",
    }
    opa = pod("opa-0")
    town["/api/v1/namespaces/a/pods"] = {"items": [opa]}
    town["/api/v1/namespaces/a/pods/opa-0/log"] = (200, "text/plain", json.dumps(record) + "\n")
    town["/health"] = {}
    town["/api/v1/status/buildinfo"] = town["/api/v1/status/runtimeinfo"] = town["/api/v1/status/tsdb"] = {"status": "success", "data": {}}
    matrix = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    town["/api/v1/query_range"] = matrix
    town["/api/v1/targets"] = town["/api/v1/rules"] = matrix
    town["/api/v1/alerts"] = {"status": "success", "data": {"alerts": []}}
    town["/api/v2/alerts"] = []
    town["/api/v2/silences"] = [{"id": "x", "status": {"state": "active"}}, {"id": "y", "status": {"state": "expired"}}]
    failed: set[str] = set()

    def first_time(path: str) -> Any:
        if path in failed or path == "/version" or path.startswith("/api/v1/namespaces"):
            return None
        failed.add(path)
        return refusal(503, "no endpoints")

    town.before = first_time
    own = {"prometheus_url": web.url, "alertmanager_url": web.url, "opa_url": web.url, "opa_namespace": "a"}
    result, files = run(only=["prometheus", "alerts", "opa"], **own)
    assert result["complete"], result
    assert json.loads(files["opa/decisions.jsonl"])["status"] == "denied"
    assert json.loads(files["opa/health.json"]) == {"healthy": True, "reason": ""}
    assert [silence["id"] for silence in json.loads(files["alerts/silences.json"])] == ["x"]
    assert len([path for path in files if path.startswith("prometheus/range/")]) == 10


def test_services_without_an_address_are_skipped(run: Any) -> None:
    result, _files = run(only=["prometheus", "alerts", "opa"], prometheus_url="", alertmanager_url="", opa_url="")
    assert result["complete"]
    assert {one(result, name)["status"] for name in ("prometheus", "alerts", "opa")} == {"skipped"}


def test_services_that_do_not_answer_are_failed_with_one_reason_each(run: Any) -> None:
    nowhere = "http://127.0.0.1:9"
    result, _files = run(only=["prometheus", "alerts", "opa", "events"], prometheus_url=nowhere, alertmanager_url=nowhere, opa_url=nowhere)
    assert one(result, "events")["status"] == "complete"
    assert one(result, "prometheus")["status"] == "failed" and "unreachable" in one(result, "prometheus")["reason"]
    assert one(result, "alerts")["status"] == "failed"


def test_a_folder_is_redacted_with_what_the_cluster_knows(run: Any, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text(f"I tried {SECRET} yesterday")
    (tmp_path / "there" / "app.json").write_text(json.dumps({"password": "of-the-app", "mode": "fast"}))
    result, files = run(redact=str(tmp_path / "there"))
    assert result["complete"]
    assert SECRET.encode() not in files["notes.txt"] and b"yesterday" in files["notes.txt"]
    assert b"of-the-app" not in files["app.json"] and b"fast" in files["app.json"]
    assert [entry["name"] for entry in result["collectors"]] == ["secrets", "redact"]


def test_what_a_secret_in_a_folder_holds_is_hidden_in_its_other_files_and_in_packed_ones(run: Any, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    value = "Zk7-not-of-this-cluster"
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"x": base64.b64encode(value.encode()).decode()}}
    (tmp_path / "there" / "secrets.json").write_text(json.dumps(secret))
    (tmp_path / "there" / "api.log.gz").write_bytes(gzip.compress(f"it said {value} twice".encode()))
    _result, files = run(redact=str(tmp_path / "there"))
    shown = gzip.decompress(files["api.log.gz"])
    assert value.encode() not in shown + files["secrets.json"]
    assert shown.startswith(b"it said [redacted:") and shown.endswith(b"] twice")


def test_a_bundle_is_redacted_again_with_its_own_head_and_without_a_cluster(run: Any, town: Town, tmp_path: Path) -> None:
    before, _files = run(name="production")
    town.before = lambda path: refusal(401, "who are you")
    result, files = run(redact=before["path"], path=str(tmp_path / "again.tar.gz"))
    index = json.loads(files["index.json"])
    assert index["cluster"] == "production"
    assert not result["complete"] and one({"collectors": result["collectors"][-2:]}, "secrets")["status"] == "failed"
    assert "logs/a/ill/main.log" in files


def test_there_is_nothing_to_redact(run: Any, tmp_path: Path) -> None:
    for check_mode in (False, True):
        with pytest.raises(SalvageError, match="there is no bundle"):
            run(check_mode, redact=str(tmp_path / "nothing"))
    assert list(tmp_path.iterdir()) == []


RULE = """
findings:
  - code: own.login
    severity: critical
    title: "{pod} cannot log in"
    meaning: It has no login.
    advice: Give it one.
    link: docs/runbooks/diagnostics.md
    log: {has: [cannot log in], within: 1d}
"""


def test_findings_are_in_the_bundle_and_fail_the_module_where_asked_for(run: Any, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(RULE)
    result, files = run(rules=[str(tmp_path / "own.yml")], fail_on=["critical"])
    assert result["failed"]
    assert "own.login" in {finding["code"] for finding in result["findings"]}
    assert "own.login" in {finding["code"] for finding in json.loads(files["findings.json"])}
    assert 3 <= len(result["summary"]) <= 5
    assert b"<html" in files["report.html"] and b"own.login" in files["junit.xml"] and files["timeline.jsonl"]
    assert SECRET.encode() not in files["report.html"]


def test_a_bundle_is_compared_with_an_earlier_one(run: Any, town: Town, tmp_path: Path, web: Web) -> None:
    before, _files = run()
    result, _files = run(analyze=before["path"], compare=before["path"], path=str(tmp_path / "again.tar.gz"))
    assert "difference" not in before
    assert (result["difference"]["new"], result["difference"]["gone"], result["difference"]["changes"]) == ([], [], [])
    assert [one["code"] for one in result["difference"]["still"]] == [one["code"] for one in result["findings"]]
    with pytest.raises(SalvageError, match=r"nowhere\.tar\.gz"):
        run(compare=str(tmp_path / "nowhere.tar.gz"))


def test_a_bundle_is_analyzed_again_without_a_cluster(run: Any, town: Town, tmp_path: Path, web: Web) -> None:
    before, _files = run(name="production")
    (tmp_path / "own.yml").write_text(RULE)
    web.asked.clear()
    result, files = run(analyze=before["path"], path=str(tmp_path / "again.tar.gz"), rules=[str(tmp_path / "own.yml")])
    assert not result["failed"] and result["complete"]
    assert "own.login" in {finding["code"] for finding in result["findings"]}
    assert json.loads(files["index.json"])["cluster"] == "production"
    assert [entry["name"] for entry in result["collectors"]] == [entry["name"] for entry in before["collectors"]]
    assert web.asked == []


def test_rules_that_are_none_end_it_before_anything_is_read(run: Any, tmp_path: Path, web: Web) -> None:
    (tmp_path / "own.yml").write_text("findings: [{code: x}]")
    with pytest.raises(SalvageError) as caught:
        run(rules=[str(tmp_path / "own.yml")])
    assert caught.value.reason == "bad_input"
    assert web.asked == []


def test_a_namespace_that_is_not_there_is_missing(run: Any) -> None:
    result, _files = run(namespaces=["a", "aa"])
    assert not result["complete"]
    assert "namespace aa: no object of it could be read" in one(result, "objects")["reason"]


def test_the_logs_of_a_node_that_does_not_answer_do_not_keep_the_others_waiting(run: Any, town: Town, web: Web) -> None:
    pods = [{**pod(f"dead-{n}"), "spec": {"nodeName": "dead"}} for n in range(60)]
    town["/api/v1/namespaces/a/pods"]["items"] += pods
    town.before = lambda path: refusal(502, "dial tcp: i/o timeout") if "/pods/dead-" in path else None
    result, files = run()
    assert {path for path in files if path.startswith("logs/")} >= {"logs/a/well/main.log", "logs/a/ill/main.log"}
    assert "the node dead does not answer" in one(result, "logs")["reason"]
    assert len({asked.path for asked in web.asked if "/pods/dead-" in asked.path}) <= 32


def test_a_log_that_cannot_be_read_hides_no_other_of_its_node(run: Any, town: Town) -> None:
    names = [f"p{n:02}" for n in range(40)]
    town["/api/v1/namespaces/a/pods"]["items"] += [{**pod(name), "spec": {"nodeName": "n"}} for name in names]
    town.update({f"/api/v1/namespaces/a/pods/{name}/log": log("serves") for name in names})
    town.before = lambda path: refusal(500, "failed to read the log") if path.endswith("/p00/log") else None
    _result, files = run()
    assert {path for path in files if path.startswith("logs/a/p")} == {f"logs/a/{name}/main.log" for name in names[1:]}


def test_a_value_that_is_also_the_name_of_a_pod_does_not_prevent_the_bundle(run: Any, town: Town) -> None:
    value = base64.b64encode(b"well-known-pod").decode()
    town["/api/v1/namespaces/a/secrets"]["items"][0]["data"]["password"] = value
    town["/api/v1/namespaces/a/pods"]["items"].append(pod("well-known-pod"))
    town["/api/v1/namespaces/a/pods/well-known-pod/log"] = log("it is there")
    _result, files = run()
    (path,) = [path for path, data in files.items() if b"it is there" in data and path.endswith(".log")]
    assert "well-known-pod" not in path
