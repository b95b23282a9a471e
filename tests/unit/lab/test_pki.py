# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import ssl
import subprocess
from pathlib import Path

import pytest

from lab import pki


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pki")
    pki.make_all(made, ["10.210.0.2", "10.212.0.1"], "lab", "10.210.0.2")
    return made


def _text(certificate: Path) -> str:
    return subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-text"], capture_output=True, text=True, check=True).stdout


def test_the_server_is_known_by_all_its_names(folder: Path) -> None:
    text = _text(folder / "apiserver.crt")
    for name in ("DNS:kubernetes.default.svc", "IP Address:127.0.0.1", "IP Address:10.210.0.2", "IP Address:10.212.0.1"):
        assert name in text


def test_every_certificate_is_signed_by_its_authority(folder: Path) -> None:
    for certificate in folder.glob("*.crt"):
        authority = "front-proxy-ca.crt" if certificate.name.startswith("front-proxy") else "ca.crt"
        subprocess.run(["openssl", "verify", "-CAfile", folder / authority, certificate], check=True, capture_output=True)


def test_a_certificate_can_have_run_out(folder: Path) -> None:
    pki.make(folder, pki.Identity("late", "late", days=-1))
    assert subprocess.run(["openssl", "x509", "-in", folder / "late.crt", "-noout", "-checkend", "0"], check=False).returncode == 1


def test_a_kubeconfig_has_everything_inline_and_is_for_its_owner_only(folder: Path) -> None:
    path = folder / "kubeconfig"
    pki.write_kubeconfig(path, folder, "admin", "dev", "https://10.210.0.2:6443")
    assert path.stat().st_mode & 0o077 == 0
    config = json.loads(path.read_text())
    assert config["current-context"] == "dev"
    assert config["clusters"][0]["cluster"]["server"] == "https://10.210.0.2:6443"
    ssl.create_default_context().load_cert_chain(folder / "admin.crt", folder / "admin.key")
    assert "system:masters" in _text(folder / "admin.crt")
