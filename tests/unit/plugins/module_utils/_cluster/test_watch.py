# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.watch import Watch, list_all
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

MAPS = "/api/v1/namespaces/a/configmaps"


def soon() -> float:
    return time.monotonic() + 10


def names(scene: Any) -> list[str]:
    return sorted(scene["maps"])


def test_changes_arrive_in_order(api: Any) -> None:
    api.put(f"{MAPS}/one", {"data": {"n": "0"}})
    seen = []
    with Watch(api, {"maps": (MAPS, None)}) as watch:
        for n in range(1, 4):
            api.put(f"{MAPS}/one", {"data": {"n": str(n)}})

        def until(scene: Any) -> bool | None:
            seen.append(scene["maps"]["a/one"]["data"]["n"])
            return True if seen[-1] == "3" else None

        assert watch.wait(until, soon())
    assert seen == sorted(seen)


def test_deleted_objects_go(api: Any) -> None:
    api.put(f"{MAPS}/one", {})
    with Watch(api, {"maps": (MAPS, None)}) as watch:
        api.remove(f"{MAPS}/one")
        api.put(f"{MAPS}/two", {})
        assert watch.wait(lambda scene: True if names(scene) == ["a/two"] else None, soon())


def test_an_expired_watch_begins_anew(api: Any) -> None:
    api.put(f"{MAPS}/one", {})
    _objects, version = list_all(api, MAPS)
    assert version == "101"
    broken = threading.Event()

    def stumble(method: str, path: str) -> str | None:
        # The first watch breaks; when it comes again, its resourceVersion is gone from the history.
        if len(api.requests) == 3 and not broken.is_set():
            broken.set()
            api.put(f"{MAPS}/two", {})
            api.forget_history()
            return "reset"
        return None

    api.stumble = stumble
    with Watch(api, {"maps": (MAPS, None)}) as watch:
        assert watch.wait(lambda scene: True if names(scene) == ["a/one", "a/two"] else None, soon())
    assert broken.is_set()


def test_a_watch_that_is_forbidden_is_told(api: Any) -> None:
    api.stumble = lambda method, path: "403" if len(api.requests) > 1 else None
    with Watch(api, {"maps": (MAPS, None)}) as watch, pytest.raises(SalvageError) as caught:
        watch.wait(lambda scene: None, soon())
    assert caught.value.reason == "forbidden"


def test_nothing_happens_until_the_deadline(api: Any) -> None:
    with Watch(api, {"maps": (MAPS, None)}) as watch:
        assert watch.wait(lambda scene: None, time.monotonic() + 0.05, tick=0.01) is None


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        '{"type": "ADDED"}',
        '{"type": "ADDED", "object": null}',
        '{"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "9"}}}',
        '{"type": "ERROR", "object": 1}',
        '{"type": "BOOKMARK", "object": {}}',
    ],
)
def test_what_is_not_an_event_ends_the_watch_at_once(api: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    api.put(f"{MAPS}/one", {})
    monkeypatch.setattr(api.http, "stream", lambda *_given, **_how: iter([line.encode() + b"\n"]))
    with Watch(api, {"maps": (MAPS, None)}) as watch, pytest.raises(SalvageError, match=r"the watch of .* sent no event") as caught:
        watch.wait(lambda scene: None, soon())
    assert caught.value.reason == "invalid"
