# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import silent
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.bundle import Bundle
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.collector import Collector, Site, reason_of
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.options import Bounds, DiagnosticsOptions, Window
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor


def made(seconds: float = 5.0) -> Collector:
    routes: Any = None
    bounds = Bounds(1000, 1000, 10, seconds)
    return Collector("logs", Site(DiagnosticsOptions("x"), {}, routes, ("a",), Window(0, 1), bounds, Bundle(1000), Redactor(), silent))


def fail(sentence: str = "no") -> Any:
    raise SalvageError(sentence, reason="forbidden")


def test_what_works_is_complete() -> None:
    collector = made()
    collector.run(lambda it: it.save("logs/a", [b"1"]))
    assert (collector.outcome()["status"], collector.outcome()["files"]) == ("complete", ["logs/a"])


def test_one_failure_hides_no_other_answer() -> None:
    collector = made()

    def work(it: Collector) -> None:
        it.attempt("one", fail)
        it.attempt("two", lambda: {}["missing"])
        it.attempt("three", lambda: it.save("logs/a", [b"1"]))

    collector.run(work)
    found = collector.outcome()
    assert found["status"] == "partial"
    assert [one["what"] for one in found["missing"]] == ["one", "two"]
    assert "one: no" in found["reason"] and "two: the answer has another form" in found["reason"]


def test_nothing_at_all_is_failed() -> None:
    collector = made()
    collector.run(lambda it: it.attempt("one", fail))
    assert collector.outcome()["status"] == "failed"
    collector = made()
    collector.run(lambda it: fail())
    assert collector.outcome()["status"] == "failed"


def test_what_does_not_apply_is_skipped_with_its_reason() -> None:
    collector = made()
    collector.run(lambda it: it.skip("no address"))
    assert (collector.outcome()["status"], collector.outcome()["reason"]) == ("skipped", "no address")


def test_a_note_does_not_make_it_partial() -> None:
    collector = made()
    collector.run(lambda it: it.note("two are shortened"))
    assert (collector.outcome()["status"], collector.outcome()["reason"]) == ("complete", "two are shortened")


def test_when_its_time_is_up_the_rest_is_missing_and_what_it_has_stays() -> None:
    collector = made(0.05)

    def work(it: Collector) -> None:
        it.attempt("one", lambda: it.save("logs/a", [b"1"]))
        while it.attempt("more", lambda: True):
            pass

    collector.run(work)
    assert collector.outcome()["status"] == "partial"
    assert collector.outcome()["reason"] == "more: the 0.05 s of the collector were up"


def test_a_file_too_many_fails_alone() -> None:
    collector = made()
    collector.run(lambda it: [it.attempt(name, lambda n=name: it.save(n, [b"x" * 600])) for name in ("a", "b")] and None)  # type: ignore[misc]
    assert collector.outcome()["files"] == ["a"]
    assert "max_size" in collector.outcome()["reason"]


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(AssertionError):
        made().run(lambda it: (_ for _ in ()).throw(AssertionError()))


def test_a_reason_names_the_first_and_counts_the_others() -> None:
    missing = [(f"pod-{n}", "it is gone") for n in range(5)] + [("x", "forbidden")]
    assert reason_of(missing) == "pod-0 and 4 more: it is gone; x: forbidden"
    many = [(f"p{n}", f"reason {n}") for n in range(10)]
    assert reason_of(many) == "p0: reason 0; p1: reason 1; p2: reason 2; and 7 other reasons"
    assert reason_of([]) == ""
