# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as files: revisions, data, restrictions; and what is recommended, recorded, verified."""

from __future__ import annotations

import json

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import policy_files as candidate
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import restrict
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.review import next_step as recommend
from hypothesis import given
from hypothesis import strategies as st

FILES = {"p.rego": "package p\n", "p_test.rego": "package p_test\n", "policy_data.json": '{"a": {"b": 1, "c": 2}}'}


def test_a_revision_is_of_the_content_alone() -> None:
    name = candidate.revision(FILES)
    assert candidate.revision({**FILES, candidate.REVISION_FILE: "x", "q_test.rego": "y"}) == name
    assert candidate.revision({**FILES, "p.rego": "package q\n"}) != name
    data = candidate.published(FILES)
    assert sorted(data) == ["meta_salvage_revision.rego", "p.rego", "policy_data.json"]
    assert f'id := "{name}"' in data[candidate.REVISION_FILE]
    assert candidate.revision(data) == name


def test_a_change_of_data_is_merged() -> None:
    changed = candidate.with_data(FILES, {"a": {"b": 3}})
    assert json.loads(changed["policy_data.json"]) == {"a": {"b": 3, "c": 2}}
    assert candidate.changed_files(FILES, changed) == ["policy_data.json"]
    assert json.loads(candidate.with_data({"p.rego": ""}, {"a": 1})["policy_data.json"]) == {"a": 1}
    assert "# p.rego" in candidate.text_of(FILES)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"policy_data.json": "{}"}, "no .rego file"),
        ({"p.rego": "", "../x.rego": ""}, "can't be a policy file"),
        ({"p.rego": "", "x.sh": ""}, "can't be a policy file"),
        ({"p.rego": "x" * 1_000_000}, "use a bundle"),
    ],
)
def test_what_can_not_be_published(files: dict[str, str], words: str) -> None:
    with pytest.raises(SalvageError, match=words):
        candidate.published(files)


def test_data_that_is_no_object_is_not_changed() -> None:
    for text in ("[1]", "nonsense"):
        with pytest.raises(SalvageError, match="not a JSON object"):
            candidate.with_data({"policy_data.json": text}, {"a": 1})


ONE = restrict.Restriction("alpha", "2026-11-25T00:00:00Z", 'a "reason"')
TWO = restrict.Restriction("beta", "2026-11-26T00:00:00Z", "why")
NOW = 1795543200.0  # 2026-11-24T18:00:00Z


def test_restrictions_come_back_out_of_the_files() -> None:
    files = restrict.with_restrictions(FILES, [ONE, TWO], "euystacio/peace_bonds")
    assert restrict.present(files) == [ONE, TWO]
    assert "package euystacio.peace_bonds\n" in files[restrict.RULE_FILE]
    assert restrict.with_restrictions(files, [], "euystacio/peace_bonds") == FILES
    assert restrict.present(FILES) == []


def test_restrictions_are_added_kept_lifted_and_end() -> None:
    assert restrict.changed([ONE], [], [], NOW) == ([ONE], [], [])
    assert restrict.changed([ONE], [TWO], [], NOW) == ([ONE, TWO], [TWO], [])
    assert restrict.changed([ONE, TWO], [], ["alpha"], NOW) == ([TWO], [], [ONE])
    assert restrict.changed([ONE, TWO], [], [], NOW + 86400) == ([TWO], [], [ONE])
    longer = restrict.Restriction("alpha", "2026-12-01T00:00:00Z", "still")
    assert restrict.changed([ONE], [longer], [], NOW) == ([longer], [longer], [])


def test_bad_restrictions_are_one_sentence() -> None:
    for data, words in (
        ({"provider": "", "until": ONE.until, "reason": "x"}, "needs a provider"),
        ({"provider": "x", "until": ONE.until, "reason": " \r"}, "needs a provider"),
        ({"provider": "x", "until": "soon", "reason": "x"}, "no time such as"),
    ):
        with pytest.raises(SalvageError, match=words):
            restrict.parse(data)
    with pytest.raises(SalvageError, match="which is past"):
        restrict.changed([], [ONE], [], NOW + 1e6)
    for text in ("", "active := nonsense", "active := [1]"):
        with pytest.raises(SalvageError, match="changed by hand"):
            restrict.present({restrict.DATA_FILE: text})


@given(*[st.text().filter(lambda text: bool(text.split()))] * 2)
def test_any_name_and_reason_survive(provider: str, reason: str) -> None:
    item = restrict.parse({"provider": provider, "until": ONE.until, "reason": reason})
    assert restrict.present(restrict.with_restrictions(FILES, [item], "p/q")) == [item]


def decision(status: str) -> dict[str, object]:
    return {"provider": "p", "status": status, "reason": "because"}


def history(**numbers: object) -> dict[str, object]:
    return {"providers": [{"provider": "p", "allowed": 0, "denied": 0, "unknown": 0, **numbers}], "likely_false_positives": {}}


def test_recommendations() -> None:
    assert recommend.recommend(decision("allowed"), history(allowed=3))["action"] == "none"
    assert recommend.recommend(decision("allowed"), history(denied=3))["action"] == "restrict"
    assert recommend.recommend(decision("unknown"), history(denied=3))["action"] == "investigate"
    assert recommend.recommend(decision("denied"), history(denied=3))["action"] == "keep_block"
    assert recommend.recommend(decision("denied"), {})["action"] == "keep_block"


def test_near_misses_recommend_a_threshold_with_its_new_value() -> None:
    summary = history(denied=4)
    closest = {
        "risk_score": {"value": 0.801, "limit": 0.8, "distance": 0.001},
        "symbiosis_score": {"value": 0.49, "limit": 0.5, "distance": 0.01},
    }
    summary["likely_false_positives"] = {"near_threshold": [{"provider": "p", "denied": 4, "within_margin": 3, "closest": closest}]}
    settings = {"risk_score": "euystacio.thresholds.risk_max", "symbiosis_score": "euystacio.thresholds.symbiosis_min"}
    found = recommend.recommend(decision("denied"), summary, settings=settings, margin=0.02)
    assert found["action"] == "adjust_threshold"
    assert found["policy_data"] == {"euystacio": {"thresholds": {"risk_max": 0.82, "symbiosis_min": 0.48}}}
    assert "3 of 4 denies" in found["reason"]
    assert recommend.recommend(decision("denied"), summary, share=0.9)["action"] == "keep_block"


def test_denies_that_began_with_a_revision_recommend_the_one_before() -> None:
    summary = history(denied=4, allowed=9)
    began = {"provider": "p", "revision": "r2", "previous_revision": "r1", "allowed_before": 9, "denied_since": 4}
    summary["likely_false_positives"] = {"began_with_revision": [began]}
    assert recommend.recommend(decision("denied"), summary)["action"] == "revert"


def test_only_known_metrics_become_input() -> None:
    metrics = [
        {"name": "qek", "value": 0.93, "status": "healthy"},
        {"name": "hvar", "value": None, "status": "unknown"},
        {"name": "symbiosis_score", "value": 0.7, "status": "warning"},
        {"name": "other", "value": 1, "status": "healthy"},
    ]
    assert recommend.input_of(metrics) == {"metrics": {"qek_value": 0.93}, "symbiosis_score": 0.7}
