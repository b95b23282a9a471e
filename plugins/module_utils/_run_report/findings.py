# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the result of a module says that people want to know of a run.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.redact import outgoing

# For each module that decides: where its word stands, why, and on what it is based.
_Path = tuple[str, ...]
DECIDES: dict[str, tuple[_Path, _Path, tuple[_Path, ...]]] = {
    "backup": (("backup", "status"), ("backup", "reason"), (("backup", "name"), ("backup", "objects"))),
    "bake": (("verdict",), ("reason",), (("evidence",), ("looks",), ("weak",), ("last_look", "counts"))),
    "blue_green": (("active",), ("gates",), (("proven",), ("weights",))),
    "diagnostics": (("complete",), ("msg",), (("path",),)),
    "health_info": (("report", "status"), ("msg",), (("report", "counts"),)),
    "health_report": (("status",), ("summary",), (("html",),)),
    "incident": (("incident", "status"), ("incident", "title"), (("incident", "id"), ("incident", "severity"))),
    "peace_bonds_info": (("counts",), ("summary",), (("decisions",),)),
    "peace_bonds_policy": (("accepted",), ("refusals",), (("revision",), ("replay", "decisions"), ("replay", "newly_allowed", "count"))),
    "prometheus_config": (("status",), ("problems",), (("replicas",),)),
    "restore": (("restore", "result"), ("restore", "reason"), (("restore", "backup"), ("restore", "counts"))),
    "rollout": (("rollout", "status"), ("rollout", "reason"), (("rollout", "revision"),)),
    "rollout_info": (("rollout", "status"), ("rollout", "reason"), (("explanation",),)),
    "scale": (("rollout", "status"), ("rollout", "reason"), (("before",), ("after",))),
    "threshold_info": (("status",), ("summary",), ()),
    "workload_lock": (("verdict",), ("reason",), (("after", "holder"),)),
}
# Lists in which a module names what it did not do.
LEFT_KEYS = ("left", "left_over", "problems", "not_proven", "pending", "hpa_left")
_LONGEST, _MOST = 500, 20
_HIDDEN = "its output is hidden (no_log)"


def module_name(module: str) -> str:
    """Of a module of this collection, and empty for others."""
    collection, _dot, name = module.rpartition(".")
    return name if collection == "euystacio.meta_salvage" else ""


def is_hidden(result: Mapping[str, Any]) -> bool:
    return bool(result.get("_ansible_no_log")) or "censored" in result


def decision_said(module: str, result: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]] | None:
    """The word, the reason and the evidence, or None where nothing was decided."""
    if module_name(module) not in DECIDES or is_hidden(result):
        return None
    word_at, reason_at, evidence_at = DECIDES[module_name(module)]
    word = _at(result, word_at)
    if word is None:
        return None
    found = {path[-1]: _bounded(_at(result, path)) for path in evidence_at}
    return _line(word), _line(_at(result, reason_at)), {name: value for name, value in found.items() if value not in (None, "", [], {})}


def change_said(result: Mapping[str, Any]) -> str:
    """What was changed, as far as the result says it in a line."""
    if is_hidden(result):
        return _HIDDEN
    counts = result.get("counts")
    if isinstance(counts, Mapping):
        return _line({name: count for name, count in counts.items() if count})
    return _line(result.get("msg"))


def left_said(module: str, result: Mapping[str, Any]) -> list[str]:
    """What a module of this collection left."""
    if not module_name(module) or is_hidden(result):
        return []
    found: list[str] = []
    for name in LEFT_KEYS:
        value = result.get(name)
        lines = value if isinstance(value, list) else [value] if value else []
        found += [_line(one) for one in lines if one]
    return found[:_MOST]


def failure_reason(result: Mapping[str, Any]) -> str:
    """Why a task failed; of a loop the reasons of its items."""
    if is_hidden(result):
        return _HIDDEN
    each = result.get("results")
    items = [one for one in each if isinstance(one, Mapping) and one.get("failed")] if isinstance(each, list) else []
    if items:
        return _line("; ".join(failure_reason(one) for one in items[:_MOST]))
    return _line(result.get("msg") or result.get("module_stderr") or result.get("stderr") or "no reason given")


def _at(value: Any, path: Iterable[str]) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _line(value: Any) -> str:
    """A value as one redacted line."""
    if value is None:
        return ""
    clean = outgoing(value)
    if isinstance(clean, Mapping):
        clean = ", ".join(f"{name}: {_line(one)}" for name, one in clean.items())
    elif isinstance(clean, list):
        clean = "; ".join(_line(one) for one in clean[:_MOST])
    text = " ".join(str(clean).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _bounded(value: Any, depth: int = 0) -> Any:
    """Evidence of a size that people read."""
    if isinstance(value, Mapping) and depth < 3:
        return {str(name): _bounded(one, depth + 1) for name, one in list(value.items())[:_MOST]}
    if isinstance(value, (list, tuple)) and depth < 3:
        return [_bounded(one, depth + 1) for one in value[:_MOST]]
    return value if value is None or isinstance(value, (bool, int, float)) else _line(value)
