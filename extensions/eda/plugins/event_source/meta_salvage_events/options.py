# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the source, each checked; an argument that is not known is an error, not ignored."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

# ansible-rulebook passes these beside what the rulebook says.
OF_THE_RUNNER = frozenset({"eda_feedback_queue", "feedback"})
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0", ""})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ABOVE_ZERO = (
    *("max_body", "max_alerts", "max_connections", "request_seconds", "max_episodes", "keep_seconds"),
    *("group_max", "in_flight", "confirm_seconds", "confirm_attempts"),
)
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class OptionError(ValueError):
    """One sentence: which argument is wrong, and what it has to be."""


@dataclass(frozen=True)
class Options:
    journal: Path
    port: int
    host: str = "127.0.0.1"
    token_file: Path | None = None
    hmac_file: Path | None = None
    hmac_header: str = "X-Signature-256"
    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    client_names: tuple[str, ...] = ()
    plain_http: bool = False
    max_body: int = 4 * 1024 * 1024
    max_alerts: int = 2000
    max_connections: int = 64
    request_seconds: float = 5.0
    max_episodes: int = 20000
    keep_seconds: float = 14 * 86400.0
    group_by: tuple[str, ...] = ()
    group_max: int = 100
    throttle_seconds: float = 30.0
    in_flight: int = 8
    confirm: bool = False
    confirm_seconds: float = 900.0
    confirm_attempts: int = 5

    @staticmethod
    def of(arguments: Mapping[str, Any]) -> Options:
        known = {field.name: field for field in fields(Options)}
        unknown = sorted(set(arguments) - set(known) - OF_THE_RUNNER)
        if unknown:
            raise OptionError(f"The event source has no argument {', '.join(unknown)}; it has {', '.join(known)}.")
        given: dict[str, Any] = {
            name: _read(name, str(known[name].type), value) for name, value in arguments.items() if name in known and value is not None
        }
        missing = sorted(name for name, field in known.items() if field.default is MISSING and given.get(name) is None)
        if missing:
            raise OptionError(f"The event source needs the argument {', '.join(missing)}.")
        options = Options(**given)
        options._check()
        return options

    def _check(self) -> None:
        if not (self.token_file or self.hmac_file or self.client_ca_file):
            raise OptionError("Set token_file, hmac_file or client_ca_file: alerts are only taken from a sender that proves who it is.")
        if bool(self.cert_file) != bool(self.key_file):
            raise OptionError("cert_file and key_file belong together; set both or neither.")
        if self.client_ca_file and not self.cert_file:
            raise OptionError("client_ca_file needs TLS; set cert_file and key_file.")
        if self.client_names and not self.client_ca_file:
            raise OptionError("client_names are names in client certificates; set client_ca_file too.")
        if not self.cert_file and self.host not in LOOPBACK and not self.plain_http:
            raise OptionError(
                f"Alerts would come to {self.host} in clear; set cert_file and key_file, or host to 127.0.0.1, or plain_http to true."
            )
        if not HEADER.fullmatch(self.hmac_header):
            raise OptionError(f"hmac_header is not the name of a header: {self.hmac_header!r}.")
        if not 0 <= self.port <= 65535:
            raise OptionError(f"port has to be between 0 and 65535, not {self.port}.")
        for name in ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise OptionError(f"{name} has to be above 0, not {getattr(self, name)}.")
        if self.throttle_seconds < 0:
            raise OptionError(f"throttle_seconds cannot be negative: {self.throttle_seconds}.")


def _read(name: str, kind: str, value: object) -> object:
    """``value`` as the type that the field has. Rulebooks template everything, so a number can be text."""
    try:
        if kind.startswith("Path"):
            return _path(value)
        if kind == "bool":
            return _truth(value)
        if kind.startswith("tuple"):
            return _words(value)
        if kind in ("int", "float"):
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise ValueError
            number = float(value)
            if not math.isfinite(number) or (kind == "int" and not number.is_integer()):
                raise ValueError
            return int(number) if kind == "int" else number
        if not isinstance(value, str) or not value:
            raise ValueError
        return value
    except (ValueError, TypeError):
        wanted = {"int": "a whole number", "float": "a number of seconds", "bool": "true or false", "str": "a text"}
        what = wanted.get(kind, "a list of texts" if kind.startswith("tuple") else "a path")
        raise OptionError(f"{name} has to be {what}, not {value!r}.") from None


def _path(value: object) -> Path | None:
    """An empty text is a variable that nobody has set: no path, never the current folder."""
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError
    text = os.fspath(value)
    if not isinstance(text, str) or "\0" in text:
        raise ValueError
    return Path(text).expanduser() if text else None


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    raise ValueError


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) and word for word in value):
        return tuple(value)
    raise ValueError
