# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: evaluate_thresholds
short_description: Compare metrics with their thresholds
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Evaluates metrics as M(euystacio.meta_salvage.threshold_info) does, for data that another task has read.
  - What can't be trusted is V(unknown), with the reason. Only a profile that is wrong is an error.
positional: profile
requirements:
  - prometheus_client on the controller (for exposition text)
options:
  _input:
    description:
      - The API's JSON, Prometheus exposition text, or an answer of Prometheus to a query; as text, or as data already.
    type: raw
    required: true
  profile:
    description: The metrics and their limits, as O(euystacio.meta_salvage.threshold_info#module:profile). The runbook's four by default.
    type: dict
  format:
    description: What the data is. V(auto) detects it from the content.
    type: str
    choices: [auto, api, exposition, promql]
    default: auto
  max_age:
    description:
      - A value with a time further than this from now is V(unknown). Seconds, or a duration such as C(2m).
      - V(0) switches the limit off.
    type: raw
    default: 10m
  source:
    description: Where the data is from, for the result.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Judge an answer that was read before
  ansible.builtin.debug:
    msg: "{{ (answer.content | euystacio.meta_salvage.evaluate_thresholds).summary }}"

- name: Judge a metric of one's own
  ansible.builtin.assert:
    that: >-
      {'queue': 12} | euystacio.meta_salvage.evaluate_thresholds({'queue': {'critical_max': 100}})
      is euystacio.meta_salvage.healthy
"""

RETURN = r"""
_value:
  description: The RV(euystacio.meta_salvage.threshold_info#module:status), RV(euystacio.meta_salvage.threshold_info#module:summary) and
    RV(euystacio.meta_salvage.threshold_info#module:metrics) as the module returns them.
  type: dict
"""

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from jinja2.runtime import Undefined

from ..module_utils._core.errors import SalvageError
from ..module_utils._core.times import parse_duration
from ..module_utils._metrics.decide import evaluate_all, metrics_unknown, result_of
from ..module_utils._metrics.parse import FORMATS, parse_samples
from ..module_utils._metrics.profile import parse_profile
from ..plugin_utils.plain import plain

try:
    from ansible.template import accept_args_markers  # ansible-core 2.19 keeps undefined values from filters that don't ask for them
except ImportError:

    def accept_args_markers(function: Callable[..., Any]) -> Callable[..., Any]:
        return function


@accept_args_markers
def evaluate_thresholds(data: Any, profile: Any = None, format: str = "auto", max_age: Any = "10m", source: str = "") -> dict[str, Any]:  # noqa: A002
    """Status, summary and metrics of ``data``."""
    if format not in FORMATS:
        raise AnsibleFilterError(f"evaluate_thresholds: format {format!r} is none of {', '.join(FORMATS)}")
    try:
        if isinstance(profile, Undefined):
            raise SalvageError("profile: the variable is undefined; define it, or leave it out for the runbook's", reason="bad_input")
        rules = parse_profile(plain(profile))
        oldest = (parse_duration(max_age, "max_age") if max_age else 0.0) or None
    except SalvageError as exc:
        raise AnsibleFilterError(f"evaluate_thresholds: {exc}") from None
    if isinstance(data, Undefined):
        return result_of(metrics_unknown(rules, "the data is undefined", source))
    try:
        samples = parse_samples(plain(data), format, names=rules.names)
    except SalvageError as exc:
        return result_of(metrics_unknown(rules, str(exc), source))
    return result_of(evaluate_all(rules, samples, now=time.time(), max_age=oldest, source=source))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {"evaluate_thresholds": evaluate_thresholds}
