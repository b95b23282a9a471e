# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.redaction import redacted_object, redacted_pair
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import HIDDEN
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import HIDDEN_CHANGED as CHANGED
from hypothesis import given
from hypothesis import strategies as st

META = {"name": "one", "namespace": "a"}
CONTAINER = {
    "name": "api",
    "image": "registry:5000/api@sha256:0123",
    "command": ["sh", "-c", "run HUNTER2"],
    "args": ["--password", "HUNTER2"],
    "env": [{"name": "DATABASE_URL", "value": "postgres://app:HUNTER2@db/x"}, {"name": "MODE", "value": "HUNTER2"}],
    "envFrom": [{"secretRef": {"name": "db"}}],
    "livenessProbe": {"httpGet": {"path": "/live", "httpHeaders": [{"name": "Authorization", "value": "Bearer HUNTER2"}]}},
}
POD = {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [CONTAINER], "imagePullSecrets": [{"name": "pull"}]}}
COPY = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"k":"HUNTER2"}}'}


def make(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": META, **fields}


SECRET = make(
    "v1", "Secret", type="Opaque", data={"k": "HUNTER2"}, stringData={"s": "HUNTER2", "n": 4}, metadata={**META, "annotations": COPY}
)


@pytest.mark.parametrize(
    "obj",
    [
        SECRET,
        make("v1", "List", items=[SECRET]),
        make("v1", "SecretList", items=[SECRET]),
        make("v1", "ConfigMap", data={"settings.py": "PASSWORD = 'HUNTER2'", "plain": "HUNTER2"}, binaryData={"b": "HUNTER2"}),
        make("apps/v1", "Deployment", spec={"template": POD}, metadata={**META, "annotations": COPY}),
        make("batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"template": POD}}}),
        make("v1", "Pod", spec=POD["spec"]),
        make("e.org/v1", "Issuer", spec={"vault": {"auth": {"value": "HUNTER2"}}, "list": ["HUNTER2"]}),
        make("e.org/v1", "ExternalSecret", spec={"template": {"kind": "Secret", "data": {"k": "HUNTER2"}}}),
        make("e.org/v1", "Release", spec=SECRET),
        make("storage.k8s.io/v1", "StorageClass", parameters={"restuserkey": "x", "secret": "HUNTER2", "adminPassword": "HUNTER2"}),
        make("admissionregistration.k8s.io/v1", "Hook", webhooks=[{"name": "w", "clientConfig": {"url": "https://u:HUNTER2@h"}}]),
        make("v1", "Service", metadata={**META, "annotations": {"note": "token=HUNTER2", "api-token": "HUNTER2"}}),
    ],
    ids=lambda obj: obj["kind"],
)
def test_no_value_that_may_be_a_credential_is_shown(obj: dict[str, Any]) -> None:
    for shown in (redacted_object(obj), redacted_object(obj, {}), *redacted_pair(obj, obj), *redacted_pair(None, obj)):
        assert "HUNTER2" not in json.dumps(shown)
    assert redacted_object(obj)["metadata"]["name"] == "one"


def test_what_is_no_credential_stays() -> None:
    container = redacted_object(make("apps/v1", "Deployment", spec={"replicas": 3, "template": POD}))["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert container["image"] == "registry:5000/api@sha256:0123"
    assert [one["name"] for one in container["env"]] == ["DATABASE_URL", "MODE"]
    assert container["envFrom"] == CONTAINER["envFrom"]
    service = make("v1", "Service", spec={"ports": [{"name": "http", "port": 80}], "selector": {"app": "api"}})
    assert redacted_object(service) == service
    route = make("gateway.networking.k8s.io/v1", "HTTPRoute", spec={"hostnames": ["h"]})
    assert redacted_object(route) == route


def test_values_are_shown_on_request_but_no_secret() -> None:
    assert redacted_object(make("v1", "ConfigMap", data={"mode": "fast", "url": "http://u:HUNTER2@h"}), values=True)["data"] == {
        "mode": "fast",
        "url": f"http://{HIDDEN}@h",
    }
    assert redacted_object(make("e.org/v1", "Widget", spec={"size": "big"}), values=True)["spec"] == {"size": "big"}
    shown = redacted_object(make("v1", "Pod", **POD), values=True)["spec"]["containers"][0]
    assert shown["command"] == CONTAINER["command"]
    assert shown["args"] == ["--password", HIDDEN]
    assert shown["env"] == [{"name": "DATABASE_URL", "value": f"postgres://{HIDDEN}@db/x"}, CONTAINER["env"][1]]
    assert "HUNTER2" not in json.dumps(redacted_object(SECRET, values=True))


def test_what_is_hidden_says_whether_it_changed() -> None:
    def pod(*env: tuple[str, str], url: str) -> dict[str, Any]:
        container = {"name": "api", "env": [{"name": name, "value": value} for name, value in env]}
        return make("v1", "Pod", metadata={**META, "annotations": {"url": url}}, spec={"containers": [container]})

    before, after = redacted_pair(
        pod(("A", "1"), ("B", "2"), url="http://u:one@h"), pod(("B", "2"), ("A", "3"), ("C", "4"), url="http://u:two@h")
    )
    assert [one["value"] for one in before["spec"]["containers"][0]["env"]] == [HIDDEN, HIDDEN]
    assert [one["value"] for one in after["spec"]["containers"][0]["env"]] == [HIDDEN, CHANGED, CHANGED]
    assert after["metadata"]["annotations"]["url"] == f"http://{HIDDEN}@h {CHANGED}"
    lists = [make("v1", "List", items=[make("v1", "Secret", data={"k": value, "same": "x"})]) for value in ("1", "2")]
    assert redacted_pair(*lists)[1]["items"][0]["data"] == {"k": CHANGED, "same": HIDDEN}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("HUNTER2"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "data", "metadata", "items", "name", "value"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(anything, anything)
def test_whatever_a_secret_holds_is_hidden(data: Any, other: Any) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "one", "annotations": data},
        "data": data,
        "stringData": data,
        "x": data,
    }
    for shown in redacted_pair({**secret, "data": other}, secret):
        assert "HUNTER2" not in json.dumps(shown)
