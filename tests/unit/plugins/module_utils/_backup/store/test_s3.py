# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real boto3, on an object store that stands in memory where its connection would be."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import (
    STORE_ARGUMENTS,
    S3Options,
    StoreOptions,
    store_options,
)
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store import s3
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.store import Store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.verify import proven
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, SSLError
from urllib3.exceptions import ProtocolError

if TYPE_CHECKING:
    from fake_past import Keys, Past

SECRET = "object-store-secret-that-nobody-sees"
OPTIONS = {
    "repository": "s3://vault/cluster/one",
    "s3_endpoint": "http://cloud.invalid",
    "s3_access_key": "access",
    "s3_secret_key": SECRET,
}
PREFIX = "cluster/one/"
OLD = "backup-20260101T000000.000000Z-0000"
LONG_AGO = timedelta(days=2)


@dataclass
class Upload:
    key: str
    begun: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Asked:
    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    url: str

    def __str__(self) -> str:
        """What it is for, by the words of S3."""
        names = {
            "HEAD": "head_bucket",
            "DELETE": "abort_multipart_upload" if "uploadId" in self.query else "delete_object",
            "PUT": "upload_part" if "uploadId" in self.query else "put_object",
            "POST": "complete_multipart_upload" if "uploadId" in self.query else "create_multipart_upload",
        }
        listing = "list_multipart_uploads" if "uploads" in self.query else "list_objects_v2"
        return names.get(self.method) or ("get_object" if self.key else listing)


class Raw(io.BytesIO):
    """The body of an answer; its connection breaks after ``whole`` bytes."""

    def __init__(self, data: bytes, whole: int | None = None) -> None:
        super().__init__(data)
        self._whole = whole

    def read(self, size: int | None = -1, /) -> bytes:
        if self._whole is not None:
            here = self._whole - self.tell()
            if not here or size is None or size < 0:
                raise ProtocolError("Connection broken: reset by peer")
            size = min(size, here)
        return super().read(size)

    def stream(self, **_more: Any) -> Iterator[bytes]:
        yield self.read()


