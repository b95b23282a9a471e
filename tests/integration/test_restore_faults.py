# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't be restored, or only in part, in one restore: each is named with its reason, soon, and nothing is lost for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, must_read, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import private_key
from backups import Backed, Backups
from cluster_lab import Lab
from test_restore import until

pytestmark = pytest.mark.lab

SPACE = "restore-faults-test"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
BINDINGS = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}/rolebindings"
DN = "cn=ops,ou=groups,dc=example"


def hook(number: int) -> dict[str, Any]:
    """Of a Service that is not there, for a kind that nobody has."""
    rules = [{"apiGroups": ["none.example"], "apiVersions": ["v1"], "resources": ["nothings"], "operations": ["CREATE"]}]
    one = {
        "name": "h.none.example", "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": ["v1"], "rules": rules,
        "clientConfig": {"service": {"namespace": SPACE, "name": f"gone-{number}"}},
    }  # fmt: skip
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    return {**kind, "metadata": {"name": f"{SPACE}-{number}"}, "webhooks": [one]}


def binding(role: str) -> dict[str, Any]:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody-at-all"}]
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
    return {**kind, "metadata": {"name": DN}, "roleRef": ref, "subjects": subjects}


class Site(Backups):
    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(str(lab.kubeconfig), folder)
        spec = {"containers": [{"name": "c", "image": "none"}], "nodeSelector": {"no": "where"}}
        self.deployment = {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nowhere"},
            "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}, "spec": spec}},
        }  # fmt: skip

    def make(self) -> str:
        create(self.cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE, "labels": {"team": "over-there"}}})
        path = f"/apis/apps/v1/namespaces/{SPACE}/deployments"
        create(self.cluster, path, self.deployment)
        create(self.cluster, BINDINGS, binding("view"))
        for number in range(3):
            create(self.cluster, HOOKS, hook(number))
        until(lambda: "observedGeneration" in (must_read(self.cluster, f"{path}/nowhere").get("status") or {}))
        kinds = (
            *("namespaces", "deployments.apps", "rolebindings.rbac.authorization.k8s.io"),
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
        )
        key, to = private_key(str(self.folder / "sign.pem")), recipients([self.recipient])
        return str(Backup(self.cluster, Selection(include=kinds), key, to, name="localhost").write(self.store)["name"])

    def opened(self, name: str) -> Backed:
        """Without what is not this test's."""
        manifest, objects = super().opened(name)
        mine = [obj for obj in objects if obj["metadata"].get("namespace") == SPACE or obj["metadata"]["name"].startswith(SPACE)]
        return {**manifest, "objects": manifest["objects"][: len(mine)]}, mine

    def wipe(self) -> None:
        for number in range(3):
            delete(self.cluster, f"{HOOKS}/{SPACE}-{number}")
        delete(self.cluster, f"/api/v1/namespaces/{SPACE}")
        until(lambda: read(self.cluster, f"/api/v1/namespaces/{SPACE}") is None)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    one = Site(lab, tmp_path)
    one.wipe()
    yield one
    one.wipe()


def test_what_can_not_be_restored_is_named_and_the_rest_is_there(site: Site) -> None:
    name = site.make()
    site.wipe()
    create(site.cluster, "/api/v1/namespaces", {"metadata": {"name": SPACE}})
    until(lambda: read(site.cluster, f"/api/v1/namespaces/{SPACE}/serviceaccounts/default") is not None)
    create(site.cluster, BINDINGS, binding("edit"))
    asked: dict[str, Any] = {
        "selection": Choice(namespaces=frozenset({SPACE}), cluster_scoped=True), "existing": "recreate", "backup_first": False,
    }  # fmt: skip
    began = time.monotonic()
    found = site.restore(name, wait_timeout=4.0, **asked)
    took = time.monotonic() - began
    reasons = _reasons(found)
    assert reasons == {
        **{f"{SPACE}-{number}": f"its Service {SPACE}/gone-{number} has no ready endpoint, so it would only refuse" for number in range(3)},
        "nowhere": "it is there, and after 4 s 0 of 1 replicas are available; it was not ready in the backup either",
    }, json.dumps(found.report, indent=1)
    assert took < 3 * 4  # one wait for the webhooks, one for the workload
    assert must_read(site.cluster, f"/api/v1/namespaces/{SPACE}")["metadata"]["labels"]["team"] == "over-there"
    assert must_read(site.cluster, f"{BINDINGS}/{DN}")["roleRef"]["name"] == "view"

    limited = site.restore(name, wait_timeout=60.0, time_limit=2.0, **asked)
    assert set(_reasons(limited)) == set(reasons) and "after 60 s" not in json.dumps(limited.report)


def _reasons(found: Outcome) -> dict[str, str]:
    return {row["name"]: row["reason"] for row in found.report["failed"]}
