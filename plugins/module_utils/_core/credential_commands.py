# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that no name stands before: among the arguments of commands, and in what servers say.  Pure.

By the word that each is found by, in lower case; the group that matches last is the value.
"""

from __future__ import annotations

import re

_ARGUMENT = r"[ =]\\{0,8}[\"']?(?P<v>[^\s\"']+)"


def _option(command: str, letter: str) -> re.Pattern[str]:
    return re.compile(rf"{command}\s[^\n]{{0,400}}?(?<=\s)-{letter}{_ARGUMENT}")


def _vault_keys(word: str) -> re.Pattern[str]:
    """What `vault operator init` prints, as text and as JSON."""
    return re.compile(
        rf"{word}(?: key \d{{1,3}}(?: \([^()\n]{{0,40}}\))?:\s{{1,8}}(?P<v>\S+)"
        rf"|_keys_(?:b64|hex)\\{{0,8}}[\"']?\s{{0,8}}:\s{{0,8}}\[(?P<w>[^\]]+))",
        re.IGNORECASE,
    )


COMMANDS = {
    "redis-cli": _option("redis-cli", "a"),
    "ldap": re.compile(rf"ldap(?:search|modify|add|delete|passwd|whoami|compare)\s[^\n]{{0,400}}?(?<=\s)-w{_ARGUMENT}", re.IGNORECASE),
    "mongo": _option("mongo(?:sh|dump|restore|export|import|stat|top)?", "p"),
    "sqlcmd": _option("sqlcmd", "P"),
    "cypher-shell": _option("cypher-shell", "p"),
    "rabbitmqctl": re.compile(rf"rabbitmqctl\s[^\n]{{0,100}}?(?:add_user|change_password|authenticate_user)\s+[^\s\"']+\s?{_ARGUMENT}"),
    "htpasswd": re.compile(
        r"htpasswd\s+-\w{0,8}b\w{0,8}\s[^\n|;&]{0,200}?(?<=\s)\\{0,8}[\"']?(?P<v>[^\s|;&\"'\\]+)\\{0,8}[\"']?"
        r"(?=[ \t]*(?:[|;&\n]|\Z)|\\{0,8}[\"'](?:[\s,)}\]]|\Z)|\\{1,8}[nr])"
    ),
    "alias": re.compile(rf"alias set\s+\S+\s+\S+\s+\S+\s?{_ARGUMENT}"),
    "from-literal": re.compile(r"from-literal[= ]\\{0,8}[\"']?[\w.-]{1,253}=\\{0,8}[\"']?(?P<v>[^\s\"']+)"),
    "plain": re.compile(r"(?<=auth )plain\s+(?P<v>[A-Za-z0-9+/]{8,}={0,2})", re.IGNORECASE),
    "stats": re.compile(r"stats auth\s+[^\s:]+:(?P<v>\S+)"),
    "unseal": _vault_keys("unseal"),
    "recovery": _vault_keys("recovery"),
    "qyapi": re.compile(r"qyapi\.weixin\.qq\.com/[^\s\"'<>?]{1,100}\?(?:[^\s\"'<>]{0,100}&)?key=(?P<v>[\w-]+)", re.IGNORECASE),
    # PHP: define('DB_PASSWORD', 'x');
    "define": re.compile(
        r"define\(\s{0,8}\\{0,8}[\"']\w{0,40}(?:pass|passwd|password|secret|token|salt|key|pw)\w{0,10}\\{0,8}[\"']\s{0,8},\s{0,8}"
        r"\\{0,8}(?P<q>[\"'])(?P<v>(?:(?!(?P=q))[^\n])+)",
        re.IGNORECASE,
    ),
}
