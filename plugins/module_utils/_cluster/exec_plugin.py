# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials from the program that a kubeconfig names, as kubectl gets them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .._core.redact import excerpt

_GROUP = "client.authentication.k8s.io/"
_SECONDS = 60


def run_plugin(plugin: Mapping[str, Any], cluster: Mapping[str, Any], base: Path, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The ``status`` of the program's ExecCredential: a token, or a certificate and its key.  Raises SalvageError."""
    command, version = plugin.get("command"), plugin.get("apiVersion")
    if not isinstance(command, str) or not command or not isinstance(version, str) or not version.startswith(_GROUP):
        raise SalvageError(f"its exec plugin needs a command, and an apiVersion that begins with {_GROUP}", reason="bad_input")
    if plugin.get("interactiveMode") == "Always":
        raise SalvageError(f"its exec plugin {command} needs a terminal, and this run has none; log in another way", reason="bad_input")
    try:
        argv = [str(base / command) if "/" in command else command, *map(str, plugin.get("args") or ())]
        own = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    except (LookupError, TypeError):
        raise SalvageError(f"the arguments or the environment of its exec plugin {command} can't be read", reason="bad_input") from None
    spec = {"interactive": False, **({"cluster": cluster} if plugin.get("provideClusterInfo") else {})}
    info = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
    try:
        code, printed, said = asyncio.run(_run(argv, {**environ, **own, "KUBERNETES_EXEC_INFO": info}))
    except asyncio.TimeoutError:
        raise SalvageError(f"its exec plugin {command} was not done within {_SECONDS} s", reason="timeout") from None
    except (OSError, ValueError) as exc:
        hint = excerpt(str(plugin.get("installHint") or ""), 200)
        why = getattr(exc, "strerror", None) or "its arguments can't be passed on"
        raise SalvageError(f"its exec plugin {command} can't be run: {why}{hint and f'; {hint}'}", reason="bad_input") from None
    if code:
        words = excerpt(said.decode("utf-8", "replace"), 300) or "it said nothing"
        raise SalvageError(f"its exec plugin {command} ended with exit status {code}: {words}", reason="unauthorized")
    try:
        answer = json.loads(printed)
    except (ValueError, RecursionError):
        answer = None
    status = answer.get("status") if isinstance(answer, dict) and answer.get("apiVersion") == version else None
    if not isinstance(status, dict) or not (status.get("token") or (status.get("clientCertificateData") and status.get("clientKeyData"))):
        raise SalvageError(
            f"its exec plugin {command} printed no ExecCredential of {version} with a token, or a certificate and its key",
            reason="unauthorized",
        )
    return status


async def _run(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int | None, bytes, bytes]:
    """The exit status, and what the program printed.  A session has no module with a ``run_command`` at hand."""
    program = await asyncio.create_subprocess_exec(
        *argv,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # its own process group: what it started ends with it
    )
    try:
        printed, said = await asyncio.wait_for(program.communicate(), _SECONDS)
    except asyncio.TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        await program.wait()
        raise
    return program.returncode, printed, said
