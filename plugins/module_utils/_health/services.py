# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service itself, OPA's probes, volumes and certificates.  Pure, but for reading a certificate's own bytes."""

from __future__ import annotations

import base64
import binascii
import datetime
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from .._cluster.http import Response
from .._core.json_values import as_text
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING
from .._core.times import iso, span
from .._metrics.model import Evaluation
from .._opa.probe import ProbeAnswer
from .._workloads.service_health import service_health
from .model import Check, Part, part, unknown_part

DAY = 86400.0


def api(answer: Response, address: str, words: Mapping[str, str] | None = None) -> Check:
    """The finding of the answer of ``/health``: healthy only if the service says so itself, in one of ``words``."""
    subject = {"kind": "Service", "name": address}
    found = service_health(answer.status, answer.content_type, answer.body, words)
    if found.status == HEALTHY:
        return Check("api/health", HEALTHY, "", subject, evidence={"version": found.answer.get("version")})
    return Check("api/health", found.status, f"{address} {found.reason}", subject, None if answer.status == 200 else float(answer.status))


def thresholds(evaluations: Sequence[Evaluation]) -> Part:
    """Every metric of the profile, the healthy ones too."""
    checks = [
        Check(
            id=f"thresholds/{one.name}",
            status=one.status,
            reason=one.reason,
            subject={"kind": "Metric", "name": one.title or one.name},
            value=one.value,
            limit=one.limit_value,
            since=None if one.since is None else iso(one.since),
            evidence={
                "source": one.source,
                "limit": one.limit,
                "deviation": one.deviation,
                "timestamp": None if one.timestamp is None else iso(one.timestamp),
            },
        )
        for one in evaluations
    ]
    ageless = sum(one.value is not None and one.timestamp is None for one in evaluations)
    summary = f"{len(checks)} metrics" + (f", {ageless} without a time, so their age is not known" if ageless else "")
    return part("thresholds", checks, summary=summary, nothing="the profile has no metrics")


def probe_check(answer: ProbeAnswer) -> Check:
    """Whether OPA decided the probe as it must: a running OPA with a policy that allows everybody, or nobody, is not healthy."""
    name, decision = answer.probe.name, answer.decision
    evidence = {"path": decision.path, "decision_id": decision.decision_id, "deny": list(decision.deny)}
    return Check(f"opa/probe/{name}", answer.status, answer.problem, {"kind": "Decision", "name": name}, evidence=evidence)


def opa_pods(ready: int, total: int, selector: str) -> Check:
    """OPA's pods, by how many of them are ready."""
    subject = {"kind": "Pods", "name": selector}
    if not total:
        return Check("opa/pods", CRITICAL, f"no pod has the labels {selector}", subject, 0, None, "pods")
    status = HEALTHY if ready == total else WARNING if ready else CRITICAL
    return Check("opa/pods", status, "" if ready == total else f"{ready} of {total} pods are ready", subject, ready, total, "pods")


_PHASES = {"Pending": WARNING, "Lost": CRITICAL}  # of a claim that is not Bound
Claim = tuple[str, str]  # namespace, name


def claim_of(obj: Mapping[str, Any]) -> Claim:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def claims_of_pod(pod: Mapping[str, Any]) -> set[Claim]:
    """The claims that a pod mounts, unless it has ended; an ephemeral volume's claim has the name of the pod and the volume."""
    if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return set()
    namespace, name = claim_of(pod)
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    named = {one["persistentVolumeClaim"].get("claimName") for one in volumes if one.get("persistentVolumeClaim")}
    return {(namespace, one) for one in named | {f"{name}-{one.get('name')}" for one in volumes if one.get("ephemeral")}}


