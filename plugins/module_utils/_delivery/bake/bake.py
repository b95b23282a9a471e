# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change, watched for a window: looks at fixed times, hard limits between them, one verdict."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._cluster.watch import Watch
from ..._core.errors import SalvageError
from ..._core.gather import for_each
from ..._core.progress import Tell, silent
from ..._core.status import CRITICAL, HEALTHY
from ..._metrics.decide import evaluate_all
from ..._metrics.model import Profile
from ..._prometheus.model import MetricSample
from ..._workloads.pod_http import health_of
from ..._workloads.progress import Progress, restarts_of
from ..._workloads.workload import Object
from ..rollout.rollback import Workload, now
from .counters import CounterTally, Point, Signals, bound_of_p99, errors_of, rise, slower_than
from .journey import OK, Course, broken, counts_of, unsure
from .judge import FAILED, PASSED, UNKNOWN, BakeVerdict, Counts, Coverage, Rule, Stream, judge_bake
from .opa_probes import PolicySource
from .service_requests import ServiceSource
from .sources import PodSource, PrometheusSource, Scrape

Result = dict[str, Any]


@dataclass(frozen=True)
class Baseline:
    """What ran before: requests that failed, requests slower than ``bound``, and the alerts that fired anyway."""

    errors: Counts = field(default_factory=Counts)
    slow: Counts = field(default_factory=Counts)
    bound: float | None = None
    source: str = ""
    firing: tuple[tuple[tuple[str, str], ...], ...] = ()
    none: bool = False  # nothing ran before, so errors are compared with the floor alone
    journey: Mapping[str, str] = field(default_factory=dict)  # what came through the ports of Services, by NAME:PORT

    def to_dict(self) -> Result:
        return {
            "errors": {"trials": self.errors.trials, "events": self.errors.events},
            "slow": {"trials": self.slow.trials, "events": self.slow.events},
            "slow_bound": self.bound,
            "source": self.source,
            "firing": [dict(labels) for labels in self.firing],
            "journey": dict(self.journey),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Baseline:
        """Raises SalvageError(bad_input)."""
        try:
            errors, slow = data["errors"], data["slow"]
            return cls(
                Counts(float(errors["trials"]), float(errors["events"])),
                Counts(float(slow["trials"]), float(slow["events"])),
                None if data.get("slow_bound") is None else float(data["slow_bound"]),
                str(data.get("source", "")),
                tuple(tuple(sorted(labels.items())) for labels in data.get("firing") or []),
                journey={str(key): str(state) for key, state in (data.get("journey") or {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise SalvageError(f"baseline is not what state: measured returns: {exc!r}", reason="bad_input") from None


@dataclass(frozen=True)
class Plan:
    """How long, how often, and what ends it at once."""

    window: float = 900.0
    interval: float = 15.0
    extend: float = 0.0
    share: float = 0.9
    threshold_looks: int = 2
    health_path: str = "/health"
    health_port: str = "8000"
    severities: frozenset[str] = frozenset({"critical"})


@dataclass(frozen=True)
class Sources:
    pods: PodSource
    prometheus: PrometheusSource | None = None
    policy: PolicySource | None = None
    service: ServiceSource | None = None

    @property
    def main(self) -> PodSource | PrometheusSource:
        return self.prometheus or self.pods


def nothing_before(sources: Sources) -> Baseline:
    """For what is new: no requests to compare with, but the alerts that fired while it was not there.  Raises SalvageError."""
    firing = sources.prometheus.firing() if sources.prometheus else []
    return Baseline(source="none: nothing ran before", firing=tuple(sorted(_alerts(firing))), none=True)


def _alerts(firing: Iterable[Mapping[str, str]]) -> Iterable[tuple[tuple[str, str], ...]]:
    return (tuple(sorted(labels.items())) for labels in firing)


def measure(workload: Workload, sources: Sources, signals: Signals, seconds: float) -> Baseline:
    """The baseline: the workload as it is, over the last ``seconds`` (Prometheus) or its pods' lives.  Raises SalvageError."""
    pods = [pod for pod in workload.progress().pods if not pod["metadata"].get("deletionTimestamp")]
    names = frozenset(signals.names)
    firing: tuple[tuple[tuple[str, str], ...], ...] = ()
    if sources.prometheus:
        history = sources.prometheus.history(pods, names, seconds)
        risen = [_over(series, signals) for series in history.values()]
        firing = tuple(sorted(_alerts(sources.prometheus.firing())))
        source = f"Prometheus, {seconds:g} s of {len(history)} pods"
    else:
        scrape, _gaps = sources.pods.scrape(pods, names)
        risen = [{p.key: p.value for p in points if signals.counts(p)} for points in scrape.values()]
        source = f"the whole lives of {len(scrape)} pods"
    bound = bound_of_p99(risen, signals)
    slow = slower_than(risen, signals, bound) if bound is not None else Counts()
    return Baseline(errors_of(risen, signals), slow, bound, source, firing)


def _over(series: Iterable[list[Point]], signals: Signals) -> dict[Any, float]:
    return {
        points[0].key: sum(rise(before.value, after.value) for before, after in itertools.pairwise(points))
        for points in series
        if signals.counts(points[0])
    }


@dataclass
class Bake:
    """One bake.  ``emit`` gets each look."""

    workload: Workload
    sources: Sources
    signals: Signals
    rule: Rule
    plan: Plan
    baseline: Baseline
    profile: Profile
    emit: Tell = silent
    looks: list[Result] = field(default_factory=list)

    def run(self) -> tuple[BakeVerdict, Result]:
        """Until the window is over, or the change is found bad.  Raises SalvageError if the workload can't be watched."""
        began = now()
        with Watch(self.workload.cluster, self.workload.lists(self.workload.read())) as watch:
            verdict = self._watched(watch)
        record = {
            "verdict": verdict.status,
            "reason": verdict.reason,
            "evidence": verdict.evidence,
            "abort_at": 1 / self.rule.alpha,
            "began": began,
            "ended": now(),
            "baseline": self.baseline.to_dict(),
            "weak": self.weak,
            "journey": {name: course.to_dict() for name, course in self._courses.items()},
            "looks": self.looks,
        }
        return verdict, record

    @property
    def weak(self) -> str:
        """What limits the verdict."""
        alone = "without a baseline: errors are held against the floor, slow answers against nothing" if self.baseline.none else ""
        return "; ".join(filter(None, [self.sources.main.weak, alone, self._without]))

    @property
    def _without(self) -> str:
        return self.sources.service.without if self.sources.service else ""

    def _watched(self, watch: Watch) -> BakeVerdict:
        first = self.workload.progress_in(watch.scene)
        self._restarts = {pod["metadata"]["uid"]: restarts_of(pod) for pod in first.pods}
        names = frozenset(self.signals.names) | self.profile.names
        self._every = interval = self._interval(first, names)
        planned = max(1, round(self.plan.window / interval))
        self._streams = self._start(planned)
        self._tally, self._breaches, self._sick = CounterTally(self.signals), Counter[str](), Counter[str]()
        self._absent: Counter[str] = Counter()
        self._came, self._due = 0, 0
        self._courses: dict[str, Course] = {}
        scrape, _gaps = self.sources.main.scrape(list(first.pods), names)
        for pod, points in scrape.items():
            self._tally.take(pod, points)
        if lost := self._journey([], reachable=False):  # what is certain is not watched for an interval first
            verdict = judge_bake(self._streams, Coverage(), hard=lost)
            self._tell(0, verdict, {}, [])
            return verdict
        start = time.monotonic()
        limit = planned + int(self.plan.extend / interval)
        verdict = BakeVerdict(UNKNOWN, "nothing was measured", 1.0)
        for look in range(1, limit + 1):
            hard = watch.wait(lambda scene: self._broken(self.workload.progress_in(scene)) or None, start + look * interval)
            if hard:
                verdict = judge_bake(self._streams, Coverage(), hard=(hard,))
                self._tell(look, verdict, {}, [])
                return verdict
            verdict = self._look(look, self.workload.progress_in(watch.scene), names)
            if verdict.status == FAILED or (look >= planned and verdict.status == PASSED):
                return verdict
        return verdict

    def _interval(self, progress: Progress, names: frozenset[str]) -> float:
        if not self.sources.prometheus:
            return self.plan.interval
        interval = max(self.plan.interval, self.sources.prometheus.cadence(list(progress.pods), names))
        self.sources.prometheus.lookback = 2.5 * interval
        return interval

    def _start(self, planned: int) -> dict[str, Stream]:
        streams = {"errors": Stream.start(None if self.baseline.none else self.baseline.errors, self.rule, planned)}
        if self.baseline.bound is not None:
            rule = replace(self.rule, floor=max(self.rule.floor, 0.01))  # slow is what is beyond the baseline's p99, so 1 % is expected
            streams["slow"] = Stream.start(self.baseline.slow, rule, planned)
        if self.sources.service and self.sources.service.steps:
            streams["journey"] = Stream.start(None if self.baseline.none else self.baseline.errors, self.rule, planned)
        return streams

    def _look(self, look: int, progress: Progress, names: frozenset[str]) -> BakeVerdict:
        pods = [pod for pod in progress.pods if not pod["metadata"].get("deletionTimestamp")]
        scrape, gaps = self.sources.main.scrape(pods, names)
        self._due += max(len(pods), progress.desired)
        self._came += len(scrape)
        risen = [self._tally.take(pod, points, new=True) for pod, points in scrape.items()]
        counts = {"errors": errors_of(risen, self.signals)}
        if "slow" in self._streams and self.baseline.bound is not None:
            counts["slow"] = slower_than(risen, self.signals, self.baseline.bound)
        health = self._health(pods)
        before = counts_of(self._courses.values())
        lost = self._journey(gaps, reachable=bool(self.plan.health_path and pods) and not self._sick)
        if "journey" in self._streams:
            after = counts_of(self._courses.values())
            counts["journey"] = Counts(after.trials - before.trials, after.events - before.events)
        self._streams = {name: stream.after(counts[name]) for name, stream in self._streams.items()}
        hard = (*self._thresholds(scrape), *health, *lost, *self._alerts(gaps), *self._denied(gaps))
        coverage = Coverage(self._came, self._due, len(scrape), progress.desired, self.plan.share)
        unseen = tuple(
            f"{metric} was absent in {number} of {look} looks"
            for metric, number in sorted(self._absent.items())
            if number > (1 - self.plan.share) * look
        )
        unseen += unsure(self._courses, self.plan.share)
        unseen += (self.sources.service.doubt,) if self.sources.service and self.sources.service.doubt else ()
        seen_otherwise = bool(self.plan.health_path or self.profile.names or self.sources.policy)
        beside = frozenset({"journey"})
        verdict = judge_bake(self._streams, coverage, hard=hard, required=("errors",), unseen=unseen, quiet=seen_otherwise, beside=beside)
        if verdict.status == PASSED and self._without:
            verdict = replace(verdict, reason=f"{verdict.reason}; {self._without}")
        self._tell(look, verdict, counts, gaps)
        return verdict

    def _tell(self, look: int, verdict: BakeVerdict, counts: Mapping[str, Counts], gaps: list[str]) -> None:
        entry = {
            "look": look,
            "at": now(),
            "verdict": verdict.status,
            "reason": verdict.reason,
            "evidence": verdict.evidence,
            "counts": {name: {"trials": c.trials, "events": c.events} for name, c in counts.items()},
            "scrapes": self._came,
            "scrapes_due": self._due,
            "gaps": gaps,
            "says": self._says(look, verdict, gaps),
        }
        self.looks.append(entry)
        self.emit(entry)

    def _says(self, look: int, verdict: BakeVerdict, gaps: list[str]) -> str:
        seen, sent = self._streams["errors"].seen, counts_of(self._courses.values())
        words = [
            f"{look * self._every:g}/{self.plan.window:g} s",
            f"{seen.trials:,.0f} requests",
            f"{seen.events:,.0f} errors",
            *([f"{sent.trials:g} through the Service, {sent.events:g} failed"] if self._courses else []),
            f"E {verdict.evidence:.2g} of {1 / self.rule.alpha:g}",
            *(["gaps: " + "; ".join(gaps)] if gaps else []),
            *([verdict.reason] if verdict.status == FAILED else []),
        ]
        return ", ".join(words)

    # --- hard limits

    def _broken(self, progress: Progress) -> str:
        """What the cluster itself says, between two looks."""
        if progress.status == "failed":
            return progress.reason
        for pod in progress.pods:
            restarts, before = restarts_of(pod), self._restarts.get(pod["metadata"]["uid"], 0)
            if restarts > before:
                return f"pod {pod['metadata']['name']} was restarted"
        return ""

    def _thresholds(self, scrape: Scrape) -> list[str]:
        found: dict[str, str] = {}
        missing: set[str] = set()
        at = time.time()
        for pod, points in scrape.items():
            samples = [MetricSample(p.name, p.value, timestamp=p.at, labels=p.labels) for p in points if p.name in self.profile.names]
            for evaluation in evaluate_all(self.profile, samples, now=at):
                if evaluation.status == "critical":
                    found[evaluation.name] = f"{evaluation.reason} ({pod})"
                elif evaluation.status == UNKNOWN:
                    missing.add(evaluation.name)
        self._absent.update(missing)
        return self._lasting(self._breaches, found, self.plan.threshold_looks)

    def _health(self, pods: list[Object]) -> list[str]:
        if not self.plan.health_path:
            return []

        answers = for_each(lambda pod: health_of(self.workload.cluster, pod, self.plan.health_port, self.plan.health_path), pods)
        by_pod = {pod["metadata"]["name"]: health for pod, health in zip(pods, answers, strict=True) if health.status != HEALTHY}
        sick = {pod: f"pod {pod}: {health.reason}" for pod, health in by_pod.items()}
        # What the pod itself states counts at once; anything else may be the connection to it, so it must come twice.
        stated = [sick[pod] for pod, health in by_pod.items() if health.status == CRITICAL]
        return stated or self._lasting(self._sick, sick, 2)

    def _alerts(self, gaps: list[str]) -> list[str]:
        if not self.sources.prometheus or not self.plan.severities:
            return []
        try:
            firing = self.sources.prometheus.firing()
        except SalvageError as exc:
            gaps.append(f"alerts: {exc}")
            return []
        before = {frozenset(labels) for labels in self.baseline.firing}
        fresh = [labels for labels in firing if labels.get("severity") in self.plan.severities and frozenset(labels.items()) not in before]
        return [f"alert {labels.get('alertname', '?')} fires" for labels in fresh]

    def _denied(self, gaps: list[str]) -> tuple[str, ...]:
        if not self.sources.policy:
            return ()
        answers = self.sources.policy.ask()
        self._absent.update(answers.silent.keys())
        gaps += [f"{name}: {why}" for name, why in answers.silent.items()]
        return answers.denied

    def _journey(self, gaps: list[str], *, reachable: bool) -> tuple[str, ...]:
        source = self.sources.service
        if not source:
            return ()
        gaps += [source.doubt] if source.doubt else []
        for name, found in source.ask().items():
            self._courses[name] = self._courses.get(name, Course()).after(found, reachable=reachable)
            gaps += [f"{name}: {found.reason}"] if found.state != OK else []
        return broken(self._courses)

    @staticmethod
    def _lasting(counter: Counter[str], found: Mapping[str, str], needed: int) -> list[str]:
        for name in [name for name in counter if name not in found]:
            del counter[name]
        counter.update(found.keys())
        return [reason for name, reason in found.items() if counter[name] >= needed]
