# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the example project, started as AWX 24.6 starts them: ansible-runner in three parts, of which the middle one is the container.

The middle part has no terminal, the environment of AWX and of its credentials and nothing else, a home that it cannot write to, and, where
the tests run as root, another user who can only read.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
import yaml
from cluster_lab import CHECKOUT, Lab

PROJECT = CHECKOUT / "extensions" / "awx" / "project"
NOBODY = 65534
_CONTAINER = """
import sys, ansible_runner
ansible_runner.run(streamer="worker", private_data_dir=sys.argv[1])
"""


class _Survey(str):
    """An answer of a person: AWX keeps Ansible from taking it for a template."""


class _Dumper(yaml.SafeDumper):
    """As AWX writes env/extravars."""


_Dumper.add_representer(_Survey, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


def _unsafe(value: Any) -> Any:
    if isinstance(value, str):
        return _Survey(value)
    if isinstance(value, Mapping):
        return {key: _unsafe(one) for key, one in value.items()}
    return [_unsafe(one) for one in value] if isinstance(value, list) else value


@dataclass
class Job:
    """A job that has ended."""

    folder: Path
    id: int
    status: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def output(self) -> str:
        return "".join(f"{event.get('stdout', '')}\n" for event in self.events)

    @property
    def words(self) -> str:
        return " ".join(self.output.split())

    @property
    def artifacts(self) -> dict[str, Any]:
        """What the next node of a workflow gets as extra variables."""
        for event in reversed(self.events):
            if event["event"] == "playbook_on_stats":
                return dict(event["event_data"].get("artifact_data") or {})
        return {}


class Controller:
    """Starts jobs against a cluster, with the credential of a service account."""

    def __init__(self, lab: Lab, folder: Path, token: str) -> None:
        self.lab, self.folder, self.token = lab, folder, token
        self._last = 0
        self.home = folder / "home"
        self.home.mkdir(mode=0o555)
        folder.chmod(0o755)
        config = json.loads(lab.kubeconfig.read_text())
        self.cluster = config["clusters"][0]["cluster"]

    def bearer(self) -> dict[str, str]:
        """The built-in credential type "OpenShift or Kubernetes API Bearer Token"; its file is written below."""
        return {"K8S_AUTH_HOST": self.cluster["server"], "K8S_AUTH_API_KEY": self.token, "K8S_AUTH_VERIFY_SSL": "True"}

    def launch(
        self,
        playbook: str,
        answers: Mapping[str, Any] | None = None,
        *,
        check: bool = False,
        given: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        kubeconfig: bool = False,
        inventory: Mapping[str, Any] | None = None,
        arguments: str = "",
    ) -> Job:
        """``answers``: of a survey; ``given``: extra variables of the template's author, of credentials, and of earlier nodes."""
        self._last += 1
        job = Job(self.folder / f"awx_{self._last}_{uuid.uuid4().hex[:8]}", self._last)
        where = job.folder
        for name in ("inventory", "env", "artifacts"):
            (where / name).mkdir(parents=True)
        shutil.copytree(PROJECT, where / "project")
        hosts = {"all": {"hosts": ["localhost"]}, "_meta": {"hostvars": {"localhost": {"ansible_connection": "local"}}}}
        script = where / "inventory" / "hosts"
        script.write_text(f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(inventory or hosts)}\nEOF\n")
        script.chmod(0o700)
        mine = {
            "awx_job_id": job.id, "awx_job_template_id": 7, "awx_job_template_name": f"Meta Salvage {playbook}", "awx_user_name": "anna",
            "awx_job_launch_type": "manual", "awx_inventory_name": "Meta Salvage clusters", "awx_project_revision": "0" * 40,
        }  # fmt: skip
        variables = {**mine, **(given or {}), **{name: _unsafe(value) for name, value in (answers or {}).items()}}
        (where / "env" / "extravars").write_text(yaml.dump(variables, Dumper=_Dumper))
        inside = self._container(where, job.id, environ or {}, kubeconfig=kubeconfig)
        line = f"{'--check ' if check else ''}{'--diff ' if check else ''}-u root {arguments} -e @{where}/inside/env/extravars"
        how = {
            "ident": str(job.id), "playbook": f"{playbook}.yml", "envvars": inside,
            "settings": {"job_timeout": 0, "suppress_ansible_output": True, "suppress_output_file": True}, "cmdline": line,
            "suppress_env_files": True,
        }  # fmt: skip
        with (where / "sent").open("wb") as sent:
            ansible_runner.interface.run(streamer="transmit", _output=sent, private_data_dir=str(where), **how)
        self._work(where)
        with (where / "answered").open("rb") as answered:
            done = ansible_runner.interface.run(
                streamer="process", _input=answered, private_data_dir=str(where), ident=str(job.id), quiet=True
            )
        job.status = done.status
        found = [json.loads(path.read_text()) for path in (where / "artifacts" / str(job.id) / "job_events").glob("*.json")]
        job.events = sorted(found, key=lambda event: int(event["counter"]))
        return job

    def _container(self, where: Path, number: int, environ: Mapping[str, str], *, kubeconfig: bool) -> dict[str, str]:
        """The environment of the job; files of its credentials."""
        inside = where / "inside"
        inside.mkdir()
        files = inside / "credentials"
        files.mkdir()
        own = {
            "JOB_ID": str(number), "INVENTORY_ID": "1", "PROJECT_REVISION": "0" * 40, "AWX_HOST": "https://awx.example.com",
            "AWX_PRIVATE_DATA_DIR": str(inside), "AWX_ISOLATED_DATA_DIR": str(inside / "artifacts" / str(number)),
            "ANSIBLE_RETRY_FILES_ENABLED": "False", "MAX_EVENT_RES": "700000",
            "ANSIBLE_FORCE_COLOR": "True", "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            # The execution environment's: the packages and the collections are in its image, and the temporary folder is /tmp.
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], "ANSIBLE_HOME": str(inside / "ansible"),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip
        if kubeconfig:
            (files / "kubeconfig").write_bytes(self.lab.kubeconfig.read_bytes())
            credential = {"K8S_AUTH_KUBECONFIG": str(files / "kubeconfig"), "KUBECONFIG": str(files / "kubeconfig")}
        else:
            (files / "ca.crt").write_bytes(base64.b64decode(self.cluster["certificate-authority-data"]))
            credential = {**self.bearer(), "K8S_AUTH_SSL_CA_CERT": str(files / "ca.crt")}
        return {**own, **credential, **environ}

    def _work(self, where: Path) -> None:
        inside = where / "inside"
        command = [sys.executable, "-c", _CONTAINER, str(inside)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}
        if os.geteuid() == 0:
            for path in [inside, *inside.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
            # It may read what root may, as in an image that belongs to root, and write nothing of it.
            capability = "+dac_read_search"
            user = [
                "setpriv",
                f"--reuid={NOBODY}",
                f"--regid={NOBODY}",
                "--clear-groups",
                "--securebits=+no_setuid_fixup",
                f"--inh-caps={capability}",
                f"--ambient-caps={capability}",
            ]
            command = [*user, *command]
        with (where / "sent").open("rb") as sent, (where / "answered").open("wb") as answered, (where / "errors").open("wb") as errors:
            subprocess.run(
                command, stdin=sent, stdout=answered, stderr=errors, env=environ, cwd="/", check=False, timeout=900, start_new_session=True
            )
