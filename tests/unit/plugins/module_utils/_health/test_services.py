# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import services
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._metrics.model import Evaluation
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.model import Decision
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.probe import Probe, read_answer
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.service_health import WORDS
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.mutations import false_healthy
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"status": "healthy", "version": "1.2"}', ("healthy", "")),
        (200, b'{"status": "degraded"}', ("critical", "http://a/health answered 200, but it says 'degraded'")),
        (200, b'{"status": "ok"}', ("healthy", "")),
        (200, b'{"status": "UP"}', ("healthy", "")),
        (200, b'{"status": true}', ("unknown", "http://a/health answered 200, but it says True")),
        (
            200,
            b'{"status": "unhealthy", "status": "healthy"}',
            ("unknown", "http://a/health answered 200, but its answer has the key 'status' twice"),
        ),
        (200, b"{}", ("unknown", "http://a/health answered 200, but its answer says nothing of its health")),
        (200, b"<html>", ("unknown", "http://a/health answered 200, but its answer says nothing of its health")),
        (200, b"[" * 100_000, ("unknown", "http://a/health answered 200, but its answer says nothing of its health")),
        (503, b'{"status": "healthy"}', ("critical", "http://a/health answered 503")),
    ],
)
def test_the_service(status: int, body: bytes, expected: tuple[str, str]) -> None:
    check = services.api(Response(status, {}, body, 0.0), "http://a/health")
    assert (check.status, check.reason) == expected


@given(st.integers(100, 599), st.binary() | st.from_type(dict[str, str]).map(lambda data: json.dumps(data).encode()))
def test_a_service_is_healthy_only_if_it_says_so(status: int, body: bytes) -> None:
    check = services.api(Response(status, {}, body, 0.0), "http://a")
    if check.status == "healthy":
        assert status == 200
        assert WORDS[json.loads(body)["status"].strip().lower()] == "healthy"


def test_thresholds() -> None:
    low = Evaluation(name="qek", status="critical", value=0.82, reason="QEK below minimum threshold: 0.82 < 0.85", title="QEK", since=60.0)
    one = services.thresholds([low, Evaluation(name="hvar", title="H-VAR", status="healthy", value=0.04)])
    assert (one.status, one.summary, one.checks[0].since) == (
        "critical",
        "2 metrics, 2 without a time, so their age is not known",
        "1970-01-01T00:01:00Z",
    )
    timed = services.thresholds([replace(low, timestamp=60.0)])
    assert (timed.summary, timed.checks[0].evidence["timestamp"]) == ("1 metrics", "1970-01-01T00:01:00Z")
    assert (services.thresholds([]).status, services.thresholds([]).reason) == ("unknown", "the profile has no metrics")


def decision(status: str, *deny: str, reason: str = "") -> Decision:
    return Decision(status=status, reason=reason, path="/v1/data/a", deny=tuple(deny))


@pytest.mark.parametrize(
    ("expected", "decided", "status", "reason"),
    [
        (True, decision("allowed"), "healthy", ""),
        (False, decision("denied", "no trust"), "healthy", ""),
        (True, decision("denied", "no trust"), "critical", "the probe p is denied and must be allowed (no trust)"),
        (False, decision("allowed"), "critical", "the probe p is allowed and must be denied"),
        (False, decision("unknown", reason="undefined"), "unknown", "no decision about the probe p: undefined"),
        (True, decision("unknown", reason="503"), "unknown", "no decision about the probe p: 503"),
    ],
)
def test_probes(expected: bool, decided: Decision, status: str, reason: str) -> None:
    check = services.probe_check(read_answer(Probe("p", {}, expected), decided))
    assert (check.id, check.status, check.reason) == ("opa/probe/p", status, reason)


@pytest.mark.parametrize(
    ("ready", "total", "status", "reason"),
    [
        (2, 2, "healthy", ""),
        (1, 2, "warning", "1 of 2 pods are ready"),
        (0, 2, "critical", "0 of 2 pods are ready"),
        (0, 0, "critical", "no pod has the labels app=opa"),
    ],
)
def test_opa_pods(ready: int, total: int, status: str, reason: str) -> None:
    check = services.opa_pods(ready, total, "app=opa")
    assert (check.status, check.reason) == (status, reason)


def claim(phase: str | None = "Bound") -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": "data"}, "status": {"phase": phase} if phase else None}


