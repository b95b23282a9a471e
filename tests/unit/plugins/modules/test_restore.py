# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules restore and backup_info at their edge: which backups they take, and which they refuse in one sentence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup import info_task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore import task
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._restore.outcome import Outcome
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.envelope import signed
from ansible_collections.euystacio.meta_salvage.plugins.modules import backup_info, restore
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from fake_past import Keys, Past


class Site:
    """A repository, and the two modules on it; what restores is a stand-in."""

    def __init__(self, past: Past, keys: Keys, folder: Path, run_module: Any) -> None:
        self.past, self.keys, self.run_module = past, keys, run_module
        self.folder = folder / "backups"
        self.store = open_store(StoreOptions(str(self.folder)), make=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "sign.pem").write_bytes(pem)
        self.safety: dict[str, Any] = {
            "recipients": [str(keys.identity.to_public())],
            "signing_key": str(folder / "sign.pem"),
        }
        self.restored: list[str] = []

    def back_up(self, name: str = "") -> str:
        return str(self.keys.backup(self.past, name=name).write(self.store)["name"])

    def change(self, name: str, **fields: Any) -> None:
        """A record as who has the key would have written it."""
        path = self.folder / f"{name}.json"
        record = {key: value for key, value in json.loads(path.read_text()).items() if key != "signature"}
        record = {key: value for key, value in {**record, **fields}.items() if value != "nothing"}
        path.write_text(json.dumps(signed(record, self.keys.sign)))

    def run(self, module: Any, **options: Any) -> dict[str, Any]:
        given = {"repository": str(self.folder), "public_key": "key", "identity": "identity", **options}
        answer: dict[str, Any] = self.run_module(module, **given)
        return answer

    def refusal(self, module: Any, **options: Any) -> str:
        before = list(self.restored)
        result = self.run(module, **options)
        assert result.get("failed") and self.restored == before, result
        assert result["reason"] in ("invalid", "conflict")
        return str(result["msg"])


@pytest.fixture
def site(past: Past, keys: Keys, tmp_path: Path, run_module: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    site = Site(past, keys, tmp_path, run_module)
    for module in (task, info_task):
        monkeypatch.setattr(module, "public_key", lambda path: keys.sign)
        monkeypatch.setattr(module, "identity_file", lambda path: [keys.identity])
    monkeypatch.setattr(task.Cluster, "connect", lambda params, timeout: Cluster("https://past", past))

    class Restored:
        def __init__(self, _cluster: Any, backup: Any, _wish: Any, _journal: Any, back_up: Any, _tell: Any) -> None:
            self.name, self.back_up = backup[0]["name"], back_up

        def run(self, *, dry_run: bool) -> Outcome:
            site.restored.append(self.name)
            safety = self.back_up([]) if self.back_up else None
            return Outcome("PASS", not dry_run, {"backup": self.name, "safety_backup": safety}, [], "")

    monkeypatch.setattr(task, "Restore", Restored)
    return site


def test_the_backup_of_this_cluster_is_restored_and_the_safety_backup_is_of_it_too(site: Site) -> None:
    name = site.back_up("production")
    result = site.run(restore, **site.safety)
    assert site.restored == [name]
    safety = json.loads((site.folder / f"{result['restore']['safety_backup']}.json").read_text())
    assert safety["cluster"] == {"name": "production", "uid": site.past.uid}


def test_another_clusters_backup_is_refused_unless_it_is_asked_for_by_name(site: Site) -> None:
    name = site.back_up("staging")
    site.past.uid = "uid-of-production"
    assert site.refusal(restore) == f"the backup {name} is refused: it is of another cluster, staging; to use it here, set cluster=staging"
    assert "it is of the cluster staging, not of production; use another" in site.refusal(restore, cluster="production")
    assert "of another cluster" in site.refusal(restore, allow_unknown_cluster=True, name=name, max_age=0)
    safety = site.run(restore, cluster="staging", **site.safety)["restore"]["safety_backup"]
    assert site.restored == [name]
    assert json.loads((site.folder / f"{safety}.json").read_text())["cluster"] == {"name": "", "uid": "uid-of-production"}


def test_a_backup_of_an_unknown_cluster_needs_a_consent(site: Site) -> None:
    name = site.back_up()
    site.change(name, cluster="nothing")
    assert "set allow_unknown_cluster=true" in site.refusal(restore)
    assert "set allow_unknown_cluster=true" in site.refusal(restore, cluster="production")
    assert not site.run(restore, allow_unknown_cluster=True).get("failed")
    site.past.before = lambda path, query: 403 if path.endswith("/kube-system") else None
    assert "set allow_unknown_cluster=true" in site.refusal(restore)


def test_an_old_backup_is_refused_by_default(site: Site) -> None:
    name = site.back_up("production")
    site.change(name, created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 8 * 86400)))
    assert "it is 8 d old, and max_age allows 7 d; set max_age=0 to allow any age" in site.refusal(restore)
    assert not site.run(restore, max_age=0).get("failed")
    assert not site.run(restore, max_age=9 * 86400).get("failed")


@pytest.mark.parametrize("module", [restore, backup_info], ids=["restore", "backup_info"])
def test_a_newest_backup_that_was_taken_away_is_missed(site: Site, module: Any) -> None:
    site.back_up("production")
    newest = site.back_up("production")
    assert not site.run(backup_info).get("failed")
    for end in (".json", ".age"):
        (site.folder / f"{newest}{end}").unlink()
    assert newest in site.refusal(module)
    assert not site.run(module, allow_missing=True).get("failed")
    assert not site.run(module).get("failed")


def test_the_list_says_which_backups_are_not_of_the_cluster(site: Site) -> None:
    names = [site.back_up("production"), site.back_up("staging"), site.back_up()]
    listed = {one["name"]: one["problem"] for one in site.run(backup_info, identity=None, cluster="production")["backups"]}
    assert listed[names[0]] == ""
    assert listed[names[1]] == "it is of the cluster staging, not of production"
    assert "set allow_unknown_cluster=true" in listed[names[2]]
    assert "does not name its cluster" in site.refusal(backup_info, cluster="production")
    assert site.run(backup_info, cluster="production", name=names[0])["verified"]["name"] == names[0]
    assert {one["problem"] for one in site.run(backup_info)["backups"]} == {""}
