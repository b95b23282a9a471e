# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook with the shipped rulebook, as tests start, kill and look at it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from alert_source import TOKEN, get, post
from cluster_lab import CHECKOUT

sys.path.append(str(CHECKOUT))
from lab import debian
from lab.common import Progress


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.05)


def taken(port: int, body: object, seconds: float = 30) -> float:
    """Posts until it is taken, as Alertmanager does; the seconds of the last try."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        start = time.monotonic()
        with suppress(OSError, urllib.error.URLError):
            status, _answer = post(port, body)
            if status == 202:
                return time.monotonic() - start
        time.sleep(0.02)
    raise AssertionError("nobody takes it")


UNIT = CHECKOUT / "extensions" / "eda" / "meta-salvage-events.service"
# As the unit has it: what is not the state is read-only, homes too.
SANDBOX = """
mount --bind "$0" "$0"
for folder in /root /home /usr /etc /var /opt; do
    [ ! -d $folder ] || { mount --rbind $folder $folder && mount -o remount,ro,bind $folder; } || exit
done
cd "$0" && exec "$@"
"""


def unit(setting: str) -> list[str]:
    """The words of a setting of the shipped unit."""
    lines = [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{setting}=")]
    assert lines
    return [word for line in lines for word in shlex.split(line)]


class Runner:
    """Started as the shipped unit has it, on ``host`` of this machine.

    ``playbook`` is the name of one, or the text of one that stands in for `respond`; FOLDER in it is the runner's folder.
    """

    def __init__(self, folder: Path, playbook: str, host: str = "127.0.0.1", **more: object) -> None:
        self.folder = folder
        self.host, self.port = host, free_port()
        self.url = f"http://{host}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("claims", "alerts"):
            (folder / name).mkdir(parents=True)
        if "\n" in playbook:
            (folder / "respond.yml").write_text(playbook.replace("FOLDER", str(folder)))
            playbook = str(folder / "respond.yml")
        self.inventory({})
        (folder / "token").write_text(f"{TOKEN}\n")
        variables = {
            "events_host": host,
            "events_port": self.port,
            "events_url": self.url,
            "events_plain_http": host != "127.0.0.1",
            "events_journal": str(folder / "journal"),
            "events_token_file": str(folder / "token"),
            "events_playbook": playbook,
            "events_confirm_seconds": 30,
            **more,
        }
        (folder / "vars.yml").write_text(yaml.safe_dump(variables))
        self.mark = f"STARTED_BY={folder}"
        of_unit = dict(word.replace("%S/meta-salvage-events", str(folder)).split("=", 1) for word in unit("Environment"))
        self.environ = {**os.environ, **of_unit, "STARTED_BY": str(folder)}
        if not shutil.which("java"):
            self.environ["JAVA_HOME"] = str(debian.java(Progress()))

    def inventory(self, variables: Mapping[str, Any]) -> None:
        own = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}", **variables}
        (self.folder / "inventory").write_text(json.dumps({"all": {"hosts": {"localhost": own}}}))

    def start(self, seconds: float = 60) -> None:
        own = [word.replace("/etc/meta-salvage-events/", f"{self.folder}/") for word in unit("ExecStart")]
        command = ["unshare", "--mount", "sh", "-c", SANDBOX, str(self.folder), *own, "-v"]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environ, stdout=output, stderr=output, start_new_session=True
            )

        def answers() -> bool:
            assert self.process and self.process.poll() is None, (self.folder / "output").read_text()[-3000:]
            with suppress(OSError):
                return get(self.port, "/health", host=self.host)[0] == 200
            return False

        until(answers, seconds)

    def kill(self) -> None:
        """The runner with the source in it, not the playbooks that it has started: they have sessions of their own."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def claims(self) -> set[str]:
        return {path.name for path in (self.folder / "claims").iterdir()}

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.folder / "alerts").iterdir() if path.stat().st_size]

    def done(self) -> bool:
        text = get(self.port, "/metrics", host=self.host)[1]
        return all(f'alerts{{state="{state}"}} 0' in text for state in ("waiting", "handed"))
