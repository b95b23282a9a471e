# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.before import (
    Before,
    older_first,
    return_of,
    states_before,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import CHANGED, Item, Manifest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import object_id as id_of
from fake_apply import Object, applied, drop, leaves, owners_of, put, updated, value_at
from hypothesis import given
from hypothesis import strategies as st

OURS = "ours"
WORDS = st.sampled_from(["red", "green", "blue"])
NAMES = "abcd"
BASE: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "namespace": "demo"}}
FIELDS = [("f:data", f"f:{name}") for name in NAMES] + [("f:metadata", "f:labels", f"f:{name}") for name in NAMES]


@st.composite
def documents(draw: Any) -> Object:
    """A mapping, labels, a list of things with a name, a list that is one value."""
    found = copy.deepcopy(BASE)
    for path in FIELDS:
        if draw(st.booleans()):
            put(found, path, draw(WORDS))
    ports = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    if ports:
        found["ports"] = [{"name": name, "to": draw(WORDS), **({"also": draw(WORDS)} if draw(st.booleans()) else {})} for name in ports]
    if draw(st.booleans()):
        found["order"] = draw(st.lists(WORDS, min_size=1, max_size=3))
    return found


CHANGES = st.lists(st.tuples(st.sampled_from(FIELDS), st.one_of(st.none(), st.sampled_from(["theirs", "red"]))), max_size=3)


def changed(obj: Object, changes: list[Any]) -> Object:
    def change(one: Object) -> None:
        for path, value in changes:
            if value is None:
                drop(one, path)
            else:
                put(one, path, value)

    return updated(obj, "kubectl-edit", change)


def item(live: Object | None, after: Object, action: str = CHANGED) -> Item:
    return Item(id_of(after), Manifest(after, "x.yaml"), after, 0, None, live=live, after=after, action=action)


def content(obj: Object) -> dict[Any, Any]:
    return {path: value for path, value in leaves(obj) if path != ("f:metadata", "f:uid")}


def through_json(before: Before) -> Before:
    return Before.from_row(json.loads(json.dumps(before.to_row())))


@given(documents(), documents(), CHANGES, CHANGES)
def test_there_and_back_is_the_state_before_but_for_what_others_changed_since(
    first: Object, second: Object, others_before: list[Any], others_since: list[Any]
) -> None:
    before = changed(applied(None, first, OURS)[1], others_before)
    _status, there = applied(before, second, OURS, force=True)
    since = changed(there, others_since)
    (kept,) = states_before([item(before, there)], OURS)
    back = return_of(through_json(kept), since, OURS)
    status, after = applied(since, back.document, OURS)
    assert status == 200, after  # what others have is never in the document, so there is no conflict
    theirs = {path for path in {**content(there), **content(since)} if value_at(there, path) != value_at(since, path)}
    for path in {**content(before), **content(there), **content(since)}:
        wanted = since if path in theirs else before
        assert value_at(after, path) == value_at(wanted, path), path
    held_before, held_now = owners_of(since).get(("kubectl-edit", "Update"), set()), owners_of(after).get(("kubectl-edit", "Update"), set())
    assert held_before == held_now
    assert applied(after, back.document, OURS)[1] == after


@given(documents(), documents(), documents())
def test_two_runs_go_back_to_what_was_before_the_first(first: Object, second: Object, third: Object) -> None:
    before = applied(None, first, OURS)[1]
    there = applied(before, second, OURS)[1]
    further = applied(there, third, OURS)[1]
    (kept,) = older_first(states_before([item(before, there)], OURS), states_before([item(there, further)], OURS))
    for live in (there, further, before):  # killed before the second wrote, after it, and after the way back
        back = return_of(kept, live, OURS)
        assert content(applied(live, back.document, OURS)[1]) == content(before)
        assert back.left == ()
