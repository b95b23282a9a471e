# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .before import states_before
from .documents import manifests_of, refuse_records
from .engine import ManifestSet
from .journal import JournalStore, SetJournal
from .model import CHANGED, CREATED, REMOVED, ApplySettings, Item
from .prune import Prune, put_inventory_back
from .result import set_result
from .server import Server
from .sources import digests_of, texts_of
from .takeback import TakeBack

MANAGER = "euystacio-manifests"


@dataclass(frozen=True)
class ManifestOptions:
    state: str = option("applied", choices=["applied", "reverted", "settled"])
    files: list[str] = option([])
    definitions: Any = option(None, no_log=True)
    namespace: str | None = option(None)
    sha256: dict[str, Any] = option({})
    allow_http: bool = option(default=False)
    field_manager: str = option(MANAGER)
    force_conflicts: bool = option(default=False)
    inventory: str | None = option(None)
    prune: bool = option(default=False)
    journal: str | None = option(None)
    run: str | None = option(None)
    proof_key: str | None = option(None, type="path", no_log=False)
    restore_secrets: bool = option(default=True)
    workers: int = option(16)
    wait_timeout: float = option(60.0)
    request_timeout: float = option(30.0)
    diff_values: bool = option(default=False)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(ManifestOptions), **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool, show: bool) -> dict[str, Any]:
    """``show`` adds the differences to the result.  Everything is read and checked before the cluster is asked.  Raises SalvageError."""
    options = from_params(ManifestOptions, params)
    if not 1 <= options.workers <= 64:
        raise SalvageError(f"workers is {options.workers}; give 1 to 64", reason="bad_input")
    if not options.field_manager or len(options.field_manager) > 128:
        raise SalvageError("field_manager must have 1 to 128 characters", reason="bad_input")
    if options.prune and not options.inventory:
        raise SalvageError("prune needs an inventory; name the ConfigMap that keeps what was applied", reason="bad_input")
    if options.state != "applied" and not options.journal:
        raise SalvageError(f"state {options.state} needs a journal; name the one that the set was applied with", reason="bad_input")
    if options.state == "applied":
        return _applied(params, options, check_mode=check_mode, show=show)
    cluster = Cluster.connect(params, timeout=options.request_timeout)
    store = JournalStore(cluster, options.namespace or "default", options.journal or "", options.proof_key or "")
    if options.state == "settled":
        closed = store.close(options.run, dry_run=check_mode)
        return {**set_result([], show=show), "changed": closed, "closed": closed}
    return _reverted(cluster, store, options, check_mode=check_mode, show=show)


def _applied(params: Mapping[str, Any], options: ManifestOptions, *, check_mode: bool, show: bool) -> dict[str, Any]:
    texts = texts_of(options.files, options.definitions, options.sha256, insecure=options.allow_http)
    manifests = manifests_of(texts)
    refuse_records(manifests)
    cluster = Cluster.connect(params, timeout=options.request_timeout)
    settings = ApplySettings(options.field_manager, options.force_conflicts, options.workers, options.wait_timeout)
    whole = ManifestSet(cluster, manifests, settings, options.namespace or "", teller(params["progress_path"]))
    store = JournalStore(cluster, options.namespace or "default", options.journal, options.proof_key or "") if options.journal else None
    resumed = store is not None and store.read() is not None
    items, notes = _done(whole, options, settings, store, check_mode=check_mode)
    result = {**set_result(items, notes, show=show, values=options.diff_values), "resumed": resumed}
    return {**result, "sources": [{"source": name, "sha256": digest} for name, digest in digests_of(texts).items()]}


def _reverted(cluster: Cluster, store: JournalStore, options: ManifestOptions, *, check_mode: bool, show: bool) -> dict[str, Any]:
    journal = store.read()
    if journal is None:
        return {**set_result([], show=show), "restored": [], "removed": [], "left": []}
    server = Server(cluster, journal.manager, options.workers)
    way_back = TakeBack(server, journal, options.journal or "", options.workers, secrets=options.restore_secrets, dry_run=check_mode)
    items = way_back.run()
    if not check_mode and not any(item.problem for item in items):
        if journal.inventory:
            put_inventory_back(server, options.namespace or "default", journal, items)
        store.close()
    return {
        **set_result(items, show=show, values=options.diff_values),
        "restored": [str(item.id) for item in items if item.action in (CREATED, CHANGED) and not item.problem],
        "removed": [str(item.id) for item in items if item.action == REMOVED and not item.problem],
        "left": way_back.left,
    }


def _done(
    whole: ManifestSet, options: ManifestOptions, settings: ApplySettings, store: JournalStore | None, *, check_mode: bool
) -> tuple[list[Item], list[str]]:
    """The set, and what of an earlier one was removed; notes about what stays."""
    place = options.namespace or "default"
    prune = Prune(whole.server, settings, options.inventory, place, whole.items, remove=options.prune) if options.inventory else None
    removals: list[Item] = []

    def begin() -> None:
        removals.extend(prune.plan() if prune else ())
        if check_mode:
            return
        states = states_before([*whole.items, *removals], settings.manager) if store else []
        if store and states:
            old = tuple(prune.old) if prune else ()
            store.open(SetJournal(settings.manager, tuple(states), options.run or "", options.inventory or "", old))
        if prune:
            prune.begin()

    if check_mode:
        whole.plan()
        begin()
    elif not any(item.problem for item in whole.apply(begin)) and prune:
        prune.end(removals)
    return [*whole.items, *removals], prune.notes if prune else []
