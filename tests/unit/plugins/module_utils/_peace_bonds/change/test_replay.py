# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays: what a candidate changes, counted exactly, and refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import command as engine_module
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa import log_sources as sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._opa.command import Engine, helper
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.fixtures import Fixture
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.policy_gate import (
    Rules,
    examine_policy,
    read_policy_folder,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change.replay import Case, Gates, Replay, after, case_of
from hypothesis import given
from hypothesis import strategies as st

PACKAGE = "euystacio/peace_bonds"


def files(limit: float, *notes: str) -> dict[str, str]:
    return {"p.rego": f"limit={limit} \n# {' '.join(notes)}\n"}


def record(number: int, score: float, limit: float = 0.8, **more: Any) -> dict[str, Any]:
    allowed = score < limit
    return {
        "decision_id": f"id-{number}",
        "path": PACKAGE,
        "timestamp": "2026-11-23T14:00:00Z",
        "input": {"provider": {"id": f"p{number % 7}"}, "score": score},
        "result": {"allow": allowed, "deny": [] if allowed else [f"score {score} over"]},
        **more,
    }


def log(folder: Path, *records: dict[str, Any]) -> list[sources.Source]:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in records))
    return sources.files([str(path)])


def test_one_door_that_opens_is_refused_by_name(opa: str, tmp_path: Path) -> None:
    found = log(tmp_path, *[record(n, 0.1) for n in range(50)], record(50, 0.801), *[record(n, 0.9) for n in range(51, 80)])
    verdict = examine_policy(Engine(opa), files(0.802), {}, [], found, Rules(package=PACKAGE))
    assert verdict.refusals == ["1 of 80 decisions would be newly allowed, max_newly_allowed is 0: p1 (1)"]
    result = verdict.to_dict()
    assert not result["accepted"]
    assert result["replay"]["transitions"] == {"denied to allowed": 1}
    assert result["replay"]["newly_allowed"]["rules"] == {"score # over": 1}
    assert result["replay"]["newly_allowed"]["examples"][0]["decision_id"] == "id-50"


def test_the_same_policy_changes_nothing(opa: str, tmp_path: Path) -> None:
    verdict = examine_policy(
        Engine(opa), files(0.8), {}, [], log(tmp_path, *[record(n, n / 100) for n in range(100)]), Rules(package=PACKAGE)
    )
    assert verdict.refusals == []
    assert verdict.replay is not None
    assert verdict.replay.same == 100


def test_compared_with_the_policies_in_force_instead_of_the_record(opa: str, tmp_path: Path) -> None:
    found = log(tmp_path, record(1, 0.7, limit=0.5), record(2, 0.1))  # the record is of an older policy
    verdict = examine_policy(Engine(opa), files(0.8), {}, [], found, Rules(package=PACKAGE), compare_with=files(0.9))
    assert verdict.refusals == []
    assert examine_policy(Engine(opa), files(0.8), {}, [], found, Rules(package=PACKAGE)).refusals


def test_inputs_on_which_the_candidate_breaks_are_found_among_the_others(opa: str, tmp_path: Path) -> None:
    broken = record(3, 0.1)
    broken["input"]["conflict"] = True
    verdict = examine_policy(
        Engine(opa), files(0.8), {}, [], log(tmp_path, *[record(n, 0.1) for n in range(9)], broken), Rules(package=PACKAGE)
    )
    assert verdict.refusals == ["1 of 10 decisions would be newly unknown, max_newly_unknown is 0: p3 (1)"]
    assert verdict.to_dict()["replay"]["newly_unknown"]["examples"][0]["after_reasons"] == ["rules conflict"]


def test_a_candidate_that_breaks_everywhere_ends_soon(opa: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "MAX_FAILURES", 2)
    broken = [record(n, 0.1) for n in range(64)]
    for n, item in enumerate(broken):
        item["input"] |= {"conflict": True, "n": n}
    verdict = examine_policy(Engine(opa), files(0.8), {}, [], log(tmp_path, *broken), Rules(package=PACKAGE))
    assert "64 of 64 decisions would be newly unknown" in verdict.refusals[0]


def test_batches_keep_the_order_and_repeat_nothing(opa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BATCH", 10)
    cases = [{"score": (n % 13) / 10} for n in range(95)]
    answers = list(Engine(opa).evaluate(files(0.8), PACKAGE, cases, lambda case: case))
    assert [case for case, _shape in answers] == cases
    assert all(shape["allow"] == (case["score"] < 0.8) for case, shape in answers)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("broken", "p.rego:3: parse error in p.rego"),
        ("v0 syntax", "Rego v0"),
        ("plain complaint", "it went wrong"),
    ],
)
def test_what_opa_check_refuses_is_not_looked_at_further(opa: str, note: str, words: str) -> None:
    verdict = examine_policy(Engine(opa), files(0.8, note), {}, [], [], Rules(package=PACKAGE))
    assert len(verdict.refusals) == 1
    assert words in verdict.refusals[0]
    assert verdict.replay is None


def test_v0_is_fine_where_opa_takes_it(opa: str) -> None:
    assert Engine(opa, rego="v0").check(files(0.8, "v0 syntax")) == []


