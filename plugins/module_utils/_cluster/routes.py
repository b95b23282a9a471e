# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the addresses that a user gives to endpoints, with one session and one pool for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from .._core.errors import SalvageError
from .credentials import bearer
from .http import Endpoint, Http, open_endpoint, service_parts
from .port_forward import open_forward
from .replicas import replica_endpoints
from .retry import Retry
from .session import Cluster

ARGUMENTS: dict[str, Any] = {
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
}


class Routes:
    """Opens addresses by a module's parameters: kubernetes.core's auth options, and ``ARGUMENTS`` for what is behind an address.

    ``prefix`` is how the module names the latter: with ``opa_`` they are opa_token, opa_ca_path and opa_validate_certs.
    Nothing is connected, and no library is needed, before an address asks for it.  ``timeout`` in seconds is each request's,
    ``retry`` the session's policy.
    """

    def __init__(
        self, params: Mapping[str, Any], timeout: float, *, prefix: str = "", cluster: Cluster | None = None, retry: Retry | None = None
    ) -> None:
        self._params = params
        self._timeout = timeout
        self._prefix = prefix
        self._cluster = cluster
        self._retry = retry

    def _option(self, name: str) -> Any:
        return self._params.get(self._prefix + name)

    @cached_property
    def cluster(self) -> Cluster:
        return self._cluster or Cluster.connect(self._params, timeout=self._timeout, retry=self._retry)

    @cached_property
    def headers(self) -> dict[str, str]:
        token = self._option("token")
        return {"Authorization": bearer(token, f"the option {self._prefix}token")} if token else {}

    @cached_property
    def tls(self) -> dict[str, Any]:
        ca_path = self._option("ca_path")
        if ca_path and not Path(ca_path).is_file():
            raise SalvageError(f"{self._prefix}ca_path: there is no file {ca_path}; give a PEM file of certificates", reason="bad_input")
        if self._option("validate_certs") is False:
            return {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        return {"ca_certs": ca_path} if ca_path else {}

    @cached_property
    def direct(self) -> Http:
        return Http(tls=self.tls, headers=self.headers, timeout=self._timeout)

    def open(self, address: str) -> Endpoint:
        """Raises SalvageError(bad_input, missing_library), and for ``forward://`` those of the reads that find the pod."""
        if address.startswith(("service://", "services://")):
            return open_endpoint(address, cluster=self.cluster)
        if address.startswith(("forward://", "forwards://")):
            return open_forward(self._params, self.cluster, address, tls=self.tls, headers=self.headers, timeout=self._timeout)
        return open_endpoint(address, http=self.direct)

    def each(self, address: str, listed: Sequence[str] = ()) -> list[Endpoint]:
        """Each replica behind an address: the pods of a Service in the cluster, or those that the user lists.  Raises SalvageError."""
        if listed:
            return [self.open(one) for one in listed]
        return replica_endpoints(self.cluster, address) if service_parts(address) else [self.open(address)]

    def open_if(self, address: str | None) -> Endpoint | None:
        return self.open(address) if address else None
