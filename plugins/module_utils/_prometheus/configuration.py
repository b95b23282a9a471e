# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration of Prometheus: what can't be right before it is loaded, and whether what is loaded is what was written.  Pure.

Prometheus shows what it has loaded with its defaults added, secrets hidden, and durations and sizes written its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.errors import SalvageError, shown
from .rules import prometheus_seconds

HIDDEN = "<secret>"
_PARTS = frozenset(
    [
        "global",
        "runtime",
        "alerting",
        "rule_files",
        "scrape_config_files",
        "scrape_configs",
        "storage",
        "tracing",
        "remote_write",
        "remote_read",
        "otlp",
    ]
)
_LOGIN = "authorization basic_auth bearer_token bearer_token_file oauth2 sigv4 azuread google_iam tls_config"
_HTTP = f"{_LOGIN} follow_redirects enable_http2 http_headers proxy_url proxy_from_environment proxy_connect_header no_proxy"
_LIMITS = (
    "body_size_limit sample_limit label_limit label_name_length_limit label_value_length_limit target_limit keep_dropped_targets "
    "native_histogram_bucket_limit native_histogram_min_bucket_factor"
)
_SCRAPING = (
    "scrape_interval scrape_timeout scrape_protocols scrape_failure_log_file scrape_native_histograms convert_classic_histograms_to_nhcb "
    "always_scrape_classic_histograms metric_name_validation_scheme metric_name_escaping_scheme extra_scrape_metrics"
)
_JOB = frozenset(
    f"job_name honor_labels honor_timestamps track_timestamps_staleness scrape_fallback_protocol scrape_classic_histograms "
    f"enable_compression metrics_path scheme params relabel_configs metric_relabel_configs {_SCRAPING} {_HTTP} {_LIMITS}".split()
)
_GLOBAL = frozenset(f"evaluation_interval rule_query_offset query_log_file external_labels {_SCRAPING} {_LIMITS}".split())
# Prometheus shows these lists only where somebody wrote them.
_WITHOUT_DEFAULT = re.compile(
    r"([a-z]+_)*relabel_configs|[a-z0-9_]+_sd_configs|static_configs|rule_files|scrape_config(s|_files)|remote_(write|read)|alertmanagers"
)
_DISCOVERY = re.compile(r"[a-z0-9_]+_sd_configs|static_configs")
_RELABEL = frozenset(["source_labels", "separator", "target_label", "regex", "modulus", "replacement", "action"])
_ACTIONS = frozenset(
    ["replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"]
)
_NEEDS_TARGET = frozenset({"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"})
_DURATIONS = ("scrape_interval", "scrape_timeout", "evaluation_interval")
# What RE2 reads and Python does not: then only Prometheus can say whether it is right.
_ONLY_RE2 = re.compile(r"\\[pPzCQE]|\[\[:|(?<!^)\(\?[a-zA-Z-]+[:)]")
_NOT_RE2 = re.compile(r"\(\?(?:[=!]|<[=!])|(?<!\\)(?:\\\\)*\\[1-9]")
_QUOTED = re.compile(r"(cannot unmarshal [^`]*)`[^`]*`?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE])i?B", re.IGNORECASE)


def check_configuration(parsed: object, where: str) -> None:
    """Of a whole configuration.  Raises SalvageError(bad_input)."""
    top = _mapping(parsed, where)
    _known(top, _PARTS, where)
    scraping = _mapping(top.get("global") or {}, f"{where}, global")
    _known(scraping, _GLOBAL, f"{where}, global")
    _durations(scraping, f"{where}, global")
    check_scrape_configs(top.get("scrape_configs") or [], where)
    files = top.get("rule_files") or []
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
        raise _bad(f"{where}: rule_files is not a list of paths")
    alerting = _mapping(top.get("alerting") or {}, f"{where}, alerting")
    _known(alerting, frozenset({"alert_relabel_configs", "alertmanagers"}), f"{where}, alerting")
    _relabeling(alerting.get("alert_relabel_configs"), f"{where}, alert_relabel_configs")


def check_scrape_configs(parsed: object, where: str) -> None:
    """Of the list of jobs.  Raises SalvageError(bad_input)."""
    if not isinstance(parsed, list):
        raise _bad(f"{where}: the scrape configs are not a list; write - job_name: ...")
    names = []
    for job in parsed:
        fields = _mapping(job, f"{where}, a scrape config")
        name = fields.get("job_name")
        if not isinstance(name, (str, int, float)) or isinstance(name, bool) or not str(name).strip():
            raise _bad(f"{where}: a scrape config has no job_name")
        inside = f"{where}, job {name}"
        _known({field: value for field, value in fields.items() if not _DISCOVERY.fullmatch(str(field))}, _JOB, inside)
        _durations(fields, inside)
        for field in ("relabel_configs", "metric_relabel_configs"):
            _relabeling(fields.get(field), f"{inside}, {field}")
        names.append(str(name))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _bad(f"{where} has the job {shown(twice[0])} twice; give each job a name of its own")


