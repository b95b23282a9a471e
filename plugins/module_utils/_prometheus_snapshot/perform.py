# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot from the first question to what is proven: out of a Prometheus, looked at, and back."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._cluster.exec import Container
from .._cluster.identity import cluster_uid
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.progress import Tell, silent
from .._sealing.age import recipients
from .._sealing.keys import identity_file, private_key, public_key
from .._sealing.origin import Origin, foreign
from .instance import Prometheus, bring, occupied
from .options import SnapshotOptions
from .snapshot import File, SnapshotSample, blocks, checked_name, moment, pieces, record_of, time_range
from .vault import PartialSnapshot, RunCommand, newest, open_snapshot, promtool_proves

Result = dict[str, Any]
SNAPSHOTS = "snapshots"


class SnapshotRun:
    """``login`` holds kubernetes.core's auth options; ``run_command`` is a module's; ``find`` returns the path of a program, or None."""

    def __init__(
        self,
        options: SnapshotOptions,
        login: Mapping[str, Any],
        run_command: RunCommand,
        find: Callable[[str], str | None],
        *,
        check_mode: bool,
        tell: Tell = silent,
    ) -> None:
        self.options, self.login, self.check_mode, self.tell = options, login, check_mode, tell
        self.run_command, self.find = run_command, find
        self.directory = Path(options.directory)
        self.cluster: Cluster

    def result(self) -> Result:
        """The result of the wanted state.  Raises SalvageError, and OSError of the files here."""
        return {"created": self.created, "verified": self.verified, "restored": self.restored}[self.options.state]()

    def prometheus(self) -> Prometheus:
        options = self.options
        container = Container(self.login, options.namespace, options.pod, options.container, timeout=options.timeout)
        self.cluster = Cluster.connect(self.login, timeout=30)
        return Prometheus(self.cluster, container, options.port, https=options.https, timeout=options.timeout, path=options.path)

    def find_promtool(self) -> str:
        found = self.find(self.options.promtool)
        if found is None:
            raise SalvageError(
                f"there is no {self.options.promtool} where the module runs, and nothing else proves that a snapshot opens; "
                "install it, or set promtool to its path",
                reason="missing_library",
            )
        return found

    def prove(self, data: Path, sample: SnapshotSample) -> None:
        self.tell({"says": "proving that it opens and has its sample"})
        promtool_proves(self.run_command, self.find_promtool(), data, sample)

    def counting(self, done: str, files: list[File], before: int = 0) -> Callable[[File], None]:
        """Reports after each file how far all of them are; ``before`` are the bytes that were there already."""
        total, so_far = sum(file.size for file in files), before

        def count(file: File) -> None:
            nonlocal so_far
            so_far += file.size
            self.tell({"bytes": so_far, "total": total, "says": f"{so_far / 1e6:.1f} of {total / 1e6:.1f} MB {done}"})

        return count

    # Out.

    def created(self) -> Result:
        options = self.options
        to = recipients(options.recipients) if options.recipients else []
        key = private_key(options.signing_key, "signing_key") if options.signing_key else None
        self.find_promtool()  # what is missing is missed before anything is written
        prometheus = self.prometheus()
        prometheus.folder(admin=True)
        free, head, everything = prometheus.room()
        source = {"server": self.cluster.server, "namespace": options.namespace, "pod": options.pod}
        self.check_room(free, head, everything)
        if self.check_mode:
            return {"changed": True, "snapshot": {"source": source, "size": everything}}
        if not self.directory.exists():
            self.directory.mkdir(mode=0o700)
        part, note, others = self.begin(prometheus, source)
        below = f"{SNAPSHOTS}/{note['name']}"
        sample = SnapshotSample(**note["sample"])
        files = prometheus.files(below)
        there = sum(file.size for file in files if (part.data / file.path).exists())
        bring(prometheus, below, files, part.data, self.counting("copied", files, there))
        self.prove(part.data, sample)
        origin = Origin(options.cluster or "", cluster_uid(self.cluster))
        record = {**record_of(note["name"], source, note["taken"], sample, files, time_range(part.data)), "cluster": origin._asdict()}
        prometheus.remove(below)
        if to:
            self.tell({"says": "encrypting it"})
        path = part.publish(record, files, to, key)
        return {
            "changed": True,
            "snapshot": {**record, "encrypted": bool(to), "path": str(path)},
            "resumed": note["resumed"],
            "others": others,
        }

    def check_room(self, free: int, head: int, everything: int) -> None:
        if free < head * 1.2:
            raise SalvageError(
                f"the volume of {self.options.pod} has {free >> 20} MiB free, and a snapshot of its head may need {head >> 20}; "
                "make room there first",
                reason="too_large",
            )
        there = self.directory if self.directory.exists() else self.directory.parent
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise SalvageError(f"there is no folder {there} that can be written to; make it first", reason="bad_input")
        needed = everything * (2 if self.options.recipients else 1)
        if (here := shutil.disk_usage(there).free) < needed:
            raise SalvageError(f"{there} has {here >> 20} MiB free, and this may need {needed >> 20}; make room first", reason="too_large")

    def begin(self, prometheus: Prometheus, source: Mapping[str, str]) -> tuple[PartialSnapshot, dict[str, Any], list[str]]:
        """Takes up what a killed run has left, if its snapshot is still in the pod; else a new one."""
        present = prometheus.names(SNAPSHOTS)
        for part, note in PartialSnapshot.found(self.directory):
            if note["source"] == source and note["name"] in present:
                return part, {**note, "resumed": True}, sorted(present - {note["name"]})
            if note["source"] == source:
                part.drop()
        # Samples up to the one that must be in it are in the head before it is written.
        sample = prometheus.a_sample(self.options.sample)
        taken = moment(int(time.time() * 1000))
        self.tell({"says": "Prometheus is writing it"})
        name = prometheus.take()
        note = {"name": name, "source": source, "taken": taken, "sample": asdict(sample)}
        return PartialSnapshot.begin(self.directory, name, note), {**note, "resumed": False}, sorted(present)

    # Back.

    def chosen(self) -> Path:
        return self.directory / checked_name(self.options.name or newest(self.directory).name)

    def opened(self) -> AbstractContextManager[tuple[dict[str, Any], list[File], SnapshotSample, Path]]:
        if not self.options.public_key and not self.options.unsigned:
            raise SalvageError(
                "public_key is missing, so who took the snapshot can't be verified; name the file with the public key of its signing_key,"
                " or set unsigned=true to accept any",
                reason="bad_input",
            )
        having = identity_file(self.options.identity) if self.options.identity else []
        key = public_key(self.options.public_key) if self.options.public_key else None
        return open_snapshot(self.chosen(), having, key)

    def refuse_foreign(self, record: Mapping[str, Any], live: str) -> None:
        """Raises SalvageError(invalid) for a snapshot of another cluster than the one asked for, else the live one."""
        why = foreign(record, self.options.cluster, live, allow_unknown=self.options.allow_unknown_cluster)
        if why:
            raise SalvageError(f"the snapshot {record['name']} is refused: {why}", reason="invalid")

    def verified(self) -> Result:
        with self.opened() as (record, _files, sample, data):
            if self.options.cluster:
                self.refuse_foreign(record, "")
            self.prove(data, sample)
        return {"changed": False, "snapshot": {**record, "path": str(self.chosen())}}

    def restored(self) -> Result:
        target = self.options.data_dir
        with self.opened() as (record, files, sample, data):
            if self.options.cluster:
                self.refuse_foreign(record, "")
            self.prove(data, sample)
            changed = self.into_folder(files, data, Path(target)) if target else self.into_pod(files, sample, data, record)
        return {"changed": changed, "snapshot": {**record, "path": str(self.chosen())}}

    def into_folder(self, files: list[File], data: Path, target: Path) -> bool:
        ours = blocks(file.path for file in files)
        unfinished = {f".{name}" for name in ours}  # of a run that was killed
        present = {path.name for path in target.iterdir()} - unfinished if target.is_dir() else set()
        if present == ours and all((target / file.path).is_file() for file in files):
            return False
        if not present <= ours:
            raise SalvageError(f"{target} isn't empty; blocks go into an empty folder only", reason="conflict")
        if not self.check_mode:
            target.mkdir(parents=True, exist_ok=True)
            for name in sorted(ours - present):
                shutil.rmtree(target / f".{name}", ignore_errors=True)
                shutil.copytree(data / name, target / f".{name}")
                (target / f".{name}").rename(target / name)
        return True

    def into_pod(self, files: list[File], sample: SnapshotSample, data: Path, record: Mapping[str, Any]) -> bool:
        prometheus = self.prometheus()
        if not self.options.cluster:
            self.refuse_foreign(record, cluster_uid(self.cluster))
        prometheus.folder()
        if prometheus.has(sample):
            return False
        present = prometheus.names()
        if stray := occupied(present, (file.path for file in files)):
            raise SalvageError(
                f"Prometheus in {self.options.pod} has blocks of its own ({', '.join(sorted(stray)[:3])}); "
                "blocks go into an empty data folder only",
                reason="conflict",
            )
        if self.check_mode:
            return True
        below = f".restore-{record['name']}"
        missing = [file for file in files if file.path.split("/")[0] not in present]
        sent = self.counting("sent", missing)
        for file in missing:
            prometheus.write(below, file, pieces(data / file.path))
            sent(file)
        if missing and {file.path: file for file in prometheus.files(below)} != {file.path: file for file in missing}:
            raise SalvageError("what arrived in the pod is not what was sent; try again", reason="invalid")
        prometheus.put_in_place(below, blocks(file.path for file in missing))
        self.tell({"says": "waiting until Prometheus has them"})
        prometheus.load(sample, time.monotonic() + self.options.timeout)
        return True
