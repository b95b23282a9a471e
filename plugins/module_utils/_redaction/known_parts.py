# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a known value is looked for everywhere: the value, the credentials in it, and the lines of one that has several.  Pure.

A short or common word is not: to hide each ``true`` or ``default`` would destroy what it is in.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from .._core.credential_forms import Forms

_SHORTEST = 5
_SHORTEST_LINE = 8
_COMMON = frozenset(
    b"""
    0.0.0.0 127.0.0.1 5432 3306 6379 8080 8443 9090 27017 access admin administrator allow always amazon amqps apache app application apps
    backend bearer basic bucket certificate client cluster config configmap console database debug default demo deny deployment development
    disable disabled docker elastic empty enable enabled endpoint error example external false frontend global grafana group guest https
    info ingress internal kafka kubernetes kube-system latest level local localhost logging mariadb master memory metrics minio model mongo
    mongodb monitor monitoring mysql namespace never nginx nobody node opaque operator oracle password plain postgres postgresql prod
    production prometheus public rabbitmq read readonly redis region release require required root secret server service staging status
    string super system test testing token trace true ubuntu undefined unknown user username users utf-8 value values verify-full version
    warning write eu-central-1 eu-west-1 us-east-1 us-east-2 us-west-2 hello world hostname cluster.local kubernetes.default.svc
    kubernetes.io/tls rsa-sha256 aes-256-gcm sha256 sha512 hs256 rs256 es256 smtp ldap ldaps
    """.split()
)
_HARMLESS = re.compile(
    rb"[\d.]{1,7}|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?"
    rb"|(?:[a-z0-9-]+\.)+(?:svc|local|internal|com|org|net|io|dev|example)(?:\.cluster\.local)?(?::\d{1,5})?"
    rb"|https?://[\w.-]+(?::\d{1,5})?/?|/(?:etc|var|usr|opt|tmp|run|home|data|app|mnt|srv)(?:/[\w.-]+)*|[\d.]+(?:ms|s|m|h|d|[KMGT]i?B?)"
    rb"|\d{4}-\d\d-\d\dT[\d:.]+Z?|(?:true|false|yes|no|on|off|null|none)|[\W_]+|<[\w-]+>",
    re.IGNORECASE,
)
_PUBLIC = re.compile(
    rb"-----BEGIN (?:CERTIFICATE|PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE REQUEST|X509 CRL|DH PARAMETERS|EC PARAMETERS)-----"
    rb".*?-----END [A-Z0-9 ]+-----\s*",
    re.DOTALL,
)
_SETTING = re.compile(rb"[\w./\"' -]{1,80}?[\"']?\s*[:=]\s*[\"']?(?P<value>.*?)[\"']?,?")
_RANDOM = re.compile(rb"(?=.*\d)(?=.*[A-Za-z])[^\s\"',;:]{16,}|[^\s\"']{24,}")


def is_common(value: bytes) -> bool:
    """Whether a value says too little to be looked for everywhere."""
    return len(value) < _SHORTEST or value.lower() in _COMMON or _HARMLESS.fullmatch(value) is not None


def without_public(value: bytes) -> bytes:
    """Certificates and public keys are not secret."""
    return _PUBLIC.sub(b"", value) if b"-----BEGIN" in value else value


def known_parts(value: bytes, forms: Forms) -> Iterator[bytes]:
    """A part can be given twice."""
    value = without_public(value).strip()
    if is_common(value):
        return
    yield value
    if value.isalnum():
        return
    text = value.decode(errors="surrogateescape")
    for start, end in forms.spans(text):
        yield from _login(text[start:end].strip().encode(errors="surrogateescape"))
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        for line in lines:
            if part := _of_line(line):
                yield part


def _login(part: bytes) -> Iterator[bytes]:
    """``user:password``, also as base64: the password is one by itself."""
    if not is_common(part):
        yield part
    user, colon, password = part.partition(b":")
    if not colon:
        try:
            user, colon, password = base64.b64decode(part, validate=True).partition(b":")
        except ValueError:
            return
    if colon and user.isascii() and not is_common(password):
        yield password


def _of_line(line: bytes) -> bytes | None:
    if len(line) < _SHORTEST_LINE or line.startswith((b"#", b"//", b"-----", b"{", b"}", b"[", b"]")):
        return None
    setting = _SETTING.fullmatch(line)
    if setting:
        line = setting["value"]
        return line if _RANDOM.fullmatch(line) and not is_common(line) else None
    return None if is_common(line) else line
