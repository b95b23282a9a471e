# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Alertmanager, one replica of a cluster each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from .._cluster.http import REASON_OF, Endpoint, Response, said
from .._core.errors import SalvageError
from .._core.json_values import load_json
from .._core.times import iso, when
from .silences import SKEW, Matcher, Matchers, Silence, listed_silences

_SILENCES = "/api/v2/silences"


@dataclass(frozen=True)
class SilenceView:
    """What one replica shows, and its own time then."""

    silences: tuple[Silence, ...]
    now: float


@dataclass(frozen=True)
class Alertmanager:
    """One replica.  Each call raises SalvageError with the address in the sentence."""

    endpoint: Endpoint

    @property
    def address(self) -> str:
        return self.endpoint.address

    def silences(self, concerns: Callable[[str, str], bool]) -> SilenceView:
        """Those of the creators and comments that matter."""
        answer = self.endpoint.get(_SILENCES)
        now = _time_of(answer)
        try:
            return SilenceView(tuple(listed_silences(load_json(answer.body), now, concerns)), now)
        except SalvageError as exc:
            raise SalvageError(f"{self.address}{_SILENCES}: {exc}", reason=exc.reason) from None

    def set_silence(self, matchers: Matchers, creator: str, comment: str, starts_at: float, ends_at: float, of: str = "") -> None:
        """A new silence, or another end for the silence ``of``.  What Alertmanager answers proves nothing; read it back."""
        wish: dict[str, Any] = {
            "matchers": [one.to_json() for one in sorted(matchers)],
            "createdBy": creator,
            "comment": comment,
            "startsAt": iso(starts_at),
            "endsAt": iso(ends_at),
            **({"id": of} if of else {}),
        }
        self._expect(_SILENCES, self.endpoint.post_json(_SILENCES, wish))

    def expire_silence(self, of: str) -> None:
        path = f"/api/v2/silence/{quote(of, safe='')}"
        self._expect(path, self.endpoint.request("DELETE", path))

    def configuration(self) -> str:
        """What it runs with, as YAML; secrets in it are hidden."""
        data = load_json(self.endpoint.get("/api/v2/status").body)
        config = data.get("config") if isinstance(data, dict) else None
        text = config.get("original") if isinstance(config, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise SalvageError(f"{self.address}/api/v2/status: the answer has no configuration", reason="invalid")
        return text

    def heard(self, name: str) -> float | None:
        """How many seconds ago Prometheus last sent the alert of this name, by Alertmanager's clock; None if it is not there."""
        answer = self.endpoint.get("/api/v2/alerts", query={"filter": str(Matcher("alertname", "=", name))})
        listed, now = load_json(answer.body), _time_of(answer)
        if not isinstance(listed, list) or not all(isinstance(one, dict) and isinstance(one.get("labels"), dict) for one in listed):
            raise SalvageError(f"{self.address}/api/v2/alerts: the answer is not a list of alerts", reason="invalid")
        # An older Alertmanager may not know the filter.
        times = [when(one.get("updatedAt")) for one in listed if one["labels"].get("alertname") == name]
        if None in times:
            raise SalvageError(f"{self.address}/api/v2/alerts: the alert {name} has no time of its last update", reason="invalid")
        age = min((now - at for at in times if at is not None), default=None)
        if age is not None and age < -SKEW:
            raise SalvageError(f"{self.address}/api/v2/alerts: the alert {name} was updated {-age:.0f} s in the future", reason="invalid")
        return age

    def _expect(self, path: str, answer: Response) -> None:
        if not 200 <= answer.status < 300:
            reason = "invalid" if answer.status == 400 else REASON_OF.get(answer.status, "http_error")
            raise SalvageError(f"{self.address}{path} answered {answer.status}{said(answer)}", reason=reason)


def _time_of(answer: Response) -> float:
    """By the clock of who answers, which is what silences end by."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, IndexError):
        return time.time()
