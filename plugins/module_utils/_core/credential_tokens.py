# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that are known by their own form, whatever stands beside them: tokens with a prefix, and what base64 holds.  Pure.

A token is in a long word, so only the distinct long words of a text are looked at.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from .text_words import places

_PART_BYTES = bytes(one if chr(one).isalnum() and one < 128 else 32 for one in range(256))
_SHORTEST_WORD = 16

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# JWTs, age identities, and tokens of services by their prefixes.
_TOKEN = (
    r"(?<![\w-])eyJ[\w-]{8,}\.(?:[\w-]{4,}|(?=\.[\w-]{8,}\.))(?:\.[\w-]*){0,3}"
    r"|AGE-(?:SECRET-KEY|PLUGIN)-[0-9A-Z-]{8,}|age-(?:secret-key|plugin)-[0-9a-z-]{8,}"
    r"|(?<![A-Za-z0-9])(?:"
    r"(?:gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|soat|ffct|imt|agent|oas|rtr)-|xox[a-z](?:\.xox[a-z])?-|xapp-|[srp]k_(?:live|test|prod)_|"
    r"whsec_|sk-|AIza|ya29\.|GOCSPX-|pypi-|hv[sbr]\.|sha256~|gls[ac]_|glc_|do[opr]_v1_|shp(?:at|ss|ca|pa)_|dckr_(?:pat|oat)_|sntry[su]_|"
    r"lin_(?:api|oauth)_|ATATT3x|ATCTT3x|dp\.(?:pt|st|ct|sa|scim|audit)\.|pscale_(?:tkn|pw|oauth)_|PMAK-|sq0(?:atp|csp|idp)-|tskey-|CCIPAT_|"
    r"NRAK-|NRJS-|NRII-|HRKU-|v[24]\.local\.|lsv2_(?:pt|sk)_|tvly-|pplx-|ops_eyJ|FlyV1|ddapp_|sbp_|sgp_|nvapi-|CFPAT-|GR1348941)[\w.-]{16,}"
    r"|EAA[A-Za-z0-9]{80,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{6}-[A-Z0-9]{5}|[A-Z0-9]{11})(?:-[A-Z0-9]{5}){3}"
    r"|(?:npm_|hf_|gsk_|r8_|xai-|ntn_|rubygems_|bkua_|nfp_|figd_|phx_|ATBB|AKCp|ABSK|LTAI|fo1_|fm[12]_)[A-Za-z0-9]{16,}"
    r"|(?:pul-|dapi|key-|sq[pua]_|secret_)[0-9a-f]{32,}|secret_[A-Za-z0-9]{43}"
    r"|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"
    rf"|(?:sdk|pat-(?:na|eu)1)-{_UUID}|[uy]\+[\w-]{{18}}(?![\w-])|v1\.0-[0-9a-f]{{24}}-[0-9a-f]{{64,}}"
    r"|A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[A-Z0-9]{16}(?![A-Z0-9])|SK[0-9a-f]{32}(?![0-9a-f])"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|access_token\$(?:production|sandbox)\$[\w$]{16,}|1//0[\w-]{30,}"
    r")"
    # and what does not begin with what it is recognized by
    r"|(?<![\w.-])[a-z0-9]{6}\.(?=[a-z]{0,15}\d)[a-z0-9]{16}(?![\w.-])|(?<![\w-])AA[\w-]{33}(?![\w-])|[\w~.-]{3,5}\dQ~[\w~.-]{31,}"
    r"|[0-9a-zA-Z]{14}\.atlasv1\.[\w-]{40,}|[0-9a-f]{32}-us\d{1,2}(?!\w)|[0-9a-f]{36}NRAL"
    r"|(?:hooks\.slack\.com|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks|(?:(?<![\w-])[\w-]{1,64}\.)?webhook\.office\.com|"
    r"alert\.victorops\.com/integrations|webexapis\.com/v1/webhooks/incoming|open-apis/bot/v2/hook|hc-ping\.com|"
    r"outlook\.office\.com/webhook|events\.pagerduty\.com/integration|"
    r"chat\.googleapis\.com/v1/spaces|hooks\.zapier\.com/hooks|maker\.ifttt\.com/trigger|IncomingWebhook)/[\w/.-]{1,400}"
    r"|/hooks/(?:[a-z0-9]{26}|[A-Za-z0-9]{17,24}/[A-Za-z0-9]{20,})(?![A-Za-z0-9])"
    r"|\$(?:apr1|1|2[abxy]|5|6|y|scrypt)\$[\w./$=+-]{16,}"
)
# One of these is a part of a word that may be a token, or is in it; to see that none is, is fifty times as fast.
_PARTS = tuple(
    b"""
    ghp gho ghu ghs ghr github glpat gldt glrt glcbt glptt glft glsoat glffct glimt glagent gloas glrtr xapp sk rk pk whsec ya29
    GOCSPX pypi hvs hvb hvr sha256 glsa glsc glc dop doo dor shpat shpss shpca shppa dckr sntrys sntryu lin dp pscale PMAK sq0atp sq0csp
    sq0idp tskey CCIPAT NRAK NRJS NRII HRKU lsv2 tvly pplx ops ddapp sbp sgp npm hf gsk r8 xai ntn rubygems bkua nfp figd phx fo1 fm1 fm2
    pul sqp squ sqa re sdk pat u y SG nvapi CFPAT A3
    """.split()
)
# The letter of an escape of JSON stands before a word, too.
_WHOLE_PARTS = frozenset(before + part for part in _PARTS for before in (b"", b"n", b"r", b"t"))
_PARTS_IN = tuple(
    b"""
    AGE-SECRET-KEY- AGE-PLUGIN- age-secret-key- age-plugin- GR1348941 victorops.com/ webexapis.com/ open-apis/ hc-ping
    eyJ xox AIza ATATT3x ATCTT3x FlyV1 dapi ATBB AKCp ABSK LTAI AKIA ASIA ABIA ACCA A3T SK key- secret_ .local. access_token$ 1//0 v1.0- Q~
    .atlasv1. -us NRAL hooks webhook IncomingWebhook EAA pagerduty.com/ googleapis.com/v1/ ifttt.com $1$ $2 $5$ $6$ $y$ $apr1$ $scrypt
    """.split()
)
_SHORTEST_ENCODED = 24
_TELEGRAM_LENGTH = 35
_BOOTSTRAP_LENGTH = 23
_HEX = b"0123456789abcdef-."
_BEFORE_BOOTSTRAP = b"\0~+/=$"
# Text, or gzip, in base64: which letter begins a group says whether what it stands for can be text.
_ENCODED = re.compile(r"H4sI[A-Za-z0-9+/_-]{20,}={0,2}|(?:[CI-Za-f][A-Za-z0-9+/_-]{3}){6,}[A-Za-z0-9+/_-]{0,3}={0,2}")
# One over several lines.  It is looked for from its first line end, for most long words are not at one.
_LINE = r"[A-Za-z0-9+/]{60,76}"
_FIRST_LINE = re.compile(rf"(?<![A-Za-z0-9+/]){_LINE}\Z")
_ENCODED_LINES = re.compile(
    rf"{_LINE}(?:(?:\r?\n|\\n)[ \t]{{0,40}}{_LINE}){{0,100000}}(?:\r?\n|\\n)[ \t]{{0,40}}[A-Za-z0-9+/]{{1,76}}={{0,2}}(?![A-Za-z0-9+/])"
)
_SHORTEST_LINE, _LONGEST_LINE = 60, 76
_LINE_ENDS = ("\n", "\\n")
_REST = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_GZIP = b"\x1f\x8b\x08"
_RELEASE = "\x1f\x8b\x08"  # what stands for a release of Helm: no text that is decoded is that
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Holding = Callable[[list[str]], list[bool]]  # of each decoded text, whether it holds a credential


