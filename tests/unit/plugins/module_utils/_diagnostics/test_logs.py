# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.logs import (
    LogSource,
    readable,
    runs_of,
    size_of_each,
    surrounding,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.options import Bounds, Window
from fake_kubelet import Kubelet
from hypothesis import given
from hypothesis import strategies as st


def at(text: str) -> float:
    moment = when(text)
    assert moment is not None
    return moment


def test_around_a_time_the_lines_reach_beyond_it_and_none_is_later_than_the_window() -> None:
    log = Kubelet(*(f"{n} " + "x" * 60 for n in range(3600)))
    middle = at("2026-11-26T12:30:00Z")
    found, cut = surrounding(log, 8000, Window(middle - 1800, middle + 20, middle), middle)
    assert cut
    times = [when(line[:30].decode()) or 0 for line in found.splitlines()]
    assert min(times) < middle < max(times) <= middle + 20
    assert found.endswith(b"\n")
    assert len(found) <= 8000


def test_around_a_time_a_short_log_is_whole_within_the_window() -> None:
    log = Kubelet("a", "b", "c")
    middle = at("2026-11-26T12:00:01Z")
    assert surrounding(log, 8000, Window(middle - 10, middle, middle), middle) == (b"".join(log.lines[:2]), False)


@pytest.mark.parametrize(
    ("log", "text"),
    [
        (b"plain\n", b"plain\n"),
        ("caffè\n".encode(), "caffè\n".encode()),
        (b"\x1b[31mred\x1b[0m\n", b"red\n"),
        (b"a\x00b\x07\n", b"a b \n"),
        (b"\xff\xfe\n", "��\n".encode()),
        ("left\u202eright\n".encode(), b"left right\n"),
        (b"a\r\n", b"a \n"),
        (b"tab\tstays\n", b"tab\tstays\n"),
        (b"", b""),
    ],
)
def test_a_log_is_text_that_drives_no_terminal(log: bytes, text: bytes) -> None:
    assert readable(log) == text


def test_a_line_of_a_megabyte_is_short_in_the_bundle_and_the_next_one_is_whole() -> None:
    first, second = readable(b"x" * 1_000_000 + b"\nnext\n").splitlines()
    assert first == b"x" * 16384 + b" [983616 more characters]"
    assert second == b"next"


@given(st.binary(max_size=300))
def test_any_bytes_become_text(log: bytes) -> None:
    assert "\x1b" not in readable(log).decode()


def status(name: str, state: dict[str, Any], last: bool = False, restarts: int = 0) -> dict[str, Any]:
    return {
        "name": name,
        "state": state,
        "lastState": {"terminated": {"exitCode": 1}} if last else {},
        "restartCount": restarts,
        "ready": True,
    }


def pod(*statuses: dict[str, Any], **more: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True"}]
    return {
        "metadata": {"name": "p", "namespace": "a"},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [*statuses], **more},
    }


def test_each_run_of_a_container_has_a_log_and_one_that_never_started_has_none() -> None:
    init = [status("init", {"terminated": {"exitCode": 0}})]
    found = runs_of(
        pod(
            status("web", {"running": {}}),
            status("again", {"waiting": {"reason": "CrashLoopBackOff"}}, last=True, restarts=4),
            status("new", {"waiting": {"reason": "ContainerCreating"}}),
            initContainerStatuses=init,
        )
    )
    assert sorted((one.container, one.previous) for one in found) == [("again", False), ("again", True), ("init", False), ("web", False)]


def test_pods_in_trouble_and_containers_that_restarted_come_first() -> None:
    (well,) = runs_of(pod(status("web", {"running": {}})))
    current, previous = runs_of(pod(status("web", {"running": {}}, last=True, restarts=1)))
    failed = pod(status("web", {"terminated": {"exitCode": 1}}))
    failed["status"]["phase"] = "Failed"
    (ill,) = runs_of(failed)
    assert (well.well, current.well, previous.well, ill.well) == (True, False, False, False)
    assert min(well, ill) == ill


@pytest.mark.parametrize("broken", [{}, {"containerStatuses": None}, {"containerStatuses": []}])
def test_a_pod_that_nobody_has_looked_at_has_no_logs(broken: dict[str, Any]) -> None:
    assert list(runs_of({"metadata": {"name": "p", "namespace": "a"}, "status": broken})) == []
    assert list(runs_of({"metadata": {"name": "p", "namespace": "a"}})) == []


def test_a_count_that_is_null_hides_no_log() -> None:
    one = pod({**status("app", {"running": {"startedAt": "x"}}), "restartCount": None})
    assert [source.container for source in runs_of(one)] == ["app"]


def test_names_of_a_log() -> None:
    source = LogSource(True, "a", "p", "c", previous=True)
    assert source.path == "logs/a/p/c.previous.log"
    assert source.api_path == "/api/v1/namespaces/a/pods/p/log"


def test_many_logs_share_what_there_is_room_for() -> None:
    bounds = Bounds(size=200_000_000, log_size=2_000_000, log_lines=10, seconds=1)
    assert size_of_each(bounds, 1) == 2_000_000
    assert size_of_each(bounds, 1000) == 400_000
    assert size_of_each(bounds, 1_000_000) == 65_536
