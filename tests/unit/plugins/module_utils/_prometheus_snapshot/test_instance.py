# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Prometheus: what is asked of its API, and what its container's commands do to a folder; they run here, in a shell."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot import instance
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.instance import Prometheus, bring
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._prometheus_snapshot.snapshot import File, SnapshotSample

BLOCK = "01M87P42FAJFK84CXKBZMG1J9X"
OTHER = "01M87P42FAJFK84CXKBZMG1J9Y"
NAME = "20261124T210653Z-502303605d96750b"
BELOW = f"snapshots/{NAME}"
PROXY = "/api/v1/namespaces/monitoring/pods/prom-0:9090/proxy"
QUERY, QUIT, RUNTIME = f"{PROXY}/api/v1/query", f"{PROXY}/-/quit", f"{PROXY}/api/v1/status/runtimeinfo"
TAKE = f"{PROXY}/api/v1/admin/tsdb/snapshot"
SAMPLE = SnapshotSample({"__name__": "up", "job": "a"}, 1795554412915, "1")
NOTHING: dict[str, Any] = {"status": "success", "data": {"result": []}}
FOUND = {"status": "success", "data": {"result": [{"metric": SAMPLE.labels, "values": [[SAMPLE.time / 1000, SAMPLE.value]]}]}}


class Here:
    """A container whose commands run on this machine."""

    namespace, pod = "monitoring", "prom-0"

    def __init__(self) -> None:
        self.ran: list[list[str]] = []

    def run(self, argv: list[str], *, given: Iterable[bytes] | None = None) -> bytes:
        self.ran.append(argv)
        done = subprocess.run(argv, input=b"".join(given or ()), capture_output=True, check=False)
        if done.returncode:
            raise SalvageError(f"{argv[0]} failed: {done.stderr.decode()}", reason="http_error")
        return done.stdout


class Pod:
    """A Prometheus in a pod: ``web`` is its API, ``data`` its volume."""

    def __init__(self, web: Any, data: Path) -> None:
        self.web, self.data, self.container = web, data, Here()
        self.flags = {"storage.tsdb.path": f"{data}/", "web.enable-admin-api": "true"}
        web.answers[f"{PROXY}/api/v1/status/flags"] = lambda asked: {"status": "success", "data": self.flags}
        web.answers[RUNTIME] = lambda asked: {"status": "success", "data": {"startTime": self.started}}
        self.started = "2026-11-24T20:00:00Z"
        (data / "wal").mkdir(parents=True)
        (data / "wal/00000000").write_bytes(b"w" * 100_000)
        (data / "chunks_head").mkdir()

    def put(self, path: str, content: bytes) -> File:
        """A file of the snapshot."""
        file = self.data / BELOW / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return File(path, len(content), hashlib.sha256(content).hexdigest())

    def prometheus(self, *, https: bool = False, path: str = "") -> Prometheus:
        cluster = Cluster(self.web.url, Http(timeout=5.0))
        return Prometheus(cluster, self.container, 9090, https=https, timeout=5.0, path=path)  # type: ignore[arg-type]

    def opened(self) -> Prometheus:
        made = self.prometheus()
        made.folder()
        return made


@pytest.fixture
def pod(web: Any, tmp_path: Path) -> Pod:
    return Pod(web, tmp_path / "a 'volume'")


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.then: Any = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.then()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(instance, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=made.sleep))
    return made


# Its API.


def test_its_folder_is_what_it_says(pod: Pod) -> None:
    assert pod.prometheus().folder(admin=True) == str(pod.data)


def test_without_the_admin_api_it_is_said_what_to_set(pod: Pod) -> None:
    pod.flags["web.enable-admin-api"] = "false"
    with pytest.raises(SalvageError, match=r"pod prom-0 takes no snapshots: .* set enableAdminAPI: true") as caught:
        pod.prometheus().folder(admin=True)
    assert caught.value.reason == "forbidden"
    assert pod.prometheus().folder() == str(pod.data)  # a restore needs no admin API


def test_https_is_for_the_proxy_to_speak(pod: Pod) -> None:
    secure = PROXY.replace("prom-0", "https:prom-0")
    pod.web.answers[f"{secure}/api/v1/status/flags"] = {"status": "success", "data": {"storage.tsdb.path": "/prometheus"}}
    assert pod.prometheus(https=True).folder() == "/prometheus"


def test_an_error_names_the_pod_and_no_proxy(pod: Pod) -> None:
    pod.web.answers[QUERY] = (403, "application/json", '{"message": "not for you"}')
    with pytest.raises(SalvageError) as caught:
        pod.prometheus().a_sample("up")
    assert caught.value.reason == "forbidden"
    assert str(caught.value) == "Prometheus in pod prom-0/api/v1/query answered 403: not for you"


