# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web server: who may send, what is taken, what is answered. An answer of 202 says that it is on the disk."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import payload
from .access import Access, NotReadableError, tls_context
from .connections import Connections, Limited
from .entry import GIVEN_UP, HANDED, HANDLED, WAITING
from .journal import Journal
from .ledger import FullError, Ledger
from .metrics import Metrics
from .options import OptionError, Options

logger = logging.getLogger("meta_salvage_events")
KEEP_ALIVE = 60.0  # seconds that a connection of a sender stays open between two requests
PATHS = frozenset({"/alerts", "/handled", "/metrics", "/health"})


class RefusalError(Exception):
    """An answer that is not what the sender wanted: a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Intake:
    def __init__(self, options: Options, ledger: Ledger, journal: Journal, metrics: Metrics, news: Callable[[], None]) -> None:
        self._options = options
        self._ledger = ledger
        self._journal = journal
        self._metrics = metrics
        self._news = news  # is called when there may be something to hand on
        self._access = Access(options)
        self._connections = Connections(
            options.max_connections, options.request_seconds, lambda: metrics.count("connections_refused_total")
        )
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Raises OptionError."""
        app = web.Application(middlewares=[self._around], client_max_size=self._options.max_body)
        app.router.add_post("/alerts", self._alerts)
        app.router.add_post("/handled", self._handled)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/health", self._health)
        patience = self._options.request_seconds
        self._runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, handle_signals=False, shutdown_timeout=patience, keepalive_timeout=KEEP_ALIVE
        )
        await self._runner.setup()
        make = self._runner.server
        if make is None:  # only after cleanup
            raise RuntimeError("The web server has not been set up.")
        tls = tls_context(self._options)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Limited(make(), self._connections),
                self._options.host,
                self._options.port,
                ssl=tls,
                ssl_handshake_timeout=patience if tls else None,
            )
        except OSError as error:
            raise OptionError(f"Nothing can listen on {self._options.host}:{self._options.port}: {error.strerror or error}.") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        if self._runner:
            await self._runner.cleanup()

    @web.middleware
    async def _around(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        start = time.monotonic()
        self._connections.answering(request.transport, True)
        path = request.path if request.path in PATHS else "other"
        status = 500
        try:
            if path != "/health":
                self._check_sender(request)
            response = await handler(request)
            status = response.status
            return response
        except RefusalError as refusal:
            status = refusal.status
            response = _answer(status, {"error": str(refusal)})
            if status in (400, 401, 408, 411, 413, 415):
                response.force_close()  # what is left of the body is not read, and who is not known does not stay
            return response
        except web.HTTPException as error:
            status = error.status
            return _answer(status, {"error": f"{error.reason}."})
        except Exception:
            logger.exception("The request failed.")
            return _answer(500, {"error": "The request failed; the log of the event source has the reason."})
        finally:
            self._connections.answering(request.transport, False)
            self._metrics.count("requests_total", labels=f'path="{path}",code="{status}"')
            if path == "/alerts":
                self._metrics.histograms["request_seconds"].observe(time.monotonic() - start)

    def _check_sender(self, request: web.Request) -> None:
        """All that can be known before the body is read."""
        try:
            right = self._access.token_is_right(request.headers.get("Authorization"))
        except NotReadableError as error:
            logger.error("%s", error)
            raise RefusalError(503, "The event source cannot read its secret.") from None
        if not right:
            raise RefusalError(401, "The bearer token is missing or wrong.")
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if not self._access.name_is_right(certificate):
            raise RefusalError(401, "The client certificate has none of the names that may send.")

    async def _body(self, request: web.Request) -> bytes:
        """The whole body of a sender that is who it says."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RefusalError(415, "Send the body without compression.")
        if (request.content_length or 0) > self._options.max_body:
            raise RefusalError(413, f"The body is larger than {self._options.max_body} bytes.")
        try:
            body = await asyncio.wait_for(request.read(), self._options.request_seconds)
        except asyncio.TimeoutError:
            raise RefusalError(408, f"The body did not come within {self._options.request_seconds} s.") from None
        except web.HTTPRequestEntityTooLarge:
            raise RefusalError(413, f"The body is larger than {self._options.max_body} bytes.") from None
        try:
            right = self._access.signature_is_right(request.headers.get(self._access.hmac_header), body)
        except NotReadableError as error:
            logger.error("%s", error)
            raise RefusalError(503, "The event source cannot read its secret.") from None
        if not right:
            raise RefusalError(401, "The signature of the body is missing or wrong.")
        return body

    async def _alerts(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        try:
            given = payload.read(body)
        except payload.PayloadError as error:
            self._metrics.count("alerts_total", labels='result="refused"')
            logger.warning("A payload was refused: %s", error)
            raise RefusalError(400, str(error)) from None
        taken, new, records, left = self._take(given)
        # Also where all are known: another request may have brought them a moment ago, and they may not be on the disk yet.
        await self._write(records, new)
        if not all(map(self._ledger.knows, taken)):
            raise RefusalError(503, "The event source could not write its journal. Come again.")
        repeated = len(taken) - len(new)
        for result, number in (("new", len(new)), ("repeated", repeated), ("refused", len(given.refused))):
            self._metrics.count("alerts_total", number, f'result="{result}"')
        for reason in given.refused[:10]:
            logger.warning("An alert was refused: %s", reason)
        if given.truncated:
            self._metrics.count("truncated_alerts_total", given.truncated)
            logger.warning("The sender left %d alerts out of its payload; set max_alerts of its receiver to 0.", given.truncated)
        if new:
            self._news()
        if left:  # Alertmanager comes again after a 503, and after no other refusal
            raise RefusalError(503, f"{len(new)} new alerts were taken, as many as at a time; come again for the other {left}.")
        return _answer(202, {"new": len(new), "repeated": repeated, "refused": list(given.refused[:10])})

    def _take(self, given: payload.Payload) -> tuple[list[payload.Alert], list[str], list[dict[str, Any]], int]:
        """The alerts as the ledger knows them, the ids of the new ones, what to write, and how many are more than are taken at a time."""
        now = time.time()
        taken: list[payload.Alert] = []
        new: list[str] = []
        records: list[dict[str, Any]] = []
        for one in given.alerts:
            alert = self._ledger.told_apart(one)
            if len(new) >= self._options.max_alerts and not self._ledger.knows(alert):
                continue
            taken.append(alert)
            if alert is not one:
                logger.warning("Another alert has the fingerprint %s; this one is taken as %s.", one.fingerprint, alert.fingerprint)
            try:
                record = self._ledger.take(alert, now, given.receiver, given.external_url)
            except FullError:
                self._ledger.not_written(new)
                raise RefusalError(503, f"{self._options.max_episodes} alerts are open, and there may be no more. Come again.") from None
            if record:
                records.append(record)
                new += [alert.id] if record["is"] == "alert" else []
        return taken, new, records, len(given.alerts) - len(taken)

    async def _write(self, records: list[dict[str, Any]], new: list[str], *, happened: bool = False) -> None:
        try:
            await asyncio.shield(self._journal.append(records, happened=happened))
        except OSError as error:
            self._ledger.not_written(new)
            logger.error("The journal cannot be written: %s", error)
            raise RefusalError(503, "The event source cannot write its journal. Come again.") from None
        self._ledger.written(new)

    async def _handled(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        try:
            ids = payload.ids_of(body, self._options.max_alerts)
        except payload.PayloadError as error:
            raise RefusalError(400, str(error)) from None
        record, unknown = self._ledger.handle(ids, time.time())
        news = record["ids"] if record else []
        await self._write([record] if record else [], [], happened=True)
        self._metrics.count("handled_total", len(news))
        self._news()
        return _answer(202, {"handled": len(news), "unknown": unknown})

    async def _show_metrics(self, request: web.Request) -> web.Response:
        await self._body(request)
        oldest = self._ledger.oldest_waiting()
        gauges = {("alerts", f'state="{state}"'): float(self._ledger.count(state)) for state in (WAITING, HANDED, HANDLED, GIVEN_UP)}
        gauges |= {
            ("journal_errors_total", ""): self._journal.errors,
            ("journal_damaged_lines", ""): self._journal.damaged + self._ledger.unusable,
            ("journal_bytes", ""): self._journal.size,
            ("oldest_waiting_seconds", ""): max(0.0, time.time() - oldest) if oldest is not None else 0.0,
            ("connections", ""): len(self._connections.open),
        }
        return web.Response(text=self._metrics.text(gauges), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _health(self, _request: web.Request) -> web.Response:
        """It needs no proof, so it says one word."""
        failing = self._journal.failing
        response = _answer(503 if failing else 200, {"status": "failing" if failing else "ok"})
        response.force_close()  # or anybody could hold all connections
        return response


def _answer(status: int, content: dict[str, Any]) -> web.Response:
    headers = {"Retry-After": "5"} if status == 503 else None
    return web.Response(status=status, body=json.dumps(content).encode(), content_type="application/json", headers=headers)
