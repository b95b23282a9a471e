# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a value can be written: as a whole in each encoding, and the escapes of single characters.  Pure."""

from __future__ import annotations

import base64
import html
import json
import quopri
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# One character in the way of a URL, JSON, a string of C, HTML, or quoted-printable.
ESCAPE = re.compile(
    rb"%[0-9A-Fa-f]{2}|\\+u[0-9A-Fa-f]{4}|\\+x[0-9A-Fa-f]{2}|\\+[\"'/\\nrtbf$`!&@ ]"
    rb"|&#[0-9]{1,7};|&#x[0-9A-Fa-f]{1,6};|&[a-z]{2,6};|=[0-9A-F]{2}"
)
_SHORT = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def encodings(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Each way to write a value, with its name; a way that changes nothing is not given."""
    ways = dict.fromkeys(_escaped(value))
    yield "plain", value
    yield from ((name, written) for name, written in ways if written != value)
    for start in range(3):
        whole = base64.b64encode(bytes(start) + value)
        core = whole[(0, 2, 3)[start] : (start + len(value)) * 8 // 6]  # what its neighbours have no part in
        yield "base64", core
        if core != (url_safe := core.translate(_URL_SAFE)):
            yield "base64", url_safe
    written = value.hex()
    yield "hex", written.encode()
    if not written.isdigit():
        yield "hex", written.upper().encode()


def _escaped(value: bytes) -> Iterator[tuple[str, bytes]]:
    if value.isalnum():
        yield "utf-16", b"".join(bytes((one, 0)) for one in value)[:-1]
        return
    yield "url", quote(value, safe="").encode()
    yield "url", re.sub(rb"%[0-9A-F]{2}", lambda found: found[0].lower(), quote(value, safe="").encode())
    yield "url", quote_plus(value).encode()
    yield "quoted-printable", quopri.encodestring(value).replace(b"=\n", b"")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    yield "utf-16", text.encode("utf-16-le")[:-1]
    yield "html", html.escape(text).encode()
    yield "html", html.escape(text).replace("&#x27;", "&#39;").encode()
    yield "shell", text.replace("'", "'\\''").encode()
    yield "yaml", text.replace("'", "''").encode()
    for is_ascii in (True, False):
        once = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield "json", once.encode()
        yield "json", once.replace("/", "\\/").encode()
        yield "json", json.dumps(once)[1:-1].encode()
        yield "json", json.dumps(json.dumps(once)[1:-1])[1:-1].encode()
    yield "json", _as_go(text).encode()


def _as_go(text: str) -> str:
    """Go writes these in JSON as it is safe in HTML."""
    once = json.dumps(text, ensure_ascii=False)[1:-1]
    return once.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def unescaped(escape: bytes) -> bytes:
    """The character that one escape stands for."""
    if escape.startswith((b"%", b"=")):
        return bytes.fromhex(escape[1:].decode())
    if escape.startswith(b"&"):
        return html.unescape(escape.decode()).encode(errors="replace")
    body = escape.lstrip(b"\\")
    if body[:1] in {b"u", b"x"} and len(body) > 2:
        return chr(int(body[1:], 16)).encode(errors="replace")
    return _SHORT.get(body, body or b"\\")
