# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig that says everything itself, read without the kubernetes library.

Importing that library takes longer than a whole health check, in each task again.  So one file (or data) with a certificate, a token or a
password is read here.  Whatever is more than that (exec plugins, providers, several files, proxies), and whatever is wrong, is left to the
library, which knows how to do it, or to say it; but for two things that it does not notice.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import getproxies_environment

from .._core.errors import SalvageError

try:
    import urllib3
    import yaml
except ImportError:
    urllib3 = None  # type: ignore[assignment]
    yaml = None  # type: ignore[assignment]

Headers = dict[str, "str | list[str]"]

_OPTIONS = {"kubeconfig", "context", "validate_certs", "impersonate_user", "impersonate_groups"}
_CLUSTER = {
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
    "disable-compression",
    "extensions",
}
_USER = {
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "username",
    "password",
    "extensions",
}


@dataclass(frozen=True)
class Login:
    """Where the cluster is, and what a connection to it needs; ``tls`` are urllib3's pool arguments, ``certificate`` is the client's."""

    server: str
    headers: Headers = field(default_factory=dict, repr=False)
    tls: Mapping[str, Any] = field(default_factory=dict)
    proxy: str | None = None
    certificate: bytes = b""


def read_kubeconfig(options: Mapping[str, Any], environ: Mapping[str, str]) -> Login | None:
    """The login that kubernetes.core's options lead to, None where the library has to find it.  Raises SalvageError(bad_input)."""
    if urllib3 is None or set(options) - _OPTIONS or getproxies_environment():
        return None
    kubeconfig, context = options.get("kubeconfig"), options.get("context")
    if not kubeconfig and not context and environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    where = "that was given as data"
    try:
        base = Path()
        if not isinstance(kubeconfig, Mapping):
            path = Path(kubeconfig or environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
            base, where = path.parent, str(path)
            kubeconfig = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        chosen = _named(kubeconfig, "context", context or kubeconfig["current-context"])
        if not any(one["name"] == chosen["user"] for one in kubeconfig["users"]):
            raise SalvageError(f"its context names the user {chosen['user']}, who is not in it", reason="bad_input")
        cluster, user = _named(kubeconfig, "cluster", chosen["cluster"]), _named(kubeconfig, "user", chosen["user"])
        if set(cluster) - _CLUSTER or set(user) - _USER:
            return None
        return _login(cluster, user, options, base)
    except (LookupError, TypeError, AttributeError, ValueError, OSError, yaml.YAMLError):
        return None
    except SalvageError as exc:
        raise SalvageError(f"the kubeconfig {where} cannot be used: {exc}", reason=exc.reason) from None


def _named(kubeconfig: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    (found,) = [one for one in kubeconfig[f"{kind}s"] if one["name"] == name]
    return found[kind] or {}


def _login(cluster: Mapping[str, Any], user: Mapping[str, Any], options: Mapping[str, Any], base: Path) -> Login:
    server = str(cluster["server"]).rstrip("/")
    headers: Headers = {}
    if user.get("token"):
        headers["authorization"] = f"Bearer {user['token']}"
    elif user.get("username") and user.get("password"):
        headers.update(urllib3.util.make_headers(basic_auth=f"{user['username']}:{user['password']}"))
    if not server.startswith("https://"):
        return Login(server, headers)
    verify = options.get("validate_certs", not cluster.get("insecure-skip-tls-verify"))
    context = urllib3.util.ssl_.create_urllib3_context()
    context.check_hostname = context.check_hostname and verify
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    authority = _bytes(cluster, "certificate-authority", base)
    if authority:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    elif verify:
        context.load_default_certs()
    certificate, key = _bytes(user, "client-certificate", base), _bytes(user, "client-key", base)
    if certificate:
        _load_pair(context, certificate, key)
    tls: dict[str, Any] = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE"}
    if cluster.get("tls-server-name"):
        tls["server_hostname"] = cluster["tls-server-name"]
    return Login(server, headers, tls, certificate=certificate)


def _bytes(entry: Mapping[str, Any], name: str, base: Path) -> bytes:
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode("".join(entry[f"{name}-data"].split()), validate=True)
        except ValueError:
            raise SalvageError(f"its {name}-data is not base64", reason="bad_input") from None
    return (base / entry[name]).read_bytes() if entry.get(name) else b""


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL takes them from a file only; it is there for no longer than that takes, and for nobody else."""
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(path, password="")  # none is asked for on a terminal
    finally:
        Path(path).unlink()
