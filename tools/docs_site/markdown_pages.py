# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown for Sphinx, as far as the pages of docs/ use it: markdown-it reads it, this makes docutils' nodes of what it read.

A link to another page is checked by Sphinx; one to a file of the repository becomes one to its address, if the file is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers import Parser
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from sphinx import addnodes

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
REPOSITORY = "https://github.com/euystacio/meta_salvage/blob/main"
_LANGUAGES = {"": "text", "sh": "bash"}


def slug(title: str) -> str:
    """The place of a heading, as GitHub names it."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())


class MarkdownParser(Parser):  # type: ignore[misc]
    supported: ClassVar[tuple[str, ...]] = ("markdown",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        env = document.settings.env
        _Page(document, env.docname, env.doc2path(env.docname)).read(inputstring)


class _Page:
    def __init__(self, document: nodes.document, name: str, path: str) -> None:
        self.document, self.name = document, name
        # The sources are a copy of docs/ with more in it.
        self.file = DOCS / Path(name).with_suffix(".md")
        self.path = path
        self._places: Counter[str] = Counter()
        self._blocks: dict[str, Callable[[SyntaxTreeNode, nodes.Element], None]] = {
            "paragraph": lambda one, into: self._add(nodes.paragraph(), one.children[0], into),
            "fence": self._code,
            "code_block": self._code,
            "bullet_list": lambda one, into: self._list(nodes.bullet_list(), one, into),
            "ordered_list": lambda one, into: self._list(nodes.enumerated_list(enumtype="arabic", prefix="", suffix="."), one, into),
            "blockquote": lambda one, into: self._group(nodes.block_quote(), one, into),
            "table": self._table,
            "hr": lambda one, into: into.append(nodes.transition()),
            "html_block": lambda one, into: self._only_comment(one),
        }

    def read(self, text: str) -> None:
        tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
        place: list[tuple[int, nodes.Element]] = [(0, self.document)]
        for one in tree.children:
            if one.type == "heading":
                level = int(one.tag[1:])
                while place[-1][0] >= level:
                    place.pop()
                section = nodes.section()
                title = nodes.title()
                title.extend(self._inline(one.children[0]))
                section.append(title)
                section["ids"] = [self._place(title.astext())]
                section["names"] = [nodes.fully_normalize_name(title.astext())]
                place[-1][1].append(section)
                self.document.note_implicit_target(section, section)
                place.append((level, section))
            else:
                self._block(one, place[-1][1])

    def _place(self, title: str) -> str:
        """Of several headings that are alike, each has its own, as on GitHub."""
        place = slug(title)
        self._places[place] += 1
        return place if self._places[place] == 1 else f"{place}-{self._places[place] - 1}"

    def _block(self, one: SyntaxTreeNode, into: nodes.Element) -> None:
        make = self._blocks.get(one.type)
        if make is None:
            raise ValueError(f"{self.path}: {one.type} is not known here; write it in another way, or teach {Path(__file__).name}.")
        make(one, into)

    def _add(self, node: nodes.Element, inline: SyntaxTreeNode, into: nodes.Element) -> None:
        node.extend(self._inline(inline))
        into.append(node)

    def _group(self, node: nodes.Element, one: SyntaxTreeNode, into: nodes.Element) -> None:
        for child in one.children:
            self._block(child, node)
        into.append(node)

    def _list(self, node: nodes.Element, one: SyntaxTreeNode, into: nodes.Element) -> None:
        for child in one.children:
            self._group(nodes.list_item(), child, node)
        into.append(node)

    def _code(self, one: SyntaxTreeNode, into: nodes.Element) -> None:
        language = one.info.strip() if one.type == "fence" else ""
        into.append(nodes.literal_block(one.content, one.content, language=_LANGUAGES.get(language, language)))

    def _only_comment(self, one: SyntaxTreeNode) -> None:
        if not one.content.lstrip().startswith("<!--"):
            raise ValueError(f"{self.path}: HTML is not known here; write it in Markdown.")

    def _table(self, one: SyntaxTreeNode, into: nodes.Element) -> None:
        rows = [row for part in one.children for row in part.children]
        columns = len(rows[0].children)
        group = nodes.tgroup(cols=columns)
        group.extend(nodes.colspec(colwidth=100 // columns) for _column in range(columns))
        head, body = nodes.thead(), nodes.tbody()
        for number, row in enumerate(rows):
            line = nodes.row()
            for cell in row.children:
                entry = nodes.entry()
                self._add(nodes.paragraph(), cell.children[0], entry)
                line.append(entry)
            (body if number else head).append(line)
        group.extend([head, body])
        table = nodes.table()
        table.append(group)
        into.append(table)

    def _inline(self, inline: SyntaxTreeNode) -> list[nodes.Node]:
        return [made for one in inline.children for made in self._word(one)]

    def _word(self, one: SyntaxTreeNode) -> Sequence[nodes.Node]:
        if one.type in {"text", "text_special"}:
            return [nodes.Text(one.content)]
        if one.type in {"softbreak", "hardbreak"}:
            return [nodes.Text("\n")]
        if one.type == "html_inline" and one.content in {"<br>", "<br/>"}:
            return [nodes.raw("", "<br>", format="html")]
        if one.type == "code_inline":
            return [nodes.literal(one.content, one.content)]
        if one.type in {"strong", "em"}:
            node = nodes.strong() if one.type == "strong" else nodes.emphasis()
            node.extend(self._inline(one))
            return [node]
        if one.type == "link":
            return [self._link(one)]
        if one.type == "image":
            return [nodes.image(uri=str(one.attrs["src"]), alt=one.content)]
        raise ValueError(f"{self.path}: {one.type} is not known here; write it in another way, or teach {Path(__file__).name}.")

    def _link(self, one: SyntaxTreeNode) -> nodes.Node:
        target, _mark, place = str(one.attrs["href"]).partition("#")
        words = nodes.inline()
        words.extend(self._inline(one))
        if "://" in target or target.startswith("mailto:"):
            return self._reference(words, refuri=str(one.attrs["href"]))
        if not target:
            return self._reference(words, refid=place, internal=True)
        file = (self.file.parent / target).resolve()
        if file.suffix == ".md" and file.is_relative_to(DOCS):
            if not file.is_file():
                raise ValueError(f"{self.path}: there is no page {target}.")
            page = str(file.relative_to(DOCS).with_suffix(""))
            if place:
                up = "../" * self.name.count("/")
                return self._reference(words, refuri=f"{up}{page}.html#{place}", internal=True)
            found: nodes.Element = addnodes.pending_xref(
                "", words, refdomain="std", reftype="doc", reftarget=f"/{page}", refexplicit=True, refdoc=self.name
            )
            return found
        if not file.exists():
            raise ValueError(f"{self.path}: there is no file {target} in the repository.")
        return self._reference(words, refuri=f"{REPOSITORY}/{file.relative_to(CHECKOUT)}")

    @staticmethod
    def _reference(words: nodes.Node, **attributes: Any) -> nodes.reference:
        return nodes.reference("", "", words, **attributes)


def setup(app: Any) -> dict[str, bool]:
    app.add_source_suffix(".md", "markdown")
    app.add_source_parser(MarkdownParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
