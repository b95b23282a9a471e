# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recommended about a provider."""

from __future__ import annotations

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.review import next_step as recommend


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
