# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each parser of what comes from outside: it gives a value or one sentence, whatever comes, in bounded time and memory.

Here a hundred inputs each, in `make soak` 100,000.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import io
import json
import os
import resource
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.silence_plan import run_mark
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.silences import listed_silences
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._alerts.sources import read_alerts
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.layout import Plain, ceilings, verify_archive
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.directory import Directory
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.kubeconfig import login_of, read_context
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.json_values import load_json
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import parse_duration, when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.compare import changes, restarts
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.fleet import entry, fleet_digest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.report_files import load_report
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.documents import manifests_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import Text
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.parse import FORMATS, parse_samples
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.decide import decide, decide_risk
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.decision_log import Reading, read_records
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.policy_files import content, published, revision, with_data
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.log.summary import Limit, Summary
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.answers import listed_alerts, successful_data
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.client import PrometheusApi
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.exposition import parse_exposition
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.snapshot import read_record
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._records.decision_records import verify
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import encrypt, identities
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Ed25519, genuine
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import public_key
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._terraform import messages
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Subject, kept_entries, opened
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mutations import as_json, bodies, texts

INPUTS = int(os.environ.get("FUZZ_INPUTS", "100"))
LONGEST = 5.0  # seconds of this process for one input, on a machine with much else to do
MORE = 400 << 20  # bytes that all inputs of a parser together may add
CHECKOUT = Path(__file__).resolve().parents[3]

EXPOSITION = (
    b"# HELP qek the quality\n# TYPE qek gauge\nqek{a=\"b\\n\\\"c\",le=\"+Inf\"} 0.93 1764000000000\nqek 1e3\n# TYPE h histogram\n"
    b'h_bucket{le="0.1"} 3\nh_bucket{le="+Inf"} 4\nh_sum 1.5\nh_count 4\nhvar NaN\n# EOF\n'
)  # fmt: skip
PROMQL = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {"__name__": "qek", "a": "b"}, "value": [1764000000.1, "0.93"]}]},
}
MATRIX = {
    "status": "success",
    "data": {"resultType": "matrix", "result": [{"metric": {"__name__": "qek"}, "values": [[1764000000, "0.93"], [1764000060, "NaN"]]}]},
}
API = {
    "metrics": {"qek": {"value": 0.93, "timestamp": "2026-11-24T14:00:00Z", "history": [[1764000000, 0.9]]}, "hvar": 0.04},
    "timestamp": 1764000000,
}
ALERTS = {"status": "success", "data": {"alerts": [{
    "labels": {"alertname": "Down", "severity": "critical"}, "annotations": {"summary": "it is down"}, "state": "firing",
    "activeAt": "2026-11-24T14:00:00.123456789Z", "value": "1e+00"}]}}  # fmt: skip
