# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every text goes through before it leaves the process: no credential in it, and nothing that drives a terminal.

``outgoing`` does both and is what an exit calls; ``redacted`` and ``clean`` are its halves.  Credentials are found by what they look
like and by the name beside them.  It hides too much rather than too little: a hidden word costs a second look, a shown one a rotation.
Each takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, changed)"  # in a difference, where the value before was another
LONGEST = 1_000_000  # characters of one text that leaves
_PLAIN_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_SHORTEST_HEADER = 8
_SHORTEST = 5  # of a password in an address, to be looked for elsewhere

# A colour or a move of the cursor as a whole; of other sequences the control characters go, and the rest is plain text.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]")
# Control, format (bidirectional overrides, zero width) and surrogate characters; separators of lines and paragraphs.
_UNCLEAN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_PROSE = (
    "a|an|and|any|are|as|be|by|can|cannot|did|does|empty|expired|failed|false|for|from|give|has|have|in|invalid|is|it|missing|must|no|"
    "none|not|null|of|on|only|or|required|set|the|there|this|to|true|unknown|unset|use|was|were|with|without|wrong"
)
# Names of what is secret; a name that goes on to say that it is a reference (secretName, token_path) is not one of them.
_NAME = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|api[_.-]?key|access[_.-]?key(?![_.-]?id)|private[_.-]?key|client[_.-]?key|account[_.-]?key|"
    r"encryption[_.-]?key|master[_.-]?key|shared[_.-]?key|credential|authorization|cookie|amz-signature|(?<![a-z])sig(?=\s*=)|connection[_.-]?string|\bdsn\b|"
    r"(?<![a-z])auth(?![a-z]))"
)
_REFERENCE = (
    r"s?[_.-]?(?:names?|files?|paths?|dir|refs?|key_?ref|selectors?|namespaces?|types?|kinds?|uid|polic(?:y|ies)|length|ttl|expir\w*|count|"
    r"urls?|uri|endpoint|issuer|audiences?|reviews?|controllers?|providers?|stores?|class(?:es)?|projections?|version|algorithms?)"
)
_KEY = rf"{_NAME}(?!{_REFERENCE}(?![a-z]))(?!s(?![a-z])|s$)[\w.-]{{0,40}}"
_SECRET_KEY = re.compile(_KEY, re.IGNORECASE)

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL)
_PRIVATE_KEY_BASE64 = re.compile(r"LS0tLS1CRUdJTi(?!BDRVJUSUZJQ0FUR|BQVUJMSUMgS0VZ)[A-Za-z0-9+/=\s\\]{8,}")
# By their own form: JWTs, age identities, and tokens of GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, Vault, OpenShift and Grafana.
_TOKEN = re.compile(
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"
    r"|AGE-(?:SECRET-KEY|PLUGIN)-[0-9A-Z-]{8,}|age-(?:secret-key|plugin)-[0-9a-z-]{8,}"
    r"|(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|gldt-|xox[a-z]-|xapp-|[srp]k_(?:live|test)_|sk-|AIza|npm_|pypi-|hv[sbr]\.|sha256~|gls[ac]_|glc_|hf_)"
    r"[\w.-]{16,}"
    r"|hooks\.slack\.com/[\w/-]{1,200}"
)
_KUBEADM_TOKEN = re.compile(r"(?<![\w.-])[a-z0-9]{6}\.(?=[a-z]{0,15}\d)[a-z0-9]{16}(?![\w.-])")
# One of these is in every text that the patterns find something in; to look for them is 50 times as fast.
_IN_TOKENS = (
    *("eyj", "age-", "gh", "glpat", "gldt", "xox", "xapp", "_live_", "_test_", "sk-", "aiza", "npm_", "pypi-", "hvs.", "hvb.", "hvr."),
    *("sha256~", "gls", "glc", "hf_", "slack"),
)
_IN_NAMES = ("pass", "pwd", "secret", "token", "key", "credential", "auth", "cookie", "sig", "dsn", "connection")
_BEARER = re.compile(rf"\b(bearer[ \t]+)(?!(?:tokens?|auth\w*|realm\S*|error\S*|{_PROSE})\b)[^\s\"',;]+", re.IGNORECASE)
_BASIC = re.compile(r"\b(basic[ \t]+)([A-Za-z0-9+/_-]{4,}={0,2})", re.IGNORECASE)
# A quote in an address belongs to it, unless what follows ends a value of JSON or Python.
_IN_ADDRESS = r"(?:[^\s\"'<>]|[\"'](?![\s,:;)\]}]|$))"
_USERINFO = re.compile(rf"//({_IN_ADDRESS}{{0,2000}})@")
_SPACED_USERINFO = re.compile(r"//[^\s/:@\"'<>]{0,256}:(?!\d{1,5}(?![^\s/]))[^\s/@][^\n@\"'<>]{0,256}@")
_CUT_USERINFO = re.compile(r"//[^\s/:@\"'<>]{1,256}:(?!\d{1,5}(?!\w))[^\s/\"'<>@]+(?=(?:\.\.\.[\"']?)?\Z)")
_NO_SCHEME = re.compile(r"(?<![\w.%+-])[\w.%+-]{0,128}:[^\s/@\"'<>]{1,256}@(?!sha\d)(?=[\w\[(])")
_HOST = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.%\w]*\])(?::\d{1,5})?")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_HEADER = re.compile(r"((?:authorization|cookie)\s{0,8}[:=]\s{0,8}\[?)(?![\s\"'\\\[])[^\r\n\"']+", re.IGNORECASE)
_FLAG = re.compile(rf"(--[\w-]{{0,40}}?{_KEY}[ \t]+)[^\s-]\S*", re.IGNORECASE)
# KEY=VALUE, KEY: VALUE, "KEY": "VALUE" (escaped as well), <KEY>VALUE<, and a block of YAML.
_ASSIGNED = re.compile(
    rf"(?P<key>{_KEY}(?:\\*[\"'])?\s{{0,8}}(?::=|=>|[:=>])\s{{0,8}}\[?)"
    r"(?:(?P<quote>\\*[\"'])(?P<quoted>(?:(?!(?P=quote))(?:\\.|.))*)"
    r"|(?P<block>[|>][+-]?[ \t]*\n(?:[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)"
    rf"|(?P<plain>(?![:=>]{{0,2}}\s{{0,8}}\(hidden|(?:{_PROSE})(?![^\s.,;:]))[^\s]+))",
    re.IGNORECASE | re.DOTALL,
)


def clean(text: str, *, keep: str = "", limit: int = LONGEST) -> str:
    """On one line, unless ``keep`` has the line end: a pod's message must not drive the terminal, nor turn a page's text around."""
    text = text[: 2 * limit]
    if not text.isascii() or not text.isprintable():
        text = _SEQUENCE.sub("", text)
        text = "".join(c if c in keep or unicodedata.category(c) not in _UNCLEAN else " " for c in text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def redacted(text: str) -> str:
    """The text without what looks like a credential."""
    low = text.lower()
    if "private key" in low:
        text = _PRIVATE_KEY.sub(HIDDEN, text)
    if "LS0tLS1CRUdJTi" in text:
        text = _PRIVATE_KEY_BASE64.sub(HIDDEN, text)
    if any(part in low for part in _IN_TOKENS):
        text = _TOKEN.sub(HIDDEN, text)
    if "." in text:
        text = _KUBEADM_TOKEN.sub(HIDDEN, text)
    if "@" in text:
        text = _USERINFO.sub(_without_userinfo, text)
        text = _SPACED_USERINFO.sub(f"//{HIDDEN}@", text)
        text = _NO_SCHEME.sub(f"{HIDDEN}@", text)
    if "//" in text:
        text = _CUT_USERINFO.sub(f"//{HIDDEN}", text)
    if any(part in low for part in _IN_NAMES):
        text = _HEADER.sub(rf"\1{HIDDEN}", text)
        text = _FLAG.sub(rf"\1{HIDDEN}", text)
        text = _ASSIGNED.sub(_without_value, text)
    if "bearer" in low:
        text = _BEARER.sub(rf"\1{HIDDEN}", text)
    return _BASIC.sub(_without_login, text) if "basic" in low else text


def excerpt(text: str, limit: int) -> str:
    """The start of what someone else said, as one line; redacted before it is cut, for half a credential is not recognized."""
    return " ".join(clean(redacted(text[: 100 * limit])).split())[:limit]


def outgoing(value: Any, *, limit: int = LONGEST) -> Any:
    """A value with every text in it redacted and clean; line ends and tabs stay.  What is secret by its key is hidden too."""
    if isinstance(value, str):
        return clean(redacted(value), keep="\n\t", limit=limit)
    if isinstance(value, Mapping):
        return {
            outgoing(key, limit=limit): HIDDEN if _is_open(one) and is_secret_name(str(key)) else outgoing(one, limit=limit)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [outgoing(one, limit=limit) for one in value]
    return value


def _is_open(value: object) -> bool:
    return isinstance(value, str) and value not in ("", HIDDEN, HIDDEN_CHANGED)


def credentials_in(value: Any, name: str = "") -> set[str]:
    """The texts in a module's options that must be shown nowhere; ``name`` is the one that the value stands under."""
    if isinstance(value, Mapping):
        if name == "headers":  # a header of any name can hold one; a short word is also a word of the result
            plain = {key for key, one in value.items() if str(key).lower() in _PLAIN_HEADERS or len(str(one)) < _SHORTEST_HEADER}
            return {text for key, one in value.items() for text in credentials_in(one, str(key) if key in plain else "secret")}
        if isinstance(value.get("name"), str):  # an environment variable, a header
            return {text for key, one in value.items() for text in credentials_in(one, value["name"] if key == "value" else str(key))}
        return {text for key, one in value.items() for text in credentials_in(one, str(key))}
    if isinstance(value, (list, tuple)):
        return {text for one in value for text in credentials_in(one, name)}
    if not isinstance(value, str) or not value:
        return set()
    if is_secret_name(name):
        return {value}
    if redacted(value) == value:
        return set()
    logins = [found[1] for found in _USERINFO.finditer(value)]
    parts = {part for login in logins for part in (login, login.partition(":")[2], unquote(login.partition(":")[2]))}
    return {value} | {part for part in parts if len(part) >= _SHORTEST}


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a credential: DB_PASSWORD, apiToken; not secretName, which only refers to one."""
    return _SECRET_KEY.search(name) is not None


def _without_userinfo(found: re.Match[str]) -> str:
    """``#``, ``?`` and ``/`` in a password make another address of it, for a parser: so all up to the last ``@`` is taken for userinfo,
    unless what is before the path is a host; with ``user:123/4@host`` it may be one, with the digest of an image it is.
    """
    end = _AUTHORITY_END.search(found[1])
    if end is None or end[0] != "/" or not _HOST.fullmatch(found[1], 0, end.start()):
        return f"//{HIDDEN}@"
    is_password = ":" in found[1][: end.start()] and "/" not in found[1][end.end() :] and not found.string.startswith("sha", found.end())
    return f"//{HIDDEN}@" if is_password else found[0]


def _without_value(found: re.Match[str]) -> str:
    quote = found["quote"] or ""
    if quote and not found["quoted"].startswith(HIDDEN[:-1]):
        return f"{found['key']}{quote}{HIDDEN if found['quoted'] else ''}"
    if quote:
        return found[0]
    return f"{found['key']}{HIDDEN}" + ("\n" if found["block"] else "")


def _without_login(found: re.Match[str]) -> str:
    try:
        is_login = b":" in base64.b64decode(found[2].rstrip("=") + "=" * (-len(found[2].rstrip("=")) % 4), altchars=b"-_")
    except ValueError:
        is_login = False
    return f"{found[1]}{HIDDEN}" if is_login else found[0]
