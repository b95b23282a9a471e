# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value ends that stands behind a name: in quotes of any depth, in a block of YAML, between tags, or plain.  Pure."""

from __future__ import annotations

import re

Span = tuple[int, int]

PLACEHOLDER = r"(?:\(hidden(?:, changed)?\)|\[redacted:[0-9a-f]{8}\])"
_PLACEHOLDERS = re.compile(
    rf"[\s:=>]*(?:(?:bearer|basic)\s+)?(?:[\w.%+-]*:)?(?:{PLACEHOLDER}[\s,;)\]}}]*)+|[\s:=>]*\(hidden.*", re.IGNORECASE | re.DOTALL
)
_PROSE = (
    "a|an|and|any|are|as|be|by|can|cannot|could|denied|did|does|empty|error|expired|failed|false|for|forbidden|found|from|give|has|have|http|in|"
    "incorrect|invalid|is|it|mismatch|missing|must|nil|no|none|not|null|of|on|only|or|provided|required|set|the|there|this|timeout|to|true|"
    "unable|unauthorized|undefined|unknown|unset|use|user|was|were|with|without|wrong|"
    "context|dial|exec|executable|expirationseconds|failure|jwt|oidc|oauth2|refused|rejected|revoked|rpc|secrets|server|signature|unexpected|x509"
)
_HARMLESS = re.compile(
    r"/(?:api|apis|app|bin|cache|data|dev|etc|home|lib|mnt|opt|proc|root|run|srv|tmp|usr|var|v\d)(?:/[\w.@-]+)*/?[,;)\]]*"
    r"|(?:\d+(?:\.\d+)?(?:ns|us|ms|[smhd]))+[,;)\]]*|\d{1,3}[,;)\]}]*|[][,;)}{(*.-]+"
    r"|(?:true|false|yes|no|on|off|null|none|nil|unknown|unset|empty|enabled|disabled|required|optional)[,;)\]}]*"
    r"|</?\w*[>:]?|(?-i:\$[A-Z_][A-Z0-9_]*)|\$\{\w+\}|\$\(\w+\)|\{\{.*|\[?redacted\]?|x{3,}"
    r"|(?-i:self|this|os|process|config|cfg|settings|env|ctx|req|request|response|options|opts|args|params)\.[\w.]+(?:[(\[,)].*)?",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"(\\*)([\"'])")
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?[ \t]*(?:#[^\n]*)?\r?\n")
_HEREDOC = re.compile(r"<<[-~]?[ \t]*[\"']?(?P<word>\w{1,40})[\"']?[ \t]*\r?\n")
_ESCAPED_BLOCK = re.compile(r"[|>][+-]?(?:\\+n[ ]+(?:(?!\\+n)[^\n\"])*)+")
# A quote belongs to a plain value, unless what follows ends an outer text; so does a space behind a backslash.
_PLAIN = re.compile(rf"(?!(?:{_PROSE})(?![^\s.,;:\"']))(?:[^\s\"'\\]|\\(?:[ ]|\r?\n[ \t]*)?|[\"'](?![\s,:;)\]}}]|\Z))+", re.IGNORECASE)
_JSON_PLAIN = re.compile(rf"(?!(?:{_PROSE})(?![^\s.,;:\"'}}\]]))(?![{{\[])[^\s,}}\]]+", re.IGNORECASE)
_REST = re.compile(r"[^\s,;:)\]}>&|]+")
_TAG = re.compile(r"[^<\n]+")
_ENDS = re.compile(r"[\s,:;)\]}>&|/\\]|\Z")
_LONGEST = 4000  # characters of a quoted value over several lines
_RUN = re.compile(r"\\*\Z")


def is_placeholder(text: str) -> bool:
    """Whether nothing but what was hidden before is in it."""
    return _PLACEHOLDERS.fullmatch(text) is not None


def is_harmless(value: str) -> bool:
    """Whether it is a reference, a path, or a word that says that there is none."""
    return _HARMLESS.fullmatch(value) is not None


def value_span(text: str, key: int, start: int, sep: str = "", closed: str = "") -> Span | None:
    """The value that begins at ``start``, behind the name at ``key``, the quote that closes it and what separates the two."""
    if sep == ">" and (tag := _TAG.match(text, start)):
        return _unless_harmless(text, *tag.span())
    if quote := _QUOTE.match(text, start):
        return _quoted(text, quote, sep)
    if here := _HEREDOC.match(text, start):
        return _heredoc(text, here)
    if text[start : start + 1] in {"|", ">"}:
        if _BLOCK.match(text, start):
            return _block(text, key, start)
        if block := _ESCAPED_BLOCK.match(text, start):
            return block.span()
    pattern = _JSON_PLAIN if closed and ":" in sep else _PLAIN
    plain = pattern.match(text, start)
    return _unless_harmless(text, *plain.span()) if plain else None


def _heredoc(text: str, here: re.Match[str]) -> Span:
    """As HCL and shells have it: to the line with nothing but the word."""
    last = re.compile(rf"^[ \t]*{here['word']}\b", re.MULTILINE).search(text, here.end(), here.end() + _LONGEST)
    return here.end(), last.start() - 1 if last else min(len(text), here.end() + _LONGEST)


def _unless_harmless(text: str, start: int, end: int) -> Span | None:
    return None if _HARMLESS.fullmatch(text, start, end) else (start, end)


def _quoted(text: str, quote: re.Match[str], sep: str) -> Span | None:
    start, mark = quote.end(), quote[2]
    if not quote[1] and text.startswith(mark * 2, start):
        end = text.find(mark * 3, start + 2)
        if end >= 0:
            return start + 2, end
    line = text.find("\n", start)
    line = line if line >= 0 else len(text)
    end = _closing(text, start, line, mark, len(quote[1]))
    if end < 0:
        end = _closing(text, line, min(len(text), start + _LONGEST), mark, len(quote[1]))
        if end < 0 or not _ENDS.match(text, end + 1 + len(quote[1])):
            end = line
        return _unless_harmless(text, start, end)
    after = end + len(quote[1]) + 1
    if "=" in sep and not quote[1] and not _ENDS.match(text, after) and (rest := _REST.match(text, after)):
        return start, rest.end()  # 'a'"b" of a shell
    return _unless_harmless(text, start, end)


def _closing(text: str, start: int, limit: int, mark: str, slashes: int) -> int:
    """Where the quote ends that was opened with as many backslashes: as often as it is quoted, so often is an inner one escaped."""
    at = text.find(mark, start, limit)
    while at >= 0:
        first = at
        while first > start and text[first - 1] == "\\":
            first -= 1
        run, depth = at - first, slashes
        while depth > 0 and run % 2 == 1:
            run, depth = run // 2, depth // 2
        if depth > 0 or run % 2 == 0:
            return at - min(slashes, at - first)
        at = text.find(mark, at + 1, limit)
    return -1


def _block(text: str, key: int, start: int) -> Span:
    """A block of YAML: the lines that are further in than the one of the key."""
    line = text[text.rfind("\n", 0, key) + 1 : key]
    indent = len(line) - len(line.lstrip(" \t-\"'"))
    at = text.find("\n", start) + 1
    end = at
    while 0 < at < len(text):
        until = text.find("\n", at)
        until = until if until >= 0 else len(text)
        content = text[at:until]
        if content.strip() and len(content) - len(content.lstrip(" \t")) <= indent:
            break
        end = until
        at = until + 1
    return start, end
