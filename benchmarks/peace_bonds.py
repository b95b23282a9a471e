# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peace Bonds: replay of a decision log against `opa eval` in a loop, and its summary against jq and grep.

    python benchmarks/peace_bonds.py [--decisions 100000] [--gigabytes 1] [--loop 50] [--opa PATH]

Every decision of the log has an input of its own, so nothing is saved by evaluating each input once.  `opa eval` in a loop is measured on
--loop decisions and scaled; the rest is measured whole.  The peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
POLICIES = CHECKOUT / "lab" / "policies"
TARGETS = {"replay of 100,000 decisions, seconds": 60.0, "summary of 1 GB, peak MB": 200.0}

CHILD = """
import json, sys
from ansible.module_utils import basic
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.command import Engine
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import policy_gate
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import decision_log
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import log_sources as sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.log import summary
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.log_lines import Reading
what, path, policies, opa = sys.argv[1:]
if what == "replay":
    files = {name: text for name, text in policy_gate.read_policy_folder(policies).items() if not name.endswith("_test.rego")}
    rules = policy_gate.Rules(max_newly_allowed=-1, max_newly_unknown=-1)
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = b'{"ANSIBLE_MODULE_ARGS": {}}', "legacy"
    run = basic.AnsibleModule({}).run_command
    found = policy_gate.examine_policy(Engine(opa, run_command=run), files, {}, [], sources.files([path]), rules)
    print(json.dumps(found.replay.transitions | {"decisions": found.replay.decisions}))
else:
    counted = summary.Summary(limits={"risk_score": summary.Limit(maximum=0.8)})
    for name, source in sources.files([path]):
        for record in decision_log.read_records(source(), Reading()):
            counted.add(record)
    print(json.dumps(counted.to_dict(limit=1)["counts"]))
"""
# By provider and by rule, first and last seen: what jq can say in one pass without holding the whole log.
JQ = """reduce (inputs | select(.msg == "Decision Log")) as $r ({};
  ($r.input.provider.id) as $p | .[$p].n += 1 | .[$p].denied += (if ($r.result.deny | length) > 0 then 1 else 0 end)
  | .[$p].last = $r.timestamp | .[$p].first //= $r.timestamp) | length"""


def write_log(path: Path, decisions: int) -> int:
    """A console log of OPA, with server lines between."""
    chance = random.Random(1)  # noqa: S311
    with path.open("w", encoding="utf-8") as out:
        for number in range(decisions):
            trust, compliance, alignment, symbiosis = (round(chance.betavariate(5, 2), 6) for _ in range(4))
            score = round(0.4 * (1 - trust) + 0.3 * (1 - compliance) + 0.3 * (1 - alignment), 4)
            deny = [f"High risk provider detected: risk_score={score}"] if score >= 0.5 else []
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_795_500_000 + number * 0.05)) + ".123456789Z"
            provider = {
                "id": f"provider-{number % 700}",
                "trust_weight": trust,
                "compliance_score": compliance,
                "ethical_alignment": alignment,
            }
            record = {
                "decision_id": f"{number:032x}",
                "input": {
                    "provider": provider,
                    "symbiosis_score": symbiosis,
                    "metrics": {"cpu_usage": 40, "memory_usage": 50, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 0.998},
                },
                "labels": {"id": "b3b1f6c2-1111-4b5e-8f3e-0123456789ab", "version": "1.22.2"},
                "level": "info",
                "metrics": {"timer_rego_query_eval_ns": 54321, "timer_server_handler_ns": 99999},
                "msg": "Decision Log",
                "path": "euystacio/peace_bonds",
                "requested_by": "10.244.0.7:4321",
                "result": {"allow": not deny, "deny": deny, "risk_score": score, "allowed": not deny, "violations": deny},
                "timestamp": at,
                "type": "openpolicyagent.org/decision_logs",
            }  # fmt: skip
            out.write(json.dumps(record) + "\n")
            if number % 50 == 0:
                out.write(json.dumps({"level": "info", "msg": "Received request.", "req_id": number, "time": at}) + "\n")
    return path.stat().st_size


