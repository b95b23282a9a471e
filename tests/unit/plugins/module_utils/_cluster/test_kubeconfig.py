# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import copy
import datetime
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.kubeconfig import read_kubeconfig
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


USERS = [
    {},
    {"token": "secret-token"},
    {"username": "ann", "password": "secret-password"},
    {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY)},
    {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY), "token": "secret-token"},
]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("more", [{}, {"context": "two"}, {"impersonate_user": "eve", "impersonate_groups": ["a", "b"]}])
def test_it_is_the_login_that_the_library_finds(tmp_path: Path, user: dict[str, str], more: dict[str, Any]) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig(user)))
    options = {"kubeconfig": str(path), **more}
    found = auth.login(options, {})
    config = auth.configuration(options)
    assert read_kubeconfig(options, {}) is not None
    assert found.server == config.host
    assert {key.lower(): value for key, value in found.headers.items()} == {
        key.lower(): value for key, value in auth.headers(config, options).items()
    }
    assert found.proxy is auth.proxy(config) is None
    assert bool(found.certificate) == bool(config.cert_file)


def test_relative_files_are_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(CERTIFICATE)
    (tmp_path / "me.crt").write_text(CERTIFICATE)
    (tmp_path / "me.key").write_text(KEY)
    config = kubeconfig({"client-certificate": "me.crt", "client-key": "me.key"})
    config["clusters"][0]["cluster"] = {"server": "https://one:6443", "certificate-authority": "ca.crt", "tls-server-name": "one.local"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    found = read_kubeconfig({}, {"KUBECONFIG": str(tmp_path / "config")})
    assert found is not None
    assert found.certificate.decode() == CERTIFICATE
    assert found.tls["server_hostname"] == "one.local"
    assert len(found.tls["ssl_context"].get_ca_certs(binary_form=True)) <= 1
    (tmp_path / "me.key").unlink()
    assert read_kubeconfig({}, {"KUBECONFIG": str(tmp_path / "config")}) is None


@pytest.mark.parametrize(("options", "verified"), [({}, False), ({"validate_certs": True}, True)])
def test_validation_is_as_the_kubeconfig_says_unless_an_option_says_otherwise(options: dict[str, Any], verified: bool) -> None:
    config = kubeconfig(**{"insecure-skip-tls-verify": True})
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    found = read_kubeconfig({"kubeconfig": config, **options}, {})
    assert found is not None
    assert found.tls["ssl_context"].check_hostname is verified
    assert found.tls["cert_reqs"] == ("CERT_REQUIRED" if verified else "CERT_NONE")


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "aws"}},
        {"auth-provider": {"name": "oidc"}},
        {"tokenFile": "/token"},
        {"client-certificate-data": data(CERTIFICATE)},
        {"client-certificate-data": data(CERTIFICATE), "client-key-data": data(pair(b"locked")[1])},
    ],
)
def test_more_than_it_can_read_is_left_to_the_library(user: dict[str, Any]) -> None:
    assert read_kubeconfig({"kubeconfig": kubeconfig(user)}, {}) is None


def test_what_is_wrong_is_left_to_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = kubeconfig()
    path = tmp_path / "config"
    for text in ("[", "[]", "", "a: b", yaml.safe_dump({**good, "current-context": "none"}), yaml.safe_dump({**good, "users": None})):
        path.write_text(text)
        assert read_kubeconfig({"kubeconfig": str(path)}, {}) is None
    twice = copy.deepcopy(good)
    twice["users"] *= 2
    assert read_kubeconfig({"kubeconfig": twice}, {}) is None
    assert read_kubeconfig({"kubeconfig": str(tmp_path / "none")}, {}) is None
    assert read_kubeconfig({"kubeconfig": good, "host": "https://elsewhere"}, {}) is None
    assert read_kubeconfig({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBECONFIG": str(path)}) is None
    assert read_kubeconfig({}, {"KUBECONFIG": f"{path}{os.pathsep}{path}"}) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert read_kubeconfig({"kubeconfig": good}, {}) is None


def test_a_key_leaves_no_file_and_no_trace_in_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = read_kubeconfig(
        {"kubeconfig": kubeconfig({"client-certificate-data": data(CERTIFICATE), "client-key-data": data(KEY), "token": "not-to-be-seen"})},
        {},
    )
    assert found is not None
    assert list(tmp_path.iterdir()) == []
    assert "not-to-be-seen" not in repr(found)


def test_a_plain_login_does_not_import_the_library() -> None:
    code = (
        "import sys\n"
        "from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import auth\n"
        f"auth.login({{'kubeconfig': {kubeconfig()!r}}}, {{}})\n"
        "sys.exit('kubernetes' in sys.modules)\n"
    )
    environ = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    subprocess.run([sys.executable, "-c", code], check=True, env={**environ, "PYTHONPATH": os.pathsep.join(sys.path)})
