# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest backup that this machine has seen in a repository, so that it notices when that is taken away."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ..._core.errors import SalvageError
from ..._core.files import state_folder, write_whole
from ..._sealing.envelope import Ed25519, genuine
from ..._sealing.hashing import digest
from .chain import RecordMark, mark_of, removed
from .store import Record, Store


class HighWater:
    def __init__(self, store: Store, key: Ed25519) -> None:
        self._store, self._key = store, key
        self.path = state_folder() / f"backups-{digest(f'{store.place} {key.key_id}'.encode())[:16]}.json"

    def newest(self) -> Record | None:
        """The newest record that is genuine."""
        return next((record for name in self._store.names() if (record := self._genuine(name))), None)

    def _genuine(self, name: str) -> Record | None:
        record = self._store.record(name)
        return record if record is not None and genuine(name, record, self._key) else None

    def problem(self) -> str:
        """What was seen before and is gone, or nothing."""
        seen = self._seen()
        return removed(seen, self._store.names(), self._genuine) if seen else ""

    def check(self, *, allow_missing: bool) -> None:
        """Raises SalvageError(conflict) unless it is allowed that a backup is gone; remembers the newest."""
        problem = self.problem()
        if problem and not allow_missing:
            raise SalvageError(
                f"{self._store.where}: {problem}; find out who deleted it, or set allow_missing=true to go on without it", reason="conflict"
            )
        newest = self.newest()
        if newest is not None:
            self.remember(newest)

    def remember(self, record: Record) -> None:
        with suppress(OSError):  # a machine that can't remember is like a new one
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, json.dumps({"place": self._store.place, **mark_of(record)._asdict()}).encode())

    def _seen(self) -> RecordMark | None:
        try:
            said = json.loads(Path(self.path).read_bytes())
            return RecordMark(str(said["name"]), str(said["sha256"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise SalvageError(f"{self.path} can't be read: {exc}; remove it to start again", reason="bad_input") from None
