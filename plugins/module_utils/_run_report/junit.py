# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as JUnit: each step is a case.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._report.xml_text import xml_quoted, xml_text

_FAILED = frozenset({"failed", "unreachable"})


def run_junit(run: Mapping[str, Any]) -> bytes:
    cases = [_case(step) for step in run["steps"]]
    failures = sum(step["status"] in _FAILED for step in run["steps"])
    seconds = max(0.0, run["ended"] - run["began"])
    head = f'<testsuite name={xml_quoted(run["name"])} tests="{len(cases)}" failures="{failures}" time="{seconds:.3f}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>", ""]).encode()


def _case(step: Mapping[str, Any]) -> str:
    place = f"{step['host']}.{step['role'] or 'play'}"
    body = ""
    if step["status"] in _FAILED:
        body = f"<failure message={xml_quoted(step['reason'])} type={xml_quoted(step['module'])}>{xml_text(step['reason'])}</failure>"
    elif step["reason"]:
        body = f"<system-out>{xml_text(step['status'] + ': ' + step['reason'])}</system-out>"
    return f'  <testcase classname={xml_quoted(place)} name={xml_quoted(step["name"])} time="{step["seconds"]:.3f}">{body}</testcase>'
