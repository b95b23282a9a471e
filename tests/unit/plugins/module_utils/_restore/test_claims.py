# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.claims import storage_of, waits_for

BETA = "volume.beta.kubernetes.io/storage-class"
VOLUMES = [
    {"metadata": {"name": "disk"}, "spec": {"storageClassName": "manual"}},
    {"metadata": {"name": "old", "annotations": {BETA: "older"}}},
]
THERE = storage_of(VOLUMES, ["fast"], [("a", "snap")])


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ({}, ""),
        ({"storageClassName": ""}, ""),
        ({"storageClassName": "fast"}, ""),
        ({"storageClassName": "manual"}, ""),  # a class that only volumes name
        ({"storageClassName": "older"}, ""),
        ({"storageClassName": "gone"}, "the storage class gone"),
        ({"storageClassName": "gone", "volumeName": "disk"}, ""),
        ({"volumeName": "lost"}, "the volume lost"),
        ({"storageClassName": "fast", "dataSource": {"kind": "VolumeSnapshot", "name": "snap"}}, ""),
        ({"storageClassName": "fast", "dataSource": {"kind": "PersistentVolumeClaim", "name": "other"}}, ""),
        ({"storageClassName": "fast", "dataSource": {"kind": "VolumeSnapshot", "name": "lost"}}, "the VolumeSnapshot lost"),
        ({"dataSourceRef": {"kind": "VolumeSnapshot", "name": "snap", "namespace": "b"}}, "the VolumeSnapshot snap"),
        ({"volumeName": "disk", "dataSource": {"kind": "VolumeSnapshot", "name": "lost"}}, ""),  # it has its content
    ],
)
def test_a_claim_that_nobody_gives_a_volume_is_known(spec: dict[str, Any], missing: str) -> None:
    assert waits_for({"metadata": {"name": "c", "namespace": "a"}, "spec": spec}, THERE) == missing


def test_the_class_of_an_old_claim_is_in_its_annotation() -> None:
    claim = {"metadata": {"name": "c", "namespace": "a", "annotations": {BETA: "gone"}}}
    assert waits_for(claim, THERE) == "the storage class gone"