def storage(
    claims: Sequence[Mapping[str, Any]],
    usage: Mapping[Claim, float] | str,
    warning: float,
    critical: float,
    unmounted: Container[Claim] = (),
) -> Part:
    """Volume claims, by phase and by how full they are.

    ``usage``: used share by claim, or the reason why it is not known.  ``warning`` and ``critical`` are shares.  Claims that no pod mounts,
    ``unmounted``, have no usage: the kubelet measures what is mounted.
    """
    if not claims:
        return Part("storage", HEALTHY, "no volume claims")
    checks = []
    healthy = 0
    for claim in claims:
        namespace, name = claim_of(claim)
        state = claim.get("status")
        phase = state.get("phase") if isinstance(state, Mapping) else None
        used = usage.get((namespace, name)) if isinstance(usage, Mapping) else None
        subject = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}
        if phase != "Bound":
            status, reason = _PHASES.get(as_text(phase), UNKNOWN), f"its phase is {as_text(phase) if phase else 'missing'}"
        elif used is None and (namespace, name) in unmounted:
            healthy += 1
            continue
        elif used is None or not math.isfinite(used) or used < 0:
            why = usage if isinstance(usage, str) else "Prometheus has no kubelet_volume_stats for it"
            used = None
            status, reason = UNKNOWN, f"how full it is is not known: {why}"
        elif used >= warning:
            status, reason = (CRITICAL if used >= critical else WARNING), f"{used:.0%} full"
        else:
            healthy += 1
            continue
        checks.append(
            Check(f"storage/{namespace}/{name}", status, reason, subject, used, critical if used and used >= critical else warning, "share")
        )
    return part("storage", checks, healthy=healthy, summary=f"{len(claims)} volume claims")


def certificates(secrets: Iterable[Mapping[str, Any]], now: float, warning_days: float, critical_days: float) -> Part:
    """The certificates of TLS Secrets, by their expiry.  Nothing of a Secret but dates and the subject's names leaves this function."""
    secrets = list(secrets)
    if not secrets:
        return Part("certificates", HEALTHY, "no TLS secrets")
    try:
        from cryptography import x509  # noqa: PLC0415 - slow to import, and many clusters have no such Secret
    except ImportError:
        return unknown_part("certificates", "the Python library cryptography is missing where the module runs; install it")
    checks = []
    healthy = 0
    for secret in secrets:
        namespace, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
        subject = {"kind": "Secret", "namespace": namespace, "name": name}
        where = f"certificates/{namespace}/{name}"
        try:
            pem = base64.b64decode((secret.get("data") or {}).get("tls.crt") or "", validate=True)
            chain = x509.load_pem_x509_certificates(pem)
        except (AttributeError, TypeError, ValueError, binascii.Error, x509.InvalidVersion):
            checks.append(Check(where, UNKNOWN, "its tls.crt is not a certificate", subject))
            continue
        # The first certificate is the server's own. What else is in the file may be one of several ways to a root.
        found = _of_certificate(chain[0], now, warning_days, critical_days)
        if found:
            status, reason, ends, left, limit = found
            checks.append(Check(where, status, reason, subject, left, limit, "days", ends))
            continue
        expired = [(place, one) for place, one in enumerate(chain[1:], 2) if _not_after(one) <= now]
        if expired:
            place, one = expired[0]
            reason = f"certificate {place} of its chain, {one.subject.rfc4514_string()}, expired {span(now - _not_after(one))} ago"
            checks.append(Check(where, WARNING, reason, subject, since=iso(_not_after(one))))
        else:
            healthy += 1
    return part("certificates", checks, healthy=healthy, summary=f"{len(secrets)} TLS secrets")


def _of_certificate(
    certificate: Any, now: float, warning_days: float, critical_days: float
) -> tuple[str, str, str, float | None, float | None] | None:
    """The status and reason of a certificate that is not well, its date, and the days that are left beside their limit."""
    ends, starts = _not_after(certificate), _not_before(certificate)
    left = (ends - now) / DAY
    if now < starts:
        return CRITICAL, f"not valid before {iso(starts)}", iso(starts), None, None
    if left <= 0:
        return CRITICAL, f"expired {span(-left * DAY)} ago, {iso(ends)}", iso(ends), 0, critical_days
    if left <= warning_days:
        status, limit = (CRITICAL, critical_days) if left <= critical_days else (WARNING, warning_days)
        return status, f"expires in {span(left * DAY)}, {iso(ends)}", iso(ends), round(left, 2), limit
    return None


def _not_after(certificate: Any) -> float:
    # not_valid_after_utc is new in cryptography 42; the older name is in UTC without saying so.
    moment = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after
    return _utc(moment)


def _not_before(certificate: Any) -> float:
    return _utc(getattr(certificate, "not_valid_before_utc", None) or certificate.not_valid_before)


def _utc(moment: Any) -> float:
    return float(moment.replace(tzinfo=datetime.timezone.utc).timestamp())
