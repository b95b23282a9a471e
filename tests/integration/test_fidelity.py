# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as people have them: backed up, wiped, restored, backed up again.  None differs, or the report says which and why.

What is compared is all that the API server gives, without what it writes itself; the rules of the restore are not asked.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, must_read, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from backups import Backed, Backups
from cluster_lab import NAMESPACE, Lab
from test_restore import until

pytestmark = pytest.mark.lab

SPACE, GROUP = "fidelity-test", "fidelity.example"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC = "rbac.authorization.k8s.io/v1"
# Of each plane its ends, and what is written as an escape, invisible, or no character at all.
TEXT = "".join(chr(plane << 16 | place) for plane in range(17) for place in (0x0400, 0xFFFD)) + "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F680, 0x1FFFE, 0x10FFFF])
)


def defined(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": schema}}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": spec,
    }


FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TYPED = {
    "type": "object",
    "properties": {
        "port": {"x-kubernetes-int-or-string": True},
        "size": {"type": "string", "default": "small"},
        "hosts": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "rules": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "expr": {"type": "string"}}},
        },
        "note": {"type": "string", "nullable": True},
    },
}  # fmt: skip
DEFINITIONS = [defined("Rule", {"spec": TYPED}), defined("Database", {"spec": FREE, "status": FREE})]


def custom(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def core(kind: str, name: str, version: str = "v1", *, meta: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **(meta or {})}, **content}


