# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook with exactly the rights of extensions/rbac, and what it asked for by the audit log."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from audit import Audit, is_write
from backups import Backups
from cluster_lab import CHECKOUT, NAMESPACE, Lab, Run
from test_delivery_playbooks import QUICK, App

sys.path.append(str(CHECKOUT))
from lab import build, versions
from tools.rbac_docs import roles as roles_of

pytestmark = pytest.mark.lab

FILES = CHECKOUT / "extensions/rbac"
SPACE = "rights-test"
MONITORING = "monitoring"
BINDING = "meta-salvage.euystacio/binding"
# The probes count too, so that there is a baseline.
JUDGE = {"alpha": 0.05, "floor": 0.3, "harm": 3.2, "durations_metric": "", "check_thresholds": False, "exclude_paths": []}
READ_ONLY = {"diagnostics", "health_check", "peace_bonds_review", "backup", "backup_verify"}


@dataclass
class Rights:
    """An application, OPA and backups in a namespace of the test's own, and a user for each playbook."""

    lab: Lab
    app: App
    backups: Backups
    opa: str
    folder: Path
    spaces: dict[str, list[str]] = field(
        default_factory=lambda: {"cluster": [], "workload": [NAMESPACE, SPACE], "monitoring": [MONITORING]}
    )

    def bound(self, playbook: str, user: str) -> list[dict[str, Any]]:
        """The roles of the playbook's file, and bindings of them to the user."""
        found = roles_of(FILES / f"{playbook}.yaml")
        roles = [role for role in found if not role["metadata"]["name"].endswith("-whole")]  # of a restore of everything
        objects = list(roles)
        for role in roles:
            name, where = role["metadata"]["name"], role["metadata"]["annotations"][BINDING]
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
            if where == "cluster":
                objects.append({**binding, "kind": "ClusterRoleBinding", "metadata": {"name": f"{name}-test"}})
            spaces = [space for each in where.split(", ") for space in self.spaces[each]]
            objects += [{**binding, "kind": "RoleBinding", "metadata": {"name": f"{name}-test", "namespace": space}} for space in spaces]
        return objects

    def play(self, playbook: str, variables: Mapping[str, Any]) -> tuple[Run, list[dict[str, Any]]]:
        """As a user with these rights and no others, and what was asked for."""
        user = f"runbook-{playbook.replace('_', '-')}"
        free = bool(os.environ.get("RBAC_RECORD"))  # with all rights, to see which are needed
        login = Path(self.lab.lab("user", self.lab.name, user, *(["--group", "system:masters"] if free else [])).strip())
        log = Audit(self.lab, user)
        objects = self.bound(playbook, user)
        with nullcontext() if free or not objects else self.lab.applied(*objects):
            run = self.lab.play(playbook, variables, kubeconfig=login)
        return run, log.events()


def policies(space: str) -> list[dict[str, Any]]:
    """OPA of the lab, with its policies, in another namespace."""
    text = (CHECKOUT / "lab/manifests/30-opa.yaml").read_text().replace(NAMESPACE, space)
    content = {
        path.name: path.read_text()
        for path in (CHECKOUT / "lab/policies").iterdir()
        if path.suffix in {".rego", ".json"} and not path.name.endswith("_test.rego")
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "peace-bonds-policies", "namespace": space}, "data": content}
    return [config, *(item for item in yaml.safe_load_all(text) if item)]


@pytest.fixture(scope="module")
def rights(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rights]:
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true")
    lab.kubectl("create", "namespace", SPACE)
    folder = tmp_path_factory.mktemp("rights")
    image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    opa_image = lab.get("deployment", "opa-peace-bonds", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    app = App(lab, "app", image, folder, SPACE)
    app.start()
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies(SPACE)}).replace("${IMAGE_OPA}", opa_image)
    lab.kubectl("apply", "-f", "-", given=given)
    lab.kubectl("rollout", "status", "deployment/opa-peace-bonds", "-n", SPACE, "--timeout=120s")
    yield Rights(lab, app, Backups(str(lab.kubeconfig), folder), str(build.binary(versions.load(), "opa")), folder)
    lab.kubectl("delete", "prometheusrule", SPACE, "-n", MONITORING, "--ignore-not-found")
    lab.kubectl("delete", "configmap", f"grafana-dashboard-{SPACE}", "-n", MONITORING, "--ignore-not-found")
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")


def _bonds(rights: Rights, **more: Any) -> dict[str, Any]:
    own = {
        "namespace": SPACE, "opa_url": f"service://{SPACE}/opa-service:8181", "opa_binary": rights.opa, "min_decisions": 0,
        "record_dir": str(rights.folder / "decisions"), "record_key": str(rights.folder / "sign.pem"),
        "record_head": str(rights.folder / "decisions.head"),
    }  # fmt: skip
    return {f"peace_bonds_{name}": value for name, value in {**own, **more}.items()}


