# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where credentials are in a text: by the name beside them and by what they look like.  Pure.

The text is searched for short words (the keys of ``NAMES`` and ``_ALONE``), and the patterns that cost more run only where one of
these is.  Each takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate

from .credential_addresses import address_spans
from .credential_blocks import block_spans
from .credential_commands import COMMANDS
from .credential_names import KEY_WORDS, NAMES, name_pattern
from .credential_tokens import token_spans
from .credential_values import is_harmless, is_placeholder, value_span
from .credential_views import view_of
from .text_words import distinct_words

Span = tuple[int, int]

_DEEPEST = 3  # base64 in base64

# A class or an error that is named after a secret, and the file of a source.
_OF_CODE = re.compile(
    r"[a-z](?:Exception|Error|Service|Filter|Manager|Handler|Validator|Encoder|Factory|Repository|Cache|Interceptor|Resolver|Reconciler|Source)"
    r"(?:Impl)?$|\.(?:go|py|java|kt|js|ts|rs|rb|cc?|cpp|scala|php|html)$"
)
_NO_BEARER = (
    "a|an|and|any|are|as|be|by|can|cannot|did|does|empty|expired|failed|false|for|from|give|has|have|in|invalid|is|it|missing|must|no|none|not|"
    r"null|of|on|only|or|required|set|the|there|this|to|true|unknown|unset|use|was|were|with|without|wrong|tokens?|auth\w*|realm\S*|error\S*"
)
_SCHEME = r"(?:(?:bearer|basic|token|apikey|negotiate|geniekey)[ \t]+)?"
_HEADERS = ("auth", "cookie")
_NO_HEADER = r"(?:none|null|true|false|enabled|disabled|required|optional|missing)[ \t]*(?:[\r\n,;}\]]|\Z)"


def _header(times: str) -> re.Pattern[str]:
    """The value goes on to the end of the line; ``times`` is how many characters of it are looked at."""
    return re.compile(
        r"(?:authorization|cookie2?)\s{0,8}[:=]\s{0,8}(?:\[(?!redacted))?"
        rf"(?:digest[ \t]+(?P<d>[^\r\n]{times})|{_SCHEME}(?P<v>(?![\s\"'\\\[]|server message:|{_NO_HEADER})"
        rf"(?:[^\r\n\"']|\"[^\"\r\n]{{0,4000}}\"(?=;)|[\"'](?![\s,;:)\]}}]|\Z)){times}))"
        r"|(?<=master)auth\s+(?P<w>\S+)",
        re.IGNORECASE,
    )


