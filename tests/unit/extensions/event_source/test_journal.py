# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal when the disk fails, when it has grown large, and when the clock goes back."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from alert_source import SOURCE, alert, payload_of, source
from meta_salvage_events.journal import Journal
from meta_salvage_events.records import encode

EPISODE = {"is": "alert", "at": 1.0, "receiver": "", "url": ""}
# A start as it is in `Service.start`; prints the entries, the seconds of the processor, and the megabytes that it took more.
START = """
import resource, sys, time
from pathlib import Path
from meta_salvage_events.journal import Journal
from meta_salvage_events.ledger import Ledger
from meta_salvage_events.options import Options
folder = Path(sys.argv[1])
journal, ledger = Journal(folder), Ledger(Options(folder, 1, token_file=folder, max_episodes=10))
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
assert journal.try_lock()
ledger.replay(journal.read())
journal.begin(ledger.snapshot())
print(len(ledger.entries), time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


class Disk:
    """Says that it is full, after the start of a line; and, if asked, that a file cannot be cut off either."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.full = self.stuck = False
        self._write, self._cut = os.write, os.ftruncate
        patch.setattr(os, "write", self.write)
        patch.setattr(os, "ftruncate", self.cut)

    def write(self, handle: int, data: Any) -> int:
        if self.full and b'{"is":' in bytes(data):
            self._write(handle, bytes(data)[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(handle, data)

    def cut(self, handle: int, size: int) -> None:
        if self.stuck:
            raise OSError(errno.EIO, "Input/output error")
        self._cut(handle, size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_half_a_line_that_stays_costs_no_later_alert(tmp_path: Path, disk: Disk) -> None:
    async def story() -> None:
        async with source(tmp_path) as rules:
            disk.full = disk.stuck = True
            assert (await rules.post(payload_of(alert(1))))[0] == 503
            disk.full = False
            assert (await rules.post(payload_of(alert(2))))[0] == 503  # not after half a line
            disk.stuck = False
            assert (await rules.post(payload_of(alert(3))))[0] == 202
        async with source(tmp_path) as again:
            assert [event["alert"]["fingerprint"] for event in await again.take(1)] == [f"{3:016x}"]
            assert await again.metric("journal_damaged_lines") == 0

    play(story())


def test_what_was_handled_while_the_disk_was_full_is_not_handed_on_again(tmp_path: Path, disk: Disk) -> None:
    async def story() -> None:
        async with source(tmp_path, confirm=True) as rules:
            await rules.post(payload_of(alert(1), alert(2)))
            (first, _second) = await rules.take(2)
            disk.full = True
            assert (await rules.post({"ids": first["ids"]}, "/handled"))[0] == 503
            disk.full = False
            assert (await rules.post({"ids": first["ids"]}, "/handled"))[0] == 202
        async with source(tmp_path, confirm=True) as again:
            assert [event["alert"]["fingerprint"] for event in await again.take(1)] == [f"{2:016x}"]
            assert await again.nothing_comes()

    play(story())


def test_a_source_starts_on_a_full_disk_with_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what waits is answered."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story() -> None:
        async with source(tmp_path) as rules:
            await rules.post(payload_of(alert(1)))
            await rules.post(payload_of(alert(2)))
        path = tmp_path / "journal" / "journal"
        lines = path.read_bytes().splitlines(keepends=True)
        kept = lines[0] + lines[1].replace(b"QEK", b"XXX") + lines[2]
        path.write_bytes(kept + b"half a line")
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            async with source(tmp_path) as rules:
                assert [event["alert"]["fingerprint"] for event in await rules.take(1)] == [f"{2:016x}"]
                assert (await rules.post(payload_of(alert(3))))[0] == 202
                assert await rules.metric("journal_errors_total") >= 1
        assert path.read_bytes().startswith(kept)
        assert not list(path.parent.glob(".*"))  # what was begun takes no place
        async with source(tmp_path) as rules:
            assert (await rules.post(payload_of(alert(2), alert(3))))[1]["repeated"] == 2
            assert (path.parent / "damaged").exists()

    play(story())


def test_a_folder_without_a_place_for_a_first_journal_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    async def story() -> None:
        with pytest.raises(ValueError, match="cannot be written: No space"):
            async with source(tmp_path):
                pass

    play(story())


@pytest.mark.parametrize("garbage", [b"", b"\0" * 9_000_000, b"no end" * 3_000_000])
def test_a_journal_grown_large_is_read_in_little_time_and_memory(tmp_path: Path, garbage: bytes) -> None:
    """10,000 alerts of 4 kB that are handled, and what no journal has."""
    folder = tmp_path / "journal"
    folder.mkdir(mode=0o700)
    with (folder / "journal").open("wb") as stream:
        for number in range(10_000):
            given = {**alert(number), "annotations": {"description": "x" * 4000}}
            name = f"{given['fingerprint']}@{given['startsAt']}#firing"
            stream.write(encode({**EPISODE, "alert": given}))
            stream.write(encode({"is": "handled", "at": 2.0, "ids": [name]}))
        stream.write(garbage)
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", START, str(folder)], capture_output=True, text=True, env=environ, check=True)
    entries, seconds, megabytes = map(float, done.stdout.split())
    assert 0 < entries <= 10
    assert seconds < 20
    assert megabytes < 40 + len(garbage) / 1e6
    assert (folder / "journal").stat().st_size < 100_000


def test_a_clock_that_goes_back_by_a_year_loses_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [2_000_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])

    async def story() -> None:
        async with source(tmp_path, confirm=True, throttle_seconds=30) as rules:
            await rules.post(payload_of(alert(1), alert(2)))
            await rules.take(1, confirm=True)
            now[0] -= 365 * 86400
            assert (await rules.post(payload_of(alert(1), alert(2), alert(3))))[1] == {"new": 1, "repeated": 2, "refused": []}
            await rules.take(1)
        async with source(tmp_path, confirm=True, throttle_seconds=30) as again:
            await again.take(2, confirm=True)
            assert sorted({*rules.ids, *again.ids}) == [f"{number:016x}@2026-11-27T03:00:00.123Z#firing" for number in (1, 2, 3)]
            assert await again.nothing_comes()

    play(story())


def test_a_compaction_that_fails_keeps_the_file_that_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.try_lock()
    journal.begin([{"is": "journal", "version": 1}])
    before = (tmp_path / "journal").read_bytes()

    def records() -> Any:
        yield {"is": "x"}
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        journal.replace_with(records())
    journal.close()
    assert (tmp_path / "journal").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal", "lock"]
