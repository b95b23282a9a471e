# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Genuine is not enough: of which cluster, and how old."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.times import iso
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.origin import foreign, origin_of, too_old
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0
OURS = {"cluster": {"name": "production", "uid": "u1"}}
NAMELESS = {"cluster": {"name": "", "uid": "u1"}}


@pytest.mark.parametrize(
    ("record", "asked", "live", "why"),
    [
        (OURS, None, "u1", ""),
        (OURS, "production", "u2", ""),  # a rebuilt cluster has another UID
        (OURS, "u1", "u2", ""),
        (NAMELESS, "u1", "u2", ""),
        (NAMELESS, None, "u1", ""),
        (OURS, None, "u2", "it is of another cluster, production; to use it here, set cluster=production"),
        (NAMELESS, None, "u2", "it is of another cluster, u1; to use it here, set cluster=u1"),
        (OURS, "staging", "u1", "it is of the cluster production, not of staging"),
        (OURS, "PRODUCTION", "u1", "it is of the cluster production, not of PRODUCTION"),
    ],
)
@pytest.mark.parametrize("allow_unknown", [True, False])
def test_a_known_cluster_is_compared_whatever_is_allowed(
    record: dict[str, Any], asked: str | None, live: str, why: str, allow_unknown: bool
) -> None:
    assert foreign(record, asked, live, allow_unknown=allow_unknown) == why


@pytest.mark.parametrize(
    ("record", "asked", "live"),
    [
        ({}, None, "u1"),  # of an earlier release
        ({}, "production", "u1"),
        ({}, None, ""),
        (NAMELESS, "production", "u1"),
        (OURS, None, ""),
        ({"cluster": {"name": "production", "uid": ""}}, None, "u1"),
        ({"cluster": {"name": None, "uid": 1}}, None, "1"),
        ({"cluster": {"name": [], "uid": {}}}, "", ""),
        ({"cluster": "production"}, "production", "u1"),
        ({"cluster": None}, "production", "u1"),
    ],
)
def test_an_unknown_cluster_needs_a_consent(record: dict[str, Any], asked: str | None, live: str) -> None:
    assert foreign(record, asked, live, allow_unknown=False).endswith("set allow_unknown_cluster=true")
    assert foreign(record, asked, live, allow_unknown=True) == ""


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_form_of_an_origin_is_read(cluster: Any) -> None:
    assert all(isinstance(one, str) for one in origin_of({"cluster": cluster}))


@pytest.mark.parametrize(
    ("created", "max_age", "why"),
    [
        (iso(NOW - 3600), 7200, ""),
        (iso(NOW + 30), 7200, ""),
        (iso(NOW - 9 * 86400), 0, ""),
        (None, 0, ""),
        (iso(NOW - 9 * 86400), 7 * 86400, "it is 9 d old, and max_age allows 7 d; set max_age=0 to allow any age"),
        (iso(NOW + 3600), 7200, "its age is not known: it was created at 2027-01-15T09:00:00Z; set max_age=0 to allow any age"),
        (None, 7200, "its age is not known: it was created at None; set max_age=0 to allow any age"),
        ("now", 7200, "its age is not known: it was created at now; set max_age=0 to allow any age"),
    ],
)
def test_the_age_is_limited(created: Any, max_age: float, why: str) -> None:
    assert too_old({"created": created}, max_age, NOW) == why
