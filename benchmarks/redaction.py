# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of logs beside what naive tools do: one substitution for each pattern, one replacement for each known value.

    python3 -m tools.env run python benchmarks/redaction.py [--megabytes 32] [--known 0 200 10000] [--runs 3] [--write]

Four kinds of text: ``names`` is lines of kubelet, API server, nginx, Java, Go, Python, OPA and Prometheus, nearly all with a word
that can be the name of a secret, one in 200 with a secret; ``look-alikes`` has UUIDs, digests, commit ids and base64 in each
line; ``plain`` is access
logs, logfmt and klog; ``JSON`` has addresses of mail and of services.  ``mixed`` is a quarter of each.  Time is that of this process on one
core.  The naive way has 20 patterns that everyone uses; it finds far less.  ``--write`` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from uuid import UUID

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests" / "unit" / "fakes")]

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._redaction.redactor import Redactor
from harmless_lines import harmless_lines

from benchmarks.health import write

SPEED = 15.0
NAIVE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        *(
            rf"({name}\s*[:=]\s*)[^\s,;]+"
            for name in ("password", "passwd", "secret", "token", "api[_-]?key", "access[_-]?key", "private[_-]?key")
        ),
        *(rf"(\"{name}\"\s*:\s*\")[^\"]+" for name in ("password", "secret", "token", "apiKey", "clientSecret")),
        *(r"(authorization:\s*(?:bearer|basic)\s+)\S+", r"(cookie:\s*).+", r"(://[^/\s:@]+:)[^@\s]+", r"()eyJ[\w-]+\.[\w-]+\.[\w-]+"),
        *(
            r"()gh[pousr]_\w{36}",
            r"()AKIA[A-Z0-9]{16}",
            r"()xox[abp]-[\w-]+",
            r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*-----",
        ),
    )
]


