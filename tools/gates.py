# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates that a change passes, each by name or all of them in order.

    python3 -m tools.gates [lint] [unit] [pages] [docs] [oldest] [install] [sanity] [lab] [artifact] [integration] [molecule]
    python3 -m tools.gates soak    the tests that repeat, at full size; takes hours and is not one of the gates

A step that fails hides no later one.  The end shows what failed, the ten slowest tests, the time of each step and, in the last line,
the count: N passed, N failed.  Some gates run side by side (see PHASES); what one of those in the background prints comes when it ends.
With KUBECONFIG_LAB set, the gates that need a cluster use that lab; otherwise they start one and take it down again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import collection, install, sanity, soak
from .env import CHECKOUT, EnvError, Python, collections_path, environment, newest_python, oldest_python

LAB = f"make-test-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:6]}"  # two checkouts can test at the same time
COVERAGE_FLOOR = 95
FAILURE_LINES = 25
REASONS, REASON_WIDTH = 3, 300  # lines of a failure that the end of the log repeats, and characters of each
SLOWEST = 10
# Files of integration tests, and scenarios of molecule, that run at a time: they mostly wait for pods.
AT_A_TIME = 4
# Files of integration tests with a namespace of their own. They run side by side. All other files run one by one, because they stop the
# kubelet, take the monitoring away, measure milliseconds, or read the whole cluster.
SIDE_BY_SIDE = frozenset(
    {
        "test_alert_response",
        "test_alert_rules",
        "test_awx_jobs",
        "test_backup_s3",
        "test_blue_green_playbook",
        "test_dashboards",
        "test_delivery_cases",
        "test_delivery_deploy",
        "test_delivery_helm",
        "test_delivery_journey",
        "test_delivery_playbooks",
        "test_diagnostics",
        "test_diagnostics_faults",
        "test_events",
        "test_events_guard",
        "test_fidelity",
        "test_game_day",
        "test_incident",
        "test_manifests",
        "test_manifests_property",
        "test_monitoring_changes",
        "test_notify",
        "test_peace_bonds",
        "test_peace_bonds_policy",
        "test_peace_bonds_restrictions",
        "test_rebuild_namespace",
        "test_recovery_drills",
        "test_recovery_playbooks",
        "test_response_guard",
        "test_restore_faults",
        "test_restore_namespace",
        "test_silences",
        "test_snapshot",
        "test_terraform",
        "test_tutorials",
    }
)
# Of these, the ones that take longest start first, or the others wait for them in the end.
LONGEST = ("test_recovery_playbooks", "test_recovery_drills", "test_peace_bonds_policy", "test_peace_bonds_restrictions")
# Files that take longer than all others together run with `make soak`: every playbook on two releases, every alert, kills of a reload.
SOAK_ONLY = frozenset({"test_alerts_fire", "test_canary", "test_fleet_waves", "test_monitoring_kills", "test_monitoring_twelve"})
# Scenarios that look at the whole cluster run alone; each of the others has a namespace of its own.
ALONE = frozenset({"health_check", "cluster_rebuild"})


@dataclass
class Step:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""
    failures: list[str] = field(default_factory=list)  # each test's name, and the end of its output
    tests: list[tuple[float, str]] = field(default_factory=list)  # seconds and name of the slowest tests


