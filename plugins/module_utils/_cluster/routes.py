# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the addresses that a user gives to endpoints, with one session and one pool for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from .api import Cluster
from .errors import SalvageError
from .http import Endpoint, Http, open_endpoint

ARGUMENTS: dict[str, Any] = {
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
}


class Routes:
    """Opens addresses by a module's parameters: kubernetes.core's auth options, and ``ARGUMENTS`` for direct addresses.

    Nothing is connected, and no library is needed, before an address asks for it.  ``timeout`` in seconds is each request's.
    """

    def __init__(self, params: Mapping[str, Any], timeout: float) -> None:
        self._params = params
        self._timeout = timeout

    @cached_property
    def cluster(self) -> Cluster:
        return Cluster.connect(self._params, timeout=self._timeout)

    @cached_property
    def direct(self) -> Http:
        ca_path, token = self._params.get("ca_path"), self._params.get("token")
        if ca_path and not Path(ca_path).is_file():
            raise SalvageError(f"ca_path: there is no file {ca_path}; give a PEM file of certificates", reason="bad_input")
        tls: dict[str, Any] = {"ca_certs": ca_path} if ca_path else {}
        if self._params.get("validate_certs") is False:
            tls = {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        return Http(tls=tls, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=self._timeout)

    def open(self, address: str) -> Endpoint:
        """Raises SalvageError(bad_input, missing_library)."""
        if address.startswith(("service://", "services://")):
            return open_endpoint(address, cluster=self.cluster)
        return open_endpoint(address, http=self.direct)

    def open_if(self, address: str | None) -> Endpoint | None:
        return self.open(address) if address else None
