# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook at -vvv with secrets planted wherever it can meet one: none is printed, logged, reported, recorded or left behind.

On the newest ansible-core and on the oldest one.  Many runs fail, as they are meant to: failures say the most.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from backups import Backups
from canaries import ESCAPES, Canaries, Watched, talkative
from cluster_lab import CHECKOUT, NAMESPACE, Lab

sys.path.append(str(CHECKOUT))
from tools.env import CORES, collections_path, newest_python, venv

pytestmark = pytest.mark.lab

SPACE = "canary-test"
CHART = "{{ range .Values.objects }}\n---\n{{ toYaml . }}\n{{ end }}\n"
QUICK = {
    "deploy_window": 1, "deploy_interval": 1, "deploy_extend": 0, "deploy_timeout": 60, "deploy_prometheus_url": "",
    "deploy_judge": {"floor": 0.05, "harm": 10, "durations_metric": "", "check_thresholds": False},
}  # fmt: skip
PLAYBOOKS = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}


class Site:
    def __init__(self, lab: Lab, folder: Path, watched: Watched, port: int, canaries: Canaries) -> None:
        self.lab, self.folder, self.watched, self.port, self.plant = lab, folder, watched, port, canaries
        self.image = lab.get("deployment", "euystacio-api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
        self.backups = Backups(str(lab.kubeconfig), folder)
        self.keys = {
            "backup_repository": str(folder / "store"), "backup_namespaces": [SPACE], "backup_recipients": [self.backups.recipient],
            "backup_signing_key": str(folder / "sign.pem"), "backup_public_key": str(folder / "sign.pub"),
            "backup_identity": str(folder / "identity"),
        }  # fmt: skip
        canaries.add("identity of the backups", (folder / "identity").read_text().strip())
        canaries.add("key that signs the backups", (folder / "sign.pem").read_text().splitlines()[1])

    def login(self, what: str, path: str = "") -> str:
        """An address that answers, with a login in it."""
        return f"http://me:{self.plant(what)}@127.0.0.1:{self.port}{path}"

    def run(self, name: str, playbook: str = "", python: str = sys.executable, **variables: Any) -> str:
        return self.watched.play(name, f"euystacio.meta_salvage.{playbook or name}", variables, python)

    def objects(self, version: str, *, broken: bool = False) -> list[dict[str, Any]]:
        plant, meta, labels = (lambda what: self.plant(f"{what}, {version}")), {"name": "app", "namespace": SPACE}, {"app": "app"}
        log = [
            f"{ESCAPES}DATABASE_URL=postgres://app:{plant('address in a log')}@db/x",
            f"Authorization: Bearer {plant('token in a log')}",
            f'{{"password": "{plant("password in a log")}"}}',
        ]
        container = {
            "name": "api", "image": self.image, "imagePullPolicy": "Never", "ports": [{"name": "http", "containerPort": 8000}],
            "readinessProbe": {
                "httpGet": {"path": "/ready", "port": "http", "httpHeaders": [{"name": "X-Key", "value": plant("header of a probe")}]},
                "periodSeconds": 1,
            },
            "env": [
                {"name": "FAULTS", "value": json.dumps({"log": log, **({"not_ready": True} if broken else {})})},
                {"name": "DATABASE_URL", "value": f"postgres://app:{plant('address in env')}@db/x"},
                {"name": "GREETING", "value": plant("value in env")},
            ],
            "args": ["--", f"--password={plant('password in args')}", "--api-token", plant("token in args")],
            "envFrom": [{"secretRef": {"name": "app"}}, {"configMapRef": {"name": "app"}}],
            "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }  # fmt: skip
        template = {
            "metadata": {"labels": labels, "annotations": {"example.org/api-token": plant("annotation of a pod")}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        }
        spec = {"replicas": 1, "progressDeadlineSeconds": 20, "selector": {"matchLabels": labels}, "template": template}
        settings = {"settings.py": f"PASSWORD = '{plant('password in a ConfigMap')}'\n", "plain": plant("value in a ConfigMap")}
        in_list = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**meta, "name": "listed"},
            "stringData": {"k": plant("Secret in a List")},
        }
        return [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": settings},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": meta,
                "stringData": {"password": plant("Secret"), "NOTE": plant("Secret's note")},
            },
            {"apiVersion": "v1", "kind": "List", "items": [in_list]},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": meta,
                "spec": {"selector": labels, "ports": [{"port": 8000, "name": "http"}]},
            },
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        ]

    def manifests(self, version: str, **how: Any) -> list[str]:
        path = self.folder / f"{version}.yaml"
        path.write_text("\n---\n".join(json.dumps(one) for one in self.objects(version, **how)))
        return [str(path)]

    def chart(self) -> str:
        chart = self.folder / "chart"
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "canary", "version": "1.0.0"}))
        (chart / "templates/all.yaml").write_text(CHART)
        return str(chart)

    def values(self, what: str) -> dict[str, Any]:
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "chart", "namespace": SPACE},
            "data": {"a": self.plant(what)},
        }
        return {"db": {"password": self.plant(f"password of {what}")}, "objects": [config]}


