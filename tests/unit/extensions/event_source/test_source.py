# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source as senders and the rules see it: who is let in, what is bounded, and that an answer of 202 means that nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import json
import os
import runpy
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from alert_source import SOURCE, TOKEN, alert, options, payload_of, source
from fake_web import Pem
from meta_salvage_events.access import Access, NotReadableError, SecretFile, names_of, tls_context
from meta_salvage_events.journal import Journal
from meta_salvage_events.options import OptionError, Options
from meta_salvage_events.records import encode
from meta_salvage_events.service import receiving, serve

Story = Callable[..., Coroutine[Any, Any, None]]


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_an_alert_is_answered_kept_handed_on_and_confirmed_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, confirm=True) as rules:
            assert await rules.post(payload_of(alert(1), alert(2))) == (202, {"new": 2, "repeated": 0, "refused": []})
            assert await rules.post(payload_of(alert(1), alert(2))) == (202, {"new": 0, "repeated": 2, "refused": []})
            first = (await rules.take(2, confirm=True))[0]
            assert first["alert"] == alert(1)
            assert await rules.nothing_comes()
            assert await rules.post({"ids": [*first["ids"], "strange"]}, "/handled") == (202, {"handled": 0, "unknown": 1})
            assert await rules.metric("handled_total") == 2
        async with source(tmp_path, confirm=True) as rules:
            await rules.post(payload_of(alert(1), alert(2, "resolved")))
            assert [event["status"] for event in await rules.take(1)] == ["resolved"]
            assert await rules.nothing_comes()

    play(story())


def test_what_was_not_confirmed_goes_again_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, confirm=True) as rules:
            await rules.post(payload_of(*[alert(number) for number in range(5)]))
            await rules.take(2, confirm=True)
            await rules.take(1)
        async with source(tmp_path, confirm=True) as again:
            assert [event["attempt"] for event in await again.take(3, confirm=True)] == [2, 1, 1]
            assert sorted(rules.ids[:2] + again.ids) == [f"{number:016x}@2026-11-27T03:00:00.123Z#firing" for number in range(5)]

    play(story())


def test_a_storm_that_comes_again_and_again_is_one_event_for_each_alert(tmp_path: Path) -> None:
    async def story() -> None:
        storm = payload_of(*[alert(number) for number in range(100)])
        async with source(tmp_path) as rules:
            for time_ in range(6):
                status, answer = await rules.post(storm)
                assert (status, answer["new"], answer["repeated"]) == ((202, 100, 0) if not time_ else (202, 0, 100))
            await rules.take(100)
            assert len(set(rules.ids)) == 100
            assert await rules.nothing_comes()

    play(story())


