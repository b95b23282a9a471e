# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where incidents are kept: the options that the modules share, and the store that they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._cluster import defaults
from .._cluster.identity import cluster_uid
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.options import option
from .._records.chain_configmaps import ConfigMapChains
from .._records.chain_head import head_file_of
from .._records.chain_store import ChainStore, FolderChains, Keys
from .._records.signing_key import SigningKey
from .._sealing.envelope import Signer, signer

IN_CLUSTER = "secret"  # as a key: the one that the first record makes in the namespace


@dataclass(frozen=True)
class PlaceOptions:
    id: str | None = option(None)
    dir: str | None = option(None, type="path")
    namespace: str = option(defaults.NAMESPACE)
    key: str | None = option(None, type="path", no_log=False)
    keys: list[str] = option([], elements="path", no_log=False)
    heads: str | None = option(None, type="path")
    request_timeout: float = option(10.0)


@dataclass(frozen=True)
class Opened:
    """The store, its keys, and what distinguishes it from other stores."""

    store: ChainStore
    keys: Keys
    identity: str
    heads: str | None = None

    def head_file(self, name: str) -> Path:
        return head_file_of(f"{self.identity}/{name}", self.heads)


def open_place(params: Mapping[str, Any], given: PlaceOptions, *, writes: bool, dry_run: bool = False) -> Opened:
    """Raises SalvageError."""
    if given.dir:
        if given.key == IN_CLUSTER:
            raise SalvageError(f"key is {IN_CLUSTER}, and the incidents are in a directory; give the file of a key", reason="bad_input")
        folder = Path(given.dir).expanduser()
        return Opened(FolderChains(folder), _keys(given, None, writes=writes), str(folder.resolve()), given.heads)
    cluster = Cluster.connect(params, timeout=given.request_timeout)
    own = None
    if given.key == IN_CLUSTER:
        secret = SigningKey(cluster)
        own = secret.found_or_made(given.namespace, dry_run=dry_run) if writes else secret.found(given.namespace)
    identity = f"{cluster_uid(cluster) or cluster.server}/{given.namespace}"
    return Opened(ConfigMapChains(cluster, given.namespace, "incident"), _keys(given, own, writes=writes), identity, given.heads)


def _keys(given: PlaceOptions, own: Signer | None, *, writes: bool) -> Keys:
    if given.key and given.key != IN_CLUSTER:
        own = signer(given.key)
    accepted = {key.key_id: key for key in [*([own] if own else []), *map(signer, given.keys)]}
    if not accepted:
        return Keys()
    if writes and own is None:
        raise SalvageError("keys are given, and no key that signs; give key too", reason="bad_input")
    return Keys(own, accepted)
