# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module alertmanager_config_info: its options and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._alerts.alertmanager import Alertmanager
from .._alerts.routing import LONGEST_CONFIG, RoutingTree, routing_of, unexpected
from .._cluster import defaults, routes
from .._core.errors import SalvageError
from .._core.gather import gather
from .._core.options import argument_spec, from_params, option
from .._core.redact import excerpt
from .._core.status import CRITICAL, HEALTHY, UNKNOWN

RunCommand = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class SampleAlert:
    labels: dict[str, Any] = option()
    receivers: list[str] = option()

    @property
    def texts(self) -> dict[str, str]:
        return {str(name): str(value) for name, value in self.labels.items()}


@dataclass(frozen=True)
class RoutingOptions:
    path: str | None = option(None, type="path")
    alerts: list[SampleAlert] = option([])
    watchdog: str = option("Watchdog")
    watchdog_age: float = option(300)
    alertmanager_url: str = option(defaults.ALERTMANAGER_URL)
    replicas: list[str] = option([])
    amtool: str | None = option(None, type="path")
    timeout: float = option(5)


MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(RoutingOptions), **routes.ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], run_command: RunCommand, find: Callable[[str], str | None]) -> dict[str, Any]:
    """The module's result.  Raises SalvageError for a configuration that Alertmanager would refuse."""
    given = from_params(RoutingOptions, params)
    if not 0 < given.watchdog_age <= 86400:
        raise SalvageError(f"watchdog_age is {given.watchdog_age:g}; write seconds, more than 0 and at most 86400", reason="bad_input")
    if given.path:
        tree = _of_file(given, run_command, find)
        return {**_result(given, {given.path: tree}, []), "problems": {}, "watchdog": {}}
    addresses = routes.Routes(params, given.timeout)
    endpoints = addresses.each(given.alertmanager_url, given.replicas)
    replicas = {one.address: Alertmanager(one) for one in endpoints}
    texts = gather({address: one.configuration for address, one in replicas.items()})
    ages = gather({address: partial(one.heard, given.watchdog) for address, one in replicas.items()}) if given.watchdog else {}
    problems = {name: str(answer) for answers in (texts, ages) for name, answer in answers.items() if isinstance(answer, SalvageError)}
    trees = {name: _tree(text, name) for name, text in texts.items() if not isinstance(text, SalvageError)}
    heard = {name: age for name, age in ages.items() if not isinstance(age, SalvageError)}
    silent = [f"{name}: the alert {given.watchdog} does not arrive" for name, age in heard.items() if age is None]
    silent += [
        f"{name}: the alert {given.watchdog} last arrived {age:.0f} s ago, more than {given.watchdog_age:g} s"
        for name, age in heard.items()
        if age is not None and age > given.watchdog_age
    ]
    result = _result(given, trees, silent)
    if problems and result["status"] == HEALTHY:
        result["status"] = UNKNOWN
    return {**result, "problems": problems, "watchdog": {name: None if age is None else round(age, 1) for name, age in heard.items()}}


def _of_file(given: RoutingOptions, run_command: RunCommand, find: Callable[[str], str | None]) -> RoutingTree:
    path = str(given.path)
    try:
        if Path(path).stat().st_size > LONGEST_CONFIG:
            raise SalvageError(f"{path} is larger than {LONGEST_CONFIG} bytes; give a configuration of Alertmanager", reason="too_large")
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SalvageError(f"{path} can't be read: {getattr(exc, 'strerror', None) or exc}", reason="bad_input") from None
    tree = _tree(text, path)
    amtool = given.amtool or find("amtool")
    if amtool:
        code, out, err = run_command([amtool, "check-config", path])
        if code != 0:
            said = excerpt(err or out, 400).replace("\n", " ")
            raise SalvageError(f"{path}: amtool refuses the configuration: {said}", reason="invalid")
    return tree


def _tree(text: str, where: str) -> RoutingTree:
    try:
        return routing_of(text)
    except SalvageError as exc:
        raise SalvageError(f"{where}: {exc}", reason=exc.reason) from None


def _result(given: RoutingOptions, trees: Mapping[str, RoutingTree], more: list[str]) -> dict[str, Any]:
    samples = [(one.texts, one.receivers) for one in given.alerts]
    found = [f"{name}: {problem}" for name, tree in trees.items() for problem in unexpected(tree, samples)] + more
    return {
        "changed": False,
        "status": CRITICAL if found else HEALTHY if trees else UNKNOWN,
        "found": found,
        "receivers": sorted({name for tree in trees.values() for name in tree.receivers}),
        "alerts": [
            {"labels": one.texts, "receivers": {name: tree.receivers_of(one.texts) for name, tree in trees.items()}} for one in given.alerts
        ],
    }
