# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and folders of a cluster, with real processes and no Kubernetes."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from lab import __main__ as cli
from lab import cluster, processes, store
from lab.common import LabError, Progress, locked, until

SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cluster, "CLUSTERS", tmp_path)
    monkeypatch.setattr(cluster, "restore_machine", lambda: None)  # the machine of whoever runs the tests
    made = tmp_path / "one"
    cluster.write(made, cluster.Record("one", "control-plane", "https://127.0.0.1:1"))
    return made


def test_what_runs_is_found_without_a_note_of_it_and_nothing_else_is(folder: Path) -> None:
    started = processes.start(folder, "etcd", SLEEP)
    other = processes.start(folder.parent / "one-more", "etcd", SLEEP)
    try:
        assert [process.pid for process in processes.find(folder)] == [started.pid]
        assert processes.pid_of(folder, "etcd") == started.pid
        assert processes.pid_of(folder, "kubelet") is None
    finally:
        assert processes.end_all(folder) == 1
        assert processes.end_all(folder.parent / "one-more") == 1
        started.wait(), other.wait()
    assert processes.find(folder) == []


def test_a_component_can_be_stopped_and_goes_down_all_the_same(folder: Path) -> None:
    started = processes.start(folder, "kubelet", SLEEP)
    processes.send(folder, "kubelet", signal.SIGSTOP)
    until("the stop", lambda: processes.find(folder)[0].state == "T" or None, 5, every=0.01)
    assert cluster.take_down(folder) == 1
    assert started.wait() == -signal.SIGKILL
    assert not folder.exists()


def test_taking_down_what_is_not_there_is_no_error(folder: Path) -> None:
    cluster.take_down(folder)
    assert cluster.take_down(folder) == 0


def test_a_component_that_does_not_run_is_said_so(folder: Path) -> None:
    with pytest.raises(LabError, match="kubelet of one does not run"):
        processes.send(folder, "kubelet", signal.SIGSTOP)


def test_last_words_come_from_the_log(folder: Path) -> None:
    processes.start(folder, "etcd", [sys.executable, "-c", "print('no space left')"]).wait()
    assert "no space left" in processes.last_words(folder, "etcd")
    assert "none" in processes.last_words(folder, "kubelet")


@pytest.mark.parametrize("name", ["", "Dev", "a b", "../x", "-a", "a" * 40])
def test_names_that_would_be_no_folder_or_cgroup(name: str) -> None:
    with pytest.raises(LabError, match="no name for a cluster"):
        cluster.folder_of(name)


def test_a_half_written_record_reads_as_none(folder: Path) -> None:
    assert cluster.read(folder) == cluster.Record("one", "control-plane", "https://127.0.0.1:1")
    (folder / "cluster.json").write_text('{"name": "on')
    assert cluster.read(folder) is None


def test_an_unknown_cluster_names_the_known_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kubeconfig", "two"]) == 1
    assert "There is no cluster two (there is: one)" in capsys.readouterr().err
    assert cli.main(["kubeconfig", "one"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "kubeconfig")


def test_another_size_under_the_same_name_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["up", "one", "--size", "node"]) == 1
    assert "one is a cluster of the control-plane size" in capsys.readouterr().err


def test_a_fault_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fault", "one", "kubelet"]) == 1
    assert "kubelet-stop" in capsys.readouterr().err


def test_status_and_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = processes.start(folder, "etcd", SLEEP)
    assert cli.main(["status"]) == 0
    assert "one: control-plane at https://127.0.0.1:1; runs: etcd" in capsys.readouterr().out
    assert cli.main(["down", "one"]) == 0
    started.wait()
    assert not folder.exists()
    assert cli.main(["down", "one"]) == 0
    assert "there is no cluster one" in capsys.readouterr().err


def test_a_store_is_linked_but_for_its_databases(tmp_path: Path) -> None:
    source, target = tmp_path / "golden", tmp_path / "copy"
    (source / "blobs").mkdir(parents=True)
    (source / "blobs/a").write_text("layer")
    (source / "blobs/link").symlink_to("a")
    (source / "meta.db").write_text("database")
    store.link(source, target)
    assert (target / "blobs/a").stat().st_ino == (source / "blobs/a").stat().st_ino
    assert (target / "blobs/link").is_symlink()
    assert (target / "meta.db").read_text() == "database"
    assert (target / "meta.db").stat().st_ino != (source / "meta.db").stat().st_ino


def test_a_store_that_was_not_finished_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "STORES", tmp_path / "stores")
    golden = store.folder_of("debian", ["a:1"])
    assert golden != store.folder_of("debian", ["a:2"])
    with pytest.raises(KeyboardInterrupt), store.being_made(golden) as work:
        (work / "half").write_text("")
        raise KeyboardInterrupt
    assert not golden.exists()
    with store.being_made(golden) as work:
        assert not (work / "half").exists()
        (work / "whole").write_text("")
    newer = store.folder_of("debian", ["a:2"])
    with store.being_made(newer) as work:
        assert (work / "whole").exists()
    assert newer.exists()
    assert not golden.exists()


def test_the_lock_is_let_go_with_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock", Progress(quiet=True), "nothing"):
            assert (tmp_path / "lock").exists()


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(LabError, match="The sun did not happen within 0 s; look up"):
        until("The sun", lambda: None, 0.01, every=0.01, hint="look up")


def test_the_machine_is_left_alone_while_any_cluster_runs(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restored: list[bool] = []
    monkeypatch.setattr(cluster, "restore_machine", lambda: restored.append(True))
    monkeypatch.setattr(cluster.os, "geteuid", lambda: 0)
    before = processes.holders()
    other = processes.start(tmp_path / "elsewhere/clusters/two", "anchor", SLEEP)
    until("its start", lambda: processes.holders() == before + 1 or None, 5, every=0.01)
    cluster.take_down(folder)
    assert not restored
    processes.end_all(tmp_path / "elsewhere/clusters/two")
    other.wait()
