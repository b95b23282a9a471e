# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peace Bonds on real OPA: what each policy defect answers, and policy changes in pods of a namespace of the test's own."""

from __future__ import annotations

import http.server
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path += [str(CHECKOUT), str(Path(__file__).parent)]
from conftest import Lab

from lab import build, versions

pytestmark = pytest.mark.lab

POLICIES = CHECKOUT / "lab/policies"
DEFECTS = POLICIES / "upstream_defects"
SPACE = "bonds-test"
GOOD: dict[str, Any] = {
    "provider": {"id": "provider-aurora", "trust_weight": 0.95, "compliance_score": 0.97, "ethical_alignment": 0.96},
    "symbiosis_score": 0.82,
    "metrics": {"cpu_usage": 40, "memory_usage": 50, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 0.998},
}
BAD: dict[str, Any] = {**GOOD, "provider": {"id": "provider-dusk", "trust_weight": 0.1, "compliance_score": 0.2, "ethical_alignment": 0.15}}
MEDIUM: dict[str, Any] = {
    **GOOD,
    "provider": {"id": "provider-boreas", "trust_weight": 0.6, "compliance_score": 0.7, "ethical_alignment": 0.65},
}
FIXTURES = [{"name": "a good provider", "input": GOOD, "allow": True}, {"name": "a bad provider", "input": BAD, "allow": False}]


def policy_files(*, tests: bool = False) -> dict[str, str]:
    return {
        path.name: path.read_text()
        for path in POLICIES.iterdir()
        if path.suffix in {".rego", ".json"} and (tests or not path.name.endswith("_test.rego"))
    }


