# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control-plane size: no root and no containers; kwok plays nodes and pods, thousands of them."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

from . import build, cluster, configs, manifests, pki, processes
from .api import Api, wait_for_api
from .common import Progress, run, until
from .configs import Where
from .versions import Versions

MODULES = ["etcd", "kubernetes", "kwok"]
COMPONENTS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}


class ControlPlane:
    def __init__(self, folder: Path, versions: Versions, progress: Progress, nodes: int, pods: int) -> None:
        self.folder, self.versions, self.progress = folder, versions, progress
        self.name, self.nodes, self.pods = folder.name, nodes, pods

    def up(self) -> None:
        build.build(self.versions, MODULES, self.progress)
        record = cluster.read(self.folder)
        if record and {process.component for process in processes.find(self.folder)} >= COMPONENTS:
            self.progress.say(f"{self.name} is running")
            self._use(record.server)
        else:
            if self.folder.exists():
                self.progress.say(f"removing what is left of an earlier {self.name}")
                cluster.take_down(self.folder)
            self._start()
        self._make_nodes()
        if self.pods:
            self._make_pods()

    def _use(self, server: str) -> None:
        self.server = server
        self.api = Api(server, self.folder / "pki")

    def _start(self) -> None:
        ports = free_ports(5)
        where = Where(
            folder=self.folder,
            api_host="127.0.0.1",
            api_port=ports[0],
            etcd_port=ports[1],
            etcd_peer_port=ports[2],
            services="10.0.0.0/16",
            pods=configs.KWOK_PODS,
        )
        cluster.write(self.folder, cluster.Record(self.name, "control-plane", where.server))
        pki.make_all(where.pki, [], configs.NODE, "127.0.0.1")
        self._use(where.server)
        (self.folder / "kubeconfigs").mkdir()
        for identity in ("controller-manager", "scheduler", "admin"):
            pki.write_kubeconfig(where.kubeconfig(identity), where.pki, identity, self.name, where.server)
        where.kubeconfig("admin").rename(self.folder / "kubeconfig")
        (self.folder / "audit-policy.json").write_text(json.dumps(configs.audit_policy()), encoding="utf-8")

        self._component("etcd", configs.etcd(where))
        wait_for_api(self.folder, self.api, self._component("kube-apiserver", configs.apiserver(where, node=False)))
        self.progress.say("the API server is ready")
        self._component("kube-controller-manager", configs.controller_manager(where, port=ports[3], node=False))
        self._component("kube-scheduler", configs.scheduler(where, port=ports[4], node=False))
        stages = sorted((build.folder_of(self.versions.modules["kwok"]) / "stages").glob("*.yaml"))
        self._component("kwok", configs.kwok(self.folder / "kubeconfig", stages))

    def _component(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        return processes.start(self.folder, name, [build.binary(self.versions, name), *arguments])

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        kubectl: list[str | Path] = [build.binary(self.versions, "kubectl"), f"--kubeconfig={self.folder}/kubeconfig"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        run([*kubectl, "apply", "--server-side", "--force-conflicts", "--field-manager=meta-salvage-lab", "-f", "-"], stdin=text)

    def _make_nodes(self) -> None:
        names = [f"kwok-{index:03}" for index in range(self.nodes)]
        self._apply([configs.kwok_node(name) for name in names])

        def ready() -> bool | None:
            nodes = self.api.items("/api/v1/nodes") or []
            return (not manifests.unready({"nodes": nodes}) and len(nodes) >= self.nodes) or None

        until(f"The readiness of {self.nodes} nodes", ready, 60, hint=f"see {self.folder}/logs/kwok.log")
        self.progress.say(f"{self.nodes} nodes are ready")

    def _make_pods(self) -> None:
        self._apply(configs.kwok_pods(self.pods))

        def running() -> bool | None:
            status, body = self.api.get(f"/apis/apps/v1/namespaces/{configs.NAMESPACE}/deployments/{configs.MANY}")
            return (status == 200 and json.loads(body).get("status", {}).get("readyReplicas", 0) == self.pods) or None

        until(f"The readiness of {self.pods} pods", running, max(120.0, self.pods / 20), every=0.5, hint=f"see {self.folder}/logs")
        self.progress.say(f"{self.pods} pods are running")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on; all are held at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
