# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service itself, OPA's probes, volumes and certificates.  Pure, but for reading a certificate's own bytes."""

from __future__ import annotations

import base64
import binascii
import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._cluster.http import Response
from .._core.status import CRITICAL, HEALTHY, UNKNOWN, WARNING
from .._core.times import iso, span
from .._metrics.model import Evaluation
from .._opa.probe import ProbeAnswer
from .._workloads.service_health import service_health
from .model import Check, Part, part, unknown_part

DAY = 86400.0


def api(answer: Response, address: str) -> Check:
    """The finding of the answer of ``/health``: healthy only if the service says so itself."""
    subject = {"kind": "Service", "name": address}
    found = service_health(answer.status, answer.content_type, answer.body)
    if found.status == HEALTHY:
        return Check("api/health", HEALTHY, "", subject, evidence={"version": found.answer.get("version")})
    return Check("api/health", found.status, f"{address} {found.reason}", subject, None if answer.status == 200 else float(answer.status))


def thresholds(evaluations: Iterable[Evaluation]) -> Part:
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
            evidence={"source": one.source, "limit": one.limit, "deviation": one.deviation},
        )
        for one in evaluations
    ]
    return part("thresholds", checks, summary=f"{len(checks)} metrics", nothing="the profile has no metrics")


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


def storage(claims: Sequence[Mapping[str, Any]], usage: Mapping[tuple[str, str], float] | str, warning: float, critical: float) -> Part:
    """Volume claims, by phase and by how full they are.

    ``usage``: used share by (namespace, name), or the reason why it is not known.  ``warning`` and ``critical`` are shares.
    """
    if not claims:
        return Part("storage", HEALTHY, "no volume claims")
    checks = []
    healthy = 0
    for claim in claims:
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        phase = (claim.get("status") or {}).get("phase")
        used = usage.get((namespace, name)) if isinstance(usage, Mapping) else None
        subject = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}
        if phase != "Bound":
            status, reason = (CRITICAL if phase == "Lost" else WARNING), f"its phase is {phase}"
        elif used is None or not math.isfinite(used):
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
        except (ValueError, binascii.Error, x509.InvalidVersion):
            checks.append(Check(where, UNKNOWN, "its tls.crt is not a certificate", subject))
            continue
        # A chain is as good as its first link to break.
        ends, starts = min(map(_not_after, chain)), max(map(_not_before, chain))
        left = (ends - now) / DAY
        if now < starts:
            checks.append(Check(where, CRITICAL, f"not valid before {iso(starts)}", subject, since=iso(starts)))
        elif left <= 0:
            checks.append(
                Check(where, CRITICAL, f"expired {span(-left * DAY)} ago, {iso(ends)}", subject, 0, critical_days, "days", iso(ends))
            )
        elif left <= warning_days:
            status, limit = (CRITICAL, critical_days) if left <= critical_days else (WARNING, warning_days)
            checks.append(Check(where, status, f"expires in {span(left * DAY)}, {iso(ends)}", subject, round(left, 2), limit, "days"))
        else:
            healthy += 1
    return part("certificates", checks, healthy=healthy, summary=f"{len(secrets)} TLS secrets")


def _not_after(certificate: Any) -> float:
    # not_valid_after_utc is new in cryptography 42; the older name is in UTC without saying so.
    moment = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after
    return _utc(moment)


def _not_before(certificate: Any) -> float:
    return _utc(getattr(certificate, "not_valid_before_utc", None) or certificate.not_valid_before)


def _utc(moment: Any) -> float:
    return float(moment.replace(tzinfo=datetime.timezone.utc).timestamp())
