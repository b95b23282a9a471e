# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock, taken and released on an API server, by runs that get in each other's way."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads import lease
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease import Holder
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.lease_store import LeaseOutcome, LeaseStore

PATH = "/apis/coordination.k8s.io/v1/namespaces/prod/leases/meta-salvage-deployment-app"
ALICE = Holder("alice/1", "alice@a", "deploy")
BOB = Holder("bob/2", "bob@b", "scale")


@pytest.fixture
def store(api: Any) -> LeaseStore:
    return LeaseStore(api, "Deployment", "prod", "app")


def take(store: LeaseStore, me: Holder, *, take_over: bool = False, dry_run: bool = False, duration: int = 600) -> LeaseOutcome:
    return store.take(me, duration, take_over=take_over, dry_run=dry_run)


def test_taken_renewed_and_released(api: Any, store: LeaseStore) -> None:
    assert take(store, ALICE).verdict == lease.FREE
    assert api.objects[PATH]["spec"]["holderIdentity"] == "alice/1"
    assert api.objects[PATH]["metadata"]["labels"] == {lease.LOCK: "true"}
    assert take(store, BOB).verdict == lease.HELD
    assert take(store, ALICE).verdict == lease.OURS
    assert store.release(BOB, dry_run=False).verdict == lease.HELD
    assert PATH in api.objects
    assert store.release(ALICE, dry_run=False).verdict == lease.OURS
    assert PATH not in api.objects
    assert store.release(ALICE, dry_run=False).verdict == lease.FREE
    assert take(store, BOB).verdict == lease.FREE


def test_a_role_inside_shares_the_lock_and_does_not_release_it(api: Any, store: LeaseStore) -> None:
    inside = replace(ALICE, purpose="rollback")
    take(store, ALICE)
    assert take(store, inside).verdict == lease.OURS
    assert store.release(inside, dry_run=False).verdict == lease.HELD
    assert store.release(ALICE, dry_run=False).verdict == lease.OURS


def test_a_dry_run_writes_nothing(api: Any, store: LeaseStore) -> None:
    assert take(store, ALICE, dry_run=True).verdict == lease.FREE
    take(store, ALICE)
    before = len(api.writes)
    assert take(store, BOB, dry_run=True).verdict == lease.HELD
    assert take(store, BOB, dry_run=True, take_over=True).verdict == lease.TAKEN
    assert store.release(ALICE, dry_run=True).verdict == lease.OURS
    assert len(api.writes) == before


def test_taken_over_when_asked_for_and_the_loser_sees_it(api: Any, store: LeaseStore) -> None:
    take(store, ALICE)
    done = take(store, BOB, take_over=True)
    assert (done.verdict, done.before and done.before.holder) == (lease.TAKEN, ALICE)
    assert take(store, ALICE).verdict == lease.HELD
    assert store.release(ALICE, dry_run=False).verdict == lease.HELD


def test_expired_by_the_time_of_the_server(api: Any, store: LeaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    take(store, ALICE)
    assert take(store, BOB).verdict == lease.HELD
    call = api.call
    later = format_datetime(datetime.now(timezone.utc) + timedelta(hours=2), usegmt=True)
    monkeypatch.setattr(api, "call", lambda *args, **how: replace(call(*args, **how), headers={"date": later}))
    assert take(store, BOB).verdict == lease.EXPIRED
    assert api.objects[PATH]["spec"]["leaseTransitions"] == 1


def test_a_process_that_ended_holds_nothing(api: Any, store: LeaseStore) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        killed = replace(ALICE, process=process_of(child.pid))
        take(store, killed)
        assert take(store, BOB).verdict == lease.HELD
        child.kill()
        child.wait()
    assert take(store, BOB).verdict == lease.ENDED
    assert take(store, replace(ALICE, process=process_of(os.getpid()))).verdict == lease.HELD


def test_one_of_many_at_once_gets_it(api: Any, store: LeaseStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda number: take(store, Holder(f"run {number}", "w", "deploy")).verdict, range(8)))
    assert sorted(verdicts) == [lease.FREE, *[lease.HELD] * 7]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_an_answer_that_is_lost_is_looked_for(api: Any, store: LeaseStore, method: str) -> None:
    lost = [method]
    if method != "POST":
        take(store, ALICE)
    api.stumble = lambda sent, path: "reset after" if sent in lost and not lost.remove(sent) else None
    if method == "DELETE":
        store.release(ALICE, dry_run=False)
        assert PATH not in api.objects
    else:
        take(store, ALICE)
        assert api.objects[PATH]["spec"]["holderIdentity"] == "alice/1"
    assert lost == []


def test_a_namespace_that_is_not_there_yet(api: Any, store: LeaseStore) -> None:
    api.stumble = lambda method, path: "404" if method == "POST" else None
    assert take(store, ALICE).verdict == lease.NO_NAMESPACE


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_right_it_says_how_to_go_on(api: Any, store: LeaseStore, method: str) -> None:
    api.stumble = lambda sent, path: "403" if sent == method else None
    with pytest.raises(SalvageError, match=r"the lock of Deployment app in prod can't be used: .*extensions/rbac.*deploy_lock=false"):
        take(store, ALICE)


def test_a_lease_of_somebody_else_is_left(api: Any, store: LeaseStore) -> None:
    api.put(PATH, {"metadata": {}, "spec": {}})
    with pytest.raises(SalvageError, match="was not made by this collection"):
        take(store, ALICE, take_over=True)
    assert api.writes == []


def test_a_server_without_a_time_judges_nothing(api: Any, store: LeaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    call = api.call
    monkeypatch.setattr(api, "call", lambda *args, **how: replace(call(*args, **how), headers={}))
    with pytest.raises(SalvageError, match="no time"):
        take(store, ALICE)
