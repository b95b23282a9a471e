# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decision logs as they come: mixed, rotated, cut, zipped, masked."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import decision_log as log
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.log_lines import Reading
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.log.summary import Limit, Summary, rule_of
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given, settings
from hypothesis import strategies as st


def record(number: int = 0, *, provider: str = "alpha", allow: bool = True, trust: float = 0.9, **more: Any) -> dict[str, Any]:
    deny = [] if allow else [f"trust weight {trust} below minimum 0.5"]
    return {
        "decision_id": f"id-{number}",
        "path": "euystacio/peace_bonds",
        "input": {
            "provider": {"id": provider, "trust_weight": trust, "compliance_score": 0.9, "ethical_alignment": 0.9},
            "symbiosis_score": 0.8,
        },
        "result": {"allow": allow, "deny": deny, "risk_score": 0.2},
        "timestamp": f"2026-11-24T14:{number // 60 % 60:02d}:{number % 60:02d}.123456789Z",
        "labels": {"id": "x", "version": "1.22.2"},
        "msg": "Decision Log",
        **more,
    }


def line(item: Any) -> bytes:
    return json.dumps(item).encode() + b"\n"


SERVER_LINE = b'{"level":"info","msg":"Received request.","req_path":"/v1/data","time":"2026-11-24T14:00:00Z"}\n'


def read(data: bytes, size: int = 7) -> tuple[list[dict[str, Any]], Reading]:
    reading = Reading()
    return list(
        log.read_records((data[i : i + size] for i in range(0, len(data), size)), reading),
    ), reading


def test_server_lines_text_and_cut_ends_between_the_records() -> None:
    data = line(record(1))[50:] + line(record(2)) + SERVER_LINE + b"panic: goroutine 1\n\n" + line(record(3)) + line(record(4))[:80]
    records, reading = read(data)
    assert [r["decision_id"] for r in records] == ["id-2", "id-3"]
    assert (reading.cut, reading.other, reading.broken, reading.records) == (2, 2, 0, 2)


def test_a_broken_record_in_the_middle_is_counted() -> None:
    records, reading = read(SERVER_LINE + line(record(1))[:-20] + b"\n" + line(record(2)))
    assert len(records) == 1
    assert reading.broken == 1


def test_time_stamps_and_the_kubelet_format_with_split_lines() -> None:
    whole = line(record(1)).strip()
    data = b"2026-11-24T14:00:00.1Z stdout P " + whole[:100] + b"\n"
    data += b"2026-11-24T14:00:00.1Z stderr F warning\n"
    data += b"2026-11-24T14:00:00.1Z stdout F " + whole[100:] + b"\n"
    data += b"2026-11-24T14:00:00.123Z " + line(record(2)) + b"[pod/opa-1/opa] " + line(record(3))
    records, reading = read(data)
    assert [r["decision_id"] for r in records] == ["id-1", "id-2", "id-3"]
    assert reading.other == 1


def test_a_line_in_many_parts_takes_linear_time_and_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def parts(count: int) -> bytes:
        text = json.dumps({"decision_id": "long", "result": {}, "x": "y" * count}).encode()
        pieces = [text[start : start + 8] for start in range(0, len(text), 8)]
        return b"".join(b"2026-11-24T14:00:00.1Z stdout %s %s\n" % (b"P" if piece != pieces[-1] else b"F", piece) for piece in pieces)

    def taken(count: int) -> float:
        started = time.process_time()
        assert len(read(parts(count))[0]) == 1
        return time.process_time() - started

    small = min(taken(40_000) for _ in range(3))
    assert taken(640_000) < 16 * 4 * small + 0.2  # 80,000 parts; quadratic would be 256 times as long

    monkeypatch.setattr(log, "MAX_LINE", 1000)
    records, reading = read(parts(5000) + line(record(1)))
    assert [item["decision_id"] for item in records] == ["id-1"]
    assert (reading.too_long, reading.broken, reading.cut) == (1, 0, 0)


def test_gzip_in_members_cut_off_and_damaged() -> None:
    data = gzip.compress(line(record(1))) + gzip.compress(line(record(2)))
    assert len(read(data)[0]) == 2
    records, reading = read(data[:-10], 1000)
    assert len(records) >= 1
    assert "cut off" in reading.problems[0]
    assert "damaged" in read(data[:20] + b"\xff" * 40)[1].problems[0]


