# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a Service's pod through the API server that leaves the request alone, as `kubectl port-forward` has it.

The API server's proxy takes the Authorization header for itself; a forwarded connection carries whatever the service wants to see.
Nothing listens on this machine: each connection is a stream of its own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from .._core.errors import SalvageError
from . import auth
from .exec import refused
from .http import Endpoint, Http
from .pods import port_number, ready, target_port
from .replicas import selected_pods
from .session import Cluster
from .transport import remaining, within

_FORWARD = re.compile(r"^(?P<scheme>forwards?)://(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+):(?P<port>[a-z0-9-]+)(?P<prefix>/[^?#]*)?$")


def pod_behind(service: Mapping[str, Any], port: str, pods: list[Mapping[str, Any]]) -> tuple[str, int]:
    """A ready pod of the Service, and its port.  ``pods`` are those of the Service's selector.  Raises SalvageError."""
    target = target_port(service, port)
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        if ready(pod):
            return pod["metadata"]["name"], port_number(pod, target)
    name = service["metadata"]["name"]
    raise SalvageError(f"no pod of the Service {name} is ready, so no connection can be forwarded to one", reason="unreachable")


def open_forward(
    params: Mapping[str, Any], cluster: Cluster, address: str, *, tls: Mapping[str, Any], headers: Mapping[str, str], timeout: float
) -> Endpoint:
    """The endpoint of ``forward[s]://namespace/service:port[/prefix]``.

    ``forwards`` speaks TLS with the service; its certificate must be for ``service.namespace.svc``.
    Raises SalvageError: those of the reads of the Service and its pods, and bad_input, missing_library.
    """
    match = _FORWARD.match(address)
    if not match:
        raise SalvageError(f"{address!r} is not the address of a service; write forward://namespace/name:port", reason="bad_input")
    namespace, name = match["namespace"], match["name"]
    service, pods = selected_pods(cluster, namespace, name)
    pod, port = pod_behind(service, match["port"], pods)
    auth.load_library()  # here: that can take longer than a request may
    threading.excepthook = _quiet
    scheme = "https" if match["scheme"] == "forwards" else "http"
    return Endpoint(
        address=address.rstrip("/"),
        base=f"{scheme}://{name}.{namespace}.svc:{port}{(match['prefix'] or '').rstrip('/')}",
        http=Http(tls=tls, headers=dict(headers), timeout=timeout, dial=lambda: _connection(params, namespace, pod, port)),
    )


def _quiet(failed: threading.ExceptHookArgs) -> None:
    """The library's thread of a forwarded connection ends with a traceback when we close our end first."""
    if not failed.thread or not failed.thread.name.startswith("Kubernetes port forward"):
        threading.__excepthook__(failed)


def _connection(params: Mapping[str, Any], namespace: str, pod: str, port: int) -> Any:
    """A socket that leads to the pod's port."""
    with auth.core_api(auth.login(auth.auth_options(params))) as api:
        try:
            forward = partial(
                auth.load_library().stream.portforward, api.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port)
            )
            return within(remaining(), forward).socket(port)
        except TimeoutError:
            raise
        except Exception as exc:  # the library's own, websocket's and OpenSSL's have no common ancestor
            text, reason = refused(exc)
            raise SalvageError(f"no connection can be forwarded to pod {pod} in namespace {namespace}: {text}", reason=reason) from None
