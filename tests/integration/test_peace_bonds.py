# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peace Bonds decisions of real OPA: what each policy defect answers, what is in no output, what is unknown."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa
from bonds_lab import BAD, DEFECTS, GOOD, MEDIUM, POLICIES, Bonds, policy_files

pytestmark = pytest.mark.lab

SPACE = "bonds-test"


def test_decisions_of_opa_and_the_service_side_by_side(bonds: Bonds) -> None:
    common = {"symbiosis_score": GOOD["symbiosis_score"], "metrics": GOOD["metrics"]}
    found = bonds.task(
        "peace_bonds_info",
        api_url="service://euystacio-ai/euystacio-api:8000",
        common_input=common,
        providers=[{"id": "provider-aurora"}, {"id": "provider-dusk"}, {"id": "provider-nobody"}],
    )
    decisions = {item["provider"]: item for item in found["decisions"]}
    assert decisions["provider-aurora"]["status"] == "allowed"
    assert decisions["provider-aurora"]["api"]["risk_score"] == decisions["provider-aurora"]["opa"]["risk_score"]
    assert decisions["provider-dusk"]["status"] == "denied"
    assert "High risk" in decisions["provider-dusk"]["reason"]
    assert decisions["provider-dusk"]["enforcement"]["action"] == "block"
    assert decisions["provider-nobody"]["status"] != "allowed"
    assert "404" in decisions["provider-nobody"]["reason"]


def test_hundreds_of_providers_in_one_call(bonds: Bonds) -> None:
    documents = [{**GOOD, "provider": {**GOOD["provider"], "id": f"provider-{number}"}} for number in range(300)]
    found = bonds.task("peace_bonds_info", providers=[{"id": d["provider"]["id"], "input": d} for d in documents], enforcement_package="")
    assert found["counts"] == {"allowed": 300, "denied": 0, "unknown": 0}


def test_opa_that_is_not_there_is_unknown_for_everybody(bonds: Bonds) -> None:
    found = bonds.task("peace_bonds_info", opa_url=f"service://{SPACE}/nothing:8181", providers=[{"id": "provider-aurora", "input": GOOD}])
    assert found["counts"]["unknown"] == 1
    assert not found["opa_healthy"]
    assert found["decisions"][0]["reason"]


@pytest.mark.parametrize(
    ("defect", "document", "status", "words"),
    [
        ("allow_undefined.rego", {"provider": {"id": "p"}}, "unknown", "undefined"),
        ("allow_undefined.rego", BAD, "denied", "Trust weight too low"),
        ("deny_fails_open.rego", {"provider": {"id": "p"}}, "unknown", "partial input"),
        ("decision_undefined.rego", BAD, "denied", ""),
    ],
)
def test_each_defect_of_the_upstream_policies_gets_a_safe_answer(
    bonds: Bonds, defect: str, document: dict[str, Any], status: str, words: str
) -> None:
    bonds.put({defect: (DEFECTS / defect).read_text()})
    decision = bonds.ask(document)["decisions"][0]
    assert decision["status"] == status, decision
    assert words in decision["reason"]


def leaves(document: Mapping[str, Any], *above: str) -> Iterator[tuple[str, ...]]:
    for key, value in document.items():
        yield from leaves(value, *above, key) if isinstance(value, dict) else [(*above, key)]


def test_inputs_that_are_not_what_they_should_be_open_no_door(published: Bonds) -> None:
    rng = random.Random(1)
    cluster = Cluster.connect({"kubeconfig": str(published.lab.kubeconfig)}, timeout=10)
    opa = Opa(open_endpoint(f"service://{SPACE}/opa-service:8181", cluster=cluster))
    unread = {"id", "cpu_usage", "memory_usage"}  # the package's decision doesn't rest on these
    places = [place for place in leaves(GOOD) if place[-1] not in unread]
    wrong: list[Any] = [None, True, False, "0.95", "", "high", [], [0.95], {}, {"value": 0.95}, -1, 1e308, -1e-300, "NaN"]
    assert opa.query("euystacio/peace_bonds", GOOD).status == "allowed"
    for _ in range(2000):
        document = json.loads(json.dumps(GOOD))
        for place in rng.sample(places, rng.choice((1, 1, 2, 4))):
            holder = document
            for key in place[:-1]:
                holder = holder[key]
            if rng.random() < 0.2:
                del holder[place[-1]]
            else:
                holder[place[-1]] = rng.choice(wrong)
        decision = opa.query("euystacio/peace_bonds", document)
        assert decision.status in {"denied", "unknown"}, document
        assert decision.reason, document


def test_rules_that_conflict_are_unknown_not_an_action(bonds: Bonds) -> None:
    bonds.put({**policy_files(), "adaptive_enforcement.rego": (DEFECTS / "action_conflict.rego").read_text()})
    decision = bonds.ask(MEDIUM)["decisions"][0]
    assert decision["enforcement"]["action"] is None
    assert "contradict" in decision["enforcement"]["reason"]


