# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
import unicodedata

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError, conclude, shown
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import (
    HIDDEN,
    clean,
    credentials_in,
    is_secret_name,
    outgoing,
    redacted,
)
from hypothesis import given
from hypothesis import strategies as st

CLEAN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "text",
    [
        "http://user:HUNTER2@host:9090/x is unreachable",
        "http://user:HUNTER2@host:9O90",
        "htp:/user:HUNTER2@host",
        "//user:HUNTER2@host",
        "user:HUNTER2@proxy:3128",
        "'http://u:HUN#TER2@h:80/'",
        "http://u:HUN?TER2@h",
        "http://u:12#HUNTER2@h",
        "http://u:12?HUNTER2@h",
        "http://u:12/HUNTER2@h/x",
        "http://u:HUN/TER2@h/x",
        "http://u:HUN@TER2@h/p",
        "http://u:HUN TER2@h:80",
        'http://u:HUN"TER2@h',
        "https://HUNTER2@github.com/x.git",
        "redis://:HUNTER2@h",
        "DATABASE_URL=postgres://app:HUNTER2@db/x?sslmode=require",
        "app:HUNTER2@tcp(db:3306)/x",
        "Server=h;Uid=a;Pwd=HUNTER2;",
        "jdbc:postgresql://db/x?user=a&password=HUNTER2",
        "Authorization: Bearer HUNTER2",
        "'Authorization': 'Bearer HUNTER2'",
        "{'authorization': ['Basic HUNTER2']}",
        "Proxy-Authorization: Basic HUNTER2",
        "Cookie: a=b; session=HUNTER2",
        "a bearer HUNTER2abc was refused",
        "Basic aHVudGVyOkhVTlRFUjI=",
        "password=HUNTER2",
        "password : HUNTER2",
        "DB_PASSWORD=HUNTER2 next",
        "PGPASSWORD='HUN TER2' psql",
        "apiToken=>HUNTER2",
        "X-Auth-Token: HUNTER2",
        "api-key: HUNTER2",
        '{"password": "HUN\\"TER2", "x": 1}',
        '{\\"password\\":\\"HUNTER2\\",\\"user\\":\\"me\\"}',
        "{'token': 'HUNTER2', 'a': 1}",
        '{"token": "HUNTER2 that was cut',
        "kubeadm join --token HUNTER2 --x",
        "-var=db_password=HUNTER2",
        "password: |\n  HUNTER2\n  HUNTER2\nnext: x",
        "<password>HUNTER2</password>",
        "aws_secret_access_key = HUN/TER2+x",
        "https://x/?X-Amz-Signature=HUNTER2",
        "https://x/?sv=1&sig=HUNTER2",
        "AGE-SECRET-KEY-1HUNTER2HUNTER2",
        "eyJhbGciOiJIUzI1NiJ9.HUNTER2HUNTER2.sig",
        "ghp_HUNTER2HUNTER2HUNTER2",
        "nvapi-HUNTER2HUNTER2HUNTER2",
        "A3-HUNTER-HUNTE2-TER22-TER22-TER22-TER22",
        "https://x.webhook.office.com/webhookb2/00000000-1111-2222-3333-444444444444@5555/IncomingWebhook/HUNTER2HUNTER2/6666",
        "$argon2id$v=19$m=65536,t=3,p=4$HUNTER2HUNTER2$HUNTER2HUNTER2",
        'Authorization: Digest username="x", realm="y", response="HUNTER2HUNTER2"',
        'authorization: [Digest username="x", response="HUNTER2HUNTER2"]',
        "bindpw HUNTER2",
        "ldap_default_authtok = HUNTER2",
        'proxy_set_header X-Api-Key "HUNTER2";',
        "unauthorized: password 1HUNTER2aaaa was refused",
        "sha256~HUNTER2HUNTER2HUNTER2",
        "https://hooks.slack.com/services/T0/B0/HUNTER2",
        "-----BEGIN RSA PRIVATE KEY-----\nHUNTER2\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nHUNTER2 and then it was cut",
        "client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQHUNTER2",
        "x LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tHUNTER2",
    ],
)
def test_a_credential_is_hidden_and_hidden_again_is_the_same(text: str) -> None:
    said = redacted(text)
    assert HIDDEN in said
    assert not [part for part in ("HUN", "TER2", "aHVud") if part in said]
    assert redacted(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "https://host/path?mail=a@b.c",
        "http://host:8080/users/@me",
        "docker://registry:5000/image@sha256:0123",
        "nginx:1.25@sha256:0123",
        "service://euystacio-ai/opa-service:8181",
        '{"a":"http://h","b":"x@y"}',
        "http://h:80 said a@b",
        "a bearer token for OPA",
        "Basic information",
        "secretName: db",
        "passwordSecretRef: db",
        "auth: disabled",
        "authorization: none",
        "password policy updated",
        "the password reset-2026-11-27 ended",
        "proxy_set_header X-Api-Key $http_x_api_key;",
        "EAA is short for a term",
        "secretKeyRef: {name: db}",
        "token_path: /var/run/x",
        "client_key: there is no file /x; give a PEM file",
        'secrets is forbidden: User "system:serviceaccount:a:b" cannot list resource "secrets" in API group "" at the cluster scope',
        "Secret default/db has no key x",
        "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
        "-----BEGIN PUBLIC KEY-----",
        "2026-11-26T12:00:00Z GET /metrics 200",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "//", "//a:", "a:", "password ", "password=", "-----BEGIN PRIVATE KEY-----", 'token:"', "-", "eyJ", "eyJaaaaaaaa."),
        *("--token ", "http://a@", "secret" + " " * 40, "password\\", "password:|\n ", "a.b", "basic ", "bearer", "LS0tLS1CRUdJTi"),
        *("\x1b[", "authorization:", "cookie=", "mysql"),
    ],
)
def test_the_time_grows_with_the_text_whatever_it_is(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.monotonic()
    clean(redacted(text))
    assert time.monotonic() - started < 10


@given(st.text())
def test_whatever_comes_is_clean_on_one_line(text: str) -> None:
    assert not [c for c in clean(text) if unicodedata.category(c) in CLEAN]
    assert not [c for c in outgoing(text) if unicodedata.category(c) in CLEAN and c not in "\n\t"]


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'<>@"), min_size=4).map(
    lambda text: f"HUN{text}TER"
)


