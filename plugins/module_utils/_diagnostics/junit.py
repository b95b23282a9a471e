# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An analysis as JUnit: a rule that found something failed, one that could not be judged was skipped.  Pure."""

from __future__ import annotations

from .._report.xml_text import xml_quoted, xml_text
from .analyze import Analysis, Suspect


def junit_of(analysis: Analysis) -> bytes:
    found: dict[str, list[Suspect]] = {}
    for one in analysis.findings:
        found.setdefault(one.code, []).append(one)
    cases = []
    failures = 0
    for code in analysis.judged:
        if code in found:
            cases += [_case(code, one) for one in found[code]]
            failures += sum(1 for one in found[code] if one.severity != "info")
        elif code in analysis.unknown:
            cases.append(
                f'  <testcase classname={xml_quoted(code)} name="judged"><skipped message={xml_quoted(analysis.unknown[code])}/></testcase>'
            )
        else:
            cases.append(f'  <testcase classname={xml_quoted(code)} name="found nothing"/>')
    head = f'<testsuite name="diagnostics" tests="{len(cases)}" failures="{failures}" skipped="{len(analysis.unknown)}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *cases, "</testsuite>", ""]).encode(errors="replace")


def _case(code: str, one: Suspect) -> str:
    place = "/".join(filter(None, (one.subject["kind"], one.subject["namespace"], one.subject["name"])))
    lines = [one.meaning, one.advice, *(f"{each.file}:{each.line}: {each.text}" for each in one.evidence)]
    body = xml_text("\n".join(lines))
    outcome = "system-out" if one.severity == "info" else "failure"
    said = f" message={xml_quoted(one.title)} type={xml_quoted(one.severity)}" if outcome == "failure" else ""
    return f"  <testcase classname={xml_quoted(code)} name={xml_quoted(place)}><{outcome}{said}>{body}</{outcome}></testcase>"
