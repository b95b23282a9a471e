# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release, made and checked in build/release, and never published: that is a person's own step.

    python3 -m tools.release               all of it
    python3 -m tools.release changelog     only turn the fragments into CHANGELOG.rst in the checkout, to commit it

All of it: the archive is built twice, under other conditions, and is the same; Automation Hub's importer takes it without a warning;
ansible-lint takes what is installed from it; the health check runs from a clean environment that has nothing but ansible-core, the
requirements and the archive, on the cluster of KUBECONFIG or on a lab; an SBOM and SHA256SUMS lie beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from . import collection, install
from .env import CHECKOUT, CORES, LOCKS, EnvError, environment, link_kubernetes_core, newest_python, venv

FOLDER = CHECKOUT / "build" / "release"
LAB = "release"
# Another user's machine, as far as it could change the bytes.
ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "42", "USER": "somebody"}
# As the importer of Automation Hub calls ansible-lint, but where the collections that roles need can be found.
# YAML's form is for the lint gate, which has the settings of the checkout; the importer leaves it out too.
LINT = ("--profile", "production", "--offline", "--nocolor", "--format=pep8", "-x", "yaml")


def say(text: str) -> None:
    print(f"release: {text}", flush=True)


def run(
    what: str, *command: str, cwd: Path = CHECKOUT, extra: Mapping[str, str] | None = None, base: Mapping[str, str] | None = None
) -> str:
    """What the command printed, or one sentence with its last words."""
    environ = {**(base if base is not None else environment()), **(extra or {})}
    program = shutil.which(command[0], path=environ["PATH"]) or command[0]
    done = subprocess.run(
        [program, *command[1:]], cwd=cwd, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise EnvError("\n  ".join([f"Could not {what}; `{command[0]}` ended with status {done.returncode} and said:", *said]))
    return done.stdout + done.stderr


def refuse_changes() -> None:
    """A release is a commit, so that everybody can build it again."""
    changed = collection.git("status", "--porcelain").splitlines()
    if changed:
        raise EnvError(f"The checkout has changes that no commit has ({changed[0][3:]}, {len(changed)} in all): commit them first.")


def build_twice(folder: Path, scratch: Path) -> Path:
    """The archive of the commit, from clones of it: who goes on working in the checkout meanwhile changes nothing."""
    first, second = scratch / "first", scratch / "a second folder"
    for clone in (first, second):
        run("clone the checkout", "git", "clone", "--quiet", "--no-hardlinks", str(CHECKOUT), str(clone))
    archive = collection.build(folder, first)
    with tempfile.TemporaryDirectory() as other:
        run(
            "build it again",
            *("sh", "-c", f'umask 077 && exec "{sys.executable}" -m tools.collection "{other}"'),
            cwd=second,
            extra=ELSEWHERE,
        )
        again = Path(other, archive.name)
        if again.read_bytes() != archive.read_bytes():
            raise EnvError(f"{archive.name} is not reproducible: the second build has other bytes; compare the two with diffoscope.")
    return archive


def complaints(log: str) -> list[str]:
    """What the importer did not like, from what it prints; its other lines only say what it reads."""
    return [line for line in log.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL", "Traceback"))]


def importer(archive: Path, scratch: Path) -> dict[str, object]:
    """What Automation Hub's importer understood of the archive; raises EnvError at its first complaint.

    Documentation fragments of kubernetes.core are found by PYTHONPATH, because the importer's collections path has the archive alone.
    Its ansible-lint is off for the same reason; ``lint`` runs it.
    """
    path = venv("release")
    beside = scratch / "beside"
    link_kubernetes_core(beside)
    base = {"PATH": f"{path / 'bin'}{os.pathsep}{os.defpath}", "PYTHONPATH": str(beside), "HOME": str(scratch), "LC_ALL": "C.UTF-8"}
    settings = {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false", "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true"}
    settings["ANSIBLE_LOCAL_TEMP"] = settings["GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP"] = str(scratch / "tmp")
    command = (str(path / "bin" / "python"), "-m", "galaxy_importer.main", str(archive))
    log = run("import the archive as Automation Hub does", *command, cwd=scratch, extra=settings, base=base)
    found = complaints(log)
    if found:
        raise EnvError("\n  ".join(["Automation Hub's importer complains:", *found]))
    result: dict[str, object] = json.loads((scratch / "importer_result.json").read_text(encoding="utf-8"))
    return result


def clean_place(archive: Path, scratch: Path) -> dict[str, str]:
    """The variables of an environment that has what a user installs by the README, and nothing of this checkout."""
    core = max(CORES, key=lambda name: tuple(map(int, name.split("."))))
    python = newest_python(*CORES[core])
    if python is None:
        raise EnvError(f"No Python at hand runs ansible-core {core}: install one of {CORES[core]}.")
    home, requirements = scratch / "home", "requirements.txt"
    home.mkdir()
    install.install(install.Case(python, "", requirements), home / "env")  # as the README has it
    base = {"PATH": f"{home / 'env' / 'bin'}{os.pathsep}{os.defpath}", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    pip = (str(home / "env" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install")
    pinned = ("--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(LOCKS / f"core-{core}.lock"))
    run("install ansible-core", *pip, *pinned, base={**os.environ, "PATH": base["PATH"]})
    collections = home / "collections"
    galaxy = (str(home / "env" / "bin" / "ansible-galaxy"), "collection", "install", str(archive), "-n", "--offline")
    run("install the archive", *galaxy, "-p", str(collections), cwd=home, base=base)
    installed = collections.joinpath("ansible_collections", *collection.NAME)
    if (installed / requirements).read_bytes() != (CHECKOUT / requirements).read_bytes():
        raise EnvError(f"The archive's {requirements} is another one than the checkout's; build it again.")
    link_kubernetes_core(collections)  # the one dependency, from the lock, where a user's Galaxy has it
    return {**base, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_PYTHON_INTERPRETER": str(home / "env" / "bin" / "python")}


def lint(place: Mapping[str, str], scratch: Path) -> None:
    """ansible-lint of the release's own lock, on a copy of what was installed."""
    collections = Path(scratch, "lint")
    inside = Path("ansible_collections", *collection.NAME)
    shutil.copytree(Path(place["ANSIBLE_COLLECTIONS_PATH"]) / inside, collections / inside)
    link_kubernetes_core(collections)
    path = venv("release")
    base = {"PATH": f"{path / 'bin'}{os.pathsep}{os.defpath}", "HOME": str(scratch), "LC_ALL": "C.UTF-8"}
    base |= {"ANSIBLE_COLLECTIONS_PATH": str(collections), "XDG_CACHE_HOME": str(scratch / "cache")}
    run("lint what is installed", "ansible-lint", *LINT, "--project-dir", ".", cwd=collections / inside, base=base)


@contextmanager
def cluster() -> Iterator[str]:
    """A kubeconfig: that of the environment, or of a lab that goes down in the end."""
    given = os.environ.get("KUBECONFIG_LAB") or os.environ.get("KUBECONFIG")
    if given:
        yield given
        return
    run("bring up a lab", sys.executable, "-m", "lab", "up", LAB)
    try:
        yield run("find the lab", sys.executable, "-m", "lab", "kubeconfig", LAB).strip()
    finally:
        run("take the lab down", sys.executable, "-m", "lab", "down", LAB)


def health_check(place: Mapping[str, str], kubeconfig: str, scratch: Path) -> str:
    """The headline of a health check that runs as a user has it."""
    given = {"health_check_report_dir": str(scratch / "reports"), "health_check_fail_on": []}
    command = ("ansible-playbook", "euystacio.meta_salvage.health_check", "-e", json.dumps(given))
    extra = {"KUBECONFIG": kubeconfig, "K8S_AUTH_KUBECONFIG": kubeconfig, "ANSIBLE_NOCOLOR": "1"}
    run("run the health check from what is installed", *command, cwd=scratch, extra=extra, base=place)
    report = json.loads((scratch / "reports" / "localhost.json").read_text(encoding="utf-8"))
    return str(report["status"])


def bill(environment_bill: Mapping[str, object], archive: Path, dependencies: Mapping[str, str], when: int) -> dict[str, object]:
    """The SBOM of the collection: what its clean environment has, and the collections that it depends on.

    cyclonedx-py describes a Python environment; the component that it is about is set here.  The same commit gives the same document.
    """
    name, version = ".".join(collection.NAME), archive.name.removesuffix(".tar.gz").rsplit("-", 1)[1]
    reference = f"{name}@{version}"
    hashes = [{"alg": "SHA-256", "content": hashlib.sha256(archive.read_bytes()).hexdigest()}]
    subject = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "hashes": hashes,
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
    }
    python = environment_bill.get("components", [])
    if not isinstance(python, list):
        raise EnvError("The SBOM of the environment has no list of components; renew tools/locks/dev.lock.")
    collections = [
        {"type": "library", "bom-ref": f"{one}@{at}", "name": one, "version": at, "description": "Ansible collection"}
        for one, at in sorted(dependencies.items())
    ]
    components = sorted([*python, *collections], key=lambda one: (str(one["name"]).lower(), str(one.get("version", ""))))
    needs = {"ref": reference, "dependsOn": sorted(str(one["bom-ref"]) for one in components)}
    known = [entry for entry in _listed(environment_bill, "dependencies") if entry.get("ref") != "root-component"]
    stamp = datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {key: value for key, value in environment_bill.items() if key not in {"serialNumber", "properties"}}
    return {
        **kept,
        "metadata": {"timestamp": stamp, "component": subject},
        "components": components,
        "dependencies": [needs, *known],
    }


def _listed(document: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    value = document.get(key, [])
    return value if isinstance(value, list) else []


def write_bill(place: Mapping[str, str], archive: Path, result: Mapping[str, object]) -> Path:
    command = ("cyclonedx-py", "environment", "--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6")
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch, "environment.json")
        run("list the clean environment", *command, "--output-file", str(target), place["ANSIBLE_PYTHON_INTERPRETER"])
        listed = json.loads(target.read_text(encoding="utf-8"))
    metadata = result.get("metadata")
    wanted = metadata["dependencies"] if isinstance(metadata, dict) else {}
    versions = {}
    for name in wanted:
        manifest = Path(place["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections", *name.split("."), "MANIFEST.json")
        versions[name] = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    path = archive.with_name(archive.name.removesuffix(".tar.gz") + ".cdx.json")
    document = bill(listed, archive, versions, collection.moment())
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def sums(files: Sequence[Path]) -> str:
    """As sha256sum writes them."""
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def release() -> None:
    refuse_changes()
    shutil.rmtree(FOLDER, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="meta-salvage-release-") as name:
        scratch = Path(name)
        archive = build_twice(FOLDER, scratch)
        say(f"{archive.name} is built, twice with the same bytes")
        result = importer(archive, scratch)
        contents = result["contents"]
        say(f"Automation Hub's importer takes it, {len(contents) if isinstance(contents, list) else 0} parts, no complaint")
        place = clean_place(archive, scratch)
        lint(place, scratch)
        say("it is installed in a clean environment, and ansible-lint takes it at the production profile")
        with cluster() as kubeconfig:
            say(f"the health check ran from there; it found the cluster {health_check(place, kubeconfig, scratch)}")
        listed = write_bill(place, archive, result)
    (FOLDER / "SHA256SUMS").write_text(sums([archive, listed]), encoding="ascii")
    say(f"{listed.name} and SHA256SUMS are written; all of it is in {FOLDER}")
    say("nothing is published; docs/support.md says how, and who")


def main(arguments: Sequence[str]) -> int:
    if arguments == ["changelog"]:
        collection.write_changelog(CHECKOUT, collection.moment())
    elif arguments:
        print(__doc__)
        return 2
    else:
        release()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EnvError as error:
        sys.exit(f"{error}")