def test_an_upload_is_a_gzipped_array() -> None:
    records, _reading = read(gzip.compress(json.dumps([record(1), record(2), "x"]).encode()), 10_000)
    assert len(records) == 2


def test_a_gzip_bomb_and_an_endless_line_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_LINE", 1000)
    records, reading = read(gzip.compress(b"x" * 5_000_000 + b"\n" + line(record(1))), 100)
    assert len(records) == 1
    assert reading.too_long == 1


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from([line(record(1)), SERVER_LINE, b"\x1f\x8b", b"[", b"{", b'{"', b"\n", b"\0", b'{"decision_id":"x"']), max_size=8
    ).map(b"".join),
    st.integers(1, 50),
)
def test_any_bytes_are_read_without_a_traceback(data: bytes, size: int) -> None:
    records, reading = read(data, size)
    assert len(records) == reading.records


def test_both_shapes_of_an_error_and_an_undefined_result_are_unknown() -> None:
    old = {**record(1), "error": {"code": "internal_error", "message": "conflict"}}
    new = {**record(1), "error": "eval_conflict_error: conflict"}
    undefined = record(1)
    del undefined["result"]
    for item in (old, new, undefined):
        assert log.decision_of(item).status == "unknown"
    assert "conflict" in log.decision_of(old).reason
    assert "no result" in log.decision_of(undefined).reason
    assert "masked" in log.decision_of({**undefined, "erased": ["/result"]}).reason


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:01Z", 61),
        ("1970-01-01T00:00:00.500000001Z", 0.500000001),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
        (None, None),
        (5, None),
    ],
)
def test_time_stamps(text: object, seconds: float | None) -> None:
    assert log.timestamp(text) == seconds


def test_a_masked_provider_is_never_named() -> None:
    item = record(1, provider="canary-name")
    assert log.provider_of(item) == "canary-name"
    for pointer in ("/input/provider/id", "/input/provider", "/input"):
        assert log.provider_of(item, pointers=(pointer,)) == log.MASKED
    assert log.provider_of({"input": {}}) == log.NAMELESS
    assert log.provider_of({"input": {"provider_id": 7}}) == "7"


def test_what_can_be_replayed() -> None:
    item = record(1)
    assert log.whole_input(item, ())
    assert log.whole_input(item, ("/labels/id",))
    assert not log.whole_input(item, ("/input/provider/country",))  # a policy may read any field
    assert not log.whole_input(item, ("",))
    assert not log.whole_input(item, ("/input/provider/trust_weight",))
    assert not log.whole_input(item, ("/input/provider",))
    assert not log.whole_input({"result": {}}, ())


@pytest.mark.parametrize(
    ("item", "status", "reason"),
    [
        (record(1, masked=["/result/allow"]), "unknown", "the result is masked in the log"),
        (record(1, masked=["/result"]), "unknown", "the result is masked in the log"),
        (record(1, erased=["/result/allowed/0"]), "unknown", "the result is masked in the log"),
        (record(1, masked="/result/allow"), "unknown", "the result is masked in the log"),
        (record(1, masked={"a": 1}), "unknown", "the result is masked in the log"),
        (record(1, erased=["/result/deny"]), "unknown", "the reasons of the result are masked in the log, so it may contradict itself"),
        (record(1, allow=False, masked=["/result/deny/0"]), "denied", "allow is false"),
        (record(1, masked=["/result/risk_score"], result={"allow": True, "risk_score": "***"}), "allowed", ""),
        (record(1, masked=["/input/provider/id"]), "allowed", ""),
    ],
)
def test_a_masked_result_is_not_believed(item: dict[str, Any], status: str, reason: str) -> None:
    decision = log.decision_of(item)
    assert (decision.status, decision.reason) == (status, reason)


DENIES = [record(n, allow=False, trust=0.1) for n in range(2)]
TWO = [json.dumps(one) for one in DENIES]


def docker(text: str, stream: str = "stderr") -> str:
    return json.dumps({"log": text, "stream": stream, "time": "2026-11-26T05:00:00Z"}) + "\n"


