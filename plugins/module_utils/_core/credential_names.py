# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what is secret, and those that only refer to it.  Pure."""

from __future__ import annotations

import re
from functools import cache

_KEY_OF = (
    "api app access private client account encryption decryption master shared secret signing sign hmac jwt aes rsa ssl tls auth crypto "
    "cipher fernet storage license deploy subscription ssh consumer integration routing webhook session functions admin root ingest "
    "service security pre preshared certificate"
)
_BEFORE_KEY = "|".join(f"(?<={word})|(?<={word}[_.-])" for word in _KEY_OF.split())
KEY_WORDS = tuple(_KEY_OF.split())
_BEFORE_IT = "db root user store key pg admin sql smtp mail ftp ldap bind http redis proxy auth login mq"
_BEFORE_PASS = "|".join(f"(?<={word})" for word in _BEFORE_IT.split())
# Names of what is secret, by the word that they are found by.
NAMES = {
    "pass": rf"pass(?:word|wort|wd|phrase|code)|(?:(?<![a-z])|{_BEFORE_PASS})passw?(?![a-z])",
    "pw": r"pw(?:d|rd)|(?:(?<![a-z])|(?<=bind)|(?<=root)|(?<=user)|(?<=db))pw(?![a-z])",
    "secret": "secret",
    "token": "token",
    "authtok": "authtok(?!en)",
    "key": rf"(?:{_BEFORE_KEY}|(?<=api )|(?<=access )|(?<=secret )|(?<=license ))key(?![_.-]?id)",
    "cred": r"credentials?(?![_.-]?ids?(?![a-z]))|(?<![a-z])creds",
    "auth": r"authorization(?!\.[a-z0-9]+\.io)|(?<![a-z])auth(?![a-z])",
    "cookie": "cookie",
    "sig": r"(?:(?<=amz-)|(?<=goog-)|(?<=[?&;]))signature|(?<![a-z])sig(?=\s*=)",
    "connect": r"connection[_.-]?string|connect\.sid",
    "dsn": r"\bdsn\b",
    "_pat": "_pat(?![a-z])",
    "psk": "(?<![a-z])psk(?![a-z])",
    "snmp": "snmp[_.-]?community",
    "community": "community[_.-]?string",
    "webhook": "webhook[_.-]?ur[il]",
    "unseal_keys": "unseal_keys",
    "recovery_keys": "recovery_keys",
    "salt": "(?<![a-z])salt(?![a-z])",
    "sess": r"(?:(?<=php)sess|(?<=j)session|(?<=net_)session)id|(?<=laravel_)session",
}
# A name that goes on to say that it is a reference (secretName, token_path) is not one of them.
_REFERENCE = (
    r"s?[_.-]?(?:names?|files?|paths?|dir|refs?|key_?ref|selectors?|namespaces?|types?|kinds?|uid|polic(?:y|ies)|length|ttl|expir\w*|count|"
    r"urls?|uri|endpoint|issuer|audiences?|reviews?|controllers?|providers?|stores?|class(?:es)?|projections?|version|algorithms?|modes?|"
    r"domain|same_?site|http_?only|max_?age|methods?|enabled|required|mechanisms?)"
)


@cache
def name_pattern(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{names})(?!(?:[_.-]?secret)?{_REFERENCE}(?![a-z]))(?!s(?![a-z])|s$)[\w.-]{{0,40}}", re.IGNORECASE)
