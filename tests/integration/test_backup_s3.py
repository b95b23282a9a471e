# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in a real object store."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import boto3
import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import store_options
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store import s3
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from object_store import BUCKET, SECRET
from test_backup import SPACE, Site, module, site, space  # noqa: F401 # fixtures

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def server(object_store: dict[str, str]) -> dict[str, Any]:
    """The options that reach it."""
    return {"s3": object_store}


@pytest.fixture
def options(server: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {**server, "repository": f"s3://{BUCKET}/{tmp_path.name.replace('_', '-')}/deep"}


@pytest.fixture
def store(options: dict[str, Any]) -> Store:
    return open_store(store_options(options))


def client(options: dict[str, Any]) -> Any:
    return boto3.client(
        "s3", endpoint_url=options["s3"]["endpoint"], region_name="us-east-1", aws_access_key_id="access", aws_secret_access_key=SECRET
    )


def uploads(options: dict[str, Any]) -> list[str]:
    return [upload["Key"] for upload in client(options).list_multipart_uploads(Bucket=BUCKET).get("Uploads") or ()]


def test_a_backup_goes_there_is_proven_and_shows_no_secret(site: Site, options: dict[str, Any]) -> None:  # noqa: F811
    signing = {"recipients": [str(site.recipient)], "signing_key": str(site.folder / "sign.pem")}
    written, said = module(site, "backup", **options, **signing, namespaces=[SPACE])
    found, said_again = module(
        site, "backup_info", **options, public_key=str(site.folder / "sign.pub"), identity=str(site.folder / "identity.txt")
    )
    assert found["verified"]["name"] == written["backup"]["name"]
    assert found["backups"][0]["problem"] == ""
    assert SECRET not in said + said_again


def test_retention_and_a_changed_archive(site: Site, store: Store, options: dict[str, Any]) -> None:  # noqa: F811
    first, second, third = (site.backup(Selection(include=("configmaps",), namespaces=(SPACE,)), keep=2).write(store) for _ in range(3))
    assert third["deleted"] == [first["name"]]
    assert store.names() == [third["name"], second["name"]]
    assert len(store.files()) == 4
    prefix = options["repository"].removeprefix(f"s3://{BUCKET}/")
    client(options).put_object(Bucket=BUCKET, Key=f"{prefix}/{third['name']}.age", Body=b"changed")
    with pytest.raises(SalvageError, match="is not the one that was published"):
        proven(store, site.public, site.having)
    assert proven(store, site.public, site.having, second["name"])[0]["name"] == second["name"]


def test_a_large_archive_goes_in_parts_and_comes_back_whole(store: Store) -> None:
    pieces = [os.urandom(1 << 20) for _ in range(20)]

    def fill(file: BinaryIO) -> None:
        assert sum(file.write(piece) for piece in pieces) == 20 << 20

    digest, size = store.write("backup-large.age", fill)
    assert size == 20 << 20
    assert digest == hashlib.sha256(b"".join(pieces)).hexdigest()
    with store.open("backup-large") as file:
        assert b"".join(iter(lambda: file.read(100_000), b"")) == b"".join(pieces)
    store.remove("backup-large.age")


def test_a_connection_that_breaks_is_taken_up_where_it_broke(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(300_000)
    store.write("backup-broken.age", lambda file: file.write(data))
    assert isinstance(store, s3.Bucket)
    begin, starts = store.begin, []

    class Breaking:
        def __init__(self, body: Any) -> None:
            self._body = body
            self.close = body.close

        def read(self, size: int) -> bytes:
            if len(starts) < 4 and self._body.tell() >= 100_000:
                raise OSError("the connection broke")
            return bytes(self._body.read(size))

    def broken(file: str, start: int, version: str | None) -> tuple[Any, str, int]:
        starts.append(start)
        body, *about = begin(file, start, version)
        return Breaking(body), *about

    monkeypatch.setattr(store, "begin", broken)
    with store.open("backup-broken") as stream:
        assert b"".join(iter(lambda: stream.read(50_000), b"")) == data
    assert starts == [0, 100_000, 200_000]


def test_what_breaks_off_is_not_there_and_what_was_killed_is_cleaned_up(
    site: Site, store: Store, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    def breaks(file: BinaryIO) -> None:
        file.write(os.urandom(s3.PART + 1))
        assert len(uploads(options)) == 1
        raise SalvageError("the cluster is gone", reason="unreachable")

    with pytest.raises(SalvageError, match="the cluster is gone"):
        store.write("backup-half.age", breaks)
    assert store.files() == []
    assert uploads(options) == []

    prefix = options["repository"].removeprefix(f"s3://{BUCKET}/")
    client(options).create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}/backup-killed.age")
    store.write("backup-unpublished.age", lambda file: file.write(b"whole, but without a record"))
    assert store.names() == []
    with store.locked():  # what is as young as this may be another run's
        assert store.files() == ["backup-unpublished.age"]
        assert len(uploads(options)) == 1
    monkeypatch.setattr(s3, "DEAD", -timedelta(days=1))
    with store.locked():
        assert store.files() == []
        assert uploads(options) == []


def test_what_is_wrong_is_told_before_anything_is_read(server: dict[str, Any]) -> None:
    def told(reason: str, words: str, **options: Any) -> None:
        with pytest.raises(SalvageError, match=words) as caught:
            repository = options.pop("repository", f"s3://{BUCKET}")
            open_store(store_options({"repository": repository, "s3": {**server["s3"], **options}}))
        assert caught.value.reason == reason
        assert SECRET not in str(caught.value)

    told("forbidden", "can't be used", secret_key="another")
    told("not_found", "can't be used", repository="s3://no-such-bucket/x")
    told("unreachable", "can't be used", endpoint="http://127.0.0.1:1")
    told("bad_input", "Invalid endpoint", endpoint="nonsense")
    told("bad_input", "does not have the form s3://bucket/prefix", repository="s3://Bad_Bucket")
    told("bad_input", "go together", secret_key=None)