class Cloud:
    """One bucket, ``vault``, in pages of two entries."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.uploads: dict[str, Upload] = {}
        self.asked: list[Asked] = []
        self.fault: Callable[[Asked], str | Exception | None] = lambda asked: None  # the code of an error, or no answer at all
        self.lost: Callable[[Asked], bool] = lambda asked: False  # what is done, but its answer does not arrive
        self.whole: list[int] = []  # after how many bytes each of the next downloads breaks
        self.page: bytes | None = None  # what is no object store says to everything

    def put(self, name: str, data: bytes = b"-", age: timedelta = timedelta(0)) -> None:
        self.objects[name] = data, datetime.now(timezone.utc) - age

    def begin(self, name: str, age: timedelta) -> None:
        self.uploads[f"upload-{len(self.uploads)}-{name}"] = Upload(name, datetime.now(timezone.utc) - age)

    @property
    def done(self) -> list[str]:
        return [str(asked) for asked in self.asked]

    def answer(self, request: Any, **_more: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        bucket, _slash, key = unquote(parts.path).removeprefix("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        said = {name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
        asked = Asked(request.method, key, query, said, request.url)
        self.asked.append(asked)
        fault = self.fault(asked)
        if isinstance(fault, Exception):
            raise fault
        if self.page is not None:
            return _response(asked, 200, self.page)
        if not fault and bucket != "vault":
            fault = "NoSuchBucket"
        if fault:
            status = {"NoSuchBucket": 404, "NoSuchKey": 404, "PreconditionFailed": 412, "InsufficientStorage": 400}.get(fault, 403)
            return _response(asked, status, f"<Error><Code>{fault}</Code><Message>says the store</Message></Error>".encode())
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        status, data, headers = getattr(self, str(asked))(asked, body)
        if self.lost(asked):
            raise ConnectionClosedError(endpoint_url=asked.url)
        return _response(asked, status, data, headers)

    def head_bucket(self, _asked: Asked, _body: bytes) -> Any:
        return 200, b"", {}

    def list_objects_v2(self, asked: Asked, _body: bytes) -> Any:
        names = sorted(name for name in self.objects if name.startswith(asked.query["prefix"]))
        names = [name for name in names if name > asked.query.get("continuation-token", "")]
        shown = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{self.objects[name][1].isoformat()}</LastModified>"
            f"<Size>{len(self.objects[name][0])}</Size></Contents>"
            for name in names[:2]
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{names[1]}</NextContinuationToken>" if names[2:] else ""
        return 200, f"<ListBucketResult>{shown}{more}</ListBucketResult>".encode(), {}

    def list_multipart_uploads(self, asked: Asked, _body: bytes) -> Any:
        ids = sorted(number for number, upload in self.uploads.items() if upload.key.startswith(asked.query["prefix"]))
        ids = [number for number in ids if number > asked.query.get("upload-id-marker", "")]
        shown = "".join(
            f"<Upload><Key>{self.uploads[number].key}</Key><UploadId>{number}</UploadId>"
            f"<Initiated>{self.uploads[number].begun.isoformat()}</Initiated></Upload>"
            for number in ids[:2]
        )
        markers = f"<NextKeyMarker>{self.uploads[ids[1]].key}</NextKeyMarker>" if ids[2:] else ""
        more = f"<IsTruncated>true</IsTruncated>{markers}<NextUploadIdMarker>{ids[1]}</NextUploadIdMarker>" if ids[2:] else ""
        return 200, f"<ListMultipartUploadsResult>{shown}{more}</ListMultipartUploadsResult>".encode(), {}

    def put_object(self, asked: Asked, body: bytes) -> Any:
        self.put(asked.key, body)
        return 200, b"", {"ETag": _tag(body)}

    def delete_object(self, asked: Asked, _body: bytes) -> Any:
        self.objects.pop(asked.key, None)
        return 204, b"", {}

    def get_object(self, asked: Asked, _body: bytes) -> Any:
        if asked.key not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code><Message>says the store</Message></Error>", {}
        data = self.objects[asked.key][0]
        if asked.headers.get("if-match", _tag(data)) != _tag(data):
            return 412, b"<Error><Code>PreconditionFailed</Code><Message>says the store</Message></Error>", {}
        start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        return 206 if start else 200, data[start:], {"ETag": _tag(data)}

    def create_multipart_upload(self, asked: Asked, _body: bytes) -> Any:
        self.begin(asked.key, timedelta(0))
        return 200, f"<R><UploadId>{[*self.uploads][-1]}</UploadId></R>".encode(), {}

    def upload_part(self, asked: Asked, body: bytes) -> Any:
        self.uploads[asked.query["uploadId"]].parts[int(asked.query["partNumber"])] = body
        return 200, b"", {"ETag": _tag(body)}

    def complete_multipart_upload(self, asked: Asked, body: bytes) -> Any:
        upload = self.uploads.pop(asked.query["uploadId"])
        wanted = [(int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag")) for part in ElementTree.fromstring(body)]
        assert wanted == [(number, _tag(data)) for number, data in sorted(upload.parts.items())]
        self.put(upload.key, b"".join(upload.parts[number] for number, _its_tag in wanted))
        return 200, b"<R><ETag>whole</ETag></R>", {}

    def abort_multipart_upload(self, asked: Asked, _body: bytes) -> Any:
        del self.uploads[asked.query["uploadId"]]
        return 204, b"", {}


def _tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def _response(asked: Asked, status: int, data: bytes, headers: dict[str, str] | None = None) -> AWSResponse:
    body = b"" if asked.method == "HEAD" else data
    return AWSResponse(asked.url, status, {"Content-Length": str(len(body)), **(headers or {})}, Raw(body))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    """What every client of the module gets to instead of a network."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(s3, "PART", 1024)
    memory, connected = Cloud(), s3._client

    def client(params: Any) -> Any:
        made = connected(params)
        made.meta.events.register("before-send.s3", memory.answer)
        made.meta.events.register("after-call.s3.GetObject", breaking)
        return made

    def breaking(parsed: dict[str, Any], **_more: Any) -> None:
        if memory.whole and "Body" in parsed:
            raw = parsed["Body"]._raw_stream
            parsed["Body"]._raw_stream = Raw(raw.getvalue(), memory.whole.pop(0))

    monkeypatch.setattr(s3, "_client", client)
    return memory