def value(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()[: 10 + number % 40]


def stamped(lines: Iterable[str], megabytes: float) -> bytes:
    found, size = [], 0
    for number, line in enumerate(lines):
        found.append(f"2026-11-26T10:{number // 60 % 60:02}:{number % 60:02}.{number % 1000000:06}123Z {line}\n")
        size += len(found[-1])
        if size > megabytes * 1e6:
            break
    return "".join(found).encode()


def log(megabytes: float) -> bytes:
    """Names of secrets in nearly every line."""
    lines = enumerate(harmless_lines(1 << 30))
    return stamped((f"{line} password={value(at)} and {value(at % 10_000)}" if at % 200 == 0 else line for at, line in lines), megabytes)


def look_alikes(megabytes: float) -> bytes:
    random = Random(5)  # noqa: S311

    def digits(length: int) -> str:
        return f"{random.getrandbits(4 * length):0{length}x}"

    def words(least: int) -> str:
        return " ".join(
            random.choice(["pod", "started", "container", "sync", "failed", "image", "layer", "queue"])
            for _ in range(random.randint(least, 9))
        )

    shapes: list[Callable[[], str]] = [
        lambda: str(UUID(int=random.getrandbits(128))),
        lambda: f"registry.example.com/team/app@sha256:{digits(64)}",
        *(lambda: digits(40), lambda: digits(7), lambda: f"api-{digits(10)}-{digits(5)}", lambda: f"v1.{digits(2)}.0+{digits(12)}"),
        lambda: b64encode(random.randbytes(random.randint(12, 48))).decode(),
        lambda: b64encode(words(6).encode()).decode(),
        lambda: urlsafe_b64encode(random.randbytes(32)).decode(),
        lambda: f"HorizontalPodAutoscalerController{random.getrandbits(20)}",
    ]
    return stamped((f"{words(2)} {' '.join(random.choice(shapes)() for _ in range(5))}" for _ in iter(int, 1)), megabytes)


def plain(megabytes: float) -> bytes:
    random = Random(6)  # noqa: S311
    forms = [
        '10.244.{}.{} - - [26/Nov/2026:10:00:{:02d} +0000] "GET /api/v1/orders/{} HTTP/1.1" 200 {} "-" "Mozilla/5.0 (X11; Linux x86_64)"',
        'level=info ts=2026-11-26T10:{}:{}.{:03d}Z caller=compact.go:{} component=tsdb msg="write block" mint={} maxt=1732608000000',
        "INFO  [main] com.example.shop.OrderService {}:{} - processed order {} in {} ms for customer {}",
        'I1126 10:00:00.{}       1 controller.go:{}] "Reconciling" deployment="shop/orders-{}" generation={} replicas={}',
    ]
    return stamped((random.choice(forms).format(*(random.randint(1, 250) for _ in range(5))) for _ in iter(int, 1)), megabytes)


def json_lines(megabytes: float) -> bytes:
    random = Random(7)  # noqa: S311
    return stamped(
        (
            json.dumps(
                {
                    "level": "info",
                    "msg": "request done",
                    "trace_id": f"{random.getrandbits(128):032x}",
                    "took": random.random(),
                    "user": f"user-{random.getrandbits(10)}@example.com",
                    "url": f"https://api.example.com/v1/items/{random.getrandbits(20)}?page=2",
                    **({"db_password": value(random.getrandbits(20))} if random.random() < 0.005 else {}),
                }
            )
            for _ in iter(int, 1)
        ),
        megabytes,
    )


TEXTS: dict[str, Callable[[float], bytes]] = {"names": log, "look-alikes": look_alikes, "plain": plain, "JSON": json_lines}


def mixed(megabytes: float) -> bytes:
    lines = [line for make in TEXTS.values() for line in make(megabytes / len(TEXTS)).splitlines(keepends=True)]
    Random(8).shuffle(lines)  # noqa: S311
    return b"".join(lines)


def naive(data: bytes, known: list[bytes]) -> bytes:
    for one in known:
        data = data.replace(one, b"***")
    text = data.decode()
    for pattern in NAIVE:
        text = pattern.sub(r"\1***", text)
    return text.encode()


def seconds(call: Callable[[], object], runs: int) -> float:
    found = []
    for _ in range(runs):
        started = time.process_time()
        call()
        found.append(time.process_time() - started)
    return min(found)


def table(megabytes: float, counts: list[int], runs: int) -> str:
    texts = {**{name: make(megabytes) for name, make in TEXTS.items()}, "mixed": mixed(megabytes)}
    rows = []
    held = True
    for name, count in [*((name, counts[0]) for name in TEXTS), *(("mixed", count) for count in counts)]:
        data = texts[name]
        size, part = len(data) / 1e6, data[: data.rfind(b"\n", 0, 4_000_000) + 1]
        known = [value(number) for number in range(count)]
        made = seconds(lambda known=known: Redactor(known), 1)  # type: ignore[misc]
        redactor = Redactor(known)
        ours = size / seconds(lambda redactor=redactor, data=data: redactor.data(data), runs)  # type: ignore[misc]
        shown = redactor.data(data)
        gate = size / seconds(lambda redactor=redactor, shown=shown: redactor.leaks(shown), runs) if count else 0  # type: ignore[misc]
        encoded = [one.encode() for one in known]
        theirs = len(part) / 1e6 / seconds(lambda encoded=encoded, part=part: naive(part, encoded), 1)  # type: ignore[misc]
        assert redactor.leaks(shown) == []
        held = held and (name != "mixed" or ours >= SPEED or count > counts[0])
        left = f"{gate:.1f} MB/s" if count else ""
        rows.append(f"| {name} | {count:,} | {ours:.1f} MB/s | {left} | {theirs:.2f} MB/s | {ours / theirs:.1f} | {made:.2f} s |")
    return "\n".join(
        [
            f"{megabytes:g} MB of each text, fastest of {runs} runs, one core under a load of {os.getloadavg()[0]:.1f}.",
            "",
            "| text | known values | redaction | search for what is left | naive, 20 patterns | ratio | to read the values |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"To reach: {SPEED:g} MB/s on the mixed text without known values, on a quiet machine: {'reached' if held else 'missed'}.",
            "",
        ]
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=float, default=32)
    options.add_argument("--known", type=int, nargs="+", default=[0, 200, 10_000])
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    chosen = options.parse_args()
    text = table(chosen.megabytes, chosen.known, chosen.runs)
    print(text)
    if chosen.write:
        write(text, "benchmarks/redaction.py", "Redaction")
    return 1 if "missed" in text else 0


if __name__ == "__main__":
    sys.exit(main())
