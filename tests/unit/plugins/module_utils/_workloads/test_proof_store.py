# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proof_store import ProofStore
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._workloads.proofs import Proof, Subject

CORE = "/api/v1/namespaces/a/secrets"
KEY = f"{CORE}/meta-salvage-proof-key"
SECRET = f"{CORE}/meta-salvage-proofs.deployment.api"
SUBJECT = Subject("Deployment", "a", "api", "uid-d")
PASSED, FAILED = Proof("passed", "2026-11-17T14:00:00Z", "t1"), Proof("failed", "2026-11-17T15:00:00Z", "t1")


def add(api: Any, proof: Proof, *, key: str = "", dry_run: bool = False, templates: frozenset[str] = frozenset({"t1"})) -> bool:
    return ProofStore(api, key).add(SUBJECT, proof, templates, dry_run=dry_run)


def test_the_first_record_makes_a_key_that_the_next_run_finds(api: Any) -> None:
    assert ProofStore(api).read(SUBJECT) == []
    assert add(api, PASSED)
    assert ProofStore(api).read(SUBJECT) == [PASSED]
    assert not add(api, PASSED)
    assert add(api, FAILED)
    assert ProofStore(api).read(SUBJECT) == [PASSED, FAILED]
    assert len(base64.b64decode(api.objects[KEY]["data"]["key"])) == 64
    assert api.objects[KEY]["immutable"]
    assert api.objects[SECRET]["metadata"]["ownerReferences"][0]["uid"] == "uid-d"


def test_a_key_in_a_file(api: Any, tmp_path: Path) -> None:
    file, other = tmp_path / "key", tmp_path / "other"
    file.write_text("a" * 64)
    other.write_text("b" * 64)
    add(api, PASSED, key=f"hmac:{file}")
    assert KEY not in api.objects
    assert ProofStore(api, f"hmac:{file}").read(SUBJECT) == [PASSED]
    assert ProofStore(api, f"hmac:{other}").read(SUBJECT) == []
    assert ProofStore(api).read(SUBJECT) == []
    add(api, FAILED, key=f"hmac:{other}")
    assert ProofStore(api, f"hmac:{file}").read(SUBJECT) == [PASSED]
    with pytest.raises(SalvageError, match="can't be read"):
        ProofStore(api, str(tmp_path / "none")).read(SUBJECT)


def test_check_mode_writes_nothing(api: Any) -> None:
    assert add(api, PASSED, dry_run=True)
    assert not api.objects


def test_proofs_of_templates_that_are_gone_go(api: Any) -> None:
    add(api, PASSED)
    add(api, Proof("passed", "2026-11-17T16:00:00Z", "t2"), templates=frozenset({"t2"}))
    assert [proof.template for proof in ProofStore(api).read(SUBJECT)] == ["t2"]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Opaque"},
        {"immutable": False},
        {"metadata": {"labels": {}}},
        {"metadata": {"annotations": {"meta.helm.sh/release-name": "app"}}},
        {"metadata": {"ownerReferences": [{"kind": "App"}]}},
        {"data": {}},
        {"data": {"key": "%%"}},
        {"data": {"key": "c2hvcnQ="}},
        {"data": {"key": "", "more": ""}},
    ],
)
def test_a_key_that_somebody_else_brought_is_refused(api: Any, change: Any) -> None:
    add(api, PASSED)
    there = api.objects[KEY]
    api.put(KEY, {**there, **change, "metadata": {**there["metadata"], **change.get("metadata", {})}})
    for work in (lambda: ProofStore(api).read(SUBJECT), lambda: add(api, FAILED)):
        with pytest.raises(SalvageError, match="meta-salvage-proof-key in namespace a"):
            work()


def test_two_runs_that_record_at_once_both_do(api: Any) -> None:
    add(api, PASSED)
    seen: list[str] = []

    def stumble(method: str, path: str) -> str | None:
        if method == "PATCH" and path == SECRET and not seen:
            seen.append(path)
            add(api, Proof("failed", "2026-11-17T14:30:00Z", "t1"))
        return None

    api.stumble = stumble
    add(api, Proof("passed", "2026-11-17T16:00:00Z", "t1", run="r3", copies=(("Secret", "k", "k.1"),)))
    assert [proof.verdict for proof in ProofStore(api).read(SUBJECT)] == ["passed", "failed", "passed"]