@pytest.fixture
def store(cloud: Cloud) -> Store:
    opened = open_store(store_options(OPTIONS))
    cloud.asked.clear()
    return opened


def some(size: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(size))


def cluster_with(past: Past, keys: Keys) -> None:
    past.put("/api/v1/configmaps", *(keys.named(f"c{n}", data=hashlib.sha256(b"%d" % n).hexdigest()) for n in range(60)))


def test_a_backup_is_published_by_its_record_that_comes_last(past: Past, keys: Keys, cloud: Cloud, store: Store) -> None:
    cluster_with(past, keys)
    published: list[tuple[str, list[str]]] = []

    def watch(asked: Asked) -> None:
        published.append((str(asked), [name for name in cloud.objects if name.endswith(".json")]))

    cloud.fault = watch
    name = keys.backup(past).write(store)["name"]
    assert sorted(cloud.objects) == [f"{PREFIX}{name}.age", f"{PREFIX}{name}.json"]
    assert published[-1] == ("put_object", [])
    assert cloud.done.count("upload_part") > 1
    assert cloud.done.count("complete_multipart_upload") == 1
    assert cloud.uploads == {}
    assert proven(store, keys.sign, [keys.identity])[0]["name"] == name
    assert SECRET not in "".join(asked.url + str(asked.headers) for asked in cloud.asked)


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("create_multipart_upload", 1),
        ("upload_part", 1),
        ("upload_part", 3),
        ("complete_multipart_upload", 1),
        ("put_object", 1),
    ],
)
def test_a_refusal_on_the_way_leaves_nothing_behind(past: Past, keys: Keys, cloud: Cloud, store: Store, what: str, number: int) -> None:
    cluster_with(past, keys)
    cloud.fault = lambda asked: "AccessDenied" if str(asked) == what and cloud.done.count(what) == number else None
    with pytest.raises(SalvageError, match="s3://vault/cluster/one does not take the backup: AccessDenied says the store") as caught:
        keys.backup(past).write(store)
    assert caught.value.reason == "forbidden"
    assert (cloud.objects, cloud.uploads) == ({}, {})


def test_a_record_that_is_refused_is_told_also_where_its_archive_has_to_stay(past: Past, keys: Keys, cloud: Cloud, store: Store) -> None:
    cloud.fault = lambda asked: {"put_object": "InsufficientStorage", "delete_object": "AccessDenied"}.get(str(asked))
    cluster_with(past, keys)
    with pytest.raises(SalvageError, match="does not take the backup: InsufficientStorage"):
        keys.backup(past).write(store)
    assert store.names() == []
    assert [name.endswith(".age") for name in cloud.objects] == [True]


def test_no_record_is_left_without_its_archive_where_only_the_answer_was_lost(past: Past, keys: Keys, cloud: Cloud, store: Store) -> None:
    cluster_with(past, keys)
    cloud.lost = lambda asked: asked.key.endswith(".json") and str(asked) == "put_object"
    with pytest.raises(SalvageError, match="does not take the backup: Connection was closed") as caught:
        keys.backup(past).write(store)
    assert caught.value.reason == "unreachable"
    assert cloud.objects == {}
    cloud.fault = lambda asked: "AccessDenied" if str(asked) == "delete_object" else None
    with pytest.raises(SalvageError, match="does not take the backup: Connection was closed"):
        keys.backup(past).write(store)
    assert len(cloud.objects) == 2  # whole and proven, if unwished
    cloud.fault = lambda asked: None
    assert proven(store, keys.sign, [keys.identity])[0]["status"] == "COMPLETE"


