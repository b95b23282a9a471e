# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.modules import backup, backup_info
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

if TYPE_CHECKING:
    from fake_past import Keys, Past


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, run_module: Any, past: Past) -> Any:
    monkeypatch.setattr(task.Cluster, "connect", lambda params, timeout: Cluster("https://past", past))
    return run_module


@pytest.fixture
def files(tmp_path: Path, keys: Keys) -> dict[str, str]:
    """The files with the keys."""
    key = Ed25519PrivateKey.generate()
    contents = {
        "sign.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "sign.pub": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "identity.txt": str(keys.identity).encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return {name: str(tmp_path / name) for name in contents}


@pytest.fixture
def options(files: dict[str, str], keys: Keys, tmp_path: Path) -> dict[str, Any]:
    return {"repository": str(tmp_path / "backups"), "recipients": [str(keys.identity.to_public())], "signing_key": files["sign.pem"]}


def test_a_backup_is_written_and_backup_info_verifies_it(
    run: Any, options: dict[str, Any], files: dict[str, str], past: Past, keys: Keys
) -> None:
    past.put("/api/v1/configmaps", keys.named("one"))
    written = run(backup, **options, exclude=["secrets"])
    assert (written["changed"], written["backup"]["status"], written["backup"]["selection"]["exclude"]) == (True, "COMPLETE", ["secrets"])
    reading = {"repository": options["repository"], "public_key": files["sign.pub"]}
    found = run(backup_info, **reading)
    assert [each["problem"] for each in found["backups"]] == [""]
    assert (found["changed"], "verified" in found) == (False, False)
    assert run(backup_info, **reading, identity=files["identity.txt"])["verified"]["name"] == written["backup"]["name"]


def test_check_mode_reads_everything_and_writes_nothing(run: Any, options: dict[str, Any], past: Past, keys: Keys) -> None:
    past.put("/api/v1/configmaps", keys.named("one"))
    result = run(backup, **options, _ansible_check_mode=True)
    assert (result["changed"], result["backup"]["status"]) == (True, "COMPLETE")
    assert not Path(options["repository"]).exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"keep": -1}, "keep is -1; set 0 to keep all backups, or the number to keep"),
        ({"repository": "ftp://x"}, "the repository ftp://x is neither a directory nor s3://bucket/prefix"),
        (
            {"s3": {"region": "a"}, "s3_region": "b"},
            "s3_region and s3.region have different values; set only s3.region",
        ),
    ],
)
def test_wrong_options_fail_with_the_reason(run: Any, options: dict[str, Any], more: dict[str, Any], sentence: str) -> None:
    result = run(backup, **{**options, **more})
    assert (result["failed"], result["msg"], result["reason"]) == (True, sentence, "bad_input")


def test_a_deprecated_option_warns(options: dict[str, Any]) -> None:
    given = {**options, "s3": {"endpoint": "https://x"}, "s3_region": "b"}
    checked = ArgumentSpecValidator(task.MODULE["argument_spec"]).validate(given)
    assert not checked.error_messages
    assert [(each["version"], "s3_region" in each["msg"]) for each in checked._deprecations] == [("1.0.0", True)]


def test_backup_info_needs_a_directory_and_a_name_needs_the_identity(run: Any, options: dict[str, Any], files: dict[str, str]) -> None:
    reading = {"repository": options["repository"], "public_key": files["sign.pub"]}
    assert run(backup_info, **reading)["reason"] == "not_found"
    assert "identity" in run(backup_info, **reading, name="backup-x")["msg"]
