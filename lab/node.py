# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node size: a control plane, one node with containers, and everything that production has in pods.

A cluster lives in namespaces of its own (network, processes, mounts), held by one process. What Kubernetes and containerd put under
/run, /var/lib and /var/log stays in the cluster's own mounts. When the holder ends, the kernel ends and removes all of it.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import build, cluster, configs, debian, images, machine, manifests, pki, processes, store
from .addresses import Addresses, choose
from .api import Api, wait_for_api
from .common import CACHE, STATE, LabError, Progress, locked, run, until
from .configs import Where
from .versions import Versions

# What a first cluster needs, with the service of the runbook in it, comes first: it is up while the others are built.
FIRST = ["pause", "standin", "etcd", "kubernetes"]
MODULES = [*FIRST, "opa", "coredns", "metrics-server", "prometheus-operator", "prometheus"]
# What `up` waits for, from the API server.
LISTS = {
    "deployments": "/apis/apps/v1/deployments",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "prometheuses": "/apis/monitoring.coreos.com/v1/prometheuses",
    "alertmanagers": "/apis/monitoring.coreos.com/v1/alertmanagers",
    "pods": "/api/v1/pods",
    "apiservices": "/apis/apiregistration.k8s.io/v1/apiservices",
}


OPERATORS = "/monitoring.coreos.com/"
# The kinds that lab/manifests has objects of.
DEFINITIONS = {"prometheuses", "alertmanagers", "servicemonitors", "prometheusrules"}
APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager=meta-salvage-lab")


