# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module grafana_dashboards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._cluster import defaults
from .._core.errors import SalvageError, shown
from .._core.options import option
from .._core.run_identity import RunIdentity

LABEL = "grafana_dashboard"
CONFIG_MAPS, API = "config_maps", "api"


@dataclass(frozen=True)
class DashboardOptions:
    state: str = option("present", choices=["present", "reverted"])
    files: list[str] = option([])
    definitions: Any = option(None, no_log=True)
    through: str = option(CONFIG_MAPS, choices=[CONFIG_MAPS, API])
    namespace: str = option(defaults.MONITORING_NAMESPACE)
    config_map: str | None = option(None)
    labels: dict[str, Any] = option({LABEL: "1"})
    folder: str = option("")
    folder_annotation: str = option("grafana_folder")
    grafana_selector: str = option("app.kubernetes.io/name=grafana")
    grafana_url: str | None = option(None)
    grafana_token: str | None = option(None, no_log=True)
    grafana_username: str | None = option(None)
    grafana_password: str | None = option(None, no_log=True)
    grafana_ca_path: str | None = option(None, type="path")
    grafana_validate_certs: bool = option(True)
    datasources: list[str] = option([])
    prometheus_url: str = option(defaults.PROMETHEUS_URL)
    take_over: bool = option(False)
    wait: float = option(180)
    timeout: float = option(10)
    holder: RunIdentity | None = option(None)

    def check(self) -> None:
        """Raises SalvageError(bad_input)."""
        if not 0 < self.wait < 3600:
            raise _bad(f"wait is {self.wait:g}; write seconds, more than 0 and below 3600")
        if self.through == API and not self.grafana_url:
            raise _bad("through is api, and grafana_url is not set; set it")
        if not self.prometheus_url:
            raise _bad("prometheus_url is empty, so no query can be checked; set it")
        if not self.labels and self.through == CONFIG_MAPS:
            raise _bad("labels is empty, so no sidecar would take the ConfigMaps; write for example {grafana_dashboard: '1'}")
        if not self.grafana_selector and self.through == CONFIG_MAPS:
            raise _bad("grafana_selector is empty, so every pod would be one of Grafana; write for example app.kubernetes.io/name=grafana")
        if not self.folder.isprintable() or ".." in self.folder.split("/"):
            raise _bad(f"folder is {shown(self.folder)}; write one line without ..")
        if self.grafana_token and self.grafana_username:
            raise _bad("grafana_token and grafana_username are two logins; give one of them")
        if bool(self.grafana_username) != bool(self.grafana_password):
            raise _bad("grafana_username and grafana_password go together; give both")
        if (self.grafana_token or self.grafana_username) and str(self.grafana_url).startswith(("service://", "services://")):
            raise _bad("the API server keeps a login to Grafana for itself; use forward:// instead of service:// in grafana_url")


def _bad(sentence: str) -> SalvageError:
    return SalvageError(sentence, reason="bad_input")
