# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates for people outside, by templates: each audience reads its own words, and the public no internal name.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .._core.times import iso, span
from .model import Incident
from .timeline import shown_time

try:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
except ImportError:
    ImmutableSandboxedEnvironment = None  # type: ignore[assignment,misc]

PUBLIC = "public"
_STATUS = {
    "open": "We are looking into it.",
    "mitigated": "The trouble has been eased. We are working on the rest.",
    "resolved": "It is resolved.",
    "reviewed": "It is resolved.",
    "cancelled": "There was no trouble.",
}


def texts(incident: Incident, templates: Mapping[str, Any], now: float) -> dict[str, str]:
    """By the names of the templates, each ``{audience, text}``.  Raises SalvageError(bad_input, missing_library)."""
    return {str(name): _text(incident, str(name), template, now) for name, template in templates.items()}


def proposed_update(incident: Incident) -> str:
    """The next update in the words of the public, for a person to send."""
    words = _public_words(incident, incident.opened_at)
    return f"{words['what']} {words['state_of_work']} It began {words['since']}."


def _text(incident: Incident, name: str, template: Any, now: float) -> str:
    if not isinstance(template, Mapping) or set(template) != {"audience", "text"}:
        raise SalvageError(f"templates.{name} is {shown(template)}; write an audience and a text", reason="bad_input")
    if ImmutableSandboxedEnvironment is None:
        raise SalvageError("the Python library jinja2 is missing where the texts are made; install it", reason="missing_library")
    public = template["audience"] == PUBLIC
    words = _public_words(incident, now) if public else {**_public_words(incident, now), **_own_words(incident)}
    try:
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        text = environment.from_string(str(template["text"])).render(words).strip()
    except (TemplateError, SecurityError, TypeError, ValueError, ArithmeticError) as exc:
        raise SalvageError(f"templates.{name} can't be used: {exc}", reason="bad_input") from None
    leak = next((one for one in internal_names(incident) if _has_name(text, one)), None) if public else None
    if leak is not None:
        sentence = f"templates.{name} is for the public, and the text has the internal name {leak}; change public_text"
        raise SalvageError(sentence, reason="bad_input")
    return text


def _public_words(incident: Incident, now: float) -> dict[str, Any]:
    begun = incident.opened_at if incident.started_at is None else incident.started_at
    end = incident.resolved_at if incident.resolved_at is not None else now
    return {
        "status": incident.status,
        "what": incident.public or "Some requests may fail or be slow.",
        "state_of_work": _STATUS[incident.status],
        "since": shown_time(begun),
        "resolved": "" if incident.resolved_at is None else shown_time(incident.resolved_at),
        "lasted": span(max(0.0, end - begun)),
        "now": shown_time(now),
        "update": incident.updates + 1,
    }


def _own_words(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "cluster": incident.cluster,
        "roles": dict(incident.roles),
        "blast_radius": dict(incident.blast_radius),
        "alerts": sorted({str(one["name"]) for one in incident.alerts.values()}),
        "opened_at": iso(incident.opened_at),
    }


def _has_name(text: str, name: str) -> bool:
    """As a word or the part of one that a hyphen ends: `user` is not in `users`, `api` is in `api-7f9c`."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, re.IGNORECASE) is not None


def internal_names(incident: Incident) -> list[str]:
    """What the public must not read: names of the cluster, its parts, providers, alerts and people."""
    blast = incident.blast_radius
    places = [*(one.split(" ")[-1] for one in blast.get("workloads") or ()), *(blast.get("services") or ()), *(blast.get("nodes") or ())]
    parts = [part for place in places for part in place.split("/")]
    alerts = [str(one.get(name) or "") for one in incident.alerts.values() for name in ("name", "namespace")]
    names = [incident.id, incident.cluster, *parts, *(blast.get("providers") or ()), *alerts, *incident.roles.values()]
    return sorted({str(name) for name in names if len(str(name)) > 2})