def token_spans(text: str, words: Iterable[bytes], holding: Holding) -> Iterator[tuple[int, int]]:
    """``words``: of the text."""
    long = [word for word in words if len(word) >= _SHORTEST_WORD]
    found: dict[str, list[tuple[int, int]]] = {}
    for word in _suspects(long):
        name = word.decode()
        if spans := [*_tokens_in(name)]:
            found[name] = spans
    for name, span in _encoded(long, holding):
        found.setdefault(name, []).append(span)
    for at, name in places(text, found):
        yield from ((at + start, at + end) for start, end in found[name])
    if any(_SHORTEST_LINE <= len(word) <= _LONGEST_LINE + 1 for word in long):
        lines = [*_encoded_lines(text)]
        whole = (re.sub(r"\\n|\s", "", text[start:end]) for start, end in lines)
        yield from (span for span, is_held in zip(lines, _are_held(whole, holding), strict=True) if is_held)


def _suspects(long: list[bytes]) -> set[bytes]:
    """The words that may be a token.  A UUID, a digest or a commit is none: no part of one is in it."""
    found = {word for word in long if (word[-17:-16] == b"." and _may_be_bootstrap(word)) or (b"AA" in word and _may_be_telegram(word))}
    together = b"\n".join([word for word in long if word.translate(None, _HEX)])
    parts = together.translate(_PART_BYTES)
    wanted = [(part, together) for part in _PARTS_IN if part in together]
    if whole := _WHOLE_PARTS.intersection(parts.split()):
        parts = b" %s " % parts  # a part stands where the blank before it stands here
        wanted += [(b" %s " % part, parts) for part in whole]
    for part, where in wanted:
        at = where.find(part)
        while at >= 0:
            end = together.find(b"\n", at)
            end = end if end >= 0 else len(together)
            found.add(together[together.rfind(b"\n", 0, at) + 1 : end])
            at = where.find(part, end)
    return found


