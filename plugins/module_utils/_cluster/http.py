# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP with a total deadline and a bounded body, and the two routes to a service: its URL, or the API server's proxy."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from .._core.errors import SalvageError
from .._core.redact import excerpt
from .credentials import basic, split_login
from .transport import Clock, pools, timed
from .transport import body as body_of

try:
    import urllib3
except ImportError:
    urllib3 = None  # type: ignore[assignment]

DEFAULT_TIMEOUT = 5.0
DEFAULT_MAX_BYTES = 16 * 1024 * 1024
REASON_OF = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 410: "conflict", 422: "invalid"}
_ORIGINS = 1_000_000  # a pool that is in use is never closed to make room for another
_SERVICE = re.compile(r"^(?P<scheme>services?)://(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+):(?P<port>[a-z0-9-]+)(?P<prefix>/[^?#]*)?$")

Query = Mapping[str, "str | int | float | list[str]"]


@dataclass(frozen=True)
class Response:
    """One whole answer; ``elapsed`` in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON.  Raises SalvageError(invalid)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            start = self.body[:40].decode("utf-8", "replace")
            raise SalvageError(f"expected JSON, got {len(self.body)} bytes that start with {start!r}", reason="invalid") from None


class Http:
    """A connection pool, safe to share between threads.

    ``tls`` are urllib3 pool arguments (ca_certs, cert_file, key_file, cert_reqs, ...); ``headers`` go with every request.
    Redirects are never followed: the answer of a login page is not the answer of the service.
    ``dial`` gives the socket of a new connection, where it is not to be the address's own.
    """

    timeout = DEFAULT_TIMEOUT

    def __init__(
        self,
        *,
        tls: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | list[str]] | None = None,
        proxy: str | None = None,
        proxy_headers: Mapping[str, Any] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_bytes: int = DEFAULT_MAX_BYTES,
        pool_size: int = 32,
        dial: Callable[[], Any] | None = None,
    ) -> None:
        if urllib3 is None:
            raise SalvageError(
                "the Python library urllib3 is missing where the module runs; install it with the kubernetes library",
                reason="missing_library",
            )
        self.headers = dict(headers or {})
        self.timeout = timeout
        self.max_bytes = max_bytes
        pool_args: dict[str, Any] = {"maxsize": pool_size, "retries": False, "num_pools": _ORIGINS, **(tls or {})}
        if pool_args.get("cert_reqs") == "CERT_NONE":
            # Who turns validation off knows; a line on stderr for each request says nothing new.
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        self._pool: urllib3.PoolManager
        if proxy:
            self._pool = urllib3.ProxyManager(proxy, proxy_headers=urllib3.util.make_headers(**(proxy_headers or {})), **pool_args)
        else:
            self._pool = urllib3.PoolManager(**pool_args)
        self._pool.pool_classes_by_scheme = pools(dial)
        self._origins: dict[str, Any] = {}  # the pool of each, unless a proxy stands before it
        self._own = urllib3._collections.HTTPHeaderDict({"Accept-Encoding": "identity"})  # the public name is new in urllib3 2
        for name, value in self.headers.items():
            for one in [value] if isinstance(value, str) else value:
                self._own.add(name, one)
        plain = all(isinstance(value, str) for value in self.headers.values())
        self._plain: dict[str, str] | None = dict(self._own) if plain else None

    def _all_headers(self, more: Mapping[str, str] | None) -> Any:
        if self._plain is not None and not any(name in self._own for name in more or ()):
            return {**self._plain, **(more or {})}
        sent = self._own.copy()
        sent.update(more or {})
        return sent

    def _route(self, url: str) -> tuple[Any, str]:
        """What sends a request to the URL, and the URL as it takes it.

        ``PoolManager`` works out the pool of each request again, which costs as much as sending it; it is asked once for each origin.
        """
        start = url.find("/", url.find("://") + 3)
        origin = url[:start]
        if self._pool.proxy is not None or start < 0 or "?" in origin or "#" in origin:
            return self._pool, url
        pool = self._origins.get(origin)
        if pool is None:
            pool = self._origins[origin] = self._pool.connection_from_url(origin)
        return pool, url[start:]

    def _open(
        self, method: str, url: str, query: Query | None, headers: Mapping[str, str] | None, limit: float, body: bytes | None = None
    ) -> tuple[Any, Clock]:
        """The head of an answer, and the clock of its body."""
        sender, target = self._route(f"{url}?{urlencode(query, doseq=True)}" if query else url)
        with timed(limit) as clock:
            answer = sender.request(
                method,
                target,
                body=body,
                headers=self._all_headers(headers),
                timeout=urllib3.Timeout(connect=limit, read=limit),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        return answer, clock

    def request(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status.

        Raises SalvageError: unreachable, timeout (of the whole, in seconds), tls, too_large, http_error (broke off).
        """
        limit = self.timeout if timeout is None else timeout
        started = time.monotonic()
        where = _without_credentials(url)
        try:
            answer, clock = self._open(method, url, query, headers, limit, body)
            try:
                content = _whole(body_of(answer, where, clock), self.max_bytes if max_bytes is None else max_bytes, where)
            except BaseException:
                answer.close()  # the rest of the body is not wanted, nor is the connection
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            raise _explain(exc, where, limit) from None
        return Response(answer.status, _headers(answer), content, time.monotonic() - started)

    def stream(
        self,
        method: str,
        url: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        idle: float | None = None,
    ) -> Iterator[bytes]:
        """The body of a 2xx answer, piece by piece as it arrives: logs and watches, which have no natural size.

        ``timeout`` for the connection and the answer's head, ``idle`` for each piece; the caller ends it by closing the generator.
        Raises SalvageError: any of ``request``, and unauthorized, forbidden, not_found, http_error.
        """
        limit = self.timeout if timeout is None else timeout
        where = _without_credentials(url)
        try:
            answer, clock = self._open(method, url, query, headers, limit)
            try:
                if not 200 <= answer.status < 300:
                    words = _whole(body_of(answer, where, clock), self.max_bytes, where)
                    head = Response(answer.status, _headers(answer), words, 0.0)
                    raise SalvageError(f"{where} answered {answer.status}{said(head)}", reason=REASON_OF.get(answer.status, "http_error"))
                yield from body_of(answer, where, clock, limit if idle is None else idle)
            finally:
                answer.close()  # what is left is not wanted, so the connection can't serve again
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            raise _explain(exc, where, limit if idle is None else idle) from None


