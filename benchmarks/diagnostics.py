# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnostics of a namespace, three ways, at 10 to 5,000 pods: a kubectl loop, support-bundle, and ours.

    python benchmarks/diagnostics.py [--pods 10,200,1000,5000] [--runs 3] [--support-bundle] [--write]

On the control-plane-size lab: a real API server and etcd, and kwok's pods, which have no logs.  The loop redacts nothing; support-bundle
and ours redact what they collect, and ours looks for findings in it besides.  ``--support-bundle`` builds that tool from its Go module,
which takes some minutes the first time.  ``--write`` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from go_program import go_program
from health import Cost, at_each_size, write

HERE = Path(__file__).resolve().parent / "diagnostics"
LAB = "bench-diagnostics"
NAMESPACE = "euystacio-ai"
COLLECTED = ["objects", "cluster", "events"]
TARGETS = {
    "support-bundle / ours at 5,000 pods, wall": (">=", 4.0),
    "ours at 5,000 pods, the largest process in MB": ("<", 300.0),
}


def support_bundle() -> str:
    return go_program("support-bundle", HERE, "github.com/replicatedhq/troubleshoot/cmd/troubleshoot")


def contestants(scratch: Path, tool: str | None) -> dict[str, list[str]]:
    playbook = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    ours = {"path": str(scratch / "ours.tar.gz"), "namespaces": [NAMESPACE], "only": COLLECTED, "require_complete": True}
    given = json.dumps({f"diagnostics_{name}": value for name, value in ours.items()})
    theirs = [tool or "", str(HERE / "support-bundle.yaml"), "--interactive=false", "--output", str(scratch / "theirs.tar.gz")]
    return {
        "kubectl loop": ["bash", str(HERE / "gather.sh"), NAMESPACE, str(scratch / "loop")],
        **({"support-bundle": theirs} if tool else {}),
        "ours": [*playbook, "-e", given, "euystacio.meta_salvage.diagnostics"],
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pods", default="10,200,1000,5000")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--support-bundle", action="store_true", help="build and measure it too")
    options.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    chosen = options.parse_args()
    tool = support_bundle() if chosen.support_bundle else None
    found = at_each_size(LAB, chosen.pods, chosen.runs, lambda scratch: contestants(scratch, tool))
    text = table(found, chosen.runs)
    print(text)
    if chosen.write:
        write(text, "benchmarks/diagnostics.py", "Diagnostics")
    return 0 if "missed" not in text else 1


def table(found: dict[int, dict[str, Cost]], runs: int) -> str:
    lines = [
        f"Median of {runs} runs, in turns, on {os.cpu_count()} cores under a load of {os.getloadavg()[1]:.1f}. Ours is the whole playbook.",
        "",
        "| pods | what | wall | CPU | largest process | together |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for pods, costs in found.items():
        for name, cost in costs.items():
            lines.append(f"| {pods:,} | {name} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.largest:.0f} MB | {cost.together:.0f} MB |")
    lines += ["", "| to reach | measured | |", "|---|---:|---|"]
    most = found.get(5000, {})
    values = {"ours at 5,000 pods, the largest process in MB": most["ours"].largest} if most else {}
    if "support-bundle" in most:
        values["support-bundle / ours at 5,000 pods, wall"] = most["support-bundle"].wall / most["ours"].wall
    for name, value in values.items():
        sign, target = TARGETS[name]
        held = value >= target if sign == ">=" else value < target
        lines.append(f"| {name} {sign} {target:g} | {value:.2f} | {'reached' if held else 'missed'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
