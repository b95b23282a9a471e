# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth, exec_plugin
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.kubeconfig import contexts_in
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def pair(password: bytes = b"") -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "admin")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


CERTIFICATE, KEY = pair()


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(user: Any = None, **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}, {"name": "two", "context": {"cluster": "d", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://one:6443/", "certificate-authority-data": data(CERTIFICATE), **cluster}},
            {"name": "d", "cluster": {"server": "http://two:8080"}},
        ],
        "users": [{"name": "u", "user": {"token": "secret-token"} if user is None else user}],
    }


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def failure(action: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(SalvageError) as caught:
        action()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "secret" not in sentence
    return caught.value.reason, sentence


def refusal(user: Any = None, **cluster: Any) -> str:
    """The sentence about a kubeconfig that can't be used, without its beginning."""
    reason, sentence = failure(lambda: auth.login({"kubeconfig": kubeconfig(user, **cluster)}, {}).tls)
    assert reason == ("unauthorized" if "gave no token" in sentence else "bad_input")
    return sentence.partition(" cannot be used: ")[2]


BASIC = "Basic " + data("ann:secret-password")
CERTIFIED = {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY)}


@pytest.mark.parametrize(
    ("user", "header", "certified"),
    [
        ({}, None, False),
        (None, "Bearer secret-token", False),
        ({"token": " secret-token\r\n"}, "Bearer secret-token", False),
        ({"username": "ann", "password": "secret-password\n"}, BASIC, False),
        ({"username": "ann", "password": "pass wörd €"}, "Basic " + data("ann:pass wörd €"), False),
        (CERTIFIED, None, True),
        ({**CERTIFIED, "token": "secret-token"}, "Bearer secret-token", True),
        ({**CERTIFIED, "exec": None, "tokenFile": "", "extensions": []}, None, True),
    ],
)
def test_what_a_user_logs_in_with(user: Any, header: str | None, certified: bool) -> None:
    found = auth.login({"kubeconfig": kubeconfig(user)}, {})
    assert found.server == "https://one:6443"
    assert found.headers.get("authorization") == header
    assert bool(found.certificate) is bool(found.key) is certified
    assert found.tls["cert_reqs"] == "CERT_REQUIRED"
    assert auth.login({"kubeconfig": kubeconfig(user), "context": "two"}, {}).tls == {}


