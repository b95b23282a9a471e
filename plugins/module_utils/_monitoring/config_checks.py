# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked before anything is written: by promtool where there is one, by lists of what is known otherwise, and by selectors."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from .._cluster.objects import create, read
from .._cluster.session import Cluster
from .._core.errors import SalvageError
from .._core.redact import excerpt
from .._manifests.model import Manifest
from .._prometheus.configuration import without_quotes
from .config_text import MOST_RULES, ConfigText, check_config, groups_of_file
from .configured import why_not_taken

RunCommand = Callable[..., tuple[int, str, str]]


def refuse_not_taken(cluster: Cluster, prometheus: Mapping[str, Any], manifests: Sequence[Manifest], namespace: str) -> None:
    """Rules that the operator would not give to this Prometheus.  Raises SalvageError(bad_input)."""
    labels: dict[str, dict[str, str]] = {}
    for one in manifests:
        space = one.obj["metadata"].get("namespace") or namespace
        if space not in labels:
            chosen = (prometheus.get("spec") or {}).get("ruleNamespaceSelector")
            # The labels of a namespace count only for a selector that names some.
            found = read(cluster, f"/api/v1/namespaces/{quote(space, safe='')}") if chosen else None
            labels[space] = ((found or {}).get("metadata") or {}).get("labels") or {}
        rule = {"metadata": {**one.obj["metadata"], "namespace": space}}
        problem = why_not_taken(prometheus, rule, labels[space])
        if problem:
            raise SalvageError(f"{one.where} would never be loaded: {problem}", reason="bad_input")


def refuse_large_rules(manifests: Sequence[Manifest]) -> None:
    """The operator writes each object of rules into one ConfigMap.  Raises SalvageError(bad_input)."""
    for one in manifests:
        size = len(json.dumps(one.obj.get("spec"), ensure_ascii=False).encode())
        if size > MOST_RULES:
            raise SalvageError(
                f"{one.where} has {size} bytes of rules, and the operator puts at most {MOST_RULES} into a ConfigMap; split it",
                reason="bad_input",
            )


def has_admission(cluster: Cluster, namespace: str) -> bool:
    """Whether the operator's admission looks at rules: it refuses, in a dry run, one that nobody can read.

    A webhook that the API server has and that is switched off, selects other namespaces or does not answer is none.
    """
    spec = {"groups": [{"name": "meta-salvage", "rules": [{"record": "meta_salvage:unreadable", "expr": "("}]}]}
    rule = {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "meta-salvage-unreadable", "namespace": namespace}, "spec": spec,
    }  # fmt: skip
    try:
        create(cluster, f"/apis/monitoring.coreos.com/v1/namespaces/{quote(namespace, safe='')}/prometheusrules", rule, dry_run=True)
    except SalvageError as exc:
        return "admission webhook" in str(exc) and "denied the request" in str(exc)
    return False


@dataclass(frozen=True)
class Checks:
    """``promtool`` is its path, empty where there is none; ``admission``: that of the operator looks at rules."""

    promtool: str
    run_command: RunCommand
    admission: bool = False

    @property
    def by(self) -> list[str]:
        return [
            *(["promtool"] if self.promtool else []),
            *(["the admission of the Prometheus Operator"] if self.admission else []),
            "the API server",
        ]

    def rules(self, manifests: Sequence[Manifest]) -> None:
        """Raises SalvageError(invalid)."""
        for one in manifests:
            self._promtool(["check", "rules"], json.dumps(one.obj["spec"]), f"{one.where}: promtool refuses the rules")

    def config(self, config: ConfigText, where: str) -> None:
        """Raises SalvageError(invalid, bad_input)."""
        if not self.promtool:
            check_config(config, where)
            return
        text = config.text
        if config.jobs_only:  # one space more, so that whatever is written as a list is the value of the key
            text = "scrape_configs:\n" + textwrap.indent(text.strip().removeprefix("---"), " ")
        # Only the syntax: the files that it names are in the pod, not here.
        self._promtool(["check", "config", "--syntax-only", "/dev/stdin"], text, f"{where}: promtool refuses the configuration")

    def rule_files(self, files: Mapping[str, str], config: ConfigText) -> None:
        """Raises SalvageError(invalid, bad_input)."""
        loaded = (config.parsed.get("rule_files") if isinstance(config.parsed, Mapping) else None) or []
        for key, text in files.items():
            if not any(fnmatchcase(key, PurePosixPath(str(one)).name) for one in loaded):
                raise SalvageError(f"rule_files has {key}, and rule_files of the configuration names no such file", reason="bad_input")
            groups_of_file(text, key)
            self._promtool(["check", "rules"], text, f"{key}: promtool refuses the rules")

    def tests(self, files: Sequence[str]) -> None:
        """Of the rules.  Raises SalvageError(invalid, bad_input)."""
        if files and not self.promtool:
            raise SalvageError("rule_tests need promtool, and there is none; set promtool to its path", reason="bad_input")
        for one in files:
            self._promtool(["test", "rules", one], None, f"{one}: a test of the rules fails")

    def _promtool(self, arguments: list[str], given: str | None, sentence: str) -> None:
        if not self.promtool:
            return
        code, out, err = self.run_command([self.promtool, *arguments], data=given)
        if code != 0:
            said = excerpt(without_quotes(err or out), 400)
            raise SalvageError(f"{sentence}: {said}", reason="invalid")
