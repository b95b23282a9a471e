# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Two rules give a medium risk two actions: OPA answers 500 for the whole package.
package euystacio.adaptive_enforcement

risk_score := 1 - input.provider.trust_weight

enforcement_action := "allow" if risk_score < 0.5

enforcement_action := "monitor" if {
	risk_score >= 0.3
	risk_score < 0.6
}

enforcement_action := "block" if risk_score >= 0.6

enforce := enforcement_action != "allow"

system_healthy if input.metrics.cpu_usage < 80
