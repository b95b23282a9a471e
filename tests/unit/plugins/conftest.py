# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one set of fakes for all tests of plugins; each file of tests/unit/fakes says what it stands in for."""

from fake_api import api  # noqa: F401
from fake_incidents import plan  # noqa: F401
from fake_opa import _run_command, opa, restricted_by  # noqa: F401
from fake_past import keys, past  # noqa: F401
from fake_run import run_module  # noqa: F401
from fake_web import pem, secure, web  # noqa: F401
from fake_workloads import shapes  # noqa: F401