def test_a_cluster_that_breaks_off_leaves_nothing_behind(cloud: Cloud, store: Store) -> None:
    def fill(file: BinaryIO) -> None:
        file.write(some(5000))
        assert len(cloud.uploads) == 1
        raise SalvageError("the cluster is gone", reason="unreachable")

    with pytest.raises(SalvageError, match="the cluster is gone"):
        store.write("backup-x.age", fill)
    assert (cloud.objects, cloud.uploads) == ({}, {})


def test_where_the_store_is_gone_too_the_first_reason_is_told_and_a_later_run_cleans_up(
    cloud: Cloud, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(asked: Asked) -> str | None:
        if str(asked) == "upload_part":
            return "InsufficientStorage"
        return "AccessDenied" if str(asked) == "abort_multipart_upload" else None

    cloud.fault = fault
    with pytest.raises(SalvageError, match="does not take the backup: InsufficientStorage") as caught:
        store.write("backup-x.age", lambda file: file.write(some(5000)))
    assert caught.value.reason == "http_error"
    cloud.fault = lambda asked: None
    with store.locked():
        assert len(cloud.uploads) == 1  # it is too young to be dead for sure
    monkeypatch.setattr(s3, "DEAD", -timedelta(days=1))
    with store.locked():
        assert cloud.uploads == {}


def test_what_killed_runs_left_goes_and_nothing_else(cloud: Cloud, store: Store) -> None:
    kept = ["backup-young.age", "backup-public.age", "backup-public.json", "notes.age", "backup-x/backup-deep.age"]
    for name in kept:
        cloud.put(PREFIX + name, age=timedelta(0) if "young" in name else LONG_AGO)
    cloud.put("cluster/two/backup-other.age", age=LONG_AGO)
    for name in ("backup-a.age", "backup-b.age", "backup-c.age"):
        cloud.put(PREFIX + name, age=LONG_AGO)
        cloud.begin(PREFIX + name, LONG_AGO)
    cloud.begin(PREFIX + "backup-young.age", timedelta(hours=1))
    cloud.begin("cluster/two/backup-other.age", LONG_AGO)
    with store.locked():
        assert sorted(cloud.objects) == sorted([*(PREFIX + name for name in kept), "cluster/two/backup-other.age"])
        assert sorted(upload.key for upload in cloud.uploads.values()) == [PREFIX + "backup-young.age", "cluster/two/backup-other.age"]


def test_retention_deletes_the_record_before_its_archive(past: Past, keys: Keys, cloud: Cloud, store: Store) -> None:
    first, second = (keys.backup(past).write(store)["name"] for _ in range(2))
    third = keys.backup(past, keep=2).write(store)
    assert third["deleted"] == [first]
    assert [asked.key for asked in cloud.asked if asked.method == "DELETE"] == [f"{PREFIX}{first}.json", f"{PREFIX}{first}.age"]
    assert store.names() == [third["name"], second]
    assert sorted(cloud.objects) == sorted(f"{PREFIX}{name}{end}" for name in (second, third["name"]) for end in (".age", ".json"))


def test_all_pages_are_listed_and_only_what_is_of_this_repository(cloud: Cloud, store: Store) -> None:
    names = [f"backup-2026010{n}T000000.000000Z-0000" for n in range(1, 8)]
    for name in names:
        cloud.put(f"{PREFIX}{name}.json")
    for name in (f"{PREFIX}notes.json", f"{PREFIX}backup-x/y.json", "cluster/one-more/backup-z.json", "backup-root.json"):
        cloud.put(name)
    assert store.names() == names[::-1]
    assert cloud.done == ["list_objects_v2"] * 4
    for repository in ("s3://vault", "s3://vault/"):
        assert open_store(store_options({**OPTIONS, "repository": repository})).names() == ["backup-root"]


def test_a_record_that_is_not_there_or_is_none_is_no_record(cloud: Cloud, store: Store) -> None:
    cloud.put(f"{PREFIX}backup-good.json", json.dumps({"name": "backup-good"}).encode())
    cloud.put(f"{PREFIX}backup-half.json", b'{"name": ')
    cloud.put(f"{PREFIX}backup-void.json", b"")
    assert store.record("backup-good") == {"name": "backup-good"}
    assert [store.record(name) for name in ("backup-half", "backup-void", "backup-lost")] == [None, None, None]


@pytest.mark.parametrize("size", [700, 1000, -1])
def test_a_download_goes_on_where_the_connection_broke(cloud: Cloud, store: Store, size: int) -> None:
    data = some(5000)
    cloud.put(f"{PREFIX}{OLD}.age", data)
    cloud.whole = [1500, 0, 2000]
    with store.open(OLD) as file:
        assert b"".join(iter(lambda: file.read(size), b"")) == data
        assert file.read(size) == b""
    first, *again = cloud.asked
    assert "range" not in first.headers
    assert [asked.headers["range"] for asked in again] == [f"bytes={at}-" for at in ([0, 0, 0] if size < 0 else [1500, 1500, 3500])]
    assert {asked.headers["if-match"] for asked in again} == {_tag(data)}


def test_a_download_that_ends_too_early_is_no_end_of_the_archive(cloud: Cloud, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    data = some(3000)
    cloud.put(f"{PREFIX}{OLD}.age", data)
    file = store.open(OLD)
    short = Raw(data[:1000])
    monkeypatch.setattr(file._body, "_raw_stream", short)  # type: ignore[attr-defined] # its connection closes in good order
    assert b"".join(iter(lambda: file.read(800), b"")) == data
    assert cloud.asked[-1].headers["range"] == "bytes=1000-"


def test_an_archive_that_is_replaced_while_it_is_read_is_not_mixed(cloud: Cloud, store: Store) -> None:
    cloud.put(f"{PREFIX}{OLD}.age", some(3000))
    cloud.whole = [1000]
    with store.open(OLD) as file:
        assert file.read(1000) == some(1000)
        cloud.put(f"{PREFIX}{OLD}.age", b"another" * 1000)
        with pytest.raises(SalvageError, match=rf"does not give {OLD}\.age: PreconditionFailed"):
            file.read(1000)


def test_a_connection_that_always_breaks_is_told_with_the_place(cloud: Cloud, store: Store) -> None:
    cloud.put(f"{PREFIX}{OLD}.age", some(3000))
    cloud.whole = [1000] + [0] * 20
    with store.open(OLD) as file:
        file.read(1000)
        with pytest.raises(SalvageError, match=rf"s3://vault/cluster/one broke off {OLD}\.age at byte 1000: .*reset by peer") as caught:
            file.read(1000)
    assert caught.value.reason == "unreachable"
    assert cloud.done.count("get_object") == s3._TRIES


def test_an_archive_that_is_lost_is_told(cloud: Cloud, store: Store) -> None:
    with pytest.raises(SalvageError, match=rf"s3://vault/cluster/one does not give {OLD}\.age: NoSuchKey says the store") as caught:
        store.open(OLD)
    assert caught.value.reason == "not_found"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("list_objects_v2", "can't be listed: AccessDenied"),
        ("list_multipart_uploads", "can't be cleaned of what a killed run left: AccessDenied"),
        ("delete_object", r"does not delete backup-old\.age: AccessDenied"),
    ],
)
def test_a_right_that_is_missing_is_told_before_the_cluster_is_read(
    past: Past, keys: Keys, cloud: Cloud, store: Store, what: str, sentence: str
) -> None:
    cloud.put(f"{PREFIX}backup-old.age", age=LONG_AGO)
    cloud.fault = lambda asked: "AccessDenied" if str(asked) == what else None
    with pytest.raises(SalvageError, match=sentence) as caught:
        keys.backup(past).write(store)
    assert caught.value.reason == "forbidden"
    assert past.asked == []


