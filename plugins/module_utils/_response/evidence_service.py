# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of the service itself: its metrics and red_code.json at every replica, and its risk events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from .._cluster.http import Endpoint, service_parts
from .._cluster.objects import read as read_object
from .._cluster.replicas import replica_endpoints
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.json_values import as_text, load_json
from .._core.redact import excerpt
from .._core.status import UNKNOWN
from .._metrics.fetch import read_thresholds
from .._metrics.model import MetricProfile, Profile
from .._metrics.profile import parse_profile
from .._prometheus.client import whole_body
from .._workloads.proof_store import ProofStore
from .._workloads.proofs import Subject
from .._workloads.revisions import revisions_of
from .._workloads.workload import path_of
from .evidence_model import Observed
from .evidence_site import EvidenceSite, must_have
from .verdict_changes import canonical_digest, red_code_problems

T = TypeVar("T")
_REPLICAS = 50  # that are asked
_LISTED = 1000  # entries of a list that an answer has


def replicas_of_service(site: EvidenceSite) -> list[Endpoint]:
    """Each pod of the service, or the one address that it has.  Raises SalvageError."""
    address = site.query.api_url
    if not address:
        raise SalvageError("there is no service; set api_url", reason="bad_input")
    if service_parts(address) is None:
        return [site.routes.open(address)]
    return replica_endpoints(site.cluster, address)


def _each(site: EvidenceSite, ask: Callable[[Endpoint], T]) -> tuple[list[T], tuple[str, ...]]:
    """What each replica said, and why others did not.  Raises SalvageError if none did."""
    listed = replicas_of_service(site)
    endpoints = {one.address: one for one in listed[:_REPLICAS]}
    answers = gather({address: partial(ask, one) for address, one in endpoints.items()})
    said = [one for one in answers.values() if not isinstance(one, SalvageError)]
    failed = [one for one in answers.values() if isinstance(one, SalvageError)]
    if not said:
        raise failed[0]
    more = (f"{len(listed) - _REPLICAS} more replicas were not asked",) if len(listed) > _REPLICAS else ()
    return said, (*more, *(str(one) for one in failed))


def metric_profile(site: EvidenceSite) -> MetricProfile:
    """Raises SalvageError."""
    found = next((one for one in parse_profile(site.query.profile).metrics if one.key == site.response.metric), None)
    if found is None:
        raise SalvageError(f"profile has no metric {site.response.metric}", reason="bad_input")
    return found


def bounds_of_alert(site: EvidenceSite) -> dict[str, float | None]:
    """The limits that the alert is about: those of the warning where its name says so.  Raises SalvageError."""
    limits = metric_profile(site).limits
    if "warning" in site.alert.name.lower():
        return {"minimum": limits.warning_min, "maximum": limits.warning_max}
    return {"minimum": limits.critical_min, "maximum": limits.critical_max}


def metric_seen(site: EvidenceSite) -> Observed:
    profile, bounds = metric_profile(site), bounds_of_alert(site)

    def ask(endpoint: Endpoint) -> dict[str, Any]:
        one = read_thresholds(endpoint, profile=Profile((profile,)), now=site.clock(), timeout=site.query.request_timeout)[0]
        status = UNKNOWN if one.value is None else "healthy" if one.status == "healthy" else one.status
        # A value without a time is of the moment of the answer.
        at = site.clock() if one.timestamp is None else one.timestamp
        return {"where": endpoint.address, "value": one.value, "status": status, "reason": one.reason, "at": at}

    samples, doubts = _each(site, ask)
    doubts = (*doubts, *(f"{one['where']}: {one['reason']}" for one in samples if one["value"] is None))
    return Observed("metric", {"title": profile.title, **bounds, "samples": samples}, at=site.now, source=site.query.api_url, doubts=doubts)


def _json_at(endpoint: Endpoint, path: str) -> Any:
    """Raises SalvageError."""
    try:
        return load_json(whole_body(endpoint.get(path)))
    except SalvageError as exc:
        text = str(exc)
        raise SalvageError(text if endpoint.address in text else f"{endpoint.address}{path}: {text}", reason=exc.reason) from None


