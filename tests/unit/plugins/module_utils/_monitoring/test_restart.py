# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas are restarted one by one: those that are not ready first, the next only when the one before is proven."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Endpoint
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring import restart, restart_proof, restart_task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._monitoring.restart_plan import (
    in_order,
    log_expiries,
    replica_of,
    restart_method,
    why_not_restarted,
)
from hypothesis import given
from hypothesis import strategies as st

from .test_rule_change import holder

CORE = "/api/v1/namespaces/monitoring"
SET = "/apis/apps/v1/namespaces/monitoring/statefulsets/prometheus-own"


def pod(
    name: str, *, ready: bool = True, volume: Any = None, args: Any = ("--storage.tsdb.path=/prometheus",), uid: str = ""
) -> dict[str, Any]:
    container = {"name": "prometheus", "image": "x/prometheus:v3", "args": list(args), "ports": [{"name": "web", "containerPort": 9090}]}
    container["volumeMounts"] = [{"name": "db", "mountPath": "/prometheus"}]
    owner = {"kind": "StatefulSet", "name": "prometheus-own", "controller": True}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "monitoring", "uid": uid or name, "labels": {"app": "p"}, "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "sidecar"}, container], "volumes": [{"name": "db", **(volume or {"emptyDir": {}})}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "prometheus", "restartCount": 0, "containerID": "1"}],
        },
    }


def test_what_a_pod_stores_and_where() -> None:
    found = replica_of(pod("a"), "prometheus")
    assert (found.storage, found.volume, found.keeps_nothing, found.ready, found.owner) == (
        "/prometheus",
        "emptyDir",
        True,
        True,
        "prometheus-own",
    )
    assert restart_method("auto", found) == "container" and restart_method("pod", found) == "pod"
    kept = replica_of(pod("a", volume={"persistentVolumeClaim": {"claimName": "x"}}), "prometheus")
    assert not kept.keeps_nothing and restart_method("auto", kept) == "pod"
    nowhere = replica_of(pod("a", args=["--storage.tsdb.path=/tmp/x"]), "prometheus")
    assert nowhere.volume == "" and nowhere.keeps_nothing and restart_method("auto", nowhere) == "pod"
    with pytest.raises(SalvageError, match="the pod a has no container of alertmanager"):
        replica_of(pod("a"), "alertmanager")
    bare = pod("a")
    bare["metadata"]["ownerReferences"] = []
    with pytest.raises(SalvageError, match="no StatefulSet that starts it again"):
        replica_of(bare, "prometheus")


def test_the_order_and_what_has_to_be_waited_for() -> None:
    given = [replica_of(pod(f"p-{number}", ready=number != 1), "prometheus") for number in (0, 1, 2, 10)]
    assert [one.name for one in in_order(given)] == ["p-1", "p-10", "p-2", "p-0"]
    assert why_not_restarted(given, 4) == "p-1 is not ready"
    assert why_not_restarted(given[2:], 3) == "2 of 3 replicas are there" and why_not_restarted(given[2:], 2) == ""


def entry(expires: int, group: bytes = b"\x0a\x01k") -> bytes:
    """An entry of the notification log, as nflog.proto of Alertmanager has it: what was sent, and when it expires."""
    ends = b"\x08" + varint(expires) + b"\x10\x07"
    message = b"\x0a" + varint(len(group)) + group + b"\x12" + varint(len(ends)) + ends
    return varint(len(message)) + message


def varint(number: int) -> bytes:
    more, rest = number & 0x7F, number >> 7
    return bytes([more | 0x80]) + varint(rest) if rest else bytes([more])


LATER, OVER = 4_000_000_000, 1_700_000_000