def _headers(answer: Any) -> dict[str, str]:
    """By their names in lower case; of an encoded body only what also holds of the decoded one."""
    found = {name.lower(): value for name, value in answer.headers.items()}
    return {name: value for name, value in found.items() if name != "content-length"} if found.pop("content-encoding", "") else found


def _whole(pieces: Iterator[bytes], max_bytes: int, where: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise SalvageError(f"{where} sent more than {max_bytes} bytes; the rest was not read", reason="too_large")
        chunks.append(piece)
    return b"".join(chunks)


def _explain(exc: Exception, where: str, limit: float) -> SalvageError:
    errors = urllib3.exceptions
    cause: BaseException = exc  # urllib3 wraps: ProtocolError("Connection aborted.", RemoteDisconnected("..."))
    while cause.args and isinstance(cause.args[-1], BaseException):
        cause = cause.args[-1]
    text = str(cause).rsplit(": ", maxsplit=1)[-1].strip(" )'\"") or type(cause).__name__
    if isinstance(exc, errors.SSLError) or "CERTIFICATE" in str(exc).upper():
        return SalvageError(f"TLS with {where} failed: {exc}", reason="tls")
    if isinstance(exc, errors.NewConnectionError):  # before ConnectTimeoutError: urllib3 1 derives the one from the other
        return SalvageError(f"{where} is unreachable: {text}", reason="unreachable")
    if isinstance(exc, errors.TimeoutError) or isinstance(cause, TimeoutError):
        return SalvageError(f"{where} did not answer within {limit:g} s", reason="timeout")
    if isinstance(exc, errors.LocationValueError):
        return SalvageError(f"{where} is not a URL", reason="bad_input")
    if isinstance(exc, (errors.ProtocolError, errors.ProxyError)):
        return SalvageError(f"the connection to {where} broke off: {text}", reason="http_error")
    return SalvageError(f"{where} is unreachable: {text}", reason="unreachable")


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.port != 0  # reading the port checks it: half a password looks like one
    except ValueError:
        known = False
    return f"{parts.scheme}://{parts.netloc.rsplit('@', maxsplit=1)[-1]}{parts.path}" if known else "the address"


class ServesProxy(Protocol):
    """A cluster session, as ``session.Cluster`` is one."""

    server: str
    http: Http

    @property
    def call(self) -> Callable[..., Response]:
        """One request to the API server, repeated as the session's policy allows."""

    @property
    def pages(self) -> Callable[..., Iterator[dict[str, Any]]]:
        """The pages of a list."""


@dataclass(frozen=True)
class Endpoint:
    """A service under the address that the user gave, whichever route leads there."""

    address: str
    base: str
    http: Http
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def request(self, method: str, path: str, **kwargs: Any) -> Response:
        """As ``Http.request``; ``path`` is below the address."""
        kwargs["headers"] = {**self.headers, **(kwargs.get("headers") or {})}
        try:
            return self.http.request(method, self.base + path, **kwargs)
        except SalvageError as exc:
            raise SalvageError(str(exc).replace(self.base, self.address), reason=exc.reason) from None

    def get(self, path: str, **kwargs: Any) -> Response:
        """GET that must succeed.  Raises SalvageError: any of ``request``, and unauthorized, forbidden, not_found, http_error."""
        return self._ok(path, self.request("GET", path, **kwargs))

    def post_json(self, path: str, payload: Any, **kwargs: Any) -> Response:
        """POST of JSON, whatever the status.  Raises SalvageError: any of ``request``, and bad_input for what JSON can't say."""
        try:
            body = json.dumps(payload, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError) as exc:
            raise SalvageError(f"the input can't be sent as JSON: {exc}", reason="bad_input") from None
        kwargs["headers"] = {"Content-Type": "application/json", **(kwargs.get("headers") or {})}
        return self.request("POST", path, body=body, **kwargs)

    def _ok(self, path: str, answer: Response) -> Response:
        if 200 <= answer.status < 300:
            return answer
        reason = REASON_OF.get(answer.status, "http_error")
        raise SalvageError(
            f"{self.address}{path} answered {answer.status}{said(answer)}",
            # 5xx in the API server's words: nothing stands behind the service (no endpoints, connection refused).
            reason="unreachable" if answer.status in {502, 503, 504} and is_of_api_server(answer) else reason,
        )


def said(answer: Response, limit: int = 200) -> str:
    """What an error answer says of itself, in one line: ': text', or nothing."""
    text = ""
    if answer.content_type == "application/json":
        try:
            data = answer.json()
        except SalvageError:
            data = None
        if isinstance(data, (dict, str)):
            text = data if isinstance(data, str) else str(data.get("message") or data.get("error") or "")
    elif answer.content_type == "text/plain":
        text = answer.body[: limit * 20].decode("utf-8", "replace")
    text = excerpt(text, limit)
    return f": {text}" if text else ""


def is_of_api_server(answer: Response) -> bool:
    """Whether an error is in the API server's own words, a Status: none of the service behind its proxy."""
    return answer.content_type == "application/json" and b'"kind":"Status"' in answer.body[:200]


def service_parts(address: str) -> re.Match[str] | None:
    """The scheme, namespace, name, port and prefix of ``service[s]://namespace/name:port[/prefix]``; None of any other address."""
    return _SERVICE.match(address)


def open_endpoint(
    address: str,
    *,
    http: Http | None = None,
    cluster: ServesProxy | None = None,
    headers: Mapping[str, str] | None = None,
) -> Endpoint:
    """The endpoint of ``http(s)://host[:port][/prefix]`` (``http`` is used) or of ``service[s]://namespace/name:port[/prefix]``
    (the API server's service proxy of ``cluster``).  Raises SalvageError(bad_input).
    """
    match = service_parts(address)
    if match:
        if cluster is None:
            raise SalvageError(f"{address} needs a connection to the cluster; give a kubeconfig, or an http:// address", reason="bad_input")
        secure = "https:" if match["scheme"] == "services" else ""
        base = (
            f"{cluster.server.rstrip('/')}/api/v1/namespaces/{match['namespace']}/services/"
            f"{quote(secure + match['name'] + ':' + match['port'], safe=':')}/proxy{(match['prefix'] or '').rstrip('/')}"
        )
        return Endpoint(address=address.rstrip("/"), base=base, http=cluster.http, headers=dict(headers or {}))
    try:
        base, login = split_login(address, "the address")
    except SalvageError:
        shown = "the address" if "@" in address else repr(address)  # what comes before may be a password
        raise SalvageError(
            f"{shown} is not the address of a service; write http://host:port, or service://namespace/name:port", reason="bad_input"
        ) from None
    pool, own = http or Http(), dict(headers or {})
    if login and "authorization" not in {name.lower() for name in (*pool.headers, *own)}:
        own["Authorization"] = basic(*login.partition(":")[::2], "the login in the address")
    return Endpoint(address=base, base=base, http=pool, headers=own)


def server_time(answer: Response) -> float:
    """Unix seconds of the header Date.  Raises SalvageError(invalid)."""
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, IndexError):
        raise SalvageError(
            "the API server's answer has no time (header Date), so expiry cannot be checked; check the proxy in front of it",
            reason="invalid",
        ) from None
