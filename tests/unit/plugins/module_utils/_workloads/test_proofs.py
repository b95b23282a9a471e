# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import Hmac
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import (
    LIMIT,
    Proof,
    Subject,
    data_of,
    images_moved,
    images_of,
    kept_entries,
    opened,
    sealed,
    still_needed,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_000_000.0  # 2026-11-18
AT = "2026-11-17T14:00:00Z"
SUBJECT = Subject("Deployment", "a", "api", "uid-d")
KEY = Hmac(b"k" * 32, "a test")
OTHER = Hmac(b"o" * 32, "a test")
PROOF = Proof("passed", AT, "t1", "r1", "fine", (("Secret", "key", "key.1"), ("ConfigMap", "c", "")), {"api": ("sha256:1",)}, {"errors": 1})


def test_a_proof_survives_its_seal() -> None:
    assert opened(sealed(PROOF, SUBJECT, KEY), SUBJECT, KEY, NOW) == PROOF
    through = kept_entries({"data": data_of([sealed(PROOF, SUBJECT, KEY)])})
    assert [opened(entry, SUBJECT, KEY, NOW) for entry in through] == [PROOF]


@given(st.sampled_from(["passed", "failed"]), st.text(), st.text(), st.lists(st.tuples(st.text(), st.text(), st.text())))
def test_any_text_survives(verdict: str, run: str, reason: str, copies: list[tuple[str, str, str]]) -> None:
    proof = Proof(verdict, AT, "t", run, reason, tuple(copies), {run: (reason,)}, {"source": reason})
    (entry,) = kept_entries({"data": data_of([sealed(proof, SUBJECT, KEY)])})
    assert opened(entry, SUBJECT, KEY, NOW) == proof


@pytest.mark.parametrize("field", ["kind", "namespace", "name", "uid"])
def test_a_proof_of_another_workload_is_not_taken(field: str) -> None:
    entry = sealed(PROOF, SUBJECT, KEY)
    assert opened(entry, Subject(**{**SUBJECT.to_dict(), field: "other"}), KEY, NOW) is None
    assert opened({**entry, "subject": {**SUBJECT.to_dict(), field: "other"}}, SUBJECT, KEY, NOW) is None


def test_a_proof_that_was_changed_or_signed_by_another_key_is_not_taken() -> None:
    entry = sealed(PROOF, SUBJECT, KEY)
    assert opened(entry, SUBJECT, OTHER, NOW) is None
    for field, value in (("verdict", "failed"), ("template", "t2"), ("at", "2026-11-17T15:00:00Z"), ("copies", []), ("baseline", None)):
        assert opened({**entry, "proof": {**entry["proof"], field: value}}, SUBJECT, KEY, NOW) is None
    assert opened({name: value for name, value in entry.items() if name != "signature"}, SUBJECT, KEY, NOW) is None


@pytest.mark.parametrize("at", ["2026-11-19T00:00:00Z", "9999-12-31T23:59:59Z", "", "soon", "2026-11-17T14:00:00", "0"])
def test_a_time_to_come_or_none_is_not_taken(at: str) -> None:
    assert opened(sealed(Proof("passed", at, "t1"), SUBJECT, KEY), SUBJECT, KEY, NOW) is None


@pytest.mark.parametrize("verdict", ["", "Passed", "unknown", "True"])
def test_a_verdict_that_is_none_is_not_taken(verdict: str) -> None:
    assert opened(sealed(Proof(verdict, AT, "t1"), SUBJECT, KEY), SUBJECT, KEY, NOW) is None


def test_another_document_signed_with_the_same_key_is_not_a_proof() -> None:
    entry = sealed(PROOF, SUBJECT, KEY)
    assert opened({**entry, "type": "backup"}, SUBJECT, KEY, NOW) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(json_values)
def test_anything_else_is_not_a_proof(value: Any) -> None:
    assert opened(value, SUBJECT, KEY, NOW) is None
    fields = {"type": value, "subject": value, "proof": value, "signature": value}
    assert opened(fields, SUBJECT, KEY, NOW) is None
    assert still_needed([value], SUBJECT, KEY, {"t1"}, NOW) == []


@pytest.mark.parametrize(
    "secret", [None, {}, {"data": None}, {"data": {"proofs": "%"}}, {"data": {"proofs": "e30="}}, {"data": {"proofs": 7}}, {"data": {}}]
)
def test_a_secret_that_holds_none(secret: Any) -> None:
    assert kept_entries(secret) == []


def test_the_history_is_bounded_and_the_newest_stay() -> None:
    entries = [{"n": n} for n in range(LIMIT + 5)]
    assert kept_entries({"data": data_of(entries)}) == entries[5:]
    large = [{"n": n, "text": "x" * 200_000} for n in range(5)]
    kept = kept_entries({"data": data_of(large)})
    assert [entry["n"] for entry in kept] == [3, 4]


def test_proofs_go_with_the_revisions_of_their_template() -> None:
    mine, gone, foreign = (sealed(Proof("passed", AT, name), SUBJECT, key) for name, key in (("t1", KEY), ("t0", KEY), ("t0", OTHER)))
    forged = {**mine, "signature": "AAAA"}
    assert still_needed([mine, gone, foreign, forged], SUBJECT, KEY, {"t1"}, NOW) == [mine, foreign]


def test_names_fit() -> None:
    assert SUBJECT.secret == "meta-salvage-proofs.deployment.api"
    one, other = (Subject("StatefulSet", "a", "n" * 250 + last, "u").secret for last in "ab")
    assert len(one) == len(other) == 253
    assert one != other


def test_a_tag_that_was_used_again_is_seen() -> None:
    pods = [
        {
            "status": {
                "containerStatuses": [{"name": "api", "imageID": f"repo@sha256:{n}"}],
                "initContainerStatuses": [{"name": "i", "imageID": ""}],
            }
        }
        for n in (1, 2)
    ]
    template = {"spec": {"containers": [{"name": "api"}], "initContainers": [{"name": "i"}]}}
    assert images_of(pods, template) == {"api": ("repo@sha256:1", "repo@sha256:2")}
    assert images_of(pods, {"spec": {"containers": [{"name": "other"}]}}) == {}  # a sidecar that a mesh injects
    proof = Proof("passed", AT, "t", images={"api": ("repo@sha256:1",)})
    assert images_moved(proof, images_of(pods, template)) == ("api",)
    assert images_moved(proof, images_of(pods[:1], template)) == ()
    assert images_moved(proof, {"new": ("x",)}) == ()
    assert images_moved(None, images_of(pods, template)) == ()
    assert json.dumps(proof.to_dict())