AUTHZ = """package system.authz

default allow := false

allow if input.identity == "canary-of-the-test"

allow if input.path[0] == "health"
"""


@pytest.fixture
def guarded(bonds: Bonds, tmp_path: Path) -> Iterator[Path]:
    """An OPA that speaks TLS alone and answers to one token alone; the path of its certificate."""
    name = "opa-guarded"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}.{SPACE}.svc"]
    made = ["-keyout", str(tmp_path / "tls.key"), "-out", str(tmp_path / "tls.crt"), *subject]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *made], check=True, capture_output=True)
    labels = {"app": name}
    spec = bonds.lab.get("deployment", "opa-peace-bonds", "-n", SPACE)["spec"]["template"]["spec"]
    container = spec["containers"][0]
    container["args"] += [
        "--tls-cert-file=/tls/tls.crt",
        "--tls-private-key-file=/tls/tls.key",
        "--authentication=token",
        "--authorization=basic",
    ]
    container["volumeMounts"].append({"name": "tls", "mountPath": "/tls"})
    for probe in ("readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["scheme"] = "HTTPS"
    spec["volumes"] = [{"name": "policies", "configMap": {"name": name}}, {"name": "tls", "secret": {"secretName": name}}]
    files = {**policy_files(), "authz.rego": AUTHZ}
    keys = {file: (tmp_path / file).read_text() for file in ("tls.crt", "tls.key")}
    about = {"name": name, "namespace": SPACE}
    template = {"metadata": {"labels": labels}, "spec": spec}
    with bonds.lab.applied(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": files},
        {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": keys},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": about,
            "spec": {"selector": labels, "ports": [{"port": 443, "targetPort": "http"}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": about,
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        },
    ):
        bonds.lab.kubectl("rollout", "status", f"deployment/{name}", "-n", SPACE, "--timeout=120s")
        yield tmp_path / "tls.crt"


def test_an_opa_behind_tls_and_a_token_is_reached_by_a_forwarded_connection(bonds: Bonds, guarded: Path) -> None:
    def ask(**arguments: Any) -> dict[str, Any]:
        asked = {"opa_url": f"forwards://{SPACE}/opa-guarded:443", "opa_token": "canary-of-the-test", "opa_ca_path": str(guarded)}
        providers = [{"id": document["provider"]["id"], "input": document} for document in (GOOD, BAD)]
        return bonds.task("peace_bonds_info", providers=providers, **{**asked, **arguments})

    found = ask()
    assert [item["status"] for item in found["decisions"]] == ["allowed", "denied"], found
    assert "canary-of-the-test" not in found["output"]
    for wrong in ({"opa_token": "another"}, {"opa_ca_path": None}, {"opa_url": f"forwards://{SPACE}/opa-guarded:80"}):
        refused = ask(**wrong)
        assert "allowed" not in [item["status"] for item in refused.get("decisions", [])], refused
    through_the_proxy = ask(opa_url=f"services://{SPACE}/opa-guarded:443")
    assert "write forward:// for service://" in through_the_proxy["msg"]


def test_tokens_and_masked_fields_are_in_no_output(bonds: Bonds) -> None:
    record = {
        "decision_id": "id-1", "path": "euystacio/peace_bonds", "timestamp": "2026-11-23T14:00:00Z",
        "input": {**GOOD, "provider": {**GOOD["provider"], "id": "canary-masked"}, "token": "canary-input"},
        "result": {"allow": True, "deny": []}, "masked": ["/input/provider/id"], "erased": ["/input/secret"],
    }  # fmt: skip
    log = bonds.scratch / "masked.jsonl"
    log.write_text(json.dumps(record) + "\n")
    found = bonds.task("peace_bonds_decision_info", paths=[str(log)])
    assert found["summary"]["providers"][0]["provider"] == "(masked)"
    replayed = bonds.policy(state="validated", policy_dir=str(POLICIES), decision_logs=[str(log)])
    asked = bonds.task("peace_bonds_info", opa_url="http://127.0.0.1:9", opa_token="canary-token", providers=[{"id": "p", "input": GOOD}])
    for result in (found, replayed, asked):
        assert "canary" not in json.dumps(result)


def test_the_logs_of_the_pods_are_counted(published: Bonds) -> None:
    for document in (GOOD, BAD):
        published.ask({**document, "provider": {**document["provider"], "id": "provider-counted"}})
    found = published.task("peace_bonds_decision_info", pods={"namespace": SPACE}, providers=["provider-counted"])
    assert found["summary"]["counts"] == {"allowed": 1, "denied": 1, "unknown": 0}
    assert found["summary"]["rules"][0]["rule"] == "High risk provider detected: risk_score=#"
