# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tutorials as a reader follows them: the settings that a page prints, and its commands in their order, in one folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster_lab import CHECKOUT, Lab

PAGES = CHECKOUT / "docs/tutorials"
BLOCK = re.compile(r"^( *)```(bash|yaml|text)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass
class Reader:
    """Somebody with a home, a folder and ``kubectl``; the collection is installed."""

    lab: Lab
    page: str
    folder: Path

    def __post_init__(self) -> None:
        self.blocks: dict[str, list[str]] = {"bash": [], "yaml": [], "text": []}
        for indent, language, text in BLOCK.findall((PAGES / self.page).read_text(encoding="utf-8")):
            self.blocks[language].append("".join(line.removeprefix(indent) for line in text.splitlines(keepends=True)))
        programs = self.folder / "bin"
        programs.mkdir()
        kubectl = programs / "kubectl"
        words = shlex.join([sys.executable, "-m", "lab", "kubectl", self.lab.name, "--"])
        home = shlex.quote(str(Path.home()))  # where the lab is
        kubectl.write_text(f'#!/bin/sh\ncd {shlex.quote(str(CHECKOUT))} && HOME={home} exec {words} "$@"\n')
        kubectl.chmod(0o755)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("K8S_AUTH_", "KUBECONFIG", "XDG_"))}
        self.environ = {
            **inherited, "HOME": str(self.folder), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false", "KUBECONFIG": str(self.lab.kubeconfig),
        }  # fmt: skip

    def write(self, name: str, changed: Mapping[str, str], number: int = 0) -> None:
        """The settings of a block, in a file; paths and keys are the reader's own."""
        text = self.blocks["yaml"][number]
        for printed, own in changed.items():
            assert printed in text, f"{self.page} does not print {printed}"
            text = text.replace(printed, own)
        (self.folder / name).write_text(text)

    def run(self, commands: str, more: str = "") -> tuple[int, str]:
        """The exit status of the last command, and what all of them printed."""
        done = subprocess.run(
            ["bash", "-ec", commands.rstrip() + more], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False,
            timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        output = " ".join((done.stdout + done.stderr).split())
        assert "Traceback" not in output, output
        return done.returncode, output

    def done(self, number: int) -> str:
        """What the commands of a block print, each of which ends well."""
        code, output = self.run(self.blocks["bash"][number])
        assert code == 0, output
        return output
