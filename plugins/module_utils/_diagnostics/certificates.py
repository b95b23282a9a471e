# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When certificates end. Pure."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timezone
from typing import Any

from .._core.redact import clean

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_PEM = re.compile(_BEGIN + rb"[^-]{1,20000}-----END CERTIFICATE-----")
_MOST = 200


def certificates_in(data: bytes) -> Iterator[tuple[float, str]]:
    """When each certificate of a PEM text ends, in unix seconds, and its subject; of what cannot be read, nothing."""
    if _BEGIN not in data:
        return
    try:
        load = importlib.import_module("cryptography.x509").load_pem_x509_certificate  # slow to load, and not needed where there is none
    except ImportError:
        return
    for pem in _PEM.findall(data)[:_MOST]:
        if (found := _read(load, pem)) is not None:
            yield found


def _read(load: Any, pem: bytes) -> tuple[float, str] | None:
    try:
        certificate = load(pem)
        ends = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after.replace(tzinfo=timezone.utc)
        return ends.timestamp(), clean(certificate.subject.rfc4514_string(), limit=120)
    except (ValueError, TypeError, OverflowError):
        return None