class Node:
    def __init__(
        self, folder: Path, versions: Versions, progress: Progress, *, bare: bool = False, first: bool = False, replicas: int = 1
    ) -> None:
        self.folder, self.versions, self.progress = folder, versions, progress
        self.bare, self.first, self.replicas = bare, first, replicas
        self.name = folder.name

    # What is decided once and derived from then on.

    def use(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.where = Where(
            folder=self.folder,
            api_host=addresses.node,
            api_port=6443,
            etcd_port=2379,
            etcd_peer_port=2380,
            services=addresses.services,
            pods=addresses.pods,
        )
        self.api = None

    def up(self) -> None:
        build.build(self.versions, FIRST if self.first else MODULES, self.progress)
        self.debian = debian.unpack(self.versions.debian, self.progress)
        self.environment = debian.environment(self.debian, build.folder_of(self.versions.modules["kubernetes"]))
        with locked(CACHE / "images.lock", self.progress, "the making of images"):
            self.images = images.build_all(self.versions, self.debian, FIRST if self.first else None)
        record = cluster.read(self.folder)
        if record and record.addresses and self._is_whole():
            self.use(record.addresses)
            self._bring_up_to_date()
            return
        if self.folder.exists():
            self.progress.say(f"removing what is left of an earlier {self.name}")
            cluster.take_down(self.folder)
        self._reserve()
        with ThreadPoolExecutor(4) as pool:
            self._start(pool)
        self._wait_ready()

    def _bring_up_to_date(self) -> None:
        """A running cluster gets the images that it lacks and the manifests; what is as it should be is left alone."""
        self.progress.say(f"{self.name} is running; bringing it to its images and manifests")
        self.anchor = processes.pid_of(self.folder, "anchor") or 0
        for process in processes.find(self.folder):
            if process.state == "T":
                processes.send(self.folder, process.component, signal.SIGCONT)
        present = set(self._ctr("images", "list", "--quiet").split())
        for image in self.images.values():
            if image.reference not in present:
                self._ctr("images", "import", str(image.archive))
        if not (self.where.pki / f"{pki.OPERATOR.file}.crt").exists():  # a cluster of before
            pki.make(self.where.pki, pki.OPERATOR)
        if not self.first:
            self._apply(manifests.SYSTEM)
        self._apply_rest(APPLY)
        self._wait_ready()

    def _is_whole(self) -> bool:
        running = {process.component for process in processes.find(self.folder)}
        return running >= {
            "anchor",
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "containerd",
            "kubelet",
            "kube-proxy",
        }

    def _reserve(self) -> None:
        """Takes networks that nothing else on the machine uses, under a lock, and writes them down."""
        with locked(STATE / "addresses.lock", self.progress, "the choice of addresses"):
            used = [
                route["dst"] for route in json.loads(run(["ip", "-4", "-j", "route", "show", "table", "all"])) if route["dst"] != "default"
            ]
            for other in cluster.names():
                record = cluster.read(cluster.folder_of(other))
                if record and record.addresses:
                    used += record.addresses.networks
            addresses = choose(used)
            if addresses is None:
                raise LabError("No free networks in 10.0.0.0/8 for another cluster; take one down with `python3 -m lab down NAME`.")
            self.use(addresses)
            cluster.prepare_machine()
            cluster.write(self.folder, cluster.Record(self.name, "node", self.where.server, addresses.base, addresses.slot))

    def _start(self, pool: ThreadPoolExecutor) -> None:
        certificates = pool.submit(self._make_certificates)
        self._make_namespaces()
        self._start_component("etcd", build.binary(self.versions, "etcd"), configs.etcd(self.where))
        self._write_files()
        containers = pool.submit(self._start_containerd)  # a kubelet that misses an image waits ten seconds before it looks again
        certificates.result()
        server = self._start_kubernetes("kube-apiserver", configs.apiserver(self.where, node=True))
        wait_for_api(self.folder, self._api(), server)
        self.progress.say("the API server is ready")
        self._start_kubernetes("kube-controller-manager", configs.controller_manager(self.where, port=10257, node=True))
        self._start_kubernetes("kube-scheduler", configs.scheduler(self.where, port=10259, node=True))
        system = None if self.first else pool.submit(self._apply, manifests.SYSTEM)
        containers.result()
        self._start_kubernetes("kubelet", configs.kubelet(self.where, self.addresses.node))
        self._start_kubernetes("kube-proxy", [f"--config={self.folder}/proxy.json"])
        if system:
            system.result()
        self._apply_rest(["create"])

    def _apply_rest(self, verb: Sequence[str]) -> None:
        if self.bare or self.first:
            self._apply(manifests.FIRST if self.first else manifests.LAST)
            return
        self._make_definitions(verb)
        self._apply(manifests.REST)

    def _make_certificates(self) -> None:
        pki.make_all(self.where.pki, [self.addresses.node, self.addresses.api_service], configs.NODE, self.addresses.node)
        (self.folder / "kubeconfigs").mkdir(exist_ok=True)
        for identity in ("controller-manager", "scheduler", "proxy", "kubelet", "admin"):
            pki.write_kubeconfig(self.where.kubeconfig(identity), self.where.pki, identity, self.name, self.where.server)
        self.where.kubeconfig("admin").rename(self.folder / "kubeconfig")

    def _make_namespaces(self) -> None:
        pause = build.binary(self.versions, "pause")
        script = f"""
            set -e
            mount -t tmpfs -o mode=755 tmpfs /run
            for mount_point in {" ".join(cluster.MOUNT_POINTS)}; do
                mkdir -p "$mount_point"
                mount -t tmpfs tmpfs "$mount_point"
            done
            mkdir -p /run/netns /run/lock
            ip link set lo up
            echo 1 > /proc/sys/net/ipv4/ip_forward
            exec {shlex.quote(str(pause))}
        """
        started = processes.start(
            self.folder,
            "anchor",
            ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--propagation=private", "--", "sh", "-c", script],
            env=self.environment,
        )

        def holder() -> int | None:
            if started.poll() is not None:
                words = processes.last_words(self.folder, "anchor")
                raise LabError(f"This machine lets root make no namespaces; {machine.SMALLER} ({words}).")
            pid = processes.pid_of(self.folder, "anchor")
            return pid if pid and (Path("/proc") / str(pid) / "comm").read_text().strip() == "pause" else None

        self.anchor = until("The cluster's namespaces", holder, 10, every=0.01, hint=f"see {self.folder}/logs/anchor.log")
        plan = self.addresses
        run(["ip", "link", "add", plan.interface, "type", "veth", "peer", "name", "eth0", "netns", str(self.anchor)])
        run(["ip", "address", "add", f"{plan.host}/30", "dev", plan.interface])
        run(["ip", "link", "set", plan.interface, "up"])
        self._inside("ip", "address", "add", f"{plan.node}/30", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")
        # The machine by its other clusters' links, and their nodes; nothing else, so that what is not there is refused at once.
        self._inside("ip", "route", "add", plan.links, "via", plan.host)
        for network in (plan.pods, plan.services):
            run(["ip", "route", "add", network, "via", plan.node])
        cluster.make_cgroups(self.name)

    def _write_files(self) -> None:
        files = configs.kubelet_files(
            self.where,
            address=self.addresses.node,
            dns=self.addresses.dns_service,
            cgroup_root="/" + cluster.cgroup_name(self.name),
            cgroup_v1=cluster.is_cgroup_v1(),
        )
        files["audit-policy.json"] = json.dumps(configs.audit_policy())
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / "pod-logs").mkdir(exist_ok=True)

    def _start_containerd(self) -> None:
        if self.first:
            # No store of the cache for two small images: the store of all of them, which the next cluster wants, would have to go for it.
            (self.folder / "containerd").mkdir()
        else:
            with locked(CACHE / "containerd.lock", self.progress, "an import of images"):
                store.link(self._image_store(), self.folder / "containerd")
        self._run_containerd(self.folder / "containerd", "containerd")
        if self.first:
            for image in self.images.values():
                self._ctr("images", "import", str(image.archive))
        self.progress.say("containerd has its images")

    def _image_store(self) -> Path:
        """containerd's folder with all images in it, made once for each set of images by a containerd that runs for nothing else."""
        wanted = {image.reference: image.archive for image in self.images.values()}
        golden = store.folder_of(self.debian.name, wanted)
        if golden.exists():
            return golden
        with store.being_made(golden) as work:
            containerd = self._run_containerd(work, "image-store")
            present = set(self._ctr("images", "list", "--quiet").split())
            missing = [archive for reference, archive in wanted.items() if reference not in present]
            self.progress.say(f"importing {len(missing)} images")
            for archive in missing:
                self._ctr("images", "import", str(archive))
            if superfluous := present - wanted.keys():
                self._ctr("images", "remove", "--sync", *superfluous)
            processes.send(self.folder, "image-store", signal.SIGTERM)
            containerd.wait(30)
        return golden

    def _run_containerd(self, root: Path, component: str) -> subprocess.Popen[bytes]:
        settings = self.folder / f"{component}.toml"
        settings.write_text(
            configs.containerd(self.where, root=root, debian=self.debian, pause=self.images["pause"].reference), encoding="utf-8"
        )
        program = self.debian / "usr/bin/containerd"
        started = self._start_component(component, program, ["--config", str(settings), "--log-level=warn"])

        def answers() -> bool | None:
            if started.poll() is not None:
                raise LabError(processes.last_words(self.folder, component))
            try:
                self._ctr("version")
            except LabError:
                return None
            return True

        until("containerd's start", answers, 30, hint=f"see {self.folder}/logs/{component}.log")
        return started

    def _start_kubernetes(self, component: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        return self._start_component(component, build.binary(self.versions, component), arguments)

    def _start_component(self, component: str, program: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
        return processes.start(self.folder, component, [program, *arguments], env=self.environment, inside=self.anchor)

    def _inside(self, *argv: str) -> str:
        words = ["nsenter", f"--target={self.anchor}", "--mount", "--net", "--pid", "--", *argv]
        return run(words, env={**os.environ, **self.environment})

    def _ctr(self, *arguments: str) -> str:
        return self._inside(str(self.debian / "usr/bin/ctr"), "--address=/run/containerd/containerd.sock", "--namespace=k8s.io", *arguments)

    def _api(self) -> Api:
        return Api(self.where.server, self.where.pki)

    # What runs in it.

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run([build.binary(self.versions, "kubectl"), f"--kubeconfig={self.folder}/kubeconfig", *arguments], stdin=stdin)

    def _apply(self, part: str) -> None:
        values = {images.placeholder(name): image.reference for name, image in self.images.items()}
        values.update(CLUSTER_DNS=self.addresses.dns_service, MONITORING_REPLICAS=str(self.replicas))
        files = {"CLUSTER_CA": "ca.crt", "OPERATOR_CERTIFICATE": f"{pki.OPERATOR.file}.crt", "OPERATOR_KEY": f"{pki.OPERATOR.file}.key"}
        values.update({name: pki.inline((self.where.pki / file).read_bytes()) for name, file in files.items()})
        self._kubectl(*APPLY, "-f", "-", stdin=manifests.stream(values, part))
        self.progress.say(f"the {part} manifests are applied")

    def _make_definitions(self, verb: Sequence[str]) -> None:
        """The prometheus-operator's kinds, which must be known before an object of them is applied.

        In a new cluster they are created: a server-side apply of these large objects costs the API server three times as much.
        """
        folder = str(build.folder_of(self.versions.modules["prometheus-operator"]) / "crds")
        self._kubectl(*verb, "--validate=false", "-f", folder)
        api = self._api()

        def served() -> bool | None:
            status, body = api.get("/apis/monitoring.coreos.com/v1")
            return (status == 200 and {kind["name"] for kind in json.loads(body)["resources"]} >= DEFINITIONS) or None

        until("The start of the prometheus-operator's kinds", served, 120)

    def _wait_ready(self, timeout: float = 150) -> None:
        api = self._api()
        deadline = time.monotonic() + timeout
        before: list[str] = []
        while True:
            paths = {"nodes": "/api/v1/nodes", **LISTS}
            lists = {kind: api.items(path) for kind, path in paths.items() if not ((self.bare or self.first) and OPERATORS in path)}
            answered = {kind: items for kind, items in lists.items() if items is not None}
            waiting = manifests.unready(answered) + [kind for kind, items in lists.items() if items is None]
            waiting += [] if answered.get("nodes") else ["node"]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise LabError(
                    f"Not ready after {timeout:.0f} s: {', '.join(waiting)}; see `python3 -m lab kubectl {self.name} -- get pods -A`."
                )
            for name in before:
                if name not in waiting and not name.startswith("pod "):  # their workloads are told
                    self.progress.say(f"ready: {name}")
            before = waiting
            time.sleep(0.25)

    def load_image(self, archive: Path) -> str:
        """Imports a docker-archive or OCI archive; what `docker save` writes is one."""
        record = cluster.read(self.folder)
        if record is None or record.addresses is None:
            raise LabError(f"{self.name} has no containers; images go into clusters of the node size.")
        self.use(record.addresses)
        self.debian = debian.root_of(self.versions.debian)
        self.environment = debian.environment(self.debian)
        anchor = processes.pid_of(self.folder, "anchor")
        if anchor is None:
            raise LabError(f"{self.name} does not run; `python3 -m lab up {self.name}` starts it.")
        self.anchor = anchor
        return self._ctr("images", "import", str(archive.resolve()))
