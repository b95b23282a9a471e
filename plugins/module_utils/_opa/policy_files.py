# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of policy files as it stands in a ConfigMap: its revision, what is published of it, how two differ.  Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import SalvageError

Files = Mapping[str, str]

# OPA serves what it has loaded; a rule that names the revision is how a pod proves which that is, mounted or bundled.
REVISION_FILE = "meta_salvage_revision.rego"
REVISION_PACKAGE = "euystacio.policy_revision"
REVISION_PATH = "euystacio/policy_revision/id"
DATA_FILE = "policy_data.json"
MAX_BYTES = 900_000  # of the 1 MiB that an object may have
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_RESERVED = "meta_salvage_"


def content(files: Files) -> dict[str, str]:
    """What counts: neither the revision's own file nor tests."""
    return {name: text for name, text in files.items() if name != REVISION_FILE and not name.endswith("_test.rego")}


def loaded(files: Files) -> dict[str, str]:
    """What OPA loads: the content, and the file that names its revision."""
    return {**content(files), REVISION_FILE: f'package {REVISION_PACKAGE}\n\nid := "{revision(files)}"\n'}


def is_reserved(name: str) -> bool:
    """Whether the name is one of those that this collection writes beside the policies, in any spelling and folder."""
    return _RESERVED in name.casefold()


def refuse_reserved_files(names: Iterable[str]) -> None:
    """Raises SalvageError(bad_input) for a candidate's file that would take the place of one of ours, or be taken for it."""
    for name in names:
        if is_reserved(name):
            raise SalvageError(
                f"{name!r} can't be a file of a policy: names with {_RESERVED} are reserved for the files that the module writes;"
                " rename or remove it",
                reason="bad_input",
            )


def tests(files: Files) -> dict[str, str]:
    return {name: text for name, text in files.items() if name.endswith("_test.rego")}


def revision(files: Files) -> str:
    """A name for this content; the same content has the same name."""
    return hashlib.sha256(json.dumps(sorted(content(files).items())).encode()).hexdigest()[:12]


def published(files: Files) -> dict[str, str]:
    """The ConfigMap's data.  Raises SalvageError(bad_input) for what can't be one."""
    data = content(files)
    if not any(name.endswith(".rego") for name in data):
        raise SalvageError("the policy holds no .rego file; name the folder or the files that do", reason="bad_input")
    for name in data:
        if not _KEY.fullmatch(name) or not name.endswith((".rego", ".json", ".yaml", ".yml")):
            raise SalvageError(
                f"{name!r} can't be a policy file in a ConfigMap; use letters, digits, - . _ and .rego or .json", reason="bad_input"
            )
    size = sum(len(name) + len(text.encode()) for name, text in data.items())
    if size > MAX_BYTES:
        raise SalvageError(f"the policy has {size} bytes, a ConfigMap holds {MAX_BYTES} of it; use a bundle", reason="bad_input")
    return loaded(files)


def with_data(files: Files, change: Mapping[str, Any], name: str = DATA_FILE) -> dict[str, str]:
    """The files with ``change`` merged into the data document.  Raises SalvageError(bad_input)."""
    try:
        document = json.loads(files.get(name) or "{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SalvageError(f"{name} of the policy is not a JSON object, so no threshold can be changed in it", reason="bad_input")
    return {**files, name: json.dumps(merge_documents(document, change), indent=2, sort_keys=True) + "\n"}


def text_of(files: Files) -> str:
    """The files as one text, for a diff."""
    return "".join(f"# {name}\n{text.rstrip()}\n\n" for name, text in sorted(content(files).items()))


def changed_files(before: Files, after: Files) -> list[str]:
    old, new = content(before), content(after)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def merge_documents(base: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """Each of the others on top of those before it, objects into objects."""
    result = dict(base)
    for other in others:
        for key, value in other.items():
            mine = result.get(key)
            result[key] = merge_documents(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return result
