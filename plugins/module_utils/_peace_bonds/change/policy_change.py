# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One policy change from the module's options to its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..._core.errors import SalvageError
from ..._core.progress import teller
from ..._opa.command import Engine, RunCommand
from ..._opa.policy_files import Files, changed_files, content, published, revision, tests, text_of, with_data
from ..log import sources
from ..options import connect
from . import restrict
from .policy_gate import Rules, examine, load
from .publish import Fixture, Publisher, RefusedError, State, Target
from .replay import Gates, Replay


class Change:
    """``result`` holds what is known so far, also when ``run`` raises."""

    def __init__(self, params: Mapping[str, Any], *, check_mode: bool = False, run_command: RunCommand | None = None) -> None:
        self.params = params
        self._run_command = run_command
        self.check_mode = check_mode
        self.result: dict[str, Any] = {"changed": False}
        self.fixtures = [Fixture(item["name"], item["input"], item["allow"]) for item in params["fixtures"]]
        self._cluster: Any = None
        self._publisher: Publisher | None = None

    def run(self) -> None:
        """Raises SalvageError."""
        if self.params["state"] == "reverted":
            self._revert()
            return
        state = self._state_if_needed()
        own = self._given()
        files = dict(own) if own is not None else (dict(state.files) if state else {})
        if self.params["policy_data"]:
            files = with_data(files, self.params["policy_data"], self.params["data_file"])
        files = self._restrict(files, state)
        published(files)  # refuses what can't be a ConfigMap before anything else is done
        self._describe(state, files)
        if own is None and not self.params["policy_data"] and not (self.result["restrictions_added"] or self.result["restrictions_ended"]):
            return  # nothing was asked for but what is so already
        known = state is not None and state.revision == revision(files)
        if self.params["state"] == "present" and state is not None and known and state.confirmed == state.revision and not state.pending:
            self._show(self._ask().prove(state.revision))
            return
        self._examine(files, state)
        if self.params["state"] == "present" and state is not None:
            self._publish(state, files)

    def _given(self) -> Files | None:
        """The candidate's own files, None where only data changes."""
        if self.params["policy_files"] is not None:
            return {str(name): str(text) for name, text in self.params["policy_files"].items()}
        if self.params["policy_dir"]:
            return load(self.params["policy_dir"])
        if not self.params["policy_data"] and self.params["restrictions"] is None and self.params["restrictions_lifted"] is None:
            raise SalvageError("nothing to examine: give policy_files, policy_dir, policy_data or restrictions", reason="bad_input")
        return None

    def _restrict(self, files: dict[str, str], state: State | None) -> dict[str, str]:
        """The candidate's restrictions: those in force stay, whoever brings new policies, until they end or are lifted."""
        if state is None:
            return files
        add = [restrict.parse(item) for item in self.params["restrictions"] or []]
        active, added, ended = restrict.changed(restrict.present(state.files), add, self.params["restrictions_lifted"] or [], time.time())
        self.result["restrictions"] = [item.to_dict() for item in active]
        self.result["restrictions_added"] = [item.to_dict() for item in added]
        self.result["restrictions_ended"] = [item.to_dict() for item in ended]
        return restrict.with_restrictions(files, active, self.params["package"], self.params["provider_fields"])

    def _state_if_needed(self) -> State | None:
        own = self.params["policy_files"] is not None or self.params["policy_dir"]
        if (
            self.params["state"] == "validated"
            and own
            and self.params["compare_with"] == "recorded"
            and not self.params["decisions_of_pods"]
        ):
            return None  # in a pipeline there may be no cluster
        return self._ask().state()

    def _ask(self) -> Publisher:
        if self._publisher is None:
            p = self.params
            target = Target(
                namespace=p["namespace"],
                config_map=p["config_map"],
                selector=p["label_selector"],
                deployment=p["deployment"],
                container=p["container"],
                port=p["port"],
                scheme=p["scheme"],
                package=p["package"],
                reload=p["reload"],
                wait_timeout=p["wait_timeout"],
                timeout=p["timeout"],
                history_limit=p["history_limit"],
            )
            self._cluster = connect(p, p["timeout"])
            self._publisher = Publisher(self._cluster, target, self.fixtures, teller(p.get("progress_path")))
        return self._publisher

    def _describe(self, state: State | None, files: Files) -> None:
        self.result["revision"] = revision(files)
        if state is not None:
            self.result["previous_revision"] = state.revision
            self.result["changed_files"] = changed_files(state.files, files)
            self.result["diff"] = {"before": text_of(state.files), "after": text_of(files)}

    def _examine(self, files: Files, state: State | None) -> None:
        p = self.params
        engine = Engine(p["opa_binary"], rego=p["rego_version"], timeout=p["opa_timeout"], run_command=self._run_command)
        found = sources.files(p["decision_logs"])
        if p["decisions_of_pods"]:
            self._ask()
            found += sources.pods(self._cluster, p["namespace"], p["label_selector"], p["container"], since=p["decisions_since"])
        verdict = examine(
            engine,
            files,
            {**tests(files), **(tests(load(p["test_dir"])) if p["test_dir"] else {})},
            self.fixtures,
            found,
            Rules(
                package=p["package"],
                gates=Gates(
                    max_newly_allowed=_limit(p["max_newly_allowed"]),
                    max_newly_denied=_limit(p["max_newly_denied"]),
                    max_newly_unknown=_limit(p["max_newly_unknown"]),
                    max_not_replayable=_limit(p["max_not_replayable"]),
                    min_decisions=p["min_decisions"],
                ),
                min_coverage=p["min_coverage"],
                provider_fields=tuple(p["provider_fields"]),
            ),
            compare_with=content(state.files) if state is not None and p["compare_with"] == "current" else None,
        )
        if verdict.replay and not (p["policy_files"] or p["policy_dir"] or p["policy_data"]):
            verdict.refusals += _beyond(verdict.replay, self.result)
        self.result.update(verdict.to_dict())
        if verdict.refusals:
            raise SalvageError(f"the policy is refused, nothing was changed: {'; '.join(verdict.refusals)}", reason="invalid")

    def _publish(self, state: State, files: Files, *, reverting: bool = False) -> None:
        self.result["changed"] = True
        if self.check_mode:
            self._ask().try_out(state, files)
            return
        try:
            self._show(self._ask().publish(state, files, reverting=reverting))
        except RefusedError as exc:
            self._show(exc.views)
            raise

    def _revert(self) -> None:
        publisher = self._ask()
        state = publisher.state()
        # Without a name 'the one before' is meant once: a second run must not go forth again.
        wanted = self.params["revision"] or (state.revision if state.reverted_from else state.previous)
        if not wanted:
            raise SalvageError(f"{self.params['config_map']} has no revision before; name one", reason="not_found")
        files = state.files if wanted == state.revision else publisher.kept(wanted)
        self._describe(state, files)
        if state.revision == wanted and state.confirmed == wanted and not state.pending:
            self._show(publisher.prove(wanted))
            return
        self._publish(state, files, reverting=True)

    def _show(self, views: Any) -> None:
        self.result["pods"] = [view.to_dict() for view in views]
        self.result["history"] = [
            {"revision": revision(item.get("data") or {}), "since": item["metadata"].get("creationTimestamp")}
            for item in self._ask().history()
        ]


def _limit(value: int) -> int | None:
    return None if value < 0 else value


def _beyond(replay: Replay, result: Mapping[str, Any]) -> list[str]:
    """Restrictions are to change the decisions of those whom they name, and nobody else's."""
    named = {item["provider"] for kind in ("restrictions", "restrictions_ended") for item in result.get(kind, [])}
    others = {*replay.newly_allowed, *replay.newly_denied} - named
    return [f"restrictions would change decisions of others too: {', '.join(sorted(others)[:5])}"] if others else []
