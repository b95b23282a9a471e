# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking OPA and the service over real sockets."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import decision_log as log
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import log_sources as sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa, data_path
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.decide import decide, decide_risk
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.log_lines import Reading
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.options import limits_of, needs_cluster, open_address
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.review.providers import (
    Provider,
    Questions,
    count_statuses,
    review,
)
from ansible_collections.euystacio.meta_salvage.plugins.modules import (
    peace_bonds_decision_info,
    peace_bonds_info,
    peace_bonds_policy,
    peace_bonds_record,
    peace_bonds_record_info,
)

BROKEN = int(os.environ.get("FUZZ_ANSWERS", "10000"))
WHOLE = {"provider": {"trust_weight": 0.9, "compliance_score": 0.9, "ethical_alignment": 0.9}, "symbiosis_score": 0.8}
Answer = Callable[[str, Any], tuple[int, Any]]


class Server:
    def __init__(self) -> None:
        self.answer: Answer = lambda path, body: (200, {})
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                outer.headers.append(dict(self.headers))
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
                status, answer = outer.answer(self.path, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                pass

            do_GET = do_POST = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.server.shutdown()
    running.server.server_close()


def policies(path: str, body: Any) -> tuple[int, Any]:
    """OPA, and the service beside it."""
    if path.startswith("/health"):
        return 200, {}
    if path.startswith("/api/providers/"):
        name = path.split("/")[3]
        if name == "nobody":
            return 404, {"error": "there is no provider nobody"}
        return 200, {"provider_id": name, "provider": WHOLE["provider"], "risk_score": 0.5 if name == "liar" else 0.1, "risk_level": "low"}
    if path.endswith("adaptive_enforcement"):
        return 200, {"result": {"enforcement_action": "monitor", "enforce": True, "system_healthy": False}}
    trust = body["input"]["provider"].get("trust_weight", 0)
    allow = trust >= 0.5
    return 200, {
        "result": {"allow": allow, "deny": [] if allow else ["low trust"], "risk_score": 0.1, "risk_level": "low"},
        "decision_id": "d",
    }


def test_paths_in_every_form() -> None:
    for text in ("euystacio.peace_bonds", "euystacio/peace_bonds", "data.euystacio.peace_bonds", "/v1/data/euystacio/peace_bonds/"):
        assert data_path(text) == "/v1/data/euystacio/peace_bonds"
    for text in ("", "/", "a//b", "data"):
        with pytest.raises(SalvageError, match="not the path of an OPA rule"):
            data_path(text)


def test_many_providers_side_by_side(server: Server) -> None:
    server.answer = policies
    endpoint = open_endpoint(server.url)
    providers = [Provider("good", {}), Provider("liar", {}), Provider("nobody", {}), Provider("bad", {"provider": {"trust_weight": 0.1}})]
    found = review(providers, Opa(endpoint), endpoint, Questions(common_input={"symbiosis_score": 0.8}))
    assert [item.decision.status for item in found] == ["allowed", "unknown", "denied", "denied"]
    assert "risk score 0.1 by OPA, 0.5 by the service" in found[1].decision.reason
    assert "404" in found[2].decision.reason
    assert count_statuses(found) == {"allowed": 1, "denied": 2, "unknown": 1}
    result = found[0].to_dict()
    assert result["enforcement"] == {"action": "monitor", "enforce": True, "system_healthy": False, "reason": ""}
    assert result["api"]["risk_score"] == 0.1


def test_opa_alone_and_out_of_reach(server: Server) -> None:
    server.answer = policies
    found = review([Provider("p", WHOLE)], Opa(open_endpoint(server.url)), None, Questions(enforcement_package=""))[0].to_dict()
    assert (found["status"], found["api"], found["enforcement"]) == ("allowed", None, None)
    dead = Opa(open_endpoint("http://127.0.0.1:9"))
    lost = review([Provider("p", WHOLE)], dead, open_endpoint("http://127.0.0.1:9"), Questions())[0].to_dict()
    assert lost["status"] == "unknown"
    assert "unreachable" in lost["reason"]
    assert lost["enforcement"]["action"] is None
    assert not dead.health().healthy


def test_input_that_is_no_json_is_unknown(server: Server) -> None:
    opa = Opa(open_endpoint(server.url))
    assert "can't be sent as JSON" in opa.query("a/b", {"x": float("nan")}).reason
    assert "can't be sent as JSON" in opa.query("a/b", {"x": object()}).reason


def test_the_health_and_values_of_opa(server: Server) -> None:
    opa = Opa(open_endpoint(server.url))
    assert opa.health().healthy
    for answer, words in (((500, {"error": "plugins not ready"}), "not ready"), ((200, b"<html>"), "not OPA's"), ((200, []), "not OPA's")):
        server.answer = lambda path, body, answer=answer: answer
        assert words in opa.health().reason
    server.answer = lambda path, body: (200, {"result": 7})
    assert opa.value("a/b") == 7
    server.answer = lambda path, body: (200, b"[")
    with pytest.raises(SalvageError, match="is not JSON"):
        opa.value("a/b")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"[]", "list"),
        (200, b"<html>", "not JSON"),
        (503, b"<html>", "503"),
        (404, b'{"error": "there is no provider"}', "there is no provider"),
        (404, b"[]", "404"),
        (200, b'{"provider_id": "other", "risk_score": 0.1}', "another provider"),
        (200, b"{}", "allow is undefined"),
        (200, b'{"risk_score": 7}', "outside 0..1"),
    ],
)
def test_answers_of_the_service_that_say_nothing(status: int, body: bytes, words: str) -> None:
    decision = decide_risk(status, body, "p")
    assert decision.status == "unknown"
    assert words in decision.reason