def _backups(rights: Rights, **more: Any) -> dict[str, Any]:
    folder = rights.folder
    return {
        "backup_repository": str(folder / "store"), "backup_namespaces": [SPACE], "backup_recipients": [rights.backups.recipient],
        "backup_signing_key": str(folder / "sign.pem"), "backup_public_key": str(folder / "sign.pub"),
        "backup_identity": str(folder / "identity"),
        **{f"{role}_report_dir": str(folder / "reports") for role in ("backup", "restore", "restore_drill")}, **more,
    }  # fmt: skip


def _workload(rights: Rights, playbook: str, **more: Any) -> dict[str, Any]:
    return {f"{playbook}_name": "app", f"{playbook}_namespace": SPACE, **more}


def _deploy(rights: Rights) -> dict[str, Any]:
    more = {
        **QUICK,
        "deploy_judge": JUDGE,
        "deploy_extend": 60,
        "deploy_record_dir": str(rights.folder),
        "deploy_manifests": rights.app.manifests("debug"),
    }
    return _workload(rights, "deploy", **more)


def _rollback(rights: Rights) -> dict[str, Any]:
    broken = {"apiVersion": "v1", "kind": "List", "items": rights.app.objects("bad", image="localhost/none:1")}
    rights.lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=json.dumps(broken))
    return _workload(rights, "rollback")


def _blue_green(rights: Rights) -> dict[str, Any]:
    return {
        "blue_green_service": "app", "blue_green_namespace": SPACE, "blue_green_adopt": True,
        "blue_green_images": {"api": rights.app.image}, "blue_green_record_dir": str(rights.folder),
        "blue_green_prometheus_url": "", "blue_green_window": 2, "blue_green_interval": 1,
        "blue_green_extend": 60, "blue_green_options": {"stability": 1, "drain_timeout": 1, "drain_interval": 1},
        "blue_green_judge": JUDGE,
    }  # fmt: skip


def _rebuild(rights: Rights) -> dict[str, Any]:
    keys = {
        name: value for name, value in _backups(rights).items() if name in {"backup_repository", "backup_public_key", "backup_identity"}
    }
    return {
        "cluster_rebuild_namespaces": [SPACE],
        "cluster_rebuild_backup": {name.removeprefix("backup_"): value for name, value in keys.items()},
        "cluster_rebuild_restore": {"namespaces": [SPACE], "cluster_scoped": False, "backup_first": False},
        "cluster_rebuild_opa": {},
        "cluster_rebuild_service": {"kind": "Deployment", "namespace": SPACE, "name": "app"},
        "cluster_rebuild_health": {"parts": ["pods", "workloads"], "namespaces": [SPACE]},
        "cluster_rebuild_record_dir": str(rights.folder / "records"),
    }


def _monitoring(rights: Rights) -> dict[str, Any]:
    groups = [{"name": SPACE, "rules": [{"record": "rights_test:up", "expr": "count(up)"}]}]
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": SPACE}, "spec": {"groups": groups}}
    (rights.folder / "rules.yaml").write_text(json.dumps(rule))
    return {"monitoring_action": "rules", "monitoring_rules": [str(rights.folder / "rules.yaml")]}


def _incident(rights: Rights, **more: Any) -> dict[str, Any]:
    own = {"meta_salvage_incident_namespace": SPACE, "meta_salvage_incident_heads": str(rights.folder / "heads"), "incident_key": "secret"}
    return {**own, **more}


def _respond(rights: Rights) -> dict[str, Any]:
    alert = {"labels": {"alertname": "QEKBelowMinimum"}, "startsAt": "2026-11-27T00:00:00Z", "fingerprint": "rights"}
    own = {"namespace": SPACE, "name": "app", "api_url": f"service://{SPACE}/app:8000", "alert": alert, "guard_namespace": SPACE}
    more = {f"alert_response_{name}": value for name, value in own.items()}
    return {**_incident(rights), **more, "alert_response_record_dir": str(rights.folder / "responses")}


def _game_day(rights: Rights) -> dict[str, Any]:
    uid = rights.lab.get("namespace", "kube-system")["metadata"]["uid"]
    said = json.dumps({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "meta-salvage-cluster", "namespace": SPACE},
        "data": {"name": "rights", "environment": "lab", "uid": uid},
    })  # fmt: skip
    rights.lab.kubectl("apply", "-f", "-", given=said)
    fault = {"name": "rights", "alert": "NoSuchAlert", "manifests": [{
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rights-fault", "namespace": SPACE}, "data": {},
    }]}  # fmt: skip
    own = {"cluster": "rights", "fault": "rights", "faults": [fault], "namespace": SPACE, "alert_timeout": 2, "heal_timeout": 2}
    return {**_incident(rights), **{f"game_day_{name}": value for name, value in own.items()}}


