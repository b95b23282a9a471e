# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in a pod's container, as `kubectl exec` runs them; bytes in, bytes out."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from .._core.errors import SalvageError
from .._core.redact import LONGEST, excerpt
from . import auth
from .http import REASON_OF, Response, said
from .kubeconfig import Login
from .transport import within

_STEP = 16 * 1024
_STDOUT, _STDERR, _VERDICT = 1, 2, 3


def refused(exc: Exception) -> tuple[str, str]:
    """What the library said, and its reason token.  It drops the status of an answer that opens no stream; websocket's error has it."""
    cause = exc.__context__
    if status := getattr(cause, "status_code", 0):
        answer = Response(status, getattr(cause, "resp_headers", None) or {}, getattr(cause, "resp_body", None) or b"", 0.0)
        return f"the API server answered {status}{said(answer)}", REASON_OF.get(status, "http_error")
    text = excerpt(str(getattr(exc, "reason", None) or exc), 200)
    return text, REASON_OF.get(getattr(exc, "status", None) or 0, "unreachable")


class Container:
    """A container of a pod.  ``params`` are a module's, with kubernetes.core's auth options."""

    def __init__(self, params: Mapping[str, Any], namespace: str, pod: str, container: str, *, timeout: float) -> None:
        self._params, self._timeout = params, timeout
        self.namespace, self.pod, self.container = namespace, pod, container
        self._login: Login | None = None

    def run(self, argv: Sequence[str], *, given: Iterable[bytes] | None = None) -> bytes:
        """What the command prints.  ``given`` goes to its input, which is never closed: the command must know how much to read.

        ``timeout`` is how long nothing may move.  Raises SalvageError: unreachable, unauthorized, forbidden, not_found, timeout,
        missing_library, and http_error for a command that fails.
        """
        try:
            return self._run(argv, given)
        except SalvageError:
            raise
        except Exception as exc:  # the library's own, websocket's and OpenSSL's have no common ancestor
            text, reason = refused(exc)
            raise SalvageError(f"no command can be run in {self}: {text}", reason=reason) from None

    def __str__(self) -> str:
        return f"container {self.container} of pod {self.pod} in namespace {self.namespace}"

    def _run(self, argv: Sequence[str], given: Iterable[bytes] | None) -> bytes:
        session = self._open(argv, bool(given))
        try:
            for piece in given or ():
                for start in range(0, len(piece), _STEP):
                    session.write_stdin(piece[start : start + _STEP])
            printed: list[bytes] = []
            complaint = b""
            heard = time.monotonic()
            out = err = b""
            while session.is_open() or out or err:
                session.update(timeout=1)
                out, err = session.read_channel(_STDOUT), session.read_channel(_STDERR)
                if out or err:
                    heard = time.monotonic()
                    printed.append(out)
                    complaint = (complaint + err)[-1000:]
                elif time.monotonic() - heard > self._timeout:
                    raise SalvageError(f"{argv[0]} in {self} did nothing for {self._timeout:g} s", reason="timeout")
            verdict = session.peek_channel(_VERDICT)
            try:
                code = session.returncode
            except TypeError:
                raise SalvageError(f"the connection to {self} broke off", reason="unreachable") from None
            except (KeyError, ValueError):  # what could not be started has no exit status
                code, complaint = -1, str(json.loads(verdict).get("message") or "").encode() or complaint
        finally:
            session.close()
        if code:
            text = excerpt(complaint.decode("utf-8", "replace"), LONGEST)[-300:] or f"exit status {code}"
            raise SalvageError(f"{argv[0]} failed in {self}: {text}", reason="http_error")
        return b"".join(printed)

    def _open(self, argv: Sequence[str], stdin: bool) -> Any:
        from kubernetes import stream  # noqa: PLC0415 - slow to import, and only here needed
        from kubernetes.stream import ws_client  # noqa: PLC0415

        if "binary" not in inspect.signature(ws_client.WSClient.__init__).parameters:
            raise SalvageError(
                "the Python library kubernetes is too old to carry bytes; install a newer one where the module runs",
                reason="missing_library",
            )
        self._login = self._login or auth.login(auth.auth_options(self._params))
        with auth.core_api(self._login) as api:
            ask = partial(
                stream.stream,
                api.connect_get_namespaced_pod_exec,
                self.pod,
                self.namespace,
                container=self.container,
                command=list(argv),
                stdin=stdin,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
                binary=True,
            )
            try:
                return within(self._timeout, ask)
            except TimeoutError:
                raise SalvageError(f"{self} took no command within {self._timeout:g} s", reason="timeout") from None