PARAMS = {"opa_token": None, "opa_ca_path": None, "opa_validate_certs": True, "timeout": 5.0}


def test_a_token_goes_to_a_direct_address_only(server: Server) -> None:
    endpoint = open_address({**PARAMS, "opa_token": "s3cret"}, server.url, None)
    assert endpoint.get("/health").status == 200
    assert server.headers[0]["Authorization"] == "Bearer s3cret"
    with pytest.raises(SalvageError, match="can't go through"):
        open_address({**PARAMS, "opa_token": "s3cret"}, "service://a/b:1", None)
    assert needs_cluster("service://a/b:1", None)
    assert not needs_cluster("https://x", None)
    assert open_address({**PARAMS, "opa_validate_certs": False}, "https://127.0.0.1:9", None).base == "https://127.0.0.1:9"


def test_thresholds_as_the_user_writes_them() -> None:
    assert limits_of({"a": {"min": 0.5, "max": 1}})["a"].distance(1.5) == 0.5
    for bad in ({"a": 1}, {"a": {}}, {"a": {"least": 1}}, {"a": {"min": "x"}}):
        with pytest.raises(SalvageError, match=r"thresholds\.a"):
            limits_of(bad)


def test_logs_of_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        server = "https://x/"
        asked: list[tuple[str, Any]] = []  # noqa: RUF012

        def __init__(self) -> None:
            self.http = self

        def list(self, path: str, query: Any = None) -> Any:
            return [{"metadata": {"name": "opa-1"}}] if query["labelSelector"] == "app=opa" else []

        def stream(self, method: str, url: str, query: Any, idle: float) -> Iterator[bytes]:
            self.asked.append((url, query))
            yield b"x"

    session = Session()
    found = sources.pods(session, "ns", "app=opa", "opa", since=90.5)
    assert [(name, b"".join(source())) for name, source in found] == [("pod/opa-1", b"x")]
    assert session.asked == [("https://x/api/v1/namespaces/ns/pods/opa-1/log", {"container": "opa", "sinceSeconds": 90})]
    with pytest.raises(SalvageError, match="no pod in namespace ns"):
        sources.pods(session, "ns", "app=none", "opa")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes that went wrong on the way: cut, flipped, doubled, nested, with NULs and huge numbers."""
    pieces = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(pieces) + 1)
        what = chance.randrange(7)
        if what == 0:
            del pieces[at:]
        elif what == 1 and pieces:
            pieces[at % len(pieces)] = chance.randrange(256)
        elif what == 2:
            pieces[at:at] = pieces[: chance.randrange(40)]
        elif what == 3:
            pieces[at:at] = b"[" * chance.choice([1, 5, 3000])
        elif what == 4:
            pieces[at:at] = b"\x00"
        elif what == 5:
            pieces[at:at] = chance.choice([b"1e999", b"9" * 400, b"-0", b"NaN", b"null", b"{}", b'"', b",", b"}"])
        else:
            del pieces[at : at + chance.randrange(20)]
    return bytes(pieces)


def test_broken_answers_and_records_never_allow() -> None:
    """Half of them answers of OPA that deny, half records of its log; `make soak` reads 100,000."""
    chance = random.Random(20261124)
    denied = json.dumps(
        {"decision_id": "d", "result": {"allow": False, "deny": ["low trust"], "risk_score": 0.9, "risk_level": "critical"}}
    ).encode()
    undefined = json.dumps({"decision_id": "d"}).encode()
    for number in range(BROKEN // 2):
        decision = decide(chance.choice([200, 200, 200, 500, 404]), mutated(denied if number % 2 else undefined, chance))
        assert decision.status != "allowed"
        assert decision.reason
    whole = json.dumps(
        {"decision_id": "d", "path": "p", "timestamp": "2026-11-24T14:00:00Z", "input": WHOLE, "result": {"allow": False, "deny": ["x"]}}
    )
    seen = 0
    reading = Reading()
    for record in log.read_records((mutated(whole.encode(), chance).replace(b"\n", b"") + b"\n" for _ in range(BROKEN // 2)), reading):
        decision = log.decision_of(record)
        assert decision.status != "allowed"
        assert decision.reason
        log.provider_of(record, pointers=log.hidden(record))
        log.revision_of(record)
        log.timestamp(record.get("timestamp"))
        seen += 1
    assert seen > BROKEN // 100
    assert reading.lines >= 0.98 * (BROKEN // 2)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(module: Any, **arguments: Any) -> dict[str, Any]:
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_peace_bonds_info_as_a_task_runs_it(run: Any, server: Server) -> None:
    server.answer = policies
    asked = {"opa_url": server.url, "opa_token": "canary-token", "providers": [{"id": "p", "input": WHOLE}, {"id": "q"}]}
    found = run(peace_bonds_info, **asked)
    assert found["summary"] == "2 providers: 1 allowed, 1 denied, 0 unknown"
    assert found["opa_healthy"]
    assert "canary" not in json.dumps({key: value for key, value in found.items() if key != "invocation"})
    failed = run(peace_bonds_info, **asked, fail_on=["denied"])
    assert failed["failed"]
    assert failed["counts"]["denied"] == 1
    assert run(peace_bonds_info, opa_url="http://", providers=[{"id": "p"}])["reason"] == "bad_input"


def test_peace_bonds_decision_info_as_a_task_runs_it(run: Any, tmp_path: Any) -> None:
    record = {
        "decision_id": "d",
        "path": "euystacio/peace_bonds",
        "timestamp": "2026-11-24T14:00:00Z",
        "input": WHOLE,
        "result": {"allow": True},
    }
    (tmp_path / "a.log").write_text(json.dumps(record) + "\n")
    found = run(peace_bonds_decision_info, paths=[str(tmp_path / "*.log")], since="2026-11-24T13:00:00Z", until="2026-11-24T15:00:00Z")
    assert found["summary"]["counts"] == {"allowed": 1, "denied": 0, "unknown": 0}
    assert found["complete"]
    (tmp_path / "a.log").write_text('{"a": 1}\n{"decision_id": \n')
    assert not run(peace_bonds_decision_info, paths=[str(tmp_path / "a.log")])["complete"]
    assert "not a time" in run(peace_bonds_decision_info, paths=[str(tmp_path / "a.log")], since="soon")["msg"]
    assert "more than 0" in run(peace_bonds_decision_info, paths=[str(tmp_path / "a.log")], bucket=0)["msg"]
    assert "no decision log" in run(peace_bonds_decision_info, paths=[str(tmp_path / "none")])["msg"]


def test_peace_bonds_policy_as_a_task_runs_it(run: Any, opa: str) -> None:
    found = run(peace_bonds_policy, state="validated", policy_files={"p.rego": "limit=0.8 \n"}, opa_binary=opa, min_decisions=0)
    assert found["accepted"]
    refused = run(peace_bonds_policy, state="validated", policy_files={"p.rego": "broken"}, opa_binary=opa, min_decisions=0)
    assert refused["failed"]
    assert refused["refusals"]


def test_records_as_tasks_run_them(run: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    decision = {"dir": str(tmp_path / "d"), "key": f"hmac:{key}", "decision": "keep_block", "provider": "p", "who": "me", "why": "because"}
    assert run(peace_bonds_record, **decision, evidence={"history": {"denied": 3}}, _ansible_check_mode=True)["changed"]
    assert run(peace_bonds_record, **decision, evidence={"history": {"denied": 3}})["changed"]
    assert not run(peace_bonds_record, **decision)["changed"]
    listed = run(peace_bonds_record_info, dir=str(tmp_path / "d"), keys=[f"hmac:{key}"], provider="p")
    assert (listed["verified"], listed["count"], len(listed["records"])) == (True, 1, 1)
    assert len(listed["records"][0]["record"]["evidence"]["history"]) == 64
    file = next((tmp_path / "d").iterdir())
    file.write_text(file.read_text().replace("because", "instead"))
    assert "its signature" in run(peace_bonds_record_info, dir=str(tmp_path / "d"), keys=[f"hmac:{key}"], fail_on_unverified=True)["msg"]
    assert run(peace_bonds_record_info, dir=str(tmp_path / "none"), keys=[f"hmac:{key}"])["reason"] == "not_found"
    assert run(peace_bonds_record, **{**decision, "key": "/nonexistent"})["reason"] == "bad_input"
