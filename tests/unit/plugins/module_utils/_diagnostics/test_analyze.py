# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics import report
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import Analysis, analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules
from fake_bundle import NOW, FakeBundle, ago
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import as_json, documents, texts

RULES = rules_of(shipped_rules())


def judged(bundle: FakeBundle) -> Analysis:
    return analyze(bundle.files(), RULES, NOW)


def full() -> FakeBundle:
    """Something of everything."""
    limits = {
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "image": "a",
                    "ports": [{"name": "http", "containerPort": 80}],
                    "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
                }
            ]
        }
    }
    bundle = FakeBundle(around=None).crashed(1).pod("web-7d9-a", limits, owner="web").log("level=error lookup x: no such host", times=3)
    bundle.event("Unhealthy", "Readiness probe failed: 503", first=ago(60)).event(
        "ScalingReplicaSet", "Scaled up", "Deployment", "api", type="Normal"
    )
    bundle.add(
        "Node",
        "node-1",
        {
            "status": {
                "conditions": [{"type": "Ready", "status": "Unknown", "lastHeartbeatTime": ago(900)}],
                "allocatable": {"cpu": "4", "memory": "8Gi"},
            }
        },
    )
    bundle.add("Service", "api", {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}})
    bundle.add(
        "Ingress", "site", {"spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "gone", "port": {"number": 80}}}}]}}]}}
    )
    bundle.add("ResourceQuota", "main", {"status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}})
    bundle.add("PodDisruptionBudget", "api", {"status": {"disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1}})
    bundle.add(
        "ConfigMap",
        "ca",
        {
            "metadata": {"managedFields": [{"manager": "helm", "time": ago(60)}]},
            "data": {"a.rego": "package a", "ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
        },
    )
    hook = {"name": "a", "failurePolicy": "Fail", "clientConfig": {"caBundle": "QUJD", "service": {"namespace": "shop", "name": "gone"}}}
    bundle.add("ValidatingWebhookConfiguration", "guard", {"webhooks": [hook]})
    bundle.document(
        "usage/pods.json",
        {
            "items": [
                {
                    "metadata": {"namespace": "shop", "name": "web-7d9-a"},
                    "containers": [{"name": "app", "usage": {"cpu": "999m", "memory": "63Mi"}}],
                }
            ]
        },
    )
    bundle.document("usage/nodes.json", {"items": [{"metadata": {"name": "node-1"}, "usage": {"cpu": "3900m", "memory": "7900Mi"}}]})
    revisions = [
        {"revision": 1, "created": ago(90000), "current": False, "changes": []},
        {"revision": 2, "created": ago(100), "current": True, "changes": [{"path": "spec.image", "before": 1, "after": 2}]},
    ]
    bundle.document("rollouts.json", [{"namespace": "shop", "kind": "Deployment", "name": "api", "revisions": revisions}])
    bundle.document("opa/decisions.jsonl", [{"status": "unknown", "timestamp": ago(60), "path": "a"}]).document(
        "opa/health.json", {"healthy": False, "reason": "x"}
    )
    bundle.document(
        "alerts/alerts.json", [{"name": "A", "state": "active", "labels": {"alertname": "A", "severity": "critical"}, "starts_at": ago(60)}]
    )
    bundle.document(
        "prometheus/targets.json",
        {"data": {"activeTargets": [{"health": "down", "labels": {"job": "a"}, "lastError": "b", "scrapeUrl": "c"}]}},
    )
    return bundle.series("qek_value", 0.9, 0.8).series("hvar_value")


def test_a_clean_bundle_has_no_finding_and_nothing_unknown() -> None:
    found = judged(FakeBundle().pod())
    assert (found.findings, found.unknown, found.notes) == ((), {}, ())


def test_what_is_over_is_no_finding() -> None:
    bundle = FakeBundle().pod(container={"restartCount": 40, "lastState": {"terminated": {"exitCode": 1, "finishedAt": ago(90000)}}})
    for reason, message in (
        ("Unhealthy", "Readiness probe failed"),
        ("FailedScheduling", "0/1 nodes"),
        ("FailedMount", "timed out"),
        ("BackOff", "x"),
    ):
        bundle.event(reason, message, time=ago(120))
    bundle.add(
        "Deployment",
        "web",
        {
            "spec": {"paused": True, "replicas": 0},
            "status": {"conditions": [{"type": "Progressing", "status": "Unknown", "reason": "DeploymentPaused"}]},
        },
    )
    bundle.add("Job", "done", {"status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}})
    assert judged(bundle).findings == ()


@pytest.mark.parametrize("room", ["objects", "events", "logs", "prometheus", "cluster", "usage"])
def test_a_rule_without_its_part_of_the_bundle_is_unknown_and_not_clean(room: str) -> None:
    found = judged(FakeBundle().pod().without(room, reason="403 Forbidden"))
    assert found.unknown
    assert {f"{room} is failed: 403 Forbidden"} == set(found.unknown.values())
    assert room in report.summary_lines(found, {})[-1]


def test_a_bundle_without_an_index_says_so_and_is_judged_as_far_as_it_goes() -> None:
    files = {path: data for path, data in FakeBundle().crashed(1).files().items() if path != "index.json"}
    found = analyze(files, RULES, NOW)
    assert [one.code for one in found.findings] == ["pod.crash.exit-1"]
    assert "index.json cannot be read" in found.notes[0]
    assert found.unknown["prometheus.target-down"] == "the bundle has no prometheus"


def test_evidence_is_on_its_line() -> None:
    bundle = FakeBundle().pod("web-7d9-a", owner="web").crashed(1).log("starts", previous=True).log("panic: no disk", previous=True)
    files = bundle.event("Pulled", "ok", type="Normal").event("Unhealthy", "Liveness probe failed: 503").files()
    found = {one.code: one for one in analyze(files, RULES, NOW).findings}
    for finding in found.values():
        for line in finding.evidence:
            assert line.text.rpartition(": ")[2].strip('"')[:40] in files[line.file].decode().split("\n")[line.line - 1]
    places = {(line.file, line.line) for line in found["pod.crash.exit-1"].evidence}
    assert places == {("objects/shop/pods.json", 3), ("logs/shop/api-7d9-x1/app.previous.log", 2)}
    assert ("events.jsonl", 2) in {(line.file, line.line) for line in found["pod.probe.liveness"].evidence}


def test_the_evidence_of_a_metric_is_the_sample_that_was_judged() -> None:
    bundle = FakeBundle(around=ago(600)).series("qek_value", 0.9, 0.8, *[0.95] * 10)
    (finding,) = judged(bundle).findings
    assert finding.evidence[0].text == f'qek_value: data.result[0].values[1]: [{NOW.timestamp() - 600}, "0.8"]'


def test_the_line_of_a_value_is_found_in_files_that_are_written_another_way() -> None:
    files = FakeBundle().crashed(1).files()
    files["objects/shop/pods.json"] = json.dumps(json.loads(files["objects/shop/pods.json"]), indent=2).encode()
    (finding,) = analyze(files, RULES, NOW).findings
    lines = files["objects/shop/pods.json"].decode().split("\n")
    assert [lines[one.line - 1].strip() for one in finding.evidence] == ['"exitCode": 1,', '"restartCount": 4,']


def test_many_pods_of_one_workload_are_one_finding() -> None:
    bundle = FakeBundle()
    for number in range(30):
        crash = {
            "ready": False,
            "restartCount": 3,
            "state": {"running": None, "waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
        bundle.pod(f"api-7d9-{number:02}", container=crash)
    (finding,) = judged(bundle).findings
    assert finding.subject == {"namespace": "shop", "kind": "Deployment", "name": "api"}
    assert finding.title.endswith("(and 29 more like it)")
    assert len(finding.evidence) == 8


def test_the_first_error_names_the_revision_what_it_changed_and_how_soon() -> None:
    found = {one.code: one for one in judged(full()).findings}
    assert found["rollout.first-error"].title == "First error of Deployment api 10 s after revision 2, which changed spec.image"


def test_the_time_of_interest_is_around_where_it_is_given() -> None:
    late, early = FakeBundle(around=ago(7200)), FakeBundle()
    for bundle in (late, early):
        bundle.pod().log("no space left on device", seconds_ago=7100)
    assert [one.code for one in judged(late).findings] == ["storage.full"]
    assert judged(early).findings == ()


def test_the_timeline_has_all_in_order() -> None:
    timeline = judged(full()).timeline
    assert [one.at for one in timeline] == sorted(one.at for one in timeline)
    assert {"warning", "scaling", "start", "end", "rollout", "alert", "policy"} <= {one.kind for one in timeline}
    assert all(one.text and one.source for one in timeline)


def test_clocks_that_differ_are_noted_beside_the_timeline() -> None:
    bundle = FakeBundle().pod("late-1", {"status": {"startTime": ago(-300)}}).add("Node", "node-1", {"status": {"conditions": []}})
    assert "The clock of node node-1 differs by" in str(judged(bundle).notes)


def test_the_same_bundle_gives_the_same_bytes_whenever_it_is_analyzed() -> None:
    files = full().files()
    one, other = (report.pages(files, analyze(files, RULES, now)) for now in (NOW, NOW + timedelta(days=9)))
    assert one == other
    assert report.pages(dict(reversed(files.items())), analyze(dict(reversed(files.items())), RULES, NOW)) == one


@given(st.data())
@settings(max_examples=60)
def test_no_bundle_breaks_it(data: st.DataObject) -> None:
    bundle = full()
    good = bundle.documents()
    path = data.draw(st.sampled_from(sorted(good)))
    changed: dict[str, Any] = {path: as_json(data.draw(documents(good[path])))}
    if data.draw(st.booleans()):
        changed[path] = data.draw(texts(bundle.files()[path]))
    for more in ("events.jsonl", "logs/shop/api-7d9-x1/app.log"):
        if data.draw(st.integers(0, 3)) == 0:
            changed[more] = data.draw(texts(bundle.files()[more]))
    files = {**bundle.files(), **changed}
    made = report.pages(files, analyze(files, RULES, NOW))
    assert set(made) == {"findings.json", "timeline.jsonl", "summary.txt", "junit.xml", "report.html"}
    json.loads(made["findings.json"])
    assert 2 <= made["summary.txt"].count(b"\n") <= 5


@pytest.mark.parametrize("phase", [[], {}, None, 1])
def test_a_phase_that_is_no_word_breaks_nothing(phase: Any) -> None:
    bundle = full()
    pods = [{**pod, "status": {**pod["status"], "phase": phase}} for pod in bundle.documents()["objects/shop/pods.json"]["items"]]
    files = {**bundle.files(), "objects/shop/pods.json": as_json({"kind": "List", "items": pods})}
    report.pages(files, analyze(files, RULES, NOW))


@given(st.data())
@settings(max_examples=60)
def test_no_object_breaks_it(data: st.DataObject) -> None:
    bundle = full()
    good = bundle.documents()
    path = data.draw(st.sampled_from(sorted(one for one in good if one.startswith(("objects/", "rollouts", "usage", "opa")))))
    items = good[path]["items"] if isinstance(good[path], dict) and "items" in good[path] else good[path]
    mutated = data.draw(documents(items))
    whole = {"kind": "List", "items": mutated} if path.startswith(("objects/", "usage/")) else mutated
    files = {**bundle.files(), path: as_json(whole)}
    report.pages(files, analyze(files, RULES, NOW))
