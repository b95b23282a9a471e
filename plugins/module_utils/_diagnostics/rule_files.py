# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that the collection ships, and the user's beside them.

They are YAML files beside this one.  Ansible sends Python files of module_utils to a host and no others, so the action plugin and the
filters read them where the collection is installed, and give the module their text.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .._core.errors import SalvageError

_SHIPPED = Path(__file__).with_name("findings")


def shipped_rules() -> dict[str, str]:
    """The texts by the names of their files, in the order of these.  Raises SalvageError(missing_library)."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(_SHIPPED.glob("*.yml"))} if _SHIPPED.is_dir() else {}
    if not texts:
        raise SalvageError(
            "the rules of the collection are not where the module runs; call it through Ansible, which sends them", reason="missing_library"
        )
    return texts


def with_own_rules(paths: Iterable[str]) -> dict[str, str]:
    """The shipped texts, and those of the user's files and of the YAML files in the user's folders.  Raises SalvageError."""
    texts = shipped_rules()
    for given in paths:
        path = Path(given).expanduser()
        files = sorted([*path.glob("*.yml"), *path.glob("*.yaml")]) if path.is_dir() else [path]
        if not files:
            raise SalvageError(f"{path} has no YAML file with rules; give a file, or a folder with *.yml files", reason="not_found")
        texts.update((str(file), _read(file)) for file in files)
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SalvageError(f"the rules in {path} cannot be read: {exc}; give a YAML file", reason="bad_input") from None
