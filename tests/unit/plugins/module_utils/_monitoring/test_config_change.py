# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration is changed where it is, proven loaded by each replica in turn, or taken back; also after a kill at any request."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from typing import Any

import pytest
import yaml
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster import retry
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import config_task, instances, reload, rule_proof
from ansible_collections.euystacio.meta_salvage.tests.unit.fakes.fake_prometheus import FakeConfigured

from .test_rule_change import GROUP, SPACE, KilledError, holder, killed

CORE = "/api/v1/namespaces/monitoring"
MAP, SECRET = f"{CORE}/configmaps/prom", f"{CORE}/secrets/more"
OLD = {"global": {"scrape_interval": "1m"}, "scrape_configs": [{"job_name": "a"}, {"job_name": "b", "scheme": "http"}]}
NEW = {**OLD, "scrape_configs": [{"job_name": "a"}, {"job_name": "b", "scheme": "https"}, {"job_name": "c"}]}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "_PAUSE", 0.01)
    monkeypatch.setattr(instances, "_SYNC", 0.05)
    monkeypatch.setattr(rule_proof, "_MOMENT", 0.03)
    monkeypatch.setattr(reload, "_FIRST", 0.005)
    monkeypatch.setattr(reload, "_RELOADS", 0.01)


def mounted(volume: dict[str, Any], *sidecars: dict[str, str], **mount: str) -> dict[str, Any]:
    container = {
        "name": "prometheus", "image": "prometheus", "args": ["--config.file=/etc/prometheus/prometheus.yml"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus", **mount}], "ports": [{"name": "web", "containerPort": 9090}],
    }  # fmt: skip
    spec = {"containers": [container, *sidecars], "volumes": [{"name": "config", **volume}]}
    return {"kind": "Pod", "metadata": {"labels": {"app": "p"}}, "spec": spec, "status": {"phase": "Running"}}


def connected(api: Any, monkeypatch: pytest.MonkeyPatch, found: list[FakeConfigured]) -> list[FakeConfigured]:
    api.put("/api/v1/namespaces/monitoring", {"apiVersion": "v1", "kind": "Namespace"})
    api.put(f"{CORE}/pods/a", mounted({"configMap": {"name": "prom"}}))
    service = {"kind": "Service", "spec": {"selector": {"app": "p"}, "ports": [{"port": 9090, "targetPort": "web"}]}}
    api.put(f"{CORE}/services/prometheus-operator-kube-p-prometheus", service)
    monkeypatch.setattr(config_task.routes.Routes, "cluster", Cluster(api.server, api.http))
    monkeypatch.setattr(config_task, "_endpoints", lambda addresses, given: [one.replica.endpoint for one in found])
    return found


@pytest.fixture
def both(api: Any, monkeypatch: pytest.MonkeyPatch) -> list[FakeConfigured]:
    """Two that get a ConfigMap, and are told to reload."""
    api.objects[f"{SPACE}/prometheuses"] = {"items": [], "metadata": {}}
    api.put(MAP, {"kind": "ConfigMap", "data": {"prometheus.yml": yaml.safe_dump(OLD), "other": '{"groups": []}'}})
    return connected(api, monkeypatch, [FakeConfigured(api, name, MAP, "prometheus.yml") for name in "ab"])


@pytest.fixture
def operated(api: Any, monkeypatch: pytest.MonkeyPatch) -> list[FakeConfigured]:
    """Two of the operator, with a Secret of scrape configs."""
    spec = {"ruleSelector": {}, "serviceMonitorSelector": {}, "additionalScrapeConfigs": {"name": "more", "key": "jobs.yaml"}}
    prometheus = {"kind": "Prometheus", "metadata": {"name": "main", "namespace": "monitoring"}, "spec": spec}
    api.objects[f"{SPACE}/prometheuses"] = {"items": [prometheus], "metadata": {}}
    api.objects[GROUP] = {"resources": [{"name": "prometheusrules", "kind": "PrometheusRule", "namespaced": True, "verbs": ["list"]}]}
    text = yaml.safe_dump(OLD["scrape_configs"])
    api.put(SECRET, {"kind": "Secret", "data": {"jobs.yaml": base64.b64encode(text.encode()).decode()}})
    return connected(api, monkeypatch, [FakeConfigured(api, name, SECRET, "jobs.yaml", by_hand=False) for name in "ab"])


def run(config: Any = None, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    given = {"config": config, "wait": 0.6, "holder": holder("me"), "files": [], **options}
    return config_task.run(given, lambda argv, **how: (0, "", ""), lambda name: None, check_mode=check_mode)


def jobs(one: FakeConfigured) -> list[str]:
    return [job["job_name"] for job in one.loaded["scrape_configs"]]


def stored(api: Any, path: str, key: str) -> str:
    value = api.objects[path]["data"][key]
    return base64.b64decode(value).decode() if "/secrets/" in path else str(value)


def left(api: Any) -> list[str]:
    return [path for path in api.objects if "/leases/" in path or path.endswith("/meta-salvage-prometheus-config")]


def test_a_configmap_is_changed_once_and_each_replica_is_told(both: list[FakeConfigured], api: Any) -> None:
    text = yaml.safe_dump(NEW)
    planned = run(text, check_mode=True)
    assert planned["changed"] and planned["counts"]["changed"] == 1 and stored(api, MAP, "prometheus.yml") == yaml.safe_dump(OLD)
    result = run(text)
    assert result["changed"] and result["objects"][0]["fields"] == [".data.prometheus.yml"]
    assert result["configured_by"]["kind"] == "configmap"
    assert [jobs(one) for one in both] == [["a", "b", "c"]] * 2 and both[0].told >= 1 and left(api) == []
    told = [one.told for one in both]
    again = run(text)
    assert not again["changed"] and [one.told for one in both] == told


def test_the_scrape_configs_of_the_operator(operated: list[FakeConfigured], api: Any) -> None:
    password = {"job_name": "d", "basic_auth": {"username": "u", "password": "hunter2"}}
    result = run([*NEW["scrape_configs"], password])
    assert result["changed"] and [jobs(one) for one in operated] == [["operator", "a", "b", "c", "d"]] * 2
    assert "hunter2" in stored(api, SECRET, "jobs.yaml") and "hunter2" not in json.dumps(result)
    assert operated[0].told == 0
    assert run([{"job_name": "a"}], max_sample_drop=1.0)["changed"] and jobs(operated[1]) == ["operator", "a"]


DROP = [{"regex": "none", "action": "drop"}]
BAD = {
    "a reload that fails": ([{"job_name": "a"}, {"job_name": "broken"}], "its last reload failed"),
    "no targets": ([{"job_name": "a"}, {"job_name": "b", "metrics_path": "none"}], "no target of b is up, and some were"),
    "targets dropped": ([{"job_name": "a"}, {"job_name": "b", "relabel_configs": DROP}], "no target of b is up, and some were"),
    "few samples": ([{"job_name": "a", "metrics_path": "slow"}, {"job_name": "b", "metrics_path": "slow"}], "samples a second, and"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_taken_back_and_the_second_replica_never_had_it(both: list[FakeConfigured], api: Any, case: str) -> None:
    bad, words = BAD[case]
    both[0].behind, was = 3, [one.loaded for one in both]
    with pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before") as caught:
        run({**OLD, "scrape_configs": bad})
    assert words in str(caught.value) and "http://a: " in str(caught.value) and "http://b did not get it" in str(caught.value)
    assert stored(api, MAP, "prometheus.yml") == yaml.safe_dump(OLD) and left(api) == []
    assert [one.loaded for one in both] == was and set(both[1].had) == {yaml.safe_dump(OLD)}
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_bad_scrape_configs_are_taken_back(operated: list[FakeConfigured], api: Any, case: str) -> None:
    bad, words = BAD[case]
    was = [one.loaded for one in operated]
    with pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before") as caught:
        run(bad)
    assert words in str(caught.value) and left(api) == []
    assert [one.loaded for one in operated] == was


@pytest.mark.parametrize("where", ["both", "operated"])
@pytest.mark.parametrize("lost", [1, 6], ids=["one", "all"])
def test_a_write_with_an_answer_that_is_lost(
    request: pytest.FixtureRequest, api: Any, monkeypatch: pytest.MonkeyPatch, where: str, lost: int
) -> None:
    """The first write went through: it is seen as done, or taken back, and never said to have changed nothing."""
    replicas: list[FakeConfigured] = request.getfixturevalue(where)
    path, key, wish = (MAP, "prometheus.yml", NEW) if where == "both" else (SECRET, "jobs.yaml", NEW["scrape_configs"])
    before, names, answers = stored(api, path, key), jobs(replicas[0]), ["reset after"] * lost
    monkeypatch.setattr(retry.time, "sleep", lambda seconds: None)
    api.stumble = lambda method, at: answers.pop() if method == "PATCH" and at == path and answers else None
    if lost == 1:
        assert run(wish)["changed"] and "c" in jobs(replicas[0])
    else:
        with pytest.raises(SalvageError, match="it was taken back, and Prometheus has what was before"):
            run(wish)
        assert stored(api, path, key) == before and [jobs(one) for one in replicas] == [names] * 2
    assert left(api) == [] and not answers


def test_a_kubelet_that_takes_its_time_and_a_pod_that_is_told_to_look(both: list[FakeConfigured], api: Any) -> None:
    both[0].behind = both[1].behind = 4
    assert run(NEW)["changed"] and [jobs(one) for one in both] == [["a", "b", "c"]] * 2
    both[1].behind = 10_000
    with pytest.raises(SalvageError, match="http://b: the configuration has another scrape_configs"):
        run(OLD, max_sample_drop=1.0)


def test_what_can_not_be_told_apart_waits_for_a_reload_after_the_kubelets_time(both: list[FakeConfigured], api: Any) -> None:
    """Only a field with its default goes, so what is loaded looks the same."""
    both[0].behind = 2
    assert run({**OLD, "scrape_configs": [{"job_name": "a"}, {"job_name": "b"}]})["changed"]
    comment = "# only a comment\n" + yaml.safe_dump({**OLD, "scrape_configs": [{"job_name": "a"}, {"job_name": "b"}]})
    assert run(comment)["changed"]


def test_a_file_that_is_right_and_was_never_loaded(both: list[FakeConfigured], api: Any) -> None:
    """Somebody wrote it, and nobody told Prometheus."""
    api.objects[MAP]["data"]["prometheus.yml"] = yaml.safe_dump(NEW)
    assert not run(yaml.safe_dump(NEW))["changed"] and [jobs(one) for one in both] == [["a", "b", "c"]] * 2
    text = yaml.safe_dump({**NEW, "global": {"scrape_interval": "2m"}})
    api.objects[MAP]["data"]["prometheus.yml"] = text
    both[1].behind = 10_000
    with pytest.raises(SalvageError, match=r"nothing was changed: http://b: the configuration has another global[.]scrape_interval"):
        run(text)


def test_rule_files_beside_the_configuration(both: list[FakeConfigured], api: Any) -> None:
    for one in both:
        one.by_hand = True
    wanted = {**OLD, "rule_files": ["/etc/prometheus/*.rules"]}
    groups = {"groups": [{"name": "g", "rules": [{"record": "a:b", "expr": "vector(1)"}]}]}
    assert run(wanted, rule_files={"my.rules": json.dumps(groups)})["changed"]
    groups["groups"][0]["rules"][0]["expr"] = "fails"  # type: ignore[index]
    with pytest.raises(SalvageError, match="the rule g/a:b fails: many-to-many matching"):
        run(wanted, rule_files={"my.rules": json.dumps(groups)})
    assert "vector(1)" in stored(api, MAP, "my.rules")
    with pytest.raises(SalvageError, match=r"has new[.]yml, and rule_files of the configuration names no such file"):
        run(wanted, rule_files={"new.yml": json.dumps(groups)})
    with pytest.raises(SalvageError, match="the rule g/a:b fails"):
        run(wanted, rule_files={"new.rules": json.dumps(groups)})
    assert "new.rules" not in api.objects[MAP]["data"]


def test_what_others_changed_meanwhile_is_theirs(both: list[FakeConfigured], api: Any) -> None:
    theirs = yaml.safe_dump({**OLD, "scrape_configs": [{"job_name": "theirs"}]})

    def meddle(path: str) -> None:
        if path == MAP and "broken" in api.objects[MAP]["data"]["prometheus.yml"]:
            api.objects[MAP]["data"]["prometheus.yml"] = theirs

    api.controller = meddle
    with pytest.raises(SalvageError, match=r"not taken back: ConfigMap monitoring/prom: prometheus.yml was changed by others since"):
        run({**OLD, "scrape_configs": [{"job_name": "broken"}]})
    assert stored(api, MAP, "prometheus.yml") == theirs


REFUSED: dict[str, tuple[Any, str]] = {
    "syntax": ("a: [", "config, line .* is not YAML"),
    "two documents": ("a: 1\n---\nb: 2", "has 2 YAML documents"),
    "unknown field": ({**OLD, "scrape_config": []}, "the field 'scrape_config' is unknown"),
    "unknown field of a job": ({"scrape_configs": [{"job_name": "a", "interval": "1m"}]}, "job a: the field 'interval' is unknown"),
    "regex": ({"scrape_configs": [{"job_name": "a", "relabel_configs": [{"regex": "(", "action": "drop"}]}]}, "rule 1: the regex"),
    "job twice": ({"scrape_configs": [{"job_name": "a"}, {"job_name": "a"}]}, "has the job 'a' twice"),
    "too large": (
        "# " + "x" * 1_100_000,
        "monitoring/prom would have .* bytes, and holds 1048576",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_before_anything_is_written(both: list[FakeConfigured], api: Any, case: str) -> None:
    given, words = REFUSED[case]
    with pytest.raises(SalvageError, match=words):
        run(given)
    assert [path for method, path in api.requests if method != "GET"] == []


def test_promtool_gets_the_scrape_configs_as_a_configuration(operated: list[FakeConfigured]) -> None:
    asked = []

    def run_command(argv: list[str], data: str | None = None) -> tuple[int, str, str]:
        asked.append((argv[1:], yaml.safe_load(data or "")))
        return 1, "", "FAILED: parsing YAML: cannot unmarshal !!str `hunter2` into config.plain"

    given = {"config": "---\n- job_name: a\n  params: {x: [1]}\n", "wait": 0.5, "holder": holder("me"), "files": []}
    with pytest.raises(SalvageError, match="promtool refuses the configuration: FAILED") as caught:
        config_task.run(given, run_command, lambda name: "/bin/promtool", check_mode=False)
    assert "hunter2" not in str(caught.value)
    assert asked == [
        (["check", "config", "--syntax-only", "/dev/stdin"], {"scrape_configs": [{"job_name": "a", "params": {"x": [1]}}]}),
    ]


PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "a file": (mounted({"emptyDir": {}}), "the file /etc/prometheus/prometheus.yml in the pod monitoring/a, which is in no ConfigMap"),
    "subPath": (mounted({"configMap": {"name": "prom"}}, subPath="prometheus.yml"), "it is mounted by subPath"),
    "a Secret that is not there": (mounted({"secret": {"secretName": "gone"}}), "there is no Secret monitoring/gone; create it first"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_that_can_not_be_changed(both: list[FakeConfigured], api: Any, case: str) -> None:
    pod, words = PLACES[case]
    api.put(f"{CORE}/pods/a", pod)
    with pytest.raises(SalvageError, match=words):
        run(NEW)


BINARY = base64.b64encode(b"\x1f\x8b\x08\x00binary").decode()


def test_binary_neighbours_stay_and_a_binary_configuration_is_refused(both: list[FakeConfigured], api: Any) -> None:
    api.objects[MAP]["binaryData"] = {"keystore": BINARY}
    assert run(NEW)["changed"] and api.objects[MAP]["binaryData"] == {"keystore": BINARY}
    api.objects[MAP]["binaryData"] = {"prometheus.yml": BINARY}
    del api.objects[MAP]["data"]["prometheus.yml"]
    with pytest.raises(
        SalvageError, match=r"prometheus[.]yml of the ConfigMap monitoring/prom is binary or compressed, not text"
    ) as caught:
        run(OLD)
    assert caught.value.reason == "bad_input"


def test_a_secret_with_a_compressed_file(operated: list[FakeConfigured], api: Any) -> None:
    api.objects[SECRET]["data"]["prometheus.yaml.gz"] = BINARY
    assert run(NEW["scrape_configs"])["changed"] and api.objects[SECRET]["data"]["prometheus.yaml.gz"] == BINARY
    for one in operated:
        one.by_hand = True  # the operator passes nothing on that it can't read
    api.objects[SECRET]["data"]["jobs.yaml"] = BINARY
    with pytest.raises(SalvageError, match=r"jobs[.]yaml of the Secret monitoring/more is binary or compressed, not text"):
        run(OLD["scrape_configs"])
    assert api.objects[SECRET]["data"]["jobs.yaml"] == BINARY


def test_an_operator_without_scrape_configs_one_that_is_paused_and_a_job_of_a_monitor(operated: list[FakeConfigured], api: Any) -> None:
    spec = api.objects[f"{SPACE}/prometheuses"]["items"][0]["spec"]
    with pytest.raises(SalvageError, match="has the job operator already"):
        run([{"job_name": "operator"}])
    with pytest.raises(SalvageError, match="give them as definitions, not as rule_files"):
        run([], rule_files={"a": "b"})
    spec["paused"] = True
    with pytest.raises(SalvageError, match="its field paused is set"):
        run([{"job_name": "x"}])
    spec.pop("paused")
    spec.pop("serviceMonitorSelector")
    with pytest.raises(SalvageError, match="has no serviceMonitorSelector and none of its kind"):
        run([{"job_name": "x"}])
    spec["podMonitorSelector"] = {}
    spec.pop("additionalScrapeConfigs")
    with pytest.raises(SalvageError, match="has no additionalScrapeConfigs"):
        run([{"job_name": "x"}])


def test_a_prometheus_that_nobody_tells_to_reload(both: list[FakeConfigured], api: Any) -> None:
    both[1].lifecycle = "false"
    with pytest.raises(SalvageError, match="http://b can't reload on request, and nothing in its pod does it"):
        run(NEW)
    api.put(f"{CORE}/pods/a", mounted({"configMap": {"name": "prom"}}, {"name": "configmap-reload", "image": "x"}))
    for one in both:
        one.by_hand = False
    assert run(NEW)["changed"] and both[0].told == 0


@pytest.mark.parametrize(
    "options", [{"max_sample_drop": 1.5}, {"wait": 0}, {"rule_tests": ["x"], "config": NEW}, {"rule_files": {"a": "b"}}]
)
def test_options_that_say_nothing(both: list[FakeConfigured], options: Any) -> None:
    with pytest.raises(SalvageError) as caught:
        run(**options)
    assert caught.value.reason == "bad_input"


@pytest.mark.parametrize("late", [1, 5, 20])
def test_scrape_configs_that_come_late_are_not_loaded_after_the_proof(
    operated: list[FakeConfigured], monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    run(OLD["scrape_configs"])
    for one in operated:
        one.late_config.after = late
    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(config_task.Instances, "wait_loaded", killed)
        run(NEW["scrape_configs"])
    assert run(OLD["scrape_configs"], wait=5.0)["notes"] == ["took back what the run me left half done"]
    for _time in range(3 * late):
        assert [instances.state_of(one.replica) and jobs(one) for one in operated] == [["operator", "a", "b"]] * 2


def test_a_change_that_is_refused_is_taken_back_without_a_wait(operated: list[FakeConfigured], monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed run left what Prometheus does not load: there is nothing to wait for."""
    run(OLD["scrape_configs"])
    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(config_task.Instances, "wait_loaded", killed)
        run(BAD["a reload that fails"][0])
    began = time.monotonic()
    assert run(OLD["scrape_configs"], wait=60.0)["notes"] == ["took back what the run me left half done"]
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
@pytest.mark.parametrize("where", ["both", "operated"])
def test_a_run_that_was_killed_anywhere_is_taken_back_by_the_next(
    request: pytest.FixtureRequest, api: Any, monkeypatch: pytest.MonkeyPatch, where: str, bad: bool
) -> None:
    replicas: list[FakeConfigured] = request.getfixturevalue(where)
    path, key = (MAP, "prometheus.yml") if where == "both" else (SECRET, "jobs.yaml")
    before, names = stored(api, path, key), jobs(replicas[0])
    changed = BAD["a reload that fails"][0] if bad else NEW["scrape_configs"]
    wanted = {**OLD, "scrape_configs": changed} if where == "both" else changed
    plain, ended = api.http.request, False
    for at in range(1, 60):
        child = subprocess.Popen(["sleep", "60"])
        asked, killed = 0, False

        def until(method: str, url: str, at: int = at, **how: Any) -> Any:
            nonlocal asked, killed
            asked += method != "GET" and "dryRun" not in str(how.get("query"))
            if killed or asked >= at:
                killed = True
                raise KilledError
            return plain(method, url, **how)

        monkeypatch.setattr(api.http, "request", until)
        with contextlib.suppress(KilledError, SalvageError):
            run(wanted, holder=holder("dead", child.pid))
        child.kill()
        child.wait()
        monkeypatch.setattr(api.http, "request", plain)
        ended = not killed
        state = stored(api, path, key)
        result = run(yaml.safe_dump(OLD) if where == "both" else yaml.safe_dump(OLD["scrape_configs"]), max_sample_drop=1.0)
        assert result["changed"] == (ended and state != before) or result["notes"] or not ended
        assert stored(api, path, key) == before and [jobs(one) for one in replicas] == [names] * 2 and left(api) == []
        if ended:
            break
    assert ended
