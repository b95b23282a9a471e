# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One policy change, from the options to the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..._core.errors import SalvageError
from ..._core.options import option
from ..._opa import log_sources as sources
from ..._opa.command import Engine, RunCommand
from ..._opa.decision_log import MAX_NAME
from ..._opa.policy_files import (
    DATA_FILE,
    Files,
    changed_files,
    content,
    published,
    refuse_reserved_files,
    revision,
    tests,
    text_of,
    with_data,
)
from . import restrict
from .fixtures import Fixture
from .policy_gate import Rules, examine_policy, read_policy_folder, unproven_restrictions
from .publish import Publisher, RefusedError, State, Target
from .replay import Replay

_WEAK_PROOF = (
    "no fixture and no replayed decision is allowed, so it is proven only that the policies give the restrictions as a reason to deny,"
    " not that allow depends on it; add a fixture that is allowed"
)
_ONLY_RESTRICTIONS = (
    "differs from the policies in force only in its restrictions, so nothing was changed: restrictions end at their time or when"
    " restrictions_lifted names them; for earlier policies, name their revision"
)


@dataclass(frozen=True)
class PolicyOptions(Target, Rules):
    state: str = option("present", choices=["validated", "present", "reverted"])
    policy_files: dict[str, Any] | None = option(None)
    policy_dir: str | None = option(None, type="path")
    policy_data: dict[str, Any] | None = option(None)
    data_file: str = option(DATA_FILE)
    restrictions: list[restrict.Restriction] | None = option(None)
    restrictions_lifted: list[str] | None = option(None)
    test_dir: str | None = option(None, type="path")
    fixtures: list[Fixture] = option([])
    decision_logs: list[str] = option([])
    decisions_of_pods: bool = option(False)
    decisions_since: float | None = option(None)
    compare_with: str = option("recorded", choices=["recorded", "current"])
    revision: str | None = option(None)
    opa_binary: str = option("opa", type="path")
    opa_timeout: float = option(120.0)
    rego_version: str = option("v1", choices=["v0", "v1"])


