# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of single providers, until a given time or until they are lifted, as two policy files beside the others.  Pure.

They add to the package's ``deny``, and ``must_deny`` makes the fixtures that prove that this binds.  A restriction ends by itself: the
rule looks at the clock, and the next run of the module removes the entry.  An end that can't be read does not end it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._core.errors import SalvageError, shown
from ..._core.options import option
from ..._core.times import rfc3339
from ..._opa.decide import one_line
from ..._opa.decision_log import PROVIDER_FIELDS
from ..._opa.policy_files import Files
from .fixtures import Fixture

DATA_FILE = "meta_salvage_restrictions.rego"
RULE_FILE = "meta_salvage_restrictions_rule.rego"
_ACTIVE = "active := "
_FIELDS = "fields := "
_LATEST = 2**63 - 1  # nanoseconds: OPA can't parse a later time
_SOON = 30.0  # seconds; a restriction that ends this soon may end while it is being proven
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,99})")
# What trim_space of OPA removes; Python's strip() removes more.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


@dataclass(frozen=True)
class Restriction:
    """Without ``until``, it stays until it is lifted."""

    provider: str = option()
    reason: str = option()
    until: str | None = option(None)

    def ends(self) -> float:
        """In seconds.  An end that OPA can't parse does not end it there, so it does not here."""
        end = rfc3339(self.until)
        return math.inf if end is None or end > _LATEST else end / 1e9

    @property
    def message(self) -> str:
        """The deny reason."""
        return f"Restricted until {self.until or 'it is lifted'}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        return {"provider": self.provider, "until": self.until, "reason": self.reason}


def provider_text(provider: object) -> str:
    """A provider's id as the rule compares it: text, without spaces around it."""
    return str(provider).strip(_SPACES)


def parse_restriction(data: Mapping[str, Any]) -> Restriction:
    """A restriction that a user asks for.  Raises SalvageError(bad_input)."""
    item = _read(data)
    if item.until is None:
        return item
    end = rfc3339(item.until)
    if end is None or end > _LATEST:
        why = "not a time such as 2026-11-24T14:00:00Z (in quotes)" if end is None else "later than OPA can read (April 2262)"
        raise SalvageError(
            f"the restriction of {one_line(item.provider, 80)} ends at {shown(item.until)}, which is {why};"
            " to restrict the provider until the restriction is lifted by name, leave until out",
            reason="bad_input",
        )
    return item


def _read(data: Mapping[str, Any]) -> Restriction:
    given, until = data.get("provider"), data.get("until")
    provider = "" if given is None else provider_text(given)
    reason = " ".join(str(data.get("reason") or "").split())
    if not provider or not reason:
        raise SalvageError("a restriction needs a provider and a reason", reason="bad_input")
    return Restriction(provider, reason, None if until is None else str(until))


def parse_restrictions(given: Iterable[Mapping[str, Any]]) -> list[Restriction]:
    """Raises SalvageError(bad_input), also for a provider that is given twice."""
    found: dict[str, Restriction] = {}
    for item in map(parse_restriction, given):
        if item.provider in found:
            raise SalvageError(f"the restriction of {one_line(item.provider, 80)} is given twice; give it once", reason="bad_input")
        found[item.provider] = item
    return list(found.values())


def present(files: Files) -> list[Restriction]:
    """The restrictions that the files hold, also with an end that can't be read.  Raises SalvageError(invalid) if they can't be read."""
    if DATA_FILE not in files:
        return []
    try:
        return [_read(item) for item in _line(files, _ACTIVE)]
    except (StopIteration, ValueError, TypeError, AttributeError, RecursionError, SalvageError):
        raise SalvageError(f"{DATA_FILE} was changed by hand and can't be read; remove it from the policies", reason="invalid") from None


def _line(files: Files, mark: str) -> Any:
    line = next(line for line in files[DATA_FILE].split("\n") if line.startswith(mark))
    return json.loads(line[len(mark) :])


def _fields(files: Files) -> list[str]:
    """Where the restrictions in force look for the provider."""
    try:
        return [".".join(place) for place in _line(files, _FIELDS)]
    except (KeyError, StopIteration, ValueError, TypeError, RecursionError):
        return []


