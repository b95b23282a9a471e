# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a kubeconfig nor a proxy of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def kubeconfig(server: str = "https://10.0.0.1:6443", cluster: Any = None, **user: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "other", "context": {"cluster": "c", "user": "nobody"}},
        ],
    }


def failure(options: dict[str, Any]) -> str:
    with pytest.raises(SalvageError) as caught:
        Cluster.connect(options)
    sentence = str(caught.value)
    assert caught.value.reason == "bad_input"
    assert "\n" not in sentence
    assert SECRET not in sentence
    return sentence


def test_a_parameter_comes_before_the_environment() -> None:
    environ = {"K8S_AUTH_HOST": "https://env", "K8S_AUTH_API_KEY": "env"}
    assert auth.auth_options({"host": "https://given"}, environ) == {"host": "https://given", "api_key": "env"}


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({"K8S_AUTH_VALIDATE_CERTS": "No"}, {"validate_certs": False}),
        ({"K8S_AUTH_VERIFY_SSL": "0"}, {"validate_certs": False}),
        ({"K8S_AUTH_VERIFY_SSL": "1"}, {"validate_certs": True}),
        ({"K8S_AUTH_SSL_CA_CERT": "/ca"}, {"ca_cert": "/ca"}),
        ({"K8S_AUTH_CERT_FILE": "/c", "K8S_AUTH_KEY_FILE": "/k"}, {"client_cert": "/c", "client_key": "/k"}),
        ({"K8S_AUTH_IMPERSONATE_GROUPS": "a,,b"}, {"impersonate_groups": ["a", "b"]}),
        ({"K8S_AUTH_PROXY_HEADERS_USER_AGENT": "me"}, {"proxy_headers": {"user_agent": "me"}}),
        ({"K8S_AUTH_KUBECONFIG": "", "KUBECONFIG": "/k"}, {}),
    ],
)
def test_the_environment(environ: dict[str, str], options: dict[str, Any]) -> None:
    assert auth.auth_options({}, environ) == options


def test_false_is_given() -> None:
    assert auth.auth_options({"validate_certs": False}, {"K8S_AUTH_VALIDATE_CERTS": "true"}) == {"validate_certs": False}


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"host": "https://h", "api_key": SECRET}, f"Bearer {SECRET}"),
        ({"host": "https://h", "username": "u", "password": "p"}, "Basic dTpw"),
        ({"kubeconfig": kubeconfig(token=SECRET)}, f"Bearer {SECRET}"),
        ({"kubeconfig": kubeconfig(username="u", password="p")}, "Basic dTpw"),
        ({"kubeconfig": kubeconfig(token="old"), "api_key": SECRET}, f"Bearer {SECRET}"),
    ],
)
def test_logins(options: dict[str, Any], header: str) -> None:
    login = auth.login({**options, "impersonate_user": "jane", "impersonate_groups": ["ops", "dev"]})
    headers = {name.lower(): value for name, value in login.headers.items()}
    assert headers == {"authorization": header, "impersonate-user": "jane", "impersonate-group": ["ops", "dev"]}
    assert SECRET not in repr(login)


def test_the_host_of_a_kubeconfig_can_be_given() -> None:
    login = auth.login({"kubeconfig": kubeconfig(token="t"), "host": "https://tunnel:1"})
    assert login.server == "https://tunnel:1"


def test_certificates_of_a_kubeconfig_hold(secure: Any, pem: Any) -> None:
    server, shown = secure
    server.answers["/version"] = {"gitVersion": "v1.34.4"}
    mine = pem("client")
    user = {"client-certificate-data": mine.cert_data, "client-key-data": mine.key_data}
    trusting = kubeconfig(server.url, {"certificate-authority-data": shown.cert_data}, **user)
    assert Cluster.connect({"kubeconfig": trusting}).get_json("/version") == {"gitVersion": "v1.34.4"}
    careless = kubeconfig(server.url, {"insecure-skip-tls-verify": True}, **user)
    assert Cluster.connect({"kubeconfig": careless}).get_json("/version") == {"gitVersion": "v1.34.4"}
    assert Cluster.connect({"kubeconfig": kubeconfig(server.url), "validate_certs": False}).get_json("/version")
    for wrong in (kubeconfig(server.url), kubeconfig(server.url, {"certificate-authority-data": mine.cert_data})):
        with pytest.raises(SalvageError) as caught:
            Cluster.connect({"kubeconfig": wrong}).get_json("/version")
        assert caught.value.reason == "tls"