def _deploy(site: Site) -> None:
    app = {**QUICK, "deploy_name": "app", "deploy_namespace": SPACE}
    site.run("deploy", **app, deploy_manifests=site.manifests("first"))
    site.run("deploy-broken", "deploy", **app, deploy_manifests=site.manifests("broken", broken=True))
    site.run("deploy-nonsense", "deploy", **app, deploy_manifests=[site.login("address of a manifest", "/x.yaml")], deploy_allow_http=True)
    helm = {"name": "canary", "chart_ref": site.chart(), "values": site.values("values of a release")}
    site.run("deploy-helm", "deploy", **app, deploy_helm=helm)
    site.run("deploy-helm-again", "deploy", **app, deploy_helm={**helm, "values": site.values("values of an upgrade")})
    site.run("deploy-helm-broken", "deploy", **app, deploy_helm={**helm, "values": {"objects": [site.plant("value that breaks a chart")]}})
    site.run("rollback", rollback_name="app", rollback_namespace=SPACE, rollback_timeout=20)
    site.run("scale", scale_name="app", scale_namespace=SPACE, scale_replicas=2, scale_service="app", scale_timeout=30)


def _blue_green(site: Site) -> None:
    url = site.login("address of Prometheus in blue_green")
    objects = site.objects("colour")
    for number, definition in enumerate(({}, objects[-1])):
        site.run(
            f"blue_green{number or ''}", "blue_green", blue_green_service="app", blue_green_namespace=SPACE, blue_green_prometheus_url=url,
            blue_green_definition=definition, blue_green_timeout=10, blue_green_window=1, blue_green_interval=1, blue_green_extend=0,
            blue_green_to="green", blue_green_adopt=True,
        )  # fmt: skip


def _recovery(site: Site) -> None:
    site.run("backup", **site.keys)
    site.run("backup_verify", **site.keys)
    store = {
        "endpoint": site.login("address of an object store"), "access_key": "AKIDEXAMPLE",
        "secret_key": site.plant("key of an object store"), "session_token": site.plant("session of an object store"),
    }  # fmt: skip
    site.run("backup-s3", "backup", **{**site.keys, "backup_repository": "s3://bucket/x", "backup_s3": store})
    changed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one for one in site.objects("changed") if one["kind"] != "List"]})
    site.lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=changed)
    existing = {"restore_existing": "update", "restore_force": True, "restore_confirm": [SPACE], "restore_namespaces": [SPACE]}
    site.run("restore", **site.keys, **existing, restore_timeout=30)
    site.run("restore_drill", **site.keys, restore_drill_namespace=SPACE, restore_drill_take=False, restore_drill_timeout=30)


