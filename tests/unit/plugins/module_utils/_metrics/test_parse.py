# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each source's answers mean, and that no bytes at all get a traceback or a healthy value by mistake."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.decide import evaluate_all
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.parse import FORMATS, parse_samples
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.profile import DEFAULT_PROFILE, parse_profile
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus.model import MetricSample
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import GONE, false_healthy
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = DEFAULT_PROFILE.names


def one(data: object, fmt: str = "auto", **kwargs: bool) -> MetricSample:
    samples = parse_samples(data, fmt, names=NAMES, **kwargs)
    assert len(samples) == 1
    return samples[0]


def refused(data: object, fmt: str = "auto") -> str:
    with pytest.raises(SalvageError) as caught:
        parse_samples(data, fmt, names=NAMES)
    assert caught.value.reason == "invalid"
    return str(caught.value)


# The API


@pytest.mark.parametrize("data", ['{"metrics": {"QEK": 0.93}}', '{"QEK": 0.93}', b'\xef\xbb\xbf {"QEK": 0.93}', {"metrics": {"QEK": 0.93}}])
def test_the_api_with_numbers(data: object) -> None:
    assert one(data) == MetricSample("QEK", 0.93)


def test_the_api_with_objects() -> None:
    entry = {
        "current_value": 0.82,
        "ideal_value": 0.938,
        "within_limits": False,
        "status": "alert",
        "timestamp": "2026-11-24T14:00:00Z",
        "time_series": [[1795528740, 0.9], {"timestamp": "2026-11-24T13:58:00+00:00", "value": 0.91}, 0.7, [1, None], ["x", 1], "y"],
    }
    sample = one({"metrics": {"QEK": entry}})
    assert (sample.value, sample.alert, sample.timestamp) == (0.82, True, 1795528800.0)
    assert sample.series == ((1795528680.0, 0.91), (1795528740.0, 0.9))


def test_without_a_time_the_series_gives_it() -> None:
    assert one({"QEK": {"current_value": 1, "time_series": [[20, 1], [10, 2]]}}).timestamp == 20.0


def test_the_documents_time_is_that_of_each_metric() -> None:
    samples = parse_samples(
        {"timestamp": 1795528800, "metrics": {"QEK": 0.9, "H_VAR": {"current_value": 0.1, "timestamp": None}}}, names=NAMES
    )
    assert [s.timestamp for s in samples] == [1795528800.0, 1795528800.0]


@pytest.mark.parametrize(
    "raw",
    [
        1795528800,
        1795528800000,
        "2026-11-24T14:00:00Z",
        "2026-11-24T14:00:00",
        "2026-11-24T15:00:00.0000000+01:00",
        "2026-11-24T14:00:00.0z",
    ],
)
def test_times(raw: object) -> None:
    assert one({"QEK": {"current_value": 1, "timestamp": raw}}).timestamp == 1795528800.0


@pytest.mark.parametrize("raw", ["yesterday", True, [], math.nan, 10**400, "2026-02-30", "9" * 30])
def test_times_that_are_none(raw: object) -> None:
    sample = one({"QEK": {"current_value": 1, "timestamp": raw}})
    assert sample.value is None
    assert sample.reason.startswith("its timestamp can't be read, it is ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "the value is null"),
        ("NaN", "the value is NaN"),
        ("Infinity", "the value is infinite"),
        ("-Infinity", "the value is infinite"),
        ("1e999", "the value is infinite"),
        ("9" * 350, "the value is infinite"),
        ("9" * 5000, "the value is infinite"),
        ('"0.93"', "the value is the string '0.93', not a number"),
        ("true", "the value is the boolean true, not a number"),
        ("[0.93]", "the value is a list, not a number"),
        ("{}", "the object has no current_value"),
        ('{"current_value": null}', "the value is null"),
        ('{"current_value": {}}', "the value is an object, not a number"),
        ('{"value": 0.93}', "the object has no current_value"),
    ],
)
def test_values_that_are_none(text: str, reason: str) -> None:
    assert one(f'{{"metrics": {{"QEK": {text}}}}}') == MetricSample("QEK", None, reason)


