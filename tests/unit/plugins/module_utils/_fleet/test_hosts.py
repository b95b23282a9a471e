# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._fleet.hosts import (
    CAPI,
    MANAGED,
    ClusterHost,
    chosen,
    host_name,
    of_contexts,
    of_object,
)
from hypothesis import given
from hypothesis import strategies as st
from mutations import documents


def managed(status: str | None = "True", *, accepted: Any = True, message: str = "", **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "ManagedClusterConditionAvailable", "status": status, "message": message}] if status else []
    spec = {"hubAcceptsClient": accepted, "managedClusterClientConfigs": [{"url": "https://eu:6443"}]}
    return {"metadata": {"name": "eu", "labels": {"region": "eu"}, **metadata}, "spec": spec, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("item", "available", "reason"),
    [
        (managed(), True, ""),
        (managed("False", message="the agent is silent"), False, "ManagedClusterConditionAvailable is False: the agent is silent"),
        (managed("Unknown"), None, "ManagedClusterConditionAvailable is Unknown"),
        (managed("maybe"), None, "ManagedClusterConditionAvailable is maybe"),
        (managed(None), None, "it has no condition ManagedClusterConditionAvailable"),
        (managed(accepted="yes"), False, "the hub has not accepted it"),
        (managed(deletionTimestamp="2026-11-27T00:00:00Z"), False, "it is being deleted"),
    ],
)
def test_a_managed_cluster_is_available_only_where_the_hub_says_so(item: dict[str, Any], available: bool | None, reason: str) -> None:
    host = of_object(MANAGED, item)
    assert (host.available, host.reason) == (available, reason)
    assert (host.name, host.server, host.labels) == ("eu", "https://eu:6443", {"region": "eu"})


def test_a_cluster_of_the_cluster_api_has_its_endpoint_and_the_newer_condition_first() -> None:
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Available", "status": "False", "reason": "NotAvailable"}]
    spec = {"controlPlaneEndpoint": {"host": "fd00::1", "port": 443}}
    item = {"metadata": {"name": "eu", "namespace": "fleet"}, "spec": spec, "status": {"conditions": conditions}}
    host = of_object(CAPI, item)
    assert (host.server, host.available, host.reason) == ("https://[fd00::1]:443", False, "Available is False: NotAvailable")
    assert host.variables["cluster_name"] == "fleet/eu"
    assert "meta_salvage_context" not in host.variables


@given(
    documents({**managed(message="why"), "metadata": {"name": "eu", "namespace": "a", "labels": {"x": "y"}}}),
    st.sampled_from([CAPI, MANAGED]),
)
def test_an_object_of_any_form_is_a_host_or_is_refused_in_one_sentence(item: Any, group: str) -> None:
    try:
        (host,) = chosen([of_object(group, item if isinstance(item, dict) else {})], ["*"])
    except SalvageError as exc:
        assert exc.reason == "bad_input"
    else:
        assert host.name and host.available in {True, False, None}


@given(st.text(max_size=30))
def test_a_host_name_is_one_that_ansible_takes_for_one_host(name: str) -> None:
    assert not set(host_name(name)) & set(":,[]&!~* /@")


def test_two_clusters_with_one_host_name_and_a_name_without_any_letter_are_refused() -> None:
    with pytest.raises(SalvageError, match="the clusters a/b and a:b would both be the host a-b"):
        chosen(of_contexts([("a/b", ""), ("a:b", "")], ""), ["*"])
    with pytest.raises(SalvageError, match="has no letter or digit"):
        chosen([ClusterHost("", "::")], ["*"])


def test_patterns_choose_by_either_name() -> None:
    hosts = list(of_contexts([("arn:eks/eu", "https://eu"), ("staging", "https://st")], "/kc"))
    assert [host.name for host in chosen(hosts, ["arn-*"])] == [host.name for host in chosen(hosts, ["arn:*"])] == ["arn-eks-eu"]
    assert chosen(hosts, []) == []
