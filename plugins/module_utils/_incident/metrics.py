# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers over many incidents: how many, and how long it took, by severity.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import CANCELLED, MITIGATED, OPEN, SEVERITIES, Incident
from .post_mortem import times_of

_MEANS = {"mttd": "detect", "mtta": "acknowledge", "mttm": "mitigate", "mttr": "resolve"}
_PREFIX = "meta_salvage_incident"


def metrics_of(incidents: Iterable[Incident]) -> dict[str, Any]:
    """Cancelled ones are counted apart; a mean is None where no incident came to that."""
    found = list(incidents)
    counted = [one for one in found if one.status != CANCELLED]
    severities = {name: _of([one for one in counted if one.severity == name]) for name in SEVERITIES}
    return {"severities": severities, "all": _of(counted), "cancelled": len(found) - len(counted)}


def _of(incidents: list[Incident]) -> dict[str, Any]:
    times = [times_of(one) for one in incidents]
    means: dict[str, Any] = {}
    for name, what in _MEANS.items():
        known = [value for one in times if (value := one[what]) is not None]
        means[name] = round(sum(known) / len(known), 3) if known else None
    return {"count": len(incidents), "open": sum(1 for one in incidents if one.status in {OPEN, MITIGATED}), **means}


def prometheus_text(metrics: Mapping[str, Any]) -> str:
    """For the textfile collector of node_exporter; a mean that is not known is left out."""
    lines = [f"# HELP {_PREFIX}s Incidents by severity.", f"# TYPE {_PREFIX}s gauge"]
    severities = metrics["severities"].items()
    lines += [f'{_PREFIX}s{{severity="{name}"}} {one["count"]}' for name, one in severities]
    lines += [f"# HELP {_PREFIX}s_open Incidents that are not resolved.", f"# TYPE {_PREFIX}s_open gauge"]
    lines += [f'{_PREFIX}s_open{{severity="{name}"}} {one["open"]}' for name, one in severities]
    lines += [f"# HELP {_PREFIX}s_cancelled Incidents that were none.", f"# TYPE {_PREFIX}s_cancelled gauge"]
    lines += [f"{_PREFIX}s_cancelled {metrics['cancelled']}"]
    for mean, what in _MEANS.items():
        name = f"{_PREFIX}_mean_time_to_{what}_seconds"
        values = [f'{name}{{severity="{severity}"}} {one[mean]}' for severity, one in severities if one[mean] is not None]
        lines += [f"# HELP {name} Mean time to {what}.", f"# TYPE {name} gauge", *values] if values else []
    return "\n".join(lines) + "\n"
