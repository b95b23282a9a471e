# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable as ansible_collections.euystacio.meta_salvage, and lab/ and tools/ by their names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

# A busy machine is no fault of an example. In CI the same code gets the same examples, so that a change is judged by what it changed;
# elsewhere they are new ones each time.
hypothesis.settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("patient")

CHECKOUT = Path(__file__).resolve().parents[2]


def _collections_path() -> str:
    for entry in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep):
        collection = Path(entry, "ansible_collections/euystacio/meta_salvage")
        if entry and collection.is_dir() and collection.resolve() == CHECKOUT:
            return entry
    raise pytest.UsageError(
        "No folder of ANSIBLE_COLLECTIONS_PATH holds this checkout as euystacio.meta_salvage: run the tests by `make unit`."
    )


sys.path.insert(0, _collections_path())
sys.path.append(str(CHECKOUT))


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What runs remember on this machine is not for tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
