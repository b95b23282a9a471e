# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The components' command lines and files, as data. Pure: nothing is started or written here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NODE = "lab"
# A node that stops answering is NotReady after this long, rather than after Kubernetes' 40 s: a test waits for it.
NODE_GRACE_SECONDS = 16
NAMESPACE = "euystacio-ai"
KWOK_PODS = "10.1.0.0/16"
KWOK_PODS_PER_NODE = 1000


@dataclass(frozen=True)
class Where:
    """The places and addresses that the components share."""

    folder: Path
    api_host: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    services: str
    pods: str

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    def kubeconfig(self, identity: str) -> Path:
        return self.folder / "kubeconfigs" / identity

    @property
    def server(self) -> str:
        return f"https://{self.api_host}:{self.api_port}"


def etcd(where: Where) -> list[str]:
    client, peer = f"http://127.0.0.1:{where.etcd_port}", f"http://127.0.0.1:{where.etcd_peer_port}"
    return [
        "--name=lab",
        f"--data-dir={where.folder}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--unsafe-no-fsync",  # the data live as long as the cluster
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


def apiserver(where: Where, *, node: bool) -> list[str]:
    pki = where.pki
    arguments = [
        f"--etcd-servers=http://127.0.0.1:{where.etcd_port}",
        f"--bind-address={where.api_host}",
        f"--advertise-address={where.api_host}",
        f"--secure-port={where.api_port}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        "--authorization-mode=Node,RBAC",
        f"--service-cluster-ip-range={where.services}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/service-account.key",
        f"--service-account-signing-key-file={pki}/service-account.key",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",  # exec and logs would look up the node's name otherwise
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        "--enable-aggregator-routing=true",
        "--allow-privileged=true",
        "--profiling=false",
        f"--audit-policy-file={where.folder}/audit-policy.json",
        f"--audit-log-path={where.folder}/audit.log",
        "--audit-log-maxsize=500",
        "--audit-log-maxbackup=1",
    ]
    if not node:
        # Thousands of kwok pods come and go in seconds: none of them may wait for the API server's fair queue.
        arguments += ["--enable-priority-and-fairness=false", "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"]
        # The kubernetes Service wants an address that is not the loopback; nobody uses it here.
        arguments += ["--endpoint-reconciler-type=none"]
    return arguments


def controller_manager(where: Where, *, port: int, node: bool) -> list[str]:
    arguments = [
        f"--kubeconfig={where.kubeconfig('controller-manager')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--root-ca-file={where.pki}/ca.crt",
        f"--service-account-private-key-file={where.pki}/service-account.key",
        f"--cluster-signing-cert-file={where.pki}/ca.crt",
        f"--cluster-signing-key-file={where.pki}/ca.key",
        "--node-monitor-period=1s",
        f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s",
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--profiling=false",
        # Kubernetes' limits of 20 and 30 would hold back the start of its controllers by four seconds, and thousands of pods by minutes.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
    ]
    return arguments if node else [*arguments, "--concurrent-replicaset-syncs=20"]


def scheduler(where: Where, *, port: int, node: bool) -> list[str]:
    arguments = [
        f"--kubeconfig={where.kubeconfig('scheduler')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--profiling=false",
    ]
    return arguments if node else [*arguments, "--kube-api-qps=1000", "--kube-api-burst=2000"]


def audit_policy() -> dict[str, Any]:
    """Every request once, when it is answered, with its address (so that dryRun is seen) and without bodies (so that no secret is)."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [
            # The machinery's own renewals would be nine lines of ten.
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "Metadata"},
        ],
    }


def kubelet_files(where: Where, *, address: str, dns: str, cgroup_root: str, cgroup_v1: bool) -> dict[str, str]:
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": f"{where.pki}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{where.pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{where.pki}/kubelet-server.key",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,  # two kubelets that share a root end each other's pods
        **({"failCgroupV1": False} if cgroup_v1 else {}),
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,  # an image that is collected could not be pulled again
        "clusterDomain": "cluster.local",
        "clusterDNS": [dns],
        "resolvConf": f"{where.folder}/resolv.conf",
        "podLogsDir": f"{where.folder}/pod-logs",
        "maxPods": 200,
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": NODE_GRACE_SECONDS,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "syncFrequency": "10s",
        "volumeStatsAggPeriod": "10s",
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
    }
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(where.kubeconfig("proxy"))},
        "mode": "iptables",
        "clusterCIDR": where.pods,
        "hostnameOverride": NODE,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "min": 0},  # the machine's limits are not ours to change
        "iptables": {"minSyncPeriod": "200ms"},
    }
    # ptp, not bridge: pods reach each other through the node's routing, so that a Service's translation is undone on the way back
    # without the kernel module br_netfilter.
    network = {
        "cniVersion": "0.4.0",
        "name": "lab",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": where.pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": f"{where.folder}/cni/leases",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    return {
        "kubelet.json": json.dumps(kubelet, indent=1),
        "proxy.json": json.dumps(proxy, indent=1),
        "cni/conf/10-lab.conflist": json.dumps(network, indent=1),
        "resolv.conf": "",
    }


def kubelet(where: Where, address: str) -> list[str]:
    return [
        f"--config={where.folder}/kubelet.json",
        f"--kubeconfig={where.kubeconfig('kubelet')}",
        f"--root-dir={where.folder}/kubelet",
        f"--hostname-override={NODE}",
        f"--node-ip={address}",
    ]


def containerd(where: Where, *, root: Path, debian: Path, pause: str) -> str:
    """containerd's configuration. Its sockets are in /run, which is the cluster's own."""
    return f"""\
version = 2
root = "{root}"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [{", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("btrfs", "zfs", "aufs", "devmapper"))}]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{debian}/usr/lib/cni"
  conf_dir = "{where.folder}/cni/conf"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""


# The Deployment that `up --pods` makes.
MANY = "many"


def kwok(kubeconfig: Path, stages: list[Path]) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        f"--cidr={KWOK_PODS}",
        "--node-ip=10.2.0.1",
        "--v=WARN",
        "--node-lease-duration-seconds=40",
        *(f"--config={stage}" for stage in stages),
    ]


def kwok_node(name: str) -> dict[str, Any]:
    """A node that kwok plays: much room, and a mark so that only pods that want it come here."""
    room = {"cpu": "256", "memory": "1Ti", "pods": str(KWOK_PODS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {"allocatable": room, "capacity": room},
    }


def kwok_pods(count: int) -> list[dict[str, Any]]:
    """A Deployment that looks like the managed one, many times as large."""
    labels = {"app": MANY}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": MANY, "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "replicas": count,
                "progressDeadlineSeconds": 3600,
                "selector": {"matchLabels": labels},
                # The controllers' own default surge of a quarter is kept: a rollout of thousands is then as in production.
                "template": {"metadata": {"labels": labels}, "spec": _POD},
            },
        },
    ]


