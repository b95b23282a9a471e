# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles of each playbook; that they are enough, and no more, is for tests/integration/test_rbac.py."""

from __future__ import annotations

from typing import Any

import pytest

from tools import rbac_docs

FILES = sorted(rbac_docs.ROLES.glob("*.yaml"))
READ_ONLY = {"health_check", "peace_bonds_review", "backup_verify"}
POWERFUL = {"backup", "diagnostics", "restore", "restore_drill", "rebuild"}  # which say so in their first lines


def rules(playbook: str) -> list[dict[str, Any]]:
    return [rule for role in rbac_docs.roles(rbac_docs.ROLES / f"{playbook}.yaml") for rule in role["rules"]]


def test_each_playbook_has_its_file() -> None:
    assert {path.stem for path in FILES} == {path.stem for path in (rbac_docs.CHECKOUT / "playbooks").glob("*.yml")}


def test_the_page_lists_the_verbs_of_the_files() -> None:
    text = rbac_docs.PAGE.read_text(encoding="utf-8")
    assert rbac_docs.page(text) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_role_says_where_it_is_bound_and_for_which_playbook(path: Any) -> None:
    found = rbac_docs.roles(path)
    assert len({role["metadata"]["name"] for role in found}) == len(found)
    for role in found:
        assert (role["apiVersion"], role["kind"]) == ("rbac.authorization.k8s.io/v1", "ClusterRole")
        assert role["metadata"]["name"].startswith(f"meta-salvage-{path.stem.replace('_', '-')}")
        assert set(role["metadata"]["annotations"][rbac_docs.BINDING].split(", ")) <= {"cluster", "workload", "monitoring"}


def test_playbooks_that_only_read_have_verbs_that_only_read() -> None:
    """But for queries of OPA, which are POST requests through the proxy."""
    for playbook in READ_ONLY:
        for rule in rules(playbook):
            assert set(rule["verbs"]) <= {"get", "list", "watch"} or rule["resources"] == ["services/proxy"], rule


def test_only_playbooks_that_say_so_have_all_resources_or_verbs() -> None:
    wide = {
        path.stem for path in FILES if any("*" in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]] for rule in rules(path.stem))
    }
    assert wide == POWERFUL
    assert {
        path.stem for path in FILES if any({"bind", "escalate", "impersonate"} & {*rule["verbs"]} for rule in rules(path.stem))
    } <= POWERFUL
