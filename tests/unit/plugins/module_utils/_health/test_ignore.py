# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.ignore import ignore, parse_rule
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.model import Check, Part, part

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def pod(name: str, status: str = "critical", **evidence: Any) -> Check:
    subject = {"kind": "Pod", "namespace": "a", "name": name}
    return Check(f"pods/a/{name}", status, "CrashLoopBackOff", subject, evidence=evidence)


def rule(name: str, **more: Any) -> Any:
    return parse_rule({"part": "pods", "name": name, "reason": "TICKET-1", **more}, "ignore[0]")


def judged(*checks: Check, rules: list[Any]) -> tuple[Part, list[dict[str, Any]]]:
    found, listed = ignore([part("pods", checks, healthy=3, summary="5 pods")], rules, NOW)
    return found[0], listed


def test_a_finding_that_is_ignored_is_shown_as_such() -> None:
    one, listed = judged(pod("cache-1"), rules=[rule("a/cache-*", until="2027-01-15")])
    assert (one.status, one.reason, one.healthy, one.summary) == ("healthy", "", 3, "5 pods")
    assert (one.checks[0].status, one.checks[0].reason) == ("healthy", "ignored (TICKET-1), critical: CrashLoopBackOff")
    assert listed == [
        {
            "part": "pods",
            "name": "a/cache-*",
            "reason": "TICKET-1",
            "until": "2027-01-16T00:00:00Z",
            "expired": False,
            "ignores": ["pods/a/cache-1"],
        }
    ]


def test_what_no_rule_names_stays() -> None:
    one, listed = judged(pod("cache-1"), pod("api-1"), rules=[rule("a/cache-*")])
    assert (one.status, one.reason) == ("critical", "a/api-1: CrashLoopBackOff")
    assert listed[0]["until"] is None
    other = ignore([part("nodes", [Check("nodes/cache-1", "critical", "x")])], [rule("*")], NOW)[0][0]
    assert other.status == "critical"


@pytest.mark.parametrize("until", ["2027-01-14", "2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"])
def test_a_rule_ends(until: str) -> None:
    one, listed = judged(pod("cache-1"), rules=[rule("*", until=until)])
    assert (one.status, listed[0]["expired"], listed[0]["ignores"]) == ("critical", True, [])


def test_a_group_is_ignored_only_if_each_of_it_is() -> None:
    group = Check(
        "pods/a/ReplicaSet/ev: Failed: Evicted",
        "warning",
        "2 pods",
        {"kind": "Pods", "namespace": "a", "name": "ReplicaSet/ev"},
        evidence={"count": 2, "names": ["ev-1", "ev-2"]},
    )
    assert judged(group, rules=[rule("a/ev-*")])[0].status == "healthy"
    assert judged(group, rules=[rule("a/ev-1")])[0].status == "warning"
    assert judged(group, rules=[rule("a/ReplicaSet/ev*")])[0].status == "healthy"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"until": "soon"}, "ignore[0].until: 'soon' is not a date; write 2026-12-31 or 2026-12-31T18:00:00Z"),
        ({"until": "2026-13-01"}, "ignore[0].until: '2026-13-01' is not a date; write 2026-12-31 or 2026-12-31T18:00:00Z"),
        ({"reason": " "}, "ignore[0].reason is empty; say why the finding is ignored"),
    ],
)
def test_a_wrong_rule_is_one_sentence(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SalvageError) as caught:
        rule("*", **more)
    assert (str(caught.value), caught.value.reason) == (sentence, "bad_input")
