# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each body that is posted to a file of the folder, beside the port and its own process id; ends by itself."""

from __future__ import annotations

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = (FOLDER / "refuse").exists()
        if not refused:
            (FOLDER / f"{len(list(FOLDER.glob('*.json'))):03d}.json").write_bytes(body)
        self.send_response(503 if refused else 204)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Timer(300, server.shutdown).start()
(FOLDER / "pid").write_text(str(os.getpid()))
(FOLDER / "port").write_text(str(server.server_port))
server.serve_forever()
os._exit(0)
