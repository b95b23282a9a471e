# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's certificates, made by the openssl command line, which every machine with Python has or gets by one package."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .common import run


@dataclass(frozen=True)
class Identity:
    """Whom a certificate names: the user and group that the API server reads from it, or the names of a server."""

    file: str
    user: str
    group: str = ""
    names: tuple[str, ...] = ()
    ca: str = "ca"
    days: int = 365


# The server behind the admission of PrometheusRules, which the API server knows by the name of its Service.
OPERATOR = Identity("prometheus-operator", "prometheus-operator", names=("prometheus-operator-kube-p-operator.monitoring.svc",))


def make_ca(folder: Path, name: str) -> None:
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "3650",
         "-subj", f"/CN=meta-salvage-{name}", "-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
         "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"]
    )  # fmt: skip


def make(folder: Path, identity: Identity) -> None:
    subject = (f"/O={identity.group}" if identity.group else "") + f"/CN={identity.user}"
    extensions = ["-addext", "extendedKeyUsage=serverAuth,clientAuth", "-addext", "basicConstraints=critical,CA:FALSE"]
    if identity.names:
        kinds = (("IP" if name.replace(".", "").isdigit() else "DNS") + ":" + name for name in identity.names)
        extensions += ["-addext", "subjectAltName=" + ",".join(kinds)]
    key, certificate = folder / f"{identity.file}.key", folder / f"{identity.file}.crt"
    request = run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", subject, *extensions, "-keyout", key]
    )
    # In two steps, because `openssl req` refuses the days below zero that make a certificate that has run out, which tests need.
    run(
        ["openssl", "x509", "-req", "-CA", folder / f"{identity.ca}.crt", "-CAkey", folder / f"{identity.ca}.key",
         "-days", str(identity.days), "-copy_extensions", "copyall", "-out", certificate],
        stdin=request,
    )  # fmt: skip


def make_all(folder: Path, server_names: Iterable[str], node: str, node_address: str) -> None:
    """Everything that a cluster needs, side by side."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    identities = [
        Identity("apiserver", "kube-apiserver", names=("kubernetes", "kubernetes.default.svc", "localhost", "127.0.0.1", *server_names)),
        Identity("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Identity("kubelet-server", node, names=(node, node_address)),
        Identity("front-proxy-client", "front-proxy-client", ca="front-proxy-ca"),
        Identity("admin", "meta-salvage-admin", "system:masters"),
        Identity("controller-manager", "system:kube-controller-manager"),
        Identity("scheduler", "system:kube-scheduler"),
        Identity("proxy", "system:kube-proxy"),
        Identity("kubelet", f"system:node:{node}", "system:nodes"),
        OPERATOR,
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: make_ca(folder, name), ("ca", "front-proxy-ca")))
        signing = pool.submit(run, ["openssl", "genrsa", "-out", folder / "service-account.key", "2048"])
        list(pool.map(lambda identity: make(folder, identity), identities))
        signing.result()


def inline(data: bytes) -> str:
    """As objects of Kubernetes have it."""
    return base64.b64encode(data).decode()


def kubeconfig(cluster: str, server: str, ca: bytes, certificate: bytes, key: bytes) -> str:
    """A kubeconfig with everything inline. JSON is YAML, so no library is needed."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": inline(ca)}}],
            "users": [{"name": cluster, "user": {"client-certificate-data": inline(certificate), "client-key-data": inline(key)}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        },
        indent=1,
    )


def write_kubeconfig(path: Path, folder: Path, identity: str, cluster: str, server: str) -> None:
    path.touch(mode=0o600)
    path.write_text(
        kubeconfig(
            cluster,
            server,
            (folder / "ca.crt").read_bytes(),
            (folder / f"{identity}.crt").read_bytes(),
            (folder / f"{identity}.key").read_bytes(),
        ),
        encoding="utf-8",
    )