def test_files_are_beside_the_kubeconfig(tmp_path: Path) -> None:
    for name, text in (("ca.crt", CERTIFICATE), ("me.crt", CERTIFICATE), ("me.key", KEY), ("token", "secret-token\n")):
        (tmp_path / name).write_text(text)
    config = kubeconfig({"client-certificate": "me.crt", "client-key": "me.key", "tokenFile": "token"})
    config["clusters"][0]["cluster"] = {"server": "https://one:6443", "certificate-authority": "ca.crt", "tls-server-name": "one.local"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    found = auth.login({}, {"KUBECONFIG": str(tmp_path / "config")})
    assert found.headers == {"authorization": "Bearer secret-token"}
    assert found.certificate.decode() == CERTIFICATE
    assert found.tls["server_hostname"] == "one.local"
    assert len(found.tls["ssl_context"].get_ca_certs(binary_form=True)) <= 1
    for name, field in (("me.key", "client-key"), ("token", "tokenFile"), ("ca.crt", "certificate-authority")):
        (tmp_path / name).rename(tmp_path / "away")
        _reason, says = failure(lambda: auth.login({}, {"KUBECONFIG": str(tmp_path / "config")}))
        assert f"its {field} {tmp_path / name} can't be read: No such file" in says
        (tmp_path / "away").rename(tmp_path / name)


@pytest.mark.parametrize(("options", "verified"), [({}, False), ({"validate_certs": True}, True)])
def test_validation_is_as_the_kubeconfig_says_unless_an_option_says_otherwise(options: dict[str, Any], verified: bool) -> None:
    config = kubeconfig(**{"insecure-skip-tls-verify": True, "certificate-authority-data": None})
    found = auth.login({"kubeconfig": config, **options}, {})
    assert found.tls["ssl_context"].check_hostname is verified
    assert found.tls["cert_reqs"] == ("CERT_REQUIRED" if verified else "CERT_NONE")


ACTING = {"as": "jane", "as-groups": ["ops", "dev"], "as-uid": "7", "as-user-extra": {"Reason for/it": ["a", "b"]}}


def test_whom_the_kubeconfig_acts_as() -> None:
    found = auth.login({"kubeconfig": kubeconfig({"token": "secret-token", **ACTING})}, {})
    assert found.headers == {
        "authorization": "Bearer secret-token",
        "Impersonate-User": "jane",
        "Impersonate-Group": ["ops", "dev"],
        "Impersonate-Uid": "7",
        "Impersonate-Extra-Reason%20for%2Fit": ["a", "b"],
    }
    options = {"kubeconfig": kubeconfig({"token": "secret-token", **ACTING}), "impersonate_user": "eve", "impersonate_groups": ["qa"]}
    headers = auth.login(options, {}).headers
    assert (headers["Impersonate-User"], headers["Impersonate-Group"]) == ("eve", ["qa"])


def test_nobody_is_acted_as_through_the_library() -> None:
    found = auth.login({"kubeconfig": kubeconfig({"token": "secret-token", "as": "jane"})}, {})
    reason, says = failure(lambda: auth.core_api(found).__enter__())
    assert (reason, "can't act as another user" in says) == ("bad_input", True)


@pytest.mark.parametrize("groups", [{"as-groups": ["ops"]}, {"as-uid": "7"}, {"as-user-extra": {"a": ["b"]}}])
def test_groups_of_nobody_are_refused(groups: dict[str, Any]) -> None:
    assert "but no user; name the user" in refusal({"token": "secret-token", **groups})
    if "as-groups" in groups:
        given = {"kubeconfig": kubeconfig(), "impersonate_groups": groups["as-groups"]}
        assert "but no user; name the user" in failure(lambda: auth.login(given, {}))[1]


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"token": 4711}, "the token of its user u is not text"),
        ({"token": "secret\ntoken"}, "its token is empty, or not printable"),
        ({"token": "\x1b[31msecret"}, "its token is empty, or not printable"),
        ({"token": "secret token"}, "its token holds blanks"),
        ({"token": " \n"}, "its token is empty"),
        ({"username": "ann"}, "its login is a username without a password"),
        ({"password": "secret"}, "its login is a username without a password"),
        ({"username": "an:n", "password": "secret"}, "its login is a username"),
        ({"username": "ann", "password": "sec\x00ret"}, "its login is a username"),
        ({"username": "ann", "password": 12}, "the password of its user u is not text"),
        ({"token": "secret", "tokenFile": "/t"}, "its user u has both token and tokenFile"),
        ({"token": "secret", "username": "ann", "password": "secret"}, "its user u has both token and username"),
        ({"exec": {"command": "x"}, "auth-provider": {"name": "oidc"}}, "its user u has both exec and auth-provider"),
        ({**CERTIFIED, "client-key": "/k"}, "its user u has both client-key and client-key-data"),
        ({**CERTIFIED, "client-certificate": "/k"}, "its user u has both client-certificate and client-certificate-data"),
        ({"client-certificate-data": data(CERTIFICATE)}, "its user has a client-certificate without a client-key"),
        ({"client-key-data": data(KEY)}, "its user has a client-key without a client-certificate"),
        ({**CERTIFIED, "client-key-data": data(pair(b"locked")[1])}, "or the key has a passphrase"),
        ({**CERTIFIED, "client-key-data": data(pair()[1])}, "do not fit each other"),
        ({**CERTIFIED, "client-key-data": "%%%"}, "its client-key-data is not base64"),
        ({"auth-provider": {"name": "azure"}}, "its auth-provider azure is not one of gcp, oidc"),
        ({"auth-provider": {}}, "its auth-provider None is not one of gcp, oidc"),
        ({"auth-provider": {"name": "oidc", "config": {}}}, "its auth-provider oidc gave no token"),
        ({"as": ["jane"]}, "the as of its user u is not text"),
        ({"as": True}, "the as of its user u is not text"),
        ({"as": "ja\nne"}, "the user of its user is empty, or not printable"),
        ({"as": "jane", "as-groups": "ops"}, "the as-groups of its user u is not a list"),
        ({"as": "jane", "as-groups": [1]}, "a group of its user is empty, or not printable"),
        ({"as": "jane", "as-user-extra": {"a": "b"}}, "a value of its as-user-extra is not a list"),
        ({"as": "jane", "as-user-extra": ["b"]}, "the as-user-extra of its user u is not a mapping"),
        ({"impersonate": "jane"}, "its user u has the field impersonate, which is not known here"),
        (["token"], "its user u is not a mapping"),
    ],
)
def test_what_a_user_can_not_log_in_with_is_one_sentence(user: Any, says: str) -> None:
    assert says in refusal(user)


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        ({"insecure-skip-tls-verify": "false"}, "the insecure-skip-tls-verify of its cluster c is not true or false"),
        ({"insecure-skip-tls-verify": "no"}, "the insecure-skip-tls-verify of its cluster c is not true or false"),
        ({"insecure-skip-tls-verify": 0}, "the insecure-skip-tls-verify of its cluster c is not true or false"),
        ({"insecure-skip-tls-verify": []}, "the insecure-skip-tls-verify of its cluster c is not true or false"),
        ({"insecure-skip-tls-verify": True}, "has both certificate-authority-data and insecure-skip-tls-verify"),
        ({"certificate-authority": "/ca"}, "has both certificate-authority and certificate-authority-data"),
        ({"certificate-authority-data": "%%%"}, "its certificate-authority-data is not base64"),
        ({"certificate-authority-data": data("no certificate")}, "the certificate authority is not a certificate in PEM"),
        ({"certificate-authority-data": 3}, "the certificate-authority-data of its cluster c is not text"),
        ({"tls-server-name": 3}, "the tls-server-name of its cluster c is not text"),
        ({"server": None}, "its server cannot be used: it is not an http or https address"),
        ({"server": "one:6443"}, "its server cannot be used: it is not an http or https address"),
        ({"server": "https://one:6a43"}, "its server cannot be used: it is not an http or https address"),
        ({"server": "https://ann:secret@one"}, "its server holds a user name or a password"),
        ({"server": "https://one?token=secret"}, "its server cannot be used"),
        ({"proxy-url": "socks5://proxy:1080"}, "its proxy-url cannot be used: it is not an http or https address"),
        ({"proxy-url": "http://ann:secret@proxy:3l28"}, "its proxy-url cannot be used"),
        ({"proxy-url": ["http://proxy"]}, "the proxy-url of its cluster c is not text"),
        ({"proxy": "http://proxy"}, "its cluster c has the field proxy, which is not known here"),
    ],
)
def test_what_a_cluster_can_not_be_reached_by_is_one_sentence(cluster: dict[str, Any], says: str) -> None:
    assert says in refusal(**cluster)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"current-context": ""}, "it has no current-context; set the option context"),
        ({"current-context": None}, "it has no current-context; set the option context"),
        ({"current-context": "none"}, "it has no context none"),
        ({"users": None}, "its context names the user u, who is not in it"),
        ({"clusters": []}, "its context names the cluster c, which is not in it"),
        ({"users": {}}, "its context names the user u"),
        ({"users": ["u"]}, "its users are not a list of mappings"),
        ({"users": "u"}, "its users are not a list of mappings"),
        ({"users": [{"name": "u", "user": {}}] * 2}, "it has the user u twice"),
        ({"contexts": [{"name": "one", "context": {"cluster": "c"}}]}, "its context one names no user"),
        ({"contexts": [{"name": "one", "context": {"user": "u"}}]}, "its context one names no cluster"),
        ({"contexts": [{"name": "one", "context": ["c"]}]}, "its context one is not a mapping"),
    ],
)
def test_what_is_not_a_kubeconfig_is_one_sentence(change: dict[str, Any], says: str) -> None:
    _reason, sentence = failure(lambda: auth.login({"kubeconfig": {**kubeconfig(), **change}}, {}))
    assert sentence.startswith("the kubeconfig that was given as data cannot be used: ")
    assert says in sentence


