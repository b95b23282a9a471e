# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig: what one context of it says, field by field, obeyed as kubectl does, or refused in one sentence.

The kubernetes library is not asked: to import it takes longer than a whole health check, and it ignores what it does not know: whom to act
as, a plugin that fails, a value of the wrong type.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import as_mapping
from .credentials import Headers, basic, bearer, impersonation, plain_address, split_login

try:
    import urllib3
    import yaml
except ImportError:
    urllib3 = None  # type: ignore[assignment]
    yaml = None  # type: ignore[assignment]

_CLUSTER: dict[str, type] = {
    "server": str,
    "certificate-authority": str,
    "certificate-authority-data": str,
    "insecure-skip-tls-verify": bool,
    "tls-server-name": str,
    "proxy-url": str,
    "disable-compression": bool,
    "extensions": list,
}
_USER: dict[str, type] = {
    "client-certificate": str,
    "client-certificate-data": str,
    "client-key": str,
    "client-key-data": str,
    "token": str,
    "tokenFile": str,
    "username": str,
    "password": str,
    "as": str,
    "as-uid": str,
    "as-groups": list,
    "as-user-extra": dict,
    "exec": dict,
    "auth-provider": dict,
    "extensions": list,
}
_CONTEXT: dict[str, type] = {"cluster": str, "user": str, "namespace": str, "extensions": list}
_TYPE_NAMES = {str: "text", bool: "true or false", list: "a list", dict: "a mapping"}
_NO_MAPPING = "it holds no mapping with clusters, users and contexts"
# What one login can't have together; kubectl refuses these too.
_EITHER = (
    ("certificate-authority", "certificate-authority-data"),
    ("certificate-authority", "insecure-skip-tls-verify"),
    ("certificate-authority-data", "insecure-skip-tls-verify"),
    ("client-certificate", "client-certificate-data"),
    ("client-key", "client-key-data"),
    ("token", "tokenFile"),
    *((one, other) for one in ("token", "tokenFile") for other in ("username", "password")),
    ("exec", "auth-provider"),
)


@dataclass(frozen=True)
class Login:
    """Where the cluster is, and what a connection to it needs.  ``authority``, ``certificate`` and ``key`` are PEM."""

    server: str
    headers: Headers = field(default_factory=dict, repr=False)
    verify: bool = True
    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    server_name: str = ""
    proxy: str | None = None
    proxy_login: str = field(default="", repr=False)

    @cached_property
    def tls(self) -> dict[str, Any]:
        """urllib3's pool arguments.  Raises SalvageError(bad_input)."""
        if not self.server.startswith("https://"):
            return {}
        context = urllib3.util.ssl_.create_urllib3_context()
        context.check_hostname = context.check_hostname and self.verify
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        try:
            if self.authority:
                context.load_verify_locations(cadata=self.authority.decode("ascii", "ignore"))
            elif self.verify:
                context.load_default_certs()
        except (ssl.SSLError, ValueError):
            raise self._unusable("the certificate authority is not a certificate in PEM") from None
        try:
            if self.certificate:
                _load_pair(context, self.certificate, self.key)
        except (ssl.SSLError, ValueError):
            raise self._unusable("its certificate and key are not in PEM, do not fit each other, or the key has a passphrase") from None
        tls: dict[str, Any] = {"ssl_context": context, "cert_reqs": "CERT_REQUIRED" if self.verify else "CERT_NONE"}
        return {**tls, "server_hostname": self.server_name} if self.server_name else tls

    def _unusable(self, why: str) -> SalvageError:
        return SalvageError(f"the login to {self.server} cannot be used: {why}", reason="bad_input")


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL takes them from a file only; it is there for no longer than that takes, and for nobody else."""
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(path, password="")  # none is asked for on a terminal
    finally:
        Path(path).unlink()


@dataclass(frozen=True)
class KubeContext:
    """One context: its cluster and its user, and the folders that their files are relative to."""

    where: str
    cluster: Mapping[str, Any]
    cluster_base: Path
    user: Mapping[str, Any]
    user_base: Path


def read_context(options: Mapping[str, Any], environ: Mapping[str, str]) -> KubeContext:
    """The context that the options kubeconfig and context lead to.  Raises SalvageError(bad_input, missing_library)."""
    where, documents = _read(options, environ)
    try:
        return _context(where, documents, options.get("context"))
    except SalvageError as exc:
        raise SalvageError(f"the kubeconfig {where} cannot be used: {exc}", reason=exc.reason) from None


def contexts_in(options: Mapping[str, Any], environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each context of the kubeconfig with its API server; one that leads nowhere has none.  Raises SalvageError as ``read_context``."""
    where, documents = _read(options, environ)
    try:
        contexts, clusters = (_first_of(documents, kind) for kind in ("context", "cluster"))
    except SalvageError as exc:
        raise SalvageError(f"the kubeconfig {where} cannot be used: {exc}", reason=exc.reason) from None
    return [(name, str(clusters.get(str(context.get("cluster")), {}).get("server") or "")) for name, context in contexts.items()]


