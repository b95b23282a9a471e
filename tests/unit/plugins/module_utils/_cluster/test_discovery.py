# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.discovery import Resource, preferred, resources_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError


def test_kinds_come_once_in_the_first_version_and_without_what_cannot_be_listed() -> None:
    answer = {
        "resources": [
            {"name": "things", "kind": "Thing", "namespaced": True, "verbs": ["create", "list"], "categories": ["all"]},
            {"name": "things/status", "kind": "Thing", "namespaced": True, "verbs": ["get", "list"]},
            {"name": "reviews", "kind": "Review", "namespaced": False, "verbs": ["create"]},
        ]
    }
    found = resources_of("x.io", "v2", answer) + resources_of("x.io", "v1", answer)
    assert preferred(found) == [Resource("x.io", "things", "v2", "Thing", True, ("all",))]
    assert not resources_of("x.io", "v2", {"resources": [{**answer["resources"][0], "verbs": ["get", "list"]}]})[0].writable
    assert found[0].path("a") == "/apis/x.io/v2/namespaces/a/things"


@pytest.mark.parametrize(
    "resources",
    ["x", 3, ["x"], [{}], [{"name": "x", "verbs": ["list"]}], [{"name": 3, "kind": "X", "namespaced": True, "verbs": ["list"]}]],
)
def test_an_aggregated_api_that_answers_anything_is_one_that_does_not_answer(resources: Any) -> None:
    with pytest.raises(SalvageError, match="something else than a list of kinds") as caught:
        resources_of("e.org", "v1", {"resources": resources})
    assert caught.value.reason == "invalid"
