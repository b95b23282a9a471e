# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of providers as policy files."""

from __future__ import annotations

import datetime
import re

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._peace_bonds.change import restrict
from hypothesis import given
from hypothesis import strategies as st

FILES = {"p.rego": "package p\n", "p_test.rego": "package p_test\n", "policy_data.json": '{"a": {"b": 1, "c": 2}}'}
ONE = restrict.Restriction("alpha", 'a "reason"', "2026-11-25T00:00:00Z")
TWO = restrict.Restriction("beta", "why", "2026-11-26T00:00:00Z")
FOR_GOOD = restrict.Restriction("gamma", "known to be stolen")
NOW = 1795543200.0  # 2026-11-24T18:00:00Z
PACKAGE = "euystacio/peace_bonds"


def test_restrictions_come_back_out_of_the_files() -> None:
    files = restrict.with_restrictions(FILES, [ONE, TWO, FOR_GOOD], PACKAGE)
    assert restrict.present(files) == [ONE, TWO, FOR_GOOD]
    assert "package euystacio.peace_bonds\n" in files[restrict.RULE_FILE]
    assert restrict.with_restrictions(files, [], PACKAGE) == FILES
    assert restrict.present(FILES) == []


def test_restrictions_are_added_kept_lifted_and_end() -> None:
    assert restrict.changed([ONE], [], [], NOW) == ([ONE], [], [])
    assert restrict.changed([ONE], [TWO], [], NOW) == ([ONE, TWO], [TWO], [])
    assert restrict.changed([ONE, TWO], [], [" alpha\n"], NOW) == ([TWO], [], [ONE])
    assert restrict.changed([ONE, TWO], [], [], NOW + 86400) == ([TWO], [], [ONE])
    longer = restrict.Restriction("alpha", "still", "2026-12-01T00:00:00Z")
    assert restrict.changed([ONE], [longer], [], NOW) == ([longer], [longer], [])
    assert restrict.changed([FOR_GOOD], [], [], NOW + 1e12) == ([FOR_GOOD], [], [])
    assert restrict.changed([FOR_GOOD], [], ["gamma"], NOW) == ([], [], [FOR_GOOD])


@pytest.mark.parametrize(
    "until",
    [
        "9999-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z",
        "2262-04-12T00:00:00+00:01",
        "2027-01-01T00:00:60Z",
        "2027-01-01T00:00:75Z",
        "2027-01-01T00:60:00Z",
        "2027-01-01T24:00:00Z",
        "2027-01-01T00:00:00+99:99",
        "2027-01-01T00:00:00+24:00",
        "2027-01-01T00:00:00+00:60",
        "2027-01-01t00:00:00z",
        "2027-01-01T00:00:00z",
        "2027-02-29T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:00.Z",
        "2027-01-01T00:00:00,5Z",
        "2027-01-01T00:00:00.1234567890Z",
        "2027-01-01 00:00:00+00:00",
        "2027-01-01T00:00:00Z\n",
        " 2027-01-01T00:00:00Z",
        "٢٠٢٧-01-01T00:00:00Z",
        "2027-01-01",
        "1798761600",
        "for good",
        "",
    ],
)
def test_an_end_that_opa_can_not_read_is_refused_and_the_way_for_good_is_named(until: str) -> None:
    with pytest.raises(SalvageError, match="leave until out") as caught:
        restrict.parse_restriction({"provider": "x", "until": until, "reason": "y"})
    assert caught.value.reason == "bad_input"


@pytest.mark.parametrize(
    "until",
    [
        "2262-04-11T23:47:16.854775807Z",
        "2028-02-29T00:00:00Z",
        "2027-01-01T00:00:00.123456789Z",
        "2027-01-01T00:00:00-00:00",
        "2027-01-01T00:00:00+23:59",
        None,
    ],
)
def test_an_end_that_opa_reads_is_taken_as_it_is(until: str | None) -> None:
    assert restrict.parse_restriction({"provider": "x", "until": until, "reason": "y"}).until == until


def test_bad_restrictions_are_one_sentence() -> None:
    for data, words in (
        ({"provider": "", "until": ONE.until, "reason": "x"}, "needs a provider"),
        ({"provider": "\u3000", "until": ONE.until, "reason": "x"}, "needs a provider"),
        ({"provider": "x", "until": ONE.until, "reason": " \r"}, "needs a provider"),
        ({"provider": "x", "until": "soon", "reason": "x"}, "not a time such as"),
    ):
        with pytest.raises(SalvageError, match=words):
            restrict.parse_restriction(data)
    with pytest.raises(SalvageError, match="which is past"):
        restrict.changed([], [ONE], [], NOW + 1e6)
    with pytest.raises(SalvageError, match="given twice"):
        restrict.parse_restrictions([{"provider": 4711, "reason": "x"}, {"provider": "4711 ", "reason": "y"}])
    for text in ("", "active := nonsense", "active := [1]", 'active := [{"provider": "x"}]'):
        with pytest.raises(SalvageError, match="changed by hand"):
            restrict.present({restrict.DATA_FILE: text})


