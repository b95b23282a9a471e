# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as a site: what Markdown becomes, which links are dead, and what each runbook's page has."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx import addnodes

from tools.docs_site.foreign import address
from tools.docs_site.links import broken
from tools.docs_site.markdown_pages import DOCS, MarkdownParser, slug

OLD_RUNBOOK = DOCS / "from_the_old_runbook.md"


def parsed(text: str, name: str = "runbooks/page") -> nodes.document:
    document = new_document("page")
    document.settings.env = SimpleNamespace(docname=name, doc2path=lambda docname: f"{docname}.md")
    MarkdownParser().parse(text, document)
    return document


def test_headings_nest_and_have_the_places_that_github_gives_them() -> None:
    document = parsed("# A\n\n## What's new, here?\n\ntext\n\n### C\n\n## D\n")
    (first,) = document.children
    assert [section["ids"] for section in document.findall(nodes.section)] == [["a"], ["whats-new-here"], ["c"], ["d"]]
    assert [child["ids"] for child in first.children if isinstance(child, nodes.section)] == [["whats-new-here"], ["d"]]
    assert slug("`deploy` and -- x_y") == "deploy-and----x_y"


def test_tables_lists_code_and_pictures_stay_what_they_are() -> None:
    document = parsed(
        "# A\n\n| a | b |\n|---|---|\n| `x` | **y** |\n\n- one\n  1. two\n\n```sh\nls <a>\n```\n\n![words](../images/a.png)\n"
    )
    assert [entry.astext() for entry in document.findall(nodes.entry)] == ["a", "b", "x", "y"]
    assert len([*document.findall(nodes.bullet_list)]) == len([*document.findall(nodes.enumerated_list)]) == 1
    (code,) = document.findall(nodes.literal_block)
    assert (code.astext(), code["language"]) == ("ls <a>\n", "bash")
    (picture,) = document.findall(nodes.image)
    assert (picture["uri"], picture["alt"]) == ("../images/a.png", "words")


def test_links_lead_to_pages_places_and_files_of_the_repository() -> None:
    document = parsed("[a](deploy.md) [b](deploy.md#limits) [c](#here) [d](../../tools/gates.py) [e](https://example.org/x#y)")
    (page,) = document.findall(addnodes.pending_xref)
    assert page["reftarget"] == "/runbooks/deploy"
    places = [one.get("refuri") or "#" + one["refid"] for one in document.findall(nodes.reference)]
    assert places == [
        *("../runbooks/deploy.html#limits", "#here", "https://github.com/euystacio/meta_salvage/blob/main/tools/gates.py"),
        "https://example.org/x#y",
    ]


@pytest.mark.parametrize("text", ["[a](nothing.md)", "[a](../nothing.py)", "<b>bold</b>", "<table></table>"])
def test_what_leads_nowhere_or_cannot_be_shown_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"runbooks/page\.md: "):
        parsed(text)


def test_dead_links_of_a_site_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="b.html#y">1</a><a href="#x">2</a><a href="#z">3</a><img src="no.png"><a href="c.html">'
    )
    (tmp_path / "b.html").write_text('<p id="y"><a href="a.html#x"><a href="https://example.org/#q"><a href="mailto:a@b">')
    assert broken(tmp_path) == [
        "a.html: #z leads to no place in its page",
        "a.html: no.png leads to no file",
        "a.html: c.html leads to no file",
    ]


def test_only_listed_references_are_foreign() -> None:
    assert address("ansible_collections.kubernetes.core.k8s_module") == (
        "https://docs.ansible.com/ansible/latest/collections/kubernetes/core/k8s_module.html"
    )
    assert address("ansible_collections.euystacio.meta_salvage.gone_module") is None
    assert address("no_such_label") is None


@pytest.mark.parametrize("page", [path.stem for path in sorted((DOCS / "runbooks").glob("*.md")) if path.stem != "thresholds"])
def test_each_runbook_has_the_same_five_headings(page: str) -> None:
    """thresholds.md is a table for the others."""
    document = parsed((DOCS / "runbooks" / f"{page}.md").read_text(encoding="utf-8"), f"runbooks/{page}")
    (whole,) = document.children
    titles = [section.next_node(nodes.title).astext() for section in whole.children if isinstance(section, nodes.section)]
    assert titles == ["When", "Before", "Run", "What it does", "When it fails"]


def test_every_playbook_named_for_the_old_runbook_is_there() -> None:
    playbooks = {path.stem for path in (DOCS.parent / "playbooks").glob("*.yml")}
    named = set(re.findall(r"ansible-playbook euystacio\.meta_salvage\.(\w+)", OLD_RUNBOOK.read_text(encoding="utf-8")))
    assert named <= playbooks
    assert {"health_check", "deploy", "rollback", "restore", "scale", "incident_open", "diagnostics"} <= named


def test_every_variable_named_for_the_old_runbook_is_there() -> None:
    variables = set(re.findall(r"-e '?\{?\"?(\w+)\"?[=:]", OLD_RUNBOOK.read_text(encoding="utf-8")))
    known = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "roles").glob("*/meta/argument_specs.yml"))
    assert variables
    assert [name for name in variables if f" {name}:" not in known] == []


def test_no_step_of_the_old_runbook_is_left_to_be_done_by_hand() -> None:
    assert [line for line in OLD_RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "by hand" in line] == []


def test_the_readme_names_each_module_and_playbook_and_has_one_row_for_each_subject() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \| .* \|$", readme, re.MULTILINE)
    firsts = [row.split(",")[0] for row in rows]
    assert sorted(set(firsts)) == sorted(firsts)
    named = {name.removeprefix("euystacio.meta_salvage.") for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    modules = {path.stem for path in (DOCS.parent / "plugins" / "modules").glob("*.py")}
    playbooks = {path.stem for path in (DOCS.parent / "playbooks").glob("*.yml")}
    assert (modules | playbooks) - named == set()
