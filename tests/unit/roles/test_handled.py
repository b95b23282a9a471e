# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A response confirms to an event source that wants a token and a signature, by the variables that the rulebook sets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alert_source import TOKEN, alert, payload_of, source
from ansible.errors import AnsibleFilterError
from ansible_collections.euystacio.meta_salvage.plugins.filter.hmac_sha256 import FilterModule

SECRET = "a-secret-of-more-than-16-characters"
signed = FilterModule().filters()["hmac_sha256"]


def playbook(folder: Path, port: int, ids: list[str]) -> subprocess.CompletedProcess[str]:
    role = {"name": "euystacio.meta_salvage.meta_salvage", "tasks_from": "handled"}
    variables = {
        "meta_salvage_events_url": f"http://127.0.0.1:{port}",
        "meta_salvage_events_ids": ids,
        "meta_salvage_events_token_file": str(folder / "token"),
        "meta_salvage_events_hmac_file": str(folder / "secret"),
    }
    plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": role}]}]
    (folder / "play.yml").write_text(json.dumps(plays))
    command = [sys.executable, "-m", "ansible.cli.playbook", "play.yml", "-e", json.dumps(variables)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)


def test_a_response_confirms_with_a_token_and_a_signature(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\nan-older-secret-of-the-sender\n")
    (tmp_path / "token").write_text(f"\n{TOKEN}\nan-older-token-of-the-sender\n")
    body = json.dumps(payload_of(alert(1))).encode()
    proof = {"Authorization": f"Bearer {TOKEN}", "X-Signature-256": signed(body.decode(), SECRET)}

    async def story() -> None:
        async with source(tmp_path, confirm=True, hmac_file=tmp_path / "secret") as rules:
            assert (await rules.post(body, headers=proof))[0] == 202
            (event,) = await rules.take(1)
            done = await asyncio.to_thread(playbook, tmp_path, rules.port, event["ids"])
            assert done.returncode == 0, done.stdout + done.stderr
            assert "cannot be reached" not in done.stdout, done.stdout
            assert SECRET not in done.stdout + done.stderr
            assert (await rules.post(json.dumps({"ids": event["ids"]}).encode(), "/handled", proof))[0] == 401  # of another body
        async with source(tmp_path, confirm=True, hmac_file=tmp_path / "secret") as rules:
            assert await rules.nothing_comes()

    asyncio.run(story())


def test_the_filter_is_the_hmac_of_the_standard() -> None:
    assert signed("text é", "secret") == hmac.new(b"secret", "text é".encode(), hashlib.sha256).hexdigest()
    for text, secret in ((1, "secret"), ("text", ""), ("text", None)):
        with pytest.raises(AnsibleFilterError, match="needs a text and a secret"):
            signed(text, secret)
