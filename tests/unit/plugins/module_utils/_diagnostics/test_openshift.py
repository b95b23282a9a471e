# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.discovery import Resource
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.openshift import OpenShiftSession
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.progress import silent
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics import openshift
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.bundle import Bundle
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.collector import Collector, Site
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._diagnostics.options import Bounds, DiagnosticsOptions, Window
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor

OPENSHIFT = [Resource("config.openshift.io", "clusteroperators", "v1", "ClusterOperator", False)]
# As the library has it: contexts, a tracker, and one call that writes what `oc adm inspect` writes.
LIBRARY = """
import contextlib, pathlib
CALLS = []
class OpenShiftPythonException(Exception): pass
def _context(*args, **more): return contextlib.nullcontext()
client_path = api_server = options = timeout = _context
class _Result:
    def as_dict(self): return {"actions": [{"verb": "adm", "cmd": ["oc", *CALLS[0]], "status": STATUS, "success": not STATUS,
                                            "timestamp": 1, "elapsed_time": 2.0, "err": ERR, "out": "long"}]}
class _Tracker:
    def get_result(self): return _Result()
def tracking(): return contextlib.nullcontext(_Tracker())
STATUS, ERR, FAILS = 0, "", False
def invoke(verb, args, no_namespace=False, auto_raise=True):
    CALLS.append([verb, *args])
    folder = pathlib.Path(next(one for one in args if one.startswith("--dest-dir=")).partition("=")[2])
    (folder / "namespaces").mkdir()
    (folder / "namespaces" / "a.yaml").write_text("word: swordfish-of-the-sea")
    if FAILS:
        raise OpenShiftPythonException("timed out")
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "openshift_client.py").write_text(LIBRARY)
    (tmp_path / "memory").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(openshift, "_MEMORY", tmp_path / "memory")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(openshift, "openshift_session", lambda *_of: OpenShiftSession("https://api.example.com:6443", "sha256~x", "shop"))
    sys.modules.pop("openshift_client", None)
    yield __import__("openshift_client")
    sys.modules.pop("openshift_client", None)


def run(kinds: list[Resource] = OPENSHIFT, **params: Any) -> tuple[dict[str, Any], Bundle]:
    routes: Any = None
    bundle = Bundle(10_000)
    bounds = Bounds(10_000, 1000, 10, 5.0)
    site = Site(DiagnosticsOptions("x"), params, routes, ("a",), Window(0, 1), bounds, bundle, Redactor([b"swordfish-of-the-sea"]), silent)
    collector = Collector("openshift", site)
    collector.run(lambda it: openshift.collect_openshift(it, kinds, params))
    return collector.outcome(), bundle


def test_what_oc_collects_is_redacted_and_its_call_is_in_the_index(library: Any, tmp_path: Path) -> None:
    outcome, bundle = run()
    assert outcome["status"] == "complete", outcome
    assert list(bundle) == ["openshift/namespaces/a.yaml"]
    assert b"swordfish" not in bundle["openshift/namespaces/a.yaml"]
    assert outcome["calls"][0]["cmd"][:4] == ["oc", "adm", "inspect", "ns/a"]
    assert "out" not in outcome["calls"][0]
    assert list((tmp_path / "memory").iterdir()) == []


def test_a_call_that_fails_gives_what_it_wrote_and_says_why(library: Any) -> None:
    library.STATUS, library.ERR = 1, "error: forbidden"
    outcome, bundle = run()
    assert (outcome["status"], outcome["reason"]) == ("partial", "oc adm inspect: error: forbidden")
    assert len(bundle) == 1


def test_a_call_that_takes_too_long_gives_what_it_wrote(library: Any) -> None:
    library.FAILS = True
    outcome, bundle = run()
    assert outcome["status"] == "partial" and "timed out" in outcome["reason"]
    assert len(bundle) == 1


def test_the_login_that_is_that_of_oc_is_no_argument_of_it(library: Any) -> None:
    outcome, bundle = run(host="https://api.example.com:6443", api_key="sha256~x")
    assert (outcome["status"], len(bundle)) == ("complete", 1)
    assert "sha256~x" not in str(library.CALLS)
    assert "login of a kubeconfig" in run(host="https://api.example.com:6443", api_key="sha256~other")[0]["reason"]
    assert "login of a kubeconfig" in run(host="https://other.example.com:6443", api_key="sha256~x")[0]["reason"]


def test_elsewhere_there_is_nothing_to_inspect(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run([])[0]["reason"] == "the cluster is not OpenShift"
    assert "login of a kubeconfig" in run(api_key="x")[0]["reason"]
    monkeypatch.setattr(openshift, "_MEMORY", tmp_path / "nowhere")
    assert "written to a disk" in run()[0]["reason"]
    sys.modules.pop("openshift_client")
    monkeypatch.setattr(sys, "path", [])
    assert "openshift-client is missing" in run()[0]["reason"]
    monkeypatch.setattr(shutil, "which", lambda name: None)
    outcome, bundle = run()
    assert outcome["status"] == "skipped" and "no program oc" in outcome["reason"]
    assert len(bundle) == 0 and library.CALLS == []
