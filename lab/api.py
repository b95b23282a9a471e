# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a cluster's API server, with the administrator's certificate, from the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import processes
from .common import LabError, until


class Api:
    def __init__(self, server: str, pki: Path) -> None:
        self.address = urlsplit(server)
        self.context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self.context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 when there is no answer."""
        connection = http.client.HTTPSConnection(self.address.hostname or "", self.address.port, timeout=5, context=self.context)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def items(self, path: str) -> list[dict[str, Any]] | None:
        """The objects of a list; None if there is no such answer, an empty list if there is no such kind."""
        status, body = self.get(path)
        if status == 404:
            return []
        return json.loads(body).get("items") or [] if status == 200 else None

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200


def wait_for_api(folder: Path, api: Api, server: subprocess.Popen[bytes]) -> None:
    """Until the API server says that it is ready; at once an error if it ended."""

    def ready() -> bool | None:
        if server.poll() is not None:
            raise LabError(processes.last_words(folder, "kube-apiserver"))
        return api.is_ready() or None

    until("The API server's readiness", ready, 60, hint=f"see {folder}/logs/kube-apiserver.log")