def test_tests_and_their_coverage(opa: str) -> None:
    tests = {"p_test.rego": "# a test"}
    rules = Rules(package=PACKAGE, min_decisions=0)
    assert examine_policy(Engine(opa), files(0.8), tests, [], [], replace(rules, min_coverage=75)).refusals == []
    assert "cover 75 %" in examine_policy(Engine(opa), files(0.8), tests, [], [], replace(rules, min_coverage=80)).refusals[0]
    assert "cover 0 %" in examine_policy(Engine(opa), files(0.8), {}, [], [], replace(rules, min_coverage=80)).refusals[0]
    assert "data.p.test_b" in examine_policy(Engine(opa), files(0.8, "failing"), tests, [], [], rules).refusals[0]
    assert "nothing to run" in examine_policy(Engine(opa), files(0.8, "no tests"), tests, [], [], rules).refusals[0]


def test_fixtures_must_come_out_as_said(opa: str) -> None:
    fixtures = [Fixture("good", {"score": 0.1}, True), Fixture("bad", {"score": 0.9}, False), Fixture("odd", {"score": 0.9}, True)]
    verdict = examine_policy(Engine(opa), files(0.8), {}, fixtures, [], Rules(package=PACKAGE, min_decisions=0))
    assert verdict.refusals == ["fixture odd would be denied: score 0.9 over"]
    assert [item["passed"] for item in verdict.fixtures] == [True, True, False]


def test_nothing_replayed_proves_nothing(opa: str, tmp_path: Path) -> None:
    assert "only 0 decisions" in examine_policy(Engine(opa), files(0.8), {}, [], log(tmp_path), Rules(package=PACKAGE)).refusals[0]


def test_hidden_inputs_and_damaged_logs_do_not_pass(opa: str, tmp_path: Path) -> None:
    hidden = record(1, 0.1, erased=["/input/provider/trust_weight"])
    found = log(tmp_path, record(0, 0.1), hidden, record(2, 0.1, path="other/package"), record(3, 0.1, path=PACKAGE + "/risk_score"))
    with (tmp_path / "log.jsonl").open("a") as handle:
        handle.write('{"decision_id": "x", \n' + json.dumps(record(4, 0.1)) + "\n")
    verdict = examine_policy(Engine(opa), files(0.8), {}, [], found, Rules(package=PACKAGE))
    assert any("1 decisions can't be replayed" in text for text in verdict.refusals)
    assert any("is not whole" in text for text in verdict.refusals)
    assert verdict.replay is not None
    assert verdict.replay.decisions == 2


def test_a_source_that_breaks_off_is_a_refusal(opa: str) -> None:
    def source() -> Any:
        raise SalvageError("the pod is gone", reason="not_found")
        yield b""

    verdict = examine_policy(Engine(opa), files(0.8), {}, [], [("pod/x", source)], Rules(package=PACKAGE, min_decisions=0))
    assert verdict.refusals == ["the decision log pod/x is not whole: the pod is gone"]


def test_a_policy_that_does_not_compile_or_answer_or_end(opa: str) -> None:
    for note, words in (("no compile", "can't be evaluated: no"), ("short", "did not answer for every input")):
        with pytest.raises(SalvageError, match=words):
            list(Engine(opa).evaluate(files(0.8, note), PACKAGE, [{"score": 1}], lambda case: case))
    with pytest.raises(SalvageError, match=r"did not end within 0\.5 s"):
        list(Engine(opa, timeout=0.5).evaluate(files(0.8, "slow"), PACKAGE, [{"score": 1}], lambda case: case))


def test_bad_options_are_one_sentence(opa: str, tmp_path: Path) -> None:
    for broken, words in (
        (lambda: Engine("/nonexistent/opa"), "no OPA binary"),
        (lambda: helper("not a package", "x"), "is not an OPA package"),
        (lambda: Engine(opa).check({"a/b": ""}), "is not a valid policy file name"),
        (lambda: read_policy_folder(str(tmp_path / "none")), "can't be read"),
        (lambda: sources.files([str(tmp_path / "none*")]), "no decision log"),
    ):
        with pytest.raises(SalvageError, match=words):
            broken()
    (tmp_path / "x.rego").write_text("a")
    (tmp_path / ".hidden.rego").write_text("a")
    assert read_policy_folder(str(tmp_path)) == {"x.rego": "a"}


def test_a_binary_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "opa"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o755)
    with pytest.raises(SalvageError, match="can't be run"):
        Engine(str(path)).check(files(0.8))


def test_a_question_without_input_is_replayed_as_one_that_says_nothing() -> None:
    item = record(1, 0.1)
    del item["input"]
    case = case_of(item, PACKAGE, ("provider.id",))
    assert isinstance(case, Case)
    assert case.document == {}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40), st.floats(0, 1))
def test_the_counts_add_up(scores: list[tuple[float, float]], limit: float) -> None:
    replay = Replay()
    for number, (score, old) in enumerate(scores):
        case = case_of(record(number, score, limit=old), PACKAGE, ("provider.id",))
        assert isinstance(case, Case)
        replay.add(case, after({"allow": score < limit, "deny": [] if score < limit else ["x"]}))
    found = replay.to_dict()
    opened = sum(1 for score, old in scores if score >= old and score < limit)
    closed = sum(1 for score, old in scores if score < old and score >= limit)
    assert found["newly_allowed"]["count"] == opened
    assert found["newly_denied"]["count"] == closed
    assert found["same"] + opened + closed == found["decisions"] == len(scores)
    assert bool(replay.refusals(Gates(min_decisions=0))) == (opened > 0)
