# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies may call here: a list of allowed functions, whatever an OPA offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.capabilities import restricted, withheld
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.command import Engine

OUTWARD = [
    "http.send",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rego.parse_module",
    "json.match_schema",
    "providers.aws.sign_req",
    "new.function",
]
OFFERED = {
    "builtins": [{"name": name, "decl": {}} for name in ["count", *OUTWARD, "net.cidr_contains"]],
    "features": ["rego_v1"],
    "allow_net": ["example.org"],
    "later_key": True,
}


def test_only_functions_that_compute_are_left_and_no_host() -> None:
    assert restricted(OFFERED) == {
        "builtins": [{"name": "count", "decl": {}}, {"name": "net.cidr_contains", "decl": {}}],
        "features": ["rego_v1"],
        "allow_net": [],
    }


@pytest.mark.parametrize("name", OUTWARD)
def test_who_calls_another_is_told_why_it_is_refused(name: str) -> None:
    assert withheld(f"x.rego:3: undefined function {name}", OFFERED).endswith(f"remove {name} from the policy")


@pytest.mark.parametrize("problem", ["x.rego:3: undefined function nonsense", "x.rego:3: undefined function count", "a parse error"])
def test_other_problems_stay_as_they_are(problem: str) -> None:
    assert withheld(problem, OFFERED) == problem


@pytest.mark.parametrize("says", ["exit 1", "echo nonsense", "echo '[]'", "echo '{}'"])
def test_an_opa_that_does_not_list_its_functions_runs_nothing(tmp_path: Path, says: str) -> None:
    path = tmp_path / "opa"
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    for rego in ("v0", "v1"):
        with pytest.raises(SalvageError, match="does not list its functions"):
            Engine(str(path), rego=rego).check({"p.rego": ""})


def test_each_run_is_limited_and_the_helper_is_apart_and_has_another_name_each_time(opa: str, tmp_path: Path) -> None:
    spy, seen = tmp_path / "spy", tmp_path / "seen"
    spy.write_text(f'#!/bin/sh\necho "$*" >> {seen}\nexec {opa} "$@"\n')
    spy.chmod(0o755)
    engine = Engine(str(spy))
    files = {"p.rego": "limit=0.8 \n"}
    assert engine.check(files) == []
    assert engine.test(files, {"p_test.rego": ""}).passed == 1
    for _ in range(2):
        assert list(engine.evaluate(files, "p", [{"score": 0.1}], lambda case: case))
    first, *runs = seen.read_text().splitlines()
    assert first == "capabilities --current"
    assert [run.split()[0] for run in runs] == ["check", "test", "test", "eval", "eval"]
    assert all("--capabilities" in run.split() for run in runs)
    questions = [run.split()[-1] for run in runs if run.startswith("eval")]
    assert len(set(questions)) == 2
    for run in runs[-2:]:
        folders = [word for before, word in zip(run.split(), run.split()[1:], strict=False) if before == "--data"]
        assert len({Path(folder).parent for folder in folders}) == 2
