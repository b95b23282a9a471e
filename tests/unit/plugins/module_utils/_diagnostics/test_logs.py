# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import when
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.logs import (
    LogSource,
    latest,
    readable,
    runs_of,
    size_of_each,
    surrounding,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.options import Bounds, Window
from hypothesis import given
from hypothesis import strategies as st


class Kubelet:
    """A log as the kubelet gives it: first the tail, then from the time, then cut at the limit."""

    def __init__(self, *texts: str) -> None:
        self.lines = [f"2026-11-26T12:{n // 60:02}:{n % 60:02}.000000000Z {text}\n".encode() for n, text in enumerate(texts)]
        self.asked = 0

    def __call__(self, query: Mapping[str, str | int]) -> bytes:
        self.asked += 1
        assert self.asked < 100
        start = when(query.get("sinceTime", "1970-01-01T00:00:00Z")) or 0
        lines = [line for line in self.lines if (when(line[:30].decode()) or 0) >= start]
        tail = query.get("tailLines")
        lines = lines if tail is None else lines[-int(tail) :] if int(tail) else []
        return b"".join(lines)[: int(query["limitBytes"])]


def at(text: str) -> float:
    moment = when(text)
    assert moment is not None
    return moment


def test_a_short_log_is_read_at_once_and_whole() -> None:
    log = Kubelet("a", "b")
    assert latest(log, 1000, 100, 0) == (b"".join(log.lines), False)
    assert log.asked == 1


def test_of_a_long_log_the_newest_lines_are_kept() -> None:
    log = Kubelet(*("x" * 50 for _ in range(1000)))
    found, cut = latest(log, 5000, 10_000, 0)
    assert cut
    assert b"".join(log.lines).endswith(found)
    assert 2000 < len(found) < 5000


def test_so_many_lines_at_most() -> None:
    log = Kubelet(*("x" for _ in range(100)))
    assert latest(log, 100_000, 10, 0) == (b"".join(log.lines[-10:]), True)


def test_one_line_that_is_longer_than_all_is_cut() -> None:
    found, cut = latest(Kubelet("a", "b" * 10_000), 1000, 100, 0)
    assert cut
    assert len(found) == 1000


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(100, 2000), st.integers(1, 40))
def test_the_latest_part_is_whole_lines_from_the_end_and_bounded(sizes: list[int], most: int, lines: int) -> None:
    log = Kubelet(*("x" * size for size in sizes))
    found, cut = latest(log, most, lines, 0)
    assert len(found) <= most
    whole = b"".join(log.lines)
    if log.lines and len(log.lines[-1]) >= most:
        assert found == log.lines[-1][:most]
    else:
        assert whole.endswith(found)
        assert cut or found == whole


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


def test_names_of_a_log() -> None:
    source = LogSource(True, "a", "p", "c", previous=True)
    assert source.path == "logs/a/p/c.previous.log"
    assert source.api_path == "/api/v1/namespaces/a/pods/p/log"


def test_many_logs_share_what_there_is_room_for() -> None:
    bounds = Bounds(size=200_000_000, log_size=2_000_000, log_lines=10, seconds=1)
    assert size_of_each(bounds, 1) == 2_000_000
    assert size_of_each(bounds, 1000) == 400_000
    assert size_of_each(bounds, 1_000_000) == 65_536