def test_the_sample_is_of_the_last_ten_minutes(pod: Pod) -> None:
    pod.web.answers[QUERY] = FOUND
    assert pod.prometheus().a_sample("up") == SAMPLE
    assert pod.web.asked[-1].query == {"query": "up[10m]"}


def test_a_sample_that_would_prove_nothing_is_refused(pod: Pod) -> None:
    pod.web.answers[QUERY] = NOTHING
    with pytest.raises(SalvageError, match=r"no sample of up for ten minutes.*name another sample") as caught:
        pod.prometheus().a_sample("up")
    assert caught.value.reason == "not_found"


def test_it_is_asked_for_the_sample_at_its_very_time(pod: Pod) -> None:
    pod.web.answers[QUERY] = FOUND
    assert pod.prometheus().has(SAMPLE)
    assert pod.web.asked[-1].query == {"query": '{__name__="up",job="a"}[1s]', "time": "1795554412.915"}
    pod.web.answers[QUERY] = NOTHING
    assert not pod.prometheus().has(SAMPLE)


def test_a_snapshot_is_taken_with_the_head(pod: Pod) -> None:
    pod.web.answers[TAKE] = {"status": "success", "data": {"name": NAME}}
    assert pod.prometheus().take() == NAME
    assert (pod.web.asked[-1].method, pod.web.asked[-1].query) == ("POST", {"skip_head": "false"})


@pytest.mark.parametrize(
    ("answer", "sentence", "reason"),
    [
        ((500, "application/json", '{"status": "error", "error": "no space left"}'), "took no snapshot: no space left", "http_error"),
        ((503, "application/json", "{}"), "took no snapshot: 503", "http_error"),
        ({"status": "error", "error": "admin APIs disabled"}, "took no snapshot: admin APIs disabled", "http_error"),
        ({"status": "success", "data": {"name": "../../etc"}}, "'../../etc', which is not a valid name", "invalid"),
    ],
)
def test_a_snapshot_that_is_not_taken(pod: Pod, answer: Any, sentence: str, reason: str) -> None:
    pod.web.answers[TAKE] = answer
    with pytest.raises(SalvageError, match=sentence) as caught:
        pod.prometheus().take()
    assert caught.value.reason == reason


# Its look at new blocks.


def test_a_restart_is_waited_for(pod: Pod, clock: Clock) -> None:
    """The old process still answers for a while, then nobody does, then the new one."""
    stages = iter(["as before", "nobody", "the new one"])
    pod.web.answers[QUERY] = FOUND
    pod.web.answers[QUIT] = (200, "text/plain", "bye")

    def then() -> None:
        stage = next(stages)
        if stage == "nobody":
            pod.web.answers[RUNTIME] = (503, "text/plain", "starting")
        if stage == "the new one":
            pod.web.answers[RUNTIME] = {"status": "success", "data": {"startTime": "2026-11-24T22:00:00Z"}}

    clock.then = then
    pod.prometheus().load(SAMPLE, 100)
    assert next(stages, None) is None
    assert [asked.path for asked in pod.web.asked if asked.method == "POST"] == [QUIT]


def test_where_no_restart_may_be_asked_for_it_looks_by_itself(pod: Pod, clock: Clock) -> None:
    pod.web.answers[QUIT] = (403, "text/plain", "Lifecycle API is not enabled.")
    pod.web.answers[QUERY] = NOTHING
    clock.then = lambda: pod.web.answers.update({QUERY: FOUND})
    pod.prometheus().load(SAMPLE, 100)
    assert clock.now > 0


def test_blocks_that_do_not_show_are_no_success(pod: Pod, clock: Clock) -> None:
    pod.web.answers[QUERY] = NOTHING
    with pytest.raises(SalvageError, match=r'has the blocks, but does not answer with \{__name__="up",job="a"\} 1 at 2026') as caught:
        pod.prometheus().load(SAMPLE, 3)
    assert caught.value.reason == "timeout"
    assert 3 < clock.now <= 4


# Its files.


def test_room_is_told_in_bytes(pod: Pod) -> None:
    pod.put(f"{BLOCK}/index", b"i" * 300_000)
    free, head, everything = pod.opened().room()
    assert free > 0
    assert 100_000 <= head < 300_000
    assert 400_000 <= everything < 1_000_000


def test_names_of_a_folder_and_of_none(pod: Pod) -> None:
    prometheus = pod.opened()
    assert prometheus.names("snapshots") == set()
    pod.put(f"{BLOCK}/index", b"")
    assert prometheus.names("snapshots") == {NAME}
    assert prometheus.names() == {"wal", "chunks_head", "snapshots"}


