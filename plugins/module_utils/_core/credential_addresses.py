# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user and password in addresses: ``scheme://user:password@host``, the same without a scheme, and those of Oracle.  Pure.

Each has an ``@``.  Most of these are in a mail address or before the digest of an image, so what stands before one is looked at first: the
patterns, which cost more, only run over a line that can hold a login.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

# A quote in an address belongs to it, unless what follows ends a value of JSON or Python.
_IN_ADDRESS = r"(?:[^\s\"'<>]|[\"'](?![\s,:;)\]}]|$))"
ADDRESS = re.compile(rf"//({_IN_ADDRESS}*)")
_SPACED_USERINFO = re.compile(r"//(?P<v>[^\s/:@\"'<>]{0,256}:(?!\d{1,5}(?![^\s/]))[^\s/@][^\n@\"'<>]{0,256})@")
_CUT_USERINFO = re.compile(r"//(?P<v>[^\s/:@\"'<>]{1,256}:(?!\d{1,5}(?!\w))[^\s/\"'<>@]+)(?=(?:\.\.\.[\"']?)?\Z)")
_NO_SCHEME = re.compile(r"(?P<v>(?<![\w.%+-])(?!redacted:[0-9a-f]{8}\])[\w.%+-]{0,128}:[^\s/@\"'<>]{1,256})@(?!sha\d)(?=[\w\[(])")
_HOST = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.%\w]*\])(?::\d{1,5})?")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_ORACLE = re.compile(r"(?:thin|oci|sqlplus(?:\s+-\w+)*)[: ]\s*[\w.$#-]{1,64}/(?P<v>[^\s@\"']+)@", re.IGNORECASE)
_NO_LOGIN = re.compile(r"[\s\"'<>]")
_LONGEST_LOGIN = 400
_ALL = 4
_QUOTE_ONLY = re.compile(r"[\"']")
_QUOTE = re.compile(r"[\"'<>]")
_QUOTE_OR_SLASH = re.compile(r"[/\"'<>]")
_ORACLE_NAMES = ("thin", "oci", "sqlplus")


def address_spans(text: str) -> Iterator[Span]:
    done = 0
    at = text.find("@")
    while at >= 0:
        start, end = text.rfind("\n", done, at) + 1 or done, text.find("\n", at)
        end = end if end >= 0 else len(text)
        for pattern in _patterns_for(text, start, end):
            for found in pattern.finditer(text, start, end):
                if pattern is not ADDRESS:
                    yield found.span("v")
                elif (last := found[1].rfind("@")) >= 0 and (span := _userinfo(text, found.start(1), found.start(1) + last)):
                    yield span
        done = end
        at = text.find("@", end)
    for mark in ("@tcp(", "@unix("):  # user:password@tcp(host:port)/database
        at = text.find(mark)
        while at >= 0:
            if span := _go_password(text, at):
                yield span
            at = text.find(mark, at + 1)
    at = text.rfind("//")
    if at >= 0 and (cut := _CUT_USERINFO.match(text, at)):
        yield cut.span("v")


def _patterns_for(text: str, start: int, end: int) -> set[re.Pattern[str]]:
    """Those that can match in a line: each needs something in the word before an ``@``, or between it and the one before."""
    found: set[re.Pattern[str]] = set()
    is_oracle: bool | None = None
    before, at = start, text.find("@", start, end)
    while at >= 0 and len(found) < _ALL:
        part = text[before:at]
        word = part.rsplit(None, 1)[-1] if part and not part[-1].isspace() else ""
        if "/" in word:
            address = ADDRESS.match(text, at - len(word) + word.rfind("//"), at + 1) if "//" in word else None
            if address and address.end() > at:
                found.add(ADDRESS)
            if is_oracle is None and not _QUOTE_ONLY.search(word, word.rfind("/")):
                low = text[start:end].lower()
                is_oracle = any(name in low for name in _ORACLE_NAMES)
            if is_oracle:
                found.add(_ORACLE)
        if ":" in word and not _QUOTE_OR_SLASH.search(word, word.rfind(":")) and _is_host(text, at + 1):
            found.add(_NO_SCHEME)
        if "//" in part and ":" in part and not _QUOTE.search(part, part.rfind("//")):
            found.add(_SPACED_USERINFO)
        before, at = at + 1, text.find("@", at + 1, end)
    return found


def _go_password(text: str, end: int) -> Span | None:
    word = _NO_LOGIN.split(text[max(0, end - _LONGEST_LOGIN) : end])[-1]
    user, colon, password = word.partition(":")
    return (end - len(password), end) if user and colon and password else None


def _is_host(text: str, at: int) -> bool:
    first = text[at : at + 1]
    return (first.isalnum() or (first != "" and first in "_[(")) and not (text.startswith("sha", at) and text[at + 3 : at + 4].isdecimal())


def _userinfo(text: str, start: int, end: int) -> Span | None:
    """``#``, ``?`` and ``/`` in a password make another address of it, for a parser: so all up to the last ``@`` is taken for userinfo,
    unless what is before the path is a host; with ``user:123/4@host`` it may be one, with the digest of an image it is.
    """
    info = text[start:end]
    over = _AUTHORITY_END.search(info)
    if text.startswith("sha256:", end + 1) and ":" not in info:
        return None  # docker-pullable://nginx@sha256:...
    if over is None or over[0] != "/" or not _HOST.fullmatch(info, 0, over.start()):
        return start, end
    is_password = ":" in info[: over.start()] and "/" not in info[over.end() :] and not text.startswith("sha", end + 1)
    return (start, end) if is_password else None
