# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.claims import storage_of, waits_for

NOWHERE = ", which is neither restored nor in the cluster"
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
        ({"storageClassName": "gone"}, f"the storage class gone{NOWHERE}"),
        ({"storageClassName": "gone", "volumeName": "disk"}, ""),
        ({"volumeName": "lost"}, f"the volume lost{NOWHERE}"),
        ({"storageClassName": "fast", "dataSource": {"kind": "VolumeSnapshot", "name": "snap"}}, ""),
        ({"storageClassName": "fast", "dataSource": {"kind": "PersistentVolumeClaim", "name": "other"}}, ""),
        ({"storageClassName": "fast", "dataSource": {"kind": "VolumeSnapshot", "name": "lost"}}, f"the VolumeSnapshot lost{NOWHERE}"),
        ({"dataSourceRef": {"kind": "VolumeSnapshot", "name": "snap", "namespace": "b"}}, f"the VolumeSnapshot snap{NOWHERE}"),
        ({"volumeName": "disk", "dataSource": {"kind": "VolumeSnapshot", "name": "lost"}}, ""),  # it has its content
    ],
)
def test_a_claim_that_nobody_gives_a_volume_is_known(spec: dict[str, Any], missing: str) -> None:
    assert waits_for({"metadata": {"name": "c", "namespace": "a"}, "spec": spec}, THERE) == missing


def test_the_class_of_an_old_claim_is_in_its_annotation() -> None:
    claim = {"metadata": {"name": "c", "namespace": "a", "annotations": {BETA: "gone"}}}
    assert waits_for(claim, THERE) == f"the storage class gone{NOWHERE}"


@pytest.mark.parametrize(
    ("ref", "phase", "mine"),
    [
        ({"name": "c"}, "Bound", True),
        ({"name": "c", "uid": "new"}, "Bound", True),
        ({"name": "c", "uid": "new"}, "Available", True),  # the moment before it is bound
        ({"name": "c"}, "Released", True),  # it was freed just now
        ({"name": "c", "uid": "old"}, "Released", False),
        ({"name": "c", "uid": "old"}, "Failed", False),
        ({"name": "c", "uid": "old"}, None, False),  # as the backup has one that was released
        ({"name": "other"}, "Bound", False),
    ],
)
def test_a_volume_that_is_kept_for_another_claim_is_waited_for_in_vain(ref: dict[str, str], phase: str | None, *, mine: bool) -> None:
    volume = {"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "a", **ref}}, "status": {"phase": phase} if phase else None}
    claim = {"metadata": {"name": "c", "namespace": "a"}, "spec": {"volumeName": "v"}}
    says = "" if mine else "the volume v, which is kept for another claim"
    assert waits_for(claim, storage_of([volume], [], [])) == says
