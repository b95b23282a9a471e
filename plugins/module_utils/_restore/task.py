# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._backup.archive.run import Backup
from .._backup.archive.select import Selection
from .._backup.options import READ_ARGUMENTS, STORE_ARGUMENTS, ReadOptions, store_options
from .._backup.store.high_water import HighWater
from .._backup.store.repository import open_store
from .._backup.store.store import Store
from .._backup.store.verify import refuse_wrong
from .._cluster.identity import cluster_uid
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._core.status import FAIL
from .._sealing.age import recipients
from .._sealing.keys import identity_file, private_key, public_key
from .._sealing.origin import origin_of
from .choice import Choice
from .journal import RestoreJournal
from .outcome import Outcome
from .restore import Restore
from .settings import RestoreSettings
from .stored import open_items


@dataclass(frozen=True)
class RestoreOptions:
    name: str | None = option(None)
    max_age: float = option(7 * 86400.0)
    namespaces: frozenset[str] = option(frozenset())
    namespace_mapping: dict[str, Any] = option({})
    isolated: bool = option(default=False)
    isolated_kinds: frozenset[str] = option(frozenset())
    owned_kinds: frozenset[str] = option(frozenset())
    include: frozenset[str] = option(frozenset())
    exclude: frozenset[str] = option(frozenset())
    cluster_scoped: bool | None = option(None)
    existing: str = option("skip", choices=["skip", "update", "recreate"])
    confirmed_kinds: frozenset[str] = option(frozenset())
    force: bool = option(default=False)
    finalizers: frozenset[str] = option(frozenset())
    backup_first: bool = option(default=True)
    recipients: list[str] = option([])
    signing_key: str | None = option(None, type="path", no_log=False)
    workers: int = option(16)
    wait: bool = option(default=True)
    wait_timeout: float = option(300.0)
    time_limit: float = option(0.0)
    journal: str | None = option(None, type="path")
    request_timeout: float = option(30.0)
    diff_values: bool = option(default=False)

    def settings(self, *, show: bool) -> RestoreSettings:
        mapping = {str(name): str(target) for name, target in self.namespace_mapping.items()}
        return RestoreSettings(
            Choice(
                self.namespaces,
                mapping,
                self.include,
                self.exclude,
                self.cluster_scoped,
                self.isolated,
                self.isolated_kinds,
                self.owned_kinds,
            ),
            existing=self.existing,
            confirmed_kinds=self.confirmed_kinds,
            force=self.force,
            finalizers=self.finalizers,
            workers=self.workers,
            wait=self.wait,
            wait_timeout=self.wait_timeout,
            time_limit=self.time_limit,
            backup_first=self.backup_first,
            show=show,
            values=self.diff_values,
        )


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **STORE_ARGUMENTS, **READ_ARGUMENTS, **argument_spec(RestoreOptions), **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool, show: bool) -> dict[str, Any]:
    """``show`` adds the differences to the result.  Raises SalvageError."""
    outcome = _restored(params, check_mode=check_mode, show=show)
    result = {"changed": outcome.changed, "restore": outcome.report}
    if outcome.diff:
        result["diff"] = outcome.diff
    if outcome.status == FAIL:
        failed, total = outcome.report["counts"]["failed"], outcome.report["total"]
        result |= {"failed": True, "msg": f"the restore FAILED for {failed} of {total} objects; the first is {outcome.first}"}
    return result


def _restored(params: Mapping[str, Any], *, check_mode: bool, show: bool) -> Outcome:
    """Keys and backup first: without them nothing is requested from the cluster."""
    options, reading = from_params(RestoreOptions, params), from_params(ReadOptions, params)
    if not reading.identity:
        raise SalvageError("identity is missing; name the file with the age private key that opens the backup", reason="bad_input")
    if options.time_limit < 0:
        raise SalvageError(f"time_limit is {options.time_limit:g}; give a number of seconds, or 0 for no limit", reason="bad_input")
    if not 1 <= options.workers <= 64:
        raise SalvageError(f"workers is {options.workers}; give 1 to 64", reason="bad_input")
    store = open_store(store_options(params))
    secured = _securing(options, store)
    key = public_key(reading.public_key)
    if options.name is None:
        HighWater(store, key).check(allow_missing=reading.allow_missing)
    record, manifest, objects = open_items(store, key, identity_file(reading.identity), options.name)
    cluster = Cluster.connect(params, timeout=options.request_timeout)
    uid, origin = cluster_uid(cluster), origin_of(record)
    refuse_wrong(record, reading, uid, options.max_age, time.time())
    name = origin.name if uid and uid == origin.uid else ""  # another cluster's name is not this one's
    settings = options.settings(show=show)
    journal = RestoreJournal(options.journal or "", {"server": cluster.server, "root": manifest["root"], "wish": settings.task()})
    back = None if secured is None else lambda namespaces: secured(cluster, name, namespaces)
    return Restore(cluster, (manifest, objects), settings, journal, back, teller(params["progress_path"])).run(dry_run=check_mode)


def _securing(options: RestoreOptions, store: Store) -> Callable[[Cluster, str, Sequence[str]], str] | None:
    """How a backup is taken first; None without the option or its keys (which is an error only where the backup is needed)."""
    if not options.backup_first or not options.recipients or not options.signing_key:
        return None
    to, key = recipients(options.recipients), private_key(options.signing_key, "signing_key")

    def back(cluster: Cluster, name: str, namespaces: Sequence[str]) -> str:
        return str(Backup(cluster, Selection(namespaces=tuple(namespaces)), key, to, name=name).write(store)["name"])

    return back
