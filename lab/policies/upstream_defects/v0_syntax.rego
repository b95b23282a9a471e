# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The policy is written in Rego v0: OPA 1.x refuses to load it.
package euystacio.peace_bonds

default allow = false

allow {
	input.provider.trust_weight >= 0.5
}

deny[reason] {
	input.provider.trust_weight < 0.5
	reason := "Trust weight too low"
}