@pytest.mark.parametrize(
    ("options", "fault", "reason", "sentence"),
    [
        ({"repository": "s3://other/x"}, None, "not_found", "s3://other/x can't be used: 404 Not Found"),
        ({}, "SignatureDoesNotMatch", "forbidden", "s3://vault/cluster/one can't be used: SignatureDoesNotMatch says the store"),
        (
            {},
            EndpointConnectionError(endpoint_url="http://cloud.invalid"),
            "unreachable",
            'can\'t be used: Could not connect to the endpoint URL: "http://cloud.invalid"',
        ),
        (
            {},
            SSLError(endpoint_url="http://cloud.invalid", error="self-signed certificate"),
            "tls",
            "can't be used: .*self-signed certificate",
        ),
        ({"s3_access_key": None, "s3_secret_key": None}, None, "bad_input", "can't be used: Unable to locate credentials"),
        ({"s3_endpoint": "nonsense"}, None, "bad_input", "can't be used: Invalid endpoint: nonsense"),
        ({"s3_region": "not a region"}, None, "bad_input", "can't be used: .*not a region"),
        ({"repository": "s3://Bad_Bucket/x"}, None, "bad_input", "s3://Bad_Bucket/x does not have the form s3://bucket/prefix"),
        ({"repository": "s3://vault/x?y"}, None, "bad_input", "does not have the form s3://bucket/prefix"),
        ({"s3_access_key": None}, None, "bad_input", "s3.access_key and s3.secret_key go together"),
        ({"s3_secret_key": ""}, None, "bad_input", "s3.access_key and s3.secret_key go together"),
    ],
)
def test_what_is_wrong_is_told_at_once(
    cloud: Cloud, options: dict[str, Any], fault: str | Exception | None, reason: str, sentence: str
) -> None:
    cloud.fault = lambda asked: fault
    with pytest.raises(SalvageError, match=sentence) as caught:
        open_store(store_options({**OPTIONS, **options}))
    assert caught.value.reason == reason
    assert SECRET not in str(caught.value)


