# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state in a ConfigMap: many at once, stumbles, and what was not made here."""

from __future__ import annotations

import contextlib
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.retry import Retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_model import (
    ADMITTED,
    ActionEntry,
    GuardDecision,
    GuardLimits,
    GuardState,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_rules import decide_action
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_state import read_state, state_text
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response.guard_store import KEY, LABEL, GuardStore
from fake_guard import LIMITS, asks, target
from hypothesis import given
from hypothesis import strategies as st

KEPT = ActionEntry("p1", 1.0, 2.0, "A", "f1", 0.5, "restart_pod", "Deployment/prod/app", "", "alice/1", "alice")
PATH = "/api/v1/namespaces/prod/configmaps/guard"


@pytest.fixture
def store(api: Any) -> GuardStore:
    return GuardStore(api, "prod", "guard")


def ask(store: GuardStore, number: int = 1, limits: GuardLimits = LIMITS, **what: Any) -> GuardDecision:
    def step(state: GuardState, now: float) -> tuple[GuardState, GuardDecision]:
        usual = {"fingerprint": f"f{number}", "target": target(f"t{number}"), "clock": now, "started_at": now}
        done = decide_action(state, asks(f"p{number}", **{**usual, **what}), limits, now)
        return done.state, done

    return store.change(step)


def test_the_first_run_makes_it_and_the_next_one_counts_on(api: Any, store: GuardStore) -> None:
    assert store.look()[0] == GuardState()
    assert api.writes == []
    assert ask(store).used.actions == 1
    assert ask(store, 2).used.actions == 2
    assert api.objects[PATH]["metadata"]["labels"] == {LABEL: "true"}
    assert [one.permit for one in store.look()[0].actions] == ["p1", "p2"]


def test_of_many_at_once_no_more_than_the_limit_are_admitted(api: Any, store: GuardStore) -> None:
    limits = replace(LIMITS, max_actions=3, storm_targets=99)
    with ThreadPoolExecutor(8) as pool:
        rules = list(pool.map(lambda number: ask(store, number, limits).rule, range(8)))
    assert sorted(rules) == ["allowed"] * 3 + ["max_actions"] * 5
    assert len(store.look()[0].actions) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_answer_that_is_lost_is_looked_for(api: Any, store: GuardStore, method: str) -> None:
    lost = [method]
    api.stumble = lambda sent, path: "reset after" if sent in lost and not lost.remove(sent) else None
    assert ask(store).decision == ADMITTED
    assert lost == [] and len(store.look()[0].actions) == 1


@pytest.mark.parametrize("seed", range(3))
def test_an_api_server_that_stumbles_lets_no_action_too_many_through(api: Any, store: GuardStore, seed: int) -> None:
    """What a run was told is kept; what it was not told may be kept too, and then counts as unfinished."""
    rng = random.Random(seed)
    api.stumble = lambda method, path: rng.choice(["reset", "reset after", "500", "409"]) if rng.random() < 0.3 else None
    api.retry = Retry(tries=2)
    told: list[str] = []
    for number in range(12):
        with contextlib.suppress(SalvageError):
            done = ask(store, number, run=f"r{number}", limits=replace(LIMITS, max_actions=3, storm_targets=99))
            told += [done.permit] if done.permit else []
    api.stumble = lambda method, path: None
    kept = {one.permit for one in store.look()[0].actions}
    assert set(told) <= kept and 1 <= len(kept) <= 3


FOREIGN: list[dict[str, Any]] = [
    {"data": {"a": "b"}},
    {"metadata": {"labels": {LABEL: "yes"}}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": {"other": "{}"}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": {KEY: "{}", "other": "{}"}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": {KEY: "{}"}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": {KEY: 1}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": "x"},
    {"metadata": {"labels": {LABEL: "true"}}},
    {"metadata": {"labels": {LABEL: "true"}}, "data": {}},
    {"metadata": {"labels": {LABEL: "new"}}, "data": {"other": "{}"}},
    {"metadata": {"labels": {LABEL: ["true"]}}},
    {"metadata": {"labels": ["x"]}},
]


def test_a_run_that_ended_before_it_wrote_the_first_state_stops_nobody(api: Any, store: GuardStore) -> None:
    api.put(PATH, {"metadata": {"labels": {LABEL: "new"}}})
    assert ask(store).decision == ADMITTED
    assert api.objects[PATH]["metadata"]["labels"] == {LABEL: "true"}


@given(st.data())
def test_a_state_that_somebody_damages_is_not_used_or_says_the_same(data: st.DataObject) -> None:
    text = state_text(GuardState(actions=(KEPT,)), "u")
    document = json.loads(text)
    where, key = data.draw(
        st.sampled_from([(document, key) for key in document] + [(document["actions"][0], key) for key in document["actions"][0]])
    )
    before = where[key]
    where[key] = data.draw(st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.lists(st.none(), min_size=1) | st.just({}))
    same_kind = (isinstance(before, str) and isinstance(where[key], str)) or (isinstance(before, float) and isinstance(where[key], float))
    if same_kind or key == "pause" or where[key] == before:
        return
    with pytest.raises(SalvageError, match=r"can't be trusted|is not JSON"):
        read_state(json.dumps(document), "u")


@pytest.mark.parametrize("obj", FOREIGN)
def test_what_was_not_made_here_is_not_used_and_not_changed(api: Any, store: GuardStore, obj: dict[str, Any]) -> None:
    api.put(PATH, obj)
    with pytest.raises(SalvageError, match="can't be used") as caught:
        ask(store)
    assert caught.value.reason == "invalid" and api.writes == []


def test_a_copy_of_another_day_is_not_used(api: Any, store: GuardStore) -> None:
    """A backup that was restored knows nothing of what was done since."""
    ask(store)
    kept = api.objects[PATH]
    api.remove(PATH)
    api.put(PATH, {"metadata": {"labels": kept["metadata"]["labels"], "uid": "another"}, "data": kept["data"]})
    with pytest.raises(SalvageError, match="written for another ConfigMap"):
        ask(store, 2)


@pytest.mark.parametrize(
    "body", ["[]", "null", '{"kind": "Status"}', '{"metadata": []}', '{"metadata": {"uid": "u", "resourceVersion": 7}}']
)
def test_an_answer_that_is_no_configmap(api: Any, store: GuardStore, body: str) -> None:
    api.answers[PATH] = lambda: (200, "application/json", body)
    with pytest.raises(SalvageError, match="is not a ConfigMap"):
        ask(store)


def test_a_state_that_is_not_kept_as_written_is_noticed(api: Any, store: GuardStore) -> None:
    ask(store)

    def webhook(path: str) -> None:
        api.objects[path]["data"] = {KEY: "{}"}

    api.controller = webhook
    with pytest.raises(SalvageError, match="was not kept as it was written"):
        ask(store, 2)


def test_who_hears_that_an_episode_was_answered_does_not_wait_for_others(api: Any, store: GuardStore) -> None:
    ask(store)
    api.stumble = lambda method, path: "409" if method == "PATCH" else None
    writes = len(api.writes)
    assert store.change(lambda state, now: (replace(state, decisions=()), "told"), lambda told: f"{told}, not kept") == "told, not kept"
    assert len(api.writes) - writes <= 3
    assert len(store.look()[0].decisions) == 1


def test_a_state_that_always_changes_ends(api: Any, store: GuardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_store, "_PATIENCE", 0.3)
    api.stumble = lambda method, path: "409" if method == "PATCH" else None
    with pytest.raises(SalvageError, match="keeps changing"):
        ask(store)
