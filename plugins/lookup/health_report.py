# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: health_report
short_description: The last health report of a cluster
version_added: 0.1.0
author: Euystacio Meta Salvage contributors (@euystacio)
description:
  - Gives the newest report that M(euystacio.meta_salvage.health_report) wrote for a cluster,
    as the O(euystacio.meta_salvage.health_info#module:previous) of the next health check.
  - Of a cluster that could not be checked the last time, it gives the last report that knew something.
  - Gives an empty dictionary if there is none. The lookup warns about a file that is not a report, and ignores it.
options:
  _terms:
    description: Names of clusters, as in the inventory.
    type: list
    elements: string
    required: true
  path:
    description: The folder of the reports.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Check the cluster, and compare with the last run
  euystacio.meta_salvage.health_info:
    previous: "{{ lookup('euystacio.meta_salvage.health_report', inventory_hostname, path='~/health') }}"
"""

RETURN = r"""
_raw:
  description: One report for each name, RV(euystacio.meta_salvage.health_info#module:report).
  type: list
  elements: dict
  sample:
    - schema: 1
      status: healthy
      generated_at: "2026-11-24T14:00:00Z"
"""

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._health.report_files import load_report, report_path

display = Display()


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        return [self._last(Path(self.get_option("path")), str(term)) for term in terms]

    def _last(self, folder: Path, host: str) -> dict[str, Any]:
        try:
            report = load_report(report_path(folder, host)) or {}
        except SalvageError as exc:
            display.warning(str(exc))
            return {}
        known = report.get("last_known", report)
        return known if isinstance(known, dict) else {}