class PolicyChange:
    """``result`` holds what is known so far, also when ``run`` raises."""

    def __init__(
        self, options: PolicyOptions, publisher: Callable[[], Publisher], *, check_mode: bool = False, run_command: RunCommand | None = None
    ) -> None:
        self.options = options
        self.check_mode = check_mode
        self.result: dict[str, Any] = {"changed": False}
        self._run_command = run_command
        self._connect = publisher

    @cached_property
    def _publisher(self) -> Publisher:
        """Connects to the cluster; a check of a candidate alone does without."""
        return self._connect()

    @cached_property
    def _engine(self) -> Engine:
        options = self.options
        return Engine(options.opa_binary, rego=options.rego_version, timeout=options.opa_timeout, run_command=self._run_command)

    def run(self) -> None:
        """Raises SalvageError."""
        if self.options.state == "reverted":
            self._revert()
            return
        state = self._state_if_needed()
        own = self._given()
        files = dict(own) if own is not None else (dict(state.files) if state else {})
        if self.options.policy_data:
            files = with_data(files, self.options.policy_data, self.options.data_file)
        files = self._restrict(files, state)
        published(files)  # refuses what can't be a ConfigMap before anything else is done
        self._describe(state, files)
        if own is None and not self.options.policy_data and not self.options.restrictions and not self.result["changed_files"]:
            return  # nothing was asked for but what is so already
        if self.options.state == "present" and state is not None and self._is_in_force(state, files):
            self._prove(files)
            return
        self._examine(files, state)
        if self.options.state == "present" and state is not None:
            self._publish(state, files)

    def _given(self) -> Files | None:
        """The candidate's own files, None where only data changes."""
        given: Files | None = None
        if self.options.policy_files is not None:
            given = {str(name): str(text) for name, text in self.options.policy_files.items()}
        elif self.options.policy_dir:
            given = read_policy_folder(self.options.policy_dir)
        refuse_reserved_files([*(given or {}), self.options.data_file])
        if given is not None:
            return given
        if not self.options.policy_data and self.options.restrictions is None and self.options.restrictions_lifted is None:
            raise SalvageError("nothing to examine: give policy_files, policy_dir, policy_data or restrictions", reason="bad_input")
        return None

    def _restrict(self, files: dict[str, str], state: State | None) -> dict[str, str]:
        """The candidate's restrictions: those in force stay, whoever brings new policies or earlier ones, until they end or are lifted."""
        add = restrict.parse_restrictions(item.to_dict() for item in self.options.restrictions or [])
        if state is None and not add:
            return files  # what is in force is not known
        in_force = state.files if state is not None else {}
        active, added, ended = restrict.changed(restrict.present(in_force), add, self.options.restrictions_lifted or [], time.time())
        self.result["restrictions"] = [item.to_dict() for item in active]
        self.result["restrictions_added"] = [item.to_dict() for item in added]
        self.result["restrictions_ended"] = [item.to_dict() for item in ended]
        return restrict.with_restrictions(files, active, self.options.package, self.options.provider_fields, in_force)

    @staticmethod
    def _is_in_force(state: State, files: Files) -> bool:
        """Whether these files are what every pod was proven to serve."""
        return state.revision == state.confirmed == revision(files) and not state.pending

    def _state_if_needed(self) -> State | None:
        own = self.options.policy_files is not None or self.options.policy_dir
        if self.options.state == "validated" and own and self.options.compare_with == "recorded" and not self.options.decisions_of_pods:
            return None  # in a pipeline there may be no cluster
        return self._publisher.state()

    def _describe(self, state: State | None, files: Files) -> None:
        self.result["revision"] = revision(files)
        if state is not None:
            self.result["previous_revision"] = state.revision
            self.result["changed_files"] = changed_files(state.files, files)
            self.result["diff"] = {"before": text_of(state.files), "after": text_of(files)}

    def _examine(self, files: Files, state: State | None) -> None:
        options = self.options
        # The log holds decisions under earlier restrictions too, which say nothing about a change of restrictions alone.
        alone = not (options.policy_files or options.policy_dir or options.policy_data)
        found = sources.files(options.decision_logs)
        if options.decisions_of_pods:
            cluster: Any = self._publisher.cluster
            found += sources.pods(cluster, options.namespace, options.label_selector, options.container, since=options.decisions_since)
        verdict = examine_policy(
            self._engine,
            files,
            {**tests(files), **(tests(read_policy_folder(options.test_dir)) if options.test_dir else {})},
            options.fixtures,
            found,
            options,
            compare_with=content(state.files) if state is not None and (options.compare_with == "current" or alone) else None,
        )
        if verdict.replay and alone:
            verdict.refusals += _beyond(verdict.replay, self.result)
        self.result.update(verdict.to_dict())
        if self.result.get("restrictions") and not verdict.bases:
            self.result["warnings"] = [_WEAK_PROOF]
        if verdict.refusals:
            raise _refused(verdict.refusals)
        if state is not None:
            self._publisher.bases = verdict.bases

    def _publish(self, state: State, files: Files, *, reverting: bool = False) -> None:
        self.result["changed"] = True
        if self.check_mode:
            self._publisher.try_out(state, files)
            return
        try:
            self._show(self._publisher.publish(state, files, reverting=reverting))
        except RefusedError as exc:
            self._show(exc.views)
            raise

    def _revert(self) -> None:
        publisher = self._publisher
        state = publisher.state()
        # Without a name 'the one before' is meant once: a second run must not go forth again.
        wanted = self.options.revision or (state.revision if state.reverted_from else state.previous)
        if not wanted:
            raise SalvageError(f"{self.options.config_map} has no revision before; name one", reason="not_found")
        earlier = state.files if wanted == state.revision else publisher.kept(wanted)
        files = self._restrict(dict(earlier), state)
        self._describe(state, files)
        if self._is_in_force(state, files):
            if wanted != state.revision:
                self.result["warnings"] = [f"revision {wanted} {_ONLY_RESTRICTIONS}"]
            self._prove(files)
            return
        if self.result["restrictions"]:
            unproven = unproven_restrictions(self._engine, files, publisher.bases, self.options)
            if unproven:
                raise _refused(unproven)
        self._publish(state, files, reverting=True)

    def _prove(self, files: Files) -> None:
        """What is in force already; a look alone sends no request that changes anything."""
        self._show(self._publisher.look(files) if self.check_mode else self._publisher.prove(files))

    def _show(self, views: Any) -> None:
        self.result["pods"] = [view.to_dict() for view in views]
        self.result["history"] = [
            {"revision": revision(item.get("data") or {}), "since": item["metadata"].get("creationTimestamp")}
            for item in self._publisher.history()
        ]


def _refused(refusals: list[str]) -> SalvageError:
    return SalvageError(f"the policy is refused, nothing was changed: {'; '.join(refusals)}", reason="invalid")


def _beyond(replay: Replay, result: Mapping[str, Any]) -> list[str]:
    """Restrictions must change only the decisions about the named providers."""
    named = {item["provider"][:MAX_NAME] for kind in ("restrictions", "restrictions_ended") for item in result.get(kind, [])}
    others = {name for name in (*replay.newly_allowed, *replay.newly_denied) if restrict.provider_text(name) not in named}
    return [f"restrictions would change decisions of others too: {', '.join(sorted(others)[:5])}"] if others else []