@dataclass
class Bonds:
    """OPA in pods of its own namespace, and the modules run as a user runs them."""

    lab: Lab
    scratch: Path
    opa: str

    def task(self, module: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        out = self.scratch / f"result-{time.monotonic_ns()}.json"
        play = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    {f"euystacio.meta_salvage.{module}": arguments, "register": "result", "ignore_errors": True},
                    {"ansible.builtin.copy": {"content": "{{ result | to_json }}", "dest": str(out), "mode": "0600"}, "check_mode": False},
                ],
            }
        ]
        book = self.scratch / "task.yml"
        book.write_text(json.dumps(play))
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("K8S_AUTH_", "KUBECONFIG"))}
        environ.update(KUBECONFIG=str(self.lab.kubeconfig), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false")
        command = [
            "ansible-playbook",
            str(book),
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            *(["--check", "--diff"] if check else []),
        ]
        done = subprocess.run(
            command, cwd=self.scratch, env=environ, capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        assert out.exists(), done.stdout + done.stderr
        result: dict[str, Any] = json.loads(out.read_text())
        result["output"] = done.stdout + done.stderr
        return result

    def policy(self, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "namespace": SPACE, "opa_binary": self.opa, "fixtures": FIXTURES, "min_decisions": 0, "wait_timeout": 120,
        }  # fmt: skip
        return self.task("peace_bonds_policy", check=check, **{**defaults, **arguments})

    def ask(self, *documents: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
        providers = [{"id": document["provider"]["id"], "input": document} for document in documents]
        return self.task("peace_bonds_info", opa_url=f"service://{SPACE}/opa-service:8181", providers=providers, **arguments)

    def config_map(self) -> dict[str, Any]:
        return self.lab.get("configmap", "peace-bonds-policies", "-n", SPACE)

    def put(self, files: Mapping[str, str]) -> None:
        """The ConfigMap and OPA's pods as if nobody had ever used the module."""
        self.lab.kubectl("delete", "configmap", "-n", SPACE, "--all", "--ignore-not-found")
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "peace-bonds-policies", "namespace": SPACE},
            "data": dict(files),
        }
        self.lab.kubectl("create", "-f", "-", given=json.dumps(body))
        self.lab.kubectl("rollout", "restart", "deployment/opa-peace-bonds", "-n", SPACE)
        self.lab.kubectl("rollout", "status", "deployment/opa-peace-bonds", "-n", SPACE, "--timeout=120s")


@pytest.fixture(scope="module")
def bonds(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bonds]:
    image = lab.get("deployment", "opa-peace-bonds", "-n", "euystacio-ai")["spec"]["template"]["spec"]["containers"][0]["image"]
    text = (CHECKOUT / "lab/manifests/30-opa.yaml").read_text().replace("${IMAGE_OPA}", image).replace("euystacio-ai", SPACE)
    objects = [item for item in yaml.safe_load_all(text) if item]
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    opa = str(build.binary(versions.load(), "opa"))
    with lab.applied(space, *objects):
        yield Bonds(lab, tmp_path_factory.mktemp("bonds"), opa)


@pytest.fixture
def published(bonds: Bonds) -> Bonds:
    bonds.put(policy_files())
    return bonds


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


def test_rego_v0_is_refused_with_the_way_out(published: Bonds) -> None:
    refused = published.policy(policy_files={"v0_syntax.rego": (DEFECTS / "v0_syntax.rego").read_text()})
    assert refused["failed"]
    assert "Rego v0" in refused["msg"]
    assert published.policy(policy_files=policy_files(), check=True)["changed"]  # nothing was put in force


def test_a_threshold_goes_through_replay_publication_and_back(published: Bonds) -> None:
    for document in (GOOD, MEDIUM, BAD):
        published.ask(document)
    change = {"policy_data": {"euystacio": {"thresholds": {"risk_max": 0.35}}}, "decisions_of_pods": True, "min_decisions": 3}

    planned = published.policy(check=True, **change)
    assert planned["changed"]
    assert planned["replay"]["transitions"] == {"allowed to denied": 1}
    assert planned["replay"]["newly_denied"]["providers"] == {"provider-boreas": 1}
    assert '"risk_max": 0.35' in planned["diff"]["after"]
    assert published.config_map()["metadata"].get("annotations") is None

    refused = published.policy(max_newly_denied=0, **change)
    assert refused["failed"]
    assert "provider-boreas (1)" in refused["msg"]

    done = published.policy(**change)
    assert done["changed"], done
    assert [pod["revision"] for pod in done["pods"]] == [done["revision"]] * 2
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"

    again = published.policy(**change)
    assert not again["changed"], again
    back = published.policy(state="reverted")
    assert back["changed"]
    assert back["revision"] == done["previous_revision"]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"
    assert not published.policy(state="reverted")["changed"]
    forth = published.policy(state="reverted", revision=done["revision"])
    assert forth["changed"]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"


def test_a_policy_that_one_pod_does_not_load_is_taken_back_and_nobody_was_let_in(published: Bonds) -> None:
    """One pod has a file of its own, which defines a rule that the candidate defines too."""
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": SPACE},
           "data": {"own.rego": "package euystacio.peace_bonds\n\ndefault extra := 1\n"}}  # fmt: skip
    template = published.lab.get("deployment", "opa-peace-bonds", "-n", SPACE)["spec"]["template"]["spec"]
    spec = json.loads(json.dumps(template))
    spec["volumes"].append({"name": "own", "configMap": {"name": "own"}})
    spec["containers"][0]["volumeMounts"].append({"name": "own", "mountPath": "/own", "readOnly": True})
    spec["containers"][0]["args"].append("/own")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd-one", "namespace": SPACE, "labels": {"app": "opa-peace-bonds"}},
           "spec": spec}  # fmt: skip
    seen: list[str] = []
    stop = threading.Event()

    def traffic() -> None:
        body = json.dumps({"input": BAD})
        address = published.lab.get("service", "opa-service", "-n", SPACE)["spec"]["clusterIP"]
        while not stop.is_set():
            request = urllib.request.Request(
                f"http://{address}:8181/v1/data/euystacio/peace_bonds/allow",
                data=body.encode(),
                headers={"Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
                    seen.append(answer.read().decode())
            except OSError as exc:
                seen.append(f"error {exc}")

    with published.lab.applied(own, pod):
        published.lab.kubectl("wait", "--for=condition=Ready", "pod/odd-one", "-n", SPACE, "--timeout=120s")
        before = published.config_map()["data"]
        watcher = threading.Thread(target=traffic)
        watcher.start()
        try:
            files = policy_files()
            files["peace_bonds.rego"] += "\ndefault extra := 2\n"
            refused = published.policy(policy_files=files)
        finally:
            stop.set()
            watcher.join()
        assert refused["failed"]
        assert "odd-one rejects" in refused["msg"]
        assert "is in force again, every pod answers with it" in refused["msg"]
        after = published.config_map()["data"]
        assert {name: text for name, text in after.items() if name != "meta_salvage_revision.rego"} == before
    assert len(seen) > 10
    assert not [answer for answer in seen if "true" in answer]


def test_a_killed_run_is_proven_or_taken_back_by_the_next(published: Bonds) -> None:
    first = published.policy(policy_files=policy_files())
    assert first["changed"]
    name = "peace-bonds-policies"
    # What a run leaves that is killed between the write and the proof: a policy that decides wrongly, pending.
    state = published.config_map()
    state["data"]["peace_bonds.rego"] = state["data"]["peace_bonds.rego"].replace("default allow := false", "default allow := true")
    state["metadata"]["annotations"]["meta-salvage.euystacio/pending-revision"] = "unproven"
    state["metadata"]["annotations"]["meta-salvage.euystacio/previous-revision"] = first["revision"]
    published.lab.kubectl("replace", "-f", "-", given=json.dumps(state))
    done = published.policy(state="reverted")
    assert done["changed"], done
    assert done["revision"] == first["revision"]
    notes = published.config_map()["metadata"]["annotations"]
    assert "meta-salvage.euystacio/pending-revision" not in notes
    assert notes["meta-salvage.euystacio/confirmed-revision"] == first["revision"]
    assert name in json.dumps(published.lab.get("configmap", "-n", SPACE))


def log_file(folder: Path, count: int, *, odd: int | None = None) -> Path:
    """A decision log: denied and allowed ones, and at ``odd`` one that only just was denied."""
    path = folder / "decisions.jsonl"
    with path.open("w") as handle:
        for number in range(count):
            document = GOOD if number % 3 else BAD
            if number == odd:
                document = {
                    **GOOD,
                    "provider": {"id": "provider-odd", "trust_weight": 0.2, "compliance_score": 0.2, "ethical_alignment": 0.195},
                }
            denied = document is not GOOD
            record = {
                "decision_id": f"id-{number}", "path": "euystacio/peace_bonds", "input": document, "timestamp": "2026-11-23T14:00:00Z",
                "result": {"allow": not denied, "deny": ["High risk provider detected: risk_score=0.8015"] if denied else []},
            }  # fmt: skip
            handle.write(json.dumps(record) + "\n")
    return path


def test_one_open_door_in_a_hundred_thousand_decisions_is_refused_by_name(bonds: Bonds) -> None:
    log = log_file(bonds.scratch, 100_000, odd=54_321)
    data = json.loads((POLICIES / "policy_data.json").read_text())
    data["euystacio"]["thresholds"]["risk_max"] = 0.802
    files = {**policy_files(), "policy_data.json": json.dumps(data)}
    refused = bonds.policy(state="validated", policy_files=files, decision_logs=[str(log)], min_decisions=100_000)
    assert refused["failed"]
    assert "1 of 100000 decisions would be newly allowed, max_newly_allowed is 0: provider-odd (1)" in refused["msg"]
    assert refused["replay"]["newly_allowed"]["examples"][0]["decision_id"] == "id-54321"


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


def test_a_restriction_binds_for_its_provider_alone_stays_with_new_policies_and_ends(published: Bonds) -> None:
    published.ask(GOOD)
    restricted = {"name": "restricted", "input": MEDIUM, "allow": False}
    wanted = {"provider": "provider-boreas", "until": until(3600), "reason": "a test"}
    done = published.policy(restrictions=[wanted], fixtures=[*FIXTURES, restricted], decisions_of_pods=True)
    assert done["changed"], done
    assert published.ask(MEDIUM)["decisions"][0]["deny"] == [f"Restricted until {wanted['until']}: a test"]
    assert not published.policy(restrictions=[wanted])["changed"]

    files = policy_files() | {"more.rego": "package euystacio.more\n\nx := 1\n"}
    renewed = published.policy(policy_files=files)
    assert renewed["restrictions"] == [wanted]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"

    lifted = published.policy(restrictions_lifted=["provider-boreas"])
    assert lifted["restrictions_ended"] == [wanted]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"

    short = {**wanted, "until": until(45)}
    bound = published.policy(restrictions=[short])
    assert bound.get("restrictions_added") == [short] and not bound.get("failed"), bound
    deadline = time.monotonic() + 180
    while published.ask(MEDIUM)["decisions"][0]["status"] != "allowed":  # by OPA's own clock
        assert time.monotonic() < deadline
    swept = published.policy(restrictions=[])
    assert swept.get("restrictions_ended") == [short], swept
    assert "meta_salvage_restrictions.rego" not in published.config_map()["data"]


def until(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def named(field: str, value: Any) -> dict[str, Any]:
    """An input that is allowed, about the provider that ``field`` names alone."""
    document = json.loads(json.dumps(GOOD))
    del document["provider"]["id"]
    holder = document
    *above, last = field.split(".")
    for part in above:
        holder = holder[part]
    holder[last] = value
    return document


SPELLINGS = ["4711", "4711 ", "\t4711\n", "\u00a04711", 4711, 4711.0, ["4711"], {"id": 4711}]
FIELDS = ["provider.id", "provider.provider_id", "provider_id", "provider.name"]


def test_a_restriction_binds_however_an_input_names_the_provider(published: Bonds) -> None:
    cluster = Cluster.connect({"kubeconfig": str(published.lab.kubeconfig)}, timeout=10)
    opa = Opa(open_endpoint(f"service://{SPACE}/opa-service:8181", cluster=cluster))
    done = published.policy(restrictions=[{"provider": " 4711 ", "reason": "a test"}])
    assert done.get("restrictions_added") == [{"provider": "4711", "until": None, "reason": "a test"}], done
    for field in FIELDS:
        for value in SPELLINGS:
            decision = opa.query("euystacio/peace_bonds", named(field, value))
            assert decision.deny == ("Restricted until it is lifted: a test",), (field, value, decision)
        for value in ("471", "47110", "04711", 471, "", None, True):
            assert opa.query("euystacio/peace_bonds", named(field, value)).status == "allowed", (field, value)
    assert not published.policy(restrictions=[{"provider": "4711", "reason": "a test"}])["changed"]


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "2027-01-01T00:00:60Z", ""])
def test_an_end_that_opa_can_not_read_is_refused(bonds: Bonds, end: str) -> None:
    refused = bonds.policy(
        state="validated", policy_files=policy_files(), restrictions=[{"provider": "x", "until": end, "reason": "a test"}]
    )
    assert refused["failed"]
    assert "leave until out" in refused["msg"], refused


def test_an_end_that_was_made_unreadable_in_the_cluster_denies(published: Bonds) -> None:
    published.policy(restrictions=[{"provider": "provider-boreas", "until": until(3600), "reason": "a test"}])
    data = dict(published.config_map()["data"])
    for end in ("9999-12-31T23:59:59Z", "2027-01-01T00:00:60Z", "nonsense", ""):
        name = "meta_salvage_restrictions.rego"
        published.put({**data, name: re.sub('"until": "[^"]*"', f'"until": "{end}"', data[name])})
        assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied", end
    lifted = published.policy(restrictions_lifted=["provider-boreas"])
    assert lifted["changed"], lifted
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"


def test_a_restriction_that_the_policies_do_not_obey_is_refused(published: Bonds) -> None:
    files = policy_files()
    files["peace_bonds.rego"] = files["peace_bonds.rego"].replace("\tcount(deny) == 0\n", "")
    refused = published.policy(policy_files=files, restrictions=[{"provider": "provider-boreas", "reason": "a test"}])
    assert "the restriction of provider-boreas in provider.id would be unknown" in refused["msg"], refused
    assert "meta_salvage_restrictions.rego" not in published.config_map()["data"]


def test_going_back_keeps_restrictions_until_they_are_lifted_by_name(published: Bonds) -> None:
    first = published.policy(policy_files=policy_files())
    wanted = {"provider": "provider-boreas", "until": until(3600), "reason": "a test"}
    assert published.policy(restrictions=[wanted])["changed"]
    alone = published.policy(state="reverted")
    assert not alone["changed"], alone
    assert "only in its restrictions" in alone["warnings"][0]
    published.policy(policy_files=policy_files() | {"more.rego": "package euystacio.more\n\nx := 1\n"})
    back = published.policy(state="reverted", revision=first["revision"])
    assert (back["changed"], back["restrictions"], back["restrictions_ended"]) == (True, [wanted], []), back
    assert "more.rego" not in published.config_map()["data"]
    assert published.ask(MEDIUM)["decisions"][0]["deny"] == [f"Restricted until {wanted['until']}: a test"]
    lifted = published.policy(state="reverted", revision=first["revision"], restrictions_lifted=["provider-boreas"])
    assert lifted["restrictions_ended"] == [wanted], lifted
    assert lifted["revision"] == first["revision"]
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"


@pytest.mark.parametrize("name", ["zz_meta_salvage_replay.rego", "Meta_Salvage_Revision.rego"])
def test_no_candidate_brings_a_file_with_a_name_of_the_module(bonds: Bonds, name: str) -> None:
    hidden = 'package euystacio.peace_bonds\n\nallow if input.provider.id == "mallory"\n'
    refused = bonds.policy(state="validated", policy_files={**policy_files(), name: hidden})
    assert "are reserved" in refused["msg"], refused


@pytest.mark.parametrize("call", ['http.send({"method": "post", "url": URL, "body": input})', "opa.runtime()"])
def test_policies_reach_neither_the_network_nor_the_machine(published: Bonds, call: str) -> None:
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        spy = f"package euystacio.spy\n\nseen := {call.replace('URL', json.dumps(f'http://127.0.0.1:{server.server_port}/'))}\n"
        files = policy_files()
        files["peace_bonds.rego"] += '\ndeny contains "seen" if is_number(data.euystacio.spy.seen)\n'
        tests = {"spy_test.rego": "package euystacio.spy_test\n\ntest_spy if not is_number(data.euystacio.spy.seen)\n"}
        for arguments in (
            {"policy_files": {**files, "spy.rego": spy, **tests}},
            {"compare_with": "current", "policy_files": policy_files()},
        ):
            if "compare_with" in arguments:
                published.put({**files, "spy.rego": spy})
                log = published.scratch / "one.jsonl"
                log.write_text(json.dumps({"decision_id": "1", "path": "euystacio/peace_bonds", "input": GOOD, "result": {"allow": True}}))
                arguments["decision_logs"] = [str(log)]
            refused = published.policy(state="validated", **arguments)
            assert "without network, environment and runtime" in refused["msg"], refused
        server.shutdown()
    assert not asked


def test_each_decision_of_the_runbook_is_carried_out_and_recorded(published: Bonds) -> None:
    published.policy(policy_files=policy_files())
    key = published.scratch / "decisions.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
    records, head = published.scratch / "decisions", published.scratch / "elsewhere/head.json"

    def respond(decision: str, **more: Any) -> None:
        variables = {
            "namespace": SPACE, "opa_url": f"service://{SPACE}/opa-service:8181", "opa_binary": published.opa, "fixtures": FIXTURES,
            "min_decisions": 0, "record_dir": str(records), "record_key": str(key), "record_head": str(head),
            "provider": "provider-boreas",
            "decision": decision, "who": "the test", "why": f"to see {decision}",
        }  # fmt: skip
        run = published.lab.play("peace_bonds_respond", {f"peace_bonds_{name}": value for name, value in {**variables, **more}.items()})
        assert run.code == 0, run.output

    def risk_max() -> float:
        return float(json.loads(published.config_map()["data"]["policy_data.json"])["euystacio"]["thresholds"]["risk_max"])

    respond("adjust_threshold", policy_data={"euystacio": {"thresholds": {"risk_max": 0.75}}})
    assert risk_max() == 0.75
    respond("revert")
    assert risk_max() == 0.8
    respond("restrict", until="lifted")
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "denied"
    respond("lift")
    assert published.ask(MEDIUM)["decisions"][0]["status"] == "allowed"
    listed = published.task("peace_bonds_record_info", dir=str(records), keys=[str(key)], head=str(head))
    assert listed["verified"]
    assert [item["record"]["decision"] for item in listed["records"]] == ["adjust_threshold", "revert", "restrict", "lift"], listed
    max(records.iterdir()).unlink()
    truncated = published.task("peace_bonds_record_info", dir=str(records), keys=[str(key)], head=str(head))
    assert (truncated["verified"], truncated["count"]) == (False, 3), truncated
    assert "the newest are missing" in truncated["problems"][0]


def test_a_policy_comes_by_a_restart_where_opa_does_not_watch_its_files(published: Bonds) -> None:
    container = {"name": "opa", "args": ["run", "--server", "--addr=:8181", "--ignore=..*", "/policies"]}
    patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
    published.lab.kubectl("patch", "deployment/opa-peace-bonds", "-n", SPACE, "--type=strategic", "-p", patch)
    published.lab.kubectl("rollout", "status", "deployment/opa-peace-bonds", "-n", SPACE, "--timeout=120s")
    before = {pod["metadata"]["name"] for pod in published.lab.get("pods", "-n", SPACE, "-l", "app=opa-peace-bonds")["items"]}
    done = published.policy(policy_files=policy_files(), reload="restart")
    assert done["changed"], done
    assert {view["revision"] for view in done["pods"]} == {done["revision"]}
    assert not before & {view["pod"] for view in done["pods"]}
