# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the role incident, and incidents that were worked on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles/incident"


def role_plan(**calendar: Any) -> dict[str, Any]:
    """As the role gives it to the module; ``calendar`` is changed in it."""
    values = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    tables = yaml.safe_load((ROLE / "vars/main.yml").read_text())["incident_runbook_severities"]
    for table in tables.values():
        for phase in table["phases"]:
            if isinstance(phase["duties"], str):
                phase["duties"] = values["incident_review_duties"]
    return {"calendar": {**values["incident_calendar"], **calendar}, "severities": tables}


@pytest.fixture
def plan() -> dict[str, Any]:
    return role_plan()
