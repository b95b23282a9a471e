# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.known import (
    counted,
    named_values,
    secret_values,
    without_values,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NONE: frozenset[str] = frozenset()


def secret(kind: str = "Opaque", **values: str | bytes) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode() for key, value in values.items()}
    return {"metadata": {"name": "s", "namespace": "a", "annotations": {"x": "hidden"}}, "type": kind, "data": data}


def test_each_value_of_a_secret_is_known_whatever_its_key() -> None:
    assert secret_values(secret(config="open-sesame", blob=b"\x00\xff\x00\xff\x01\x02"), NONE) == {
        b"open-sesame",
        b"\x00\xff\x00\xff\x01\x02",
    }


def test_what_is_public_in_secrets_of_kubernetes_is_not() -> None:
    token = secret("kubernetes.io/service-account-token", **{"token": "abcdef.ghi", "ca.crt": "certificate", "namespace": "kube-system"})
    assert secret_values(token, NONE) == {b"abcdef.ghi"}
    assert secret_values(secret("Opaque", **{"tls.crt": "certificate"}), NONE) == {b"certificate"}


def test_the_name_of_an_object_is_a_secret_only_under_a_name_that_says_so() -> None:
    names = frozenset({"euystacio-api"})
    assert counted("username", b"euystacio-api", names) == set()
    assert counted("password", b"euystacio-api", names) == {b"euystacio-api"}
    assert counted("password", b"5432", names) == {b"5432"}


def test_a_release_of_helm_is_not_a_value() -> None:
    assert secret_values(secret("helm.sh/release.v1", release="x" * 100), NONE) == set()


@pytest.mark.parametrize("data", [None, {}, {"a": "!!!not base64"}, {"a": None}, {"a": 5}])
def test_data_of_another_form_raises_nothing(data: Any) -> None:
    secret_values({"data": data, "type": "Opaque"}, NONE)


def test_variables_and_keys_whose_name_says_so() -> None:
    container = {
        "name": "c",
        "env": [{"name": "DB_PASSWORD", "value": "swordfish"}, {"name": "MODE", "value": "production"}, {"name": "E"}],
    }
    pod = {"spec": {"containers": [container], "initContainers": None}}
    template = {"spec": {"template": {"spec": {"initContainers": [container]}}}}
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}}
    for obj in (pod, template, cron, {"data": {"api_key": "swordfish", "mode": "production"}}):
        assert named_values(obj, NONE) == {b"swordfish"}


@pytest.mark.parametrize(
    "obj", [{}, {"spec": None}, {"spec": []}, {"spec": {"containers": "x"}}, {"spec": {"template": "x"}}, {"data": [1]}]
)
def test_a_custom_resource_of_any_form_has_none(obj: Any) -> None:
    assert named_values(obj, NONE) == set()


def test_a_secret_in_the_bundle_has_names_and_keys_and_the_placeholder_of_each_value() -> None:
    redactor = Redactor([b"swordfish"])
    shown = without_values(secret(password="swordfish", other="true", broken=b"\xff"), redactor)
    assert shown["metadata"] == {"name": "s", "namespace": "a"}
    assert (shown["kind"], shown["type"], sorted(shown["data"])) == ("Secret", "Opaque", ["broken", "other", "password"])
    assert shown["data"]["password"] in redactor.text("it is swordfish")
    assert all(value.startswith("[redacted:") for value in shown["data"].values())


def test_of_a_certificate_the_bundle_has_when_it_ends_and_nothing_else() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.example")])
    ends = datetime(2026, 12, 24, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    made = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=timezone.utc)).not_valid_after(ends).sign(key, hashes.SHA256())
    text = made.public_bytes(serialization.Encoding.PEM).decode()
    shown = without_values(secret(**{"tls.crt": text, "broken.crt": text.replace("M", "-")}), Redactor([]))
    assert shown["certificates"] == [{"key": "tls.crt", "notAfter": "2026-12-24T00:00:00Z"}]
    assert shown["data"]["tls.crt"].startswith("[redacted:")


@pytest.mark.parametrize(
    ("env", "known"),
    [
        ({"DB_PASSWORD": "open-sesame", "LOG": "info"}, {b"open-sesame"}),
        ([None, "A=b", {"name": "DB_PASSWORD", "value": "open-sesame"}], {b"open-sesame"}),
        ("DB_PASSWORD=x", set()),
        (5, set()),
        (None, set()),
    ],
)
def test_a_custom_resource_may_have_anything_under_the_names_of_a_pod(env: Any, known: set[bytes]) -> None:
    spec = {"containers": [{"name": "app", "env": env}]}
    for obj in ({"spec": spec}, {"spec": {"template": {"spec": spec}}}, {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}):
        assert named_values(obj, NONE) == known
    for template in ("x", 5, None, {"spec": "x"}):
        assert named_values({"spec": {"jobTemplate": {"spec": {"template": template}}}}, NONE) == set()
