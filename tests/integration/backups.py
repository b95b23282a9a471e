# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores as tests make them, and API servers that stumble or see their client die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyrage
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http, Response
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.restore import Restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.settings import RestoreSettings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import identity_file, private_key, public_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from whole_backups import open_backup

Backed = tuple[dict[str, Any], list[dict[str, Any]]]


class Dying(Http):
    """Kills this process at its so manyth write: before the server gets it, or after."""

    def __init__(self, whole: Http, writes: int, *, after: bool) -> None:
        self.__dict__ |= whole.__dict__
        self._lock, self._left, self._after = threading.Lock(), writes, after

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        if method == "GET":
            return super().request(method, url, **kwargs)
        with self._lock:
            self._left -= 1
            dies = self._left == 0
        if dies and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super().request(method, url, **kwargs)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class Backups:
    """A store with its keys in ``folder``, and what is done with it."""

    def __init__(self, kubeconfig: str, folder: Path) -> None:
        self.kubeconfig, self.folder = kubeconfig, folder
        self.cluster = Cluster.connect({"kubeconfig": kubeconfig}, timeout=30)
        if not (folder / "store").exists():
            self._begin()
        self.recipient = (folder / "recipient").read_text()
        self.store = open_store(StoreOptions(str(folder / "store")))

    def _begin(self) -> None:
        signing = ed25519.Ed25519PrivateKey.generate()
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (self.folder / "sign.pem").write_bytes(signing.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        (self.folder / "sign.pub").write_bytes(signing.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
        identity = pyrage.x25519.Identity.generate()
        (self.folder / "identity").write_text(f"{identity}\n")
        (self.folder / "recipient").write_text(str(identity.to_public()))
        (self.folder / "store").mkdir(mode=0o700)

    def back_up(self, *namespaces: str) -> str:
        key = private_key(str(self.folder / "sign.pem"))
        backup = Backup(self.cluster, Selection(namespaces=namespaces), key, recipients([self.recipient]), name="localhost")
        return str(backup.write(self.store)["name"])

    def opened(self, name: str) -> Backed:
        return open_backup(self.store, public_key(str(self.folder / "sign.pub")), identity_file(str(self.folder / "identity")), name)[1:]

    def restore(self, name: str, *, http: Http | None = None, dry_run: bool = False, **wish: Any) -> Outcome:
        cluster = Cluster(self.cluster.server, http) if http else self.cluster
        asked = RestoreSettings(**{"wait_timeout": 120.0, **wish})
        journal = RestoreJournal(str(self.folder / "journal"), {"backup": name, "wish": asked.task()})
        return Restore(cluster, self.opened(name), asked, journal, lambda namespaces: self.back_up(*namespaces)).run(dry_run=dry_run)

    def restore_and_die(self, name: str, writes: int, *, after: bool, **choice: Any) -> int:
        """In a process of its own, killed at that write; its exit code."""
        given = {
            "kubeconfig": self.kubeconfig,
            "folder": str(self.folder),
            "name": name,
            "writes": writes,
            "after": after,
            "choice": choice,
        }
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # it imports what the tests share
        done = subprocess.run(
            [sys.executable, str(Path(__file__)), json.dumps(given)], env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert not done.stderr, done.stderr
        return done.returncode

    def task(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """The module's result as a user gets it, and in ``printed`` all that Ansible says at its most talkative."""
        return self.tasks(arguments, check=check)[0]

    def tasks(self, *variants: Mapping[str, Any], check: bool = False) -> list[dict[str, Any]]:
        """The module several times in one play; ``check`` of a variant says whether it runs in check mode."""
        out = self.folder / f"result-{time.monotonic_ns()}.json"
        given = {
            "kubeconfig": self.kubeconfig, "repository": str(self.folder / "store"), "public_key": str(self.folder / "sign.pub"),
            "identity": str(self.folder / "identity"), "wait_timeout": 120, "journal": str(self.folder / "journal"),
            "progress_path": str(self.folder / "progress"),
        }  # fmt: skip
        tasks: list[dict[str, Any]] = [
            {
                "euystacio.meta_salvage.restore": {**given, **{name: value for name, value in arguments.items() if name != "check"}},
                "register": f"result_{number}", "ignore_errors": True, "check_mode": arguments.get("check", check), "diff": True,
            }
            for number, arguments in enumerate(variants)
        ]  # fmt: skip
        results = ", ".join(f"result_{number}" for number in range(len(variants)))
        tasks.append({"ansible.builtin.copy": {"content": f"{{{{ [{results}] | to_json }}}}", "dest": str(out), "mode": "0600"}})
        book = self.folder / "task.yml"
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBECONFIG"))}
        done = subprocess.run(
            ["ansible-playbook", str(book), "-vvv", "-e", f"ansible_python_interpreter={sys.executable}"],
            cwd=self.folder, env={**environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False, timeout=600,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert "Traceback" not in printed, printed
        assert out.exists(), printed
        return [{**result, "printed": printed} for result in json.loads(out.read_text())]


def choice_of(given: Mapping[str, Any]) -> Choice:
    return Choice(namespaces=frozenset(given.get("namespaces") or ()), mapping=given.get("mapping") or {})


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    backups = Backups(told["kubeconfig"], Path(told["folder"]))
    dying = Dying(backups.cluster.http, told["writes"], after=told["after"])
    backups.restore(told["name"], http=dying, selection=choice_of(told["choice"]), workers=4)
