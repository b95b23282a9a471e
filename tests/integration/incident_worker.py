# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes notes to an incident in a process of its own, and says each that is kept: KUBECONFIG NAMESPACE ID NAME HOW_MANY THREADS."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._incident import task

if __name__ == "__main__":
    kubeconfig, namespace, incident, name, how_many, threads = sys.argv[1:]

    def note(number: int) -> None:
        text = f"{name}-{number}"
        task.run(
            {"kubeconfig": kubeconfig, "namespace": namespace, "id": incident, "who": name, "text": text}, time.time(), check_mode=False
        )
        sys.stdout.write(f"{text}\n")  # in one piece: other threads write too
        sys.stdout.flush()

    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(note, range(int(how_many))))
