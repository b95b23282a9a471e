# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session that ``oc login`` began, by openshift-client: the API server, the token and the project.

``oc`` is only asked; it gets no token as an argument, where others would see it, and what it says of one goes no further than here.
"""

from __future__ import annotations

import base64
import importlib
import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import as_mapping
from .._core.redact import excerpt

_SECONDS = 60
_REFUSED = ("unauthorized", "you must be logged in", "401")
_AWAY = ("connection refused", "no such host", "timeout", "timed out", "unable to connect", "deadline")
_LOG_IN = "log in again: oc login SERVER"


@dataclass(frozen=True)
class OpenShiftSession:
    """``authority`` is PEM; with none, the certificates of this machine are trusted."""

    server: str
    token: str = field(repr=False)
    project: str
    authority: bytes = b""
    authority_file: str = ""
    verify: bool = True
    proxy: str = ""


def openshift_session(kubeconfig: str = "", context: str = "", oc: str = "oc") -> OpenShiftSession:
    """The current session, which the cluster has accepted just now.

    Raises SalvageError(not_found, missing_library, unauthorized, unreachable, bad_input).
    """
    program = shutil.which(oc)
    if program is None:
        raise SalvageError(
            f"meta_salvage_openshift: there is no program {oc} on this machine; install it, or set meta_salvage_openshift: false",
            reason="not_found",
        )
    try:
        client: Any = importlib.import_module("openshift_client")
    except ImportError:
        raise SalvageError(
            "meta_salvage_openshift: the Python library openshift-client is missing where Ansible runs; pip install openshift-client",
            reason="missing_library",
        ) from None
    status, out, err = _asked(client, program, kubeconfig, context, "config", ["view", "--minify", "--raw", "-o", "json"])
    if status:
        raise SalvageError(f"oc has no session: {excerpt(err, 200) or 'it says nothing'}; {_LOG_IN}", reason="unauthorized")
    session = session_of(out)
    status, _out, err = _asked(client, program, kubeconfig, context, "get", ["--raw", "/version"])
    if status:
        raise why_refused(session.server, err)
    return session


def session_of(view: str) -> OpenShiftSession:
    """What ``oc config view --minify --raw`` shows.  Raises SalvageError(unauthorized, bad_input)."""
    try:
        config = as_mapping(json.loads(view))
    except ValueError:
        raise SalvageError("oc config view printed something that is not JSON; check the version of oc", reason="bad_input") from None
    cluster, user, context = (_first(config, kind) for kind in ("cluster", "user", "context"))
    server, token = cluster.get("server"), user.get("token")
    if not isinstance(server, str) or not server:
        raise SalvageError(f"oc has no session: its kubeconfig names no API server; {_LOG_IN}", reason="unauthorized")
    if not isinstance(token, str) or not token:
        raise SalvageError(
            f"the session of oc at {server} has no token; log in with one (oc login --web), or set meta_salvage_openshift: false: "
            "the roles take other logins from the kubeconfig",
            reason="unauthorized",
        )
    if cluster.get("tls-server-name"):
        raise SalvageError(
            f"the session of oc at {server} has a tls-server-name, which no option can hand on; set meta_salvage_openshift: false",
            reason="bad_input",
        )
    return OpenShiftSession(
        server,
        token,
        str(context.get("namespace") or "default"),
        _authority(server, cluster.get("certificate-authority-data")),
        str(cluster.get("certificate-authority") or ""),
        cluster.get("insecure-skip-tls-verify") is not True,
        str(cluster.get("proxy-url") or ""),
    )


def why_refused(server: str, said: str) -> SalvageError:
    """Why the cluster did not accept the session."""
    low = said.lower()
    if any(word in low for word in _REFUSED):
        return SalvageError(f"the session of oc at {server} has expired, or its token was revoked; {_LOG_IN}", reason="unauthorized")
    if any(word in low for word in _AWAY):
        return SalvageError(f"{server} does not answer oc: {excerpt(said, 200)}; check the network and VPN", reason="unreachable")
    return SalvageError(
        f"oc get --raw /version failed at {server}: {excerpt(said, 200) or 'it says nothing'}; {_LOG_IN}", reason="unauthorized"
    )


def _authority(server: str, encoded: Any) -> bytes:
    try:
        return base64.b64decode(str(encoded or ""), validate=True)
    except ValueError:
        raise SalvageError(
            f"the certificate authority of {server} in the kubeconfig of oc is not base64; {_LOG_IN}", reason="bad_input"
        ) from None


def _first(config: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    entries = config.get(f"{kind}s")
    return as_mapping(as_mapping(entries[0]).get(kind)) if isinstance(entries, list) and entries else {}


def _asked(client: Any, program: str, kubeconfig: str, context: str, verb: str, args: list[str]) -> tuple[int, str, str]:
    """Its status, and what it said: its own errors are not raised, for they quote what it said."""
    with ExitStack() as contexts:
        contexts.enter_context(client.client_path(program))
        contexts.enter_context(client.api_server(kubeconfig_path=kubeconfig or None))
        contexts.enter_context(client.options({"context": context} if context else {}))
        contexts.enter_context(client.timeout(_SECONDS))
        try:
            result = client.invoke(verb, args, no_namespace=True, auto_raise=False)
        except client.OpenShiftPythonException:  # its time was up
            return 1, "", f"timed out after {_SECONDS} s"
        return int(result.status()), str(result.out()), str(result.err())
