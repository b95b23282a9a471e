# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import gzip
import json

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.file_secrets import secret_values_in, values_of_secrets

VALUE = "q7Zk-Long-Value-81"
ENCODED = base64.b64encode(VALUE.encode()).decode()
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"x": ENCODED}}
YAML = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  x: {ENCODED}\ntype: Opaque\n"


@pytest.mark.parametrize(
    "text",
    [
        *(json.dumps(SECRET), json.dumps({"kind": "List", "items": [SECRET]}, indent=2), json.dumps([SECRET]), YAML),
        json.dumps({"kind": "SecretList", "items": [{"data": {"x": ENCODED}}]}),
        f"---\nkind: ConfigMap\ndata:\n  a: b\n---\n{YAML}",
        "kind: Secret\nstringData:\n  x: '" + VALUE + "'\n",
        '{"a": 1}\n' + json.dumps(SECRET) + "\n",
    ],
)
def test_the_values_of_the_secrets_in_files_are_found(text: str) -> None:
    assert VALUE.encode() in [*secret_values_in({"a": text.encode()})]
    assert VALUE.encode() in [*secret_values_in({"a": b"", "b.gz": gzip.compress(text.encode())})]


def test_odd_objects_have_no_values() -> None:
    objects = [
        None,
        1,
        {"kind": "Secret"},
        {"kind": "Secret", "data": None},
        {"kind": "Secret", "data": {"a": 1}},
        {"items": [None, 3]},
        {"kind": "Pod"},
    ]
    assert [*values_of_secrets(objects)] == []
    assert [*secret_values_in({"d.gz": b"\x1f\x8b\x08 broken Secret", "e": b"kind: Secret"})] == []
    assert [*values_of_secrets([{"kind": "Secret", "data": {"a": "no base64!"}}])] == [b"no base64!"]