def test_many_senders_at_a_time_share_the_journal_and_nothing_is_taken_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path) as rules:
            answers = await asyncio.gather(*[rules.post(payload_of(alert(number % 10))) for number in range(40)])
            assert {status for status, _answer in answers} == {202}
            assert sum(answer["new"] for _status, answer in answers) == 10

    play(story())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"bearer {TOKEN}"}, 202),
    ],
)
def test_nothing_is_taken_without_the_token(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def story() -> None:
        async with source(tmp_path) as rules:
            assert (await rules.post(payload_of(alert()), headers=headers))[0] == status
            assert (await rules.post({"ids": ["x"]}, "/handled", headers=headers))[0] == status
            assert (await rules.get("/metrics", headers=headers))[0] == (200 if status == 202 else status)
            assert (await rules.get("/health", headers={}))[0] == 200
            assert (await rules.get("/", headers=headers))[0] in (401, 404)

    play(story())


def test_a_signature_is_over_this_body(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123"
    (tmp_path / "hmac").write_text(f"{secret}\nanother secret of 16\n")

    def signed(body: bytes) -> dict[str, str]:
        return {"X-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}

    async def story() -> None:
        async with source(tmp_path, token_file=None, hmac_file=tmp_path / "hmac") as rules:
            body = json.dumps(payload_of(alert())).encode()
            assert (await rules.post(body, headers=signed(body)))[0] == 202
            assert (await rules.post(body, headers=signed(body + b" ")))[0] == 401
            assert (await rules.post(body, headers={}))[0] == 401

    play(story())


def test_a_signed_request_that_somebody_sends_again_does_nothing(tmp_path: Path) -> None:
    """Neither the alerts nor the confirmation, and not to the other path. What is forgotten is too old for the guard rails."""
    secret = b"a-secret-of-more-than-16-characters"
    (tmp_path / "secret").write_bytes(secret)

    def signed(document: object) -> tuple[bytes, dict[str, str]]:
        text = json.dumps(document).encode()
        return text, {"X-Signature-256": "sha256=" + hmac.new(secret, text, hashlib.sha256).hexdigest()}

    async def story() -> None:
        (given, headers), how = signed(payload_of(alert(1))), {"token_file": None, "hmac_file": tmp_path / "secret", "confirm": True}
        async with source(tmp_path, **how) as rules:
            assert (await rules.post(given, headers=headers))[1]["new"] == 1
            (event,) = await rules.take(1)
            confirmation, proof = signed({"ids": event["ids"]})
            assert (await rules.post(confirmation, "/handled", headers))[0] == 401
            assert (await rules.post(confirmation, "/handled", proof))[1] == {"handled": 1, "unknown": 0}
        async with source(tmp_path, **how) as rules:
            assert (await rules.post(given, headers=headers))[1] == {"new": 0, "repeated": 1, "refused": []}
            assert (await rules.post(confirmation, "/handled", proof))[1] == {"handled": 0, "unknown": 0}
            assert [(await rules.post(given, "/handled", headers))[0], (await rules.post(confirmation, headers=proof))[0]] == [400, 400]
            assert await rules.nothing_comes()

    play(story())


def test_10_megabytes_in_parts_are_refused(tmp_path: Path) -> None:
    start = f"POST /alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    part = b"%x\r\n%s\r\n" % (100_000, b" " * 100_000)

    async def story() -> None:
        async with source(tmp_path) as rules:
            _reader, writer = await asyncio.open_connection("127.0.0.1", rules.port)
            with suppress(ConnectionError):
                writer.write(start)
                for _number in range(100):
                    writer.write(part)
                    await writer.drain()
            writer.close()
            assert 'requests_total{path="/alerts",code="413"} 1' in (await rules.get("/metrics"))[1]
            assert (await rules.post(payload_of(alert())))[0] == 202

    play(story())


def test_a_new_token_counts_at_once_and_an_empty_file_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the first token of all\n")
    secrets = SecretFile(file)
    assert secrets.secrets() == (b"the first token of all",)
    file.write_text("the first token of all\nthe second token of all\n")
    assert len(secrets.secrets()) == 2
    for bad in ("", "\n", "short\n"):
        file.write_text(bad)
        with pytest.raises(NotReadableError, match="at least 16 characters"):
            secrets.secrets()
    file.unlink()
    with pytest.raises(NotReadableError, match="cannot be read"):
        Access(Options.of({"journal": tmp_path, "port": 1, "token_file": file}))


def test_a_token_that_cannot_be_read_asks_senders_to_come_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path) as rules:
            (tmp_path / "token").unlink()
            assert (await rules.post(payload_of(alert())))[0] == 503
            (tmp_path / "token").write_text(TOKEN)
            assert (await rules.post(payload_of(alert())))[0] == 202

    play(story())


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b" " * 3000, {}, 413),
        (json.dumps(payload_of(*[alert(number) for number in range(4)])).encode(), {}, 503),
        (b"x", {"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_body_is_bounded(tmp_path: Path, body: bytes, headers: dict[str, str], status: int) -> None:
    async def story() -> None:
        async with source(tmp_path, max_body=2500, max_alerts=3) as rules:
            assert (await rules.post(body, headers={"Authorization": f"Bearer {TOKEN}", **headers}))[0] == status
            assert (await rules.post(payload_of(alert())))[0] == 202

    play(story())


async def drip(port: int, text: bytes, seconds: float) -> bytes:
    """What a client gets that sends this, then a byte now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = b""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            try:
                part = await asyncio.wait_for(reader.read(1000), 0.05)
                if not part:
                    return answer + b"(closed)"
                answer += part
            except asyncio.TimeoutError:  # noqa: PERF203
                writer.write(b"x")
    except ConnectionError:
        return answer + b"(closed)"
    finally:
        writer.close()
    return answer


def test_clients_that_drip_are_sent_away(tmp_path: Path) -> None:
    start = f"POST /alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()

    async def story() -> None:
        async with source(tmp_path, request_seconds=0.2) as rules:
            header, nothing, body, chunks = await asyncio.gather(
                drip(rules.port, start + b"X-More: ", 2),
                drip(rules.port, b"GET /", 2),
                drip(rules.port, start + b"Content-Length: 1000\r\n\r\n{", 2),
                drip(rules.port, start + b"Transfer-Encoding: chunked\r\n\r\n5\r\n", 2),
            )
            assert header == nothing == b"(closed)"
            assert b" 408 " in body and body.endswith(b"(closed)")
            assert b" 408 " in chunks or b" 400 " in chunks
            assert await rules.metric("connections_refused_total") >= 2

    play(story())


def test_more_connections_than_there_may_be_are_closed(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, max_connections=2, request_seconds=0.3) as rules:
            held = [await asyncio.open_connection("127.0.0.1", rules.port) for _number in range(2)]
            assert await drip(rules.port, b"GET /health HTTP/1.1\r\n", 1) == b"(closed)"
            await asyncio.sleep(0.4)  # those that said nothing are gone, too
            assert (await rules.get("/health"))[0] == 200
            for _reader, writer in held:
                writer.close()

    play(story())


def test_headers_without_end_and_large_bodies(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, request_seconds=5) as rules:
            reader, writer = await asyncio.open_connection("127.0.0.1", rules.port)
            try:
                writer.write(b"GET /health HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 100) for number in range(20_000)))
                await writer.drain()
                assert b" 200 " not in await asyncio.wait_for(reader.read(1000), 5)
            except ConnectionError:
                pass
            writer.close()
            large = {**alert(), "more": "x" * 3_000_000}
            for _time in range(5):
                assert (await rules.post(payload_of(large)))[0] == 202

    play(story())


def test_who_is_not_known_holds_no_connection(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, max_connections=2) as rules:
            for text in (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", rules.port)
                writer.write(text)
                assert await asyncio.wait_for(reader.read(), 2)  # to the end
                writer.close()

    play(story())


def test_a_connection_that_stays_open_serves_one_request_after_another(tmp_path: Path) -> None:
    request = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()

    async def story() -> None:
        async with source(tmp_path, request_seconds=0.2) as rules:
            reader, writer = await asyncio.open_connection("127.0.0.1", rules.port)
            for _number in range(3):
                writer.write(request)
                assert b" 200 " in await reader.read(100_000)
                await asyncio.sleep(0.25)  # between two requests nobody is late
            writer.write(request[:10])
            assert await asyncio.wait_for(reader.read(1000), 2) == b""

    play(story())


def test_a_full_disk_is_503_and_nothing_is_half_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = os.write, [True]

    def write(handle: int, data: Any) -> int:
        if full[0] and b'"is":"alert"' in bytes(data):
            real(handle, bytes(data)[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    async def story() -> None:
        async with source(tmp_path) as rules:
            monkeypatch.setattr(os, "write", write)
            assert (await rules.post(payload_of(alert())))[0] == 503
            assert await rules.nothing_comes()
            assert (await rules.get("/health", headers={}))[0] == 503
            full[0] = False
            assert (await rules.post(payload_of(alert())))[1]["new"] == 1
            assert (await rules.get("/health", headers={}))[0] == 200
            assert await rules.metric("journal_errors_total") == 1
        async with source(tmp_path) as again:
            assert len(await again.take(1)) == 1
            assert await again.metric("journal_damaged_lines") == 0

    play(story())


def test_too_many_open_alerts_are_503(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path, max_episodes=2) as rules:
            assert (await rules.post(payload_of(*[alert(number) for number in range(3)])))[0] == 503
            assert (await rules.post(payload_of(alert(1), alert(2))))[1]["new"] == 2

    play(story())


def test_of_two_sources_with_one_journal_one_receives_and_the_other_takes_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path) as first:
            await first.post(payload_of(alert(1), alert(2)))
            await first.take(1)
            waiting = receiving(options(tmp_path))  # kept: what stops when nobody has it any more would stop at a moment of its own
            entering = asyncio.create_task(waiting.__aenter__())
            await asyncio.sleep(0.3)
            assert not entering.done()
        second = await asyncio.wait_for(entering, 5)
        got = [(await second.next_event())["attempt"]]
        await waiting.__aexit__(None, None, None)
        assert got == [2]

    play(story())


def test_a_source_that_waits_for_the_journal_can_be_stopped(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(serve(asyncio.Queue(), options(tmp_path)), 0.3)

    play(story())


def test_a_damaged_journal_loses_what_is_damaged_and_keeps_a_copy(tmp_path: Path) -> None:
    async def story() -> None:
        async with source(tmp_path) as rules:
            await rules.post(payload_of(alert(1)))
            await rules.post(payload_of(alert(2)))
        path = tmp_path / "journal" / "journal"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + lines[1].replace(b"QEK", b"XXX") + b"".join(lines[2:]) + lines[1][:50])
        async with source(tmp_path) as rules:
            assert [event["alert"]["fingerprint"] for event in await rules.take(1)] == [f"{2:016x}"]
            assert await rules.metric("journal_damaged_lines") == 2
            assert (tmp_path / "journal" / "damaged").exists()
            assert (await rules.post(payload_of(alert(1))))[1]["new"] == 1

    play(story())


def test_the_journal_is_compacted_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meta_salvage_events.journal.GROWN", 3000)

    async def story() -> None:
        async with source(tmp_path, confirm=True) as rules:
            for number in range(40):
                await rules.post(payload_of(alert(number % 2, start=f"2026-11-27T03:00:{number:02}Z")))
                await rules.take(1, confirm=True)
            written = sum((await rules.metric("journal_bytes"), 0))
            assert written == (tmp_path / "journal" / "journal").stat().st_size
        lines = (tmp_path / "journal" / "journal").read_bytes().splitlines()
        assert len(lines) < 100  # of 120 records
        async with source(tmp_path, confirm=True) as rules:
            assert await rules.nothing_comes()
            assert (await rules.post(payload_of(alert(1, start="2026-11-27T03:00:01Z"))))[1]["repeated"] == 1

    play(story())


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def story() -> None:
        with pytest.raises(OptionError, match="of the journal cannot be used"):
            async with source(tmp_path, journal=tmp_path / "file" / "journal"):
                pass
        (tmp_path / "journal").mkdir()
        (tmp_path / "journal").chmod(0o777)
        with pytest.raises(OptionError, match="Others can write"):
            async with source(tmp_path):
                pass
        (tmp_path / "journal").chmod(0o700)
        (tmp_path / "journal" / "journal").write_bytes(encode({"is": "journal", "version": 9}))
        with pytest.raises(OptionError, match="another version"):
            async with source(tmp_path):
                pass

    play(story())


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        async def story() -> None:
            with pytest.raises(OptionError, match="Nothing can listen on"):
                async with source(tmp_path, port=taken.getsockname()[1]):
                    pass
            async with source(tmp_path):  # and the journal is free again
                pass

        play(story())


def test_the_entry_point_hands_on_and_waits_for_the_rule_engine(tmp_path: Path) -> None:
    async def story() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue(1)
        feedback: asyncio.Queue[Any] = asyncio.Queue(1)
        async with source(tmp_path) as rules:
            await rules.post(payload_of(alert(1), alert(2)))
        running = asyncio.create_task(serve(queue, options(tmp_path), feedback))
        first = await asyncio.wait_for(queue.get(), 5)
        await asyncio.sleep(0.1)
        assert queue.empty()
        await feedback.put(first)
        second = await asyncio.wait_for(queue.get(), 5)
        assert [event["alert"]["fingerprint"] for event in (first, second)] == [f"{number:016x}" for number in (1, 2)]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    play(story())


def test_ansible_rulebook_finds_main_in_the_file(tmp_path: Path) -> None:
    main = runpy.run_path(str(SOURCE / "alerts.py"))["main"]
    assert asyncio.iscoroutinefunction(main)
    with pytest.raises(OptionError, match="proves who it is"):
        asyncio.run(main(asyncio.Queue(), {"journal": str(tmp_path), "port": 1}))


def test_the_names_of_a_client_certificate() -> None:
    certificate = {
        "subject": ((("commonName", "alertmanager"),),),
        "subjectAltName": (("DNS", "am.monitoring"), ("IP Address", "10.0.0.1")),
    }
    assert names_of(certificate) == {"alertmanager", "am.monitoring"}
    assert names_of(None) == set()


def test_files_of_tls_that_cannot_be_used_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be used"):
        tls_context(
            Options.of({"journal": tmp_path, "port": 1, "token_file": "/t", "cert_file": tmp_path / "c", "key_file": tmp_path / "k"})
        )


def test_a_write_of_a_closed_journal_fails(tmp_path: Path) -> None:
    async def story() -> None:
        journal = Journal(tmp_path)
        assert journal.try_lock()
        future = journal.append([{"is": "x"}])
        journal.close()
        with pytest.raises(OSError, match="closed"):
            await future

    play(story())


def test_only_a_client_with_a_certificate_of_the_right_name_gets_in(tmp_path: Path) -> None:
    """Without a token: a certificate is enough."""
    server, known, named = (Pem(tmp_path, name) for name in ("server", "known", "alertmanager"))
    (tmp_path / "ca").write_bytes(known.certificate + named.certificate)
    tls = {"token_file": None, "cert_file": server.cert_file, "key_file": server.key_file, "client_ca_file": tmp_path / "ca"}

    async def health(port: int, client: Pem | None) -> int:
        """The status, 0 where TLS lets nobody in."""
        context = ssl.create_default_context(cafile=str(server.cert_file))
        if client:
            context.load_cert_chain(client.cert_file, client.key_file)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(1000), 5)
            writer.close()
            return int(answer.split()[1]) if answer else 0
        except (ssl.SSLError, ConnectionError):
            return 0

    async def story() -> None:
        async with receiving(options(tmp_path, client_names=["alertmanager"], **tls)) as receiver:
            found = [await health(receiver.port, client) for client in (None, Pem(tmp_path, "stranger"), known, named)]
            assert found == [0, 0, 401, 200]

    play(story())