def test_of_several_files_the_first_that_says_something_counts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/token").write_text("secret-of-sub")
    one, two = kubeconfig(), kubeconfig({"tokenFile": "token"})
    one["users"], one["current-context"] = [], ""
    two["clusters"][0]["cluster"]["server"] = "https://never"
    (tmp_path / "one").write_text(yaml.safe_dump(one))
    (tmp_path / "sub/two").write_text(yaml.safe_dump(two))
    places = os.pathsep.join(map(str, (tmp_path / "gone", tmp_path / "one", tmp_path / "sub/two")))
    for options, environ in (({}, {"KUBECONFIG": places}), ({"kubeconfig": places}, {})):
        found = auth.login(options, environ)
        assert (found.server, found.headers["authorization"]) == ("https://one:6443", "Bearer secret-of-sub")
    (tmp_path / "sub/two").write_text("a: [}")
    assert "sub/two is not YAML in line 1" in failure(lambda: auth.login({"kubeconfig": places}, {}))[1]


@pytest.mark.parametrize("place", ["kubeconfig", "option", "environment", "environment without a scheme"])
def test_a_proxy_is_obeyed(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "http://ann:p%40ss@proxy:3128"
    config = kubeconfig(**({"proxy-url": address} if place == "kubeconfig" else {}))
    options = {"kubeconfig": config, **({"proxy": address} if place == "option" else {})}
    if "environment" in place:
        monkeypatch.setenv("HTTPS_PROXY", address if place == "environment" else address.partition("//")[2])
    found = auth.login(options, {})
    assert (found.proxy, found.proxy_login) == ("http://proxy:3128", "ann:p@ss")
    assert "p@ss" not in repr(found)
    pool = Cluster.connect(options).http._pool
    assert (pool.proxy.host, pool.proxy.port) == ("proxy", 3128)  # type: ignore[attr-defined]
    assert pool.proxy_headers["proxy-authorization"] == "Basic " + data("ann:p@ss")  # type: ignore[attr-defined]
    with auth.core_api(found) as api:
        library = api.api_client.configuration
        assert (library.proxy, library.proxy_headers["proxy-authorization"]) == (found.proxy, "Basic " + data("ann:p@ss"))
    monkeypatch.setenv("NO_PROXY", "one")
    assert bool(auth.login(options, {}).proxy) is (place == "kubeconfig")
    assert auth.login({**options, "no_proxy": "one"}, {}).proxy is None


# --- exec plugins ---


def plugin(tmp_path: Path, script: str, **more: Any) -> dict[str, Any]:
    path = tmp_path / "plugin.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"command": str(path), "apiVersion": "client.authentication.k8s.io/v1", **more}}


def credential(**status: Any) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def test_a_plugin_gives_a_token(tmp_path: Path) -> None:
    script = f"""test "$1 $OWN" = 'an argument mine' && echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/told
    echo '{credential(token="of-plugin")}'"""
    user = plugin(tmp_path, script, args=["an argument"], env=[{"name": "OWN", "value": "mine"}], provideClusterInfo=True)
    config = kubeconfig(user, extensions=[{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}])
    assert auth.login({"kubeconfig": config}, {}).headers["authorization"] == "Bearer of-plugin"
    told = json.loads((tmp_path / "told").read_text())
    assert (told["kind"], told["spec"]["interactive"]) == ("ExecCredential", False)
    assert told["spec"]["cluster"] == {
        "server": "https://one:6443/",
        "certificate-authority-data": data(CERTIFICATE),
        "config": {"audience": "a"},
    }


def test_a_plugin_whose_token_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(credential(token="secret\nx"))
    assert (
        "the token of its exec plugin is empty, or not"
        in failure(lambda: auth.login({"kubeconfig": kubeconfig(plugin(tmp_path, f"cat {tmp_path}/answer"))}, dict(os.environ)))[1]
    )


def test_a_plugin_is_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    user = plugin(tmp_path, f"echo '{credential(token='of-plugin')}'")
    user["exec"]["command"] = "./plugin.sh"
    (tmp_path / "config").write_text(yaml.safe_dump(kubeconfig(user)))
    assert auth.login({"kubeconfig": str(tmp_path / "config")}, {}).headers["authorization"] == "Bearer of-plugin"


def test_a_plugin_gives_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(credential(clientCertificateData=CERTIFICATE, clientKeyData=KEY))
    found = auth.login({"kubeconfig": kubeconfig(plugin(tmp_path, f"cat {tmp_path}/answer"))}, dict(os.environ))
    assert (found.certificate.decode(), found.key.decode(), found.headers) == (CERTIFICATE, KEY, {})
    assert found.tls["cert_reqs"] == "CERT_REQUIRED"


@pytest.mark.parametrize(
    ("script", "reason", "says"),
    [
        (
            r"printf 'Your session \033[31mhas expired\nlog in again, password=secret' >&2; exit 3",
            "unauthorized",
            "ended with exit status 3: Your session has expired log in again, password=(hidden)",
        ),
        ("exit 1", "unauthorized", "ended with exit status 1: it said nothing"),
        ("echo nonsense", "unauthorized", "printed no ExecCredential"),
        ("echo '[]'", "unauthorized", "printed no ExecCredential"),
        ("true", "unauthorized", "printed no ExecCredential"),
        (f"echo '{credential()}'", "unauthorized", "printed no ExecCredential"),
        (f"echo '{credential(token='')}'", "unauthorized", "printed no ExecCredential"),
        (f"echo '{credential(clientCertificateData='x')}'", "unauthorized", "printed no ExecCredential"),
        (f"echo '{credential(token='x').replace('/v1', '/v1beta1')}'", "unauthorized", "printed no ExecCredential"),
        ("sleep 30", "timeout", "was not done within 0.3 s"),
    ],
)
def test_a_plugin_that_fails_is_an_error_and_not_an_anonymous_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str, says: str
) -> None:
    monkeypatch.setattr(exec_plugin, "_SECONDS", 0.3 if "sleep" in script else 20)
    found = failure(lambda: auth.login({"kubeconfig": kubeconfig(plugin(tmp_path, script))}, dict(os.environ)))
    assert found[0] == reason
    assert says in found[1]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"command": "/nowhere/aws", "installHint": "get it"}, "/nowhere/aws can't be run: No such file or directory; get it"),
        ({"command": "no-such-program"}, "no-such-program can't be run: No such file or directory"),
        ({"command": ""}, "needs a command, and an apiVersion"),
        ({"command": None}, "needs a command, and an apiVersion"),
        ({"apiVersion": "v1"}, "needs a command, and an apiVersion"),
        ({"interactiveMode": "Always"}, "needs a terminal"),
        ({"env": ["A=b"]}, "the environment of its exec plugin"),
        ({"env": [{"name": "A"}]}, "the environment of its exec plugin"),
        ({"args": 3}, "the arguments or"),
        ({"args": ["\0"]}, "its arguments can't be passed on"),
    ],
)
def test_a_plugin_that_can_not_be_run(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    assert says in refusal(plugin(tmp_path, "true", **more))


def test_a_token_of_oidc_is_used_while_it_holds(tmp_path: Path) -> None:
    def part(content: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    token = f"{part({'alg': 'none'})}.{part({'exp': 9_999_999_999, 'pad': 'ddd'})}.sig"
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}, **CERTIFIED}
    assert auth.login({"kubeconfig": kubeconfig(user)}, {}).headers["authorization"] == f"Bearer {token}"
    (tmp_path / "config").write_text(yaml.safe_dump(kubeconfig(user)))
    assert auth.login({"kubeconfig": str(tmp_path / "config")}, {}).headers["authorization"] == f"Bearer {token}"