def test_a_web_page_where_an_object_store_should_be_is_told(cloud: Cloud, store: Store) -> None:
    cloud.page = b"<!doctype html><html><head><meta charset=utf-8><title>Console</title></html>"
    with pytest.raises(SalvageError, match="s3://vault/cluster/one can't be listed: ") as caught:
        store.names()
    assert caught.value.reason == "http_error"


def writes(store: Store) -> None:
    store.write("backup-x.age", lambda file: file.write(some(5000)))


@pytest.mark.parametrize(
    ("page", "act", "lacks"),
    [
        (b"", lambda store: store.open(OLD), "does not give .*no ETag"),
        (b"<r/>", writes, "does not take the backup: .*no UploadId"),
        (b"<r><UploadId>1</UploadId></r>", writes, "no ETag"),
        (b"<r><Contents><Size>1</Size></Contents></r>", lambda store: store.names(), "can't be listed: .*no Key"),
        (
            b"<r><Contents><Key>k</Key><LastModified>2026-01-01T00:00:00Z</LastModified></Contents></r>",
            lambda store: store.names(),
            "can't be listed: .*no Size",
        ),
        (b"<r><Upload><Key>k</Key></Upload></r>", lambda store: store.locked().__enter__(), "can't be cleaned .*no Initiated"),
    ],
)
def test_an_answer_that_lacks_what_s3_says_is_told(
    cloud: Cloud, store: Store, page: bytes, act: Callable[[Store], Any], lacks: str
) -> None:  # fmt: skip
    cloud.page = page
    with pytest.raises(SalvageError, match=lacks) as caught:
        act(store)
    assert caught.value.reason == "invalid"


def test_the_options_say_where_and_as_whom(cloud: Cloud) -> None:
    open_store(store_options({**OPTIONS, "s3_region": "eu-north-9", "s3_session_token": "for-an-hour"}))
    told = cloud.asked[-1]
    assert told.url == "http://cloud.invalid/vault"
    assert "Credential=access/" in told.headers["authorization"]
    assert "/eu-north-9/s3/" in told.headers["authorization"]
    assert told.headers["x-amz-security-token"] == "for-an-hour"
    open_store(store_options(OPTIONS))
    assert "/us-east-1/s3/" in cloud.asked[-1].headers["authorization"]
    cloud.fault = lambda asked: "NoSuchBucket"
    with pytest.raises(SalvageError, match="can't be used"):
        open_store(store_options({**OPTIONS, "s3_endpoint": None, "s3_region": "eu-west-1"}))
    assert urlsplit(cloud.asked[-1].url).netloc == "vault.s3.eu-west-1.amazonaws.com"