FORMS = {
    "pretty JSON": "".join(json.dumps(one, indent=2) + "\n" for one in DENIES),
    "a pretty array": json.dumps(DENIES, indent=2) + "\n",
    "pretty JSON between server lines": "".join(SERVER_LINE.decode() + json.dumps(one, indent=2) + "\n" for one in DENIES),
    "Docker": "".join(docker(one + "\n") for one in TWO),
    "Docker, in parts": "".join(docker(one[:100]) + docker("noise\n", "stdout") + docker(one[100:] + "\n") for one in TWO),
    "pretty JSON by Docker": "".join(docker(part + "\n") for one in DENIES for part in json.dumps(one, indent=2).splitlines()),
    "braces before the record": "".join(f"2026-11-26T05:00:00Z {{}} {one}\n" for one in TWO),
    "labels before the record": "".join(f'{{app="opa", pod="x"}} {one}\n' for one in TWO),
    "logcli": "".join(json.dumps({"labels": {}, "line": one, "timestamp": "t"}) + "\n" for one in TWO),
    "Elasticsearch": "".join(json.dumps({"_index": "i", "_source": one}) + "\n" for one in DENIES),
    "a search of Elasticsearch": json.dumps({"hits": {"hits": [{"_source": one} for one in DENIES]}}),
    "two on a line": TWO[0] + TWO[1] + "\n",
    "two on a line with a space": TWO[0] + " " + TWO[1] + "\n",
    "time stamps": "".join(f"2026-11-26T05:00:00.1Z {one}\n" for one in TWO),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_forms_of_a_log(form: str, encoding: str) -> None:
    records, reading = read(FORMS[form].encode(encoding), 37)
    assert (records, reading.problems, reading.broken, reading.cut) == (DENIES, [], 0, 0)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            b'time="2026" level=info msg="Decision Log" decision_id=4 result="{}"\n' * 36,
            "36 lines, none of them a decision; it looks like OPA's",
        ),
        (b"\x28\xb5\x2f\xfd" + b"x" * 50, "it is compressed by zstd; decompress it first"),
        (b"hello\nworld\n", "2 lines, none of them a decision"),
        (b'{"a": 1}\n', "1 lines, none of them a decision"),
        (json.dumps({"x": "y"}, indent=1).encode(), "3 lines, none of them a decision"),
        (bytes(range(256)), "2 lines, none of them a decision"),
    ],
)
def test_a_log_that_is_not_understood_is_not_an_empty_log(data: bytes, problem: str) -> None:
    records, reading = read(data)
    assert (records, reading.problems[0][: len(problem)]) == ([], problem)


def test_parts_of_docker_without_an_end_take_linear_time() -> None:
    part = docker('{"decision_id": "x", "a": "' + "b" * 100)
    start = time.process_time()
    records, reading = read(part.encode() * 10_000, 1 << 16)
    assert (records, reading.cut) == ([], 1)
    assert time.process_time() - start < 5


def test_a_server_log_without_decisions_is_understood() -> None:
    assert read(SERVER_LINE * 3)[1].problems == []
    assert read(b"maxprocs: Leaving GOMAXPROCS=2\n" + SERVER_LINE * 3)[1].problems == []


def test_a_record_that_comes_twice_counts_once() -> None:
    found = summarise([record(1), record(2), record(1)])
    assert (found["decisions"], found["repeated"]) == (2, 1)


def test_an_empty_deny_alone_is_half_a_decision() -> None:
    alone = {"path": "euystacio/peace_bonds/deny", "result": []}
    found = summarise([record(1), record(2, **alone), record(3, **{**alone, "result": ["no trust"]})])
    assert (found["counts"], found["deny_alone"]) == ({"allowed": 1, "denied": 1, "unknown": 0}, 1)


def test_reasons_as_conftest_writes_them() -> None:
    item = record(1, result={"allow": False, "deny": [{"msg": "no trust"}, {"message": "too risky", "details": {}}]})
    assert log.decision_of(item).deny == ("no trust", "too risky")
    assert log.decision_of(record(1, result={"allow": False, "deny": [{"text": 1}]})).status == "unknown"


def test_revisions_of_bundles_and_labels() -> None:
    assert log.revision_of(record(1, bundles={"b": {"revision": "2"}, "a": {"revision": "1"}, "c": 1})) == "1+2"
    assert log.revision_of(record(1, labels={"policy_revision": "r9"})) == "r9"
    assert log.revision_of(record(1, revision="r7", labels={"policy_revision": "r9"})) == "r7"
    assert log.revision_of(record(1)) == ""