def test_where_the_kubeconfig_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure({}) == "there is no kubeconfig ~/.kube/config; set the option kubeconfig, or KUBECONFIG, to the file of the cluster"
    for number, path in enumerate((tmp_path / ".kube/config", tmp_path / "env", tmp_path / "given"), 1):
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(kubeconfig(f"https://h{number}", token="t")))
    assert Cluster.connect({}).server == "https://h1"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "env"))
    assert Cluster.connect({}).server == "https://h2"
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}{os.pathsep}{tmp_path / 'env'}")
    assert Cluster.connect({}).server == "https://h2"
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(tmp_path / "given"))
    assert Cluster.connect({}).server == "https://h3"
    assert Cluster.connect({"kubeconfig": str(tmp_path / ".kube/config")}).server == "https://h1"
    assert Cluster.connect({"kubeconfig": "~/.kube/config"}).server == "https://h1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be used"),
        ("[]", "cannot be used"),
        ("- a\n- b\n", "cannot be used"),
        ("just text", "cannot be used"),
        (f"token: {SECRET}\n  bad: [", "is not YAML in line 2"),
        ("\x00\x01", "cannot be used"),
        (yaml.safe_dump({**kubeconfig(token=SECRET), "current-context": "none"}), "cannot be used"),
        (yaml.safe_dump({**kubeconfig(token=SECRET), "users": []}), "cannot be used: its context names the user u, who is not in it"),
        (yaml.safe_dump({**kubeconfig(token=SECRET), "clusters": None}), "cannot be used"),
        (
            yaml.safe_dump(kubeconfig(cluster={"certificate-authority-data": "%%%"}, token=SECRET)),
            "its certificate-authority-data is not base64",
        ),
        (yaml.safe_dump(kubeconfig(cluster={"certificate-authority": "/nowhere/ca.crt"}, token=SECRET)), "/nowhere/ca.crt"),
        (yaml.safe_dump(kubeconfig(**{"client-certificate": "/nowhere/c.crt", "client-key": "/nowhere/c.key"})), "/nowhere/c.crt"),
    ],
)
def test_bad_kubeconfigs_are_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    sentence = failure({"kubeconfig": str(path)})
    assert sentence.startswith(f"the kubeconfig {path} ")
    assert says in sentence
    data = None if "\x00" in text or "is not YAML" in says else yaml.safe_load(text)
    if isinstance(data, dict):
        assert failure({"kubeconfig": data}).startswith("the kubeconfig that was given as data cannot be used")


def test_a_context_without_a_user_or_that_is_not_there() -> None:
    for context, says in (("other", "nobody"), ("third", "third")):
        assert says in failure({"kubeconfig": kubeconfig(token=SECRET), "context": context})


def test_a_folder_for_a_kubeconfig(tmp_path: Path) -> None:
    assert failure({"kubeconfig": str(tmp_path)}).startswith(f"the kubeconfig {tmp_path} cannot be used")


@pytest.mark.parametrize(("option", "other"), [("ca_cert", {}), ("client_cert", {"client_key": "/nowhere/k"}), ("client_key", {})])
def test_files_that_are_not_there(option: str, other: dict[str, str], tmp_path: Path) -> None:
    there = tmp_path / "there.pem"
    there.write_text("")
    given = {"host": "https://h", "api_key": SECRET, **other, option: "/nowhere/x.pem"}
    assert failure(given) == f"{option}: there is no file /nowhere/x.pem; give a PEM file"


def test_a_kubeconfig_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    assert failure({"kubeconfig": str(path)}) == f"the kubeconfig {path} may not be read by this user; change its owner or mode"


def test_proxies() -> None:
    given = {"host": "https://h:6443", "api_key": "t", "proxy": "http://p:3128"}
    assert auth.login(given).proxy == "http://p:3128"
    assert auth.login({**given, "no_proxy": "h"}).proxy is None
    assert Cluster.connect({**given, "proxy_headers": {"user_agent": "me"}}).server == "https://h:6443"
    assert "cannot be used" in failure({**given, "proxy": "nonsense://p"})


@pytest.mark.parametrize(("host", "server"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")])
def test_a_pod_of_the_cluster_logs_in_as_its_service_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pem: Any, host: str, server: str
) -> None:
    monkeypatch.setattr(auth, "ACCOUNT", tmp_path)
    inside = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    assert "there is no kubeconfig" in failure_of(lambda: auth.login({}, inside))
    (tmp_path / "token").write_text("of-the-pod\n")
    (tmp_path / "ca.crt").write_bytes(pem().certificate)
    login = auth.login({}, inside)
    assert (login.server, login.headers) == (server, {"authorization": "Bearer of-the-pod"})
    assert login.tls["cert_reqs"] == "CERT_REQUIRED"
    chosen = auth.login({"kubeconfig": kubeconfig(token="t")}, inside)
    assert chosen.server == "https://10.0.0.1:6443"


@pytest.mark.parametrize("value", [f"{SECRET}\nx", f"{SECRET}\x1b[0m", f"{SECRET} x", f"{SECRET}\u20ac", "\n"])
def test_what_no_header_can_carry_is_refused_and_never_quoted(value: str) -> None:
    assert failure({"host": "https://h", "api_key": value}).startswith("the option api_key ")
    assert auth.login({"host": "https://h", "api_key": f"{SECRET}\r\n"}).headers["authorization"] == f"Bearer {SECRET}"
    with pytest.raises(SalvageError, match="the option opa_token") as caught:
        Routes({"opa_token": value}, 1.0, prefix="opa_").open("https://opa").get("/")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"host": f"https://u:{SECRET}@h:6a43", "api_key": "t"},
        {"host": f"https://u:{SECRET}@h", "api_key": "t"},
        {"host": f"ftp://u:{SECRET}@h", "api_key": "t"},
        {"host": f"https://u:{SECRET}#x@h", "api_key": "t"},
        {"host": f"https://u:{SECRET}?x@h", "api_key": "t"},
        {"host": "h:6443", "api_key": "t"},
        {"host": "https://h", "api_key": "t", "proxy": f"http://u:{SECRET}@p:3l28"},
        {"host": "https://h", "api_key": "t", "proxy": f"socks5://u:{SECRET}@p"},
        {"host": "https://h", "username": "u", "password": f"{SECRET}\x00"},
    ],
)
def test_an_address_or_a_login_that_can_not_be_used_is_not_quoted(options: dict[str, Any]) -> None:
    failure(options)


def failure_of(action: Any) -> str:
    with pytest.raises(SalvageError) as caught:
        action()
    return str(caught.value)


@pytest.mark.parametrize("certificate", [b"", b"nonsense"])
def test_what_is_no_certificate_has_not_expired(certificate: bytes) -> None:
    assert auth.expired(certificate) == ""