@pytest.mark.parametrize(
    ("data", "expiries"),
    [
        (b"", []),
        (entry(LATER) + entry(OVER, b"\x0a\xc8\x01" + b"k" * 200), [LATER, OVER]),
        (b"\x02\x0a\x00", [0.0]),  # without a time
        (b"\x05a", None),
        (entry(LATER)[:-1], None),
        (entry(2**63), None),
        (b"\xff" * 11, None),
        (b"<html>" * 9, None),
    ],
)
def test_entries_of_a_log(data: bytes, expiries: list[float] | None) -> None:
    assert log_expiries(data) == expiries


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_the_log(data: bytes) -> None:
    found = log_expiries(data)
    assert found is None or all(one >= 0 for one in found)


class FakeProof:
    """``slow`` is how often a pod is asked until nothing is missing."""

    def __init__(self, api: Any) -> None:
        self.api, self.slow, self.asked, self.quits = api, 1, dict[str, int](), list[str]()
        self.comes_back = True

    def before(self, name: str) -> Any:
        return {"of": name}

    def missing(self, name: str, before: Any) -> list[str]:
        assert before is None or before == {"of": name}
        self.asked[name] = self.asked.get(name, 0) + 1
        return ["it has no fresh samples"] if self.asked[name] <= self.slow else []

    def quit(self, replica: Any) -> None:
        self.quits.append(replica.name)
        now = copy.deepcopy(self.api.objects[f"{CORE}/pods/{replica.name}"])
        now["status"]["containerStatuses"][0].update(restartCount=1, containerID="2")
        now["status"]["conditions"][0]["status"] = str(self.comes_back)
        self.api.put(f"{CORE}/pods/{replica.name}", now)

    def notes(self, name: str, before: Any) -> list[str]:
        return [f"{name} works"]


@pytest.fixture
def proof(api: Any, monkeypatch: pytest.MonkeyPatch) -> FakeProof:
    for number in range(2):
        api.put(f"{CORE}/pods/own-{number}", pod(f"own-{number}"))
    api.put("/api/v1/namespaces/monitoring", {"kind": "Namespace"})
    api.put(SET, {"kind": "StatefulSet", "spec": {"replicas": 2}})
    service = {"kind": "Service", "spec": {"selector": {"app": "p"}, "ports": [{"port": 9090, "targetPort": "web"}]}}
    api.put(f"{CORE}/services/prometheus-operator-kube-p-prometheus", service)
    api.put(f"{CORE}/services/prometheus-operator-kube-p-alertmanager", service)
    found = FakeProof(api)
    monkeypatch.setattr(restart, "_PAUSE", 0.01)
    monkeypatch.setattr(restart_task.routes.Routes, "cluster", Cluster(api.server, api.http))
    monkeypatch.setattr(restart_task, "PrometheusProof", lambda *_given: found)
    return found