def _services(site: Site) -> None:
    addresses = {f"{name}_url": site.login(f"address of {name}") for name in ("api", "prometheus", "alertmanager", "opa")}
    site.run("health_check", **{f"health_check_{name}": address for name, address in addresses.items()}, health_check_namespaces=[SPACE])
    wrong = {f"health_check_{name}_url": f"http://me:{site.plant(f'wrong {name}')}@127.0.0.1:9O90" for name in ("api", "prometheus", "opa")}
    site.run("health_check-wrong", "health_check", **wrong, health_check_parts=["api", "thresholds", "opa"])
    asked = {
        "peace_bonds_opa_url": site.login("address of OPA"), "peace_bonds_api_url": site.login("address of the service"),
        "peace_bonds_providers": [{"id": "one", "input": {"api_key": site.plant("key in an input")}}], "peace_bonds_namespace": SPACE,
    }  # fmt: skip
    site.run("peace_bonds_review", **asked)
    policy = site.folder / "policy"
    policy.mkdir()
    (policy / "peace_bonds.rego").write_text(
        f"package euystacio.peace_bonds\n# token: {site.plant('token in a policy')}\ndefault allow := maybe\n"
    )
    site.run("peace_bonds_policy", **asked, peace_bonds_policy_dir=str(policy))
    site.run(
        "peace_bonds_respond", **asked, peace_bonds_who="me", peace_bonds_why=f"token={site.plant('token in a reason')}",
        peace_bonds_record_key=str(site.folder / "sign.pem"), peace_bonds_decision="restrict",
        peace_bonds_provider="one", peace_bonds_alert={"annotations": {"text": f"password={site.plant('password in an alert')}"}},
    )  # fmt: skip


def _rebuild(site: Site) -> None:
    root = site.folder / "root"
    root.mkdir()
    (root / "main.tf").write_text(
        'variable "db_password" {}\nvariable "api_token" {}\nresource "terraform_data" "cluster" {\n  provisioner "local-exec" {\n'
        f'    command = "echo kubeadm join --token {site.plant("join token")} && exit 1"\n  }}\n}}\n'
    )
    common = {"cluster_rebuild_namespaces": [SPACE], "cluster_rebuild_budgets": {"monitoring": 5, "opa": 20}}
    terraform = {
        "cluster_rebuild_terraform_root": str(root),
        "cluster_rebuild_terraform_binary": site.lab.lab("tool", "tofu").strip(),
        "cluster_rebuild_terraform_variables": {name: site.plant(f"{name} of Terraform") for name in ("db_password", "api_token")},
    }
    refused = [f"-var=db_password={site.plant('argument of Terraform')}"]
    site.run("rebuild-refused", "rebuild", **common, **terraform, cluster_rebuild_terraform_arguments=refused)
    site.run("rebuild", **common, **terraform)
    monitoring = {
        "name": "monitoring",
        "release_namespace": SPACE,
        "chart_ref": site.chart(),
        "values": site.values("values of monitoring"),
    }
    site.run("rebuild-monitoring", "rebuild", **common, cluster_rebuild_monitoring=monitoring)
    site.run(
        "rebuild-manifests",
        "rebuild",
        **common,
        cluster_rebuild_opa_manifests=site.manifests("rebuilt", broken=True),
        cluster_rebuild_opa={"kind": "Deployment", "namespace": SPACE, "name": "app"},
    )