def _may_be_telegram(word: bytes) -> bool:
    """``AA`` and 33 more: a word, the end of one, or with the method of the API behind it."""
    if word.startswith(b"AA"):
        method = word[_TELEGRAM_LENGTH:]
        return len(word) == _TELEGRAM_LENGTH or (method.startswith(b"/") and method[1:].isalpha())
    return word[-_TELEGRAM_LENGTH - 1 : 2 - _TELEGRAM_LENGTH] in (b"/AA", b"=AA") or (
        len(word) == _TELEGRAM_LENGTH + 1 and word[:1] in b"nrt"
    )


def _may_be_bootstrap(word: bytes) -> bool:
    """``abcdef.0123456789abcdef`` with nothing before it that belongs to a name, except for the letter of an escape."""
    if len(word) <= _BOOTSTRAP_LENGTH:
        return len(word) == _BOOTSTRAP_LENGTH
    before = word[-_BOOTSTRAP_LENGTH - 1]
    return before in _BEFORE_BOOTSTRAP or (len(word) == _BOOTSTRAP_LENGTH + 1 and before in b"nrt")


def _encoded(long: list[bytes], holding: Holding) -> Iterator[tuple[str, tuple[int, int]]]:
    """The words with base64 that holds a credential, and where in the word."""
    together = "\n".join(word.decode() for word in long if len(word) >= _SHORTEST_ENCODED and not word.islower())
    matches = [*_ENCODED.finditer(together)]
    for one, is_held in zip(matches, _are_held((one[0] for one in matches), holding), strict=True):
        if is_held:
            start, end = together.rfind("\n", 0, one.start()) + 1, together.find("\n", one.end())
            rest = _REST.match(together, one.end())
            yield together[start : end if end >= 0 else None], (one.start() - start, (rest.end() if rest else one.end()) - start)


def _encoded_lines(text: str) -> Iterator[tuple[int, int]]:
    done = 0
    for start in sorted(start for mark in _LINE_ENDS for start in _first_lines(text, mark)):
        if start >= done and (found := _ENCODED_LINES.match(text, start)):
            done = found.end()
            yield found.span()


def _first_lines(text: str, mark: str) -> Iterator[int]:
    """Where one begins that can be the first of base64 over several lines, and ends with this mark."""
    at = text.find(mark)
    while at >= 0:
        end = at - 1 if mark == "\n" and text[at - 1 : at] == "\r" else at
        if (
            end >= _SHORTEST_LINE
            and text.find(" ", end - _SHORTEST_LINE, end) < 0
            and (found := _FIRST_LINE.search(text, max(0, end - _LONGEST_LINE), end))
        ):
            yield found.start()
        at = text.find(mark, at + len(mark))


def _tokens_in(word: str) -> Iterator[tuple[int, int]]:
    """The first letter can be that of an escape of JSON, which stands before the word."""
    yield from (one.span() for one in _token().finditer(word))
    if word[0] in "nrt" and (one := _token().match(word, 1)) is None and (one := _token().match(word[1:])):
        yield one.start() + 1, one.end() + 1


@cache
def _token() -> re.Pattern[str]:
    return re.compile(_TOKEN)


def _are_held(encoded: Iterable[str], holding: Holding) -> list[bool]:
    """Of each, whether what it stands for holds a credential."""
    texts = [_decoded(one) for one in encoded]
    answers = iter(holding([text for text in texts if text not in ("", _RELEASE)]))
    return [text == _RELEASE or (text != "" and next(answers)) for text in texts]


def _decoded(encoded: str) -> str:
    """Text; nothing, where it stands for something else."""
    body = encoded.rstrip("=").encode().translate(_URL_SAFE)
    try:
        data = binascii.a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + b"=" * (-len(body) % 4 % 3))
        if data.startswith(_GZIP):
            return _RELEASE
        text = data.decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() or text.translate({9: " ", 10: " ", 13: " "}).isprintable() else ""
