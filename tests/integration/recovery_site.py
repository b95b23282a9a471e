# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application with backups, and the recovery runbooks as a user runs them on it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from audit import checked
from backups import Backups
from cluster_lab import NAMESPACE, Lab, Run
from test_delivery_playbooks import App

LABEL = "meta-salvage.euystacio/drill-of"


class Site(Backups):
    """An application, the keys of its backups, and the runbooks that are run on it."""

    def __init__(self, lab: Lab, folder: Path, space: str) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        self.lab, self.space, self.reports = lab, space, folder / "reports"
        self.keys = {
            "backup_repository": str(folder / "store"), "backup_namespaces": [space],
            "backup_recipients": [self.recipient], "backup_signing_key": str(folder / "sign.pem"),
            "backup_public_key": str(folder / "sign.pub"), "backup_identity": str(folder / "identity"),
            "backup_cluster": "localhost",  # also for the hosts of another inventory
        }  # fmt: skip

    @property
    def _places(self) -> dict[str, Any]:
        return {f"{role}_report_dir": str(self.reports) for role in ("backup", "restore", "restore_drill")}

    def playing(self, runbook: str, **variables: Any) -> AbstractContextManager[subprocess.Popen[str]]:
        return self.lab.playing(runbook, {**self._places, **self.keys, **variables})

    def play(self, runbook: str, *, inventory: Path | None = None, check: bool = False, **variables: Any) -> Run:
        given = {**self._places, **({} if inventory else self.keys), **variables}
        if not check:
            return self.lab.play(runbook, given, inventory=inventory)
        before = self.published
        run = checked(self.lab, runbook, given)[0]
        assert self.published == before
        return run

    @property
    def published(self) -> list[str]:
        return self.store.names()

    def report(self, name: str) -> dict[str, Any]:
        """The newest of them."""
        found: dict[str, Any] = json.loads(max(self.reports.glob(f"{name}-*.json")).read_text())
        return found

    def copies(self) -> list[str]:
        spaces = self.lab.get("namespaces", "-l", LABEL)["items"]
        return [space["metadata"]["name"] for space in spaces if space["metadata"]["name"].startswith(self.space)]

    def marking(self, name: str, *more: dict[str, Any]) -> str:
        """A file of tasks that leave a mark."""
        path = self.folder / f"{name}.yml"
        touch = {"ansible.builtin.copy": {"dest": str(self.folder / f"{name}.mark"), "content": "done", "mode": "0600"}}
        path.write_text(json.dumps([touch, *more]))
        return str(path)

    def marked(self, name: str) -> bool:
        path = self.folder / f"{name}.mark"
        there = path.exists()
        path.unlink(missing_ok=True)
        return there


@contextmanager
def site_in(lab: Lab, space: str, folder: Path) -> Iterator[Site]:
    """The site in a new namespace, with an app, a Service of type NodePort and a CronJob."""
    one = Site(lab, folder, space)
    for name in [space, *one.copies()]:
        lab.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", space)
    standin = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)
    App(lab, "app", standin["spec"]["template"]["spec"]["containers"][0]["image"], one.folder, space).start()
    lab.kubectl("patch", "service", "app", "-n", space, "--type=merge", "-p", '{"spec": {"type": "NodePort"}}')
    lab.kubectl("create", "cronjob", "yearly", "-n", space, "--image=none", "--schedule=0 0 1 1 *")
    yield one
    lab.kubectl("delete", "namespace", space, "--wait=false")