def qek_details_seen(site: EvidenceSite) -> Observed:
    def ask(endpoint: Endpoint) -> dict[str, Any]:
        document = _json_at(endpoint, "/api/metrics/qek/details")
        if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
            raise SalvageError(f"{endpoint.address} gives no list of inputs for QEK", reason="invalid")
        keys = ("name", "weight", "quality", "records", "missing_ratio", "updated_at")
        inputs = [{key: one.get(key) for key in keys} for one in document["inputs"][:_LISTED] if isinstance(one, dict)]
        shown = {key: document.get(key) for key in ("current_value", "status", "within_limits", "timestamp")}
        return {"where": endpoint.address, "inputs": inputs, **shown}

    replicas, doubts = _each(site, ask)
    return Observed("qek_details", {"replicas": replicas}, at=site.now, source="/api/metrics/qek/details", doubts=doubts)


def risk_events_seen(site: EvidenceSite) -> Observed:
    document = _json_at(site.routes.open(site.query.api_url), "/api/metrics/risk/events?limit=50")
    if not isinstance(document, dict) or not isinstance(document.get("events"), list):
        raise SalvageError("the service gives no list of risk events", reason="invalid")
    events = [
        {"severity": one.get("severity"), "provider": excerpt(as_text(one.get("provider_id")), 100), "at": one.get("timestamp")}
        for one in document["events"][:_LISTED]
        if isinstance(one, dict)
    ]
    return Observed("risk_events", {"events": events, "total": document.get("total")}, at=site.now, source="/api/metrics/risk/events")


def red_code_seen(site: EvidenceSite) -> Observed:
    """Of each replica, of the ConfigMap and of a file; and the content that was proven good with a revision."""
    given, copies, doubts = site.red_code, [], []
    texts: dict[str, Callable[[], Any]] = {}
    try:
        listed = replicas_of_service(site)
        if len(listed) > _REPLICAS:
            doubts.append(f"{len(listed) - _REPLICAS} more replicas were not asked")
        for endpoint in listed[:_REPLICAS]:
            texts[endpoint.address] = lambda endpoint=endpoint: whole_body(endpoint.get(given.path))  # type: ignore[misc]
    except SalvageError as exc:
        doubts.append(str(exc))
    if given.config_map:
        texts[f"ConfigMap {given.config_map}"] = lambda: _of_config_map(site, given.config_map)
    if given.file:
        path = Path(given.file)
        texts[given.file] = lambda: _of_file(path)
    for where, answer in gather(texts).items():
        if isinstance(answer, SalvageError):
            doubts.append(f"{where}: {answer}")
        else:
            copies.append(_copy(where, answer))
    good, source = _known_good(site, doubts)
    if not copies:
        raise SalvageError(doubts[0] if doubts else "there is no red_code.json to read", reason="not_found")
    value = {"copies": copies, "known_good": good, "known_good_from": source}
    return Observed("red_code", value, at=site.now, source="red_code.json", doubts=tuple(doubts))


def _of_config_map(site: EvidenceSite, name: str) -> str:
    found = read_object(site.cluster, path_of("ConfigMap", quote(site.query.namespace, safe=""), quote(name, safe="")))
    text = ((found or {}).get("data") or {}).get(site.red_code.key)
    if not isinstance(text, str):
        raise SalvageError(f"it does not exist, or has no {site.red_code.key}", reason="not_found")
    return text


def _of_file(path: Path) -> bytes:
    try:
        return path.read_bytes()[:1_000_000]
    except OSError as exc:
        raise SalvageError(f"{path} can't be read: {exc.strerror or exc}", reason="not_found") from None


def _copy(where: str, text: str | bytes) -> dict[str, Any]:
    try:
        document = load_json(text, strict=True)
        return {"where": where, "digest": canonical_digest(document), "problems": red_code_problems(document)}
    except SalvageError as exc:
        return {"where": where, "digest": None, "problems": [str(exc)]}


def _known_good(site: EvidenceSite, doubts: list[str]) -> tuple[str | None, str]:
    """The digest that the user gives, or that of the copy which a revision was proven good with."""
    if site.red_code.digest:
        return site.red_code.digest.removeprefix("sha256:").lower(), "the option red_code.digest"
    kind, namespace, name = site.place
    try:
        found = site.found()
        subject = Subject(kind, namespace, name, found.workload["metadata"]["uid"])
        proofs = ProofStore(site.cluster, site.query.proof_key or "").read(subject)
        for revision in revisions_of(kind, found.workload, must_have(found.keepers), proofs):
            for what, which, copy in revision.proof.copies if revision.proof and revision.proven else ():
                if (what, which) == ("ConfigMap", site.red_code.config_map) and copy:
                    text = _of_config_map(site, copy)
                    return canonical_digest(load_json(text, strict=True)), f"proven good with revision {revision.number}"
    except SalvageError as exc:
        doubts.append(f"the last known good red_code.json: {exc}")
    return None, ""
