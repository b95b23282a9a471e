# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook of any kind, signed as https://www.standardwebhooks.com says: who receives it can verify the sender and the time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..._core.errors import SalvageError
from ..channel import Sent, Web
from ..message import Message, content_hash
from ..text import fitted

_BYTES = 256 * 1024
_SHORTEST_KEY = 24  # bytes, by the specification


def webhook_key(secret: str, name: str) -> bytes:
    """The bytes of `whsec_BASE64`, or of any other text.  Raises SalvageError(bad_input)."""
    text = secret.strip()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True) if text.startswith("whsec_") else text.encode()
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST_KEY:
        raise SalvageError(
            f"{name}: secret is not whsec_ and base64, or has fewer than {_SHORTEST_KEY} bytes; generate a new one", reason="bad_input"
        )
    return key


def webhook_headers(key: bytes, identity: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    signature = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


class Webhook:
    """The same message has the same ``webhook-id``, so the receiver can drop the second one."""

    keyed = True

    def __init__(self, name: str, web: Web, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self.timeout = web.timeout
        self._web, self._key, self._clock = web, key, clock

    def render(self, message: Message) -> dict[str, Any]:
        return fitted(Message.to_dict, message, _BYTES)

    def send(self, message: Message, timeout: float | None = None) -> Sent:
        body = json.dumps(self.render(message)).encode()
        identity = content_hash(message)[:32]
        self._web.call("POST", "", body=body, headers=webhook_headers(self._key, identity, int(self._clock()), body), timeout=timeout)
        return Sent(id=identity)
