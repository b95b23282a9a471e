# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may take the lock of a workload, for every Lease that can be there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import Process
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads import lease
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease import Holder
from hypothesis import given
from hypothesis import strategies as st

NOW = when("2026-11-26T20:00:00Z") or 0.0
ALICE = Holder("alice@a/prod/1-x", "alice@a", "deploy", Process("boot pid", 1, 7))
BOB = Holder("bob@b/prod/2-y", "bob@b", "scale")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda s: st.lists(s) | st.dictionaries(st.text(), s))


def held(me: Holder = ALICE, now: float = NOW, duration: int = 60) -> dict[str, Any]:
    return {"metadata": {}, **lease.lease_content(None, me, now, duration)}


@pytest.mark.parametrize(
    ("there", "me", "after", "take_over", "ended", "verdict"),
    [
        (None, BOB, 0, False, False, lease.FREE),
        ({"metadata": {}, "spec": {"holderIdentity": ""}}, BOB, 0, False, False, lease.FREE),
        ({"metadata": {}, "spec": None}, BOB, 0, False, False, lease.FREE),
        (held(), ALICE, 0, False, False, lease.OURS),
        (held(), ALICE, 999, False, False, lease.OURS),
        (held(), BOB, 0, False, False, lease.HELD),
        (held(), BOB, 60, False, False, lease.HELD),
        (held(), BOB, -9999, False, False, lease.HELD),  # clocks of API servers differ too
        (held(), BOB, 61, False, False, lease.EXPIRED),
        (held(), BOB, 0, False, True, lease.ENDED),
        (held(), BOB, 0, True, False, lease.TAKEN),
    ],
)
def test_who_may_take_it(there: Any, me: Holder, after: float, take_over: bool, ended: bool, verdict: str) -> None:
    assert lease.judge(lease.hold_of(there), me, NOW + after, take_over=take_over, ended=ended) == verdict


@pytest.mark.parametrize("field", ["renewTime", "leaseDurationSeconds"])
@pytest.mark.parametrize("value", [None, "", "soon", "2026-11-26T20:00:00", -1, 0, True, [], {}])
def test_a_lease_that_does_not_say_until_when_is_held(field: str, value: Any) -> None:
    there = held()
    there["spec"][field] = value
    hold = lease.hold_of(there)
    assert hold is not None and hold.until is None
    assert lease.judge(hold, BOB, NOW + 10**9, take_over=False, ended=False) == lease.HELD
    assert "without an end" in str(hold)


@pytest.mark.parametrize("duration", [2**31 - 1, 10**400])
def test_a_lease_that_ends_later_than_a_time_can_say_is_held_without_an_end(duration: int) -> None:
    there = held()
    there["spec"].update(renewTime="9999-12-31T23:59:59.000000Z", leaseDurationSeconds=duration, leaseTransitions="x")
    hold = lease.hold_of(there)
    assert hold is not None and hold.to_dict()["until"] is None
    assert "without an end" in lease.locked_by("Deployment a in b", hold, BOB)
    assert lease.lease_content(there, BOB, NOW, 60)["spec"]["leaseTransitions"] == 1


@given(
    spec=st.fixed_dictionaries(
        {"holderIdentity": st.text(min_size=1)}, optional=dict.fromkeys(("renewTime", "acquireTime", "leaseDurationSeconds"), JSON)
    ),
    note=JSON | st.text(),
)
def test_any_lease_of_another_run_that_has_not_expired_stays_with_it(spec: dict[str, Any], note: Any) -> None:
    there = {"metadata": {"annotations": {lease.HOLDER: note if isinstance(note, str) else json.dumps(note)}}, "spec": spec}
    hold = lease.hold_of(there)
    assert hold is not None
    assert hold.holder.run == spec["holderIdentity"]
    assert "\n" not in lease.locked_by("Deployment a in b", hold, BOB)
    expected = lease.EXPIRED if hold.until is not None and hold.until < NOW else lease.HELD
    assert lease.judge(hold, BOB, NOW, take_over=False, ended=False) == (lease.OURS if hold.holder.run == BOB.run else expected)


@given(now=st.integers(0, 4 * 10**9), duration=st.integers(1, 10**6), steps=st.lists(st.integers(0, 10**4), max_size=5))
def test_what_is_written_is_what_is_read_and_a_renewal_keeps_since_when(now: int, duration: int, steps: list[int]) -> None:
    there = held(ALICE, now, duration)
    moment = now
    for step in steps:
        moment += step
        there = {"metadata": {}, **lease.lease_content(there, Holder(ALICE.run, "alice@a", "rollback"), moment, duration)}
    hold = lease.hold_of(there)
    assert hold is not None
    assert (hold.holder, hold.since, hold.until) == (ALICE, now, moment + duration)
    taken = {"metadata": {}, **lease.lease_content(there, BOB, moment + 1, duration)}
    assert taken["spec"]["leaseTransitions"] == 1
    assert (after := lease.hold_of(taken)) and (after.holder, after.since) == (BOB, moment + 1)


def test_an_annotation_of_an_earlier_holder_is_not_believed() -> None:
    there = held()
    there["spec"]["holderIdentity"] = "carol"
    assert (hold := lease.hold_of(there)) and hold.holder == Holder("carol", "carol", "")


@pytest.mark.parametrize(
    "process", [None, [], "1", {"machine": "m", "pid": "1", "started": 1}, {"machine": "m", "pid": True, "started": 1}]
)
def test_a_process_that_is_none_is_not_judged(process: Any) -> None:
    there = held()
    note = json.loads(there["metadata"]["annotations"][lease.HOLDER])
    there["metadata"]["annotations"][lease.HOLDER] = json.dumps({**note, "process": process})
    assert (hold := lease.hold_of(there)) and hold.holder.process == Process("", 0, 0)


@given(st.sampled_from(["Deployment", "StatefulSet"]), st.from_regex(r"[a-z]([a-z0-9.-]{0,250}[a-z0-9])?", fullmatch=True))
def test_each_workload_has_a_name_of_its_own_that_the_api_takes(kind: str, name: str) -> None:
    found = lease.lease_name(kind, name)
    assert len(found) <= 253 and found.startswith("meta-salvage-") and found[-1].isalnum()
    assert found != lease.lease_name(kind, f"{name}x")
    assert found != lease.lease_name("DaemonSet", name)


def test_the_refusal_says_who_since_when_and_how_to_go_on() -> None:
    hold = lease.hold_of(held())
    assert hold
    assert lease.locked_by("Deployment app in prod", hold, BOB) == (
        "Deployment app in prod is locked by alice@a (deploy), run alice@a/prod/1-x, since 2026-11-26T20:00:00Z, "
        "until 2026-11-26T20:01:00Z unless it renews it; nothing was changed. "
        "Wait until that run ends; if you know that it has ended, take the lock over (scale_lock_take_over=true)"
    )