RUNS: dict[str, Callable[[Rights], dict[str, Any]]] = {
    "health_check": lambda rights: {},
    "diagnostics": lambda rights: {"diagnostics_path": f"{rights.folder}/bundles/", "diagnostics_require_complete": True},
    "monitoring": _monitoring,
    "peace_bonds_review": lambda rights: _bonds(rights, providers=[{"id": "provider-aurora"}]),
    "peace_bonds_policy": lambda rights: _bonds(rights, policy_data={"euystacio": {"thresholds": {"risk_max": 0.71}}}),
    "peace_bonds_respond": lambda rights: _bonds(
        rights, provider="provider-boreas", decision="restrict", until="2099-01-01T00:00:00Z", who="the test", why="to see it"
    ),
    "deploy": _deploy,
    "scale": lambda rights: _workload(rights, "scale", scale_replicas=3, scale_service="app"),
    "rollback": _rollback,
    "blue_green": _blue_green,
    "backup": _backups,
    "backup_verify": lambda rights: _backups(rights, backup_verify_max_age=3600),
    "restore": lambda rights: _backups(rights, restore_confirm=[SPACE], restore_namespaces=[SPACE], restore_existing="update"),
    "restore_drill": lambda rights: _backups(rights, restore_drill_namespace=SPACE),
    "rebuild": _rebuild,
    "respond": _respond,
    "incident_open": lambda rights: _incident(rights, incident_title="rights"),
    "incident_update": lambda rights: _incident(rights, incident_text="a note"),
    "incident_watch": _incident,
    "incident_resolve": _incident,
    "incident_report": lambda rights: _incident(rights, incident_report_dir=str(rights.folder / "incidents")),
}


def needed(events: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The verbs by the namespace and the resource of the requests, for people who write a role."""
    found: dict[str, set[str]] = {}
    for event in events:
        ref = event.get("objectRef")
        if ref and ref.get("resource"):
            resource = "/".join(filter(None, [ref.get("apiGroup"), ref["resource"], ref.get("subresource")]))
            found.setdefault(f"{ref.get('namespace', '-')} {resource}", set()).add(event["verb"])
    return found


@pytest.mark.parametrize("playbook", RUNS)
def test_a_playbook_runs_with_its_rights_and_no_others(rights: Rights, playbook: str) -> None:
    _runs_with_its_rights(rights, playbook, RUNS[playbook](rights))


def test_the_dashboards_with_the_rights_of_the_monitoring(rights: Rights) -> None:
    model = json.loads((CHECKOUT / "extensions/monitoring/dashboards/meta-salvage-recovery.json").read_text())
    (rights.folder / "dashboard.json").write_text(json.dumps({**model, "uid": SPACE, "title": SPACE}))
    given = {"monitoring_action": "dashboards", "monitoring_dashboards": [str(rights.folder / "dashboard.json")]}
    _runs_with_its_rights(rights, "monitoring", given)


def test_a_game_day_with_its_rights(rights: Rights) -> None:
    """Its alert is known to nobody, so it seeds the fault, waits for a moment, takes the fault back, and fails."""
    run, events = rights.play("game_day", _game_day(rights))
    assert [event["requestURI"] for event in events if event.get("responseStatus", {}).get("code") == 403] == [], run.output
    assert run.code == 2 and "NoSuchAlert did not fire in time" in run.words, run.output
    assert "rights-fault" not in rights.lab.kubectl("get", "configmaps", "-n", SPACE, "-o", "name")


def _runs_with_its_rights(rights: Rights, playbook: str, variables: Mapping[str, Any]) -> None:
    run, events = rights.play(playbook, variables)
    refused = [f"{event['verb']} {event['requestURI']}" for event in events if event.get("responseStatus", {}).get("code") == 403]
    print(playbook, json.dumps({name: sorted(verbs) for name, verbs in sorted(needed(events).items())}, indent=1))
    assert refused == [], run.output
    assert run.code == 0, run.output
    assert playbook == "backup_verify" or events
    if playbook in READ_ONLY:
        assert [f"{event['verb']} {event['requestURI']}" for event in events if is_write(event)] == []


def test_each_playbook_has_a_file_and_a_run() -> None:
    playbooks = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}
    assert playbooks == {path.stem for path in FILES.glob("*.yaml")} == {*RUNS, "game_day", "notify_test"}  # the last sends no request
