# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Prometheus gets its configuration from, by its custom resource or by its pod; and which rules the operator gives it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from .._core.errors import SalvageError
from .._workloads.workload import selects

OPERATOR, CONFIG_MAP, SECRET, FILE = "operator", "configmap", "secret", "file"
_MONITORS = ("serviceMonitor", "podMonitor", "probe", "scrapeConfig")
_DEFAULT_FILE = "/etc/prometheus/prometheus.yml"


@dataclass(frozen=True)
class FilePlace:
    """A ConfigMap or a Secret, and the key of the configuration in it."""

    kind: str
    namespace: str
    name: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class ConfiguredBy:
    """``kind``: the operator (``name`` is the Prometheus), a ConfigMap or a Secret (``key`` is the file in it), or a file of the pod."""

    kind: str
    namespace: str
    name: str
    key: str = ""
    scrape_configs: str = ""  # the Secret and key of additionalScrapeConfigs
    fixed: str = ""  # why a change would not reach the pod
    reloader: bool = True  # whether something in the pod sees a change

    @property
    def place(self) -> FilePlace:
        """What holds the configuration that can be changed.  Raises SalvageError(bad_input) with what to do where nothing does."""
        if self.fixed:
            raise SalvageError(f"Prometheus gets its configuration from {self}, and {self.fixed}", reason="bad_input")
        if self.kind == OPERATOR:
            name, _slash, key = self.scrape_configs.partition("/")
            if not key:
                raise SalvageError(
                    f"{self} has no additionalScrapeConfigs, which are what can be changed of its configuration; "
                    "name a Secret and a key there, or write a ServiceMonitor or a ScrapeConfig",
                    reason="bad_input",
                )
            return FilePlace("Secret", self.namespace, name, key)
        if self.kind == FILE:
            raise SalvageError(
                f"Prometheus gets its configuration from {self}, which is in no ConfigMap or Secret, so it can't be changed from here",
                reason="bad_input",
            )
        return FilePlace("ConfigMap" if self.kind == CONFIG_MAP else "Secret", self.namespace, self.name, self.key)

    def __str__(self) -> str:
        words = {
            OPERATOR: f"the Prometheus {self.namespace}/{self.name} of the operator",
            CONFIG_MAP: f"the ConfigMap {self.namespace}/{self.name}, key {self.key}",
            SECRET: f"the Secret {self.namespace}/{self.name}, key {self.key}",
        }
        return words.get(self.kind, f"the file {self.key} in the pod {self.namespace}/{self.name}")

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def by_operator(prometheus: Mapping[str, Any]) -> ConfiguredBy:
    metadata, spec = prometheus["metadata"], prometheus.get("spec") or {}
    more = spec.get("additionalScrapeConfigs") or {}
    where = f"{more.get('name')}/{more.get('key')}" if more.get("name") else ""
    fixed = "its field paused is set, so the operator passes no change on; unset it" if spec.get("paused") else ""
    if not fixed and all(spec.get(f"{kind}Selector") is None for kind in _MONITORS):
        fixed = "it has no serviceMonitorSelector and none of its kind, so the operator writes no configuration; set one"
    return ConfiguredBy(OPERATOR, metadata["namespace"], metadata["name"], scrape_configs=where, fixed=fixed)


def by_pod(pod: Mapping[str, Any]) -> ConfiguredBy | None:
    """By the arguments and volumes of a pod; None if no container is a Prometheus."""
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    containers = spec.get("containers") or []
    for container in containers:
        arguments = [str(one) for one in [*(container.get("command") or []), *(container.get("args") or [])]]
        files = [one.partition("=")[2] for one in arguments if one.startswith(("--config.file=", "-config.file="))]
        if not files and "prometheus" not in str(container.get("image", "")).rsplit("/", maxsplit=1)[-1]:
            continue
        path = PurePosixPath(files[0] if files else _DEFAULT_FILE)
        mounts = [one for one in container.get("volumeMounts") or [] if path.is_relative_to(str(one.get("mountPath")))]
        mount: Mapping[str, Any] = max(mounts, key=lambda one: len(str(one["mountPath"])), default={})
        volume: Mapping[str, Any] = next((one for one in spec.get("volumes") or [] if mount and one.get("name") == mount.get("name")), {})
        base = PurePosixPath(str(mount.get("mountPath", "/")))
        inside = str(mount.get("subPath") or "") + ("" if path == base else f"/{path.relative_to(base)}")
        fixed = "it is mounted by subPath, which the kubelet never updates; mount the folder" if mount.get("subPath") else ""
        reloads = any("reload" in str(one.get("image", "")) + str(one.get("name", "")) for one in containers if one is not container)
        for kind, source in _sources(volume):
            key = _key_of(source, inside.strip("/"))
            if key:
                name = str(source.get("name") or source.get("secretName") or "")
                return ConfiguredBy(kind, metadata["namespace"], name, key, fixed=fixed, reloader=reloads)
        return ConfiguredBy(FILE, metadata["namespace"], metadata["name"], str(path), reloader=reloads)
    return None


def _sources(volume: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The ConfigMaps and Secrets of a volume, in one of several."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    return [(kind, one[field]) for one in parts for kind, field in ((CONFIG_MAP, "configMap"), (SECRET, "secret")) if one.get(field)]


def _key_of(source: Mapping[str, Any], path: str) -> str:
    """The key that is the file at a path of the volume; empty if none is."""
    items = source.get("items")
    if not items:
        return path
    return next((str(one.get("key")) for one in items if str(one.get("path")) == path), "")


def why_not_taken(prometheus: Mapping[str, Any], rule: Mapping[str, Any], labels_of_namespace: Mapping[str, str]) -> str:
    """Why the operator would not give this Prometheus a PrometheusRule; empty if it would."""
    spec, metadata = prometheus.get("spec") or {}, rule["metadata"]
    space, own = metadata.get("namespace") or "", prometheus["metadata"]["namespace"]
    where = f"Prometheus {own}/{prometheus['metadata']['name']}"
    chosen = spec.get("ruleNamespaceSelector")
    if (space != own) if chosen is None else not selects(chosen, labels_of_namespace):
        return f"{where} takes no rules of the namespace {space} (ruleNamespaceSelector)"
    if not selects(spec.get("ruleSelector"), metadata.get("labels") or {}):
        wanted = spec.get("ruleSelector")
        return (
            f"{where} takes only rules with the labels of its ruleSelector {wanted}"
            if wanted
            else f"{where} takes no rules (it has no ruleSelector)"
        )
    return ""