@pytest.mark.parametrize(
    ("phase", "usage", "status", "reason"),
    [
        ("Bound", {("a", "data"): 0.5}, "healthy", ""),
        ("Bound", {("a", "data"): 0.8}, "warning", "a/data: 80% full"),
        ("Bound", {("a", "data"): 0.9}, "critical", "a/data: 90% full"),
        ("Bound", {}, "unknown", "a/data: how full it is is not known: Prometheus has no kubelet_volume_stats for it"),
        (
            "Bound",
            {("a", "data"): float("nan")},
            "unknown",
            "a/data: how full it is is not known: Prometheus has no kubelet_volume_stats for it",
        ),
        ("Bound", "403", "unknown", "a/data: how full it is is not known: 403"),
        ("Pending", {("a", "data"): 0.1}, "warning", "a/data: its phase is Pending"),
        ("Lost", {}, "critical", "a/data: its phase is Lost"),
    ],
)
def test_volumes(phase: str, usage: Any, status: str, reason: str) -> None:
    one = services.storage([claim(phase)], usage, 0.8, 0.9)
    assert (one.status, one.reason) == (status, reason)


def test_no_volumes_are_well() -> None:
    assert services.storage([], {}, 0.8, 0.9).status == "healthy"
    assert services.storage([claim(None)], {}, 0.8, 0.9).status == "unknown"


def secret(data: bytes | str | None) -> dict[str, Any]:
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    return {"metadata": {"namespace": "a", "name": "tls"}, "data": {"tls.crt": text, "tls.key": "c2VjcmV0"}}


@pytest.mark.parametrize(
    ("days", "status", "says"),
    [
        (365, "healthy", ""),
        (20, "warning", "a/tls: expires in 19 d, "),
        (3, "critical", "a/tls: expires in 2 d, "),
        (-3, "critical", "a/tls: expired 3 d ago, "),
    ],
)
def test_certificates(pem: Any, days: float, status: str, says: str) -> None:
    one = services.certificates([secret(pem(days=days).certificate)], time.time(), 30, 7)
    assert (one.status, one.reason[: len(says)]) == (status, says)
    assert "c2VjcmV0" not in json.dumps(one.to_dict())


def test_the_leaf_decides_and_an_expired_link_of_its_chain_is_named(pem: Any) -> None:
    now = time.time()
    leaf, link = pem("a", days=80).certificate, pem("b", days=3).certificate
    assert services.certificates([secret(leaf + link)], now, 30, 7).status == "healthy"
    one = services.certificates([secret(leaf + link)], now + 10 * 86400, 30, 7)
    assert (one.status, one.reason) == ("warning", "a/tls: certificate 2 of its chain, CN=b, expired 7 d ago")
    assert services.certificates([secret(link + leaf)], now, 30, 7).status == "critical"


def test_a_certificate_of_the_future(pem: Any) -> None:
    one = services.certificates([secret(pem(since=5).certificate)], time.time(), 30, 7)
    assert (one.status, one.reason[:25]) == ("critical", "a/tls: not valid before 2")


@pytest.mark.parametrize("data", [None, "", "%%%", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_unknown(data: Any) -> None:
    one = services.certificates([secret(data)], NOW, 30, 7)
    assert (one.status, one.reason) == ("unknown", "a/tls: its tls.crt is not a certificate")


def test_no_certificates_are_well() -> None:
    assert services.certificates([], NOW, 30, 7).status == "healthy"
    assert services.certificates([{"metadata": {"namespace": "a", "name": "tls"}}], NOW, 30, 7).status == "unknown"


def test_a_claim_with_one_place_wrong_is_never_healthy() -> None:
    usage = {("a", "data"): 0.5}
    good = {"claim": claim(), "used": 0.5}

    def status(obj: Any) -> str:
        return services.storage([obj["claim"]], {("a", "data"): obj.get("used")}, 0.8, 0.9).status

    assert services.storage([claim()], usage, 0.8, 0.9).status == "healthy"
    assert false_healthy(status, good, "claim/status", "claim/status/phase") == []
    for used in (None, float("nan"), float("inf"), -0.1):
        assert status({**good, "used": used}) == "unknown"


@given(st.text() | st.sampled_from(["bound", "BOUND", "Terminating", "Released", "Available"]))
def test_a_phase_of_a_claim_that_is_not_in_the_table_is_unknown(word: str) -> None:
    known = {"Bound": "healthy", "Pending": "warning", "Lost": "critical"}
    assert services.storage([claim(word)], {("a", "data"): 0.5}, 0.8, 0.9).status == known.get(word, "unknown")


def test_a_secret_with_one_place_wrong_is_never_healthy(pem: Any) -> None:
    good = secret(base64.b64decode(pem().cert_data))

    def status(obj: Any) -> str:
        found = services.certificates([obj], time.time(), 1, 0.5)
        assert found.status == "healthy" or found.reason
        return found.status

    assert false_healthy(status, good, "data", "data/tls.crt") == []
