# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of plugins/module_utils: who may import whom, how large a file may be, and that one name means one thing."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.collection import sources
from tools.env import CHECKOUT, collections_path
from tools.house import ALLOWED, DOMAINS, FLOORS

UTILS = CHECKOUT / "plugins" / "module_utils"
MODULES = CHECKOUT / "plugins" / "modules"

FLOOR_OF = {room: number for number, rooms in enumerate([*FLOORS, DOMAINS]) for room in rooms}
# Each domain has these: what its modules import.
SHARED_NAMES = {"run"}


def rooms_imported(path: str, source: str) -> set[str]:
    """The rooms that a file of module_utils imports from; ``path`` is relative to module_utils."""
    package = Path(path).parent.parts
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {(*base, *str(module).split("."))[0] for module in modules}
    return found - {package[0]}


def trespasses(path: str, source: str) -> list[str]:
    room = Path(path).parts[0]
    return [
        f"{path} imports {other}"
        for other in sorted(rooms_imported(path, source))
        if FLOOR_OF[other] >= FLOOR_OF[room] and (room, other) not in ALLOWED
    ]


def files() -> Iterator[tuple[str, str]]:
    for path in sorted(UTILS.rglob("*.py")):
        yield str(path.relative_to(UTILS)), path.read_text(encoding="utf-8")


def modules_imported(path: str, source: str) -> set[str]:
    """The files of module_utils that a file imports, as paths."""
    package = Path(path).parent
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package
            for _step in range(node.level - 1):
                base = base.parent
            target = base.joinpath(*(node.module or "").split("."))
            found |= {str(target) + ".py", *(str(target / alias.name) + ".py" for alias in node.names)}
    return found


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """Files that are left when every file whose imports are all gone is taken away, again and again."""
    left = {name: {other for other in others if other in imports} for name, others in imports.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def public_names(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name


def body_lines(source: str) -> int:
    """The lines below the last documentation string of a module."""
    ends = [
        node.end_lineno or 0
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    ]
    return len(source.splitlines()[max(ends) :])


def test_every_room_has_a_floor() -> None:
    assert {Path(path).parts[0] for path, _source in files()} <= FLOOR_OF.keys()


def test_the_page_of_the_architecture_draws_each_room_once_and_lists_each_decision() -> None:
    page = (CHECKOUT / "docs/architecture.md").read_text(encoding="utf-8")
    drawn = re.findall(r"(?<![\w/])_[a-z_]+", page.split("│ domains")[1].split("└──")[0])
    assert sorted(drawn) == sorted(DOMAINS.union(*FLOORS))
    decisions = sorted(path.name for path in (CHECKOUT / "docs/adr").glob("[0-9]*.md"))
    assert re.findall(r"\(adr/([\w-]+\.md)\)", page.split("## Decisions")[1]) == decisions


def test_rooms_import_only_from_floors_below() -> None:
    assert [line for path, source in files() for line in trespasses(path, source)] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("_core/errors.py", "from .._cluster.http import Http"),
        ("_cluster/http.py", "from .. import _records"),
        ("_health/pods.py", "from .._delivery.rollout import task"),
        ("_backup/archive/layout.py", "from ..._restore.plan import Key"),
    ],
)
def test_a_line_that_breaks_the_floors_is_found(path: str, line: str) -> None:
    assert len(trespasses(path, line)) == 1


def test_no_file_imports_itself_by_a_circle() -> None:
    assert circle_in({path: modules_imported(path, source) for path, source in files()}) == []


def test_a_circle_is_found() -> None:
    assert circle_in({"a.py": {"b.py"}, "b.py": {"c.py"}, "c.py": {"b.py"}, "d.py": {"x.py"}}) == ["a.py", "b.py", "c.py"]


def test_no_file_is_longer_than_400_lines() -> None:
    assert {path: length for path, source in files() if (length := len(source.splitlines())) > 400} == {}


def test_no_line_is_longer_than_the_sanity_tests_allow() -> None:
    """ruff lets a line pass that has no space to break it at."""
    lines = ((name, CHECKOUT.joinpath(name).read_text(encoding="utf-8").splitlines()) for name in sources() if name.endswith(".py"))
    assert [f"{name}:{number}" for name, found in lines for number, line in enumerate(found, 1) if len(line) > 160] == []


def test_no_module_body_is_longer_than_40_lines() -> None:
    lengths = {path.name: body_lines(path.read_text(encoding="utf-8")) for path in sorted(MODULES.glob("*.py"))}
    assert {name: length for name, length in lengths.items() if length > 40} == {}


def test_a_public_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path, source in files():
        for name in public_names(source):
            places[name].append(path)
    assert {name: where for name, where in places.items() if len(where) > 1 and name not in SHARED_NAMES} == {}


# Who writes files by other means than _core/files.py, and why no other user can read or plant them.
WRITERS = {
    "_core/files.py": "the one writer",
    "_cluster/auth.py": "in a temporary folder",
    "_cluster/kubeconfig.py": "mkstemp",
    "_opa/command.py": "in a temporary folder",
    "_prometheus_snapshot/instance.py": "gigabytes, in a private folder",
    "_prometheus_snapshot/perform.py": "Prometheus' own data",
    "_prometheus_snapshot/vault.py": "gigabytes, in a private folder",
}
_WRITES = re.compile(r"""\.(write_text|write_bytes|touch)\(|\.open\(\s*["'][^"']*[wax+]|mkstemp|O_CREAT|copyfile|copytree|rmtree""")


def test_files_are_written_and_trees_removed_in_few_places() -> None:
    assert {path for path, source in files() if _WRITES.search(source)} <= WRITERS.keys()


def test_modules_run_programs_with_arguments_as_they_are_written() -> None:
    for path in sorted(MODULES.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert source.count("run_command") == source.count("run_command=literal(module.run_command)") * 2 + source.count(
            ", literal(module.run_command)"
        ), path.name
    # The plugin of a kubeconfig is run where there is no module: its command as it is written, without a shell.
    outside = [path for path, source in files() if any(one in source for one in ("import subprocess", "create_subprocess", "os.system"))]
    assert outside == ["_cluster/exec_plugin.py"]


def test_the_health_check_imports_no_slow_library_that_it_may_not_need() -> None:
    slow = ("asyncio", "cryptography", "kubernetes", "prometheus_client", "pyrage", "boto3")
    package = "ansible_collections.euystacio.meta_salvage.plugins.module_utils"
    code = f"import sys, {package}._health.task; print([name for name in {slow} if name in sys.modules])"
    environ = {**os.environ, "PYTHONPATH": str(collections_path())}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == "[]"
