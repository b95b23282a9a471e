# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A game day passes only if each step is known to be as expected."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.faults import fault_named
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.grade import GameDayGrade, grade
from hypothesis import given
from hypothesis import strategies as st

SEEDED = 1795790000.0  # 2026-11-27T14:33:20Z
ROLLED = "roll_back is done: roll back to revision 3, which would change: nothing; healthy QEK is 0.94"
FAULT: dict[str, Any] = {
    "name": "qek", "alert": "QEKBelowMinimum", "manifests": [{}], "verdicts": {"state": "breached", "red_code": ["intact", "unknown"]},
    "actions": {"roll_back": "refused"}, "missing": ["history"],
}  # fmt: skip
FACTS = {
    "state": "breached: QEK is 0.82",
    "red_code": "unknown: nothing to compare with",
    "evidence": "/a/20261127T143341Z.qek_below_minimum.QEKBelowMinimum.json",
    "missing": "",
}


def entry(at: str = "2026-11-27T14:33:50Z", title: str = "QEKBelowMinimum: QEK below minimum, not solved", **facts: Any) -> dict[str, Any]:
    return {"at": at, "kind": "evidence", "data": {"title": title, "facts": {**FACTS, **facts}}}


def seen(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "seeded_at": SEEDED,
        "alert": {"name": "QEKBelowMinimum", "starts_at": "2026-11-27T14:33:32.5Z"},
        "incidents": [{"id": "20261127-1", "records": list(records)}],
        "healed": {"left": [], "resolved": True},
        **more,
    }


def graded(showed: dict[str, Any], **fault: Any) -> GameDayGrade:
    return grade(fault_named("qek", [{**FAULT, **fault}]), showed)


def step(found: GameDayGrade, name: str) -> tuple[str, str]:
    (one,) = [one for one in found.steps if one.name == name]
    return one.status, one.reason


def test_all_as_expected() -> None:
    found = graded(seen(entry()))
    assert (found.status, {one.status for one in found.steps}) == ("healthy", {"healthy"})
    assert found.seconds == {"detect": 12.5, "evidence": 8.5, "respond": 30.0}


@pytest.mark.parametrize(
    ("showed", "name", "status", "words"),
    [
        (seen(entry(), alert={}), "detected", "critical", "did not fire in time"),
        (seen(entry(), alert={"name": "QEKBelowMinimum"}), "detected", "unknown", "nothing says since when"),
        (seen(entry(), alert={"starts_at": "2026-11-27T14:00:00Z"}), "detected", "critical", "before the fault"),
        (seen(), "answered", "unknown", "no incident has a response"),
        (seen(entry("2026-11-27T14:33:19Z")), "answered", "unknown", "no incident has a response"),
        (seen(entry(title="Another: x")), "answered", "unknown", "no incident has a response"),
        (seen(entry(missing="logs: the pod is gone; history: none")), "evidence", "critical", "missing: logs: the pod is gone"),
        (seen(entry(state="unknown: stale")), "verdict", "critical", "state is unknown, expected breached"),
        (seen(entry(red_code="altered: x")), "verdict", "critical", "red_code is altered, expected intact or unknown"),
        (seen(entry(**{"action roll_back": ROLLED})), "action", "critical", "roll_back was done, expected refused"),
        (seen(entry(**{"proposed roll_back": "x"})), "action", "critical", "roll_back is proposed, expected refused"),
        (seen(entry(**{"action scale_up": "scale_up is done: x; same y"})), "action", "critical", "scale_up was done, and nothing was"),
        (seen(entry(), alert={}, unanswered="Alertmanager: 500"), "detected", "unknown", "nobody knows whether QEKBelowMinimum fires"),
        (seen(entry(), alert={}, unanswered="Alertmanager: 500"), "healed", "unknown", "nobody knows whether the alert has ended"),
        (seen(entry(), healed={"resolved": True, "unanswered": "500"}), "healed", "unknown", "nobody knows whether the alert has ended"),
        (seen(entry(), healed={"failure": "no route"}), "healed", "critical", "was not taken back: no route"),
        (seen(entry(), healed={"left": ["ConfigMap a"], "resolved": True}), "healed", "critical", "this stays: ConfigMap a"),
        (seen(entry(), healed={"left": [], "resolved": False}), "healed", "unknown", "still fires"),
    ],
)  # fmt: skip
def test_what_is_not_as_expected(showed: dict[str, Any], name: str, status: str, words: str) -> None:
    found = graded(showed)
    assert step(found, name)[0] == status, found
    assert words in step(found, name)[1]
    assert found.status in ("critical", "unknown")


def test_evidence_that_the_cluster_does_not_have_is_not_missed() -> None:
    assert step(graded(seen(entry(missing="history: Prometheus has no sample"))), "evidence")[0] == "healthy"


def test_an_action_is_done_once_and_proven() -> None:
    expected = {"actions": {"roll_back": "done"}}
    once = entry(**{"action roll_back": ROLLED, "outcome roll_back": "healthy"})
    assert graded(seen(once, entry()), **expected).status == "healthy"
    assert step(graded(seen(once, once), **expected), "action") == ("critical", "roll_back was done 2 times, expected once")
    assert step(graded(seen(entry()), **expected), "verify") == ("critical", "no action was done")
    for outcome, shown in (("worse", "worse"), ("failed", "failed"), ("", "not said")):
        # The reason of a failure may end in any words.
        says = f"{ROLLED.rpartition('; ')[0]}; {outcome} the pods did not come; better look at the log; healthy"
        bad = entry(**{"action roll_back": says, "outcome roll_back": outcome})
        assert step(graded(seen(bad), **expected), "verify") == ("critical", f"after the action the state was {shown}")


_ANY = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda one: st.lists(one, max_size=3), max_leaves=5)


def test_a_time_that_a_template_gives_as_a_text_is_the_same_time() -> None:
    """As before ansible-core 2.19."""
    assert graded({**seen(entry()), "seeded_at": str(SEEDED)}) == graded(seen(entry()))
    assert "healthy" not in {graded({**seen(entry()), "seeded_at": odd}).status for odd in ("nan", "yesterday", "")}


@given(st.sampled_from(["seeded_at", "alert", "incidents", "healed"]), _ANY)
def test_what_is_not_known_never_passes(name: str, value: Any) -> None:
    assert graded({**seen(entry()), name: value}).status != "healthy" or name == "seeded_at"


def test_the_report_is_redacted_and_written(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "one.json"
    given_seen = copy.deepcopy(seen(entry(state="breached: postgresql://a:hunter2-hunter2@db/x <b>")))
    options = {"state": "graded", "cluster": "lab", "fault": "qek", "faults": [FAULT], "seen": given_seen, "path": str(path)}
    result = task.run(options, SEEDED + 60, check_mode=True)
    assert not path.exists()
    result = task.run(options, SEEDED + 60, check_mode=False)
    page = path.with_suffix(".html").read_text()
    assert (result["changed"], result["status"]) == (False, "healthy")
    assert json.loads(path.read_text())["incident"] == "20261127-1"
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "hunter2" not in page + path.read_text() + json.dumps(result)