def test_a_key_given_twice() -> None:
    assert one('{"QEK": 0.93, "QEK": 0.2}').reason == "given twice with different values"
    assert one('{"QEK": 1, "QEK": true}').value is None
    assert one('{"QEK": 0.93, "QEK": 0.93}').value == 0.93
    assert refused('{"metrics": {"QEK": 1}, "metrics": {}}') == ".metrics is given twice, an object was expected"


@pytest.mark.parametrize("data", ["{}", {}, '{"metrics": {}}'])
def test_no_data_is_no_samples(data: object) -> None:
    assert parse_samples(data, names=NAMES) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "the answer is empty"),
        (b" \n", "the answer is empty"),
        ("<!doctype html><h1>Log in</h1>", "the answer is HTML or XML, not metrics: it starts with '<!doctype html><h1>Log in</h1>'"),
        ("[]", "the answer is a list, an object of metrics was expected"),
        ("0.93", "the answer is a number, an object of metrics was expected"),
        ('"healthy"', "the answer is the string 'healthy', an object of metrics was expected"),
        (None, "the answer is null, an object of metrics was expected"),
        (True, "the answer is the boolean true, an object of metrics was expected"),
        ({1, 2}, "the answer is of type set, an object of metrics was expected"),
        ('{"metrics": null}', ".metrics is null, an object was expected"),
        ('{"metrics": [1]}', ".metrics is a list, an object was expected"),
    ],
)
def test_documents_that_are_none(data: object, sentence: str) -> None:
    assert refused(data) == sentence


def test_a_document_that_is_cut_off() -> None:
    assert refused('{"metrics": {"QEK": 0.93, "H_').startswith("the answer is not JSON (")


@pytest.mark.parametrize("text", ["[" * 200_000, '{"metrics":' * 200_000, '{"metrics": {"QEK": ' + "[" * 200_000])
def test_a_document_without_a_bottom(text: str) -> None:
    assert "nested too deeply" in refused(text)


# Exposition text

TEXT = """\
# HELP qek_value The kernel.
# TYPE qek_value gauge
qek_value{pod="a",say="\\"{}\\""} 0.93
# TYPE hvar_value gauge
hvar_value 0.05 1795528800000
# TYPE http_requests_total counter
http_requests_total{code="200"} 12
qek_value_created 3
"""


def test_exposition_text() -> None:
    assert parse_samples(TEXT, names=NAMES) == [
        MetricSample("qek_value", 0.93, labels={"pod": "a", "say": '"{}"'}),
        MetricSample("hvar_value", 0.05, timestamp=1795528800.0),
    ]
    assert parse_samples(TEXT.encode(), "exposition", names={"http_requests_total"})[0].value == 12.0


def test_open_metrics_has_seconds_and_exemplars() -> None:
    text = '# TYPE x counter\nx_total 3.0 1795528800.5 # {trace="a"} 1.0 1.0\nhvar_value 0.05 # {a="b"} 1\n# EOF\n'
    assert parse_samples(text, names={"x_total", "hvar_value"}) == [
        MetricSample("x_total", 3.0, timestamp=1795528800.5),
        MetricSample("hvar_value", 0.05),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("qek_value NaN", "the value is NaN"),
        ("qek_value +Inf", "the value is infinite"),
        ("qek_value " + "9" * 5000, "the value is infinite"),
        ("qek_value " + "9" * 400, "the value is infinite"),
        ("qek_value true", "its line is malformed: 'qek_value true'"),
        ("qek_value", "its line is malformed: 'qek_value'"),
        ('qek_value{a="b 0.93', "its line is malformed: 'qek_value{a=\"b 0.93'"),
        ("qek_value 0.93 NaN", "its timestamp is malformed: 'qek_value 0.93 NaN'"),
        ("qek_value 0.93 soon", "its line is malformed: 'qek_value 0.93 soon'"),
        ("qek_value " + " " * 20_000 + "1", "its line has 20011 characters"),
    ],
)
def test_lines_without_a_value(line: str, reason: str) -> None:
    sample = one(line + "\n")
    assert (sample.name, sample.value, sample.reason) == ("qek_value", None, reason)


