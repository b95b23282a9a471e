# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin as ansible-inventory runs it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_web import Web

KUBECONFIG = {
    "clusters": [{"name": "eu", "cluster": {"server": "https://eu:6443"}}],
    "users": [{"name": "me", "user": {"token": "planted-token"}}],
    "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in ("eu", "gone")],
}


Read = Callable[..., "Listing"]


class Listing:
    """What ansible-inventory shows."""

    def __init__(self, output: str) -> None:
        unmarked = {"object_hook": lambda found: found.get("__ansible_unsafe", found)}
        self.groups = json.loads(output, **unmarked)
        self.hosts = self.groups.pop("_meta")["hostvars"]

    def group(self, name: str) -> list[str]:
        return list(self.groups.get(name, {}).get("hosts", ()))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def call(**options: Any) -> Listing:
        path = tmp_path / "fleet.clusters.yml"
        path.write_text(yaml.safe_dump({"plugin": "euystacio.meta_salvage.clusters", **options}))
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBE"))}
        command = ["ansible-inventory", "-i", str(path), "--list", "--export"]
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        assert "planted-token" not in done.stdout + done.stderr
        if "Failed to parse" in done.stderr:
            raise ValueError(" ".join(done.stderr.split()))
        return Listing(done.stdout)

    return call


def test_each_context_is_a_host_that_is_reached_by_it(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(KUBECONFIG))
    found = read(kubeconfig=str(path), keyed_groups=[{"key": "cluster_name", "prefix": "at"}])
    assert set(found.hosts) == {"eu", "gone"}
    variables = found.hosts["eu"]
    assert (variables["meta_salvage_context"], variables["meta_salvage_kubeconfig"]) == ("eu", str(path))
    assert (variables["cluster_server"], variables["cluster_available"]) == ("https://eu:6443", None)
    assert found.group("clusters_available") == []
    assert found.group("at_eu") == ["eu"]


def test_a_kubeconfig_that_cannot_be_used_is_one_sentence(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({"contexts": "planted-token"}))
    with pytest.raises(ValueError, match="its contexts are not a list of mappings"):
        read(kubeconfig=str(path))


def item(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "fleet", "labels": {"region": name}}, "spec": {}, "status": {}, **more}


def api(group: str, plural: str, kind: str, items: list[dict[str, Any]], *, namespaced: bool) -> dict[str, Any]:
    version = {"groupVersion": f"{group}/v1beta1", "version": "v1beta1"}
    served = {"name": plural, "kind": kind, "namespaced": namespaced, "verbs": ["list"]}
    return {
        f"/apis/{group}": {"preferredVersion": version, "versions": [version]},
        f"/apis/{group}/v1beta1": {"resources": [served]},
        f"/apis/{group}/v1beta1/{plural}": {"items": items},
    }


def test_the_cluster_api_gives_each_cluster_with_its_kubeconfig(read: Read, web: Web, tmp_path: Path) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    names = ("eu", "us", "young")
    web.answers = api("cluster.x-k8s.io", "clusters", "Cluster", [item(name, status=ready) for name in names], namespaced=True)
    web.answers["/api/v1/namespaces/fleet/secrets/eu-kubeconfig"] = {"data": {"value": base64.b64encode(b"kube").decode()}}
    web.answers["/api/v1/namespaces/fleet/secrets/us-kubeconfig"] = {"data": {"other": ""}}
    folder = tmp_path / "kubeconfigs"
    found = read(source="cluster_api", host=web.url, api_key="login", kubeconfig_dir=str(folder))
    assert (folder / "eu.kubeconfig").read_bytes() == b"kube"
    assert (folder / "eu.kubeconfig").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["eu.kubeconfig"]
    # A cluster without a kubeconfig is never reached by that of another one.
    assert {name: found.hosts[name]["meta_salvage_kubeconfig"] for name in names} == {
        name: str(folder / f"{name}.kubeconfig") for name in names
    }
    assert found.group("clusters_available") == ["eu"]
    assert "holds no kubeconfig in the key value" in found.hosts["us"]["cluster_reason"]
    assert "its kubeconfig cannot be read" in found.hosts["young"]["cluster_reason"]


def test_a_hub_gives_its_managed_clusters_by_label(read: Read, web: Web) -> None:
    web.answers = api("cluster.open-cluster-management.io", "managedclusters", "ManagedCluster", [item("eu")], namespaced=False)
    found = read(source="managed_clusters", host=web.url, api_key="login", label_selector="region=eu", kubeconfig_path="/kc/{name}.yml")
    assert found.hosts["eu"]["meta_salvage_kubeconfig"] == "/kc/eu.yml"
    assert found.group("clusters_unavailable") == ["eu"]  # the hub has not accepted it
    assert web.asked[-1].query == {"labelSelector": "region=eu", **{name: "500" for name in web.asked[-1].query if name == "limit"}}


def test_a_cluster_that_is_no_hub_is_named(read: Read, web: Web) -> None:
    with pytest.raises(ValueError, match=r"does not serve cluster\.x-k8s\.io; log in to the management or hub cluster"):
        read(source="cluster_api", host=web.url, api_key="login")
