# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the lab is built, how long it is said to take, and where an interrupted build goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab import build, images, manifests, node, versions
from lab.common import LabError, Progress
from lab.versions import Module
from tools import demo

VERSIONS = versions.load()


def module(name: str, seconds: float) -> Module:
    return Module(name=name, version="v1", folder=Path("/nonexistent"), binaries={}, seconds=seconds)


ONE, TWO, THREE = module("one", 10), module("two", 100), module("three", 50)


def test_what_the_first_cluster_needs_is_built_first_and_in_less_than_half_the_time() -> None:
    assert node.MODULES[: len(node.FIRST)] == node.FIRST
    planned = {name: VERSIONS.modules[name].seconds for name in node.MODULES}
    assert sum(planned[name] for name in node.FIRST) < sum(planned.values()) / 2


def test_the_first_manifests_use_only_what_is_built_by_then() -> None:
    values = {images.placeholder(name): name for name in node.FIRST}  # another image would be an error
    kinds = [document["kind"] for document in yaml.safe_load_all(manifests.stream(values, manifests.FIRST)) if document]
    assert kinds[0] == "Namespace"
    assert {"Deployment", "Service", "PodDisruptionBudget"} <= set(kinds)
    assert not {"Prometheus", "ServiceMonitor", "PrometheusRule", "APIService"} & set(kinds)


def test_a_machine_that_has_built_nothing_takes_as_long_as_planned() -> None:
    assert build.pace([ONE, TWO], {}) == 1
    assert build.left([ONE, TWO, THREE], 0, 1, {}) == 160


def test_what_was_measured_corrects_what_is_still_to_come() -> None:
    durations = {ONE.key: 25.0}
    pace = build.pace([ONE, TWO, THREE], durations)
    assert pace == 2.5
    assert build.left([TWO, THREE], 0, pace, durations) == 375
    assert build.left([TWO, THREE], 100, pace, durations) == 275


def test_a_build_that_this_machine_knows_takes_as_long_again() -> None:
    assert build.left([TWO, THREE], 0, 3, {TWO.key: 70.0, THREE.key: 20.0}) == 90


def test_an_answer_of_the_compilers_cache_says_nothing_about_the_others() -> None:
    assert build.pace([ONE, TWO], {ONE.key: 0.3}) == 1
    assert build.pace([ONE, TWO], {ONE.key: 0.3, TWO.key: 200.0}) == 2


def test_a_late_build_makes_the_estimate_longer_and_never_ends_it() -> None:
    on_time, late = build.left([TWO, THREE], 100, 1, {}), build.left([TWO, THREE], 300, 1, {})
    assert on_time == 50
    assert late == pytest.approx(300 * build.STILL + 3 * 50)


@given(passed=st.floats(0, 10_000), pace=st.floats(0.1, 20), known=st.floats(1, 1_000))
def test_an_estimate_is_never_negative(passed: float, pace: float, known: float) -> None:
    assert build.left([TWO, THREE], passed, pace, {}) >= 0
    assert build.left([TWO, THREE], passed, pace, {TWO.key: known}) >= build.left([TWO], passed, pace, {TWO.key: known})


@pytest.mark.parametrize(
    ("missing", "early"),
    [
        (node.MODULES, True),
        (["prometheus"], True),
        (["opa", "metrics-server"], True),
        (["kubernetes"], False),  # the rest is there, and all of it is up a moment later
        ([], False),
    ],
)
def test_the_demo_has_a_first_look_where_something_else_takes_minutes(missing: list[str], early: bool) -> None:
    assert demo.begin_early(missing) is early


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(build, "CACHE", tmp_path)
    monkeypatch.setattr(build, "BINARIES", tmp_path / "bin")
    monkeypatch.setattr(build, "DURATIONS", tmp_path / "durations.json")
    monkeypatch.setattr(build, "find_go", lambda wanted, progress: "go")
    return tmp_path


def test_an_interrupted_build_goes_on_where_it_was(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[str] = []

    def one(module: Module, go: str) -> None:
        if len(built) == 2:
            raise KeyboardInterrupt
        built.append(module.name)
        build.folder_of(module).mkdir(parents=True)
        (build.folder_of(module) / ".complete").touch()

    monkeypatch.setattr(build, "_build_one", one)
    with pytest.raises(KeyboardInterrupt):
        build.build(VERSIONS, node.FIRST, Progress())
    assert built == node.FIRST[:2]
    assert build.missing_of(VERSIONS, node.FIRST) == node.FIRST[2:]
    assert len(json.loads(build.DURATIONS.read_text())) == 2
    built.clear()
    capsys.readouterr()
    (killed := build.BINARIES / ".building-killed" / "etcd").mkdir(parents=True)
    build.build(VERSIONS, node.FIRST, Progress())
    assert built == node.FIRST[2:]
    assert not killed.parent.exists(), "what a killed build left is gone"
    assert "building etcd" in (said := capsys.readouterr().err) and "1 of 2" in said


def test_a_broken_build_is_an_error_and_what_was_built_before_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(module: Module, go: str) -> None:
        if module.name == "etcd":
            raise LabError("no network")
        build.folder_of(module).mkdir(parents=True)
        (build.folder_of(module) / ".complete").touch()

    monkeypatch.setattr(build, "_build_one", one)
    with pytest.raises(LabError, match="no network"):
        build.build(VERSIONS, node.FIRST, Progress(quiet=True))
    assert build.missing_of(VERSIONS, node.MODULES) == node.MODULES[2:]
