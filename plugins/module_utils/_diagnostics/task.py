# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of the module diagnostics."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from .._cluster import routes
from .._cluster.retry import Retry
from .._core.errors import SalvageError
from .._core.options import argument_spec, from_params
from .._core.progress import PROGRESS_ARGUMENTS, teller
from .._core.times import iso
from .._redaction.file_secrets import unpacked
from .._redaction.redactor import Redactor
from .analyze import Analysis, analyze, rules_of
from .bundle import Bundle
from .collect import Collected, collect, redact_again
from .collector import Site
from .compare import difference
from .contents import read_contents
from .existing import files_in
from .options import DiagnosticsOptions, bounds_of, namespaces_of, wanted_of, window_of
from .pack import INDEX, check_format, file_of, folder_of, index_of, make_room, write_bundle
from .report import pages
from .rule_files import with_own_rules
from .rules import FindingRule

MODULE: dict[str, Any] = {
    "argument_spec": {**AUTH_ARG_SPEC, **argument_spec(DiagnosticsOptions), **routes.ARGUMENTS, **PROGRESS_ARGUMENTS},
    "mutually_exclusive": [("redact", "analyze")],
    "supports_check_mode": True,
}
_DONE = frozenset({"complete", "skipped"})
_MADE = frozenset({INDEX, "findings.json", "timeline.jsonl", "summary.txt", "junit.xml", "report.html"})


@dataclass(frozen=True)
class Order:
    """What is to be made of a bundle's files: ``head`` is for the index."""

    rules: list[FindingRule]
    head: dict[str, Any]
    where: Path
    form: str
    keys: list[Any]
    now: float
    fail_on: tuple[str, ...]
    earlier: Path | None


def run(params: Mapping[str, Any], *, check_mode: bool, now: float | None = None) -> dict[str, Any]:
    """The module's result.  Raises SalvageError."""
    now = time.time() if now is None else now
    query = from_params(DiagnosticsOptions, params)
    window, bounds = window_of(query.since, query.around, now), bounds_of(query)
    wanted, namespaces = wanted_of(query.only, query.exclude), namespaces_of(query.namespaces)
    rules = rules_of(query.rule_texts or with_own_rules(query.rules))
    keys = check_format(query.format, query.recipients)
    addresses = routes.Routes(params, query.request_timeout, retry=Retry(seconds=bounds.seconds / 2))
    site = Site(
        query, dict(params), addresses, namespaces, window, bounds, Bundle(bounds.size), Redactor(), teller(params.get("progress_path"))
    )
    given = query.redact or query.analyze
    version = None if given else site.cluster.get_json("/version").get("gitVersion")
    stamp = iso(int(now)).replace("-", "").replace(":", "")
    where = file_of(query.path, query.name, query.format, bool(keys), stamp)
    reference = Path(query.compare) if query.compare else None
    if reference:
        next(files_in(reference, bounds.size), None)  # it is there, which is said before anything is collected
    if check_mode:
        return rehearse(site, wanted, where)
    make_room(where)
    head: dict[str, Any] = {
        "cluster": query.name,
        "collected_at": iso(int(now)),
        "around": query.around,
        "since_seconds": window.seconds,
        "namespaces": list(namespaces),
        "version": version,
    }
    if not given:
        found = collect(site, wanted)
    else:
        before = index_before(given, bounds.size)
        head |= {name: before[name] for name in head if name in before}
        files = ((name, data) for name, data in files_in(Path(given), bounds.size) if name not in _MADE)
        found = redact_again(site, files) if query.redact else copied(site, files)
        earlier = [one for one in before.get("collectors") or () if isinstance(one, dict)]
        found = replace(found, collectors=[*found.redactor.value(earlier), *found.collectors])
    return publish(site.bundle, found, Order(rules, head, where, query.format, keys, now, query.fail_on, reference))


def copied(site: Site, files: Iterable[tuple[str, bytes]]) -> Collected:
    """Fills the bundle of ``site`` with the files of another, which are redacted."""
    for name, data in files:
        site.bundle.add(name, [data])
    return Collected([], Redactor())