def changed(
    now_active: Iterable[Restriction], add: Iterable[Restriction], lift: Iterable[str], now: float
) -> tuple[list[Restriction], list[Restriction], list[Restriction]]:
    """(active, added, ended): what is in force then.  One that is active already keeps its end unless a later or earlier one is given."""
    lifted = {provider_text(name) for name in lift}
    before = {item.provider: item for item in now_active}
    wanted = {item.provider: item for item in add}
    for item in wanted.values():
        if item.ends() <= now:
            raise SalvageError(
                f"the restriction of {one_line(item.provider, 80)} would end at {item.until}, which is past", reason="bad_input"
            )
    after = {name: item for name, item in {**before, **wanted}.items() if item.ends() > now and (name not in lifted or name in wanted)}
    added = [item for name, item in after.items() if before.get(name) != item]
    ended = [item for name, item in before.items() if name not in after]
    return sorted(after.values(), key=lambda item: item.provider), added, ended


def without(files: Files) -> dict[str, str]:
    return {name: text for name, text in files.items() if name not in {DATA_FILE, RULE_FILE}}


def with_restrictions(
    files: Files, active: Iterable[Restriction], package: str, fields: Iterable[str] = PROVIDER_FIELDS, in_force: Files | None = None
) -> dict[str, str]:
    """The files with exactly these restrictions.

    ``in_force``: the policies with the earlier restrictions, which must bind as widely as before.  Raises SalvageError(bad_input).
    """
    items = [{**{key: value for key, value in item.to_dict().items() if value is not None}, "message": item.message} for item in active]
    if not items:
        return without(files)
    heading = f"package {package.strip('/').replace('/', '.')}\n"
    earlier = (in_force or {}).get(RULE_FILE)
    if earlier is not None and f"\n{heading}" not in earlier:
        theirs = next((line for line in earlier.splitlines() if line.startswith("package ")), "another package")
        raise SalvageError(
            f"the restrictions in force deny in {theirs}, not in package {package}; set package to theirs, or lift them first",
            reason="bad_input",
        )
    places = [name.split(".") for name in dict.fromkeys((*fields, *_fields(in_force or {})))]
    data = f"""# Written by peace_bonds_policy: restrictions of single providers.
package euystacio.restrictions

{_ACTIVE}{json.dumps(items)}

{_FIELDS}{json.dumps(places)}
"""
    rule = f"""# Written by peace_bonds_policy.
{heading}
import rego.v1

deny contains object.get(restriction, "message", "Restricted") if {{
  names := {{trim_space(sprintf("%v", [value])) |
    some place in data.euystacio.restrictions.fields
    walk(object.get(input, place, null), [_, value])
    value != null
  }}
  some restriction in data.euystacio.restrictions.active
  trim_space(sprintf("%v", [restriction.provider])) in names
  # An end that OPA can't parse ends nothing.
  ended := [true | time.now_ns() >= time.parse_rfc3339_ns(object.get(restriction, "until", ""))]
  count(ended) == 0
}}
"""
    return {**files, DATA_FILE: data, RULE_FILE: rule}


def must_deny(files: Files, bases: Sequence[Mapping[str, Any]], now: float, *, alone: bool = False) -> list[Fixture]:
    """What proves the restrictions of these files: each in each field of the input, as text and as a number, denied for its reason.

    ``bases`` are inputs that are allowed but for the restriction; without one, only the reason is proven.  With ``alone`` they name no
    other provider: what a pod is asked is in its decision log, where it must not count as a denial of another.
    """
    fields = _fields(files)
    documents: list[Mapping[str, Any]] = [_nameless(base, fields) if alone else base for base in bases or ({},)]
    return [
        Fixture(
            f"the restriction of {one_line(item.provider, 80)} in {place}",
            _put(base, place.split("."), value),
            False,
            one_line(item.message),
        )
        for item in present(files)
        if item.ends() > now + _SOON
        for place in fields
        for value in _spellings(item.provider)
        for base in documents
    ]


def _nameless(document: Mapping[str, Any], fields: Iterable[str]) -> Mapping[str, Any]:
    for name in fields:
        document = _without(document, name.split("."))
    return document


def _without(document: Mapping[str, Any], place: Sequence[str]) -> Mapping[str, Any]:
    first, *rest = place
    inner = document.get(first)
    if rest and isinstance(inner, Mapping):
        return {**document, first: _without(inner, rest)}
    return {key: value for key, value in document.items() if key != first} if not rest else document


def _spellings(provider: str) -> list[Any]:
    return [provider, f" {provider}\n", *([int(provider)] if _INTEGER.fullmatch(provider) else [])]


def _put(document: Mapping[str, Any], place: Sequence[str], value: Any) -> dict[str, Any]:
    if len(place) == 1:
        return {**document, place[0]: value}
    inner = document.get(place[0])
    return {**document, place[0]: _put(inner if isinstance(inner, Mapping) else {}, place[1:], value)}
