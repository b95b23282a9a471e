# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of single providers until a given time, as two policy files of their own beside the others.  Pure.

They add to the package's ``deny``; whether that binds, the fixtures and the replay show before it is in force.  Each ends by itself: the
rule looks at the clock, and the next run of the module takes the entry out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._core.errors import SalvageError
from ..._core.options import option
from ..._opa.policy_files import Files
from ..log.decision_log import PROVIDER_FIELDS, timestamp

DATA_FILE = "meta_salvage_restrictions.rego"
RULE_FILE = "meta_salvage_restrictions_rule.rego"
_MARK = "active := "


@dataclass(frozen=True)
class Restriction:
    provider: str = option()
    until: str = option()
    reason: str = option()

    def ends(self) -> float:
        return timestamp(self.until) or 0.0

    def to_dict(self) -> dict[str, str]:
        return {"provider": self.provider, "until": self.until, "reason": self.reason}


def parse_restriction(data: Mapping[str, Any]) -> Restriction:
    """Raises SalvageError(bad_input)."""
    provider, until, reason = (str(data.get(name) or "") for name in ("provider", "until", "reason"))
    reason = " ".join(reason.split())
    if not provider.strip() or not reason:
        raise SalvageError("a restriction needs a provider and a reason", reason="bad_input")
    if timestamp(until) is None:
        raise SalvageError(
            f"the restriction of {provider} ends at {until!r}, which is not a time such as 2026-11-24T14:00:00Z", reason="bad_input"
        )
    return Restriction(provider, until, reason)


def present(files: Files) -> list[Restriction]:
    """The restrictions that the files hold.  Raises SalvageError(invalid) where they can't be read."""
    text = files.get(DATA_FILE)
    if text is None:
        return []
    try:
        line = next(line for line in text.splitlines() if line.startswith(_MARK))
        return [parse_restriction(item) for item in json.loads(line[len(_MARK) :])]
    except (StopIteration, ValueError, TypeError, AttributeError):
        raise SalvageError(f"{DATA_FILE} was changed by hand and can't be read; remove it from the policies", reason="invalid") from None


def changed(
    now_active: Iterable[Restriction], add: Iterable[Restriction], lift: Iterable[str], now: float
) -> tuple[list[Restriction], list[Restriction], list[Restriction]]:
    """(active, added, ended): what is in force then.  One that is active already keeps its end unless a later or earlier one is given."""
    lifted = set(lift)
    before = {item.provider: item for item in now_active}
    wanted = {item.provider: item for item in add}
    for item in wanted.values():
        if item.ends() <= now:
            raise SalvageError(f"the restriction of {item.provider} would end at {item.until}, which is past", reason="bad_input")
    after = {name: item for name, item in {**before, **wanted}.items() if item.ends() > now and (name not in lifted or name in wanted)}
    added = [item for name, item in after.items() if before.get(name) != item]
    ended = [item for name, item in before.items() if name not in after]
    return sorted(after.values(), key=lambda item: item.provider), added, ended


def without(files: Files) -> dict[str, str]:
    return {name: text for name, text in files.items() if name not in {DATA_FILE, RULE_FILE}}


def with_restrictions(files: Files, active: Iterable[Restriction], package: str, fields: Iterable[str] = PROVIDER_FIELDS) -> dict[str, str]:
    """The files with exactly these restrictions."""
    items = [item.to_dict() for item in active]
    if not items:
        return without(files)
    places = json.dumps([name.split(".") for name in fields])
    heading = "# Written by peace_bonds_policy: restrictions that end by themselves.\npackage euystacio.restrictions\n"
    data = f"{heading}\n{_MARK}{json.dumps(items)}\n"
    rule = f"""# Written by peace_bonds_policy.
package {package.strip("/").replace("/", ".")}

import rego.v1

deny contains message if {{
  some restriction in data.euystacio.restrictions.active
  some place in {places}
  object.get(input, place, null) == restriction.provider
  time.now_ns() < time.parse_rfc3339_ns(restriction.until)
  message := sprintf("Restricted until %s: %s", [restriction.until, restriction.reason])
}}
"""
    return {**files, DATA_FILE: data, RULE_FILE: rule}
