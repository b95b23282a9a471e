# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that are planted wherever a run can meet one, and everything that a run leaves, to look for them."""

from __future__ import annotations

import base64
import http.server
import json
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster_lab import Lab

# What a module of Ansible writes to the system's log, in a file of this test's.
SYSTEM_LOG = """
import os, syslog
def record(*message):
    with open(os.environ["CANARY_SYSLOG"], "a") as log:
        log.write(repr(message) + "\\n")
syslog.syslog = record
"""
ESCAPES = "\x1b]52;c;aGk=\x07\x1b[2J"


class Canaries:
    """Each secret by what it is; a text that has one in clear or in base64 has leaked it."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def __call__(self, what: str) -> str:
        assert what not in self.planted
        return self.add(what, f"canary{secrets.token_hex(9)}")

    def add(self, what: str, value: str) -> str:
        self.planted[what] = value
        return value

    def found_in(self, text: bytes) -> set[str]:
        forms = {what: (value.encode(), base64.b64encode(value.encode()).rstrip(b"=")[:-1]) for what, value in self.planted.items()}
        return {what for what, both in forms.items() if any(form in text for form in both)}


@contextmanager
def talkative(canaries: Canaries) -> Iterator[int]:
    """A server that answers each request with its credentials, and words for the terminal."""
    said = f"{ESCAPES}no: password={canaries('password in an answer')} at postgres://app:{canaries('address in an answer')}@db/x"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"message": said, "error": said, "status": "error", "errorType": "bad_data"}).encode()
            self.send_response(500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Watched:
    """Runs of ansible-playbook at its most talkative, and all that they leave."""

    def __init__(self, lab: Lab, folder: Path, binary: str, collections: Path) -> None:
        self.lab, self.folder, self.binary = lab, folder, binary
        # A short path: ansible-core puts a socket there, and the name of a socket has at most 107 characters.
        self.tmp = Path(tempfile.mkdtemp(prefix="canary-"))
        for name in ("remote", "state", "site", "output"):
            (folder / name).mkdir()
        (folder / "site" / "sitecustomize.py").write_text(SYSTEM_LOG)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("K8S_AUTH_", "KUBECONFIG", "ANSIBLE_"))}
        self.environ = {
            **inherited, "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{collections}", "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "CANARY_SYSLOG": str(folder / "output/syslog"), "ANSIBLE_LOG_PATH": str(folder / "output/ansible.log"),
            "TMPDIR": str(self.tmp), "ANSIBLE_LOCAL_TEMP": str(self.tmp), "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "XDG_STATE_HOME": str(folder / "state"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false",
            "KUBECONFIG": str(lab.kubeconfig), "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self.codes: dict[str, int] = {}

    def play(self, name: str, playbook: str, variables: Mapping[str, Any], python: str) -> str:
        """Its output, which is kept too.  The variables come from a file, as secret ones should."""
        given = self.folder / "variables.json"
        given.write_text(json.dumps({**variables, "meta_salvage_python": python}))
        done = subprocess.run(
            [self.binary, playbook, "-vvv", "--diff", "-e", f"@{given}"],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        given.unlink()
        output = done.stdout + done.stderr
        (self.folder / "output" / f"{name}.txt").write_text(output)
        self.codes[name] = done.returncode
        return output

    def leaks(self, canaries: Canaries) -> dict[str, set[str]]:
        """By file: what was printed, logged, recorded, reported and left behind."""
        folders = [self.tmp, *(self.folder / part for part in ("remote", "state", "output"))]
        files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        found = {str(path): canaries.found_in(path.read_bytes()) for path in files}
        return {path: names for path, names in found.items() if names}
