# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OPA says of its files is found, however many requests it logs besides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import load_logs
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.load_logs import LoadLogs, last_load
from hypothesis import given
from hypothesis import strategies as st

REQUEST = b'{"level":"info","msg":"Received request.","req_path":"/v1/data/euystacio/peace_bonds/allow"}\n'


def loaded(error: str | None, mark: int = 0) -> bytes:
    return json.dumps({"err": error, "msg": "Processed file watch event.", "time": mark}).encode() + b"\n"


class Pod:
    """The log of a pod, by the clock of a test; ``rate`` requests are logged in each second."""

    def __init__(self, rate: int = 0) -> None:
        self.now = 1000.0
        self.rate = rate
        self.entries: list[tuple[float, bytes]] = []
        self.broken = False
        self.read = 0
        self.drip: Callable[[], Iterator[bytes]] | None = None

    def monotonic(self) -> float:
        return self.now

    def log(self, line: bytes) -> None:
        self.entries.append((self.now, line))

    def __call__(self, pod: str, seconds: int) -> Iterator[bytes]:
        if self.broken:
            raise SalvageError("connection reset", reason="unreachable")
        if self.drip:
            yield from self.drip()
            return
        since = self.now - seconds
        lines = sorted([*self.entries, *((self.now - n, REQUEST * self.rate) for n in range(seconds))], key=lambda entry: entry[0])
        for at, line in lines:
            if at >= since:
                self.read += len(line)
                yield line


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Pod:
    pod = Pod()
    monkeypatch.setattr(load_logs, "time", pod)
    return pod


def test_the_last_time_that_files_were_loaded_counts() -> None:
    bad, good = loaded("no"), loaded(None)
    assert last_load([good + bad]) == (bad.strip(), "no")
    assert last_load([bad + good]) == (good.strip(), "")
    assert last_load([b'{"decision_id":"x","err":"file watch event"}\n']) == (b"", "")
    assert last_load([b'nonsense "error"\n', b"[]\n", b'{"error": ' + b"[" * 100_000]) == (b"", "")


@given(st.lists(st.integers(1, 40), max_size=20))
def test_the_pieces_of_a_log_may_end_anywhere(sizes: list[int]) -> None:
    log = REQUEST + loaded("no") + REQUEST
    pieces = []
    for size in sizes:
        pieces.append(log[:size])
        log = log[size:]
    assert last_load([*pieces, log])[1] == "no"


def test_a_complaint_is_found_and_stays_among_a_hundred_thousand_requests(pod: Pod) -> None:
    pod.rate = 5000
    logs = LoadLogs(pod, 5)
    logs.written(["opa"])
    assert logs.complaint("opa") == ""
    pod.now += 1
    pod.log(loaded("conflict"))
    pod.now += 5
    found = []
    for _look in range(5):
        found.append(logs.complaint("opa"))
        pod.now += 5
    assert found == ["conflict"] * 5


def test_what_was_said_before_the_write_is_not_about_it(pod: Pod) -> None:
    pod.log(loaded("old"))
    pod.now += 1
    logs = LoadLogs(pod, 5)
    logs.written(["opa"])
    pod.now += 0.5
    assert logs.complaint("opa") == ""
    pod.log(loaded("new", mark=1))
    assert logs.complaint("opa") == "new"
    pod.log(loaded(None, mark=2))
    assert logs.complaint("opa") == ""
    logs.written(["opa"])
    pod.log(loaded("newer", mark=3))
    assert logs.complaint("opa") == "newer"
    logs.written(["opa"])
    assert logs.complaint("opa") == ""


def test_a_reading_that_failed_is_made_up_for_by_the_next(pod: Pod) -> None:
    logs = LoadLogs(pod, 5)
    logs.written(["opa"])
    pod.log(loaded("conflict"))
    pod.broken = True
    pod.now += 20
    assert logs.complaint("opa") == ""
    pod.broken = False
    pod.now += 20
    assert logs.complaint("opa") == "conflict"


def test_each_reading_begins_where_the_last_one_ended(pod: Pod) -> None:
    pod.rate = 100
    logs = LoadLogs(pod, 5)
    logs.written(["opa"])
    for _look in range(60):
        pod.now += 1
        logs.complaint("opa")
    assert pod.read < len(REQUEST) * pod.rate * 60 * 5


def test_a_log_without_an_end_is_left_after_the_timeout(pod: Pod) -> None:
    def drip() -> Iterator[bytes]:
        while True:
            pod.now += 1
            yield b"x"

    logs = LoadLogs(pod, 5)
    pod.drip = drip
    logs.written(["opa"])
    assert logs.complaint("opa") == ""
    assert pod.now < 1020


def test_a_line_without_an_end_is_not_kept(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_logs, "_LONGEST_LINE", 1000)
    pieces: list[Any] = [b"x" * 600] * 50
    assert last_load([*pieces, b"\n", loaded("no")])[1] == "no"