def _first_of(documents: Sequence[tuple[Path, Any]], kind: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a kind by name, each from the first file that has it."""
    found: dict[str, Mapping[str, Any]] = {}
    for _base, document in documents:
        if not isinstance(document, Mapping):
            raise SalvageError(_NO_MAPPING, reason="bad_input")
        for entry in _entries(document, kind):
            if isinstance(name := entry.get("name"), str) and name:
                found.setdefault(name, as_mapping(entry.get(kind)))
    return found


def _read(options: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, list[tuple[Path, Any]]]:
    """What it is called, and the folder and content of each of its files."""
    if yaml is None or urllib3 is None:
        raise SalvageError(
            "the Python libraries urllib3 and PyYAML are needed where the module runs; install them with the kubernetes library",
            reason="missing_library",
        )
    given = options.get("kubeconfig")
    if isinstance(given, Mapping):
        return "that was given as data", [(Path(), given)]
    where = str(given or environ.get("KUBECONFIG") or "~/.kube/config")
    return where, _documents(where)


def _documents(where: str) -> list[tuple[Path, Any]]:
    paths = [path for part in where.split(os.pathsep) if part and (path := Path(part).expanduser()).exists()]
    if not paths:
        raise SalvageError(
            f"there is no kubeconfig {where}; set the option kubeconfig, or KUBECONFIG, to the file of the cluster", reason="bad_input"
        )
    found = []
    for path in paths:
        if not os.access(path, os.R_OK):
            raise SalvageError(f"the kubeconfig {path} may not be read by this user; change its owner or mode", reason="bad_input")
        try:
            found.append((path.parent, yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
        except OSError as exc:
            raise SalvageError(f"the kubeconfig {path} cannot be used: {exc.strerror}", reason="bad_input") from None
        except (yaml.YAMLError, ValueError, RecursionError) as exc:
            mark = getattr(exc, "problem_mark", None)
            what = f"is not YAML in line {mark.line + 1}" if mark else "cannot be used: it is not YAML"
            raise SalvageError(f"the kubeconfig {path} {what}; get it from the cluster's owner again", reason="bad_input") from None
    return found


def _context(where: str, documents: Sequence[tuple[Path, Any]], wanted: Any) -> KubeContext:
    """Of several files the first that says something counts, as with kubectl."""
    for _base, document in documents:
        if not isinstance(document, Mapping):
            raise SalvageError(_NO_MAPPING, reason="bad_input")
    name = wanted or next((one["current-context"] for _base, one in documents if one.get("current-context")), None)
    if not name:
        raise SalvageError("it has no current-context; set the option context", reason="bad_input")
    _base, context = _named(documents, "context", name, f"it has no context {name}", _CONTEXT)
    chosen = {}
    for kind, known in (("cluster", _CLUSTER), ("user", _USER)):
        if not context.get(kind):
            raise SalvageError(f"its context {name} names no {kind}", reason="bad_input")
        missing = f"its context names the {kind} {context[kind]}, {'who' if kind == 'user' else 'which'} is not in it"
        chosen[kind] = _named(documents, kind, context[kind], missing, known)
    (cluster_base, cluster), (user_base, user) = chosen["cluster"], chosen["user"]
    for entry, what in ((cluster, "cluster"), (user, "user")):
        for one, other in _EITHER:
            if entry.get(one) and entry.get(other):
                raise SalvageError(f"its {what} {context[what]} has both {one} and {other}; leave one out", reason="bad_input")
    return KubeContext(where, cluster, cluster_base, user, user_base)


def _named(
    documents: Sequence[tuple[Path, Any]], kind: str, name: Any, missing: str, known: Mapping[str, type]
) -> tuple[Path, Mapping[str, Any]]:
    for base, document in documents:
        found = [one for one in _entries(document, kind) if one.get("name") == name]
        if len(found) > 1:
            raise SalvageError(f"it has the {kind} {name} twice", reason="bad_input")
        if found:
            return base, _checked(f"its {kind} {name}", found[0].get(kind) or {}, known)
    raise SalvageError(missing, reason="bad_input")


def _entries(document: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    entries = document.get(f"{kind}s") or []
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) for one in entries):
        raise SalvageError(f"its {kind}s are not a list of mappings", reason="bad_input")
    return entries


def _checked(what: str, entry: Any, known: Mapping[str, type]) -> Mapping[str, Any]:
    """The fields that are set, each of its type; a field that we don't know may be one that says who we are."""
    if not isinstance(entry, Mapping):
        raise SalvageError(f"{what} is not a mapping", reason="bad_input")
    given = {name: value for name, value in entry.items() if value is not None and value != ""}
    for name, value in given.items():
        if name not in known:
            raise SalvageError(f"{what} has the field {name}, which is not known here; leave it out", reason="bad_input")
        if not isinstance(value, known[name]):
            raise SalvageError(f"the {name} of {what} is not {_TYPE_NAMES[known[name]]}", reason="bad_input")
    return given


def login_of(context: KubeContext, environ: Mapping[str, str]) -> Login:
    """The login that a context describes, without what an ``auth-provider`` brings.  Raises SalvageError(bad_input, ...)."""
    try:
        return _login(context, environ)
    except SalvageError as exc:
        raise SalvageError(f"the kubeconfig {context.where} cannot be used: {exc}", reason=exc.reason) from None


def _login(context: KubeContext, environ: Mapping[str, str]) -> Login:
    cluster, user = context.cluster, context.user
    headers: Headers = {}
    certificate, key = _pem(user, "client-certificate", context.user_base), _pem(user, "client-key", context.user_base)
    if user.get("token"):
        headers["authorization"] = bearer(user["token"], "its token")
    elif user.get("tokenFile"):
        token = _file(context.user_base / user["tokenFile"], "tokenFile")
        headers["authorization"] = bearer(token.decode("utf-8", "replace"), "the content of its tokenFile")
    elif user.get("exec"):
        from .exec_plugin import run_plugin  # noqa: PLC0415 - asyncio is slow to import, and few kubeconfigs need it

        status = run_plugin(user["exec"], _for_plugin(context), context.user_base, environ)
        if status.get("token"):
            headers["authorization"] = bearer(status["token"], "the token of its exec plugin")
        if status.get("clientCertificateData"):
            certificate, key = str(status["clientCertificateData"]).encode(), str(status.get("clientKeyData") or "").encode()
    elif user.get("username") or user.get("password"):
        headers["authorization"] = basic(user.get("username"), user.get("password"), "its login")
    if bool(certificate) != bool(key):
        there, gone = ("client-certificate", "client-key") if certificate else ("client-key", "client-certificate")
        raise SalvageError(f"its user has a {there} without a {gone}", reason="bad_input")
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    if not all(isinstance(values, list) for values in extra.values()):
        raise SalvageError("a value of its as-user-extra is not a list", reason="bad_input")
    proxy, proxy_login = split_login(cluster["proxy-url"], "its proxy-url") if cluster.get("proxy-url") else (None, "")
    return Login(
        server=plain_address(cluster.get("server"), "its server"),
        headers={**headers, **impersonation(user.get("as"), groups, user.get("as-uid"), extra, "its user")},
        verify=not cluster.get("insecure-skip-tls-verify"),
        authority=_pem(cluster, "certificate-authority", context.cluster_base),
        certificate=certificate,
        key=key,
        server_name=cluster.get("tls-server-name") or "",
        proxy=proxy,
        proxy_login=proxy_login,
    )


def _for_plugin(context: KubeContext) -> dict[str, Any]:
    """The cluster as a plugin sees it."""
    shown = {name: value for name, value in context.cluster.items() if name not in {"extensions", "certificate-authority"}}
    authority = _pem(context.cluster, "certificate-authority", context.cluster_base)
    for extension in context.cluster.get("extensions") or ():
        if isinstance(extension, Mapping) and extension.get("name") == "client.authentication.k8s.io/exec":
            shown["config"] = extension.get("extension")
    return {**shown, "certificate-authority-data": base64.b64encode(authority).decode()} if authority else shown


def _pem(entry: Mapping[str, Any], name: str, base: Path) -> bytes:
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode("".join(entry[f"{name}-data"].split()), validate=True)
        except ValueError:
            raise SalvageError(f"its {name}-data is not base64", reason="bad_input") from None
    return _file(base / entry[name], name) if entry.get(name) else b""


def _file(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "this is not the name of a file"
        raise SalvageError(f"its {name} {path} can't be read: {why}", reason="bad_input") from None
