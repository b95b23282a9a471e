# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks a cluster gets. Pure: the networks in use come from outside."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

# The second number of 10.x.0.0/16 for the links; pods have x+1, services x+2. The first that is free of the machine's own routes is taken.
BASES = (210, 120, 60, 180, 30)


@dataclass(frozen=True)
class Addresses:
    """The networks of one cluster: a link between the host and the cluster, the pods, the services."""

    base: int
    slot: int

    @property
    def link(self) -> str:
        return f"10.{self.base}.{self.slot}.0/30"

    @property
    def links(self) -> str:
        """The links of all clusters that have the same base."""
        return f"10.{self.base}.0.0/16"

    @property
    def host(self) -> str:
        return f"10.{self.base}.{self.slot}.1"

    @property
    def node(self) -> str:
        return f"10.{self.base}.{self.slot}.2"

    @property
    def pods(self) -> str:
        return f"10.{self.base + 1}.{self.slot}.0/24"

    @property
    def services(self) -> str:
        return f"10.{self.base + 2}.{self.slot}.0/24"

    @property
    def api_service(self) -> str:
        return f"10.{self.base + 2}.{self.slot}.1"

    @property
    def dns_service(self) -> str:
        return f"10.{self.base + 2}.{self.slot}.10"

    @property
    def interface(self) -> str:
        """The host's end of the link; at most 15 characters."""
        return f"mslab{self.base}-{self.slot}"

    @property
    def networks(self) -> tuple[str, str, str]:
        return self.link, self.pods, self.services


def choose(used: Iterable[str]) -> Addresses | None:
    """The first networks that overlap none of those in use; None if there are none left."""
    taken = [ipaddress.ip_network(network, strict=False) for network in used]
    taken = [network for network in taken if network.version == 4 and network.prefixlen > 0]
    for base in BASES:
        for slot in range(256):
            plan = Addresses(base, slot)
            if not any(ipaddress.ip_network(mine).overlaps(other) for mine in plan.networks for other in taken):
                return plan
    return None
