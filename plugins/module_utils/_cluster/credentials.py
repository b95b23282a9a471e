# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials as headers: line ends and blanks around them go, what no header can carry is refused, and none is ever quoted."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from .._core.errors import SalvageError

Headers = dict[str, "str | list[str]"]


def header_text(value: Any, what: str) -> str:
    """Printable ASCII on one line.  Raises SalvageError(bad_input)."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or not text.isascii() or not text.isprintable():
        raise SalvageError(
            f"{what} is empty, or not printable ASCII text on one line, so it can't be sent; give it without anything around it",
            reason="bad_input",
        )
    return text


def bearer(token: Any, what: str) -> str:
    """The Authorization header of a token.  Raises SalvageError(bad_input)."""
    text = header_text(token, what)
    if " " in text:
        raise SalvageError(f"{what} holds blanks, so it is not a token; give only the token", reason="bad_input")
    return f"Bearer {text}"


def basic(username: Any, password: Any, what: str) -> str:
    """The Authorization header of a name and a password.  Raises SalvageError(bad_input)."""
    name, word = (value.rstrip("\r\n") if isinstance(value, str) else "" for value in (username, password))
    if not name or not word or ":" in name or not (name + word).isprintable():
        raise SalvageError(
            f"{what} is a username without a password, or the reverse, or holds control characters; give both as plain text",
            reason="bad_input",
        )
    return f"Basic {base64.b64encode(f'{name}:{word}'.encode()).decode()}"


def impersonation(user: Any, groups: Sequence[Any], uid: Any, extra: Mapping[str, Sequence[Any]], what: str) -> Headers:
    """The headers of acting as somebody else.  Raises SalvageError(bad_input)."""
    if not user:
        if groups or uid or extra:
            raise SalvageError(
                f"{what} names groups, a uid or extra fields of a user to act as, but no user; name the user", reason="bad_input"
            )
        return {}
    found: Headers = {"Impersonate-User": header_text(user, f"the user of {what}")}
    if groups:
        found["Impersonate-Group"] = [header_text(group, f"a group of {what}") for group in groups]
    if uid:
        found["Impersonate-Uid"] = header_text(uid, f"the uid of {what}")
    for key, values in extra.items():
        name = quote(header_text(key, f"a key of the extra fields of {what}"), safe="!#$&'*+^`|")
        found[f"Impersonate-Extra-{name}"] = [header_text(value, f"an extra field of {what}") for value in values]
    return found


def plain_address(text: Any, what: str) -> str:
    """An http or https address of a server, without a login, a query or a fragment; the text is not quoted.

    Raises SalvageError(bad_input).
    """
    address, login = split_login(text, what)
    if login:
        raise SalvageError(f"{what} holds a user name or a password; give the login by its own options", reason="bad_input")
    return address


def split_login(text: Any, what: str) -> tuple[str, str]:
    """An http or https address without its login, and the login as `name:password`.  Raises SalvageError(bad_input)."""
    try:
        parts = urlsplit(text.strip())
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0  # reading the port checks it
        if known and not parts.query and not parts.fragment and text.strip().isprintable() and " " not in parts.netloc:
            login, _at, host = parts.netloc.rpartition("@")
            return f"{parts.scheme}://{host}{parts.path}".rstrip("/"), unquote(login)
    except (ValueError, AttributeError):
        pass
    raise SalvageError(f"{what} cannot be used: it is not an http or https address; write https://host:port", reason="bad_input")
