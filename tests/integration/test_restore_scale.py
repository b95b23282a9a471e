# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore of many objects by an API server that stumbles, after one that was killed, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.objects import create, delete, read
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.gather import for_each
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.choice import Choice
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.journal import RestoreJournal
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.restore import Restore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.settings import RestoreSettings
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.stored import open_items
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import identity_file, public_key
from backups import Backups
from stumbling import Stumbling
from test_restore import until

if TYPE_CHECKING:
    from cluster_lab import Lab

OBJECTS = int(os.environ.get("RESTORE_OBJECTS", "200"))
HERE, THERE = "restore-many", "restore-many-copy"
MAPPING = {HERE: THERE}


def _maps(space: str) -> str:
    return f"/api/v1/namespaces/{space}/configmaps"


def _contents(cluster: Cluster, space: str) -> dict[str, str]:
    """By name the hash of the content."""
    found = ((one["metadata"]["name"], repr(sorted(one["data"].items()))) for one in cluster.list(_maps(space)))
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found if name != "kube-root-ca.crt"}


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Backups]:
    one = Backups(str(lab.kubeconfig), tmp_path)
    _wipe(one.cluster)
    for space in (HERE, THERE):
        create(one.cluster, "/api/v1/namespaces", {"metadata": {"name": space}})
    yield one
    _delete(one.cluster)  # the next run waits until they are gone


def _delete(cluster: Cluster) -> None:
    for space in (HERE, THERE):
        delete(cluster, f"/api/v1/namespaces/{space}")


def _wipe(cluster: Cluster) -> None:
    _delete(cluster)
    until(lambda: all(read(cluster, f"/api/v1/namespaces/{space}") is None for space in (HERE, THERE)), 600)


def test_many_objects_come_back_from_a_server_that_stumbles_after_a_kill(site: Backups) -> None:
    rng = random.Random(OBJECTS)
    value = rng.randbytes(5_000).hex()

    def make(number: int) -> None:
        create(site.cluster, _maps(HERE), {"metadata": {"name": f"c{number:06}"}, "data": {"k": f"{number} {value}"}})

    for_each(make, range(OBJECTS))
    wanted = _contents(site.cluster, HERE)
    assert len(wanted) == OBJECTS
    name = site.back_up(HERE)
    died = site.restore_and_die(name, min(OBJECTS // 2, 5_000), after=True, mapping=MAPPING)
    assert died == -signal.SIGKILL

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    opened = open_items(site.store, public_key(str(site.folder / "sign.pub")), identity_file(str(site.folder / "identity")), name)
    wish = RestoreSettings(Choice(mapping=MAPPING), wait_timeout=120.0, workers=4)
    journal = RestoreJournal(str(site.folder / "journal"), {"backup": name, "wish": wish.task()})
    there = Stumbling(site.cluster.http, rng)
    found = Restore(Cluster(site.cluster.server, there), opened[1:], wish, journal, None).run()
    assert (found.status, found.report["resumed"]) == ("PASS", True), found.report
    assert there.stumbles > OBJECTS // 40
    assert _contents(site.cluster, THERE) == wanted
    grown: Any = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 200, f"{grown:.0f} MB"
