# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real object store with one bucket: versitygw, built by the lab."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKET = "backups"
SECRET = "object-store-secret-that-nobody-sees"


@contextmanager
def serving(binary: str, folder: Path) -> Iterator[dict[str, str]]:
    """What reaches it: endpoint, access_key and secret_key."""
    (folder / "data" / BUCKET).mkdir(parents=True)
    (folder / "about").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binary, "--port", f"127.0.0.1:{port}", "--quiet", "posix", "--sidecar", str(folder / "about"), str(folder / "data")],
        env={**os.environ, "ROOT_ACCESS_KEY": "access", "ROOT_SECRET_KEY": SECRET},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield {"endpoint": f"http://127.0.0.1:{port}", "access_key": "access", "secret_key": SECRET}
    finally:
        process.kill()
        process.wait()