def test_other_metrics_lines_do_no_harm() -> None:
    broken = '{{{ qek_value\n}} garbage = qek_value\nbroken{label="qek_value 1\n' + "x" * 20_000 + "qek_value 0.1\nother{qek_value\n"
    assert one("# EOF?\n" + broken + "qek_value 0.93\n") == MetricSample("qek_value", 0.93)


def test_text_that_is_cut_off() -> None:
    text = "# x\nhvar_value 0.05\nqek_value 0.9"
    assert [s.value for s in parse_samples(text, names=NAMES)] == [0.05, 0.9]
    assert [s.value for s in parse_samples(text, names=NAMES, whole=False)] == [0.05, None]
    assert parse_samples("# x\nqek_val", names=NAMES, whole=False) == []


def test_a_line_made_to_keep_the_parser_busy_is_not_read() -> None:
    started = time.monotonic()
    assert one("qek_value{" + 'a="b",' * 500_000 + "} 1\n").value is None
    assert time.monotonic() - started < 5


def test_without_the_library_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.parser", None)
    with pytest.raises(SalvageError, match="prometheus-client") as caught:
        parse_samples(TEXT, names=NAMES)
    assert caught.value.reason == "missing_library"
    assert one('{"QEK": 1}').value == 1.0


def test_json_where_text_was_expected() -> None:
    assert refused({"a": 1}, "exposition") == "exposition text was expected, the data is an object"
    assert parse_samples('{"QEK": 1}', "exposition", names=NAMES) == []


# PromQL


def promql(result: object, kind: str = "vector", **more: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def test_a_vector_a_matrix_a_scalar() -> None:
    series = {"metric": {"__name__": "qek_value", "pod": "a"}, "value": [1795528800.5, "0.93"]}
    assert one(json.dumps(promql([series]))) == MetricSample("qek_value", 0.93, timestamp=1795528800.5, labels={"pod": "a"})
    assert one(promql([20, "0.93"], "scalar")) == MetricSample("", 0.93, timestamp=20.0)
    ranged = {"metric": {"__name__": "qek_value"}, "values": [[10, "0.9"], [20, "NaN"], [30, "0.8"]]}
    assert one(promql([ranged], "matrix")) == MetricSample("qek_value", 0.8, timestamp=30.0, series=((10.0, 0.9), (30.0, 0.8)))
    assert parse_samples(promql([]), names=NAMES) == []


def test_warnings_are_a_doubt() -> None:
    sample = one(promql([{"metric": {}, "value": [1, "0.93"]}], warnings=["a store is down", 3]))
    assert sample.doubt == "Prometheus warns: a store is down; a number"


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        ({"value": [1, "NaN"]}, "the value is NaN"),
        ({"value": [1, "+Inf"]}, "the value is +Inf"),
        ({"value": [1, "x"]}, "the value is x"),
        ({"value": [1, 0.93]}, "the value is a number"),
        ({"value": ["1", "0.93"]}, "a value of the series has no time"),
        ({"value": 3}, "a value of the series is malformed"),
        ({"histogram": [1, {}]}, "the series has no numbers (a native histogram?)"),
    ],
)
def test_series_without_a_value(series: dict[str, object], reason: str) -> None:
    sample = one(promql([{"metric": {"__name__": "qek_value"}, **series}]))
    assert (sample.value, sample.reason) == (None, reason)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "Prometheus refused the query: bad_data: parse error"),
        ({"status": "success", "data": []}, "the answer is not Prometheus's: it has no status success and data"),
        (promql("x", "string"), "a vector, matrix or scalar was expected, the result is the string 'string'"),
        (promql(3), "a vector, matrix or scalar was expected, the result is the string 'vector'"),
        (promql([3]), "the answer is not Prometheus's: a series has no labels"),
    ],
)
def test_answers_that_are_none(data: object, sentence: str) -> None:
    assert refused(data) == sentence
    assert refused([1], "promql") == "the answer is a list, not Prometheus's"


