# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where manifests come from: files, folders and URLs, each read once, and checked against the digest that is expected of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from .._cluster.http import Http
from .._core.errors import SalvageError
from .model import Text
from .yaml_text import MAX_BYTES

INLINE = "definitions"
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_TIMEOUT = 30.0
_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})


def texts_of(files: Iterable[str], definitions: Any, sha256: Mapping[str, Any], *, insecure: bool, http: Http | None = None) -> list[Text]:
    """What the options name, in their order; a folder is its files, by name.

    ``sha256`` has the digest expected of a file, a URL or the definitions.  Raises SalvageError(bad_input, ...).
    """
    found = [text for name in files for text in _read(str(name), insecure=insecure, http=http)]
    names = [text.name for text in found]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise SalvageError(f"{twice} is named twice; name it once", reason="bad_input")
    inline = _inline(definitions)
    if inline:
        found.append(Text(INLINE, inline.encode()))
    if not found:
        raise SalvageError("there are no manifests; name files, or give definitions", reason="bad_input")
    _check(found, sha256)
    return found


def digests_of(texts: Iterable[Text]) -> dict[str, str]:
    return {text.name: hashlib.sha256(text.data).hexdigest() for text in texts}


def _check(texts: list[Text], sha256: Mapping[str, Any]) -> None:
    digests = digests_of(texts)
    for given, expected in sha256.items():
        name = _shown_url(str(given)) if "://" in str(given) else str(given)
        if name not in digests:
            raise SalvageError(f"sha256 names {name}, which is not among the files; write it as in files", reason="bad_input")
        if digests[name] != str(expected).lower():
            raise SalvageError(
                f"{name} has the SHA-256 digest {digests[name]}, not the expected {expected}; check what changed it", reason="conflict"
            )


def _read(name: str, *, insecure: bool, http: Http | None) -> Iterator[Text]:
    if "://" in name:
        yield Text(_shown_url(name), _fetched(name, insecure=insecure, http=http))
        return
    path = Path(name).expanduser()
    try:
        paths = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES and one.is_file()) if path.is_dir() else [path]
        if not paths:
            raise SalvageError(f"the folder {name} has no file with the ending .yaml, .yml or .json", reason="bad_input")
        for one in paths:
            if one.stat().st_size > MAX_BYTES:
                raise SalvageError(f"{one} is larger than {MAX_BYTES} bytes; split it", reason="bad_input")
            yield Text(name if one is path else str(one), one.read_bytes())
    except OSError as exc:
        raise SalvageError(f"{exc.filename or name} can't be read: {exc.strerror or exc}", reason="bad_input") from None


def _fetched(url: str, *, insecure: bool, http: Http | None) -> bytes:
    client = http or Http(timeout=_TIMEOUT, max_bytes=MAX_BYTES)
    at = url
    for _step in range(_REDIRECTS + 1):
        if not at.startswith("https://") and not (insecure and at.startswith("http://")):
            leads = "" if at == url else f" leads to {_shown_url(at)}, which"
            says = f"{_shown_url(url)}{leads} is not an https URL; use https, or set allow_http"
            raise SalvageError(says, reason="bad_input")
        answer = client.request("GET", at)
        location = answer.headers.get("location", "")
        if answer.status == 200:
            return answer.body
        if answer.status not in _REDIRECTED or not location:
            reason = "not_found" if answer.status == 404 else "http_error"
            raise SalvageError(f"{_shown_url(at)} answered {answer.status}; check the address", reason=reason)
        at = urljoin(at, location)
    raise SalvageError(f"{_shown_url(url)} is redirected more than {_REDIRECTS} times; give the last address", reason="http_error")


def _shown_url(url: str) -> str:
    """Without credentials or a query, which may be a token."""
    scheme, _mark, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


def _inline(definitions: Any) -> str:
    """The text of definitions, which may be a text, an object, or a list of either."""
    if isinstance(definitions, str):
        return definitions
    if definitions in (None, [], {}):
        return ""
    if isinstance(definitions, dict):
        return json.dumps(definitions)
    if not isinstance(definitions, list) or not all(isinstance(one, (str, dict)) for one in definitions):
        raise SalvageError("definitions must be text, an object, or a list of these", reason="bad_input")
    return "\n---\n".join(one if isinstance(one, str) else json.dumps(one) for one in definitions)