SILENCE = {
    "id": "s1", "status": {"state": "active"}, "createdBy": "a", "updatedAt": "2025-11-24T15:00:00Z",
    "startsAt": "2025-11-24T15:00:00Z", "endsAt": "2027-11-24T15:00:00Z", "matchers": [{"name": "a", "value": "b", "isRegex": False}],
    "comment": 'w [euystacio.meta_salvage {"run": "a", "purpose": "b", "machine": "c", "pid": 1, "started": 2}]',
}  # fmt: skip
ALERTMANAGER = [{
    "labels": {"alertname": "Down", "severity": "critical"}, "annotations": {"summary": "it is down"}, "startsAt": "2026-11-24T14:00:00Z",
    "fingerprint": "0123", "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}}]  # fmt: skip
DECISION = {
    "decision_id": "a-1", "timestamp": "2026-11-24T14:00:00.123456789Z", "path": "euystacio/peace_bonds", "labels": {"id": "x"},
    "input": {"provider": {"id": "p", "trust_weight": 0.9}, "symbiosis_score": 0.8, "metrics": {"qek_value": 0.93}},
    "result": {"allow": True, "deny": [], "risk_score": 0.1}, "bundles": {"b": {"revision": "r"}}, "erased": ["/input/a"],
    "masked": ["/input/b"],
    "metrics": {"timer_server_handler_ns": 10},
}  # fmt: skip
ANSWER = {"decision_id": "a", "result": {"allow": True, "deny": ["no: x"], "risk_score": 0.3, "warn": []}}
RECORD = {
    "schema": 1, "name": "backup-20261124T140000Z", "created": "2026-11-24T14:00:00Z", "status": "COMPLETE", "size": 3, "sha256": "0" * 64,
    "root": "0" * 64, "server": "https://10.0.0.1:6443", "signature": "AAAA",
}  # fmt: skip
SNAPSHOT = {
    "schema": 1, "name": "20261124T140000Z-0123456789abcdef", "source": {"server": "s", "namespace": "n", "pod": "p"},
    "sample": {"labels": {"__name__": "up"}, "time": 1764000000000, "value": "1"}, "taken": "2026-11-24T14:00:00Z", "encrypted": False,
    "files": [{"path": "01ABCDEFGHJKMNPQRSTVWXYZ01/meta.json", "size": 3, "sha256": "0" * 64}],
}  # fmt: skip
DECISION_RECORD = {
    "record": {"id": "0" * 16, "decision": "restrict", "provider": "p", "who": "w", "why": "y", "previous": None},
    "signature": {"algorithm": "hmac-sha256", "key_id": "k", "value": "AAAA"},
}  # fmt: skip
REPORT = {
    "schema": 1, "status": "critical", "generated_at": "2026-11-24T14:00:00Z", "duration_s": 0.4, "cluster": {"name": "c", "server": "s"},
    "counts": {"healthy": 4, "critical": 1}, "restarts": {"a/b": 3},
    "parts": [{"name": "pods", "status": "critical", "reason": "r", "summary": "s", "duration_s": 0.1, "checks": [
        {"id": "pods/a/b", "status": "critical", "reason": "r", "subject": {"kind": "Pod", "namespace": "a", "name": "b"}, "since": None,
         "evidence": {}}]}],
    "metrics": [{"name": "qek", "status": "critical", "value": 0.8, "limit": "critical_min", "limit_value": 0.85, "history": [[1, 0.9]]}],
}  # fmt: skip
KUBECONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "AAAA"}}],
    "users": [{"name": "u", "user": {"token": "t", "client-certificate-data": "AAAA", "client-key-data": "AAAA"}}],
}  # fmt: skip
MANIFEST = {
    "apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b",
     "annotations": {"c": "d"}, "labels": {"e": "f"}}, "stringData": {"x": "y"}, "data": {"z": "AAAA"}, "immutable": True}],
}  # fmt: skip
PROOF = {
    "type": "proof", "subject": {"kind": "Deployment", "namespace": "a", "name": "b", "uid": "0"}, "key_id": "k", "signature": "AAAA",
    "proof": {"verdict": "passed", "at": "2026-11-24T14:00:00Z", "template": "t", "run": "r", "reason": "y", "copies": [["a", "b", "c"]],
              "images": {"a": ["b"]}, "baseline": None},
}  # fmt: skip
LEAVING = (
    b"GET http://user:pa%20ss@host:9O90/?token=abc failed: Authorization: Bearer abc.def\nDB_PASSWORD=hunter2 --password hunter2 \x1b[31m"
    b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
)
JOURNAL = {"task": hashlib.sha256(b"{}").hexdigest(), "made": [["ConfigMap", "a", "b"]], "safety_backup": None}
PROFILE = {"qek": {"critical_min": 0.85, "warning_min": 0.9, "aliases": ["q"], "unit": "1", "labels": {"a": "b"}}}
MESSAGES = [
    {"@message": "m", "type": "planned_change", "change": {"resource": {"addr": "a.b"}, "action": "create"}},
    {"@message": "m", "type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0}},
    {"@message": "m", "type": "apply_complete", "hook": {"resource": {"addr": "a.b"}, "action": "create", "elapsed_seconds": 2}},
    {"@message": "m", "type": "diagnostic", "diagnostic": {"severity": "error", "summary": "s", "detail": "d", "address": "a.b",
                                                           "range": {"filename": "f", "start": {"line": 1}}}},
]  # fmt: skip
KEY = Ed25519(Ed25519PrivateKey.from_private_bytes(b"k" * 32).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "key")
NOW = "2026-11-24T15:00:00Z"
IDENTITY = pyrage.x25519.Identity.generate()


def _file(data: bytes, name: str = "file") -> Path:
    """In a folder that all inputs of a run share: the one before is overwritten."""
    path = FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


FOLDER = Path(tempfile.mkdtemp(prefix="foreign-input-"))
atexit.register(shutil.rmtree, FOLDER)


def _json(data: bytes) -> Any:
    return load_json(data.decode("utf-8", "replace"))


class _Answering:
    """A server that answers each question with that."""

    address = "service://monitoring/prometheus:9090"

    def __init__(self, body: bytes) -> None:
        self.answer = Response(200, {"content-type": "application/json"}, body, 0.0)

    def get(self, path: str, **_more: Any) -> Response:
        return self.answer

    def request(self, method: str, path: str, **_more: Any) -> Response:
        return self.answer


def _alerts(data: bytes) -> object:
    server: Any = _Answering(data)
    return [alert.to_dict() for alert in read_alerts(PrometheusApi(server), server)[0]]


def _decisions(data: bytes) -> object:
    summary = Summary(limits={"risk_score": Limit(maximum=0.8)})
    for record in read_records([data[:7], data[7:]], Reading()):
        summary.add(record)
    return summary.to_dict()


def _archive(data: bytes) -> object:
    plain = io.BytesIO()
    encrypt([data], plain, [IDENTITY.to_public()])
    return verify_archive(io.BytesIO(plain.getvalue()), KEY, [IDENTITY], ceilings({"size": len(data)}))


def _backup_record(data: bytes) -> object:
    _file(data, "store/backup-20261124T140000Z.json")
    store = Directory(str(FOLDER / "store"))
    return [record and genuine(name, record, KEY) for name, record in store.records()]


def _snapshot(data: bytes) -> object:
    return read_record(_file(data, f"{SNAPSHOT['name']}/snapshot.json").parent, None)


def _decision_record(data: bytes) -> object:
    return [each.to_dict() for each in verify(str(_file(data, "decisions/000001-0.decision.json").parent), {})]


def _health(data: bytes) -> object:
    report = load_report(_file(data))
    made = entry("host", {"failed": True, "msg": "m"}, report, NOW)
    return fleet_digest("host", report), changes(report, made.report), restarts(report)


def _policies(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    files = {"a.rego": text, "policy_data.json": text}
    return published(files), revision(content(files)), with_data(files, {"a": {"b": 1}})


def _silences(data: bytes) -> object:
    listed = _json(data)
    if isinstance(listed, str):
        return run_mark(listed)
    return [one.to_dict() for one in listed_silences(listed, 1764000000.0, lambda creator, comment: True)]


def _kubeconfig(data: bytes) -> object:
    return login_of(read_context({"kubeconfig": str(_file(data))}, {}), {})


def _terraform(data: bytes) -> object:
    found = [message for line in data.split(b"\n") if (message := messages.message_of(line))]
    return [messages.sentence_of(one) for one in found], messages.deletions(found), messages.planned_changes(found), messages.errors(found)


def _manifests(data: bytes) -> object:
    return manifests_of([Text("the file", data)])


def _proofs(data: bytes) -> object:
    entries = kept_entries({"data": {"proofs": base64.b64encode(data).decode()}})
    return [opened(one, Subject("Deployment", "a", "b", "0"), KEY, 1764000000.0) for one in entries]


def _leaving(data: bytes) -> object:
    return outgoing({"says": data.decode("utf-8", "replace"), "more": [data.decode("latin-1")]})


def _times(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return when(text), parse_duration(text, "x")


def _plain_archive() -> bytes:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}, "data": {"x": "y"}}
    return b"".join(Plain([item], lambda: {"name": "backup-1", "created": NOW}, KEY))


def _yaml(document: Any) -> bytes:
    return yaml.safe_dump(document).encode()


Parser = tuple[Callable[[bytes], object], st.SearchStrategy[bytes]]
PARSERS: dict[str, Parser] = {
    **{
        f"metrics-{fmt}": (
            lambda data, fmt=fmt: parse_samples(data, fmt, names={"qek", "hvar", "h"}),  # type: ignore[misc]
            st.one_of(bodies(API, PROMQL, MATRIX), texts(EXPOSITION)),
        )
        for fmt in FORMATS
    },
    "exposition": (lambda data: parse_exposition(data.decode("utf-8", "replace"), {"qek", "h", "hvar"}), texts(EXPOSITION)),
    "prometheus": (lambda data: (successful_data(_json(data)), listed_alerts(_json(data))), bodies(PROMQL, ALERTS)),
    "profile": (lambda data: parse_profile(_json(data)), bodies(PROFILE)),
    "alerts": (_alerts, bodies(ALERTS, ALERTMANAGER)),
    "silences": (_silences, st.one_of(bodies([SILENCE]), texts(as_json(SILENCE["comment"])))),
    "decision log": (_decisions, st.one_of(bodies(DECISION, [DECISION, DECISION]), texts(
        as_json(DECISION) + b"\n" + as_json(DECISION), b"2026-11-24T14:00:00.1Z stdout P " + as_json(DECISION)[:90] + b"\n"
        b"2026-11-24T14:00:00.2Z stdout F " + as_json(DECISION)[90:] + b"\n"))),
    "OPA's answer": (lambda data: (decide(200, data), decide_risk(200, data, "p")), bodies(ANSWER)),
    "archive": (_archive, texts(_plain_archive())),
    "record of a backup": (_backup_record, bodies(RECORD)),
    "snapshot": (_snapshot, bodies(SNAPSHOT)),
    "decision record": (_decision_record, bodies(DECISION_RECORD)),
    "report of the last run": (_health, bodies(REPORT)),
    "journal of a restore": (lambda data: RestoreJournal(str(_file(data)), {}), bodies(JOURNAL)),
    "policies": (_policies, st.one_of(texts(b"package a\n\nallow := true\n"), bodies({"a": {"b": 2}}))),
    "Terraform's messages": (_terraform, st.one_of(bodies(*MESSAGES), texts(b"\n".join(map(as_json, MESSAGES))))),
    "kubeconfig": (_kubeconfig, st.one_of(bodies(KUBECONFIG), texts(_yaml(KUBECONFIG)))),
    "key": (lambda data: public_key(str(_file(data))), texts(b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n")),
    "identity": (lambda data: identities(data.decode("utf-8", "replace"), "the file"), texts(f"# a\n{IDENTITY}\n".encode())),
    "manifests": (_manifests, st.one_of(bodies(MANIFEST), texts(_yaml(MANIFEST), b"a: &a [*a]\n---\n" + _yaml(MANIFEST)))),
    "proofs": (_proofs, bodies([PROOF])),
    "text that leaves": (_leaving, texts(LEAVING, LEAVING * 20)),
    "times": (_times, texts(b"2026-11-24T14:00:00Z", b"1h30m", b"15s", b"2026-11-24T14:00:00.123+02:00")),
}  # fmt: skip


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_gives_a_value_or_one_sentence(name: str) -> None:
    parse, inputs = PARSERS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # The same inputs each time in the usual run, so that a change fails by its own faults; `make soak` looks for new ones.
    given_size = "FUZZ_INPUTS" in os.environ

    @settings(
        max_examples=INPUTS, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None, derandomize=not given_size
    )
    @given(inputs)
    def whatever_comes(data: bytes) -> None:
        began = time.process_time()
        try:
            parse(data)
        except SalvageError as exc:
            assert str(exc).strip() and len(str(exc)) < 2000 + len(str(FOLDER)), str(exc)[:3000]
        except Exception as exc:
            # Without its traceback: one of thousands of frames takes pytest minutes.
            frames = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(exc.__traceback__)[1:8]]
            pytest.fail(f"{type(exc).__name__}: {str(exc)[:200]} at {' '.join(frames)} for {data[:400]!r}", pytrace=False)
        assert time.process_time() - began < LONGEST

    whatever_comes()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MORE


def test_a_good_input_is_a_value() -> None:
    """So that the targets are the parsers, and not their first refusal."""
    good = {
        "metrics-auto": EXPOSITION, "exposition": EXPOSITION, "prometheus": as_json(ALERTS), "alerts": as_json(ALERTS),
        "decision log": as_json(DECISION), "OPA's answer": as_json(ANSWER), "record of a backup": as_json(RECORD),
        "snapshot": as_json(SNAPSHOT), "decision record": as_json(DECISION_RECORD), "report of the last run": as_json(REPORT),
        "policies": b'{"a": 1}', "Terraform's messages": as_json(MESSAGES[0]), "archive": _plain_archive(), "times": b"15s",
    }  # fmt: skip
    for name, data in good.items():
        assert PARSERS[name][0](data) is not None, name
    assert json.loads(as_json(KUBECONFIG))