def scrape_jobs(parsed: object) -> dict[str, Mapping[str, Any]]:
    """The scrape configs by name, of a list of them or of a whole configuration."""
    jobs = parsed.get("scrape_configs") if isinstance(parsed, Mapping) else parsed
    return (
        {str(job["job_name"]): job for job in jobs or [] if isinstance(job, Mapping) and "job_name" in job}
        if isinstance(jobs, list)
        else {}
    )


def changed_jobs(before: object, now: object) -> frozenset[str]:
    """Of two configurations as loaded, the jobs that Prometheus starts again: what is global is a default of each job as it is shown."""
    old, new = scrape_jobs(before), scrape_jobs(now)
    return frozenset(name for name, job in new.items() if old.get(name) != job)


def unlike_jobs(wanted: object, gone: Iterable[str], loaded: object) -> str:
    """How the jobs of a loaded configuration are not as wanted, empty if they are; the operator may add rules of its own at the end."""
    there, jobs = scrape_jobs(loaded), scrape_jobs(wanted)
    for name in gone:
        if name in there and name not in jobs:
            return f"the job {name} is still loaded"
    for name, job in jobs.items():
        if name not in there:
            return f"the job {name} is not loaded"
        now = dict(there[name])
        for field in ("relabel_configs", "metric_relabel_configs"):
            own = len(job.get(field) or ())
            now[field] = (now.get(field) or [])[:own]
        found = unlike_loaded(job, now, "")
        if found:
            return f"the job {name} has another {found.strip('.')}"
    return ""


def unlike_loaded(wanted: Any, loaded: Any, path: str = "") -> str:
    """The first field in which the loaded one is not what is wanted; empty if there is none."""
    if wanted is None or loaded == HIDDEN or (isinstance(wanted, str) and "$" in wanted):  # Prometheus puts in the environment's
        return ""
    if isinstance(wanted, Mapping) and isinstance(loaded, Mapping):
        more = sorted(name for name, value in loaded.items() if value and not wanted.get(name) and _WITHOUT_DEFAULT.fullmatch(str(name)))
        if more:
            return f"{path}.{more[0]}"
        parts: Iterator[tuple[Any, Any, str]] = ((value, loaded.get(name), f"{path}.{name}") for name, value in wanted.items())
    elif isinstance(wanted, list) and isinstance(loaded, list):
        if len(wanted) != len(loaded):
            return path or "."
        parts = ((one, other, f"{path}[{index}]") for index, (one, other) in enumerate(zip(wanted, loaded, strict=True)))
    else:
        # What is empty is not shown, and some old names of a field are shown as the new one.
        missing = loaded is None and (not wanted or isinstance(wanted, (str, bool)))
        return "" if missing or _same(wanted, loaded) else path or "."
    return next(filter(None, (unlike_loaded(*part) for part in parts)), "")


def without_quotes(said: str) -> str:
    """What Prometheus or promtool says of a configuration; a value of the wrong type may be a password in the wrong place."""
    return _QUOTED.sub(r"\1(hidden)", said)


def _same(wanted: Any, loaded: Any) -> bool:
    one, other = _text(wanted), _text(loaded)
    if one == other or ":xxxxx@" in other:
        return True
    if prometheus_seconds(one) is not None:
        return prometheus_seconds(one) == prometheus_seconds(other)
    return bool(_SIZE.fullmatch(one)) and _SIZE.sub(r"\1\2", one).upper() == _SIZE.sub(r"\1\2", other).upper()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _relabeling(rules: object, where: str) -> None:
    if rules is None:
        return
    if not isinstance(rules, list):
        raise _bad(f"{where} is not a list")
    for number, rule in enumerate(rules, start=1):
        here = f"{where}, rule {number}"
        fields = _mapping(rule, here)
        _known(fields, _RELABEL, here)
        action = str(fields.get("action") or "replace").lower()
        if action not in _ACTIONS:
            raise _bad(f"{here}: the action {shown(action)} is none of {', '.join(sorted(_ACTIONS))}")
        if action in _NEEDS_TARGET and not fields.get("target_label"):
            raise _bad(f"{here}: the action {action} needs a target_label")
        problem = _regex_problem(_text(fields.get("regex") or ""))
        if problem:
            raise _bad(f"{here}: the regex {shown(fields['regex'])} is not one: {problem}")


def _regex_problem(regex: str) -> str:
    if _NOT_RE2.search(regex):
        return "RE2 has no look-around and no back-references"
    try:
        re.compile(regex)
    except (re.error, RecursionError, OverflowError) as exc:
        return "" if _ONLY_RE2.search(regex) else str(exc)
    return ""


def _durations(fields: Mapping[str, Any], where: str) -> None:
    for name in _DURATIONS:
        if fields.get(name) is not None and not prometheus_seconds(fields[name]):
            raise _bad(f"{where}: {name} is {shown(fields[name])}, not a duration such as 30s")


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(f"{where} is not a mapping of names to values")
    return value


def _known(fields: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    unknown = sorted(str(name) for name in fields if name not in names)
    if unknown:
        raise _bad(f"{where}: the field {shown(unknown[0])} is unknown; remove it, or let promtool check it (promtool)")


def _bad(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="bad_input")
