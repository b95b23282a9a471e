# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test runs to put pip into an empty environment, instead of a script that it would download.

The interpreter's own ensurepip brings pip, which then installs the versions that ansible-test asks for.
"""

import runpy
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.argv = ["pip", "install", "--quiet", *(word for word in sys.argv[1:] if word not in {"--no-setuptools", "--no-wheel"})]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
