# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPA's command line in a few lines of Python: the rules of a candidate are one JSON document in its .rego file."""

from __future__ import annotations

import inspect
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.command import Engine


def restricted(texts: dict[str, str], document: object) -> list[str]:
    """What the restrictions among the files say of an input."""
    lines = dict(line.split(" := ", 1) for line in texts.get("meta_salvage_restrictions.rego", "").split("\n") if " := " in line)
    names = set()
    for place in json.loads(lines.get("fields", "[]")):
        value = document
        for part in place:
            value = value.get(part) if isinstance(value, dict) else None
        names.add(str(value).strip())
    return [item["message"] for item in json.loads(lines.get("active", "[]")) if item["provider"] in names]


_FAKE = """#!{python}
import json, pathlib, sys, time
{restricted}
arguments = sys.argv[1:]
if arguments[0] == "capabilities":
    print(json.dumps({{"builtins": [{{"name": "count"}}, {{"name": "http.send"}}]}}))
    sys.exit()
limits = json.loads(pathlib.Path(arguments[arguments.index("--capabilities") + 1]).read_text())
if limits != {{"builtins": [{{"name": "count"}}], "allow_net": []}}:
    sys.exit("it runs without limits")
folder = pathlib.Path(next(a for i, a in enumerate(arguments) if pathlib.Path(a).is_dir()))
texts = {{p.name: p.read_text() for p in folder.iterdir()}}
everything = "".join(text for name, text in sorted(texts.items()))
if arguments[0] == "check":
    if "v0 syntax" in everything and "--v0-compatible" not in arguments or "broken" in everything:
        place = {{"file": str(folder / "p.rego"), "row": 3}}
        error = {{"message": "parse error in " + str(folder / "p.rego"), "location": place}}
        print(json.dumps({{"errors": [error]}}), file=sys.stderr)
        sys.exit(1)
    if "plain complaint" in everything:
        sys.exit("it went wrong")
elif arguments[0] == "test":
    if "no tests" in everything:
        sys.exit("nothing to run")
    if "--coverage" in arguments:
        part = lambda a, b: {{"start": {{"row": a}}, "end": {{"row": b}}}}
        policy, own = {{"covered": [part(1, 3)], "not_covered": [part(4, 4)]}}, {{"covered": [part(1, 99)]}}
        print(json.dumps({{"files": {{"p.rego": policy, "p_test.rego": own}}}}))
    else:
        failing = [{{"package": "data.p", "name": "test_b", "fail": True}}] if "failing" in everything else []
        print(json.dumps([{{"package": "data.p", "name": "test_a"}}, *failing]))
elif arguments[0] == "eval":
    if "slow" in everything:
        time.sleep(30)
    cases = json.load(sys.stdin)["cases"]
    def one(case):
        case = case or {{}}
        if case.get("conflict"):
            print(json.dumps({{"errors": [{{"code": "eval_conflict_error", "message": "rules conflict"}}]}}))
            sys.exit(2)
        if "no compile" in everything:
            print(json.dumps({{"errors": [{{"code": "rego_parse_error", "message": "no"}}]}}))
            sys.exit(2)
        limit = float(everything.split("limit=")[1].split()[0])
        score = case.get("score", 1)
        deny = ([] if score < limit else ["score %s over" % score]) + ("toothless" not in everything) * restricted(texts, case)
        return {{"allow": not deny, "deny": deny, "risk_score": score}}
    results = [one(case) for case in cases]
    if "short" in everything:
        results = results[1:]
    print(json.dumps({{"result": [{{"expressions": [{{"value": results}}]}}]}}))
"""


@pytest.fixture
def restricted_by() -> Callable[[dict[str, str], object], list[str]]:
    return restricted


@pytest.fixture
def opa(tmp_path: Path) -> str:
    path = tmp_path / "opa"
    path.write_text(_FAKE.format(python=sys.executable, restricted=inspect.getsource(restricted)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture(autouse=True)
def _run_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """What AnsibleModule.run_command does, for engines that are not given a module's."""

    def run_command(
        args: list[str], data: bytes, before_communicate_callback: Callable[[subprocess.Popen[bytes]], None], **options: object
    ) -> tuple[int, bytes, bytes]:
        with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            before_communicate_callback(process)
            out, err = process.communicate(data)
        return process.returncode, out, err

    monkeypatch.setattr(Engine, "run_command", staticmethod(run_command), raising=False)