def summarise(records: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    summary = Summary(**options)
    for item in records:
        summary.add(item)
    return summary.to_dict()


def test_the_summary_counts_by_provider_rule_and_hour() -> None:
    found = summarise(
        [record(1), record(2, allow=False, trust=0.2), record(3599, allow=False, trust=0.3), record(5, provider="beta", result={})]
    )
    assert found["counts"] == {"allowed": 1, "denied": 2, "unknown": 1}
    assert found["providers"][0]["provider"] == "alpha"
    assert found["providers"][0]["denied"] == 2
    assert found["rules"][0]["rule"] == "trust weight # below minimum #"
    assert found["rules"][0]["denied"] == 2
    assert found["first_seen"] == "2026-11-24T14:00:01Z"
    assert found["over_time"][0]["denied"] == 2
    assert sum(found["unknown_reasons"].values()) == 1


def test_selection_by_path_time_and_provider() -> None:
    records = [
        record(1),
        record(2, path="other/package"),
        record(60),
        record(61, provider="beta"),
        record(2, path="euystacio/peace_bonds_extra"),
    ]
    since = log.timestamp("2026-11-24T14:01:00Z")
    found = summarise(records, since=since, providers=["beta"])
    assert found["decisions"] == 1
    assert found["other_paths"] == 2
    assert found["outside_selection"] == 2


def test_denies_within_a_margin_of_the_threshold_come_with_the_numbers() -> None:
    limits = {"provider.trust_weight": Limit(minimum=0.5), "symbiosis_score": Limit(minimum=0.5), "metrics.hvar_value": Limit(maximum=0.1)}
    records = [record(1, allow=False, trust=0.49), record(2, allow=False, trust=0.2), record(3, provider="beta", allow=False, trust=0.2)]
    near = summarise(records, limits=limits)["likely_false_positives"]["near_threshold"]
    assert near == [
        {
            "provider": "alpha",
            "denied": 2,
            "within_margin": 1,
            "closest": {"provider.trust_weight": {"value": 0.49, "limit": 0.5, "distance": 0.01}},
        }
    ]
    masked = [record(1, allow=False, trust=0.49, masked=["/input/provider/trust_weight"])]
    assert summarise(masked, limits=limits)["likely_false_positives"]["near_threshold"] == []


def test_denies_that_began_with_a_revision() -> None:
    records = [record(i) for i in range(5)] + [record(100 + i, allow=False) for i in range(3)] + [record(200, provider="beta", allow=False)]
    revisions = [(log.timestamp("2026-11-24T13:00:00Z") or 0, "r1"), (log.timestamp("2026-11-24T14:01:00Z") or 0, "r2")]
    expected = [{"provider": "alpha", "revision": "r2", "previous_revision": "r1", "allowed_before": 5, "denied_since": 3}]
    assert summarise(records, revisions=revisions)["likely_false_positives"]["began_with_revision"] == expected


def test_ten_thousand_names_do_not_grow_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.log.summary.MAX_PROVIDERS"
    monkeypatch.setattr(module, 10)
    found = summarise(
        [record(i % 60, provider=f"p{i}", allow=False, trust=0.49) for i in range(200)],
        limits={"provider.trust_weight": Limit(minimum=0.5)},
    )
    assert found["provider_count"] == 11
    assert found["decisions"] == 200
    assert any(p["provider"] == "(others)" and p["denied"] == 190 for p in found["providers"])


@given(st.text(max_size=50))
def test_a_rule_is_the_text_without_its_numbers(text: str) -> None:
    assert rule_of(f"{text} 0.25 < 0.5") == rule_of(f"{text} 0.31 < 0.6")


def test_a_record_with_one_place_wrong_is_never_allowed() -> None:
    def status(item: Any) -> str:
        decision = log.decision_of(item)
        assert decision.status == "allowed" or decision.reason
        return "healthy" if decision.status == "allowed" else decision.status

    good = {**record(1), "result": {"allow": True, "deny": [], "risk_score": 0.1}, "error": None, "masked": [], "erased": []}
    none = [None, GONE]
    honest = {"error": [GONE], "masked": none, "erased": none, "result/deny": [GONE], "result/risk_score": [*none, 0]}
    assert false_healthy(status, good, *honest, "result", "result/allow", honest=honest) == []


@given(st.text() | st.sampled_from(["yes", "ALLOW", "granted", "true"]))
def test_a_result_that_is_a_word_is_never_allowed(word: str) -> None:
    for result in (word, {"allow": word}, {"allowed": word}, {"allow": True, "decision": word + "!"}):
        assert log.decision_of({**record(1), "result": result}).status != "allowed"
