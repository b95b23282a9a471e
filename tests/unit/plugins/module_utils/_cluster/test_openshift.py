# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.euystacio.meta_salvage.plugins.lookup import openshift_session as lookup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.openshift import (
    OpenShiftSession,
    openshift_session,
    session_of,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

TOKEN = "sha256~" + "Ab3dEfGh1jKlMn0pQrSt" * 2
AUTHORITY = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
# As the library has it; ANSWERS has what oc says to each verb.
LIBRARY = """
import contextlib
CALLS, ANSWERS = [], {}
class OpenShiftPythonException(Exception): pass
def _context(*args, **more):
    CALLS.append((args, more))
    return contextlib.nullcontext()
client_path = api_server = options = timeout = _context
class _Result:
    def __init__(self, answer): self._answer = answer
    def status(self): return self._answer[0]
    def out(self): return self._answer[1]
    def err(self): return self._answer[2]
def invoke(verb, args, no_namespace=False, auto_raise=True):
    CALLS.append((verb, args))
    if ANSWERS[verb] is None:
        raise OpenShiftPythonException("timed out")
    return _Result(ANSWERS[verb])
"""


def view(user: dict[str, Any] | None = None, namespace: str = "shop", **cluster: Any) -> str:
    named = {"cluster": {"server": "https://api.example.com:6443", **cluster}, "user": {"token": TOKEN} if user is None else user}
    named["context"] = {"namespace": namespace} if namespace else {}
    return json.dumps({f"{kind}s": [{"name": "a", kind: one}] for kind, one in named.items()})


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "openshift_client.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(lookup, "_known", {})
    sys.modules.pop("openshift_client", None)
    found = __import__("openshift_client")
    found.ANSWERS.update({"config": (0, view(), ""), "get": (0, "{}", "")})
    yield found
    sys.modules.pop("openshift_client", None)


def looked_up(term: str, **options: Any) -> Any:
    plugin = lookup.LookupModule()
    plugin.set_options = lambda **_more: None  # type: ignore[method-assign]
    plugin.get_option = lambda name, **_more: {"kubeconfig": "", "context": "", "executable": "oc", **options}[name]  # type: ignore[method-assign]
    return plugin.run([term])[0]


def test_the_session_has_the_server_the_token_and_the_project(library: Any) -> None:
    session = openshift_session("/k", "prod")
    assert (session.server, session.token, session.project) == ("https://api.example.com:6443", TOKEN, "shop")
    assert TOKEN not in repr(session)
    assert ((), {"kubeconfig_path": "/k"}) in library.CALLS
    assert (({"context": "prod"},), {}) in library.CALLS
    assert TOKEN not in str(library.CALLS)


def test_the_login_is_one_for_the_modules(library: Any) -> None:
    library.ANSWERS["config"] = (
        0,
        view(**{"certificate-authority-data": base64.b64encode(AUTHORITY).decode(), "proxy-url": "http://p:3128"}),
        "",
    )
    login = looked_up("login")
    assert {name: login[name] for name in ("host", "api_key", "proxy")} == {
        "host": "https://api.example.com:6443",
        "api_key": TOKEN,
        "proxy": "http://p:3128",
    }
    assert Path(login["ca_cert"]).read_bytes() == AUTHORITY
    assert looked_up("login") == login
    assert looked_up("project") == "shop"
    assert len([call for call in library.CALLS if call[0] == "get"]) == 1


def test_a_cluster_that_is_not_verified_has_no_authority(library: Any) -> None:
    library.ANSWERS["config"] = (0, view(**{"insecure-skip-tls-verify": True}), "")
    assert looked_up("login") == {"host": "https://api.example.com:6443", "api_key": TOKEN, "validate_certs": False}


@pytest.mark.parametrize(
    ("verb", "answer", "says"),
    [
        (
            "get",
            (1, "", "error: You must be logged in to the server (Unauthorized)"),
            "has expired, or its token was revoked; log in again",
        ),
        ("get", (1, "", "Unable to connect to the server: dial tcp: no such host"), "does not answer oc"),
        ("get", None, "does not answer oc"),
        ("get", (1, "", f"odd: {TOKEN}"), "oc get --raw /version failed"),
        ("config", (1, "", "error: current-context must exist in order to minify"), "oc has no session"),
        ("config", (0, "{}", ""), "names no API server"),
        ("config", (0, "no JSON", ""), "not JSON"),
        ("config", (0, view(user={"client-certificate-data": "eA=="}), ""), "has no token"),
        ("config", (0, view(**{"tls-server-name": "x"}), ""), "tls-server-name"),
        ("config", (0, view(**{"certificate-authority-data": "!"}), ""), "not base64"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_without_the_token(library: Any, verb: str, answer: Any, says: str) -> None:
    library.ANSWERS[verb] = answer
    with pytest.raises(AnsibleLookupError, match=says) as caught:
        looked_up("login")
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_oc_or_the_library_it_is_said_what_to_install(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openshift_client", None)
    with pytest.raises(SalvageError, match="pip install openshift-client"):
        openshift_session()
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(SalvageError, match="there is no program oc"):
        openshift_session()


def test_the_project_is_default_where_none_is_chosen() -> None:
    assert session_of(view(namespace="")) == OpenShiftSession("https://api.example.com:6443", TOKEN, "default")


def test_an_unknown_term_is_refused(library: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="not one of login and project"):
        looked_up("token")
