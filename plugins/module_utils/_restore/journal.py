# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore must remember if it is killed: what did not exist before it began, and the backup that it created first.

The cluster shows how far it got, so the journal is not written for each object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import make_private, state_folder, write_whole
from .kinds import Key


class RestoreJournal:
    """``task`` is what is restored where; a journal of another task is never taken for this one's."""

    def __init__(self, path: str, task: dict[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()
        self.path = Path(path) if path else _default_path(digest)
        self._digest = digest
        self.made: frozenset[Key] = frozenset()
        self.safety_backup: str | None = None
        self.resumed = False
        try:
            found = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as exc:
            raise self._unreadable(exc) from None
        if not isinstance(found, dict) or found.get("task") != digest:
            raise SalvageError(
                f"the journal {self.path} is of another restore that did not end; run that again, or remove the journal", reason="conflict"
            )
        try:
            self.made = frozenset(Key(*map(str, key)) for key in found["made"])
            self.safety_backup = found["safety_backup"]
        except (KeyError, TypeError) as exc:
            raise self._unreadable(exc) from None
        self.resumed = True

    def _unreadable(self, why: Exception) -> SalvageError:
        return SalvageError(f"the journal {self.path} can't be read: {why}; remove it to start again", reason="bad_input")

    def begin(self, absent: Iterable[Key], safety_backup: str | None) -> None:
        """Before the first write; what an earlier run has made stays this restore's."""
        self.made = self.made | frozenset(absent)
        self.safety_backup = self.safety_backup or safety_backup
        content = {"task": self._digest, "made": sorted(self.made), "safety_backup": self.safety_backup}
        try:
            make_private(self.path.parent)
            write_whole(self.path, json.dumps(content).encode())
        except OSError as exc:
            raise SalvageError(f"the journal {self.path} can't be written: {exc.strerror or exc}", reason="bad_input") from None

    def end(self) -> None:
        self.path.unlink(missing_ok=True)


def _default_path(digest: str) -> Path:
    """In the state folder; a restore that an earlier release began is still in the folder that it used."""
    path = state_folder() / f"restore-{digest[:16]}.json"
    earlier = state_folder().with_name("euystacio-meta-salvage") / path.name
    return earlier if earlier.exists() and not path.exists() else path
