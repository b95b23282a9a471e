# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from lab.addresses import BASES, Addresses, choose

NETWORKS = st.builds(
    lambda a, b, c, prefix: str(ipaddress.ip_network(f"{a}.{b}.{c}.0/{prefix}", strict=False)),
    st.sampled_from([10, 172, 192]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(9, 24),
)


def test_the_first_cluster_on_an_empty_machine() -> None:
    plan = choose(["default", "192.0.2.0/24"][1:])
    assert plan == Addresses(BASES[0], 0)
    assert (plan.host, plan.node, plan.dns_service) == ("10.210.0.1", "10.210.0.2", "10.212.0.10")


def test_clusters_side_by_side_share_nothing() -> None:
    used: list[str] = []
    plans = []
    for _ in range(40):
        plan = choose(used)
        assert plan is not None
        plans.append(plan)
        used += plan.networks
    assert len({plan.interface for plan in plans}) == 40
    assert len({plan.node for plan in plans}) == 40


@given(st.lists(NETWORKS, max_size=20))
def test_what_is_chosen_overlaps_nothing_in_use(used: list[str]) -> None:
    plan = choose(used)
    if plan is not None:
        for mine in plan.networks:
            assert not any(ipaddress.ip_network(mine).overlaps(ipaddress.ip_network(other)) for other in used)


def test_a_machine_whose_routes_cover_everything_has_no_room() -> None:
    assert choose(["10.0.0.0/8"]) is None


@given(st.sampled_from(BASES), st.integers(0, 255))
def test_the_addresses_lie_in_their_networks(base: int, slot: int) -> None:
    plan = Addresses(base, slot)
    link, pods, services = map(ipaddress.ip_network, plan.networks)
    assert {ipaddress.ip_address(plan.host), ipaddress.ip_address(plan.node)} == set(link.hosts())
    assert ipaddress.ip_address(plan.dns_service) in services
    assert not (pods.overlaps(services) or pods.overlaps(link) or link.overlaps(services))
    assert len(plan.interface) <= 15
