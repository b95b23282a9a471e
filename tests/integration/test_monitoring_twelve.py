# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each of twelve bad changes of the monitoring is refused or taken back, and the monitoring is never blind meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import routing_task
from cluster_lab import Lab
from never_blind import never_blind
from own_prometheus import ALERTMANAGER, OPERATED, RECEIVED
from test_dashboards import BAD as DASHBOARDS
from test_dashboards import change as change_dashboards
from test_dashboards import dashboard, image, space
from test_monitoring_changes import PLAIN, REFUSED, TAKEN_BACK, change, loaded, operated, plain, promtool

pytestmark = pytest.mark.lab
FIXTURES = (image, space, operated, plain, promtool)

SCRAPED = ("syntax", "unknown field", "relabel regex", "rule that does not parse", "duplicate group", "too large")
PROVEN = ("type error at run time", "drops every target")
GRAFANA = ("a broken query", "a wrong datasource", "over 1 MB")
TWELVE = [*SCRAPED, *PROVEN, "removed receiver", *GRAFANA]


def attempt(lab: Lab, case: str, promtool: str, tmp_path: Path) -> tuple[Callable[[], Any], str]:
    """The change, and words of why it does not stay."""
    where = str(lab.kubeconfig)
    if case in REFUSED or case in TAKEN_BACK:
        target, options, words = REFUSED[case] if case in REFUSED else TAKEN_BACK[case]
        return lambda: change(where, target, promtool=promtool, **options), words
    if case == "removed receiver":
        file = tmp_path / "alertmanager.yaml"
        file.write_text(json.dumps({**RECEIVED, "receivers": []}))
        given = {"kubeconfig": where, "path": str(file), "alertmanager_url": ALERTMANAGER}
        return lambda: routing_task.run(given, lambda *argv, **how: (0, "", ""), lambda name: None), "itself"
    model, words = DASHBOARDS[case]
    return lambda: change_dashboards(where, [dashboard("good", "Good"), model], {"folder": "Meta Salvage"}), words


@pytest.mark.parametrize("case", TWELVE)
def test_a_bad_change_never_blinds_the_monitoring(plain: Lab, operated: Lab, space: Lab, promtool: str, tmp_path: Path, case: str) -> None:
    before = {where: loaded(plain, where) for where in (PLAIN, OPERATED)}
    work, words = attempt(plain, case, promtool, tmp_path)
    with never_blind(plain, OPERATED), never_blind(plain, PLAIN), pytest.raises(SalvageError, match=words):
        work()
    assert {where: loaded(plain, where) for where in (PLAIN, OPERATED)} == before


def test_there_are_twelve() -> None:
    assert len(set(TWELVE)) == 12
