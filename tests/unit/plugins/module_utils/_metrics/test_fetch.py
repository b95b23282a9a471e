# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading over real connections: sources that are down, slow, endless, encrypted by nobody we know, or someone else's."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import resource
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint, Http, Response, open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.fetch import read_history, read_thresholds, with_history
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Evaluation, Profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import DEFAULT_PROFILE, RUNBOOK, parse_profile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = 1795528800.0
GOOD = {"QEK": 0.93, "H_VAR": 0.05, "ETHISCHES_IDEAL": 0.99, "SYMBIOSIS_SCORE": 0.7}

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server on loopback that answers as ``self.answer`` says, and remembers what it was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = lambda handler: None
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answer(self)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' * bool(context)}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def says(self, body: object, status: int = 200, content_type: str = "application/json", length: int | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Type", content_type)
            if length != -1:
                handler.send_header("Content-Length", str(len(data) if length is None else length))
            handler.end_headers()
            handler.wfile.write(data)

        self.answer = answer


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def read(url: str, http: Http | None = None, profile: Profile = DEFAULT_PROFILE, **kwargs: Any) -> list[Evaluation]:
    return read_thresholds(open_endpoint(url, http=http), profile=profile, **{"now": NOW, "timeout": 5, **kwargs})


def all_unknown(evaluations: list[Evaluation]) -> str:
    assert [e.name for e in evaluations] == ["qek", "hvar", "ethisches_ideal", "symbiosis_score"]
    assert {(e.status, e.value) for e in evaluations} == {("unknown", None)}
    reasons = {e.reason for e in evaluations}
    assert len(reasons) == 1
    return reasons.pop()


# One answer for all


def test_the_api_in_one_request(server: Server) -> None:
    server.says({"metrics": GOOD})
    evaluations = read(server.url)
    assert [(e.name, e.status, e.value) for e in evaluations] == [
        ("qek", "healthy", 0.93),
        ("hvar", "healthy", 0.05),
        ("ethisches_ideal", "healthy", 0.99),
        ("symbiosis_score", "healthy", 0.7),
    ]
    assert evaluations[0].source == server.url + "/api/metrics/thresholds"
    assert server.asked == ["/api/metrics/thresholds"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
def test_the_content_tells_not_the_type(server: Server, content_type: str) -> None:
    server.says(b"# x\nqek_value 0.82\n", content_type=content_type)
    assert [e.status for e in read(server.url)] == ["critical", "unknown", "unknown", "unknown"]
    server.says({"metrics": GOOD}, content_type=content_type)
    assert [e.status for e in read(server.url)] == ["healthy"] * 4


def test_the_paths(server: Server) -> None:
    server.says(b"qek_value 0.93\n")
    assert read(server.url, fmt="exposition")[0].status == "healthy"
    assert read(server.url + "/prefix/", path="/m?a=b")[0].source == server.url + "/prefix/m"
    assert server.asked == ["/metrics", "/prefix/m?a=b"]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, {"error": "boom"}, "/api/metrics/thresholds answered 500: boom"),
        (404, b"", "/api/metrics/thresholds answered 404"),
        (401, b"", "/api/metrics/thresholds answered 401"),
        (302, b"", "/api/metrics/thresholds answered 302"),
        (200, b"", "/api/metrics/thresholds: the answer is empty"),
        (
            200,
            b"<html>log in</html>",
            "/api/metrics/thresholds: the answer is HTML or XML, not metrics: it starts with '<html>log in</html>'",
        ),
        (200, [], "/api/metrics/thresholds: the answer is a list, an object of metrics was expected"),
    ],
)
def test_an_answer_that_is_none(server: Server, status: int, body: object, reason: str) -> None:
    server.says(body, status)
    assert all_unknown(read(server.url)) == server.url + reason


def test_no_data_is_unknown(server: Server) -> None:
    for body in ({}, {"metrics": {}}):
        server.says(body)
        assert {e.status for e in read(server.url)} == {"unknown"}


def test_nothing_listens() -> None:
    closed = Server()
    closed.close()
    assert "unreachable" in all_unknown(read(closed.url))


def test_an_answer_that_breaks_off(server: Server) -> None:
    server.says({"metrics": GOOD}, length=10_000)
    assert "broke off" in all_unknown(read(server.url))


