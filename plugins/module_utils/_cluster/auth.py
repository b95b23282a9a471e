# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the cluster is and how to log in: kubernetes.core's options, in its order of precedence.

A parameter, then the environment (``K8S_AUTH_*``), then the service account of the pod that this runs in, then the kubeconfig.
kubernetes.core's own client is not used for it: with that comes discovery, five requests and a cache in a shared folder, which nothing
here needs.  The kubernetes library is used for what only it can do: streams, and logins that have to be renewed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP, AUTH_ARG_SPEC, AUTH_PROXY_HEADERS_SPEC

from .._core.errors import SalvageError
from .credentials import basic, bearer, impersonation, plain_address, split_login
from .exec_plugin import words
from .kubeconfig import KubeContext, Login, login_of, read_context

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PROVIDERS = ("gcp", "oidc")


def auth_options(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """kubernetes.core's auth options that are set, by parameter name; those that are not are looked for in the environment."""
    env = os.environ if environ is None else environ
    aliases = {option: name for name, option in AUTH_ARG_MAP.items()}
    found: dict[str, Any] = {}
    for option, spec in AUTH_ARG_SPEC.items():
        value = params.get(option)
        if value is None and option == "proxy_headers":
            value = {
                key: _typed(text, kind) for key, kind in AUTH_PROXY_HEADERS_SPEC.items() if (text := env.get(_name(option, key)))
            } or None
        elif value is None:
            text = env.get(_name(option)) or env.get(_name(aliases.get(option, option)))
            value = _typed(text, spec) if text else None
        if value is not None:
            found[option] = value
    return found


def _name(*parts: str) -> str:
    return "_".join(("K8S_AUTH", *parts)).upper()


def _typed(text: str, spec: Mapping[str, Any]) -> Any:
    if spec.get("type") == "bool":
        return text.lower() not in {"0", "false", "no"}
    if spec.get("type") == "list":
        return [part for part in text.split(",") if part]
    return text


def login(options: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Login:
    """Where to go and how to log in.  Raises SalvageError(bad_input, missing_library, unauthorized)."""
    env = os.environ if environ is None else environ
    explicit = options.get("host") and any(
        all(options.get(option) for option in pair) for pair in (("username", "password"), ("api_key",), ("client_cert", "client_key"))
    )
    if explicit:
        found = Login(str(options["host"]))
    else:
        chosen = options.get("kubeconfig") or options.get("context")
        found = (None if chosen else _of_pod(env)) or _of_kubeconfig(options, env)
    return _with_proxy(_overridden(found, options), options)


def _overridden(found: Login, options: Mapping[str, Any]) -> Login:
    """With what the options say instead."""
    more: dict[str, Any] = {}
    if options.get("host"):
        more["server"] = plain_address(options["host"], "the option host")
    headers = dict(found.headers)
    if options.get("api_key"):
        headers["authorization"] = bearer(options["api_key"], "the option api_key")
    elif options.get("username") or options.get("password"):
        headers["authorization"] = basic(options.get("username"), options.get("password"), "the login of the options username and password")
    user = options.get("impersonate_user") or headers.get("Impersonate-User")
    headers |= impersonation(user, options.get("impersonate_groups") or (), None, {}, "the options impersonate_user and impersonate_groups")
    for option, name in (("ca_cert", "authority"), ("client_cert", "certificate"), ("client_key", "key")):
        if options.get(option):
            more[name] = _pem(option, str(options[option]))
    if "client_cert" in options and "client_key" not in options:
        more["key"] = b""  # one file can hold both
    if options.get("validate_certs") is not None:
        more["verify"] = bool(options["validate_certs"])
    return replace(found, headers=headers, **more)


def _pem(option: str, path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except FileNotFoundError:
        raise SalvageError(f"{option}: there is no file {path}; give a PEM file", reason="bad_input") from None
    except (OSError, ValueError) as exc:
        raise SalvageError(f"{option}: {path} can't be read: {getattr(exc, 'strerror', exc)}", reason="bad_input") from None


def _with_proxy(found: Login, options: Mapping[str, Any]) -> Login:
    """The proxy on the way to the API server, if the server is none of those to be asked directly.

    An option comes before the kubeconfig, and that before the environment, whose NO_PROXY says nothing of the kubeconfig's.
    """
    around = getproxies_environment()
    given = options.get("proxy")
    if not given and not found.proxy:
        given = around.get("https") or around.get("http")
        given = given if not given or "://" in given else f"http://{given}"
    direct = options.get("no_proxy") or (around.get("no") if given else "") or ""
    if proxy_bypass_environment(urlsplit(found.server).netloc, {"no": direct}):
        return replace(found, proxy=None, proxy_login="")
    if not given:
        return found
    proxy, proxy_login = split_login(given, "the proxy on the way to the cluster")
    return replace(found, proxy=proxy, proxy_login=proxy_login)


def _of_pod(environ: Mapping[str, str]) -> Login | None:
    """The service account of the pod that this runs in, if it is one."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        return None
    try:
        token, authority = (ACCOUNT / "token").read_text(), (ACCOUNT / "ca.crt").read_bytes()
    except (OSError, ValueError):
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Login(server, {"authorization": bearer(token, "the token of the pod's service account")}, authority=authority)


def _of_kubeconfig(options: Mapping[str, Any], environ: Mapping[str, str]) -> Login:
    context = read_context(options, environ)
    found = login_of(context, environ)
    if "auth-provider" not in context.user or "authorization" in found.headers:
        return found
    try:
        token = _provided(context, options)
    except SalvageError as exc:
        raise SalvageError(f"the kubeconfig {context.where} cannot be used: {exc}", reason=exc.reason) from None
    return replace(found, headers={**found.headers, "authorization": bearer(token, "the token of its auth-provider")})


def _provided(context: KubeContext, options: Mapping[str, Any]) -> str:
    """The token of an ``auth-provider``, which the kubernetes library knows how to renew."""
    name = context.user["auth-provider"].get("name")
    if name not in _PROVIDERS:
        raise SalvageError(f"its auth-provider {name} is not one of {', '.join(_PROVIDERS)}; use an exec plugin", reason="bad_input")
    kubernetes = load_library()
    files = kubernetes.config.kube_config._temp_files
    before, config = set(files), kubernetes.client.Configuration()
    how = {"context": options.get("context"), "client_configuration": config, "persist_config": bool(options.get("persist_config"))}
    try:
        if isinstance(options.get("kubeconfig"), Mapping):
            kubernetes.config.load_kube_config_from_dict(options["kubeconfig"], **how)
        else:
            kubernetes.config.load_kube_config(config_file=context.where, **how)
    except Exception as exc:  # the library's own, those of its HTTP and OAuth2 libraries, and of whatever it indexes
        why = words(f"{type(exc).__name__}: {exc}", 200)
        raise SalvageError(f"its auth-provider {name} gave no token: {why}", reason="unauthorized") from None
    finally:
        for content in set(files) - before:
            Path(files.pop(content)).unlink(missing_ok=True)
    token = next(iter(config.api_key.values()), "")
    if not token:
        raise SalvageError(f"its auth-provider {name} gave no token; log in again", reason="unauthorized")
    return str(token).partition(" ")[2]


def load_library() -> Any:
    try:
        import kubernetes  # noqa: PLC0415 - it takes longer to import than a health check takes
    except ImportError:
        raise SalvageError(
            "the Python library kubernetes is missing where the module runs; install it (pip install kubernetes)", reason="missing_library"
        ) from None
    return kubernetes


@contextlib.contextmanager
def core_api(found: Login) -> Iterator[Any]:
    """The kubernetes library's client, for its streams; everything else goes by ``session``.

    Connect inside of the block: the library wants certificates and keys as files, which are there for no longer.
    Raises SalvageError(missing_library, bad_input).
    """
    if any(name.startswith("Impersonate-") for name in found.headers):
        raise SalvageError(
            "the kubernetes library can't act as another user when it runs commands in pods or forwards ports; "
            "log in as that user, or use service:// for forward://",
            reason="bad_input",
        )
    client = load_library().client
    with tempfile.TemporaryDirectory() as folder:
        config = client.Configuration()
        config.host, config.verify_ssl, config.api_key, config.no_proxy = found.server, found.verify, {}, None
        config.proxy = found.proxy
        if found.proxy_login:
            config.proxy_headers = {"proxy-authorization": basic(*found.proxy_login.partition(":")[::2], "the login of the proxy")}
        if found.server_name:
            config.tls_server_name = found.server_name
        for setting in ("ssl_ca_cert", "cert_file", "key_file"):
            setattr(config, setting, None)
        for setting, content in (("ssl_ca_cert", found.authority), ("cert_file", found.certificate), ("key_file", found.key)):
            if content:
                path = Path(folder, setting)
                path.write_bytes(content)
                setattr(config, setting, str(path))
        session = client.ApiClient(config)
        for name, value in found.headers.items():
            session.set_default_header(name, value)
        yield client.CoreV1Api(session)


def expired(certificate: bytes) -> str:
    """When the client certificate expired, as 2026-01-02; empty if it has not, or there is none that can be read.

    The API server says no more than 401, and a login that was right yesterday is the last thing one looks at.
    """
    try:
        from cryptography import x509  # noqa: PLC0415 - seldom needed, and slow to import

        read_in = x509.load_pem_x509_certificate(certificate)
    except (ImportError, ValueError):
        return ""
    # not_valid_after_utc is new in cryptography 42; the older name is in UTC without saying so.
    ends = getattr(read_in, "not_valid_after_utc", None) or read_in.not_valid_after.replace(tzinfo=timezone.utc)
    return f"{ends:%Y-%m-%d}" if ends < datetime.now(timezone.utc) else ""
