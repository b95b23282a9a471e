# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Prometheus gets its configuration from, and which rules the operator gives it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring.configured import by_operator, by_pod, why_not_taken


def pod(volume: dict[str, Any] | None, *, args: Any = ("--config.file=/etc/config/prometheus.yml",), **mount: Any) -> dict[str, Any]:
    container = {
        "image": "x/prom", "args": list(args),
        "volumeMounts": [{"name": "other", "mountPath": "/etc"}, *([{"name": "v", "mountPath": "/etc/config", **mount}] if volume else [])],
    }  # fmt: skip
    volumes = [{"name": "other", "emptyDir": {}}, *([{"name": "v", **volume}] if volume else [])]
    return {"metadata": {"name": "p", "namespace": "m"}, "spec": {"containers": [{"image": "sidecar"}, container], "volumes": volumes}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pod({"configMap": {"name": "conf"}}), "the ConfigMap m/conf, key prometheus.yml"),
        (pod({"secret": {"secretName": "conf"}}), "the Secret m/conf, key prometheus.yml"),
        (
            pod({"configMap": {"name": "conf"}}, mountPath="/etc/config/prometheus.yml", subPath="main.yml"),
            "the ConfigMap m/conf, key main.yml",
        ),
        (pod({"configMap": {"name": "conf"}}, args=["--config.file=/etc/config/sub/a.yml"]), "the ConfigMap m/conf, key sub/a.yml"),
        (pod({"emptyDir": {}}), "the file /etc/config/prometheus.yml in the pod m/p"),
        (pod(None), "the file /etc/config/prometheus.yml in the pod m/p"),
    ],
)
def test_a_pod_says_where_its_configuration_comes_from(given: dict[str, Any], words: str) -> None:
    assert str(by_pod(given)) == words


def test_a_pod_that_is_no_prometheus_and_one_with_the_default_file() -> None:
    assert by_pod({"metadata": {"name": "p", "namespace": "m"}, "spec": {"containers": [{"image": "nginx"}]}}) is None
    bare = {"metadata": {"name": "p", "namespace": "m"}, "spec": {"containers": [{"image": "quay.io/prometheus/prometheus:v3"}]}}
    assert str(by_pod(bare)) == "the file /etc/prometheus/prometheus.yml in the pod m/p"


def prometheus(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "main", "namespace": "m"}, "spec": spec}


def test_the_operator_and_its_scrape_configs() -> None:
    found = by_operator(prometheus(additionalScrapeConfigs={"name": "more", "key": "a.yaml"}))
    assert (str(found), found.scrape_configs) == ("the Prometheus m/main of the operator", "more/a.yaml")


@pytest.mark.parametrize(
    ("spec", "namespace", "words"),
    [
        ({"ruleSelector": {}}, "m", ""),
        ({"ruleSelector": {"matchLabels": {"release": "x"}}}, "m", ""),
        ({"ruleSelector": {"matchExpressions": [{"key": "release", "operator": "In", "values": ["x", "y"]}]}}, "m", ""),
        ({"ruleSelector": {"matchLabels": {"release": "y"}}}, "m", "takes only rules with the labels"),
        ({}, "m", "takes no rules"),
        ({"ruleSelector": None}, "m", "takes no rules"),
        ({"ruleSelector": {}}, "other", "takes no rules of the namespace other"),
        ({"ruleSelector": {}, "ruleNamespaceSelector": {}}, "other", ""),
        ({"ruleSelector": {}, "ruleNamespaceSelector": {"matchLabels": {"team": "a"}}}, "other", ""),
        ({"ruleSelector": {}, "ruleNamespaceSelector": {"matchLabels": {"team": "b"}}}, "m", "takes no rules of the namespace m"),
    ],
)
def test_which_rules_a_prometheus_takes(spec: dict[str, Any], namespace: str, words: str) -> None:
    rule = {"metadata": {"name": "r", "namespace": namespace, "labels": {"release": "x"}}}
    found = why_not_taken(prometheus(**spec), rule, {"team": "a"})
    assert (words in found) if words else found == ""
