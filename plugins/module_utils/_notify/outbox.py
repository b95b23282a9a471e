# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outbox: a folder of this user alone with a file for each message, so that what could not go is sent by the next run."""

from __future__ import annotations

import math
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.files import make_private, write_whole
from .._core.json_values import load_json
from .._core.lock import alone
from .._core.processes import Process, has_ended, process_of
from .._sealing.hashing import canonical
from .message import ACTIONS, AUDIENCES, SEVERITIES, Message
from .plan import STATES, Delivery, Posting
from .schedule import Escalation

_FORMAT = 1
_LARGEST = 4 * 1024 * 1024
_PATIENCE = 30.0  # seconds for another run that records its own messages


class Outbox:
    """Raises SalvageError(bad_input, conflict, unreachable)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []

    def make(self) -> None:
        try:
            make_private(self.folder)
            found = self.folder.lstat()
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from None
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise self._unusable("it is not a directory of this user that nobody else can write to")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Alone in the folder: what is read in it stays so."""
        with ExitStack() as stack:
            until = time.monotonic() + _PATIENCE
            while not self._entered(stack, until):
                time.sleep(0.02)
            yield

    def _entered(self, stack: ExitStack, until: float) -> bool:
        busy = f"another run holds the outbox {self.folder} for more than {_PATIENCE:g} s; run it again"
        try:
            stack.enter_context(alone(self.folder, busy))
        except SalvageError:
            if time.monotonic() > until:
                raise
            return False
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from None
        return True

    def read(self) -> list[Posting]:
        """Every message of it, the oldest first.  What can't be read is a problem, and hides no other."""
        try:
            paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from None
        found = {path: _read(path) for path in paths}
        bad = [path for path, posting in found.items() if posting is None]
        self.problems = [f"{path} is not a message of the outbox, and was left out; move it away" for path in bad]
        return sorted((one for one in found.values() if one), key=lambda one: (one.created, one.id))

    def write(self, posting: Posting) -> None:
        try:
            write_whole(self.folder / f"{posting.id}.json", canonical(_plain(posting)) + b"\n")
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from None

    def forget(self, posting: Posting) -> None:
        (self.folder / f"{posting.id}.json").unlink(missing_ok=True)

    def _unusable(self, why: str) -> SalvageError:
        return SalvageError(f"the outbox {self.folder} can't be used: {why}", reason="unreachable")


def new_id(created: float) -> str:
    """Sorts by time."""
    return f"{int(created * 1000):015d}-{secrets.token_hex(6)}"


def new_claim(pid: int, until: float) -> dict[str, Any]:
    return {**asdict(process_of(pid)), "until": until}


def is_claimed(posting: Posting, now: float) -> bool:
    """Whether a process sends it: one that has not ended, as far as can be seen, within its time."""
    claim = posting.claim
    if not claim or now >= claim["until"]:
        return False
    return not has_ended(Process(claim["machine"], claim["pid"], claim["started"]))


def _read(path: Path) -> Posting | None:
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return None
        return _posting(path.stem, load_json(path.read_bytes(), strict=True))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, SalvageError):
        return None


def _plain(posting: Posting) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "created": posting.created,
        "noted": posting.noted,
        "message": posting.message.to_dict(),
        "deliveries": [asdict(one) for one in posting.deliveries],
        "steps": [{"after": one.after, "channels": list(one.channels)} for one in posting.steps],
        "claim": posting.claim,
    }


def _posting(name: str, data: Any) -> Posting:
    if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
        raise ValueError("another format")
    created = _number(data["created"])
    if not isinstance(data["deliveries"], list) or not isinstance(data["steps"], list):
        raise ValueError("not a message")
    claim = data["claim"]
    if claim:
        _texts([claim["machine"]])
        claim = {**claim, "until": _number(claim["until"]), "pid": int(_number(claim["pid"])), "started": int(_number(claim["started"]))}
    return Posting(
        id=name,
        created=created,
        message=_message(data["message"]),
        deliveries=[_delivery(one) for one in data["deliveries"]],
        steps=tuple(Escalation(_number(one["after"]), tuple(_texts(one["channels"]))) for one in data["steps"]),
        claim=dict(claim),
        noted=_number(data.get("noted", created)),
    )


def _message(data: Mapping[str, Any]) -> Message:
    message = Message(**data)
    if message.severity not in SEVERITIES or message.audience not in AUDIENCES or message.action not in ACTIONS:
        raise ValueError("not a message")
    _texts([message.title, message.summary, message.dedup_key, message.kind])
    for pairs in (message.facts, message.links):
        _texts([*pairs, *pairs.values()])
    return message


def _delivery(data: Mapping[str, Any]) -> Delivery:
    one = Delivery(**data)
    _texts([one.channel, one.status, one.reason, one.says, one.id, one.via])
    numbers = [_number(number) for number in (one.not_before, one.at, one.step, one.tries)]
    if one.status not in STATES or not all(number.is_integer() for number in numbers[2:]):
        raise ValueError("not a delivery")
    return one


def _number(value: Any) -> float:
    """A finite one.  Raises ValueError."""
    if type(value) not in {int, float} or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _texts(values: Any) -> list[str]:
    """Raises ValueError."""
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError("not texts")
    return values