def run(*, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return restart_task.run({"component": "prometheus", "wait": 1.0, "holder": holder("me"), **options}, check_mode=check_mode)


def test_one_after_the_other(proof: FakeProof, api: Any) -> None:
    assert [one["method"] for one in run(check_mode=True)["replicas"]] == ["container"] * 2 and proof.quits == [] and api.writes == []
    result = run()
    assert proof.quits == ["own-1", "own-0"] and [one["pod"] for one in result["replicas"]] == proof.quits
    assert result["notes"] == ["own-1 works", "own-0 works"]
    assert not [path for path in api.objects if "/leases/" in path]


def test_one_that_does_not_come_back_ends_it(proof: FakeProof) -> None:
    proof.comes_back = False
    with pytest.raises(SalvageError, match="own-1 was restarted and is not ready after 1 s; the other replicas were left as they are"):
        run()
    assert proof.quits == ["own-1"]


def test_one_that_is_not_proven_ends_it(proof: FakeProof) -> None:
    proof.slow = 10_000
    with pytest.raises(SalvageError, match="own-1 was restarted and is ready, but it has no fresh samples; the other"):
        run()
    assert proof.quits == ["own-1"]


def test_one_that_is_not_ready_is_first_and_one_that_is_missing_is_waited_for(proof: FakeProof, api: Any) -> None:
    api.put(f"{CORE}/pods/own-0", pod("own-0", ready=False))
    run(wait=0.5)
    assert proof.quits == ["own-0", "own-1"]
    api.objects[SET]["spec"]["replicas"] = 3
    with pytest.raises(SalvageError, match="own-1 was left as it is, because 1 of 2 replicas are there"):
        run(wait=0.3)


def test_the_only_replica(proof: FakeProof, api: Any) -> None:
    api.remove(f"{CORE}/pods/own-1")
    api.objects[SET]["spec"]["replicas"] = 1
    assert "own-0 is the only replica, so there may be no samples of up to" in run()["notes"][-1]


def test_a_pod_is_evicted_and_its_data_goes_with_it(proof: FakeProof, api: Any) -> None:
    def evicted(path: str) -> None:
        if path.endswith(("/eviction/own-1", "/eviction/own-0")):
            name = path.rsplit("/", maxsplit=1)[-1]
            api.objects.pop(path)
            api.remove(f"{CORE}/pods/{name}")
            api.put(f"{CORE}/pods/{name}", pod(name, uid=f"new-{name}"))

    api.controller = evicted
    notes = run(method="pod")["notes"]
    assert proof.quits == [] and notes[0] == "own-1 stored its data in the pod, so that is gone"
    api.stumble = lambda method, path: "429" if path.endswith("/eviction") else None
    with pytest.raises(SalvageError, match="own-1 can't be restarted: "):
        run(method="pod")


def test_two_runs_and_wrong_options(proof: FakeProof, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def second(*_given: Any) -> list[dict[str, Any]]:
        with pytest.raises(SalvageError, match="StatefulSet prometheus-own in monitoring is locked by") as caught:
            run(holder=holder("second"))
        found.append(caught.value.reason)
        return []

    monkeypatch.setattr(restart.Restart, "perform", second)
    run()
    assert found == ["conflict"]
    with pytest.raises(SalvageError, match="only a Service has replicas"):
        run(url="http://prometheus:9090")
    with pytest.raises(SalvageError, match="wait is 0"):
        run(wait=0)


class Answers:
    """What stands behind an endpoint, by path."""

    timeout = 5.0

    def __init__(self, **given: Any) -> None:
        self.given, self.posts = given, list[str]()

    def request(self, method: str, url: str, **_how: Any) -> Any:
        from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Response  # noqa: PLC0415

        name = url.rsplit("/", maxsplit=1)[-1].replace("-", "_")
        if method == "POST":
            self.posts.append(name)
        found = self.given.get(name)
        if found is None:
            raise SalvageError(f"{url} is unreachable", reason="unreachable")
        import json  # noqa: PLC0415

        body = found if name in ("silences", "status") else {"status": "success", "data": found}
        return Response(200, {}, json.dumps(body).encode(), 0.0)

    def open(self, _pod: str) -> Endpoint:
        return Endpoint("http://p", "http://p", self)  # type: ignore[arg-type]


def vector(value: str) -> dict[str, Any]:
    return {"resultType": "vector", "result": [{"metric": {}, "value": [1, value]}]}


def healthy(**more: Any) -> Answers:
    target = {"scrapePool": "a", "scrapeUrl": "http://a", "health": "up", "labels": {}}
    given = {
        "rules": {"groups": []}, "targets": {"activeTargets": [target]}, "runtimeinfo": {"reloadConfigSuccess": True},
        "walreplay": {"min": 0, "max": 3, "current": 3}, "query": vector("5"),
    }  # fmt: skip
    return Answers(**{**given, **more})


def test_when_a_prometheus_works_again() -> None:
    def missing(now: Answers) -> str:
        before = restart_proof.PrometheusProof(healthy().open, lambda _replica: None).before("p")  # type: ignore[arg-type,return-value]
        assert before is not None and before.stored == 5
        return "; ".join(restart_proof.PrometheusProof(now.open, lambda _replica: None).missing("p", before))  # type: ignore[arg-type,return-value]

    assert missing(healthy()) == ""
    assert missing(healthy(walreplay={"min": 0, "max": 3, "current": 1})) == "it has read 1 of 3 segments of its write-ahead log"
    assert missing(healthy(query=vector("3"))) == "it does not have the samples of before the restart"
    assert "no target of a is up" in missing(healthy(targets={"activeTargets": []}))
    assert "unreachable" in missing(Answers())
    proof = restart_proof.PrometheusProof(Answers().open, lambda _replica: None)  # type: ignore[arg-type,return-value]
    assert proof.before("p") is None and proof.notes("p", None) == []


class Shell:
    """A container with a notification log of these bytes."""

    def __init__(self, log: bytes | None = entry(LATER), reason: str = "") -> None:
        self.log, self.reason, self.ran = log, reason, list[list[str]]()

    def run(self, argv: list[str]) -> bytes:
        self.ran.append(argv)
        if self.reason or self.log is None:
            raise SalvageError("cat failed: No such file" if self.log is None else "no", reason=self.reason or "http_error")
        return self.log


def silence(name: str) -> dict[str, Any]:
    return {
        "id": name, "status": {"state": "active"}, "createdBy": "x", "comment": "y", "updatedAt": "2026-01-01T00:00:00Z",
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2126-01-01T00:00:00Z",
        "matchers": [{"name": "a", "value": "b", "isRegex": False, "isEqual": True}],
    }  # fmt: skip


def test_when_an_alertmanager_works_again() -> None:
    def proof(shell: Shell, **given: Any) -> restart_proof.AlertmanagerProof:
        answers = Answers(**{"silences": [silence("s")], "status": {"cluster": {"peers": [1, 2]}}, **given})
        replica = replica_of({**pod("p"), "metadata": pod("p")["metadata"]}, "prometheus")
        return restart_proof.AlertmanagerProof(answers.open, lambda _replica: shell, {"p": replica})  # type: ignore[arg-type,return-value]

    before = proof(Shell()).before("p")
    assert before is not None and (list(before.silences), before.peers, before.notifications) == (["s"], 2, [LATER])
    assert proof(Shell()).missing("p", before) == []
    assert proof(Shell()).notes("p", before) == ["p: 1 silences before, 1 after; notification log: 1 entries before, 1 after"]
    assert proof(Shell(), silences=[]).missing("p", before) == ["the silence s is gone"]
    assert proof(Shell(), status={"cluster": {"peers": [1]}}).missing("p", before) == ["it knows 1 replicas of its cluster, and 2 before"]
    assert proof(Shell(b"")).missing("p", before) == ["its notification log is empty, and had 1 entries"]
    assert proof(Shell(None)).missing("p", before) == ["its notification log is empty, and had 1 entries"]
    expired = proof(Shell(entry(OVER))).before("p")
    assert expired is not None and proof(Shell(b"")).missing("p", expired) == []
    forbidden = proof(Shell(reason="forbidden"))
    assert forbidden.missing("p", before) == [] and "notification log: not counted: no" in forbidden.notes("p", before)[0]
    assert "unreachable" in proof(Shell(), silences=None).missing("p", before)[0]


@pytest.mark.parametrize("reason", ["unreachable", "forbidden"])
def test_the_process_is_asked_to_end_and_the_connection_ends_with_it(reason: str) -> None:
    shell = Shell(reason=reason)
    if reason == "forbidden":
        with pytest.raises(SalvageError):
            restart_proof.end_process(shell)  # type: ignore[arg-type]
    else:
        restart_proof.end_process(shell)  # type: ignore[arg-type]
    assert shell.ran == [["sh", "-c", "kill -TERM 1"]]


def test_prometheus_ends_by_its_api_or_by_a_command() -> None:
    shell, answers = Shell(), healthy(quit={})
    replica = replica_of(pod("p"), "prometheus")
    restart_proof.PrometheusProof(answers.open, lambda _replica: shell).quit(replica)  # type: ignore[arg-type,return-value]
    assert answers.posts == ["quit"] and shell.ran == []
    restart_proof.PrometheusProof(healthy().open, lambda _replica: shell).quit(replica)  # type: ignore[arg-type,return-value]
    assert len(shell.ran) == 1
