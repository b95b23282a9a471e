# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `oc adm inspect` collects on OpenShift, by openshift-client; into a folder in memory, for it is not redacted yet."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from .._cluster.discovery import Resource
from .._cluster.openshift import openshift_session
from .._core.errors import SalvageError
from .collector import Collector
from .existing import files_in, redacted_file

_MEMORY = Path("/dev/shm")  # noqa: S108  not for what stays: it has no disk
_LOGINS = ("host", "api_key", "username", "client_cert")
_OF_A_CALL = ("timestamp", "elapsed_time", "success", "status", "verb", "cmd", "err")


def collect_openshift(collector: Collector, kinds: Iterable[Resource], params: dict[str, Any]) -> None:
    why = _why_not(kinds, params)
    if why:
        collector.skip(why)
        return
    client: Any = importlib.import_module("openshift_client")
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="meta-salvage-") as folder:
        tracker = collector.attempt("oc adm inspect", lambda: _inspect(client, collector, params, folder))
        if tracker is not None:
            collector.calls = [{name: call.get(name) for name in _OF_A_CALL} for call in tracker.as_dict()["actions"]]
            for call in collector.calls:
                if call["status"]:
                    collector.miss("oc adm inspect", str(call["err"] or "it failed").strip()[:500])
        for name, data in files_in(Path(folder), collector.site.bounds.size):
            path = f"openshift/{name}"
            collector.attempt(path, partial(_save, collector, path, data))


def _save(collector: Collector, path: str, data: bytes) -> None:
    collector.save(path, [redacted_file(path, data, collector.site.redactor)])


def _why_not(kinds: Iterable[Resource], params: dict[str, Any]) -> str:
    """Why there is nothing to inspect; nothing where there is."""
    if not any(kind.group == "config.openshift.io" for kind in kinds):
        return "the cluster is not OpenShift"
    if shutil.which("oc") is None:
        return "found no program oc where the module runs; the OpenShift kinds are still in objects and cluster"
    if importlib.util.find_spec("openshift_client") is None:
        return "the Python library openshift-client is missing where the module runs"
    if any(params.get(name) for name in _LOGINS) and not _is_of_oc(params):
        return "oc can only have the login of a kubeconfig: on its command line others would see it"
    return "" if _MEMORY.is_dir() else f"the folder {_MEMORY} in memory does not exist, and what is not redacted is never written to a disk"


def _is_of_oc(params: dict[str, Any]) -> bool:
    """Whether the login is that of the session of oc, which then needs none."""
    try:
        session = openshift_session(str(params.get("kubeconfig") or ""), str(params.get("context") or ""))
    except SalvageError:
        return False
    return (session.server, session.token) == (params.get("host"), params.get("api_key")) and not (
        params.get("username") or params.get("client_cert")
    )


def _inspect(client: Any, collector: Collector, params: dict[str, Any], folder: str) -> Any:
    site = collector.site
    since = round(time.time() - site.window.start)
    what = [f"ns/{namespace}" for namespace in site.namespaces]
    with ExitStack() as contexts:
        for context in (
            client.client_path(shutil.which("oc")),
            client.api_server(kubeconfig_path=params.get("kubeconfig")),
            client.options({"context": params["context"]} if params.get("context") else {}),
            client.timeout(site.bounds.seconds),
        ):
            contexts.enter_context(context)
        tracker = contexts.enter_context(client.tracking())
        try:
            args = ["inspect", *what, "clusteroperators", f"--since={since}s", f"--dest-dir={folder}"]
            client.invoke("adm", args, no_namespace=True, auto_raise=False)
        except client.OpenShiftPythonException as exc:  # its time was up
            collector.miss("oc adm inspect", str(exc))
        return tracker.get_result()
