# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From OPA's HTTP answer to a decision.  Pure; whatever is not plainly an allow is not one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import SalvageError
from .._core.json_values import finite, load_json
from .._core.redact import LONGEST, excerpt
from .model import ALLOWED, DENIED, REPORTED, RISK_LEVELS, UNKNOWN, Decision

_MAX_REASONS = 100
_MAX_TEXT = 300
_DECIDED = {"allow": True, "allowed": True, "deny": False, "denied": False}  # the words of a field "decision"


def one_line(text: object, limit: int = _MAX_TEXT) -> str:
    """Text of others, fit for a report: one line, no control characters, bounded."""
    flat = excerpt(str(text), LONGEST)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def unknown(reason: str, *, path: str = "", **more: Any) -> Decision:
    return Decision(status=UNKNOWN, reason=one_line(reason), path=path, **more)


def finite_number(value: object) -> float | None:
    """A finite number that is not a boolean, else None."""
    return finite(value)[0]


def lookup(document: object, dotted: str) -> Any:
    """The value at ``a.b.c``, or None."""
    for part in dotted.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(part)
    return document


def missing_input(document: object, required: Iterable[str]) -> list[str]:
    """The required fields that are not numbers."""
    return [name for name in required if finite_number(lookup(document, name)) is None]


def decide(status: int, body: bytes, *, path: str = "", missing: Iterable[str] = ()) -> Decision:
    """What an answer of ``POST /v1/data/<path>`` means.

    ``missing``: required fields that the input lacked; an allow is not believed then.
    """
    where = path or "the decision"
    try:
        answer = load_json(body, strict=True)
    except SalvageError as exc:
        return unknown(f"OPA answered {status}" if status != 200 else f"{where}: {exc}", path=path)
    if status != 200:
        return unknown(_error(status, answer, where), path=path)
    if not isinstance(answer, dict):
        return unknown(f"OPA's answer for {where} is a {_kind(answer)}, not an object", path=path)
    identity = answer.get("decision_id")
    decision_id = identity if isinstance(identity, str) else None
    if "result" not in answer:
        return unknown(
            f"undefined: no rule gives {where} a value for this input"
            " (a misspelt path, a policy that is not loaded, or input that it does not cover)",
            path=path,
            decision_id=decision_id,
        )
    found = decide_result(answer["result"], path=path, missing=missing, decision_id=decision_id)
    warning = answer.get("warning")
    if warning and found.status != DENIED:
        said = warning.get("message") if isinstance(warning, dict) else warning
        return unknown(f"OPA warns: {one_line(said, 200)}", path=path, decision_id=decision_id)  # that it got no input, so far
    return found


def decide_result(
    result: object, *, path: str = "", missing: Iterable[str] = (), decision_id: str | None = None, score_suffices: bool = False
) -> Decision:
    """What a defined result means: a boolean (``allow``), a list (``deny``), or an object with them under either name.

    ``score_suffices``: a risk score without an allow is a view too (the service's), of status ``reported``.
    """
    more: dict[str, Any] = {"path": path, "decision_id": decision_id, "raw": result}
    if isinstance(result, bool) and path.rsplit("/", maxsplit=1)[-1] in {"allow", "allowed"}:
        result = {"allow": result}
    elif isinstance(result, list):
        result = {"deny": result}
    if not isinstance(result, dict):
        return unknown(f"the result is a {_kind(result)}, not a decision", **more)
    values: dict[str, Any] = dict(result)
    nested = result.get("decision")
    sources = [values, nested] if isinstance(nested, dict) else [values]

    problems: list[str] = []
    allows: set[bool] = set()
    if "decision" in result and not isinstance(nested, dict):
        word = _DECIDED.get(nested.strip().lower()) if isinstance(nested, str) else nested if isinstance(nested, bool) else None
        if word is None:
            problems.append(f"decision is {one_line(nested, 40)!r}, not one of {', '.join(_DECIDED)}")
        else:
            allows.add(word)
    denies: list[tuple[str, ...]] = []
    for source in sources:
        for name in ("allow", "allowed"):
            if name in source:
                if isinstance(source[name], bool):
                    allows.add(source[name])
                else:
                    problems.append(f"{name} is a {_kind(source[name])}, not true or false")
        for name in ("deny", "violation", "violations", "denied"):
            if name in source:
                reasons = _reasons(source[name])
                if reasons is None:
                    problems.append(f"{name} is not a list of texts")
                else:
                    denies.append(reasons)
    score = _first(sources, "risk_score")
    level = _first(sources, "risk_level")
    action = next((v for v in (_first(sources, n) for n in ("enforcement_action", "action")) if isinstance(v, str)), None)
    risk_score = finite_number(score)
    if score is not None and (risk_score is None or not 0 <= risk_score <= 1):
        shown = risk_score if risk_score is not None else f"a {_kind(score)}"
        problems.append(f"risk_score is {shown}, outside 0..1")
        risk_score = None
    if level is not None and level not in RISK_LEVELS:
        problems.append(f"risk_level is {one_line(level, 40)!r}, not one of {', '.join(RISK_LEVELS)}")
        level = None
    deny = tuple(dict.fromkeys(reason for reasons in denies for reason in reasons))[:_MAX_REASONS]
    more.update(deny=deny, risk_score=risk_score, risk_level=level, action=action)

    allow = allows.pop() if len(allows) == 1 else None
    if allows:
        problems.append("it says both allow and not allow")
    if allow is None and not problems and not deny:
        if score_suffices and risk_score is not None:
            return Decision(status=REPORTED, **more)
        problems.append("allow is undefined; an empty deny is not enough")
    if allow and deny:
        problems.append(f"allow is true although deny has {len(deny)} reason(s)")
    if problems:
        return unknown("; ".join(problems), allow=None, **more)
    if not allow:
        return Decision(status=DENIED, allow=allow, reason="; ".join(deny[:5]) or "allow is false", **more)
    lacking = list(missing)
    if lacking:
        return unknown(f"allowed on partial input, which proves nothing: no number in {', '.join(lacking)}", allow=None, **more)
    return Decision(status=ALLOWED, allow=True, **more)


