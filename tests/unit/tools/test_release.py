# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release refuses, and what its SBOM says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tools import collection, env, release


def test_changes_that_no_commit_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "git", lambda *arguments: " M README.md\n?? new.py\n")
    with pytest.raises(env.EnvError, match=r"README\.md, 2 in all\): commit them first"):
        release.refuse_changes()


def test_each_complaint_of_the_importer_counts() -> None:
    log = "Importing with galaxy-importer 1\nLoading module a\nWARNING: no changelog\nERROR: no docs\nCollection loading complete\n"
    assert release.complaints(log) == ["WARNING: no changelog", "ERROR: no docs"]
    assert release.complaints("Loading role warning\nImporter processing completed successfully\n") == []


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "euystacio-meta_salvage-1.2.3.tar.gz"
    path.write_bytes(b"content")
    return path


LISTED = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:1",
    "metadata": {"timestamp": "now"},
    "components": [
        {"type": "library", "bom-ref": "urllib3==2.0", "name": "urllib3", "version": "2.0"},
        {"type": "library", "bom-ref": "Jinja2==3.1", "name": "Jinja2", "version": "3.1"},
    ],
    "dependencies": [{"ref": "Jinja2==3.1"}, {"ref": "urllib3==2.0"}],
}


def test_the_bill_is_about_the_collection_and_has_all_that_it_needs(archive: Path) -> None:
    bill = release.bill(LISTED, archive, {"kubernetes.core": "6.0.0"}, 1_700_000_000)
    subject = bill["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("euystacio.meta_salvage", "1.2.3")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"content").hexdigest()}]
    assert [one["name"] for one in bill["components"]] == ["Jinja2", "kubernetes.core", "urllib3"]
    assert bill["dependencies"][0]["dependsOn"] == ["Jinja2==3.1", "kubernetes.core@6.0.0", "urllib3==2.0"]
    assert len({entry["ref"] for entry in bill["dependencies"]}) == len(bill["dependencies"])


def test_the_health_check_of_a_release_reports_what_it_found(tmp_path: Path) -> None:
    """A cluster that does not answer is found too."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    kubeconfig.write_text(json.dumps({"clusters": [cluster], "users": [{"name": "u"}], "contexts": [context], "current-context": "c"}))
    assert release.health_check(env.environment(), str(kubeconfig), tmp_path) == "unknown"


def test_the_bill_lists_what_a_real_environment_has(archive: Path) -> None:
    document = json.loads(
        release.write_bill(env.environment(), archive, {"metadata": {"dependencies": {"kubernetes.core": "*"}}}).read_text()
    )
    assert {"ansible-core", "kubernetes", "kubernetes.core"} <= {one["name"] for one in document["components"]}


def test_the_bill_of_the_same_commit_is_the_same(archive: Path) -> None:
    again = {**LISTED, "serialNumber": "urn:uuid:2", "metadata": {"timestamp": "later"}, "components": LISTED["components"][::-1]}
    assert release.bill(again, archive, {}, 1) == release.bill(LISTED, archive, {}, 1)


def test_sums_are_read_by_sha256sum(archive: Path) -> None:
    assert release.sums([archive]) == f"{hashlib.sha256(b'content').hexdigest()}  euystacio-meta_salvage-1.2.3.tar.gz\n"


def test_the_release_has_no_way_to_publish() -> None:
    """The words of the clients that upload stand in no command of the tools."""
    for name in ("release.py", "collection.py"):
        text = Path(release.__file__).with_name(name).read_text(encoding="utf-8")
        assert '"publish"' not in text
        assert "twine" not in text
