# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module grafana_dashboards: what it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import routes
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._grafana.dashboards import dashboard_of
from .._grafana.model import GrafanaDashboard
from .._manifests.before import Before
from .._manifests.model import Item, Manifest, Text
from .._manifests.proven_set import CATCH_UP, ProvenSet, some
from .._manifests.sources import texts_of
from .._workloads.lease import HELD, Holder, locked_by
from .._workloads.lease_store import LeaseStore
from .api_change import ApiChange
from .checks import KnownDatasources, datasource_problems, name_problems, promql_of
from .config_maps import DashboardPlace, OtherDashboard, config_maps, dashboard_key, not_ours
from .loaded import DashboardReader, WantedDashboard, wait_loaded
from .options import API, DashboardOptions
from .site import GrafanaSite

T = TypeVar("T")
MANAGER = "euystacio-dashboards"
JOURNAL = "meta-salvage-dashboards"

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(DashboardOptions), **routes.ARGUMENTS, **PROGRESS_ARGUMENTS},
    "supports_check_mode": True,
}


def run(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    given = from_params(DashboardOptions, params)
    given.check()
    return DashboardTask(params, given, check_mode).perform()


def given_texts(given: DashboardOptions) -> list[Text]:
    """Each file, and each of the definitions.  Raises SalvageError(bad_input)."""
    listed = given.definitions if isinstance(given.definitions, list) else [given.definitions] if given.definitions else []
    found = texts_of(given.files, None, {}, insecure=False) if given.files or not listed else []
    for index, one in enumerate(listed):
        if not isinstance(one, (str, dict)):
            raise SalvageError("definitions must be text, an object, or a list of these", reason="bad_input")
        text = one if isinstance(one, str) else json.dumps(one, indent=2, sort_keys=True)
        found.append(Text(f"definitions[{index}]", text.encode()))
    return found


def _if_dashboard(text: str | None, where: str) -> GrafanaDashboard | None:
    try:
        return None if text is None else dashboard_of(text.encode(), where)
    except SalvageError:
        return None


def _changed(rows: Iterable[tuple[Item, Before]]) -> Iterator[tuple[Item, Before, str, GrafanaDashboard | None, GrafanaDashboard]]:
    """The dashboards that a change has written, each by its key, with what it was."""
    for item, before in rows:
        old, new = (((obj or {}).get("data") or {}) for obj in (before.content, item.live))
        for key in (key for key in {**old, **new} if old.get(key) != new.get(key)):
            was, now = (_if_dashboard(texts.get(key), f"{item.id}, key {key}") for texts in (old, new))
            if now is not None and (was is not None or key not in old):  # what was not a dashboard was never loaded
                yield item, before, key, was, now


class DashboardTask:
    def __init__(self, params: Mapping[str, Any], given: DashboardOptions, check_mode: bool) -> None:
        self._given, self._check_mode = given, check_mode
        self._tell = teller(params.get("progress_path"))
        self._site = GrafanaSite(params, given)
        labels = {str(key): str(value) for key, value in given.labels.items()}
        self._place = DashboardPlace(given.namespace, given.config_map or "", labels, given.folder, given.folder_annotation)
        self._holder = Holder.given(given.holder, "dashboards", "grafana_dashboards")
        self._readers: list[DashboardReader] = []
        self._sidecar = False

    def perform(self) -> dict[str, Any]:
        if self._given.state == "reverted":
            return self._reverted()
        dashboards = [dashboard_of(text.data, text.name) for text in given_texts(self._given)]
        shown = {"dashboards": [{"uid": one.uid, "title": one.title, "source": one.where} for one in dashboards], "restart_needed": False}
        if self._given.through == API:
            return {**self._by_api(dashboards), **shown, "proven_by": "" if self._check_mode else "api"}
        return {**shown, **self._by_config_maps(dashboards)}

    # --- through the API ---

    def _by_api(self, dashboards: Sequence[GrafanaDashboard]) -> dict[str, Any]:
        if len(self._site.grafanas) != 1:
            raise SalvageError("grafana_url leads to several replicas; give one address for all, not service://", reason="bad_input")
        grafana = self._site.grafanas[0]
        grafana.health()
        self._refuse_bad(dashboards, [])
        folder_uid = ""
        if self._given.folder:
            found = [one.uid for one in grafana.search("dash-folder") if one.title == self._given.folder]
            if len(found) != 1:
                says = f"Grafana has {len(found) or 'no'} folder{'s' if found else ''} {self._given.folder}"
                raise SalvageError(f"{says}; create it, or name another", reason="bad_input")
            folder_uid = found[0]
        change = ApiChange(grafana, dashboards, folder_uid, self._holder.run)
        return change.plan() if self._check_mode else change.perform()

    # --- through ConfigMaps ---

    def _by_config_maps(self, dashboards: Sequence[GrafanaDashboard]) -> dict[str, Any]:
        manifests = config_maps(dashboards, self._place)
        change = self._change()
        self._watch()
        self._site.healthy(self._readers)
        change.what = "Grafana" if self._sidecar else "Grafana, once it is restarted,"
        left_over = change.journal.read()
        if left_over is not None and left_over.run != self._holder.run and not self._check_mode:
            self._locked(change.revert_left_over)  # before the checks, which it could fail
        held = self._site.in_config_maps(self._place)
        others = not_ours(held, manifests)
        self._refuse_bad(dashboards, others)
        self._refuse_foreign(dashboards, held, others)
        if self._check_mode:
            return {**change.plan(manifests), "proven_by": ""}
        return self._locked(lambda: self._applied(change, manifests, dashboards))

    def _applied(self, change: ProvenSet, manifests: Sequence[Manifest], dashboards: Sequence[GrafanaDashboard]) -> dict[str, Any]:
        items, result = change.apply(manifests)
        if not self._sidecar and any(item.written for item in items):
            # The journal stays open: the next task of this run proves it, or takes it back.
            notes = [*change.notes, "Grafana has no sidecar, so it has to be restarted"]
            return {**result, "notes": notes, "restart_needed": True, "proven_by": ""}
        by_uid = {dashboard_key(one.uid): one for one in dashboards}

        def prove(written: Sequence[Item]) -> list[str]:
            wanted = [
                WantedDashboard(by_uid[key].uid, by_uid[key], item.document, key) for item in written for key in item.document["data"]
            ]
            return wait_loaded(wanted, self._readers, self._given.wait, self._tell)

        change.settle(items, prove)
        return {**result, "proven_by": "api" if self._site.grafanas else "file"}

    def _change(self) -> ProvenSet:
        cluster, given = self._site.addresses.cluster, self._given
        return ProvenSet(
            cluster, given.namespace, MANAGER, JOURNAL, self._holder.run, "Grafana", self._catch_up, self._prove_back, self._tell,
            spans_tasks=True,
        )  # fmt: skip

    def _catch_up(self, there: Sequence[tuple[Item, Before]]) -> list[str]:
        wanted = [WantedDashboard(now.uid, now, item.live or {}, key) for item, _before, key, _was, now in _changed(there)]
        return wait_loaded(wanted, self._readers, min(self._given.wait, CATCH_UP), self._tell) if self._sidecar else []

    def _prove_back(self, gone_back: Sequence[tuple[Item, Before]]) -> list[str]:
        if not self._sidecar:
            return []  # it is loaded with the next restart
        wanted = [
            WantedDashboard(now.uid, was, before.content or item.live or {}, key) for item, before, key, was, now in _changed(gone_back)
        ]
        return wait_loaded(wanted, self._readers, self._given.wait, self._tell)

    def _reverted(self) -> dict[str, Any]:
        change = self._change()
        journal = change.journal.read()
        try:
            self._watch()
        except SalvageError as exc:  # a Grafana that does not start is a reason to take the dashboards back
            change.notes.append(f"not proven: {exc}")
        if journal is None or self._check_mode:
            return {"changed": journal is not None, "notes": change.notes, "restart_needed": False}

        def work() -> dict[str, Any]:
            problems = change.take_back(journal)
            if problems:
                raise SalvageError(f"what the run {journal.run} left can't be taken back: {some(problems)}", reason="conflict")
            return {"changed": True, "notes": change.notes, "restart_needed": not self._sidecar}

        return self._locked(work)

    # --- checks ---

    def _refuse_bad(self, dashboards: Sequence[GrafanaDashboard], others: Sequence[OtherDashboard]) -> None:
        """Raises SalvageError(bad_input) with what is wrong with the dashboards."""
        known = KnownDatasources(self._site.datasources(), frozenset(self._given.datasources))
        problems = name_problems(dashboards, others, self._site.in_grafana, self._given.folder)
        queries = []
        for one in dashboards:
            problems += datasource_problems(one, known)
            found, wrong = promql_of(one, known)
            queries += found
            problems += wrong
        problems += self._site.refused(queries)
        if problems:
            raise SalvageError(f"nothing was changed: {some(problems)}", reason="bad_input")

    def _refuse_foreign(
        self, dashboards: Sequence[GrafanaDashboard], held: Sequence[OtherDashboard], others: Sequence[OtherDashboard]
    ) -> None:
        """One that Grafana has and no ConfigMap of ours would be replaced, and not come back when ours goes."""
        ours = {one.uid for one in held} - {one.uid for one in others}
        live = {one.uid for one in self._site.in_grafana}
        foreign = [one.uid for one in dashboards if one.uid in live and one.uid not in ours]
        if foreign:
            raise SalvageError(
                f"nothing was changed: Grafana has the dashboard {foreign[0]}, and no ConfigMap of these has it; delete it there, or give"
                " another uid",
                reason="conflict",
            )

    def _watch(self) -> None:
        """How the change is going to be proven.  Raises SalvageError if it never could be."""
        sidecars = self._site.sidecars(self._place)
        self._sidecar = bool(sidecars)
        self._readers = self._site.readers(sidecars)
        name = self._place.config_map
        if not sidecars and not (name and self._site.mounted(name)):
            says = f"do not mount the ConfigMap {name}" if name else "can't mount a ConfigMap for each dashboard"
            raise SalvageError(
                f"the dashboards would never be loaded: the pods of Grafana have no sidecar for dashboards, and {says};"
                " set config_map to the one that they mount",
                reason="bad_input",
            )
        if not self._readers:
            raise SalvageError("without a sidecar only the API shows what Grafana has loaded; set grafana_url", reason="bad_input")

    def _locked(self, work: Callable[[], T]) -> T:
        """Two runs at once: the second one says who is first."""
        store = LeaseStore(self._site.addresses.cluster, "Deployment", self._given.namespace, "grafana-dashboards")
        done = store.take(self._holder, int(self._given.wait * 3) + 300, take_over=self._given.take_over, dry_run=False)
        if done.verdict == HELD and done.before:
            raise SalvageError(locked_by(store.workload, done.before, self._holder), reason="conflict")
        try:
            return work()
        finally:
            store.release(self._holder, dry_run=False)