def _first(sources: list[dict[str, Any]], name: str) -> Any:
    return next((source[name] for source in sources if source.get(name) is not None), None)


def _reasons(value: object) -> tuple[str, ...] | None:
    """The texts of a list of them, or of objects with ``msg``, as Conftest and Gatekeeper write them; None if it is neither."""
    if not isinstance(value, list):
        return None
    texts = [item.get("msg", item.get("message")) if isinstance(item, Mapping) else item for item in value]
    return tuple(map(one_line, texts)) if all(isinstance(text, str) for text in texts) else None


def _kind(value: object) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _error(status: int, answer: object, where: str) -> str:
    said = answer if isinstance(answer, dict) else {}
    first = next((e for e in said.get("errors") or [] if isinstance(e, dict)), {}) if isinstance(said.get("errors"), list) else {}
    text = one_line(first.get("message") or said.get("message") or "", 200)
    if status == 401:
        return "OPA refuses the token (401)"
    if status == 403:
        return f"OPA or the way to it forbids the question (403){': ' + text if text else ''}"
    if status == 404:
        return f"nothing answers at {where} (404){': ' + text if text else ''}"
    if first.get("code") == "eval_conflict_error" or "conflict" in text:
        return f"rules of {where} contradict each other (OPA answered {status}): {text}"
    return f"OPA answered {status}{': ' + text if text else ''}"


def decide_risk(status: int, body: bytes, provider: str, *, path: str = "") -> Decision:
    """What the service's own answer about a provider's risk means."""
    try:
        answer = load_json(body, strict=True)
    except SalvageError as exc:
        return unknown(f"the service answered {status}" if status != 200 else f"the service: {exc}", path=path)
    if status != 200:
        text = one_line(answer.get("error") or answer.get("message") or "", 200) if isinstance(answer, dict) else ""
        return unknown(f"the service answered {status}{': ' + text if text else ''}", path=path)
    if not isinstance(answer, dict):
        return unknown(f"the service's answer is a {_kind(answer)}, not an object", path=path)
    named = answer.get("provider_id", answer.get("id", provider))
    if str(named) != provider:
        return unknown(f"the service answered for another provider, {one_line(named, 60)!r}", path=path)
    return decide_result(answer, path=path, score_suffices=True)


def combine(opa: Decision, api: Decision | None, *, tolerance: float = 0.01) -> Decision:
    """One decision of OPA's and the service's own view.  A disagreement is never an allow."""
    if api is None:
        return opa
    differences: list[str] = []
    if api.status == UNKNOWN:
        differences.append(f"the service's risk answer is unknown: {api.reason}")
    elif api.allow is not None and opa.allow is not None and api.allow != opa.allow:
        differences.append(f"OPA says allow={str(opa.allow).lower()}, the service says allow={str(api.allow).lower()}")
    if api.risk_score is not None and opa.risk_score is not None and abs(api.risk_score - opa.risk_score) > tolerance:
        differences.append(f"risk score {opa.risk_score:g} by OPA, {api.risk_score:g} by the service")
    if api.risk_level and opa.risk_level and api.risk_level != opa.risk_level:
        differences.append(f"risk level {opa.risk_level} by OPA, {api.risk_level} by the service")
    if not differences:
        return opa
    reason = "; ".join([opa.reason, *differences] if opa.reason else differences)
    status = DENIED if opa.status == DENIED else UNKNOWN
    return Decision(
        status=status,
        allow=opa.allow if status == DENIED else None,
        deny=opa.deny,
        risk_score=opa.risk_score,
        risk_level=opa.risk_level,
        action=opa.action,
        reason=one_line(reason, 600),
        path=opa.path,
        decision_id=opa.decision_id,
        raw=opa.raw,
    )
