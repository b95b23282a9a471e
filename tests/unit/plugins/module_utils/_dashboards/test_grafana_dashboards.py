# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of dashboards is checked before, proven loaded or taken back, also after a kill; nothing of others is replaced."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.exec import Container
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.routes import Routes
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.processes import process_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._dashboards import loaded, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._dashboards.site import GrafanaSite
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_grafana import (
    FakeGrafana,
    PromqlReader,
    answer,
    dashboard,
    files,
    pod,
)

SPACE = "/api/v1/namespaces/monitoring"
MAPS = f"{SPACE}/configmaps"
ONE = f"{MAPS}/grafana-dashboard-one"


class Lab:
    def __init__(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.promql = PromqlReader()
        self.grafana = FakeGrafana(api)
        self.executed: list[Sequence[str]] = []
        self._monkeypatch = monkeypatch
        api.owners = True
        kinds = ("Namespace", "Secret", "ConfigMap")
        api.objects["/api/v1"] = {
            "resources": [
                {"name": f"{kind.lower()}s", "kind": kind, "namespaced": kind != "Namespace", "verbs": ["list"]} for kind in kinds
            ]
        }
        api.put("/api/v1/namespaces/monitoring", {"apiVersion": "v1", "kind": "Namespace"})
        api.controller = lambda path: api.objects[path]["metadata"].setdefault("creationTimestamp", "2026-11-24T13:00:00Z")
        self.pods(pod("grafana-1"))
        monkeypatch.setattr(Routes, "cluster", Cluster(api.server, api.http))
        monkeypatch.setattr(Routes, "open", lambda routes, address: self.promql.endpoint)
        monkeypatch.setattr(Container, "run", self.run)
        monkeypatch.setattr(loaded, "_PAUSE", 0.01)

    def pods(self, *listed: dict[str, Any]) -> None:
        for path in [one for one in self.api.objects if one.startswith(f"{SPACE}/pods/")]:
            del self.api.objects[path]
        for one in listed:
            self.api.put(f"{SPACE}/pods/{one['metadata']['name']}", one)

    def with_api(self, *replicas: FakeGrafana) -> None:
        self._monkeypatch.setattr(GrafanaSite, "grafanas", [one.client for one in replicas or (self.grafana,)])

    def run(self, argv: Sequence[str], **_how: Any) -> bytes:
        """What the sidecar's container does."""
        self.executed.append(argv)
        if argv[1] == "/dev/null":
            return b""
        there = files(self.api)
        if self.grafana.deaf or argv[1] not in there:
            raise SalvageError(f"cat failed in container: cat: {argv[1]}: No such file or directory", reason="http_error")
        return there[argv[1]].encode()

    def search(self) -> Any:
        return self.grafana.request("GET", "http://g/api/search", query={"type": "dash-db", "page": "1", "limit": "100"})

    def state(self) -> dict[str, Any]:
        """Every object but the key that signs the journal, without what each write renews."""
        found = copy.deepcopy({path: one for path, one in self.api.objects.items() if not path.endswith("/meta-salvage-proof-key")})
        for one in found.values():
            for field in ("resourceVersion", "managedFields"):
                one.get("metadata", {}).pop(field, None)
        return found


@pytest.fixture
def lab(api: Any, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(api, monkeypatch)


def holder(run: str, pid: int = 0) -> dict[str, Any]:
    process = process_of(pid or os.getpid())
    return {"run": run, "who": run, "machine": process.machine, "pid": process.pid, "started": process.started}


def change(*definitions: Any, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    given = {"definitions": list(definitions), "wait": 0.3, "holder": holder("me"), **options}
    return task.run(given, check_mode=check_mode)


@pytest.mark.parametrize("by", ["file", "api"])
def test_dashboards_are_loaded_once(lab: Lab, by: str) -> None:
    if by == "api":
        lab.with_api()
    planned = change(dashboard(), check_mode=True)
    assert planned["changed"] and planned["counts"]["created"] == 1 and ONE not in lab.api.objects
    done = change(dashboard(), dashboard("two", "Two"), folder="Meta Salvage")
    assert done["changed"] and done["proven_by"] == by and not done["restart_needed"]
    metadata = lab.api.objects[ONE]["metadata"]
    assert metadata["labels"] == {"grafana_dashboard": "1"} and metadata["annotations"] == {"grafana_folder": "Meta Salvage"}
    assert json.loads(lab.api.objects[ONE]["data"]["one.json"]) == dashboard()
    assert not change(dashboard(), dashboard("two", "Two"), folder="Meta Salvage")["changed"]
    assert not [path for path in lab.api.objects if path.endswith("/meta-salvage-dashboards") or "/leases/" in path]
    assert bool(lab.executed) == (by == "file")


def test_a_folder_of_files(lab: Lab, tmp_path: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(dashboard()))
    (tmp_path / "b.json").write_text(json.dumps(dashboard("two", "Two")))
    assert [one["uid"] for one in change(files=[str(tmp_path)], definitions=None)["dashboards"]] == ["one", "two"]


PANEL = dashboard()["panels"][0]
BY_NAME = {**dashboard(), "panels": [{**PANEL, "datasource": "Mimir"}]}
WRONG_TYPE = {**dashboard(), "panels": [{**PANEL, "datasource": {"type": "loki", "uid": "p1"}}]}
NO_CHOICE = {**dashboard(), "panels": [{**PANEL, "datasource": {"type": "prometheus", "uid": "${ds}"}}]}
BAD: dict[str, tuple[list[Any], str]] = {
    "a broken query": ([dashboard(expr="sum(broken")], "the panel 'Up', query 'A': Prometheus refuses the query: 1:8: parse error"),
    "an empty query": ([dashboard(expr=" ")], "query 'A' is empty"),
    "a variable that is not there": ([dashboard(expr='up{a="$nobody"}')], "uses $nobody, which is not a variable"),
    "a datasource that is not there": ([BY_NAME], "uses the datasource 'Mimir', which Grafana does not have"),
    "a datasource of another type": ([WRONG_TYPE], "uses the datasource 'p1' as 'loki', and it is 'prometheus'"),
    "a variable for a datasource that is not there": ([NO_CHOICE], "takes its datasource from $ds, which is not a variable"),
    "a uid twice": ([dashboard(), dashboard(title="Other")], "has the uid one of definitions[0]"),
    "a title twice": ([dashboard(), dashboard("two")], "has the title 'One' of definitions[0]"),
    "a name twice": ([dashboard("A_b"), dashboard("a-b", "Two")], "give one name"),
    "over 1 MB": ([dashboard(description="x" * 1024 * 1024)], "a ConfigMap holds 1048576"),
    "over 1 MB together": ([dashboard(u, u, description="x" * 600_000) for u in "ab"], "bytes together"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dashboard_changes_nothing(lab: Lab, case: str) -> None:
    lab.with_api()
    before = lab.state()
    definitions, words = BAD[case]
    options = {"config_map": "all"} if "together" in case else {}
    with pytest.raises(SalvageError) as caught:
        change(dashboard("good", "Good") if not options else definitions[0], *definitions[bool(options) :], **options)
    assert words.replace("definitions[0]", "definitions[1]") in str(caught.value)
    assert caught.value.reason in {"bad_input", "too_large"} and lab.state() == before
    assert [method for method, _path in lab.api.requests if method != "GET"] == []


def test_a_dashboard_in_another_config_map(lab: Lab) -> None:
    labels = {"grafana_dashboard": "1"}
    text = json.dumps(dashboard())
    lab.api.put(f"{MAPS}/chart", {"kind": "ConfigMap", "metadata": {"labels": labels}, "data": {"x.json": text, "y.json": "{", "z": "[]"}})
    with pytest.raises(SalvageError, match=r"has the uid one of the ConfigMap monitoring/chart, key 'x\.json'"):
        change(dashboard())
    with pytest.raises(SalvageError, match=r"has the title 'One' of the ConfigMap monitoring/chart"):
        change(dashboard("other"))
    assert change(dashboard("other"), folder="Elsewhere")["changed"]


def test_what_grafana_has_from_elsewhere_is_not_replaced(lab: Lab) -> None:
    lab.with_api()
    lab.grafana.saved["one"] = (dashboard(title="By hand"), 3, "")
    with pytest.raises(SalvageError, match="Grafana has the dashboard one, and no ConfigMap") as caught:
        change(dashboard())
    assert caught.value.reason == "conflict" and ONE not in lab.api.objects
    lab.grafana.saved = {"other": (dashboard("other"), 3, "")}
    with pytest.raises(SalvageError, match="has the title 'One' of the dashboard other in Grafana"):
        change(dashboard())


def test_a_datasource_that_nobody_knows(lab: Lab) -> None:
    with pytest.raises(SalvageError, match="nobody knows whether Grafana has it; set grafana_url"):
        change(BY_NAME)
    assert change(BY_NAME, datasources=["Mimir"])["changed"]
    lab.with_api()
    lab.grafana.fault = lambda method, path: answer({"message": "no"}, 403) if path == "/api/datasources" else None
    with pytest.raises(SalvageError, match="name them in datasources"):
        change(dashboard())
    assert not change(BY_NAME, datasources=["Mimir"])["changed"]


def test_queries_of_other_datasources_are_not_for_prometheus(lab: Lab) -> None:
    lab.with_api()
    lab.grafana.datasources.append({"uid": "l1", "name": "Loki", "type": "loki"})
    logs = {**PANEL, "id": 2, "datasource": {"uid": "l1"}, "targets": [{"expr": '{app="broken"} |= "x"'}]}
    assert change({**dashboard(), "panels": [PANEL, logs]})["changed"]
    assert lab.promql.asked == ["sum(up)"]


def test_a_prometheus_that_reads_no_queries_passes_nothing(lab: Lab) -> None:
    lab.promql.status = 404
    with pytest.raises(SalvageError, match="the queries can't be checked, so nothing was changed") as caught:
        change(dashboard())
    assert caught.value.reason == "not_found" and ONE not in lab.api.objects


@pytest.mark.parametrize("by", ["file", "api"])
@pytest.mark.parametrize("existed", [False, True], ids=["new", "changed"])
def test_a_change_that_is_not_loaded_is_taken_back(lab: Lab, existed: bool, by: str) -> None:
    second = FakeGrafana(lab.api, "h")
    if by == "api":
        lab.with_api(lab.grafana, second)
    if existed:
        change(dashboard())
    before = lab.state()
    second.loads = lambda model: {**model, "title": "Other"} if model["title"] == "Newer" else model
    real = lab.run
    if by == "file":  # the sidecar fails at the new file alone
        lab._monkeypatch.setattr(Container, "run", lambda _self, argv, **how: real(argv).replace(b"Newer", b"Other"))
    with pytest.raises(SalvageError, match="it was taken back, and Grafana has what was before") as caught:
        change(dashboard(title="Newer"), dashboard("two", "Two"))
    words = "http://h: the dashboard one has another title" if by == "api" else "is not as it should be in the file /dashboards/one.json"
    assert words in str(caught.value) and caught.value.reason == "timeout"
    assert lab.state() == before


def test_a_login_that_ends_is_not_waited_out(lab: Lab) -> None:
    lab.with_api()
    lab.grafana.fault = lambda method, path: answer({"message": "no"}, 401) if path.endswith("/uid/one") else None
    with pytest.raises(SalvageError, match="answered 401") as caught:
        change(dashboard(), wait=60.0)
    assert "could not be taken back" in str(caught.value) and ONE not in lab.api.objects


def test_what_else_stands_in_the_config_map_stays(lab: Lab) -> None:
    lab.api.put(f"{MAPS}/all", {"kind": "ConfigMap", "apiVersion": "v1", "data": {"readme.txt": "by hand", "x.json": "{"}})
    before = lab.state()
    lab.grafana.deaf = True
    with pytest.raises(SalvageError, match="the change failed"):
        change(dashboard(), config_map="all")
    assert lab.state() == before
    lab.grafana.deaf = False
    change(dashboard(), config_map="all")
    assert sorted(lab.api.objects[f"{MAPS}/all"]["data"]) == ["one.json", "readme.txt", "x.json"]


def test_what_nobody_could_prove_is_not_begun(lab: Lab) -> None:
    before = lab.state()
    lab.with_api()
    lab.grafana.fault = lambda method, path: answer({"message": "no"}, 401) if "/uid/" in path else None
    with pytest.raises(SalvageError, match="the module cannot read what Grafana loads"):
        change(dashboard())
    lab.grafana.silent = True
    with pytest.raises(SalvageError, match="Connection refused"):
        change(dashboard())
    assert lab.state() == before


def test_a_sidecar_that_would_not_take_them(lab: Lab) -> None:
    lab.pods(pod(label="dashboards"))
    with pytest.raises(SalvageError, match="takes only ConfigMaps with the label dashboards=1"):
        change(dashboard())
    assert change(dashboard(), labels={"dashboards": 1, "grafana_dashboard": "1"}, check_mode=True)["changed"]
    lab.pods(pod("a"), pod("b", sidecar=False))
    with pytest.raises(SalvageError, match="only some of the pods"):
        change(dashboard())
    lab.pods()
    with pytest.raises(SalvageError, match="no pod of Grafana runs"):
        change(dashboard())


def test_without_a_sidecar_a_restart_comes_between(lab: Lab) -> None:
    lab.pods(pod(sidecar=False, config_map="grafana-dashboards"))
    with pytest.raises(SalvageError, match="have no sidecar"):
        change(dashboard())
    with pytest.raises(SalvageError, match="only the API shows"):
        change(dashboard(), config_map="grafana-dashboards")
    lab.with_api()
    lab.grafana.deaf = True
    one = {"config_map": "grafana-dashboards"}
    done = change(dashboard(), **one)
    assert done["restart_needed"] and done["proven_by"] == ""
    assert any(path.endswith("/meta-salvage-dashboards") for path in lab.api.objects)
    lab.grafana.deaf = False  # the restart
    again = change(dashboard(), **one)
    assert (again["changed"], again["restart_needed"], again["proven_by"]) == (False, False, "api")
    assert not any(path.endswith("/meta-salvage-dashboards") for path in lab.api.objects)
    lab.grafana.deaf = True
    before = lab.state()
    assert change(dashboard(title="Newer"), **one)["restart_needed"]
    with pytest.raises(SalvageError, match="it was taken back, and Grafana, once it is restarted, has what was before"):
        change(dashboard(title="Newer"), **one)  # the restart did not help
    assert lab.state() == before
    assert change(dashboard(title="Newer"), **one)["restart_needed"]
    lab.pods()  # it does not start again
    done = change(state="reverted", **one)
    assert (done["changed"], done["restart_needed"]) == (True, True) and "no pod of Grafana runs" in done["notes"][0]
    lab.pods(pod(sidecar=False, config_map="grafana-dashboards"))
    assert lab.state() == before and not change(state="reverted", **one)["changed"]


def killed(*_arguments: Any) -> list[str]:
    raise KeyboardInterrupt


def test_what_a_killed_run_left_is_taken_back_by_the_next(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    change(dashboard())
    before = lab.state()

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(task, "wait_loaded", killed)
        change(dashboard(title="Half"), dashboard("new", "New"), holder=holder("killed"))
    assert lab.state() != before
    # A title of what is left over does not stand in the way.
    assert change(dashboard("other", "New"), dashboard())["notes"] == ["took back what the run killed left half done"]
    assert f"{MAPS}/grafana-dashboard-new" not in lab.api.objects


def test_a_killed_run_leaves_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    change(dashboard())
    before = lab.state()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(task, "wait_loaded", killed)
        change(dashboard(title="Half"), dashboard("new", "New"), holder=holder("killed"))
    done = change(dashboard())
    assert done["notes"] == ["took back what the run killed left half done"] and lab.state() == before


@pytest.mark.parametrize("late", [1, 5, 20])
def test_a_grafana_that_loads_late_does_not_show_the_half_after_the_proof(lab: Lab, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """What it still shows from before the change proves nothing."""
    lab.with_api()
    change(dashboard())
    lab.grafana.late.after = late
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(task, "wait_loaded", killed)
        change(dashboard(title="Half"), dashboard("new", "New"), holder=holder("killed"))
    assert change(dashboard(), wait=5.0)["notes"] == ["took back what the run killed left half done"]
    shown = [{one["uid"]: one["title"] for one in json.loads(lab.search().body)} for _time in range(3 * late)]
    assert shown == [{"one": "One"}] * 3 * late


def test_what_grafana_never_loads_is_taken_back_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.with_api()
    change(dashboard())
    before = lab.state()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(task, "wait_loaded", killed)
        change(dashboard(title="Half"), holder=holder("killed"))
    lab.grafana.deaf = True
    late, done = change(dashboard())["notes"]
    assert late.startswith("Grafana did not show in time what the run killed wrote, and may show it for a moment: http://g: the dash")
    assert done == "took back what the run killed left half done"
    assert lab.state() == before


def test_of_two_runs_the_second_says_who_is_first(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    inner: list[SalvageError] = []

    def meanwhile(*_arguments: Any) -> list[str]:
        with pytest.raises(SalvageError) as caught:
            change(dashboard(), holder=holder("second"))
        inner.append(caught.value)
        return []

    monkeypatch.setattr(task, "wait_loaded", meanwhile)
    change(dashboard())
    assert "is locked by me" in str(inner[0]) and inner[0].reason == "conflict"


BAD_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no wait": ({"wait": 0.0}, "wait is 0"),
    "no address": ({"through": "api"}, "grafana_url is not set"),
    "no Prometheus": ({"prometheus_url": ""}, "no query can be checked"),
    "no labels": ({"labels": {}}, "labels is empty"),
    "no selector": ({"grafana_selector": ""}, "grafana_selector is empty"),
    "a folder that leads elsewhere": ({"folder": "../../etc"}, "folder is '../../etc'"),
    "two logins": ({"grafana_token": "x", "grafana_username": "y", "grafana_password": "z"}, "two logins"),
    "half a login": ({"grafana_username": "y"}, "go together"),
    "a login that does not arrive": ({"grafana_token": "x", "grafana_url": "service://a/b:80"}, "use forward:// instead of"),
    "no holder": ({"holder": None}, "holder is missing"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_options_that_cannot_be_meant(lab: Lab, case: str) -> None:
    options, words = BAD_OPTIONS[case]
    with pytest.raises(SalvageError) as caught:
        change(dashboard(), **options)
    assert words in str(caught.value) and caught.value.reason == "bad_input"


# --- through the API


def by_api(*definitions: Any, **options: Any) -> dict[str, Any]:
    return change(*definitions, through="api", grafana_url="http://g", **options)


def test_dashboards_are_saved_by_the_api_once(lab: Lab) -> None:
    lab.with_api()
    assert by_api(dashboard(), check_mode=True)["changed"] and lab.grafana.saved == {}
    done = by_api(dashboard(), folder="Meta Salvage")
    assert done["changed"] and done["proven_by"] == "api" and done["counts"]["created"] == 1
    assert lab.grafana.saved["one"] == (dashboard(), 1, "f1")
    assert not by_api(dashboard(), folder="Meta Salvage")["changed"]
    assert by_api(dashboard(title="Newer"))["counts"]["changed"] == 1
    assert lab.grafana.saved["one"][1] == 2 and lab.api.writes == []
    with pytest.raises(SalvageError, match="no folder Nowhere"):
        by_api(dashboard(), folder="Nowhere")


def test_a_save_that_fails_puts_the_others_back(lab: Lab) -> None:
    lab.with_api()
    by_api(dashboard())
    saves = iter([None, answer({"message": "no"}, 500)])
    lab.grafana.fault = lambda method, path: next(saves, None) if method == "POST" else None
    with pytest.raises(SalvageError, match=r"the change failed; it was put back: .*answered 500"):
        by_api(dashboard(title="Newer"), dashboard("two", "Two"))
    assert lab.grafana.saved["one"][0] == dashboard() and "two" not in lab.grafana.saved
    lab.grafana.fault = lambda method, path: None
    lab.grafana.loads = lambda model: {**model, "panels": []} if model["uid"] == "three" else model
    with pytest.raises(SalvageError, match=r"put back: the dashboard three has another number of panels|others have changed"):
        by_api(dashboard("three", "Three"))


def test_of_two_who_save_at_once_one_wins(lab: Lab) -> None:
    lab.with_api()
    by_api(dashboard())

    def between(method: str, path: str) -> None:
        if method == "POST" and lab.grafana.saved["one"][1] == 1:
            lab.grafana.saved["one"] = (dashboard(title="Theirs"), 2, "")

    lab.grafana.fault = between
    with pytest.raises(SalvageError, match=r"nothing was changed: .*changed by someone else") as caught:
        by_api(dashboard(title="Ours"))
    assert caught.value.reason == "conflict" and lab.grafana.saved["one"][0]["title"] == "Theirs"


def test_a_dashboard_of_a_file_is_not_saved(lab: Lab) -> None:
    lab.with_api()
    change(dashboard())
    with pytest.raises(SalvageError, match="Grafana has the dashboard one from a file"):
        by_api(dashboard(title="Newer"))


def test_a_newer_grafana_shows_a_newer_form(lab: Lab) -> None:
    lab.with_api()
    lab.grafana.loads = lambda model: {**model, "schemaVersion": 42, "preload": False}
    assert change(dashboard())["changed"]
    lab.grafana.loads = lambda model: {**model, "schemaVersion": 42, "panels": dashboard(expr="old")["panels"]}
    with pytest.raises(SalvageError, match="has other panels or queries"):
        change(dashboard(title="Newer"))
