# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module backup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._sealing.age import recipients
from .._sealing.keys import private_key
from .archive.run import Backup
from .archive.select import PRESETS, Selection
from .options import STORE_ARGUMENTS, store_options
from .store.repository import open_store


@dataclass(frozen=True)
class BackupOptions:
    recipients: list[str] = option()
    signing_key: str = option(type="path", no_log=False)
    preset: str = option("all", choices=list(PRESETS))
    include: tuple[str, ...] = option(())
    exclude: tuple[str, ...] = option(())
    namespaces: tuple[str, ...] = option(())
    allow_partial: bool = option(default=False)
    keep: int = option(0)
    cluster: str | None = option(None)
    request_timeout: float = option(30.0)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **STORE_ARGUMENTS, **argument_spec(BackupOptions), **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    options = from_params(BackupOptions, params)
    if options.keep < 0:
        raise SalvageError(f"keep is {options.keep}; set 0 to keep all backups, or the number to keep", reason="bad_input")
    # Keys and repository first: nothing is read from the cluster without them.
    to = recipients(options.recipients)
    key = private_key(options.signing_key, "signing_key")
    store = None if check_mode else open_store(store_options(params), make=True)
    cluster = Cluster.connect(params, timeout=options.request_timeout)
    selection = Selection(options.preset, options.include, options.exclude, options.namespaces)
    backup = Backup(
        cluster, selection, key, to, options.allow_partial, options.keep, teller(params["progress_path"]), options.cluster or ""
    )
    return {"changed": True, "backup": backup.write(store) if store else backup.rehearse()}