def measured(command: list[str], *, stdin: Path | None = None) -> tuple[float, float, float, str]:
    """Seconds, seconds of CPU, peak MB of the largest process, and what it printed."""
    probe = (
        "import json,resource,subprocess,sys,time\n"
        "started = time.monotonic()\n"
        "stdin = open(sys.argv[1], 'rb') if sys.argv[1] else subprocess.DEVNULL\n"
        "done = subprocess.run(sys.argv[2:], stdin=stdin, capture_output=True, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cost = [time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]\n"
        "print(json.dumps([*cost, done.stdout[-500:], done.stderr[-500:], done.returncode]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, str(stdin or ""), *command], capture_output=True, text=True, check=True, env=environment()
    )
    wall, cpu, peak, out, err, code = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{command[0]} ended with {code}: {err}")
    return wall, cpu, peak, out.strip()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]}


def line(name: str, wall: float, cpu: float, peak: float, note: str) -> None:
    print(f"{name:44} {wall:9.2f} s {cpu:9.2f} s CPU {peak:7.0f} MB  {note}", flush=True)


def opa_binary() -> str:
    sys.path.append(str(CHECKOUT))
    from lab import build, versions  # noqa: PLC0415  only where no --opa is given

    return str(build.binary(versions.load(), "opa"))


def loop(opa: str, log: Path, count: int, total: int) -> None:
    """What a user does without a replay: one process for each decision."""
    inputs = []
    with log.open(encoding="utf-8") as lines:
        while len(inputs) < count:
            record = json.loads(next(lines))
            if "decision_id" in record:
                inputs.append(json.dumps(record["input"]))
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for text in inputs:
        subprocess.run(
            [opa, "eval", "--data", str(POLICIES), "--ignore", "upstream_defects", "--stdin-input", "data.euystacio.peace_bonds"],
            input=text, text=True, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    factor = total / count
    cpu = (used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime) * factor
    line("opa eval in a loop", (time.monotonic() - started) * factor, cpu, used.ru_maxrss / 1024, f"scaled from {count} decisions")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--loop", type=int, default=50)
    parser.add_argument("--opa")
    options = parser.parse_args()
    opa = options.opa or opa_binary()
    missed = []
    with tempfile.TemporaryDirectory(prefix="bench-bonds-") as folder:
        log, large = Path(folder, "decisions.jsonl"), Path(folder, "large.jsonl")
        size = write_log(log, options.decisions)
        print(f"replay of {options.decisions} decisions")
        wall, cpu, peak, out = measured([sys.executable, "-c", CHILD, "replay", str(log), str(POLICIES), opa])
        line("ours", wall, cpu, peak, out)
        if wall * 100_000 / options.decisions > TARGETS["replay of 100,000 decisions, seconds"]:
            missed.append("the replay")
        loop(opa, log, options.loop, options.decisions)

        with large.open("wb") as out_file:
            while out_file.tell() < options.gigabytes * 1e9:
                with log.open("rb") as part:
                    shutil.copyfileobj(part, out_file, 1 << 20)
        size = large.stat().st_size
        print(f"summary of {size / 1e9:.2f} GB")
        wall, cpu, peak, out = measured([sys.executable, "-c", CHILD, "summary", str(large), "", ""])
        line("ours", wall, cpu, peak, out)
        if peak > TARGETS["summary of 1 GB, peak MB"]:
            missed.append("the summary's memory")
        if shutil.which("jq"):
            line("jq, counts by provider only", *measured(["jq", "-n", JQ], stdin=large)[:3], "")
        line("grep -c deny, as the runbook does", *measured(["grep", "-c", "deny", str(large)]))
    print(f"missed: {', '.join(missed)}" if missed else "all targets reached")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
