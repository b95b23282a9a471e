# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Prometheus: its API and its container's files, both of the same pod, for a replica knows only its own data."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._cluster.exec import Container
from .._cluster.http import Endpoint
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._prometheus.client import PrometheusApi
from .snapshot import File, SnapshotSample, answers, blocks, checked_name, files_from_listing, newest_sample

_DD_BLOCK = 64 * 1024
_DD_COUNT = 128  # 8 MiB a command: what has come is held in memory


class Prometheus:
    """``path`` is where its API begins, the prefix of --web.route-prefix."""

    def __init__(self, cluster: Cluster, container: Container, port: int, *, https: bool, timeout: float, path: str = "") -> None:
        self.container, self._timeout = container, timeout
        pod = f"{'https:' if https else ''}{container.pod}:{port}"
        prefix = path.strip("/")
        self._endpoint = Endpoint(
            address=f"Prometheus in pod {container.pod}",
            base=f"{cluster.server}/api/v1/namespaces/{container.namespace}/pods/{pod}/proxy{'/' if prefix else ''}{quote(prefix)}",
            http=cluster.http,
        )
        self._api = PrometheusApi(self._endpoint)
        self._folder = ""

    # Its API.

    def folder(self, *, admin: bool = False) -> str:
        """Where its data is.  Raises SalvageError, with ``admin`` also if it takes no snapshots."""
        flags = self._api.data("/api/v1/status/flags")
        if admin and flags.get("web.enable-admin-api") != "true":
            raise SalvageError(
                f"{self._endpoint.address} takes no snapshots: its admin API is disabled; set enableAdminAPI: true "
                "(in the chart prometheus.prometheusSpec.enableAdminAPI) and try again",
                reason="forbidden",
            )
        self._folder = str(flags["storage.tsdb.path"]).rstrip("/")
        return self._folder

    def a_sample(self, selector: str) -> SnapshotSample:
        sample = newest_sample(self._query(f"{selector}[10m]"))
        if sample is None:
            raise SalvageError(
                f"{self._endpoint.address} has had no sample of {selector} for ten minutes, so it would prove nothing; name another sample",
                reason="not_found",
            )
        return sample

    def has(self, sample: SnapshotSample) -> bool:
        return answers(self._query(f"{sample.selector}[1s]", at=sample.time / 1000), sample)

    def _query(self, query: str, at: float | None = None) -> Mapping[str, Any]:
        given = {"query": query} if at is None else {"query": query, "time": f"{at:.3f}"}
        found: Mapping[str, Any] = self._api.data("/api/v1/query", given)  # raw: a sample is compared as Prometheus writes it
        return found

    def take(self) -> str:
        answer = self._endpoint.request("POST", "/api/v1/admin/tsdb/snapshot", query={"skip_head": "false"}, timeout=self._timeout)
        data = answer.json()
        if answer.status != 200 or data.get("status") != "success":
            raise SalvageError(f"{self._endpoint.address} took no snapshot: {data.get('error') or answer.status}", reason="http_error")
        return checked_name(data["data"]["name"])

    def load(self, sample: SnapshotSample, deadline: float) -> None:
        """Has it see new blocks: by a restart in its container where it may be asked for one, else by its own look, each minute."""
        started = self._started()
        answer = self._endpoint.request("POST", "/-/quit")
        asked = answer.status == 200
        while True:
            with suppress(SalvageError):  # it is starting
                if (not asked or self._started() != started) and self.has(sample):
                    return
            if time.monotonic() > deadline:
                raise SalvageError(f"{self._endpoint.address} has the blocks, but does not answer with {sample}", reason="timeout")
            time.sleep(0.5)

    def _started(self) -> str:
        return str(self._api.data("/api/v1/status/runtimeinfo")["startTime"])

    # Its files.

    def _sh(self, script: str, *arguments: str, given: Iterable[bytes] | None = None) -> bytes:
        return self.container.run(["sh", "-c", script, "sh", *arguments], given=given)

    def room(self) -> tuple[int, int, int]:
        """Bytes: free where its data is, of the head that a snapshot writes as a block, and of all that it holds."""
        numbers = self._sh(
            'cd "$1" && df -Pk . | tail -n 1 && du -ck wal chunks_head | tail -n 1 && du -sk .', self._folder
        ).decode()  # fmt: skip
        free, head, everything = numbers.splitlines()
        return int(free.split()[3]) * 1024, int(head.split()[0]) * 1024, int(everything.split()[0]) * 1024

    def names(self, below: str = "") -> set[str]:
        """What lies in its data folder, or in a folder there."""
        return set(self._sh('cd "$1" && if [ -d "./$2" ]; then ls -A "./$2"; fi', self._folder, below).decode().split())

    def files(self, below: str) -> list[File]:
        at = f"{self._folder}/{below}"
        sums = self._sh('cd "$1" && find . -type f -exec sha256sum {} +', at)
        # One file at a time: for several files, wc prints their sum too.
        return files_from_listing(sums, self._sh('cd "$1" && find . -type f -exec wc -c {} ";"', at))

    def read(self, below: str, file: File) -> Iterator[bytes]:
        """The file, piece by piece; what comes is compared with its digest.  Raises SalvageError."""
        total = hashlib.sha256()
        for start in range(0, -(-file.size // _DD_BLOCK), _DD_COUNT):
            command = f'dd if="$1" bs={_DD_BLOCK} skip="$2" count={_DD_COUNT} 2>/dev/null'
            piece = self._sh(command, f"{self._folder}/{below}/{file.path}", str(start))
            total.update(piece)
            yield piece
        if total.hexdigest() != file.sha256:
            raise SalvageError(f"{file.path} of the snapshot did not arrive as it is in the pod; try again", reason="invalid")

    def write(self, below: str, file: File, content: Iterable[bytes]) -> None:
        path = f"{self._folder}/{below}/{file.path}"
        # The shell must outlive head and hold its own output: where nobody does, containerd closes the input half read.
        self._sh('mkdir -p "${1%/*}" && head -c "$2" > "$1" && echo written', path, str(file.size), given=content)

    def remove(self, below: str) -> None:
        self._sh('rm -rf "$1"', f"{self._folder}/{below}")

    def put_in_place(self, below: str, names: Iterable[str]) -> None:
        """Moves blocks into the data folder; each is there whole or not at all, for it is the same volume."""
        moves = " && ".join(f"mv {shlex.quote(name)} ../" for name in sorted(names))
        self._sh(f'cd "$1" && {moves or "true"}', f"{self._folder}/{below}")
        self.remove(below)


def bring(prometheus: Prometheus, below: str, files: list[File], data: Path, copied: Callable[[File], object]) -> None:
    """Copies out what is not there yet; a file is there under its name only when all of it is."""
    for file in files:
        path = data / file.path
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")  # a fixed name: the next run overwrites the plaintext that a killed run left
        with part.open("wb") as stream:
            for piece in prometheus.read(below, file):
                stream.write(piece)
        part.replace(path)
        copied(file)


def occupied(present: Iterable[str], ours: Iterable[str]) -> set[str]:
    """The blocks that stand in the way of a restore."""
    return blocks(present) - blocks(ours)
