# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The score rises with trust: the best provider has the highest risk.
package euystacio.peace_bonds

risk_score := (input.provider.trust_weight + input.provider.compliance_score) / 2

default allow := false

allow if risk_score < 0.8

deny contains sprintf("High risk provider detected: risk_score=%v", [risk_score]) if risk_score >= 0.8