# Anything at all

ODD = st.sampled_from(
    ["qek_value", "QEK", '{"metrics":', "{", "}", '"', "NaN", " 0.93", "\n", "# EOF", "#", "\\", '{a="', ",", "[", "null", "=", "e9"]
)


@settings(max_examples=300)
@given(data=st.binary(max_size=200) | st.lists(ODD, max_size=30).map("".join), fmt=st.sampled_from(FORMATS), whole=st.booleans())
def test_any_bytes_are_samples_or_a_sentence(data: bytes | str, fmt: str, whole: bool) -> None:
    try:
        samples = parse_samples(data, fmt, names=NAMES, whole=whole)
    except SalvageError as exc:
        assert exc.reason in {"invalid", "missing_library"}
        return
    for sample in samples:
        assert (sample.value is None) == bool(sample.reason)
        assert sample.value is None or math.isfinite(sample.value)
        assert sample.timestamp is None or math.isfinite(sample.timestamp)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["metrics", "QEK", "current_value", "time_series", "timestamp", "status", "data", "result", "resultType", "metric", "value"]
            ),
            inner | st.sampled_from(["success", "error", "vector", "matrix"]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(data=JSON, fmt=st.sampled_from(FORMATS))
def test_any_data_is_samples_or_a_sentence(data: object, fmt: str) -> None:
    try:
        samples = parse_samples(data, fmt, names=NAMES)
    except SalvageError as exc:
        assert exc.reason == "invalid"
        return
    assert all(s.value is None or math.isfinite(s.value) for s in samples)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_each_source_gives_the_same_number(value: float) -> None:
    series = {"metric": {"__name__": "qek_value"}, "value": [0, repr(value)]}
    answers = [f"qek_value {value!r}\n", json.dumps({"QEK": value}), {"QEK": {"current_value": value}}, promql([series])]
    assert {one(answer).value for answer in answers} == {value}


PROFILE = parse_profile({"qek": {"critical_min": 0.85}})


def judged(data: Any) -> tuple[str, str]:
    (one,) = evaluate_all(PROFILE, parse_samples(data, names=PROFILE.names), now=1000.0)
    return one.status, one.reason


@pytest.mark.parametrize(
    "said",
    [
        *({"status": word} for word in ("stale", "error", "unknown", "initializing", "", 3, True, [])),
        *({"stale": value} for value in (True, "yes", 1)),
        {"within_limits": "false"},
        {"error": "no data since 04:00"},
    ],
)
def test_what_the_source_says_of_a_good_number_is_not_passed_over(said: dict[str, Any]) -> None:
    assert judged({"qek": {"current_value": 0.93, **said}})[0] == "unknown"
    assert judged({"metrics": {"qek": 0.93}, **said})[0] == "unknown"


@pytest.mark.parametrize("said", [{"status": word} for word in ("alert", "CRITICAL", "warning", "breached")] + [{"within_limits": False}])
def test_a_source_that_says_it_is_out_of_limits_is_heard(said: dict[str, Any]) -> None:
    assert judged({"qek": {"current_value": 0.93, **said}})[0] == "warning"
    assert judged({"metrics": {"qek": 0.93}, **said})[0] == "warning"


@pytest.mark.parametrize(
    "said", [{"status": word} for word in ("ok", "OK", "healthy", "normal", "success")] + [{"stale": False}, {"error": None}]
)
def test_a_source_that_says_it_is_well_changes_nothing(said: dict[str, Any]) -> None:
    assert judged({"qek": {"current_value": 0.93, **said}}) == ("healthy", "")
    assert judged({"metrics": {"qek": 0.93}, **said}) == ("healthy", "")


# One place wrong in a good answer


def never_healthy(fmt: str, good: Any, *places: str, honest: Any = ()) -> None:
    def status(data: Any) -> str:
        try:
            samples = parse_samples(json.dumps(data), fmt, names=NAMES)
        except SalvageError as exc:
            assert str(exc)
            return "unknown"
        (found,) = evaluate_all(parse_profile({"QEK": {"critical_min": 0.85, "aliases": ["qek_value"]}}), samples, now=1000.0, max_age=600)
        assert found.status == "healthy" or found.reason
        return found.status

    assert false_healthy(status, good, *places, honest=honest) == []


def test_an_answer_of_the_api_with_one_place_wrong_is_never_healthy() -> None:
    own = {"current_value": 0.93, "timestamp": 990, "status": "ok", "within_limits": True, "stale": False, "alert": False, "partial": False}
    good = {"metrics": {"QEK": own}, "warnings": []}
    none = [None, GONE]
    falsy = [None, 0, "", {}, [], GONE]
    honest = {
        "metrics/QEK": [],
        "metrics/QEK/timestamp": none,  # the report says that the value has no time
        "metrics/QEK/status": none,
        "metrics/QEK/within_limits": [GONE],
        "metrics/QEK/stale": [GONE],
        "metrics/QEK/alert": [*none, 0],
        "metrics/QEK/partial": falsy,
        "warnings": [*falsy, False],
    }
    never_healthy("api", good, "metrics", *honest, "metrics/QEK/current_value", honest={**honest, "metrics/QEK/current_value": []})


@pytest.mark.parametrize("field", ["error", "errors", "warnings", "partial", "isPartial", "incomplete", "truncated", "stale"])
@pytest.mark.parametrize("inside", [True, False])
def test_an_answer_that_says_it_is_not_whole_is_in_doubt(field: str, inside: bool) -> None:
    own: dict[str, Any] = {"current_value": 0.93}
    assert one({"metrics": {"QEK": {**own, **({field: True} if inside else {})}}, **({} if inside else {field: True})}).doubt


@given(st.text() | st.sampled_from(["CRITICAL", "stale", "degraded", "okay", "error", "unknown"]))
def test_a_status_of_a_value_that_is_not_in_the_table_is_never_healthy(word: str) -> None:
    sample = one({"QEK": {"current_value": 0.93, "status": word}})
    fine = {"ok", "healthy", "normal", "good", "pass", "passed", "success", "up", "within_limits"}
    assert bool(sample.doubt or sample.alert) == (word.strip().lower() not in fine)


def test_an_answer_of_prometheus_with_one_place_wrong_is_never_healthy() -> None:
    labels = {"__name__": "qek_value"}
    vector = {**promql([{"metric": labels, "value": [990, "0.93"]}]), "warnings": [], "isPartial": False}
    odd = [None, False, 0, "", [], {}, GONE]
    shared = {"warnings": odd, "isPartial": [None, 0, GONE]}
    whole = ["status", "data", "data/resultType", "data/result", "data/result/0", "data/result/0/metric", "data/result/0/metric/__name__"]
    # A series without a name can only be the one metric that was asked for.
    nameless = {"data/result/0/metric": [{}, {"a": 1}], "data/result/0/metric/__name__": ["", GONE]}
    places = [*whole, *shared, "data/result/0/value", "data/result/0/value/0", "data/result/0/value/1"]
    never_healthy("promql", vector, *places, honest={**shared, **nameless})
    matrix = promql([{"metric": labels, "values": [[980, "0.92"], [990, "0.93"]]}], "matrix")
    places = [*whole, "data/result/0/values", "data/result/0/values/1", "data/result/0/values/1/0", "data/result/0/values/1/1"]
    never_healthy("promql", matrix, *places, honest={**nameless, "data/result/0/values/1": [GONE]})
    assert one({**vector, "errorType": "timeout", "error": "a store is down"}).doubt
    assert one(promql([{"metric": labels, "values": [[990, "0.93"], [980, "0.92"]]}], "matrix")).value is None
