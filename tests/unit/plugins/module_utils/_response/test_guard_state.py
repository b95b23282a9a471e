# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state as a document: what is written is read, what anybody else wrote is refused, and it stays small."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_state
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_model import (
    ActionEntry,
    AskedEntry,
    DecisionEntry,
    GuardLimits,
    GuardState,
    PauseEntry,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_rules import decide_action
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_state import (
    KEEP,
    LARGEST,
    MOST_ACTIONS,
    MOST_ASKED,
    MOST_DECISIONS,
    pruned,
    read_state,
    state_text,
)
from fake_guard import ALLOWED, NOW, asks, target
from hypothesis import given
from hypothesis import strategies as st

FREE = GuardLimits(max_actions=10**6, storm_targets=200, allowed_actions=ALLOWED)


KINDS: dict[str, Any] = {"str": st.text(max_size=20), "int": st.integers(0, 99), "float": st.floats(0, 4e9)}


def build(cls: Any) -> Any:
    return st.builds(cls, **{name: KINDS[kind] for name, kind in cls.__annotations__.items() if name != "outcome"})


STATES = st.builds(
    GuardState,
    pause=st.none() | build(PauseEntry),
    actions=st.lists(build(ActionEntry), max_size=3).map(tuple),
    asked=st.lists(build(AskedEntry), max_size=3).map(tuple),
    decisions=st.lists(build(DecisionEntry), max_size=3).map(tuple),
)


@given(STATES)
def test_what_is_written_is_read(state: GuardState) -> None:
    assert read_state(state_text(state, "u1"), "u1") == state


def document(**other: Any) -> dict[str, Any]:
    done = decide_action(GuardState(pause=PauseEntry("a", "b", NOW - 9, NOW - 1)), asks(), FREE, NOW)
    return {**json.loads(state_text(replace(done.state, pause=PauseEntry("a", "b", NOW, NOW + 9)), "u1")), **other}


def changed(where: str, **values: Any) -> dict[str, Any]:
    found = document()
    target_of = found[where][0] if isinstance(found[where], list) else found[where]
    target_of.update(values)
    return found


WRONG = [
    *("", "{}", "[]", "null", "NaN", '{"version": 1', '"state"', "[" * 100000),
    *(document(version=2), document(version=True), document(version="1"), document(uid="u2"), document(uid=None), document(more=1)),
    *({name: one for name, one in document().items() if name != left} for left in ("pause", "actions", "asked", "decisions", "uid")),
    *(
        document(actions={}),
        document(actions=None),
        document(actions=[None]),
        document(actions=[{}]),
        document(pause=[]),
        document(pause={}),
    ),
    *(changed("actions", **{name: None}) for name in ActionEntry.__annotations__),
    *(changed("actions", at=value) for value in ("2026-11-27T00:00:00Z", True, -1, 1e12, 10**400)),
    *(changed("actions", outcome="done"), changed("actions", more=""), changed("actions", note="x" * 1001)),
    *(changed("pause", until=None), changed("pause", until="tomorrow"), changed("decisions", count=1.5)),
    '{"version": 1, "version": 1}',
    json.dumps(document()).replace(f'"at": {NOW}', '"at": NaN'),
]


@pytest.mark.parametrize("text", [one if isinstance(one, str) else json.dumps(one) for one in WRONG])
def test_any_other_state_is_refused(text: str) -> None:
    with pytest.raises(SalvageError) as caught:
        read_state(text, "u1")
    assert caught.value.reason == "invalid"


def test_what_counts_is_kept_and_the_rest_forgotten() -> None:
    done = decide_action(GuardState(), asks(), FREE, NOW).state
    one = done.actions[0]
    old = replace(one, permit="old", at=NOW - KEEP, outcome="ok")
    unknown = replace(old, permit="unknown", outcome="")
    state = replace(done, actions=(old, unknown, one), pause=PauseEntry("a", "b", NOW - 9, NOW))
    after = pruned(state, NOW)
    assert [entry.permit for entry in after.actions] == ["unknown", "p1"]
    assert after.pause is None
    assert pruned(after, NOW + KEEP + 1).asked == ()


def test_a_week_of_anything_stays_far_below_what_a_configmap_holds() -> None:
    long = {"alert": "a" * 80, "fingerprint": "f" * 64, "run": "r" * 120, "who": "w" * 60}
    one = decide_action(GuardState(), asks(target=target("t" * 200), **long), FREE, NOW).state
    numbers = range(1000)
    state = GuardState(
        None,
        tuple(replace(one.actions[0], permit=f"p{number}", target=f"t{number:0>200}") for number in numbers[:MOST_ACTIONS]),
        tuple(replace(one.asked[0], target=f"t{number:0>200}") for number in numbers),
        tuple(replace(one.decisions[0], run=f"r{number:0>120}", reason="x" * 300) for number in numbers),
    )
    state = replace(state, actions=tuple(replace(one, outcome="ok", incident="i") for one in state.actions))
    calm = replace(FREE, storm_window=0.0, max_actions_per_incident=10**6)
    done = decide_action(state, asks("p9999", fingerprint="f", started_at=NOW, clock=NOW + 1), calm, NOW + 1)
    state = done.state
    assert (done.decision, done.rule, done.page) == ("refused", "full", True)
    assert (len(state.actions), len(state.asked), len(state.decisions)) == (MOST_ACTIONS, MOST_ASKED, MOST_DECISIONS)
    assert len(state_text(state, "u" * 36)) < LARGEST


def test_a_state_that_is_too_large_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions make room for actions, which count."""
    state = decide_action(GuardState(), asks(), FREE, NOW).state
    monkeypatch.setattr(guard_state, "LARGEST", len(state_text(state, "u1")) - 1)
    assert read_state(state_text(state, "u1"), "u1") == replace(state, decisions=())
    monkeypatch.setattr(guard_state, "LARGEST", 100)
    with pytest.raises(SalvageError) as caught:
        state_text(state, "u1")
    assert caught.value.reason == "too_large"
