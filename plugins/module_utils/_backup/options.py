# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that backup, backup_info and restore share: where the backups are, and the keys that open them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params, option


@dataclass(frozen=True)
class S3Options:
    endpoint: str | None = option(None)
    region: str | None = option(None)
    access_key: str | None = option(None, no_log=False)
    secret_key: str | None = option(None, no_log=True)
    session_token: str | None = option(None, no_log=True)
    ca_path: str | None = option(None, type="path")
    checksums: str = option("when_required", choices=["when_required", "when_supported"])


@dataclass(frozen=True)
class StoreOptions:
    repository: str = option(type="path")
    s3: S3Options | None = option(None)


@dataclass(frozen=True)
class ReadOptions:
    """``identity`` is required only by a module that decrypts."""

    public_key: str = option(type="path", no_log=False)
    identity: str | None = option(None, type="path")
    cluster: str | None = option(None)
    allow_unknown_cluster: bool = option(default=False)
    allow_missing: bool = option(default=False)


_S3 = {name: spec for name, spec in argument_spec(S3Options).items() if name != "checksums"}
_REMOVED = {"removed_in_version": "1.0.0", "removed_from_collection": "euystacio.meta_salvage"}
STORE_ARGUMENTS: dict[str, Any] = {
    **argument_spec(StoreOptions),
    **{f"s3_{name}": {**spec, **_REMOVED} for name, spec in _S3.items()},
}
READ_ARGUMENTS: dict[str, Any] = argument_spec(ReadOptions)


def store_options(params: Mapping[str, Any]) -> StoreOptions:
    """The options of a store, with the deprecated ``s3_*`` options merged into ``s3``.  Raises SalvageError(bad_input)."""
    given = params.get("s3") or {}
    deprecated = {name: params[f"s3_{name}"] for name in _S3 if params.get(f"s3_{name}") is not None}
    for name, value in deprecated.items():
        if given.get(name) not in {None, value}:
            raise SalvageError(f"s3_{name} and s3.{name} have different values; set only s3.{name}", reason="bad_input")
    return StoreOptions(params["repository"], from_params(S3Options, {**given, **deprecated}))
