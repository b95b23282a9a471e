# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a long log the newest lines are kept, wherever the end of a log is read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.pod_log import latest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._delivery.rollout import explain
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import evidence_logs
from fake_kubelet import Kubelet
from hypothesis import given
from hypothesis import strategies as st


def test_a_short_log_is_read_at_once_and_whole() -> None:
    log = Kubelet("a", "b")
    assert latest(log, 1000, 100) == (b"".join(log.lines), False)
    assert log.asked == 1


def test_of_a_long_log_the_newest_lines_are_kept() -> None:
    log = Kubelet(*("x" * 50 for _ in range(1000)))
    found, cut = latest(log, 5000, 10_000)
    assert cut
    assert b"".join(log.lines).endswith(found)
    assert 2000 < len(found) < 5000


def test_so_many_lines_at_most() -> None:
    log = Kubelet(*("x" for _ in range(100)))
    assert latest(log, 100_000, 10) == (b"".join(log.lines[-10:]), True)


def test_one_line_that_is_longer_than_all_is_cut() -> None:
    found, cut = latest(Kubelet("a", "b" * 10_000), 1000, 100)
    assert cut
    assert len(found) == 1000


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(100, 2000), st.integers(1, 40))
def test_the_latest_part_is_whole_lines_from_the_end_and_bounded(sizes: list[int], most: int, lines: int) -> None:
    log = Kubelet(*("x" * size for size in sizes))
    found, cut = latest(log, most, lines)
    assert len(found) <= most
    whole = b"".join(log.lines)
    if log.lines and len(log.lines[-1]) >= most:
        assert found == log.lines[-1][:most]
    else:
        assert whole.endswith(found)
        assert cut or found == whole


class Cluster:
    """Answers with the end of one log."""

    def __init__(self, log: Kubelet) -> None:
        self.log = log

    def call(self, _method: str, _path: str, *, query: Any, **_kwargs: Any) -> Any:
        return SimpleNamespace(body=self.log(query))


def long_log(limit: int) -> Kubelet:
    """Fifty lines that are three times as long as ``limit`` in all; the last one says why."""
    return Kubelet(*["x" * (limit * 3 // 50)] * 49, "fatal: out of memory")


def test_a_rollout_explains_itself_with_the_last_line_of_a_log_with_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "_events", lambda *_args: [])
    trouble = SimpleNamespace(pod="p", container="c", reason="OOMKilled", terminal=True, restarted=False)
    cluster: Any = Cluster(long_log(64 * 1024))
    (found,) = explain.explain(cluster, "a", SimpleNamespace(troubles=[trouble]), 50)  # type: ignore[arg-type]
    assert found["log"][-1].endswith("fatal: out of memory")


def test_evidence_counts_the_newest_lines_of_a_log_with_long_lines() -> None:
    site: Any = SimpleNamespace(cluster=Cluster(long_log(512 * 1024)), query=SimpleNamespace(log_lines=50))
    found = evidence_logs._lines(site, "a", "p", "c", previous=False)
    assert found["counts"]["memory"] == 1
    assert found["last"][-1].endswith("fatal: out of memory")
