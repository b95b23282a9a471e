# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of providers, and the decisions of the runbook, on OPA in pods of the test's own."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import open_endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.client import Opa
from bonds_lab import FIXTURES, GOOD, MEDIUM, Bonds, policy_files, until

pytestmark = pytest.mark.lab

SPACE = "bonds-restrictions-test"


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