# --- keys in files ---


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_key_leaves_no_file_and_no_trace_in_what_is_printed(temporary: Path) -> None:
    found = auth.login({"kubeconfig": kubeconfig({**CERTIFIED, "token": "not-to-be-seen"})}, {})
    assert found.tls
    with auth.core_api(found) as api:
        there = [path for path in temporary.rglob("*") if path.is_file()]
        assert sorted(path.read_text() for path in there) == sorted([CERTIFICATE, CERTIFICATE, KEY])
        assert all(path.parent.stat().st_mode & 0o077 == 0 for path in there)
        assert api.api_client.configuration.key_file in map(str, there)
    assert list(temporary.iterdir()) == []
    assert "not-to-be-seen" not in repr(found)
    assert "PRIVATE" not in repr(found)


def test_a_stream_that_fails_leaves_no_key_behind_in_a_process_that_ends_at_once(tmp_path: Path) -> None:
    """Ansible's workers end without the clean-up that libraries leave to the end of the process."""
    provided = {**CERTIFIED, "auth-provider": {"name": "oidc", "config": {}}}
    configs = [kubeconfig(CERTIFIED, server="https://127.0.0.1:1"), kubeconfig(provided)]
    code = (
        "import contextlib, os\n"
        "from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import port_forward\n"
        "from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError\n"
        f"for config in {configs!r}:\n"
        "    with contextlib.suppress(SalvageError):\n"
        "        port_forward._connection({'kubeconfig': config}, 'n', 'p', 80)\n"
        "        os._exit(1)\n"
        "os._exit(0)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
    assert list(tmp_path.iterdir()) == []


def test_a_plain_login_does_not_import_the_library() -> None:
    code = (
        "import sys\n"
        "from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth\n"
        f"auth.login({{'kubeconfig': {kubeconfig()!r}}}, {{}})\n"
        "sys.exit('kubernetes' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def test_the_contexts_are_listed_with_their_servers_and_one_that_leads_nowhere_has_none() -> None:
    names = [f"c{number}" for number in range(10_000)]  # a look at each cluster for each context would take a minute
    given = {
        "clusters": [*({"name": name, "cluster": {"server": f"https://{name}"}} for name in names), {"name": "odd", "cluster": "x"}],
        "contexts": [
            *({"name": name, "context": {"cluster": name, "user": "me"}} for name in names),
            {"name": "gone", "context": {"cluster": ["c0"]}},
            {"name": "odd", "context": {"cluster": "odd"}},
            {"name": 4, "context": {}},
        ],
    }
    found = dict(contexts_in({"kubeconfig": given}, {}))
    assert found == {**{name: f"https://{name}" for name in names}, "gone": "", "odd": ""}