def test_files_are_told_with_size_and_digest(pod: Pod) -> None:
    files = [pod.put(f"{BLOCK}/{name}", name.encode() * 50) for name in ("chunks/000001", "index", "meta.json", "tombstones")]
    prometheus = pod.opened()
    assert prometheus.files(BELOW) == files
    pod.put(f"{BLOCK}/queries.active", b"")
    with pytest.raises(SalvageError, match=r"queries\.active.*not part of a block"):
        prometheus.files(BELOW)


def test_a_file_comes_in_pieces_that_fit_memory(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "_DD_COUNT", 2)
    content = bytes(range(251)) * 1100  # four blocks and a bit
    file = pod.put(f"{BLOCK}/index", content)
    pieces = list(pod.opened().read(BELOW, file))
    assert b"".join(pieces) == content
    assert [len(piece) for piece in pieces] == [128 * 1024, 128 * 1024, len(content) - 256 * 1024]


def test_a_file_of_nothing_comes(pod: Pod) -> None:
    assert b"".join(pod.opened().read(BELOW, pod.put(f"{BLOCK}/tombstones", b""))) == b""


def test_what_arrives_otherwise_is_refused_and_gets_no_name(pod: Pod, tmp_path: Path) -> None:
    good, bad = pod.put(f"{BLOCK}/index", b"as it was"), pod.put(f"{BLOCK}/meta.json", b"as it was")
    pod.put(f"{BLOCK}/meta.json", b"otherwise")
    said: list[File] = []
    with pytest.raises(SalvageError, match=r"meta\.json of the snapshot did not arrive as it is in the pod; try again") as caught:
        bring(pod.opened(), BELOW, [good, bad], tmp_path / "out", said.append)
    assert caught.value.reason == "invalid"
    assert said == [good]
    assert (tmp_path / "out" / good.path).read_bytes() == b"as it was"
    assert not (tmp_path / "out" / bad.path).exists()


def test_only_what_is_missing_is_brought(pod: Pod, tmp_path: Path) -> None:
    files = [pod.put(f"{BLOCK}/{name}", name.encode()) for name in ("chunks/000001", "index", "meta.json")]
    prometheus, out = pod.opened(), tmp_path / "out"
    bring(prometheus, BELOW, files[:1], out, lambda file: None)
    (out / BLOCK / "index.part").write_bytes(b"half of a killed run, and longer than all of it")
    said: list[File] = []
    bring(prometheus, BELOW, files, out, said.append)
    assert said == files[1:]
    assert {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == {
        file.path: (pod.data / BELOW / file.path).read_bytes() for file in files
    }


def test_what_is_written_comes_whole_and_goes_into_place_at_once(pod: Pod) -> None:
    prometheus, below = pod.opened(), f".restore-{NAME}"
    files = [
        File(f"{block}/{name}", 7, hashlib.sha256(b"content").hexdigest())
        for block in (BLOCK, OTHER)
        for name in ("chunks/000001", "index")
    ]
    for file in files:
        prometheus.write(below, file, iter([b"con", b"tent"]))
    assert prometheus.files(below) == files
    assert prometheus.names().isdisjoint({BLOCK, OTHER})
    prometheus.put_in_place(below, {BLOCK, OTHER})
    assert prometheus.names() == {"wal", "chunks_head", BLOCK, OTHER}
    assert (pod.data / OTHER / "chunks/000001").read_bytes() == b"content"


def test_no_more_is_written_than_the_file_has(pod: Pod) -> None:
    """The input is never closed, so the command has to know its end."""
    pod.opened().write("new", File("empty", 0, ""), iter([]))
    pod.opened().write("new", File("some", 4, ""), iter([b"some and more"]))
    assert {path.name: path.read_bytes() for path in (pod.data / "new").iterdir()} == {"empty": b"", "some": b"some"}


def test_where_nothing_is_missing_only_the_folder_goes(pod: Pod) -> None:
    (pod.data / ".restore-x").mkdir()
    pod.opened().put_in_place(".restore-x", [])
    assert pod.opened().names() == {"wal", "chunks_head"}


def test_a_snapshot_is_removed_and_nothing_else(pod: Pod) -> None:
    pod.put(f"{BLOCK}/index", b"")
    pod.opened().remove(BELOW)
    assert pod.opened().names("snapshots") == set()
    assert pod.opened().names() == {"wal", "chunks_head", "snapshots"}


def test_a_command_that_fails_is_told(pod: Pod) -> None:
    with pytest.raises(SalvageError, match="sh failed"):
        pod.opened().files("snapshots/gone")


def test_an_api_below_a_prefix_is_asked_there(pod: Pod) -> None:
    answer = pod.web.answers.pop(f"{PROXY}/api/v1/status/flags")
    pod.web.answers[f"{PROXY}/prometheus/api/v1/status/flags"] = answer
    assert pod.prometheus(path="/prometheus/").folder() == str(pod.data)
