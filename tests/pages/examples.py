# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page that the collection writes: as an operator sees it, with hostile content, and with very much of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fake_incidents
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.redact import outgoing
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.analyze import analyze, rules_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.report import pages
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.rule_files import shipped_rules
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day import task as game_day_task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.faults import fault_named
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.grade import grade
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._game_day.page import game_day_page
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health import render
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import info_task, task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.model import fold
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.page import post_mortem_page
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident.post_mortem import draft
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.book import RunBook, TaskKnown
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.page import run_page
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._run_report.record import PlaybookRun
from fake_bundle import NOW, FakeBundle, ago

SCRIPT = "<script>alert(1)</script>\"'&<img src=https://evil.example/x onerror=alert(1)>{{ 7 * 7 }}"
LONG_WORD = "W" * 200
RIGHT_TO_LEFT = "שירות התשלומים אינו זמין (خدمة الدفع) 503 /api/v1"
HOSTILE = (SCRIPT, LONG_WORD, RIGHT_TO_LEFT)
MANY = 5000
OPENED = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)

Made = Callable[[Path], str]


def at(minutes: float) -> str:
    return f"{OPENED + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


# --- health report


def check(kind: str, name: str, status: str, reason: str, namespace: str = "euystacio-ai") -> dict[str, Any]:
    return {
        "id": f"{kind}/{namespace}/{name}",
        "status": status,
        "reason": reason,
        "subject": {"kind": kind, "namespace": namespace, "name": name},
        "since": at(-20),
        "evidence": {"phase": reason, "node": "node-1"},
    }


def part(name: str, status: str, checks: list[dict[str, Any]], summary: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "summary": summary or f"{len(checks)} checks",
        "reason": "",
        "duration_s": 0.12,
        "checks": checks,
    }


def metric(status: str, value: float | None, name: str = "qek", reason: str = "") -> dict[str, Any]:
    history = [[OPENED.timestamp() + 60 * n, None if 20 < n < 28 else 0.93 - 0.002 * n] for n in range(60)]
    limits = {"critical_min": 0.85, "warning_min": 0.88, "ideal": 0.938}
    return {"name": name, "title": name, "status": status, "value": value, "history": history, "limits": limits, "reason": reason}


