# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on one cluster: a kubeconfig for each of many hosts, among them one that is dead, one that is slow, and one without rights."""

from __future__ import annotations

import base64
import copy
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# What needs nothing beside the API server.
CHECK = {"health_check_parts": ["pods", "workloads", "nodes", "storage", "certificates"]}


class SlowProxy:
    """Passes bytes on to an API server, and each answer back only after ``delay`` seconds."""

    def __init__(self, server: str, delay: float) -> None:
        parts = urlsplit(server)
        self._target, self._delay = (str(parts.hostname), int(parts.port or 443)), delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, sink, delay in ((client, server, 0.0), (server, client, self._delay)):
                    threading.Thread(target=self._pass_on, args=(source, sink, delay), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket, delay: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(delay)  # that is what it is for
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listener.close()


def _with_server(config: dict[str, Any], server: str) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    for one in changed["clusters"]:
        one["cluster"] = {"server": server, "insecure-skip-tls-verify": True}
    return changed


def _with_token(config: dict[str, Any], token: str) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    for one in changed["users"]:
        one["user"] = {"token": token}
    return changed


@contextmanager
def inventory(folder: Path, config: dict[str, Any], well: int, delay: float, token: str = "") -> Iterator[tuple[Path, dict[str, str]]]:
    """An inventory of ``well`` hosts; with a ``token`` of an account without permissions also a dead host, a slow one, one without rights.

    Also, for each host that is not well, what is wrong with it.
    """
    slow = SlowProxy(config["clusters"][0]["cluster"]["server"], delay)
    configs = {f"well-{number:02}": config for number in range(well)}
    with socket.socket() as dead:  # bound, not listening: a connection is refused, and the port is nobody else's
        dead.bind(("127.0.0.1", 0))
        odd: dict[str, dict[str, Any]] = {}
        if token:
            odd = {
                "dead": _with_server(config, f"https://127.0.0.1:{dead.getsockname()[1]}"),
                "slow": _with_server(config, slow.url),
                "without-rights": _with_token(config, token),
            }
        hosts = {}
        # The odd ones come first, where they could hold up everybody.
        for name, one in {**odd, **configs}.items():
            path = folder / f"{name}.kubeconfig"
            path.write_text(json.dumps(one), encoding="utf-8")
            path.chmod(0o600)
            hosts[name] = {"health_check_kubeconfig": str(path), "ansible_connection": "local"}
        file = folder / "fleet.json"
        file.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        try:
            yield file, dict(zip(odd, ("refused", "", "forbidden"), strict=True)) if odd else {}
        finally:
            slow.close()


def is_signed(token: str) -> bool:
    """Whether a text looks like a token of a service account, so that a failed command is not taken for one."""
    parts = token.split(".")
    with suppress(ValueError):
        return len(parts) == 3 and b"alg" in base64.urlsafe_b64decode(parts[0] + "==")
    return False
