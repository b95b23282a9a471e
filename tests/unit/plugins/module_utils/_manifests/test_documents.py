# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.documents import manifests_of, refuse_records
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.model import Manifest, Text

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def read(*texts: Any) -> list[Manifest]:
    return manifests_of(
        Text(f"{number}.yaml", one if isinstance(one, bytes) else one.encode() if isinstance(one, str) else json.dumps(one).encode())
        for number, one in enumerate(texts, 1)
    )


def refused(*texts: Any) -> str:
    with pytest.raises(SalvageError) as error:
        read(*texts)
    assert error.value.reason == "bad_input"
    return str(error.value)


def test_each_file_is_read_by_itself() -> None:
    found = read(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", b"\xef\xbb\xbf# with a byte order mark\n" + json.dumps(MAP).encode()
    )
    assert [one.where for one in found] == ["1.yaml, line 1", "2.yaml, line 2"]
    assert "2.yaml, line 1 is not YAML" in refused(MAP, "}")


def test_lists_are_unfolded() -> None:
    secret = {"metadata": {"name": "s"}, "stringData": {"a": "b"}}
    inner = {"apiVersion": "v1", "kind": "SecretList", "items": [secret]}
    found = read({"apiVersion": "v1", "kind": "List", "items": [MAP, inner]})
    assert [(one.obj["kind"], one.where) for one in found] == [
        ("ConfigMap", "1.yaml, line 1, item 1"),
        ("Secret", "1.yaml, line 1, item 2, item 1"),
    ]


def test_a_kind_that_ends_with_list_is_not_a_list_without_items() -> None:
    assert read({**MAP, "kind": "AllowList"})[0].obj["kind"] == "AllowList"


def test_strings_of_a_secret_become_data() -> None:
    (found,) = read({**MAP, "kind": "Secret", "data": {"a": "eA==", "b": "eA=="}, "stringData": {"b": "y", "c": ""}})
    assert found.obj["data"] == {"a": "eA==", "b": base64.b64encode(b"y").decode(), "c": ""}
    assert "stringData" not in found.obj


def test_what_only_a_cluster_writes_is_left_out_and_told() -> None:
    metadata = {
        "name": "a",
        "uid": "u", "resourceVersion": "5", "generation": 2, "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "deployment.kubernetes.io/revision": "3", "mine": "x"},
    }  # fmt: skip
    (found,) = read({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {}, "status": {"replicas": 1}})
    assert found.obj["metadata"] == {"name": "a", "annotations": {"mine": "x"}}
    assert "status" not in found.obj
    assert "Deployment a is an export of a cluster" in found.notes[0]
    assert "metadata.resourceVersion" in found.notes[0]


def test_empty_fields_of_generators_are_left_out_without_a_word() -> None:
    status = {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}
    (found,) = read({**MAP, "metadata": {"name": "a", "creationTimestamp": None}, "status": status})
    assert (found.obj, found.notes) == (MAP, ())


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        ([MAP], "the document is a list"),
        ("hello", "the document is text"),
        ("5", "the document is 5"),
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, "has no apiVersion"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "has no kind"),
        ({**MAP, "kind": 5}, "kind is 5, which is not text"),
        ({**MAP, "kind": "../x"}, "is not a kind"),
        ({**MAP, "apiVersion": "v1/../../x"}, "is not an API version"),
        ({**MAP, "apiVersion": "apps/v1\n"}, "is not an API version"),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "has no metadata"),
        ({**MAP, "metadata": {}}, "has no name"),
        ({**MAP, "metadata": {"name": 5}}, "which is not text; quote it"),
        ({**MAP, "metadata": {"name": ""}}, "has no name"),
        ({**MAP, "metadata": {"name": ".."}}, "is not a name in Kubernetes"),
        ({**MAP, "metadata": {"name": "a/b"}}, "is not a name in Kubernetes"),
        ({**MAP, "metadata": {"name": "a%2f"}}, "is not a name in Kubernetes"),
        ({**MAP, "metadata": {"name": "a", "namespace": "../b"}}, "the namespace"),
        ({**MAP, "metadata": {"name": "a", "namespace": 5}}, "the namespace 5"),
        ({**MAP, "metadata": {"generateName": "a-"}}, "has generateName and no name"),
        ({**MAP, "metadata": {"name": "a", "labels": {"x": True}}}, "metadata.labels.x of ConfigMap a is True, not text; put it in quotes"),
        ({**MAP, "metadata": {"name": "a", "annotations": ["x"]}}, "metadata.annotations of ConfigMap a is not a mapping"),
        ({**MAP, "data": {"port": 8080}}, "data.port of ConfigMap a is 8080, not text"),
        ({**MAP, "data": {"port": None}}, "data.port of ConfigMap a is None, not text"),
        ({**MAP, "kind": "Secret", "data": {"pin": 20260115}}, "data.pin of Secret a is not text"),
        ({**MAP, "kind": "Secret", "data": {"pin": "%%"}}, "data.pin of Secret a is not base64"),
        ({"apiVersion": "v1", "kind": "List"}, "the List has no items"),
        ({"apiVersion": "v1", "kind": "List", "items": None}, "the List has no items"),
        ({"apiVersion": "v1", "kind": "List", "items": [5]}, "item 1: the document is 5"),
    ],
)
def test_what_cannot_be_applied_is_refused_by_file_and_line(obj: Any, says: str) -> None:
    sentence = refused(obj)
    assert sentence.startswith("1.yaml, line 1")
    assert says in sentence


def test_no_value_of_a_secret_is_quoted() -> None:
    for secret in ({"stringData": {"pin": 20260115}}, {"data": {"pin": "hunter2!"}}):
        sentence = refused({**MAP, "kind": "Secret", **secret})
        assert "2026" not in sentence
        assert "hunter" not in sentence


def test_lists_in_lists_have_an_end() -> None:
    obj: Any = MAP
    for _level in range(10):
        obj = {"apiVersion": "v1", "kind": "List", "items": [obj]}
    assert "too deep" in refused(obj)


def test_nothing_to_apply_is_an_error() -> None:
    assert "contain no object" in refused("# nothing\n")
    assert "contain no object" in refused({"apiVersion": "v1", "kind": "List", "items": []})


def test_another_encoding_is_told_with_its_line() -> None:
    assert "1.yaml, line 2 is not UTF-8" in refused(b"# one\n# \xff\n")


@pytest.mark.parametrize(
    "obj",
    [
        {**MAP, "metadata": {"name": "a", "labels": {"meta-salvage.euystacio/copy": "true"}}},
        {**MAP, "metadata": {"name": "a", "annotations": {"meta-salvage.euystacio/proof": "{}"}}},
        {**MAP, "spec": {"template": {"metadata": {"annotations": {"meta-salvage.euystacio/x": "1"}}}}},
        {**MAP, "spec": {"volumeClaimTemplates": [{"metadata": {"labels": {"meta-salvage.euystacio/x": "1"}}}]}},
        {**MAP, "metadata": {"name": "meta-salvage-proofs.deployment.a"}},
    ],
)
def test_records_of_the_collection_come_from_no_manifest(obj: Any) -> None:
    with pytest.raises(SalvageError, match="reserved"):
        refuse_records(read(obj))


def test_data_may_speak_of_records() -> None:
    refuse_records(read({**MAP, "data": {"metadata": "meta-salvage.euystacio/x"}}))