def test_an_end_in_the_cluster_that_can_not_be_read_is_no_end() -> None:
    files = {restrict.DATA_FILE: 'active := [{"provider": "x", "until": "9999-12-31T23:59:59Z", "reason": "y"}]'}
    (item,) = restrict.present(files)
    assert restrict.changed([item], [], [], NOW + 1e12)[0] == [item]
    assert restrict.changed([item], [], ["x"], NOW)[2] == [item]


def test_fields_that_restrictions_bind_in_stay_with_other_fields() -> None:
    before = restrict.with_restrictions(FILES, [ONE], PACKAGE, ["provider.code"])
    after = restrict.with_restrictions(FILES, [ONE], PACKAGE, ["provider.id"], before)
    assert 'fields := [["provider", "id"], ["provider", "code"]]' in after[restrict.DATA_FILE]


def test_restrictions_in_force_do_not_move_to_another_package() -> None:
    before = restrict.with_restrictions(FILES, [ONE], PACKAGE)
    with pytest.raises(SalvageError, match=r"deny in package euystacio\.peace_bonds, not in package other"):
        restrict.with_restrictions(FILES, [ONE], "other", in_force=before)
    assert restrict.with_restrictions(FILES, [], "other", in_force=before) == FILES


def test_each_restriction_is_proven_in_each_field_as_text_and_as_a_number() -> None:
    files = restrict.with_restrictions(FILES, [restrict.Restriction("4711", "x"), ONE], PACKAGE, ["provider.id", "id"])
    base = {"provider": {"id": "other", "trust": 1}, "metrics": {}}
    proofs = restrict.must_deny(files, [base], NOW)
    inputs = [proof.input for proof in proofs if "4711" in proof.name]
    assert inputs == [
        *({**base, "provider": {"id": value, "trust": 1}} for value in ("4711", " 4711\n", 4711)),
        *({**base, "id": value} for value in ("4711", " 4711\n", 4711)),
    ]
    alone = [proof.input for proof in restrict.must_deny(files, [base], NOW, alone=True) if "4711" in proof.name]
    assert {"provider": {"trust": 1}, "metrics": {}, "id": 4711} in alone
    assert "other" not in str(alone)
    assert {(proof.allow, proof.because) for proof in proofs} == {
        (False, "Restricted until it is lifted: x"),
        (False, 'Restricted until 2026-11-25T00:00:00Z: a "reason"'),
    }
    assert next(proof.input for proof in restrict.must_deny(files, [], NOW)) == {"provider": {"id": "4711"}}
    assert not [proof for proof in restrict.must_deny(files, [], ONE.ends() - 10) if "alpha" in proof.name]


@given(*[st.text().filter(lambda text: bool(restrict.provider_text(text)) and bool(text.split()))] * 2)
def test_any_name_and_reason_survive(provider: str, reason: str) -> None:
    item = restrict.parse_restriction({"provider": provider, "until": ONE.until, "reason": reason})
    files = restrict.with_restrictions(FILES, [item], "p/q")
    assert restrict.present(files) == [item]
    assert item.provider == restrict.provider_text(item.provider)
    assert restrict.with_restrictions(files, restrict.present(files), "p/q", in_force=files) == files


@given(st.integers(), st.sampled_from(["", " ", "\t", "\u00a0"]))
def test_a_number_is_restricted_as_its_text(number: int, space: str) -> None:
    for given_as in (number, f"{space}{number}{space}"):
        assert restrict.parse_restriction({"provider": given_as, "reason": "x"}).provider == str(number)


ENDS = st.one_of(
    st.text(),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"),
)


@given(ENDS)
def test_an_end_is_a_time_that_datetime_reads_too_or_it_is_refused(until: str) -> None:
    try:
        item = restrict.parse_restriction({"provider": "x", "until": until, "reason": "y"})
    except SalvageError:
        return
    fraction = re.sub(r"\.([0-9]+)", lambda found: f".{found[1]:0<6.6}", until).replace("Z", "+00:00")
    assert abs(item.ends() - datetime.datetime.fromisoformat(fraction).timestamp()) < 1e-3
    assert item.ends() <= 2**63 / 1e9
