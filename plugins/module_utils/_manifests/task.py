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
from .documents import manifests_of, refuse_records
from .engine import ManifestSet
from .model import ApplySettings, Item
from .prune import Prune
from .result import set_result
from .sources import digests_of, texts_of

MANAGER = "euystacio-manifests"


@dataclass(frozen=True)
class ManifestOptions:
    files: list[str] = option([])
    definitions: Any = option(None, no_log=True)
    namespace: str | None = option(None)
    sha256: dict[str, Any] = option({})
    allow_http: bool = option(default=False)
    field_manager: str = option(MANAGER)
    force_conflicts: bool = option(default=False)
    inventory: str | None = option(None)
    prune: bool = option(default=False)
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
    texts = texts_of(options.files, options.definitions, options.sha256, insecure=options.allow_http)
    manifests = manifests_of(texts)
    refuse_records(manifests)
    cluster = Cluster.connect(params, timeout=options.request_timeout)
    settings = ApplySettings(options.field_manager, options.force_conflicts, options.workers, options.wait_timeout)
    whole = ManifestSet(cluster, manifests, settings, options.namespace or "", teller(params["progress_path"]))
    items, notes = _done(whole, options, settings, check_mode=check_mode)
    result = set_result(items, notes, show=show, values=options.diff_values)
    return {**result, "sources": [{"source": name, "sha256": digest} for name, digest in digests_of(texts).items()]}


def _done(whole: ManifestSet, options: ManifestOptions, settings: ApplySettings, *, check_mode: bool) -> tuple[list[Item], list[str]]:
    """The set, and what of an earlier one was removed; notes about what stays."""
    if not options.inventory:
        return (whole.plan() if check_mode else whole.apply()), []
    place = options.namespace or "default"
    prune = Prune(whole.server, settings, options.inventory, place, whole.items, remove=options.prune)
    removals: list[Item] = []

    def begin() -> None:
        removals.extend(prune.plan())
        if not check_mode:
            prune.begin()

    if check_mode:
        whole.plan()
        begin()
    elif not any(item.problem for item in whole.apply(begin)):
        prune.end(removals)
    return [*whole.items, *removals], prune.notes
