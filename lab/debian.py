# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages, unpacked into the cache: nothing is installed on the machine and no service is started."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from .common import CACHE, LabError, Progress, locked, run

# apt links these names when it installs iptables, which here nobody does.
IPTABLES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def root_of(packages: list[str]) -> Path:
    release = Path("/etc/os-release").read_text(encoding="utf-8") if Path("/etc/os-release").exists() else ""
    system = "-".join(re.findall(r"^(?:ID|VERSION_ID)=\"?([^\"\n]+)", release, re.MULTILINE)) or "unknown"
    return CACHE / "debian" / f"{system}-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"


def unpack(packages: list[str], progress: Progress) -> Path:
    """Downloads the packages, and of what they need whatever the machine does not have, and unpacks them into one folder."""
    root = root_of(packages)
    if (root / ".complete").exists():
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise LabError(
            f"{', '.join(packages)} come from Debian's packages, and this machine has no apt-get. A lab without them: --size control-plane."
        )
    with locked(CACHE / "debian.lock", progress, "a download of Debian packages"):
        if (root / ".complete").exists():
            return root
        progress.say(f"unpacking Debian's {', '.join(packages)} into {root}")
        names = _wanted(packages, progress)
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=".unpacking-") as name:
            work = Path(name)
            (work / "archives").mkdir()
            # A package that the machine has is unpacked as well: its version is then the one that was downloaded, whatever is installed.
            run(["apt-get", "download", *names], cwd=work / "archives")
            for archive in sorted((work / "archives").glob("*.deb")):
                run(["dpkg", "-x", archive, work])
            shutil.rmtree(work / "archives")
            _link_iptables(work)
            (work / ".complete").touch()
            work.chmod(0o755)
            shutil.rmtree(root, ignore_errors=True)
            work.rename(root)
            work.mkdir()  # for the temporary folder's own end
    return root


def _wanted(packages: list[str], progress: Progress) -> list[str]:
    plan = ["apt-get", "install", "--simulate", "--no-install-recommends", *packages]
    try:
        simulated = run(plan)
    except LabError:  # no package lists yet
        progress.say("fetching Debian's package lists (apt-get update)")
        run(["apt-get", "update"])
        simulated = run(plan)
    return sorted({*packages, *re.findall(r"^Inst (\S+)", simulated, re.MULTILINE)})


def _link_iptables(root: Path) -> None:
    folder = root / "usr/sbin"
    if (folder / "xtables-nft-multi").exists():
        for name in IPTABLES:
            if not (folder / name).exists():
                (folder / name).symlink_to("xtables-nft-multi")


def java(progress: Progress) -> Path:
    """JAVA_HOME of the Java 17 that ansible-rulebook needs, for a machine that has none."""
    root = unpack(["openjdk-17-jre-headless"], progress)
    (home,) = (root / "usr/lib/jvm").glob("java-17-openjdk-*/")
    for link in home.rglob("*"):  # its configuration is in /etc, which is not of this folder
        if link.is_symlink() and str(link.readlink()).startswith("/etc/"):
            target = root / str(link.readlink()).lstrip("/")
            link.unlink()
            link.symlink_to(target)
    return home


def environment(root: Path, *more_path: Path) -> dict[str, str]:
    """What a process needs to run the unpacked programs. Only libraries that the machine lacks are in the folder, so none is shadowed."""
    path = [str(folder) for folder in (*more_path, root / "usr/sbin", root / "usr/bin", root / "sbin", root / "bin")]
    # PulseAudio's libraries find one of their own by an absolute path, which is not in this folder.
    patterns = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio")
    libraries = [str(folder) for pattern in patterns for folder in sorted(root.glob(pattern))]
    return {
        "PATH": os.pathsep.join([*path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
        "XTABLES_LIBDIR": os.pathsep.join(f"{folder}/xtables" for folder in libraries),
    }