# What is not behind a name: schemes, headers up to the end of their line, and commands with a credential among their arguments.
_ALONE = {
    "bearer": re.compile(rf"(?<![a-z0-9])bearer[ \t]+(?P<v>(?!(?:{_NO_BEARER})\b)[^\s\"',;]+)", re.IGNORECASE),
    "basic": re.compile(r"(?<![a-z0-9])basic[ \t]+(?P<v>[A-Za-z0-9+/_-]{4,}={0,2})", re.IGNORECASE),
    **dict.fromkeys(_HEADERS, _header("+")),
    "curl": re.compile(r"curl\b[^\n]{0,400}?\s(?:-u|-U|--user|--proxy-user)[ =]?\\*[\"']?(?P<v>[^\s:\"']{0,128}:[^\s\"']+)"),
    "mysql": re.compile(r"mysql\w{0,32}\b[^\n]{0,200}?\s-p\\*[\"']?(?P<v>[^\s\"']{3,})", re.IGNORECASE),
    **COMMANDS,
    "identified": re.compile(r"identified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?\\*[\"'](?P<v>[^\"'\n]+)", re.IGNORECASE),
    "argon2": re.compile(r"argon2(?:id?|d)\$(?P<v>[\w.,/$=+-]{16,})", re.IGNORECASE),
    "scram-sha-": re.compile(r"scram-sha-\d+(?P<v>\$[^\s\"']+)", re.IGNORECASE),
    "code=": re.compile(r"(?<=[?&])code=(?P<v>[\w%.~/-]{10,})"),
    "samlresponse": re.compile(r"samlresponse[\"']?\s?[=:]\s?[\"']?(?P<v>[\w%+/=-]{10,})", re.IGNORECASE),
    "bindpw": re.compile(r"bindpw\s+(?P<v>[^\s\"']+)", re.IGNORECASE),
    "proxy_set_header": re.compile(
        r"proxy_set_header\s{1,80}[\w-]{0,64}(?:key|token|secret|auth|password)[\w-]{0,64}\s{1,80}\\{0,8}[\"']?"
        r"(?P<v>[^\s\"'\\;$][^\"'\\;\n]*)",
        re.IGNORECASE,
    ),
    "login": re.compile(r"login\s[^\n]{0,200}?\s-p[ =]\\*[\"']?(?P<v>[^\s\"']+)"),
    "pass": re.compile(r"(?<=ssh)pass\s+-p\s*\\*[\"']?(?P<v>[^\s\"']+)|(?<=require)pass\s+(?P<w>\S+)"),
}
# One character proves that there is a value: each header of a line would be read to its end, before the first of them hides the others.
_SEEN_ALONE = {**_ALONE, **dict.fromkeys(_HEADERS, _header(""))}
_SEEN = 1000  # so does what is so near; a value may go on for a megabyte, with the same word in it again and again
_WORD = re.compile(r"[a-z0-9_.~+/=$-]+")
_AFTER_ALONE = frozenset(" \toO")  # sshpass -p, requirepass x, masterauth x, authorization
_AFTER_NAMES = r" \t\r\n:=>\"'\\,<`%"
_BEHIND_NAME = re.compile(f"[{_AFTER_NAMES}]")
_SPOKEN = frozenset({"pass", "key", "token", "secret"})
_NETRC = re.compile(r"(?:login|user|machine)(?:\s|\\n)+\S+(?:\s|\\n)+\Z", re.IGNORECASE)
_NETRC_VALUE = re.compile(r"(?:[ \t]|\\n|\n)+(?P<v>[^\s\\]\S*)")
# host:port:database:user:password
_PGPASS = re.compile(r"(?<![^\s\"'])[\w.*-]{1,253}:(?:\d{4,5}|\*):[\w.*-]{1,64}:[\w.@*-]{1,64}:(?P<v>[^\s\"']+)(?=\s|[\"']|\Z)")
_PGPASS_PORTS = (":5432:", ":*:", ":5433:", ":6432:")
_CLOSED = r"(?:\\*[\"'])?"
# KEY=VALUE, KEY: VALUE, "KEY": "VALUE" (escaped as well), <KEY>VALUE<, and a block of YAML.
_ASSIGNED = re.compile(rf"(?P<closed>{_CLOSED})(?P<sep>\s{{0,8}}(?::=|=>|[:=>])\s{{0,8}})(?:\[(?!redacted:))?")
_INNER = re.compile(r"\{\s{0,8}\\*[\"']?(?:value|plain|plaintext|inline|literal)\\*[\"']?\s{0,8}[:=]\s{0,8}", re.IGNORECASE)
# --KEY VALUE, also in a list, or on the next line as kubectl describe shows it; and {"name": KEY, "value": VALUE}
_FLAG = re.compile(r"(?:[ \t]{1,8}|[ \t]*\r?\n[ \t]{2,40}(?=\S+[ \t]*(?:\r?\n|\Z))|\\*[\"'],\s{0,8}(?=\\*[\"']))(?!-)")
_PAIR = re.compile(rf"{_CLOSED}(?:\s*,)?(?:\s|\\+[nrt]){{0,80}}{_CLOSED}(?:value|val){_CLOSED}\s{{0,8}}[:=]\s{{0,8}}", re.IGNORECASE)
# KEY=VALUE and "KEY": "VALUE" in the way of a URL, also of one in a URL.
_PERCENT = "%(?:25){0,3}"
_IN_URL = re.compile(
    rf"(?:{_PERCENT}2[27])?{_PERCENT}3[AD](?:\+|{_PERCENT}2[027]){{0,4}}(?P<v>(?:(?!{_PERCENT}(?:0[AD]|2[0267C]|3B|[57]D))[^\s&\"'<>,;])+)",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?:\s(?:for|of|to)\s(?:(?:the|user|role|account|database|admin|login)\s){0,3}[\"'`]?[\w.@/-]{1,64}[\"'`]?)?"
    r"\s?(?:(?:is|was|set to|changed to)\s?:?|[:=]|->)\s{1,4}[\"'`]?(?P<v>[^\s\"'`]{5,})",
    re.IGNORECASE,
)
_SAID_QUOTED = re.compile(r"\s[\"'`](?P<v>[^\s\"'`]{5,})[\"'`]")
# Without anything between: only what no word of a sentence looks like.
_SAID_BARE = re.compile(r"\s(?P<v>(?=[^\sA-Z]{0,40}[A-Z])(?=[^\sa-z]{0,40}[a-z])(?=[^\s\d]{0,40}\d)[\w!#$%&*+./=@^~-]{10,})")


# What a text has, beside a long word or one that says what is secret, in which something is to be hidden.
_LONG_WORD = re.compile(r"[\0A-Za-z0-9_.~+/=$-]{16,}")
_SIGNS = ("@", "//", "%2f", "%252f", "stringdata", "ls0tls1crudjti", *_PGPASS_PORTS)


class Forms:
    """``names``: more names of what is secret than those that everyone uses."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._patterns = {**NAMES, **{one.lower(): re.escape(one) for one in names if one}}
        self._keys: dict[str, re.Pattern[str]] = {}
        self._quicks: dict[str, re.Pattern[str]] = {}
        self._words = (*self._patterns, *(word for word in _ALONE if word not in self._patterns))

    def is_name(self, name: str) -> bool:
        low = name.lower()
        return any(word in low and self._key(word).search(name) is not None for word in self._patterns)

    def _key(self, word: str) -> re.Pattern[str]:
        """The names that have the word; compiled when it is seen."""
        if word not in self._keys:
            self._keys[word] = name_pattern(self._patterns[word])
        return self._keys[word]

    def spans(self, text: str, words: Iterable[bytes] | None = None, depth: int = 0) -> list[Span]:
        """What is to be hidden, in order, none overlapping another. ``words``: of the text, if they are known."""
        words = distinct_words(text.encode("utf-8", "surrogatepass")) if words is None else words
        found = [*self._found(text, words, depth)]
        if view := view_of(text):
            seen = self._found(view.text, distinct_words(view.text.encode("utf-8", "surrogatepass")), depth)
            found += [view.place(span) for span in seen if span[0] < span[1]]
        return merged_spans(text, found)

    def _found(self, text: str, words: Iterable[bytes], depth: int) -> Iterator[Span]:
        yield from block_spans(text)
        if any(port in text for port in _PGPASS_PORTS):
            yield from (one.span("v") for one in _PGPASS.finditer(text))
        yield from token_spans(text, words, lambda texts: self._holding(texts, depth + 1))
        yield from address_spans(text)
        yield from self._named(text, b"\n".join(words).lower().decode())

    def _holding(self, texts: list[str], depth: int) -> list[bool]:
        """Of each text whether there is a credential in it; only those that may hold one are looked at one by one."""
        if depth > _DEEPEST:
            return [False] * len(texts)
        starts = [*accumulate((len(text) + 1 for text in texts), initial=0)]
        together = "\n".join(texts)
        low = ascii_lower(together)
        suspects = {bisect_right(starts, found.start()) - 1 for found in _LONG_WORD.finditer(together)}
        for sign in (*self._words, *_SIGNS):
            at = low.find(sign)
            while at >= 0:
                one = bisect_right(starts, at) - 1
                suspects.add(one)
                at = low.find(sign, starts[one + 1])
        return [one in suspects and bool(self.spans(text, depth=depth)) for one, text in enumerate(texts)]

    def _named(self, text: str, words: str) -> Iterator[Span]:
        present = [word for word in self._words if word in words or not _WORD.fullmatch(word)]
        if not present:
            return
        low = ascii_lower(text)
        hits = [(at, word) for word in present for at in self._candidates(text, low, word)]
        hits.sort()
        done = 0
        for at, word in hits:
            if at >= done:
                for span in self._at(text, at, word):
                    done = max(done, span[1])
                    yield span

    def _candidates(self, text: str, low: str, word: str) -> Iterator[int]:
        """Each place of the word where ``_at`` finds something, and few others: this takes a tenth of its time."""
        match = self._quick(word).match
        is_key = self._patterns.get(word) == NAMES["key"]
        at = low.find(word)
        while at >= 0:
            # Most keys are not secret, and the pattern has much to look back at.
            if not is_key or low[max(0, at - 14) : at].rstrip("_.- ").endswith(KEY_WORDS):
                found = match(text, at, at + _SEEN)
                if found and (found.lastgroup or word == "pass" or _goes_on(text, low, at, found.end())):
                    yield at
            at = low.find(word, at + len(word))

    def _quick(self, word: str) -> re.Pattern[str]:
        """What is not behind a name, or a name with a character behind it that can stand between it and its value."""
        if word not in self._quicks:
            alone = _SEEN_ALONE[word].pattern if word in _SEEN_ALONE else ""
            name = rf"(?:{self._key(word).pattern})(?=[{_AFTER_NAMES}])" if word in self._patterns else ""
            self._quicks[word] = re.compile("|".join(filter(None, (alone, name))), re.IGNORECASE)
        return self._quicks[word]

    def _at(self, text: str, at: int, word: str) -> Iterator[Span]:
        is_name = word in self._patterns
        may_be_alone = word in _ALONE and (word not in NAMES or word == "cookie" or text[at + 4 : at + 5] in _AFTER_ALONE)
        if may_be_alone and (found := _ALONE[word].match(text, at)):
            if word != "basic" or _is_login(found["v"]):
                yield found.span(found.lastgroup or 0)
            return
        key = self._key(word).match(text, at) if is_name else None
        if key is None or not _BEHIND_NAME.match(text, key.end()):
            return
        end = key.end()
        if text[end] == "%":
            if (found := _IN_URL.match(text, end)) and not is_harmless(found["v"]):
                yield found.span("v")
        elif text[end] == " " and text[end + 1 : end + 2].isalnum() and text[end + 1] not in "vV":
            yield from self._spoken(text, at, end, word)
        elif assigned := _ASSIGNED.match(text, end):
            inner = _INNER.match(text, assigned.end())  # "KEY": {"value": VALUE}
            start, sep = (inner.end(), ":") if inner else (assigned.end(), assigned["sep"])
            span = None if _is_code(text, key, assigned) else value_span(text, at, start, sep, assigned["closed"])
            yield from filter(None, [span])
        elif found := _PAIR.match(text, end):
            yield from filter(None, [value_span(text, at, found.end())])
        else:
            yield from self._spoken(text, at, end, word)
            yield from self._value_before(text, at)

    def _spoken(self, text: str, at: int, end: int, word: str) -> Iterator[Span]:
        """--NAME VALUE, a line of a configuration with a NAME and a VALUE, and what a sentence says."""
        if _is_directive(text, at) and (found := _DIRECTIVE.match(text, end)):
            yield from filter(None, [value_span(text, at, found.end())])
        if (found := _FLAG.match(text, end)) and _is_flag(text, at):
            yield from filter(None, [value_span(text, at, found.end())])
        elif word == "pass" and (found := _NETRC_VALUE.match(text, end)) and _NETRC.search(text, max(0, at - 300), at):
            yield found.span("v")
        elif word in _SPOKEN and (found := _SAID.match(text, end) or (_in_prose(text, end) if word == "pass" else None)):
            said = found["v"].rstrip(".,;:)")
            if not said.isalpha() and not said.startswith("%"):
                yield found.start("v"), found.start("v") + len(said)

    def _value_before(self, text: str, at: int) -> Iterator[Span]:
        """{"value": VALUE, "name": KEY}"""
        before = text[max(0, at - 600) : at]
        if "value" in before.lower() and (found := _VALUE_BEFORE.search(before) or _VALUE_BEFORE_IN_YAML.search(before)):
            yield at - len(before) + found.start("v"), at - len(before) + found.end("v")


_VALUE_BEFORE = re.compile(
    r"value(?:\\*[\"'])?\s{0,8}[:=]\s{0,8}(?P<q>\\*[\"'])(?P<v>(?:(?!(?P=q))[^\n]){1,500})(?P=q)\s{0,8},\s{0,8}(?:\\*[\"'])?(?:name|key)(?:\\*[\"'])?"
    r"\s{0,8}[:=]\s{0,8}\\*[\"'][\w.-]{0,64}\Z",
    re.IGNORECASE,
)
_VALUE_BEFORE_IN_YAML = re.compile(
    r"(?:^|\n|\\n)[ \t-]{0,40}value:[ \t]+\\{0,8}[\"']?(?P<v>[^\n]+?)\\{0,8}[\"']?[ \t]*(?:\r?\n|\\{1,8}n)[ \t]{1,40}(?:name|key):[ \t]+"
    r"\\{0,8}[\"']?[\w.-]{0,64}\Z"
)
_DIRECTIVE_START = re.compile(r"(?:\A|\n|\\n)[ \t]{0,40}[A-Za-z][\w.]{0,40}\Z")
_DIRECTIVE = re.compile(r"[ \t]{1,40}(?=[^\s:=\\][^\s\\]*[ \t]*(?:\r?\n|\\{1,8}[nr]|\Z))")
_FLAG_START = re.compile(r"(?:^|[\s\"'=,\[])--?[\w.-]{0,60}\Z")
# What ``_ASSIGNED``, ``_PAIR`` and ``_SAID`` begin with.
_GOES_ON = re.compile(
    rf"%|{_CLOSED}\s{{0,8}}[:=>]|\s(?:for|of|to)\s|\s?(?:is|was|set to|changed to|->)"
    rf"|{_CLOSED}(?:\s*,)?(?:\s|\\+[nrt]){{0,80}}{_CLOSED}val",
    re.IGNORECASE,
)


def _in_prose(text: str, end: int) -> re.Match[str] | None:
    return _SAID_QUOTED.match(text, end) or _SAID_BARE.match(text, end)


def _goes_on(text: str, low: str, at: int, end: int) -> bool:
    """Whether a value can belong to the name from ``at`` to ``end``."""
    return (
        _GOES_ON.match(text, end) is not None
        or low.rfind("value", max(0, at - 600), at) >= 0
        or _is_flag(text, at)
        or _is_directive(text, at)
    )


def _is_directive(text: str, at: int) -> bool:
    """``http_Passwd x``, as Fluent Bit has it: the line begins with the name."""
    return text[at - 1 : at] == "_" and _DIRECTIVE_START.search(text, max(0, at - 80), at) is not None


def _is_flag(text: str, at: int) -> bool:
    before = text[max(0, at - 64) : at]
    return "-" in before.rpartition(" ")[2] and _FLAG_START.search(before) is not None


def _is_code(text: str, key: re.Match[str], found: re.Match[str]) -> bool:
    """``TokenFilter.java:30``, ``TokenException: x``, ``c.e.TokenStore : x``, ``auth-service:8080``, ``volume "token-x" : secret``,
    ``secret="default/tls"``, ``POST "/token": failed``, ``aws_access_key.ci: Refreshing state``.
    """
    name, sep, end = key[0], found["sep"], found.end()
    if ">" in sep and "=" not in sep:
        return found["closed"] != "" and sep != ">"
    if ":" not in sep:
        return name == "secret" and _OBJECT.match(text, end) is not None
    before = text[key.start() - 1 : key.start()] if key.start() else ""
    if _OF_CODE.search(name) or (before == "/" and found["closed"]) or ("." in name and sep == ": " and _WORD_OF_PROSE.match(text, end)):
        return True
    if sep == ": " and _PROSE.match(text, end) and "/" in text[max(0, key.start() - 80) : key.start()].rpartition(" ")[2]:
        return True  # NAMESPACE/NAME: message
    if sep[0] in " \t":  # a logger's name, or a volume's
        return (name[0].isupper() and before == ".") or (found["closed"] != "" and text[end : end + 1].isalpha())
    return sep == ":" and ("-" in name or name.lower() == "auth") and _PORT.match(text, end) is not None


_OBJECT = re.compile(r"\"[a-z][a-z0-9-]*/[a-z][a-z0-9.-]*\"")  # NAMESPACE/NAME, as Kubernetes logs it
_PROSE = re.compile(r"[a-z]+ \S")
_WORD_OF_PROSE = re.compile(r"[A-Z][a-z]+\s")
_PORT = re.compile(r"\d{2,5}(?![\w.])")


def merged_spans(text: str, found: Iterable[Span]) -> list[Span]:
    """In order, none overlapping another, without those that are empty or hidden already."""
    kept: list[Span] = []
    for start, end in sorted(found):
        if start >= end or is_placeholder(text[start:end]):
            continue
        if kept and start < kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return kept


def ascii_lower(text: str) -> str:
    """With every character where it was."""
    return text.lower() if text.isascii() else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _is_login(encoded: str) -> bool:
    body = encoded.rstrip("=")
    try:
        return b":" in base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_")
    except ValueError:
        return False


@lru_cache(maxsize=8)
def credential_forms(names: tuple[str, ...] = ()) -> Forms:
    return Forms(names)
