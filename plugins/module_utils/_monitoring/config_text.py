# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a change: where it is, what it was and becomes, and whether a Prometheus has loaded it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import SalvageError
from .._manifests.yaml_text import documents
from .._prometheus.configuration import check_configuration, check_scrape_configs, scrape_jobs, unlike_jobs, unlike_loaded
from .._prometheus.rules import RuleGroup, wanted_groups
from .configured import OPERATOR, ConfiguredBy

# The API server takes no ConfigMap or Secret with more, and the operator puts no more than half of it into one ConfigMap of rules.
MOST_BYTES, MOST_RULES = 1 << 20, 1 << 19


@dataclass(frozen=True)
class ConfigText:
    """A configuration, or only its scrape configs (``jobs_only``), as it is written and as it is read."""

    text: str
    parsed: Any
    jobs_only: bool
    broken: str = ""  # why it can't be read

    def unlike(self, loaded: Any, gone: Sequence[str] = ()) -> str:
        """How a loaded configuration differs; empty if it does not."""
        if self.broken:
            return self.broken
        if self.jobs_only:
            return unlike_jobs(self.parsed, gone, loaded)
        found = unlike_loaded(self.parsed, loaded)
        return f"the configuration has another {found.strip('.') or 'form'}" if found else ""


def read_config(text: str, where: str, *, jobs_only: bool) -> ConfigText:
    """Raises SalvageError(bad_input)."""
    found = documents(text, where)
    if len(found) > 1:
        raise SalvageError(f"{where} has {len(found)} YAML documents; write one", reason="bad_input")
    return ConfigText(text, found[0].value if found else [] if jobs_only else {}, jobs_only)


def config_of_before(text: str, *, jobs_only: bool) -> ConfigText:
    """One that is there; it may be broken, and Prometheus runs on with an older one."""
    try:
        return read_config(text, "the configuration of before", jobs_only=jobs_only)
    except SalvageError as exc:
        return ConfigText(text, None, jobs_only, broken=str(exc))


def check_config(config: ConfigText, where: str) -> None:
    """What is known to be wrong without Prometheus.  Raises SalvageError(bad_input)."""
    if config.jobs_only:
        check_scrape_configs(config.parsed, where)
    else:
        check_configuration(config.parsed, where)


@dataclass(frozen=True)
class ConfigWanted:
    """What replaces what."""

    new: ConfigText
    old: ConfigText

    @property
    def removed(self) -> frozenset[str]:
        """The jobs that go."""
        return frozenset(scrape_jobs(self.old.parsed)) - frozenset(scrape_jobs(self.new.parsed))

    @property
    def means_the_same(self) -> bool:
        return bool(self.new.parsed == self.old.parsed) and self.new.broken == self.old.broken

    def problem(self, loaded: Any) -> str:
        """What keeps a loaded configuration from being the new one."""
        return self.new.unlike(loaded, sorted(self.removed))

    def may_be_old(self, loaded: Any) -> bool:
        """Whether nothing in it is unlike the old one, as where the new one only lacks a field of the old one."""
        added = frozenset(scrape_jobs(self.new.parsed)) - frozenset(scrape_jobs(self.old.parsed))
        return not self.old.unlike(loaded, sorted(added))


@dataclass(frozen=True)
class LoadWanted:
    """What each replica should have loaded: groups of rules by what is in the name of their file, and the configuration."""

    rules: Mapping[str, Sequence[RuleGroup]] = field(default_factory=dict)
    config: ConfigWanted | None = None


def groups_of_file(text: str, where: str) -> list[RuleGroup]:
    """Of a file of rules.  Raises SalvageError(bad_input)."""
    found = documents(text, where)
    if len(found) != 1:
        raise SalvageError(f"{where} is not a file of rules; write groups with name and rules", reason="bad_input")
    return wanted_groups(found[0].value, where)


def check_size(sizes: Mapping[str, int], where: ConfiguredBy | str) -> None:
    """``sizes``: bytes by key, of the whole object as it will be.  Raises SalvageError(bad_input)."""
    total = sum(sizes.values())
    if total > MOST_BYTES:
        largest = max(sizes, key=lambda key: sizes[key])
        raise SalvageError(
            f"{where} would have {total} bytes, and holds {MOST_BYTES}; {largest} has {sizes[largest]}, split it or remove something",
            reason="bad_input",
        )


def refuse_known_jobs(config: ConfigWanted, loaded: Any, where: ConfiguredBy) -> None:
    """A job of the operator's own with the name of a new one keeps Prometheus from loading either.  Raises SalvageError(bad_input)."""
    if where.kind == OPERATOR:
        twice = sorted((scrape_jobs(config.new.parsed).keys() - scrape_jobs(config.old.parsed).keys()) & scrape_jobs(loaded).keys())
        if twice:
            raise SalvageError(f"{where} has the job {twice[0]} already, from a monitor; use another job_name", reason="bad_input")
