# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from lab.machine import GIGABYTE, Machine, lacks

GOOD: dict[str, Any] = {
    "system": "Linux",
    "root": True,
    "commands": dict.fromkeys(("openssl", "ip", "nsenter", "unshare", "apt-get", "dpkg"), True),
    "filesystems": frozenset({"overlay", "tmpfs"}),
    "namespaces": frozenset({"net", "mnt", "pid"}),
    "cgroup_controllers": frozenset({"cpu", "memory", "pids"}),
    "disk": 50.0 * GIGABYTE,
    "memory": 16.0 * GIGABYTE,
}


def test_a_good_machine_lacks_nothing() -> None:
    assert lacks(Machine(**GOOD), "node") is None
    assert lacks(Machine(**GOOD), "control-plane") is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"root": False}, "root"),
        ({"filesystems": frozenset({"tmpfs"})}, "overlay"),
        ({"namespaces": frozenset({"mnt", "pid"})}, "net"),
        ({"cgroup_controllers": frozenset({"cpu"})}, "memory"),
        ({"commands": {**GOOD["commands"], "ip": False}}, "iproute2"),
        ({"commands": {**GOOD["commands"], "apt-get": False}}, "apt-get"),
    ],
)
def test_what_only_the_node_size_needs_names_the_size_that_works(change: dict[str, Any], word: str) -> None:
    machine = Machine(**{**GOOD, **change})
    sentence = lacks(machine, "node")
    assert sentence
    assert word in sentence
    assert "--size control-plane" in sentence
    assert "\n" not in sentence
    assert lacks(machine, "control-plane") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"disk": 1.0 * GIGABYTE}, ("1.0 GB free", "XDG_CACHE_HOME")),
        ({"memory": 0.5 * GIGABYTE}, ("0.5 GB of memory",)),
        ({"system": "Darwin"}, ("Darwin", "KUBECONFIG")),
        ({"commands": {**GOOD["commands"], "openssl": False}}, ("openssl",)),
    ],
)
def test_what_every_size_needs(change: dict[str, Any], words: tuple[str, ...]) -> None:
    for size in ("node", "control-plane"):
        sentence = lacks(Machine(**{**GOOD, **change}), size)
        assert sentence
        assert all(word in sentence for word in words)
