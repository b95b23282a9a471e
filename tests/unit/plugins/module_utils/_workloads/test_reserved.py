# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Subject
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.reserved import reserved_in

OURS = {"meta-salvage.euystacio/proven": "{}"}


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "Deployment", "metadata": {"name": "api", "annotations": OURS}},
        {"kind": "Deployment", "metadata": {"name": "api", "labels": OURS}},
        {"kind": "Service", "metadata": {"name": "api", "annotations": {"meta-salvage.euystacio/anything-else": None}}},
        {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {"metadata": {"annotations": OURS}}}},
        {"kind": "CronJob", "metadata": {"name": "j"}, "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": OURS}}}}}},
        {"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"volumeClaimTemplates": [{"metadata": {"annotations": OURS}}]}},
        {"kind": "List", "items": [{"kind": "ConfigMap", "metadata": {"name": "c", "annotations": OURS}}]},
        {"kind": "Secret", "metadata": {"name": "meta-salvage-proof-key"}},
        {"kind": "SecretList", "items": [{"metadata": {"name": "meta-salvage-proof-key"}}]},
        {"kind": "Secret", "metadata": {"name": Subject("Deployment", "a", "api", "u").secret}},
        {"kind": "Secret", "metadata": {"generateName": "meta-salvage-proofs.deployment."}},
        [{"kind": "Secret", "metadata": {"name": "meta-salvage-proof-key"}}],
    ],
)
def test_what_is_ours_is_found(obj: Any) -> None:
    assert reserved_in(obj).split(" ")[0] in {"label", "annotation", "name", "generateName"}
    assert "meta-salvage" in reserved_in(obj)


@pytest.mark.parametrize(
    "obj",
    [
        {
            "kind": "Deployment",
            "metadata": {"name": "meta-salvage", "annotations": {"euystacio/x": "1", "not-meta-salvage.euystacio/x": ""}},
        },
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"metadata": {"annotations": OURS}}},
        {"kind": "Deployment", "metadata": {"name": "d", "annotations": None, "labels": []}},
        {"kind": "Deployment", "metadata": None},
        None,
        "text",
    ],
)
def test_anything_else_is_let_through(obj: Any) -> None:
    assert not reserved_in(obj)