def _modules(site: Site) -> None:
    """Options that no playbook passes on: a kubeconfig as data, a proxy, tokens."""
    plant = site.plant
    kubeconfig = yaml.safe_load(site.lab.kubeconfig.read_text())
    plant.add("key of the cluster's user", next(iter(user["user"]["client-key-data"] for user in kubeconfig["users"]))[100:200])
    kubeconfig["users"] += [
        {"name": "a", "user": {"token": plant("token in a kubeconfig")}},
        {"name": "b", "user": {"username": "me", "password": plant("password in a kubeconfig")}},
        {
            "name": "c",
            "user": {
                "auth-provider": {
                    "name": "oidc",
                    "config": {name: plant(f"{name} in a kubeconfig") for name in ("id-token", "refresh-token", "client-secret")},
                }
            },
        },
        {
            "name": "d",
            "user": {
                "exec": {
                    "command": "x",
                    "apiVersion": "v1",
                    "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": plant("env in a kubeconfig")}],
                }
            },
        },
    ]
    address = site.login("address as an option")
    data, proxied = (
        {"kubeconfig": kubeconfig},
        {"proxy": f"http://me:{plant('password of a proxy')}@127.0.0.1:{site.port}", "request_timeout": 2},
    )
    tokens = {"api_key": plant("api_key"), "host": f"http://127.0.0.1:{site.port}"}
    wrong_token = {**tokens, "api_key": plant("token that ends in a newline") + "\n"}
    headers = {"proxy_headers": {"proxy_basic_auth": f"me:{plant('login of a proxy')}"}}
    workload = {"name": "app", "namespace": SPACE}
    token = plant("token of a service")
    tasks: list[dict[str, Any]] = [
        *(
            {"health_info": {**login, "parts": ["pods"], "token": token, "api_url": address, "namespaces": [SPACE]}}
            for login in (data, tokens, wrong_token)
        ),
        *({"rollout_info": {**login, **workload}} for login in (data, {**data, **proxied, **headers}, tokens, wrong_token)),
        {"rollout_info": {**workload, "kubeconfig": kubeconfig, "nonsense": f"http://me:{plant('wrong option')}@h"}},
        {"rollout": {**data, **workload, "timeout": 2}},
        {"scale": {**data, **workload, "replicas": 1, "service": "", "timeout": 5}},
        {"threshold_info": {**data, "token": token, "url": address}},
        {"threshold_info": {"data": {"api_token": plant("token in data")}}},
        {"alert_info": {**data, "prometheus_url": address, "token": token}},
        {"peace_bonds_info": {**data, "opa_url": address, "opa_token": plant("token of OPA"), "providers": [{"id": "one"}]}},
        {"manifests": {**data, "definitions": json.dumps(site.objects("as text")[0])}},
        {"manifests": {**data, "definitions": site.objects("as data")[:2]}},
        {"restore": {**data, "repository": str(site.folder / "store"), "public_key": str(site.folder / "none")}},
    ]
    playbook = site.folder / "modules.yml"
    named = [{f"euystacio.meta_salvage.{name}": options, "ignore_errors": True} for task in tasks for name, options in task.items()]
    plays = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "tasks": named,
            "vars": {"ansible_python_interpreter": sys.executable},
        }
    ]
    playbook.write_text(json.dumps(plays))
    site.watched.play("modules", str(playbook), {}, sys.executable)


@pytest.fixture
def helm(lab: Lab) -> Iterator[None]:
    path = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join([*(str(Path(lab.lab("tool", name).strip()).parent) for name in ("helm", "opa")), path])
    yield
    os.environ["PATH"] = path


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("core", ["newest", next(iter(CORES))])
def test_no_planted_secret_gets_out(lab: Lab, tmp_path: Path, core: str) -> None:
    binary = shutil.which("ansible-playbook") or ""
    if core != "newest":
        python = newest_python(*CORES[core])
        if python is None:
            pytest.skip(f"no Python for ansible-core {core}")
        binary = str(venv(f"core-{core}", python) / "bin" / "ansible-playbook")
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")
    lab.kubectl("create", "namespace", SPACE)
    canaries, inputs, outputs = Canaries(), tmp_path / "in", tmp_path / "out"
    inputs.mkdir(), outputs.mkdir()
    with talkative(canaries) as port:
        watched = Watched(lab, outputs, binary, collections_path())
        site = Site(lab, inputs, watched, port, canaries)
        for part in (_modules, _deploy, _blue_green, _recovery, _services, _rebuild):
            part(site)
    lab.kubectl("delete", "namespace", SPACE, "--wait=false")
    assert watched.leaks(canaries) == {}
    assert watched.codes.keys() >= PLAYBOOKS
    assert len(canaries.planted) >= 60
    good = {"deploy", "backup", "backup_verify"}
    assert {name: watched.codes[name] for name in good} == dict.fromkeys(good, 0)
    # Both releases are applied, and taken back since nobody asks the app during the bake.
    for number, name in enumerate(("deploy-helm", "deploy-helm-again"), 1):
        assert f"canary applied: changed, revision {number}" in (outputs / f"output/{name}.txt").read_text()
    printed = b"".join(path.read_bytes() for path in (outputs / "output").glob("*.txt"))
    assert b"\x1b" not in printed
    assert b"Invoked with" in (outputs / "output/syslog").read_bytes()
    assert not list(watched.tmp.rglob("*.pem"))
    shutil.rmtree(watched.tmp)
