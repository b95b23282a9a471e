# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in an object store that speaks S3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import Any, BinaryIO, cast

from ..._core.errors import SalvageError
from ..._sealing.hashing import Hashing
from ..options import S3Options
from .store import Store

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError, NoCredentialsError, SSLError

    HAS_BOTO3 = True
except ImportError:
    HAS_BOTO3 = False

PART = 8 * 1024 * 1024
# There is no lock: a run has names of its own, and what one left is taken for dead only when no run can still be at it.
DEAD = timedelta(days=1)
_TRIES = 5
_ADDRESS = re.compile(r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#]*))?$")
_REASON_OF = {
    **dict.fromkeys(("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"), "forbidden"),
    **dict.fromkeys(("404", "NoSuchBucket", "NoSuchKey"), "not_found"),
}


class _IncompleteError(Exception):
    """The field that an answer with a good status lacks."""


class Bucket(Store):
    def __init__(self, address: str, options: S3Options) -> None:
        found = _ADDRESS.match(address)
        if not found:
            raise SalvageError(f"the repository {address} does not have the form s3://bucket/prefix", reason="bad_input")
        if not HAS_BOTO3:
            raise SalvageError("the Python library boto3 is missing where the module runs; install it", reason="missing_library")
        if bool(options.access_key) != bool(options.secret_key):
            raise SalvageError("s3.access_key and s3.secret_key go together; set both or neither", reason="bad_input")
        self.where = address
        self._bucket = found["bucket"]
        prefix = (found["prefix"] or "").strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self.place = f"{options.endpoint or ''} s3://{self._bucket}/{self._prefix}"
        with self._told("can't be used"):
            try:
                self._s3 = _client(options)
            except ValueError as exc:  # of an endpoint that is not a URL
                raise SalvageError(f"{address} can't be used: {exc}", reason="bad_input") from None
            self._look()

    def _look(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self._bucket)
        except ClientError as exc:
            if str((exc.response.get("Error") or {}).get("Code")) != "403":
                raise
            self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)  # it says why; the answer to HEAD has no text

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except ClientError as exc:
            error = exc.response.get("Error") or {}
            said = " ".join(str(error.get(part) or "") for part in ("Code", "Message")).strip()
            if error.get("Code") == "RequestTimeTooSkewed":
                said += "; set the clock of this machine right"
            raise SalvageError(f"{self.where} {what}: {said}", reason=_REASON_OF.get(str(error.get("Code")), "http_error")) from None
        except BotoCoreError as exc:
            raise SalvageError(f"{self.where} {what}: {exc}", reason=_reason(exc)) from None
        except _IncompleteError as exc:
            raise SalvageError(f"{self.where} {what}: its answer has no {exc}; is the endpoint one of S3?", reason="invalid") from None

    def _at(self, file: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + file}

    @contextmanager
    def locked(self) -> Iterator[None]:
        dead = datetime.now(timezone.utc) - DEAD
        with self._told("can't be cleaned of what a killed run left"):
            listing = self._listing()
            for file in self.unpublished():
                if file in listing and listing[file][0] < dead:
                    self.remove(file)
            pages = self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=f"{self._prefix}backup-")
            for upload in [upload for page in pages for upload in page.get("Uploads") or ()]:
                if _field(upload, "Initiated") < dead:
                    self._s3.abort_multipart_upload(Bucket=self._bucket, Key=_field(upload, "Key"), UploadId=_field(upload, "UploadId"))
        yield

    def sizes(self) -> dict[str, int]:
        return {name: size for name, (_modified, size) in self._listing().items()}

    def _listing(self) -> dict[str, tuple[datetime, int]]:
        """Each file with the time of its last change and its size."""
        with self._told("can't be listed"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{self._prefix}backup-")
            found = [entry for page in pages for entry in page.get("Contents") or ()]
            names = {
                _field(entry, "Key").removeprefix(self._prefix): (_field(entry, "LastModified"), _field(entry, "Size")) for entry in found
            }
        return {name: about for name, about in names.items() if "/" not in name}

    def open_file(self, file: str) -> BinaryIO:
        return cast("BinaryIO", _Download(self, file))

    def begin(self, file: str, start: int, version: str | None) -> tuple[Any, str, int]:
        """The file's bytes from ``start`` on, its version and its size; only of that version where one is given."""
        more = {"Range": f"bytes={start}-", "IfMatch": version} if version else {}
        with self._told(f"does not give {file}"):
            answer = self._s3.get_object(**self._at(file), **more)
            return answer["Body"], _field(answer, "ETag"), start + _field(answer, "ContentLength")

    def write(self, file: str, fill: Callable[[BinaryIO], object]) -> tuple[str, int]:
        upload = _Upload(self._s3, self._at(file))
        hashing = Hashing(cast("BinaryIO", upload))
        with self._told("does not take the backup"):
            try:
                fill(cast("BinaryIO", hashing))
                upload.finish()
            except BaseException:
                upload.abort()
                raise
        return hashing.digest, hashing.size

    def remove(self, file: str) -> None:
        with self._told(f"does not delete {file}"):
            self._s3.delete_object(**self._at(file))


class _Upload:
    """Takes bytes, sends them part by part; the object is there when it is finished, or not at all."""

    def __init__(self, s3: Any, at: Mapping[str, str]) -> None:
        self._s3, self._at = s3, at
        self._rest = bytearray()
        self._id: str | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> int:
        self._rest += data
        while len(self._rest) >= PART:
            self._send(bytes(self._rest[:PART]))
            del self._rest[:PART]
        return len(data)

    def _send(self, data: bytes) -> None:
        if self._id is None:
            self._id = _field(self._s3.create_multipart_upload(**self._at), "UploadId")
        number = len(self._parts) + 1
        part = self._s3.upload_part(**self._at, UploadId=self._id, PartNumber=number, Body=data)
        self._parts.append({"PartNumber": number, "ETag": _field(part, "ETag")})

    def finish(self) -> None:
        if self._id is None:
            self._s3.put_object(**self._at, Body=bytes(self._rest))
            return
        if self._rest:
            self._send(bytes(self._rest))
        self._s3.complete_multipart_upload(**self._at, UploadId=self._id, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        if self._id is not None:
            with suppress(BotoCoreError, ClientError):  # the run that finds it dead will
                self._s3.abort_multipart_upload(**self._at, UploadId=self._id)


class _Download:
    """A stream that goes on where a connection broke."""

    def __init__(self, bucket: Bucket, file: str) -> None:
        self._bucket, self._file = bucket, file
        self._at = 0
        self._body, self._version, self._size = bucket.begin(file, 0, None)

    def read(self, size: int = -1, /) -> bytes:
        for attempt in range(1, _TRIES + 1 if self._at < self._size else 1):
            try:
                data = cast("bytes", self._body.read(None if size < 0 else size))
            except (BotoCoreError, OSError) as exc:  # noqa: PERF203
                if attempt == _TRIES:
                    raise SalvageError(
                        f"{self._bucket.where} broke off {self._file} at byte {self._at}: {exc}", reason="unreachable"
                    ) from None
                self._body.close()
                self._body = self._bucket.begin(self._file, self._at, self._version)[0]
            else:
                self._at += len(data)
                return data
        return b""

    def close(self) -> None:
        self._body.close()

    def __enter__(self) -> _Download:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _field(answer: Mapping[str, Any], name: str) -> Any:
    """Raises _IncompleteError: a server that is not S3 may accept every request."""
    if answer.get(name) is None:
        raise _IncompleteError(name)
    return answer[name]


def _client(options: S3Options) -> Any:
    endpoint = options.endpoint
    checksums = dict.fromkeys(("request_checksum_calculation", "response_checksum_validation"), options.checksums)
    known = {name: value for name, value in checksums.items() if name in Config.OPTION_DEFAULTS}  # since botocore 1.36
    return boto3.session.Session(
        aws_access_key_id=options.access_key,
        aws_secret_access_key=options.secret_key,
        aws_session_token=options.session_token,
        region_name=options.region or ("us-east-1" if endpoint else None),
    ).client(
        "s3",
        endpoint_url=endpoint,
        verify=options.ca_path,
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            s3={"addressing_style": "path" if endpoint else "auto"},
            **known,
        ),
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, SSLError):
        return "tls"
    if isinstance(exc, NoCredentialsError):
        return "bad_input"
    return "unreachable" if isinstance(exc, (EndpointConnectionError, HTTPClientError)) else "http_error"