def index_before(path: str, most: int) -> dict[str, Any]:
    """The index of a bundle that is there; nothing where it has none.  Raises SalvageError."""
    with contextlib.suppress(StopIteration, ValueError):
        index = json.loads(next(data for name, data in files_in(Path(path), most) if name == INDEX))
        return index if isinstance(index, dict) else {}
    return {}


def rehearse(site: Site, wanted: tuple[str, ...], where: Path) -> dict[str, Any]:
    """What a run would do.  Raises SalvageError where there is nothing to read."""
    if given := site.query.redact or site.query.analyze:
        next(files_in(Path(given), site.bounds.size), None)
        wanted = ("redact",) if site.query.redact else ()
    works = [] if site.query.analyze else ["secrets", *wanted]
    collectors = [{"name": name, "status": "skipped", "reason": "check mode", "seconds": 0.0} for name in works]
    msg = f"{', '.join(works) or 'the findings'} would be in {where}"
    return {"changed": True, "msg": msg, "path": str(where), "summary": [], "findings": [], "collectors": collectors, "complete": False}


def publish(bundle: Bundle, found: Collected, order: Order) -> dict[str, Any]:
    """Analyzes the bundle and writes it, if no known value is in it.  Raises SalvageError(invalid, bad_input)."""

    def index() -> bytes:
        return index_of(found.redactor.value(order.head), found.collectors, bundle)

    bundle.add(INDEX, [index()], of_its_own=True)
    moment = datetime.fromtimestamp(order.now, timezone.utc)
    analysis = analyze(bundle, order.rules, moment)
    made = pages(bundle, analysis)
    for path, data in made.items():
        bundle.add(path, [data], of_its_own=True)
    bundle.add(INDEX, [index()], of_its_own=True)
    refuse_leaks(bundle, found.redactor)
    size, sha256 = write_bundle(bundle, order.where, order.form, order.keys, folder_of(order.where))
    missing = [
        f"{one.get('name')} is {one.get('status')} ({one.get('reason')})" for one in found.collectors if one.get("status") not in _DONE
    ]
    failing = {one.severity for one in analysis.findings} & set(order.fail_on)
    return {
        "changed": True,
        "failed": bool(failing),
        "msg": f"the bundle is {order.where}" + (f"; not everything is in it: {'; '.join(missing)}" if missing else ""),
        "path": str(order.where),
        "size": size,
        "sha256": sha256,
        "summary": made["summary.txt"].decode().splitlines(),
        "findings": [
            {"code": one.code, "severity": one.severity, "title": one.title, "advice": one.advice, "subject": dict(one.subject)}
            for one in analysis.findings
        ],
        "collectors": [{name: one.get(name) for name in ("name", "status", "reason", "seconds")} for one in found.collectors],
        "redacted": found.redactor.count,
        "complete": not missing,
        **({"difference": compared(bundle, analysis, order, moment)} if order.earlier else {}),
    }


def compared(bundle: Bundle, analysis: Analysis, order: Order, moment: datetime) -> dict[str, Any]:
    """What is different from the earlier bundle, which is looked at with the same rules.  Raises SalvageError."""
    earlier = dict(files_in(order.earlier, bundle.most)) if order.earlier else {}
    before, after = read_contents(earlier, moment), read_contents(bundle, moment)
    return difference(analyze(earlier, order.rules, moment), analysis, before, after).plain()


def refuse_leaks(bundle: Bundle, redactor: Redactor) -> None:
    """Raises SalvageError(invalid) where a value that is known to be secret is in a file, or in its name."""
    for path in bundle:
        for leak in (*redactor.leaks(unpacked(bundle[path])), *redactor.leaks(path.encode())):
            raise SalvageError(
                f"no bundle was written: the value of a Secret is in {redactor.text(path)} ({leak.encoding}, at byte {leak.offset}); "
                "leave that collector out with exclude, and report it as a fault of the redaction",
                reason="invalid",
            )