# As large as the pods of the stand-in (manifests/20-standin.yaml), some 8 kB each with what the API server adds: what reading thousands of
# them costs depends on it. Nothing here is run, so the names need not exist.
_POD: dict[str, Any] = {
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 20,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65534},
    "containers": [
        {
            "name": "euystacio-api",
            "image": "localhost/none:v1",
            "imagePullPolicy": "Never",
            "ports": [{"name": "http", "containerPort": 8000}, {"name": "metrics", "containerPort": 9090}],
            "envFrom": [{"configMapRef": {"name": "euystacio-config"}}, {"secretRef": {"name": "euystacio-secrets"}}],
            "env": [
                {"name": "VERSION", "value": "v1"},
                {"name": "RED_CODE", "value": "/config/red_code.json"},
                {"name": "FAULTS_FILE", "value": "/faults/faults.json"},
            ],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 2},
            "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3},
            "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "250m", "memory": "128Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "red-code", "mountPath": "/config", "readOnly": True},
                {"name": "faults", "mountPath": "/faults", "readOnly": True},
            ],
        }
    ],
    "volumes": [
        {"name": "red-code", "configMap": {"name": "euystacio-red-code"}},
        {"name": "faults", "configMap": {"name": "euystacio-faults", "optional": True}},
    ],
}