def report(status: str, *, parts: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    cluster = {"name": "production", "server": "https://10.0.0.1:6443", "version": "v1.34.4"}
    return {"schema": 1, "status": status, "generated_at": at(0), "duration_s": 0.41, "cluster": cluster, "parts": parts, **fields}


def _critical(words: tuple[str, ...], many: int = 1) -> dict[str, Any]:
    checks = [check("Pod", f"{word}-{n}", "critical", f"CrashLoopBackOff: {word}") for n in range(many) for word in words]
    more = [check("Deployment", word, "warning", f"2 of 3 replicas: {word}") for word in words]
    noted = [check("Alert", word, "healthy", f"QEKBelowMinimum fires, silenced by {word}") for word in words]
    changes = [{"id": f"pods/{word}/{n}", "from": None, "to": "critical"} for n in range(many) for word in words]
    return report(
        "critical",
        parts=[part("pods", "critical", checks, words[0]), part("alerts", "unknown", [*more, *noted]), part("nodes", "healthy", [])],
        changes=changes,
        metrics=[metric("critical", 0.82, word, f"below 0.85: {word}") for word in words]
        + [metric("warning", 0.87), {**metric("unknown", None), "history": [], "reason": "no sample"}],
    )


def health(words: tuple[str, ...], many: int = 1, clusters: int = 1) -> Made:
    names = [words[0], *(f"{words[number % len(words)]}-{number}" for number in range(1, clusters))]
    entries = [render.Entry(name, _critical(words, many), at(-60)) for name in names]
    if clusters > 1:
        entries.append(render.Entry("staging", report("healthy", parts=[])))
    return lambda _folder: render.html(entries, generated_at=at(0))


def healthy(_folder: Path) -> str:
    parts = [part(name, "healthy", [check("Node", "node-1", "healthy", "")]) for name in render.PARTS]
    fine = report("healthy", parts=parts, metrics=[metric("healthy", 0.94)], changes=[])
    return render.html([render.Entry("production", fine, at(-60))], generated_at=at(0))


# --- diagnostics


def _bundle(cluster: str) -> FakeBundle:
    bundle = (
        FakeBundle(cluster=cluster, around=ago(300))
        .crashed(137, "OOMKilled")
        .event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        .event("BackOff", "Back-off restarting failed container app in pod api-7d9-x1", first=ago(1800), count=14)
        .event(
            "ScalingReplicaSet", "Scaled up replica set api-7d9 from 0 to 1", kind="Deployment", name="api", type="Normal", time=ago(1500)
        )
        .log("2026-11-26 ERROR write /data/wal: no space left on device", seconds_ago=45, times=3)
        .log("INFO started", seconds_ago=1400)
        .add("ResourceQuota", "team", {"status": {"hard": {"pods": "10"}, "used": {"pods": "10"}}})
        .without("opa", reason="the OPA pods answered 503 within 5 s")
    )
    return bundle.event("FailedScheduling", "0/3 nodes are available: 3 Insufficient memory", name="worker-55c-9k", time=ago(700))


def diagnostics(cluster: str = "production", words: tuple[str, ...] = (), many: int = 1) -> Made:
    bundle = _bundle(cluster)
    for number, word in enumerate(many * words):
        bundle.event("Failed", f"Error: {word}", name=f"{word}-{number}", time=ago(number % 3000), first=ago(3000))
    for word in words:
        bundle.log(f"{word} no space left on device", pod=f"pod-{words.index(word)}")
        bundle.pod(f"pod-{words.index(word)}", {"metadata": {"name": word}}, owner="").without("helm", reason=word)
    return lambda _folder: _diagnosed(bundle)


def clean_diagnostics(_folder: Path) -> str:
    return _diagnosed(FakeBundle(cluster="production").pod())


def _diagnosed(bundle: FakeBundle) -> str:
    files = bundle.files()
    return pages(files, analyze(files, rules_of(shipped_rules()), NOW))["report.html"].decode()


# --- incidents


def incident(words: tuple[str, ...] = ()) -> Callable[[Path], dict[str, Any]]:
    def made(folder: Path) -> dict[str, Any]:
        place = {"dir": str(folder / "incidents"), "who": "ann"}

        def change(minute: float, **given: Any) -> None:
            task.run({**place, **given}, OPENED.timestamp() + minute * 60, check_mode=False)

        broken = [check("Deployment", word, "critical", "0 of 3 replicas") for word in words or ("euystacio-api",)]
        names = words or ("QEKBelowMinimum", "ApiErrorRateHigh")
        alerts = [
            {"fingerprint": f"{number}", "startsAt": at(-2), "labels": {"alertname": name, "severity": "critical"}}
            for number, name in enumerate(names)
        ]
        change(
            0,
            state="opened",
            title=words[0] if words else "QEK below its minimum",
            alerts=alerts,
            health={"status": "critical", "parts": [part("workloads", "critical", broken)]},
            error_rate=0.6,
            plan=fake_incidents.role_plan(),
            cluster_name=words[0] if words else "production",
            providers=["provider-dusk"],
        )
        change(3, acknowledged=True, roles={"commander": "alice", "scribe": "bob"})
        change(7, watch=True)
        deploy = {"kind": "deploy", "title": "Deployment of euystacio-api", "facts": {"result": "failed", "revision": "12"}}
        change(8, evidence=[deploy], public_text="Logging in is slow.")
        for number, word in enumerate(2 * words or ("Revision 12 cannot reach its database.",)):
            change(9 + number / 10, text=word)
        change(12, state="mitigated", why="rolled back")
        change(40, state="resolved", why=words[-1] if words else "QEK is 0.93 again")
        change(41, actions=[{"title": word, "owner": "bob", "due": "2026-12-01"} for word in words or ("Test the database address",)])
        return info_task.run({**place, "reports": True, "records": True}, OPENED.timestamp() + 50 * 60)

    return made


def post_mortem(*words: str) -> Made:
    made = incident(words)
    return lambda folder: str(made(folder)["incidents"][0]["html"])


def long_post_mortem(folder: Path) -> str:
    """Of the records of an incident with many notes. Each is written to the disk with a sync, so here they are added in memory."""
    records = incident()(folder)["incidents"][0]["records"]
    note = next(one for one in records if one["kind"] == "note")
    notes = [{**note, "number": len(records) + n, "data": {"text": f"{n}: node-1 is not ready"}} for n in range(1, MANY + 1)]
    return post_mortem_page(draft(fold([*records, *notes])))


def metrics(folder: Path) -> str:
    return str(incident()(folder)["metrics_html"])


# --- run report


def run_report(words: tuple[str, ...] = (), *, steps: int = 1) -> Made:
    """A deployment that was taken back."""

    def made(folder: Path) -> str:
        book = RunBook(
            PlaybookRun(words[0] if words else "Deploy a change to every cluster", "deploy.yml", OPENED.timestamp(), who="alice")
        )
        reason = words[-1] if words else "errors: 36 of 900 requests; 2 of 900 before"
        for number in range(steps):
            for step in words or ("Apply the change", "Watch the change"):
                watched = {"verdict": "failed", "reason": reason, "evidence": 21043.5, "changed": False}
                known = TaskKnown(f"{number}/{step}", words[0] if words else "production-eu", step, "deploy", "euystacio.meta_salvage.bake")
                book.begins(known, OPENED.timestamp() + number)
                book.ends(known, "changed" if step.startswith("Apply") else "failed", watched, OPENED.timestamp() + number + 0.7)
        return run_page(outgoing(book.closes(OPENED.timestamp() + 900, {}).as_dict()))

    return made


# --- game day


def game_day(words: tuple[str, ...] = (), *, facts: int = 1) -> Made:
    """The verdict is wrong, and the rest is as expected."""

    def made(_folder: Path) -> str:
        title, reason = (words[0], words[-1]) if words else ("QEK falls below its minimum", "QEK is 0.82")
        raw = {"name": "qek", "title": title, "alert": "QEKBelowMinimum", "manifests": [{}], "verdicts": {"red_code": "intact"}}
        fault = fault_named("qek", [raw])
        said = {"state": f"breached: {reason}", "red_code": f"altered: {reason}", "evidence": "/records/a.json", "missing": ""}
        more = {f"question {number}": reason for number in range(facts)}
        record = {"at": at(2), "data": {"title": "QEKBelowMinimum: QEK below minimum", "facts": {**said, **more}}}
        seen = {
            "seeded_at": OPENED.timestamp(),
            "alert": {"name": "QEKBelowMinimum", "starts_at": at(1)},
            "incidents": [{"id": "20261125-1", "records": [record]}],
            "healed": {"left": [], "resolved": True},
        }
        request = game_day_task.GameDayRequest("qek", [raw], cluster=words[0] if words else "staging", environment="staging")
        report = game_day_task.report_of(fault, seen, grade(fault, seen), request, OPENED.timestamp() + 300)
        return game_day_page(outgoing(report))

    return made


PLAIN: dict[str, Made] = {
    "game-day": game_day(),
    "health": health(("euystacio-api", "euystacio-worker")),
    "health-fleet": health(("euystacio-api",), clusters=4),
    "health-healthy": healthy,
    "diagnostics": diagnostics(),
    "diagnostics-clean": clean_diagnostics,
    "post-mortem": post_mortem(),
    "incident-metrics": metrics,
    "run-report": run_report(),
}
ODD: dict[str, Made] = {
    "game-day-odd": game_day(HOSTILE),
    "health-odd": health(HOSTILE, clusters=3),
    "diagnostics-odd": diagnostics(SCRIPT + LONG_WORD, HOSTILE),
    "post-mortem-odd": post_mortem(*HOSTILE),
    "run-report-odd": run_report(HOSTILE),
}
LARGE: dict[str, Made] = {
    "game-day-large": game_day(facts=MANY),
    "health-large": health(("euystacio-api",), many=MANY),
    "diagnostics-large": diagnostics("production", ("OutOfMemory",), many=MANY),
    "post-mortem-large": long_post_mortem,
    "run-report-large": run_report(steps=MANY // 2),
}