def test_an_answer_that_breaks_off_unnoticed_by_the_library() -> None:
    # urllib3 1 does not count the bytes.
    class Careless(Http):
        def request(self, *_args: Any, **_kwargs: Any) -> Response:
            return Response(200, {"content-length": "5000"}, b"qek_value 0.93\n", 0.1)

    assert all_unknown(read("http://x", Careless())).endswith("the answer broke off after 15 of 5000 bytes")


def test_text_without_a_length_may_be_cut_off(server: Server) -> None:
    server.says(b"# x\nhvar_value 0.05\nqek_value 0.9", length=-1)
    assert [(e.status, e.reason) for e in read(server.url)][:2] == [
        ("unknown", "QEK: the answer ends in the middle of its line"),
        ("healthy", ""),
    ]
    server.says(b"# x\nhvar_value 0.05\nqek_value 0.9")
    assert [e.status for e in read(server.url)][:2] == ["healthy", "healthy"]


def test_silence_ends_at_the_timeout(server: Server) -> None:
    gone = threading.Event()
    server.answer = lambda handler: gone.wait(10) and None
    started = time.monotonic()
    assert "did not answer within 0.3 s" in all_unknown(read(server.url, timeout=0.3))
    assert time.monotonic() - started < 5
    gone.set()


def test_a_drip_ends_at_the_timeout(server: Server) -> None:
    gone = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not gone.wait(0.02):
                handler.wfile.write(b" ")

    server.answer = drip
    started = time.monotonic()
    assert "did not answer within 0.4 s" in all_unknown(read(server.url, timeout=0.4))
    assert time.monotonic() - started < 5
    gone.set()


def test_a_gigabyte_is_not_taken_in(server: Server) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**30))
        handler.end_headers()
        block = b" " * 2**20
        with contextlib.suppress(OSError):
            for _ in range(1024):
                handler.wfile.write(block)

    server.answer = pour
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reason = all_unknown(read(server.url, timeout=30))
    assert "sent more than" in reason
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 80  # MiB, for a limit of 16


def test_a_certificate_of_nobody(tmp_path: Path) -> None:
    secure = Server(_self_signed(tmp_path))
    secure.says({"metrics": GOOD})
    try:
        reason = all_unknown(read(secure.url))
        assert "TLS with" in reason
        assert "certificate verify failed" in reason
        assert secure.asked == []
        assert read(secure.url, Http(tls={"ca_certs": str(tmp_path / "cert.pem")}))[0].status == "healthy"
    finally:
        secure.close()


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


# Prometheus


