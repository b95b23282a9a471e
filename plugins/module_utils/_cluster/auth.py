# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the cluster is and how to log in: kubernetes.core's options, in its order of precedence.

A parameter, then the environment (``K8S_AUTH_*``), then the service account of the pod that this runs in, then the kubeconfig.
kubernetes.core's own client is not used for it: with that comes discovery, five requests and a cache in a shared folder, which nothing
here needs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP, AUTH_ARG_SPEC, AUTH_PROXY_HEADERS_SPEC

from .._core.errors import SalvageError
from .._core.redact import excerpt
from .kubeconfig import Headers, Login, read_kubeconfig


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
    """Where to go and how to log in.  Raises SalvageError(bad_input, missing_library)."""
    plain = read_kubeconfig(options, os.environ if environ is None else environ)
    if plain is not None:
        return replace(plain, headers={**plain.headers, **_impersonation(options)})
    config = configuration(options)
    for option, path in (("ca_cert", config.ssl_ca_cert), ("client_cert", config.cert_file), ("client_key", config.key_file)):
        if path and not Path(path).is_file():
            raise SalvageError(f"{option}: there is no file {path}; give a PEM file", reason="bad_input")
    certificate = b""
    if config.cert_file:
        with contextlib.suppress(OSError):  # the connection will say so
            certificate = Path(config.cert_file).read_bytes()
    return Login(config.host, headers(config, options), tls(config), proxy(config), certificate)


def configuration(options: Mapping[str, Any]) -> Any:
    """The kubernetes library's Configuration for the options.  Raises SalvageError(bad_input, missing_library)."""
    try:
        import kubernetes  # noqa: PLC0415 - it takes longer to import than a health check takes
    except ImportError:
        raise SalvageError(
            "the Python library kubernetes is missing where the module runs; install it (pip install kubernetes)", reason="missing_library"
        ) from None
    config = kubernetes.client.Configuration()
    given = [
        all(options.get(option) for option in ("host", *login))
        for login in (("username", "password"), ("api_key",), ("client_cert", "client_key"))
    ]
    if not any(given):
        _load(kubernetes.config, config, options)
    for name, option in AUTH_ARG_MAP.items():
        if option not in options or option in {"kubeconfig", "context", "persist_config", "proxy_headers", "api_key"}:
            continue
        setattr(config, name, options[option])
    if "api_key" in options:
        config.api_key = {"authorization": f"Bearer {options['api_key']}"}
        config.api_key_prefix = {}
        config.refresh_api_key_hook = None  # it would put the kubeconfig's own token back
    return config


def core_api(options: Mapping[str, Any]) -> Any:
    """The kubernetes library's own client, for its streams; everything else goes by ``api``."""
    config = configuration(options)
    from kubernetes import client  # noqa: PLC0415 - slow to import, and only here needed

    session = client.ApiClient(config)
    for header, value in headers(config, options).items():
        session.set_default_header(header, value)
    return client.CoreV1Api(session)


def _load(library: Any, config: Any, options: Mapping[str, Any]) -> None:
    kubeconfig, context = options.get("kubeconfig"), options.get("context")
    if not kubeconfig and not context:
        try:
            library.load_incluster_config(client_configuration=config)
            return
        except library.ConfigException:
            pass
    how = {"context": context, "client_configuration": config, "persist_config": bool(options.get("persist_config"))}
    if isinstance(kubeconfig, dict):
        where = "that was given as data"
    else:
        where = str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
        paths = [Path(part).expanduser() for part in where.split(os.pathsep) if part]
        if not any(path.exists() for path in paths):
            raise SalvageError(
                f"there is no kubeconfig {where}; set the option kubeconfig, or KUBECONFIG, to the file of the cluster", reason="bad_input"
            )
        for path in paths:
            if path.exists() and not os.access(path, os.R_OK):
                raise SalvageError(f"the kubeconfig {path} may not be read by this user; change its owner or mode", reason="bad_input")
    try:
        if isinstance(kubeconfig, dict):
            library.load_kube_config_from_dict(kubeconfig, **how)
        else:
            library.load_kube_config(config_file=os.pathsep.join(map(str, paths)), **how)
    except library.ConfigException as exc:
        raise SalvageError(f"the kubeconfig {where} cannot be used: {_line(exc)}", reason="bad_input") from None
    except Exception as exc:  # the library indexes whatever it finds: a list for a mapping, base64 that is none, a file that is gone
        mark = getattr(exc, "problem_mark", None)  # PyYAML's
        if mark:
            raise SalvageError(
                f"the kubeconfig {where} is not YAML in line {mark.line + 1}; get it from the cluster's owner again", reason="bad_input"
            ) from None
        raise SalvageError(f"the kubeconfig {where} cannot be used ({type(exc).__name__}: {_line(exc)})", reason="bad_input") from None


def _line(exc: BaseException) -> str:
    return excerpt(str(exc), 300)


def headers(config: Any, options: Mapping[str, Any]) -> Headers:
    """What every request carries: the login, and who it is in place of."""
    found: Headers = {}
    for setting in config.auth_settings().values():
        if setting["in"] == "header" and setting["value"]:
            found[setting["key"]] = setting["value"]
    if config.username and "authorization" not in {key.lower() for key in found}:
        found["authorization"] = config.get_basic_auth_token()
    return {**found, **_impersonation(options)}


def _impersonation(options: Mapping[str, Any]) -> Headers:
    found: Headers = {}
    if options.get("impersonate_user"):
        found["Impersonate-User"] = options["impersonate_user"]
    if options.get("impersonate_groups"):
        found["Impersonate-Group"] = list(options["impersonate_groups"])
    return found


def tls(config: Any) -> dict[str, Any]:
    """urllib3's pool arguments."""
    return {
        "cert_reqs": "CERT_REQUIRED" if config.verify_ssl else "CERT_NONE",
        "ca_certs": config.ssl_ca_cert,
        "cert_file": config.cert_file,
        "key_file": config.key_file,
        **({"assert_hostname": config.assert_hostname} if config.assert_hostname is not None else {}),
        **({"server_hostname": config.tls_server_name} if getattr(config, "tls_server_name", None) else {}),
    }


def proxy(config: Any) -> str | None:
    """The proxy on the way to the API server, if one is set and the server is none of those to be asked directly."""
    if not config.proxy or proxy_bypass_environment(urlsplit(config.host).netloc, {"no": config.no_proxy or ""}):
        return None
    return str(config.proxy)


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