def of_people(image: str) -> list[dict[str, Any]]:
    """In the order in which they can be created."""
    role = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "Team: Übersee & Söhne"}
    user = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "cn=ä,ou=ops"}]
    container = {"name": "c", "image": image, "imagePullPolicy": "Never", "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}}}
    pods = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
    annotations = {"note": TEXT, "argocd.argoproj.io/tracking-id": f"app:{GROUP}/Rule:x/y", "json": '{"a": "\\u00e4"}'}
    return [
        core("Secret", "bytes", data={"all": base64.b64encode(bytes(range(256))).decode(), "empty": ""}, meta={"annotations": annotations}),
        core("Secret", "large", data={"k": base64.b64encode(b"\xfe" * 1_040_000).decode()}, type=f"{GROUP}/release", immutable=True),
        core("ConfigMap", "text", data={"planes": TEXT, "lines": "a\r\n\tb\n\n  c\n", "empty": "", "yaml": "- =\n- ~\n- 0o7\n"}),
        core("ConfigMap", "umlauts", data={"k": "ü" * 520_000}),
        core("ConfigMap", "keys", data={f"key-{number:05}.conf_{number}": str(number) for number in range(25_000)}),
        core("ConfigMap", "binary", binaryData={"b": base64.b64encode(bytes(range(255, -1, -1))).decode()}),
        core("ServiceAccount", "ci", imagePullSecrets=[{"name": "ci-token-quay1"}], automountServiceAccountToken=False),
        core("Role", "Team: Übersee & Söhne", RBAC, **role),
        core("RoleBinding", "cn=ops,ou=groups,dc=example", RBAC, roleRef=ref, subjects=user),
        core("RoleBinding", "system:ops:a,b=c", RBAC, roleRef=ref, subjects=user),
        core("Service", "db", spec={"ports": [{"port": 5432}], "clusterIP": "None"}),
        core(
            "EndpointSlice", "db-1", "discovery.k8s.io/v1", addressType="IPv4", endpoints=[{"addresses": ["192.0.2.77"]}],
            ports=[{"port": 5432}], meta={"labels": {"kubernetes.io/service-name": "db"}},
        ),
        core("Service", "web", spec={"ports": [{"port": 80, "targetPort": 8000}], "selector": {"app": "none"}}),
        core("Deployment", "web", "apps/v1", spec={"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": pods}),
        core("CronJob", "yearly", "batch/v1", spec={"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "none"}]}}}}}),
        custom("Rule", "typed", {"port": "8080", "hosts": ["b", "a"], "rules": [{"name": "z", "expr": TEXT}, {"name": "a"}], "note": "n"}),
        custom("Rule", "number", {"port": 8080, "size": "large", "rules": []}),
        custom("Database", "large", {"text": "ü" * 700_000}),
        custom(
            "Database", "odd", {"null": None, "empty": {}, "none": [], "deep": [[1, 2.5, -0.1, 1e21], True, "1e3", "0123", "on", "~"]},
            annotations={"json": json.dumps({"ä": TEXT})}, finalizers=[f"{GROUP}/hold"],
        ),
    ]  # fmt: skip


class Site(Backups):
    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        self.lab = lab
        deployment = must_read(self.cluster, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/euystacio-api")
        self.items = of_people(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    def collection(self, item: dict[str, Any]) -> str:
        version, kind = item["apiVersion"], item["kind"].lower()
        return f"/api{'s' if '/' in version else ''}/{version}/namespaces/{SPACE}/{kind}s"

    def make(self) -> None:
        for one in DEFINITIONS:
            create(self.cluster, CRDS, one)
        labels = {"pod-security.kubernetes.io/enforce": "baseline", "team": "over-there"}
        create(self.cluster, "/api/v1/namespaces", core("Namespace", SPACE, meta={"labels": labels, "annotations": {"note": TEXT}}))
        for one in DEFINITIONS:
            self.lab.kubectl("wait", "crd", one["metadata"]["name"], "--for=condition=Established", "--timeout=60s")
        until(lambda: read(self.cluster, f"/api/v1/namespaces/{SPACE}/serviceaccounts/default") is not None)
        for item in self.items:
            assert create(self.cluster, self.collection(item), item), item["metadata"]["name"]
        database = must_read(self.cluster, f"/apis/{GROUP}/v1/namespaces/{SPACE}/databases/odd")["metadata"]
        owner = {"apiVersion": f"{GROUP}/v1", "kind": "Database", "name": "odd", "uid": database["uid"], "controller": True}
        password = core("Secret", "password", data={"p": "aHVudGVyMg=="}, meta={"ownerReferences": [owner]})
        create(self.cluster, f"/api/v1/namespaces/{SPACE}/secrets", password)
        self.lab.kubectl("rollout", "status", "deployment/web", "-n", SPACE, "--timeout=120s")
        self.lab.kubectl("rollout", "pause", "deployment/web", "-n", SPACE)

    def wipe(self) -> None:
        odd = f"/apis/{GROUP}/v1/namespaces/{SPACE}/databases/odd"
        if read(self.cluster, odd) is not None:
            self.lab.kubectl("patch", f"databases.{GROUP}", "odd", "-n", SPACE, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        delete(self.cluster, f"/api/v1/namespaces/{SPACE}")
        until(lambda: read(self.cluster, f"/api/v1/namespaces/{SPACE}") is None)


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    one = Site(lab, tmp_path_factory.mktemp("fidelity"))
    one.wipe()
    one.make()
    yield one
    one.wipe()
    for definition in DEFINITIONS:
        delete(one.cluster, f"{CRDS}/{definition['metadata']['name']}")


# What the API server, the scheduler and the controllers write.
_OF_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")
_MADE_BY_CONTROLLERS = frozenset({"Pod", "ReplicaSet", "Endpoints", "EndpointSlice", "ControllerRevision", "PodMetrics"})


def plain(backed: Backed) -> dict[str, Any]:
    """What of a backup is people's."""
    found = {}
    for obj in copy.deepcopy(backed[1]):
        name, metadata = f"{obj['kind']} {obj['metadata']['name']}", obj["metadata"]
        owned = obj["kind"] in _MADE_BY_CONTROLLERS and name != "EndpointSlice db-1"
        if owned or name == "ConfigMap kube-root-ca.crt":
            continue
        for field in _OF_SERVER:
            metadata.pop(field, None)
        for owner in metadata.get("ownerReferences") or ():
            owner.pop("uid")
        obj.pop("status", None)
        if metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", "") and not metadata["annotations"]:
            del metadata["annotations"]
        if obj["kind"] == "Service" and obj["spec"].get("clusterIP") != "None":
            for field in ("clusterIP", "clusterIPs"):
                obj["spec"].pop(field, None)
        found[name] = obj
    return found


def test_objects_as_people_have_them_come_back_as_they_were(site: Site) -> None:
    name = site.back_up(SPACE)
    was = plain(site.opened(name))
    assert len(was) >= len(site.items) + 3
    site.wipe()
    choice = Choice(namespaces=frozenset({SPACE}), owned_kinds=frozenset({"secrets"}))
    wish: dict[str, Any] = {"selection": choice, "finalizers": frozenset({f"{GROUP}/hold"})}
    planned = site.restore(name, dry_run=True, **wish)
    assert planned.report["failed"] == []
    done = site.restore(name, **wish)
    assert done.report["result"] == "PASS", json.dumps(done.report["failed"], indent=1)
    assert site.restore(name, **wish).changed is False
    now = plain(site.opened(site.back_up(SPACE)))
    assert [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)] == []
    web = must_read(site.cluster, f"/apis/apps/v1/namespaces/{SPACE}/deployments/web")
    assert (web["spec"]["paused"], web["status"]["availableReplicas"]) == (True, 1)