class Prometheus:
    """Answers the queries we send as Prometheus does; ``series`` are (name, labels, [(time, value), ...]), the last value being present."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.series: list[tuple[str, dict[str, str], list[tuple[float, str]]]] = []
        self.expressions: dict[str, tuple[int, object]] = {}
        server.answer = self.answer

    @property
    def queries(self) -> list[dict[str, str]]:
        return [{k: v[0] for k, v in parse_qs(urlsplit(path).query).items()} for path in self.server.asked]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        status, body = self.expressions.get(query["query"]) or (
            200,
            self.ranged(query) if parts.path.endswith("_range") else self.instant(query),
        )
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def instant(self, query: dict[str, str]) -> dict[str, Any]:
        result = []
        for term in query["query"].split(" or "):
            selector, label, key = term.removeprefix("label_replace(").removesuffix(',"","")').rsplit(",", 2)
            is_time = selector.startswith("timestamp(")
            for name, labels, points in self.series:
                if name == selector.removeprefix("timestamp(").removesuffix(")"):
                    own = labels if is_time else {"__name__": name, **labels}
                    value = str(points[-1][0]) if is_time else points[-1][1]
                    result.append({"metric": {**own, json.loads(label): json.loads(key)}, "value": [float(query["time"]), value]})
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    def ranged(self, query: dict[str, str]) -> dict[str, Any]:
        start, end = float(query["start"]), float(query["end"])
        result = [
            {"metric": {"__name__": name, **labels}, "values": [[t, v] for t, v in points if start <= t <= end]}
            for name, labels, points in self.series
            if name == query["query"]
        ]
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def prometheus(server: Server) -> Prometheus:
    fake = Prometheus(server)
    for name, value in (("qek_value", "0.93"), ("hvar_value", "0.05"), ("ethisches_ideal_value", "0.99"), ("symbiosis_score", "0.7")):
        for pod in "ab":
            fake.series.append((name, {"pod": pod}, [(NOW - 600 + i * 30, value) for i in range(20)]))
    return fake


def test_promql_in_one_request_with_the_samples_own_times(prometheus: Prometheus) -> None:
    evaluations = read(prometheus.server.url, fmt="promql", max_age=60)
    assert [(e.status, e.value, e.timestamp) for e in evaluations] == [("healthy", v, NOW - 30) for v in (0.93, 0.05, 0.99, 0.7)]
    assert len(prometheus.server.asked) == 1
    assert evaluations[0].source == prometheus.server.url
    stale = read(prometheus.server.url, fmt="promql", max_age=20)
    assert [e.status for e in stale] == ["unknown"] * 4
    assert stale[0].reason == 'QEK: stale, 30 s old (at most 20 s are allowed) in the series {pod="a"}'


def test_promql_with_a_series_that_is_missing_or_disagrees(prometheus: Prometheus) -> None:
    prometheus.series = [s for s in prometheus.series if s[0] != "hvar_value"]
    prometheus.series.append(("qek_value", {"pod": "c"}, [(NOW, "0.2")]))
    evaluations = read(prometheus.server.url, fmt="promql")
    assert [e.status for e in evaluations] == ["critical", "unknown", "healthy", "healthy"]
    assert "QEK: 3 series disagree" in evaluations[0].reason
    assert evaluations[1].reason == "H-VAR: no series answers the query hvar_value"


def test_promql_with_a_value_without_its_time_is_unknown(server: Server) -> None:
    class Cut(Prometheus):
        def instant(self, query: dict[str, str]) -> dict[str, Any]:
            answer = super().instant(query)
            answer["data"]["result"] = [one for one in answer["data"]["result"] if "salvage_time_of" not in one["metric"]]
            return answer

    cut = Cut(server)
    cut.series = [("qek_value", {}, [(NOW, "0.93")])]
    found = read(server.url, fmt="promql", max_age=60)[0]
    assert (found.status, found.reason) == ("unknown", "QEK: the answer has a value without the time of its sample")


def test_expressions_are_asked_one_by_one_and_fail_alone(prometheus: Prometheus) -> None:
    profile = parse_profile(
        {
            **RUNBOOK,
            "ratio": {"query": "a / b", "critical_max": 0.05},
            "bad": {"query": "sum((", "critical_max": 1},
            "none": {"query": "x + y", "critical_max": 1},
        }
    )
    vector = {"resultType": "vector", "result": [{"metric": {}, "value": [NOW, "0.01"]}]}
    prometheus.expressions["a / b"] = (200, {"status": "success", "data": vector})
    prometheus.expressions["x + y"] = (200, {"status": "success", "data": {"resultType": "vector", "result": []}})
    prometheus.expressions["sum(("] = (400, {"status": "error", "errorType": "bad_data", "error": "unclosed left parenthesis"})
    evaluations = {e.name: e for e in read(prometheus.server.url, profile=profile, fmt="promql", max_age=60)}
    assert (evaluations["ratio"].status, evaluations["ratio"].value) == ("healthy", 0.01)
    assert evaluations["bad"].reason == f"bad: {prometheus.server.url}/api/v1/query answered 400: unclosed left parenthesis"
    assert evaluations["none"].reason == "none: no series answers the query x + y within max_age"
    assert evaluations["qek"].status == "healthy"
    assert {q.get("lookback_delta") for q in prometheus.queries if q["query"] in prometheus.expressions} == {"60.000"}


def test_labels_become_a_selector(prometheus: Prometheus) -> None:
    profile = parse_profile({"qek": {"query": "qek_value", "labels": {"pod": 'a"\\'}, "critical_min": 0.85}})
    prometheus.series = [('qek_value{pod="a\\"\\\\"}', {"pod": 'a"\\'}, [(NOW, "0.9")])]
    assert read(prometheus.server.url, profile=profile, fmt="promql")[0].status == "healthy"


def test_prometheus_down_or_not_prometheus(server: Server) -> None:
    server.says({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503)
    assert all_unknown(read(server.url, fmt="promql")) == f"{server.url}/api/v1/query answered 503: query timed out"
    server.says({"metrics": GOOD})
    expected = f"{server.url}/api/v1/query: the answer is not Prometheus's: it has no status success and data"
    assert all_unknown(read(server.url, fmt="promql")) == expected
    server.says(b"<html>", content_type="text/html")
    assert "/api/v1/query: the answer is not JSON" in all_unknown(read(server.url, fmt="promql"))
    server.says(b'{"status": "succ', length=1000)
    assert "broke off" in all_unknown(read(server.url, fmt="promql"))
    closed = Server()
    closed.close()
    assert "unreachable" in all_unknown(read(closed.url, fmt="promql"))
    assert "the time was up" in all_unknown(read(server.url, fmt="promql", timeout=0))


LASTING = parse_profile({"qek": {**RUNBOOK["qek"], "for": "5m"}, "hvar": {**RUNBOOK["hvar"], "for": "5m"}})


def set_qek(prometheus: Prometheus, points: list[tuple[float, str]]) -> None:
    prometheus.series = [s for s in prometheus.series if s[0] != "qek_value"] + [("qek_value", {}, points)]


def test_a_breach_counts_once_the_range_shows_that_it_lasted(prometheus: Prometheus) -> None:
    times = [NOW - 600 + i * 30 for i in range(21)]
    set_qek(prometheus, [(t, "0.8") for t in times])
    evaluations = read(prometheus.server.url, profile=LASTING, fmt="promql")
    assert [(e.status, e.pending) for e in evaluations] == [("critical", False), ("healthy", False)]
    assert [q["query"] for q in prometheus.queries[1:]] == ["qek_value"]  # only for the one in breach

    set_qek(prometheus, [(t, "0.8" if t > NOW - 100 else "0.9") for t in times])
    pending = read(prometheus.server.url, profile=LASTING, fmt="promql")[0]
    assert (pending.status, pending.pending, pending.since) == ("warning", True, NOW - 90)

    set_qek(prometheus, [(t, "0.8") for t in times if t > NOW - 100])
    assert read(prometheus.server.url, profile=LASTING, fmt="promql")[0].status == "unknown"

    set_qek(prometheus, [(t, "NaN" if t < NOW - 100 else "0.8") for t in times])
    assert read(prometheus.server.url, profile=LASTING, fmt="promql")[0].status == "unknown"


def test_a_breach_in_the_api_with_the_past_in_prometheus(prometheus: Prometheus) -> None:
    set_qek(prometheus, [(NOW - 600 + i * 30, "0.8") for i in range(21)])
    api = Server()
    api.says({"metrics": {**GOOD, "QEK": 0.8}})
    past = open_endpoint(prometheus.server.url)
    try:
        assert read(api.url, profile=LASTING, prometheus=past)[0].status == "critical"
        assert read(api.url, profile=LASTING)[0].status == "unknown"
        prometheus.expressions["qek_value"] = (500, {"status": "error", "errorType": "internal", "error": "out of memory"})
        broken = read(api.url, profile=LASTING, prometheus=past)[0]
        assert broken.status == "unknown"
        assert broken.reason.endswith(f"can't be determined: {prometheus.server.url}/api/v1/query_range answered 500: out of memory")
    finally:
        api.close()


def test_history_for_the_plots(prometheus: Prometheus) -> None:
    prometheus.expressions["hvar_value"] = (500, {})
    endpoint = open_endpoint(prometheus.server.url)
    history = read_history(endpoint, profile=DEFAULT_PROFILE, start=NOW - 90, end=NOW, step=30, timeout=5)
    assert history == {
        "qek": [(NOW - 90, 0.93), (NOW - 60, 0.93), (NOW - 30, 0.93)],
        "hvar": [],
        "ethisches_ideal": [(NOW - 90, 0.99), (NOW - 60, 0.99), (NOW - 30, 0.99)],
        "symbiosis_score": [(NOW - 90, 0.7), (NOW - 60, 0.7), (NOW - 30, 0.7)],
    }


def test_a_history_of_one_sample(prometheus: Prometheus) -> None:
    history = read_history(open_endpoint(prometheus.server.url), profile=DEFAULT_PROFILE, start=NOW - 30, end=NOW, step=30, timeout=5)
    assert history["qek"] == [(NOW - 30, 0.93)]


def test_a_long_history_keeps_to_prometheus_limit(prometheus: Prometheus) -> None:
    read_history(open_endpoint(prometheus.server.url), profile=LASTING, start=0, end=NOW, step=1, timeout=5)
    assert all(NOW / float(q["step"]) <= 11_000 for q in prometheus.queries)


def test_evaluations_take_their_history(prometheus: Prometheus) -> None:
    evaluations = read(prometheus.server.url, fmt="promql")
    endpoint: Endpoint = open_endpoint(prometheus.server.url)
    filled = with_history(evaluations, endpoint, profile=DEFAULT_PROFILE, start=NOW - 90, end=NOW, timeout=5)
    assert [len(e.history) for e in filled] == [3, 3, 3, 3]