@dataclass
class Run:
    """The steps so far, and what they share."""

    scratch: Path
    steps: list[Step] = field(default_factory=list)
    kubeconfig: str | None = os.environ.get("KUBECONFIG_LAB") or None
    lab_is_ours: bool = False
    archive: Path | None = None

    def step(self, name: str, work: Callable[[Step], None]) -> Step:
        print(f"\n=== {name}", flush=True)
        step = Step(name)
        start = time.monotonic()
        try:
            work(step)
        except EnvError as error:
            step.failed += 1
            step.note = str(error)
        except Exception as error:
            # A defect of the gates themselves must not hide the later ones either.
            traceback.print_exc()
            step.failed += 1
            step.note = f"({type(error).__name__})"
        step.seconds = time.monotonic() - start
        print(f"=== {name}: {'failed' if step.failed else 'ok'}, {step.seconds:.0f} s {step.note}".rstrip(), flush=True)
        self.steps.append(step)
        return step

    def command(
        self,
        name: str,
        *command: str,
        cwd: Path = CHECKOUT,
        extra: dict[str, str] | None = None,
        only_failure_speaks: bool = False,
        at_the_end: bool = False,
    ) -> Step:
        """A step that is one command; its exit status decides.  ``at_the_end``: its output is printed in one piece."""

        def work(step: Step) -> None:
            if execute(*command, cwd=cwd, extra=extra, only_failure_speaks=only_failure_speaks, at_the_end=at_the_end):
                step.failed += 1
            else:
                step.passed += 1

        return self.step(name, work)

    def pytest(self, name: str, *arguments: str, extra: dict[str, str] | None = None, python: Python | None = None) -> Step:
        """A step that is a pytest run; every test counts."""

        def work(step: Step) -> None:
            report = self.scratch / f"{name.replace('/', '-')}.xml"
            status = execute("pytest", f"--junitxml={report}", *arguments, extra=extra, python=python)
            root = ET.parse(report).getroot() if report.exists() else ET.Element("none")
            step.failures += failures_of(root)
            step.tests = slowest_of(root)
            for suite in root.iter("testsuite"):
                count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
                step.failed += count["failures"] + count["errors"]
                step.skipped += count["skipped"]
                step.passed += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
            if status and not step.failed:
                # no test ran, it crashed, or the coverage is below the floor
                step.failed += 1
                step.note = f"(pytest ended with status {status})"

        return self.step(name, work)


def failures_of(report: ET.Element) -> list[str]:
    """Of a JUnit report, each failed test with the last lines of its failure: what is wanted of a long log first."""
    return [
        "\n    ".join(
            [f"{case.get('classname')}::{case.get('name')}", *str(bad.text or bad.get("message")).strip().splitlines()[-FAILURE_LINES:]]
        )
        for case in report.iter("testcase")
        for bad in (*case.iter("failure"), *case.iter("error"))
    ]


def in_short(failure: str) -> str:
    """The test of a failure, and what its assertion says."""
    test, *lines = failure.splitlines()
    reasons = [line.strip().removeprefix("E ").strip() for line in lines if line.strip().startswith("E ")]
    return "\n    ".join([test, *(reason[:REASON_WIDTH] for reason in reasons[:REASONS])])


