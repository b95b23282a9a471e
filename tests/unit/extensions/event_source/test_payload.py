# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken of a payload: by an allow-list, never with a template, and never with an exception that is not one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alert_source import START, alert, payload_of
from hypothesis import given
from hypothesis import strategies as st
from meta_salvage_events.payload import Alert, PayloadError, alert_of, harmless, ids_of, instant, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)

# Of {alertname="Hé", severity="critical"}.
KNOWN = "b1f64f804cf68bf4"


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_payload_of_alertmanager_is_taken_whole() -> None:
    found = read(body(payload_of(alert(1), alert(2, "resolved"), truncatedAlerts=3)))
    assert [(one.episode, one.status) for one in found.alerts] == [
        (f"{1:016x}@{START}", "firing"),
        (f"{2:016x}@{START}", "resolved"),
    ]
    assert (found.receiver, found.external_url, found.truncated, found.refused) == ("respond", "http://alertmanager:9093", 3, ())
    assert found.alerts[0].as_dict() == alert(1)


def test_what_alertmanager_does_not_have_is_left_out() -> None:
    strange = {**alert(1), "headers": {"Authorization": "Bearer x"}, "meta": {"hosts": "all"}}
    assert read(body(payload_of(strange, meta={"hosts": "all"}))).alerts[0].as_dict() == alert(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "pending"}, "status is neither"),
        ({"status": None}, "status is neither"),
        ({"fingerprint": "../../etc"}, "fingerprint is not"),
        ({"fingerprint": 1}, "fingerprint is not"),
        ({"startsAt": "yesterday"}, "startsAt is not a time"),
        ({"startsAt": "2026-13-01T00:00:00Z"}, "startsAt is not a time"),
        ({"labels": {}}, "no label alertname"),
        ({"labels": None}, "labels has to be"),
        ({"labels": {"alertname": "A", "n": 1}}, "is not a text"),
        ({"labels": {"alertname": "A" * 5000}}, "texts of at most 4096"),
        ({"labels": {"alertname": "A", **{f"l{number}": "x" * 4000 for number in range(5)}}}, "16384 in all"),
        ({"labels": {f"l{number}": "x" for number in range(65)}}, "at most 64"),
        ({"fingerprint": None, "labels": {f"l{number}": "x" for number in range(10_000)}}, "fingerprint is not"),
        ({"fingerprint": None, "labels": {"alertname": 1}}, "fingerprint is not"),
        ({"annotations": {"summary": ["x"]}}, "is not a text"),
        ({"annotations": {"summary": {"deep": {"deeper": "x"}}}}, "is not a text"),
    ],
)
def test_an_alert_that_is_wrong_is_refused_with_a_reason_and_hides_no_other(change: dict[str, Any], words: str) -> None:
    found = read(body(payload_of({**alert(1), **change}, alert(2))))
    assert [one.fingerprint for one in found.alerts] == [f"{2:016x}"]
    assert words in found.refused[0]
    with pytest.raises(PayloadError, match="No alert of 1 can be used"):
        read(body(payload_of({**alert(1), **change})))


@pytest.mark.parametrize(
    ("given_body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"version": NaN}', "not JSON"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not"),
        (b"[]", "not a JSON object"),
        (body({**payload_of(alert()), "version": "3"}), "version 4"),
        (body({**payload_of(alert()), "alerts": []}), "at least one alert"),
        (body({**payload_of(alert()), "alerts": {}}), "at least one alert"),
    ],
)
def test_a_body_that_is_no_payload_is_refused_with_a_sentence(given_body: bytes, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        read(given_body)


def test_a_name_that_is_not_taken_is_left_out_and_the_alert_is_taken() -> None:
    """Prometheus 3 allows any name of a label."""
    strange = {"__proto__": "x", "a b": "x", "größe": "x", "{{ x }}": "x", "n" * 200: "x"}
    given_alert = {**alert(1), "labels": {**alert(1)["labels"], **strange}, "annotations": {**alert(1)["annotations"], **strange}}
    assert read(body(payload_of(given_alert))).alerts[0].as_dict() == alert(1)


@pytest.mark.parametrize("fingerprint", [None, ""])
def test_an_alert_without_a_fingerprint_gets_the_one_of_alertmanager(fingerprint: str | None) -> None:
    labels = {"severity": "critical", "alertname": "Hé"}
    given_alert = {**alert(1), "fingerprint": fingerprint, "labels": labels}
    # Computed by Alertmanager 0.25 from the same labels.
    assert read(body(payload_of(given_alert))).alerts[0].fingerprint == KNOWN
    del given_alert["fingerprint"]
    assert read(body(payload_of({**given_alert, "labels": dict(reversed(labels.items()))}))).alerts[0].fingerprint == KNOWN


@given(JSON)
def test_no_document_is_anything_but_taken_or_refused(document: object) -> None:
    one_alert: Any = document
    for one in (document, payload_of(alerts=document), payload_of(one_alert), payload_of({**alert(), "labels": document})):
        try:
            assert read(body(one)).alerts
        except PayloadError as error:  # noqa: PERF203
            assert "\n" not in str(error)


@given(st.text())
def test_no_text_opens_a_template_or_controls_a_terminal(text: str) -> None:
    found = harmless(text)
    assert not any(opening in found for opening in ("{{", "{%", "{#", "\x1b", "\x00", "\u202e"))
    assert harmless(found) == found
    found.encode()


def test_long_annotations_are_cut_and_cost_no_alert() -> None:
    found = alert_of({**alert(), "annotations": {"a": "x" * 10_000, "b": "y" * 10_000, "c": "z"}})
    assert [len(text) for text in found.annotations.values()] == [10_000, 6384, 0]


def test_a_template_in_an_annotation_is_text() -> None:
    found = alert_of({**alert(), "annotations": {"summary": "{{{ lookup('pipe', 'id') }} {% x %} {# y #}"}})
    assert found.annotations["summary"] == "{ { { lookup('pipe', 'id') }} { % x %} { # y #}"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-27T03:00:00.120Z", "2026-11-27T03:00:00.12Z"),
        ("2026-11-27T03:00:00.000000000Z", "2026-11-27T03:00:00Z"),
        ("2026-11-27T04:00:00.123456789+01:00", "2026-11-27T03:00:00.123456789Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_one_instant_is_one_text(text: str, same: str) -> None:
    assert instant("startsAt", text) == same


@given(
    st.sampled_from(["firing", "resolved"]),
    st.integers(0, 2**64 - 1),
    st.datetimes(),
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=30), max_size=4),
)
def test_an_alert_reads_back_what_it_writes(status: str, number: int, start: Any, labels: dict[str, str]) -> None:
    first = alert_of({**alert(number, status, start=start.isoformat() + "Z", **labels), "annotations": labels})
    assert isinstance(first, Alert)
    assert alert_of(json.loads(json.dumps(first.as_dict()))) == first


def test_ids_are_a_list_of_texts() -> None:
    assert ids_of(b'{"ids": ["a", "b"]}', 2) == ("a", "b")
    for wrong in (b'{"ids": []}', b'{"ids": ["a", "b", "c"]}', b'{"ids": [1]}', b'{"ids": "a"}', b"{}", body({"ids": ["x" * 300]})):
        with pytest.raises(PayloadError):
            ids_of(wrong, 2)
