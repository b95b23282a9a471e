# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may have brought a metric down: a change, a red_code.json that is not the known one, poor input data.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import shown
from .._core.json_values import as_text
from .._core.times import iso, span, when
from .._sealing.hashing import canonical, digest
from .evidence_model import CaseFile, NotKnown, a_list, a_number
from .verdict_thresholds import Answer

_LATE = 5.0  # seconds by which the clocks of what changes and what alerts may differ
# What red_code.json has to have: the field, what it must be, in words.
_FIELDS: tuple[tuple[str, type | tuple[type, ...], str], ...] = (
    ("core_truth", str, "a text"),
    ("ai_signature", dict, "an object"),
    ("symbiosis_level", (int, float), "a number from 0 to 1"),
    ("guardian_mode", bool, "true or false"),
)


def red_code_problems(document: Any) -> list[str]:
    """What is wrong with the content of red_code.json, in sentences; nothing if it is whole."""
    if not isinstance(document, Mapping):
        return [f"it is {shown(document)}, not an object"]
    found = []
    for name, kind, words in _FIELDS:
        value = document.get(name)
        is_number_as_flag = isinstance(value, bool) and kind is not bool
        if name not in document:
            found.append(f"{name} is missing")
        elif not isinstance(value, kind) or is_number_as_flag:
            found.append(f"{name} is {shown(value)}, not {words}")
    if isinstance(document.get("core_truth"), str) and not document["core_truth"].strip():
        found.append("core_truth is empty")
    level = document.get("symbiosis_level")
    if isinstance(level, (int, float)) and not isinstance(level, bool) and not 0 <= level <= 1:
        found.append(f"symbiosis_level is {shown(level)}, not from 0 to 1")
    signature = document.get("ai_signature")
    if isinstance(signature, Mapping) and signature.get("verified") is not True:
        found.append(f"ai_signature.verified is {shown(signature.get('verified'))}, not true")
    return found


def red_code(case: CaseFile) -> Answer:
    """Whether each copy of red_code.json is whole, all are the same, and the same as the last known good one."""
    value = case.need("red_code")
    copies = a_list(value["copies"], "the list of copies")
    broken = [f"{one['where']}: {as_text(problem)}" for one in copies for problem in one["problems"]]
    digests = {one["digest"]: one["where"] for one in copies if one.get("digest")}
    good = value.get("known_good")
    other = [where for digest, where in digests.items() if good and digest != good]
    details = {"copies": len(copies), "digests": sorted(digests), "known_good": good}
    if broken:
        return "altered", "; ".join(broken[:3]), {**details, "where": [one["where"] for one in copies if one["problems"]]}
    if other:
        return "altered", f"{other[0]} is not the last known good one ({value.get('known_good_from')})", {**details, "where": other}
    if len(digests) > 1:
        return "altered", f"the copies differ: {', '.join(sorted(digests.values()))}", {**details, "where": sorted(digests.values())}
    if doubts := case.doubts("red_code"):
        raise NotKnown(f"not every copy of red_code.json was read: {doubts[0]}")
    if len(digests) != 1:
        raise NotKnown("no copy of red_code.json has a digest")
    if not good:
        raise NotKnown("red_code.json is whole and verified everywhere, but there is no last known good one to compare it with")
    return "intact", f"{len(copies)} copies are whole, verified, and the last known good one", details


def input_data(case: CaseFile) -> Answer:
    """Whether the data that QEK is computed from is good enough, at each replica."""
    replicas = a_list(case.need("qek_details", whole=True)["replicas"], "the list of replicas")
    poor, oldest = [], case.now
    for replica in replicas:
        for one in a_list(replica["inputs"], f"the inputs of {replica['where']}"):
            quality = a_number(one["quality"], f"the quality of {one['name']}")
            if not 0 <= quality <= 1:
                raise NotKnown(f"the quality of {one['name']} is {quality:g}, not from 0 to 1")
            updated = when(one.get("updated_at"))
            if updated is None:
                raise NotKnown(f"{one['name']} does not say when it was updated")
            if updated > case.now + 300:
                raise NotKnown(f"{one['name']} was updated in the future; compare the clocks")
            oldest = min(oldest, updated)
            if quality < case.settings.input_quality:
                poor.append(f"the quality of {one['name']} is {quality:g} at {replica['where']}")
            elif case.now - updated > max(case.settings.max_age, 3600.0):
                poor.append(f"{one['name']} was last updated {span(case.now - updated)} ago at {replica['where']}")
    if poor:
        return "poor", poor[0], {"poor": poor[:20]}
    return "good", f"every input has a quality of at least {case.settings.input_quality:g} and is fresh", {"oldest": iso(int(oldest))}


def recent_change(case: CaseFile) -> Answer:
    """Whether something was changed shortly before the alert began, and whether there is a way back."""
    changes = case.need("changes")
    began = _began(case)
    first = began - case.settings.changed_within
    found = []
    for one in changes["items"]:
        at = when(one.get("at"))
        if at is None:
            raise NotKnown(f"{one['what']} does not say when it was changed")
        if at > case.now + 300:
            raise NotKnown(f"{one['what']} was changed in the future; compare the clocks")
        if first <= at <= began + _LATE:
            found.append((at, f"{one['what']} {span(max(0.0, began - at))} before the alert"))
    if not found:
        if doubts := case.doubts("changes"):
            raise NotKnown(f"not everything that may have changed was read: {doubts[0]}")
        return "unchanged", f"nothing was changed in the {span(case.settings.changed_within)} before the alert", {}
    found.sort(reverse=True)
    return "changed", "; ".join(text for _at, text in found[:3]), {"changes": [text for _at, text in found[:20]]}


def _began(case: CaseFile) -> float:
    """When the trouble began, as far as the alert says."""
    starts = case.need("alert").get("starts_at")
    if starts is None:
        raise NotKnown("the alert does not say since when it fires, so no change can be called recent")
    began = a_number(starts, "the start of the alert")
    if began > case.now + 120:
        raise NotKnown("the alert begins in the future; compare the clocks")
    return began


def proven_way_back(case: CaseFile) -> Answer:
    """Whether there is a revision that is proven good and is not the present one."""
    changes = case.need("changes")
    if changes.get("proofs_problem"):
        raise NotKnown(f"which revisions are proven good can't be read: {as_text(changes['proofs_problem'])}")
    target = changes.get("target")
    if not isinstance(target, Mapping):
        return "none", as_text(changes.get("target_problem") or "no other revision is proven good"), {}
    revision = int(a_number(target["revision"], "the revision to go back to"))
    would = [as_text(one) for one in target.get("would_change") or ()]
    return (
        "proven",
        f"revision {revision} of {as_text(target.get('created'))} is proven good",
        {"revision": revision, "current": target.get("current"), "would_change": would},
    )


def canonical_digest(document: Any) -> str:
    """Of the content, whatever the order and the blanks.  Raises SalvageError(invalid)."""
    return digest(canonical(document))
