# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bastion: each line of its input is a list of questions to the guard rails, which it asks at once, and says each answer.

KUBECONFIG NAMESPACE RUN [steps: it goes on to renew what is admitted, and says when it began with each step]
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._response import guard_task

if __name__ == "__main__":
    kubeconfig, namespace, run, *more = sys.argv[1:]
    usual = {"kubeconfig": kubeconfig, "namespace": namespace, "state": "admitted", "holder": {"run": run, "who": run}}

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        answer = guard_task.run({**usual, **question}, check_mode=False)
        return {"began": began, **{name: answer[name] for name in ("decision", "rule", "reason", "permit")}}

    def say(answer: dict[str, Any]) -> dict[str, Any]:
        print(json.dumps(answer), flush=True)
        return answer

    for line in sys.stdin:
        questions = json.loads(line)
        with ThreadPoolExecutor(len(questions)) as pool:
            answers = [say(answer) for answer in pool.map(ask, questions)]
        while more and answers[-1]["decision"] == "admitted":
            answers.append(say(ask({"name": questions[0]["name"], "permit": answers[0]["permit"]})))