def slowest_of(report: ET.Element, most: int = SLOWEST) -> list[tuple[float, str]]:
    """Of a JUnit report, the slowest tests with their seconds."""
    cases = [(float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}") for case in report.iter("testcase")]
    return sorted(cases, reverse=True)[:most]


def execute(
    *command: str,
    cwd: Path = CHECKOUT,
    extra: dict[str, str] | None = None,
    python: Python | None = None,
    only_failure_speaks: bool = False,
    at_the_end: bool = False,
) -> int:
    environ = {**environment(python), **(extra or {})}
    if not sys.stdout.isatty():
        environ["NO_COLOR"] = "1"
    program = shutil.which(command[0], path=environ["PATH"])
    if program is None:
        raise EnvError(f"There is no command {command[0]!r} on this machine.")
    sys.stdout.flush()
    output = subprocess.PIPE if only_failure_speaks or at_the_end else None
    done = subprocess.run(
        [program, *command[1:]],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        check=False,
    )
    if done.stdout and (done.returncode or at_the_end):
        print(done.stdout.decode(errors="replace"), flush=True)
    return done.returncode


def lint(run: Run) -> None:
    run.command("lint/ruff", "ruff", "check", ".")
    run.command("lint/format", "ruff", "format", "--check", ".")
    run.command("lint/mypy", "mypy", "--no-incremental", "lab", "tools")
    # As a package of the collections path, so that plugins find each other as they do under Ansible.
    plugins = ("mypy", "--no-incremental", "-p", "ansible_collections.euystacio.meta_salvage.plugins")
    run.command("lint/mypy-plugins", *plugins, extra={"MYPYPATH": str(collections_path())})
    # ansible-rulebook runs the event source by its path, outside of any collection.
    source = CHECKOUT / "extensions" / "eda" / "plugins" / "event_source"
    run.command(
        "lint/mypy-events", "mypy", "--no-incremental", "-p", "meta_salvage_events", "-m", "alerts", extra={"MYPYPATH": str(source)}
    )
    run.command("lint/yamllint", "yamllint", "--strict", ".")
    run.command("lint/ansible-lint", "ansible-lint", "--offline", "--strict")
    run.command("lint/changelog", "antsibull-changelog", "lint")
    run.command("lint/spelling", "codespell", ".")
    run.command("lint/style", "python", "-m", "tools.style")
    # References to kubernetes.core are checked too; it is always there, pinned.
    run.command("lint/docs", *("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=dependent", "."))


def unit(run: Run) -> None:
    run.pytest(
        "unit",
        *("tests/unit", "-q", "-n", "2"),
        *("--cov=plugins", "--cov=extensions/eda/plugins", f"--cov-fail-under={COVERAGE_FLOOR}", "--cov-report=term-missing:skip-covered"),
    )


def unit_on_the_oldest_python(run: Run) -> None:
    oldest = oldest_python()
    if oldest and oldest != newest_python():
        run.pytest(f"unit/python{oldest.name}", "tests/unit", "-q", python=oldest)


def pages(run: Run) -> None:
    run.pytest("pages", "tests/pages", "-q", "-n", "2")


def docs(run: Run) -> None:
    run.command("docs", "python", "-m", "tools.docs_site", str(run.scratch / "docs"))


def installation(run: Run) -> None:
    for case in install.cases():

        def work(step: Step, case: install.Case = case) -> None:
            seconds = install.install(case, run.scratch / "install")
            step.passed += 1
            step.note = f"(pip took {seconds:.0f} s of at most {install.LIMIT:.0f})"

        run.step(f"install/{case.name}", work)


def _archive(run: Run) -> Path:
    if run.archive is None:
        run.archive = collection.build(run.scratch)
    return run.archive


def sanity_on_each_core(run: Run) -> None:
    for core, python in sanity.cores().items():

        def work(step: Step, core: str = core, python: Python | None = python) -> None:
            if python is None:
                # Said and counted, never passed over: the machine lacks an interpreter that this ansible-core runs on.
                step.skipped += 1
                step.note = "(skipped: no Python at hand that this ansible-core runs on)"
            else:
                step.passed, step.failed = sanity.run(_archive(run), core, python)

        run.step(f"sanity/ansible-core-{core}" + (f"-python{python.name}" if python else ""), work)


def lab(run: Run) -> None:
    """What the lab is made of: its binaries, the stand-in's own tests, the policies' own tests."""
    if run.command("lab/build", sys.executable, "-m", "lab", "build").failed:
        return
    from lab import build, common, versions  # noqa: PLC0415  (gates that need no lab run without it)

    known = versions.load()
    go = build.find_go(known.go, common.Progress())
    run.command("lab/standin", go, "test", "./...", cwd=CHECKOUT / "lab" / "standin", extra={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"})
    opa = str(build.binary(known, "opa"))
    policies = ("--ignore", "upstream_defects", "lab/policies")
    run.command("lab/policies-check", opa, "check", "--strict", *policies)
    run.command("lab/policies-test", opa, "test", "--threshold", str(COVERAGE_FLOOR), *policies, only_failure_speaks=True)


def lab_up(run: Run) -> dict[str, str] | None:
    """The variables that lead to a lab, which is brought up where none is given; None where it cannot be."""
    if run.kubeconfig is None and not any(step.name == "lab/up" for step in run.steps):

        def work(step: Step) -> None:
            run.lab_is_ours = True
            if execute(sys.executable, "-m", "lab", "up", LAB, "--size", "node"):
                raise EnvError("The lab did not come up; what it said is above.")
            where = [sys.executable, "-m", "lab", "kubeconfig", LAB]
            run.kubeconfig = subprocess.run(where, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()
            step.passed += 1

        run.step("lab/up", work)
    if run.kubeconfig is None:
        return None
    return {"KUBECONFIG": run.kubeconfig, "KUBECONFIG_LAB": run.kubeconfig, "K8S_AUTH_KUBECONFIG": run.kubeconfig}


def lab_down(run: Run) -> None:
    if run.lab_is_ours:
        run.command("lab/down", sys.executable, "-m", "lab", "down", LAB)


def artifact(run: Run) -> None:
    extra = {"META_SALVAGE_ARCHIVE": str(_archive(run)), **(lab_up(run) or {})}
    run.pytest("artifact", "tests/artifact", "-q", extra=extra)


def integration(run: Run) -> None:
    variables = lab_up(run)
    if variables is not None:
        files = [path for path in sorted((CHECKOUT / "tests" / "integration").glob("test_*.py")) if path.stem not in SOAK_ONLY]
        alone = [str(path) for path in files if path.stem not in SIDE_BY_SIDE]
        together = sorted((path for path in files if path.stem in SIDE_BY_SIDE), key=lambda path: (path.stem not in LONGEST, path.stem))
        others = [str(path) for path in together]
        run.pytest("integration/one-by-one", *alone, "-v", extra=variables)
        run.pytest("integration/side-by-side", *others, "-v", "-n", str(AT_A_TIME), "--dist", "loadfile", extra=variables)


def soak_everything(run: Run) -> None:
    sizes = {name: os.environ.get(name, size) for name, size in soak.FOREIGN_SIZE.items()}
    run.pytest("soak/foreign-input", *soak.FOREIGN_INPUT, "-v", "-n", "2", extra=sizes)
    variables = lab_up(run)
    if variables is not None:
        for name in sorted(SOAK_ONLY):
            run.pytest(f"soak/{name}", f"tests/integration/{name}.py", "-v", extra=variables)
        run.pytest("soak/lab", *soak.tests(CHECKOUT / "tests" / "integration"), "-v", "-s", extra={**variables, **soak.FULL_SIZE})


def molecule(run: Run) -> None:
    variables = lab_up(run)
    if variables is None:
        return

    def scenario(name: str, at_the_end: bool = True) -> None:
        # A folder of its own: molecule's default is the same for every checkout, and remembers what another one has prepared.
        extra = {**variables, "MOLECULE_EPHEMERAL_DIRECTORY": str(run.scratch / "molecule" / name)}
        command = ("molecule", "test", "-s", name)
        run.command(f"molecule/{name}", *command, cwd=CHECKOUT / "extensions", extra=extra, at_the_end=at_the_end)

    names = sorted(path.parent.name for path in (CHECKOUT / "extensions" / "molecule").glob("*/molecule.yml"))
    for name in names:
        if name in ALONE:
            scenario(name, at_the_end=False)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(scenario, [name for name in names if name not in ALONE]))


GATES: dict[str, Callable[[Run], None]] = {
    "lint": lint,
    "unit": unit,
    "pages": pages,
    "docs": docs,
    "oldest": unit_on_the_oldest_python,
    "install": installation,
    "sanity": sanity_on_each_core,
    "lab": lab,
    "artifact": artifact,
    "integration": integration,
    "molecule": molecule,
}


EXTRA: dict[str, Callable[[Run], None]] = {"soak": soak_everything}
# Gates that run one after another, and those beside them. Sanity and the unit tests on another Python compute for minutes on one core;
# at a low priority they take what the tests on the lab leave while they wait.
PHASES: tuple[tuple[tuple[str, ...], tuple[str, ...], int], ...] = (
    (("lint",), ("install",), 0),
    (("unit", "pages", "docs"), (), 0),
    (("lab", "artifact", "integration", "molecule"), ("oldest", "sanity"), 19),
)


@contextmanager
def beside(run: Run, names: Sequence[str], niceness: int) -> Iterator[None]:
    """Run gates in a process of their own meanwhile; their output and their steps come when all are done."""
    name = "-".join(names)
    output, report = run.scratch / f"{name}.log", run.scratch / f"{name}.json"
    print(f"\n=== {name}: in the background", flush=True)
    with output.open("wb") as log:
        command = ["nice", "-n", str(niceness), sys.executable, "-m", "tools.gates", f"--report={report}", *names]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
        process.wait()
    finally:
        process.terminate()
        process.wait()
        print(output.read_text(encoding="utf-8", errors="replace"), flush=True)
        if report.exists():
            run.steps += [Step(**step) for step in json.loads(report.read_text(encoding="utf-8"))]
        else:
            run.steps.append(Step(name, failed=1, note=f"(it ended with status {process.returncode} and without a result)"))


def in_order(run: Run, names: Sequence[str]) -> None:
    """Every gate of ``names``, in the order and side by side as PHASES has it; the others after them."""
    left = list(names)
    for gates, companions, niceness in PHASES:
        wanted = [name for name in gates if name in left]
        background = [name for name in companions if name in left] if wanted else []
        with beside(run, background, niceness) if background else nullcontext():
            one_by_one(run, wanted)
        left = [name for name in left if name not in {*wanted, *background}]
    one_by_one(run, left)


def one_by_one(run: Run, names: Sequence[str]) -> None:
    for name in names:
        {**GATES, **EXTRA}[name](run)


def summary(steps: Sequence[Step], seconds_in_all: float) -> tuple[int, int, int]:
    """Print what failed, the slowest tests, each step, the time and the count; returns the count."""
    for step in steps:
        for failure in step.failures:
            print(f"\nFailed in {step.name}: {failure}")
    tests = sorted(((*test, step.name) for step in steps for test in step.tests), reverse=True)[:SLOWEST]
    if tests:
        print("\nSlowest tests                             seconds")
        for seconds, test, step_name in tests:
            print(f"{step_name:40} {seconds:8.1f}  {test}")
    print("\nStep                                        seconds  passed  failed  skipped")
    for step in steps:
        print(f"{step.name:42} {step.seconds:8.0f} {step.passed:7} {step.failed:7} {step.skipped:8}  {step.note}".rstrip())
    print(f"All of it took {seconds_in_all / 60:.0f} minutes.")
    for step in steps:  # once more and short: of a long log, often only the end is kept
        for failure in step.failures:
            print(in_short(f"Failed in {step.name}: {failure}"))
    passed, failed, skipped = (sum(getattr(step, key) for step in steps) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return passed, failed, skipped


def main(arguments: list[str]) -> int:
    reports = [word.removeprefix("--report=") for word in arguments if word.startswith("--report=")]
    names = [word for word in arguments if not word.startswith("--report=")]
    unknown = sorted(set(names) - set(GATES) - set(EXTRA))
    if unknown:
        print(f"There is no gate {', '.join(unknown)}; the gates are {', '.join(GATES)}.", file=sys.stderr)
        return 2
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="meta-salvage-") as scratch:
        run = Run(Path(scratch))
        try:
            environment()  # first of all, so that its time does not count for a step
            in_order(run, names or list(GATES))
        except EnvError as error:
            run.steps.append(Step("environment", failed=1, note=str(error)))
        finally:
            lab_down(run)
    if reports:
        Path(reports[0]).write_text(json.dumps([asdict(step) for step in run.steps]), encoding="utf-8")
        return 1 if any(step.failed for step in run.steps) else 0
    passed, failed, _ = summary(run.steps, time.monotonic() - start)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
