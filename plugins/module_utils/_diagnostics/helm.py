# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of Helm, as their Secrets hold them.  Pure."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.redact import credentials_in

HELM = "helm.sh/release.v1"
_MOST = 32 * 1024 * 1024  # bytes of a release; a Secret holds 1 MB of it, packed


def release_in(secret: Mapping[str, Any]) -> dict[str, Any] | None:
    """The whole release of a Secret of Helm's, None if it holds none that can be read."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        text = zlib.decompressobj(31).decompress(packed, _MOST) if packed[:2] == b"\x1f\x8b" else packed
        found = json.loads(text)
    except (KeyError, TypeError, ValueError, zlib.error, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def metadata_of(release: Mapping[str, Any]) -> dict[str, Any]:
    """What a release is, without its values, its manifest and its notes."""
    info, chart = release.get("info") or {}, (release.get("chart") or {}).get("metadata") or {}
    return {
        "namespace": release.get("namespace"),
        "name": release.get("name"),
        "revision": release.get("version"),
        "status": info.get("status"),
        "first_deployed": info.get("first_deployed"),
        "last_deployed": info.get("last_deployed"),
        "description": info.get("description"),
        "chart": chart.get("name"),
        "chart_version": chart.get("version"),
        "app_version": chart.get("appVersion"),
    }


def credentials_of(releases: Iterable[Mapping[str, Any]]) -> set[str]:
    """Values of releases that are secret by their names."""
    return {text for release in releases for text in credentials_in(release.get("config") or {})}