def test_one_bucket_has_one_place_and_that_of_another_endpoint_another(cloud: Cloud) -> None:
    places = {
        open_store(store_options({**OPTIONS, **more})).place
        for more in ({}, {"repository": "s3://vault/cluster/one/"}, {"s3_endpoint": "http://other.invalid"})
    }
    assert len(places) == 2
    assert SECRET not in "".join(places)


def test_what_is_secret_is_kept_out_of_logs() -> None:
    assert {name for name, about in STORE_ARGUMENTS.items() if about.get("no_log")} == {"s3_secret_key", "s3_session_token"}
    assert {name for name, about in STORE_ARGUMENTS["s3"]["options"].items() if about.get("no_log")} == {"secret_key", "session_token"}


def test_the_deprecated_options_mean_the_same_as_s3() -> None:
    s3_options = {name.removeprefix("s3_"): value for name, value in OPTIONS.items() if name != "repository"}
    expected = StoreOptions("s3://vault/cluster/one", S3Options("http://cloud.invalid", access_key="access", secret_key=SECRET))
    assert store_options(OPTIONS) == expected
    assert store_options({"repository": OPTIONS["repository"], "s3": {**s3_options, "region": None}}) == expected
    assert store_options({**OPTIONS, "s3": {"region": None, **s3_options}}) == expected
    assert store_options({**OPTIONS, "s3_region": None, "s3": {"region": "eu-1"}}).s3 == S3Options(
        "http://cloud.invalid", "eu-1", "access", SECRET
    )
    assert store_options({"repository": "/backups", "s3": None}) == StoreOptions("/backups", S3Options())


def test_different_values_for_a_deprecated_option_and_s3_are_refused() -> None:
    with pytest.raises(SalvageError, match=r"s3_secret_key and s3\.secret_key have different values") as caught:
        store_options({**OPTIONS, "s3": {"secret_key": "another"}})
    assert caught.value.reason == "bad_input"
    assert SECRET not in str(caught.value)


def test_the_deprecated_options_name_the_version_that_removes_them() -> None:
    old = {name: about["removed_in_version"] for name, about in STORE_ARGUMENTS.items() if name.startswith("s3_")}
    newer = {"checksums"}  # it never had an old name
    assert old == {f"s3_{name}": "1.0.0" for name in STORE_ARGUMENTS["s3"]["options"] if name not in newer}


def test_without_boto3_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "botocore.config", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location(f"{s3.__name__}_bare", str(s3.__file__))
    assert spec is not None
    assert spec.loader is not None
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    with pytest.raises(SalvageError, match="the Python library boto3 is missing where the module runs; install it") as caught:
        bare.Bucket("s3://vault/x", S3Options())
    assert caught.value.reason == "missing_library"


def test_no_store_has_to_know_checksums_unless_that_is_asked_for(cloud: Cloud) -> None:
    for checksums, trailer in (({}, False), ({"checksums": "when_supported"}, True)):
        store = open_store(store_options({**OPTIONS, "s3": {**(OPTIONS.get("s3") or {}), **checksums}}))
        cloud.asked.clear()
        store.write("backup-1.json", lambda file: file.write(b"x"))
        assert any("checksum" in name for name in cloud.asked[0].headers) is trailer


def test_a_clock_that_is_wrong_is_told_as_such(cloud: Cloud) -> None:
    cloud.fault = lambda asked: "RequestTimeTooSkewed"
    with pytest.raises(SalvageError, match="RequestTimeTooSkewed says the store; set the clock of this machine right"):
        open_store(store_options(OPTIONS))
    cloud.fault = lambda asked: "AccessDenied" if asked.method == "HEAD" else ""
    open_store(store_options(OPTIONS))  # who may list the bucket may use it