@given(secrets)
def test_a_password_of_any_characters_is_hidden(secret: str) -> None:
    for text in (f"http://user:{secret}@host/x", f"password={secret}", f'"token": {secret!r}'):
        assert "HUN" not in redacted(text)
        assert "TER" not in redacted(text)


def test_sequences_of_the_terminal_go() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \u202eeno\u2028two\r\n\x9b2J") == "red  ]52;c;aGk=   eno two  "
    assert clean("x" * 50, limit=10) == "xxxxxxx..."


def test_names() -> None:
    assert [name for name in ("DB_PASSWORD", "apiToken", "token", "secretName", "tokens", "api_key", "author") if is_secret_name(name)] == [
        *("DB_PASSWORD", "apiToken", "token", "api_key"),
    ]


def test_a_value_goes_out_without_credentials_at_any_depth() -> None:
    value = {"a": ["http://u:HUNTER2@h", {"password": "HUNTER2", "count": 3}], "log": ("x\n\x1b[2Jy",), "none": None}
    assert outgoing(value) == {"a": [f"http://{HIDDEN}@h", {"password": HIDDEN, "count": 3}], "log": ["x\ny"], "none": None}


def test_a_sentence_never_has_a_credential_nor_a_control_character() -> None:
    error = SalvageError("http://u:HUNTER2@h:9O90 said \x1b[31m'token=HUNTER2'", reason="bad_input")
    assert str(error) == f"http://{HIDDEN}@h:9O90 said 'token={HIDDEN}'"
    assert "HUN" not in redacted("http://user:HUNTER2 whose rest was cut"[:18])
    assert "HUN" not in shown("http://user:" + "HUNTER2" * 20 + "@host")


class EndedError(Exception):
    pass


class Module:
    def __init__(self) -> None:
        self.result: dict[str, object] = {}

    def exit_json(self, **result: object) -> None:
        self.result = result

    def fail_json(self, **result: object) -> None:
        self.result = result
        raise EndedError


def test_a_module_ends_without_credentials() -> None:
    module = Module()
    conclude(module, lambda: {"changed": False, "log": ["password=HUNTER2 \x1b]0;x\x07"]})
    assert module.result == {"changed": False, "log": [f"password={HIDDEN}  ]0;x "]}
    with pytest.raises(EndedError):
        conclude(module, lambda: {"failed": True, "msg": "http://u:HUNTER2@h"})
    assert module.result == {"failed": True, "msg": f"http://{HIDDEN}@h"}


def test_that_a_hidden_value_has_changed_is_still_said() -> None:
    shown_values = {"password": "(hidden, changed)", "token": "(hidden, changed) x", "secret": "(hidden)"}
    assert outgoing(shown_values) == {"password": "(hidden, changed)", "token": HIDDEN, "secret": HIDDEN}
    secret = {"kind": "Secret", "data": {"a": "(hidden, changed)", "b": "aGVsbG8=", "c": "", "d": None, "e": 5}}
    assert outgoing(secret)["data"] == {"a": "(hidden, changed)", "b": HIDDEN, "c": "", "d": None, "e": HIDDEN}


def test_of_a_secret_in_a_line_of_json_the_name_stays() -> None:
    line = '{"kind":"Secret","metadata":{"name":"db","namespace":"a","labels":{"app":"x"}},"type":"Opaque","data":{"k":"aGVsbG8="}}'
    assert redacted(line) == line.replace("aGVsbG8=", HIDDEN)


def test_a_defect_of_ours_quotes_no_credential_either() -> None:
    with pytest.raises(KeyError, match=r"password=.hidden"):
        conclude(Module(), lambda: {}["password=HUNTER2"])


def test_a_header_of_any_name_can_hold_a_credential() -> None:
    headers = {"X-Gate": "planted-1", "Content-Type": "application/json", "X-Env": "blue", "X-Api-Key": "pl-2", "X-Count": 1}
    assert credentials_in({"journey": [{"path": "/", "headers": headers}]}) == {"planted-1", "pl-2"}


def test_the_credentials_in_options_are_found_wherever_they_stand() -> None:
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": "https://h:6443", "proxy-url": "http://me:proxy-pw@p:3128"}}],
        "users": [
            {"name": "a", "user": {"token": "user-token", "client-key-data": "LS0tLS1", "client-certificate-data": "public"}},
            {"name": "b", "user": {"auth-provider": {"config": {"id-token": "id-token-1", "client-secret": "cs-1", "cmd-path": "/x"}}}},
            {"name": "c", "user": {"exec": {"env": [{"name": "API_TOKEN", "value": "env-token"}, {"name": "REGION", "value": "eu"}]}}},
        ],
    }
    options = {"kubeconfig": kubeconfig, "url": "http://u:p%40ss-w0rd@h", "name": "n", "none": None, "count": 3, "opa_token": ""}
    assert credentials_in(options) == {
        *("http://me:proxy-pw@p:3128", "me:proxy-pw", "proxy-pw", "user-token", "LS0tLS1", "id-token-1", "cs-1", "env-token"),
        *("http://u:p%40ss-w0rd@h", "u:p%40ss-w0rd", "p%40ss-w0rd", "p@ss-w0rd"),
    }
