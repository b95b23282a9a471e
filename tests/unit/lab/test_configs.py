# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

from lab import configs
from lab.addresses import Addresses


def _where(slot: int) -> configs.Where:
    plan = Addresses(210, slot)
    return configs.Where(Path(f"/state/{slot}"), plan.node, 6443, 2379, 2380, plan.services, plan.pods)


def _files(slot: int, cgroup_v1: bool = True) -> dict[str, str]:
    return configs.kubelet_files(
        _where(slot),
        address=Addresses(210, slot).node,
        dns=Addresses(210, slot).dns_service,
        cgroup_root=f"/ms-{slot}",
        cgroup_v1=cgroup_v1,
    )


def test_two_clusters_share_no_folder_address_or_cgroup() -> None:
    one, two = _where(0), _where(1)
    for component in (configs.etcd, lambda w: configs.apiserver(w, node=True)):
        assert not {argument for argument in component(one) if "/state/0" in argument} & set(component(two))
    assert json.loads(_files(0)["kubelet.json"])["cgroupRoot"] != json.loads(_files(1)["kubelet.json"])["cgroupRoot"]
    assert not any("/state/1" in text for text in _files(0).values())


def test_the_kubelet_accepts_cgroup_v1_only_where_that_is_what_there_is() -> None:
    assert json.loads(_files(0, cgroup_v1=True)["kubelet.json"])["failCgroupV1"] is False
    assert "failCgroupV1" not in json.loads(_files(0, cgroup_v1=False)["kubelet.json"])


def test_the_audit_log_shows_every_request_and_no_body() -> None:
    arguments = configs.apiserver(_where(0), node=True)
    assert "--audit-log-path=/state/0/audit.log" in arguments
    levels = {rule["level"] for rule in configs.audit_policy()["rules"]}
    assert levels == {"None", "Metadata"}
    assert configs.audit_policy()["rules"][-1] == {"level": "Metadata"}


def test_only_the_scale_cluster_lifts_the_clients_limits() -> None:
    assert "--kube-api-qps=1000" in configs.scheduler(_where(0), port=1, node=False)
    assert "--kube-api-qps=1000" not in configs.scheduler(_where(0), port=1, node=True)


def test_a_silent_node_is_not_ready_soon_but_not_between_two_of_its_reports() -> None:
    kubelet = json.loads(_files(0)["kubelet.json"])
    reports = float(kubelet["nodeStatusUpdateFrequency"].rstrip("s"))
    assert reports * 2 < configs.NODE_GRACE_SECONDS <= 20
    assert f"--node-monitor-grace-period={configs.NODE_GRACE_SECONDS}s" in configs.controller_manager(_where(0), port=1, node=True)


def test_containerd_keeps_its_data_where_it_is_told() -> None:
    text = configs.containerd(_where(0), root=Path("/state/0/containerd"), debian=Path("/debs"), pause="localhost/pause:v1")
    assert 'root = "/state/0/containerd"' in text
    assert 'sandbox_image = "localhost/pause:v1"' in text
    assert 'bin_dir = "/debs/usr/lib/cni"' in text
