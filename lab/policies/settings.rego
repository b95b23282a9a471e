# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# METADATA
# title: What the policies are set to
# description: Limits from the data document euystacio.thresholds, over the defaults here, and what is wrong with them.
package euystacio.settings

defaults := {
	"qek_min": 0.85,
	"hvar_max": 0.1,
	"ethisches_ideal_min": 0.95,
	"symbiosis_min": 0.5,
	# In percent.
	"cpu_max": 80,
	"memory_max": 85,
	# A risk below is low, medium, high; from risk_high on it is critical.
	"risk_low": 0.3,
	"risk_medium": 0.6,
	"risk_high": 0.8,
	# From here on a provider is refused.
	"risk_max": 0.8,
	"weight_trust": 0.4,
	"weight_compliance": 0.3,
	"weight_alignment": 0.3,
}

percents := {"cpu_max", "memory_max"}

default configured := {}

configured := data.euystacio.thresholds

# Without an object there are no limits at all, and whatever needs one fails closed.
limits[name] := object.get(configured, name, fallback) if some name, fallback in defaults

number_between(value, lowest, highest) if {
	# Rego orders values of different types: every number is less than every string.
	is_number(value)
	value >= lowest
	value <= highest
}

top(name) := 100 if name in percents

top(name) := 1 if not name in percents

faults contains "Policy data: euystacio.thresholds is not an object" if not is_object(configured)

faults contains sprintf("Policy data: euystacio.thresholds.%s is not a number from 0 to %d", [name, top(name)]) if {
	some name, value in limits
	not number_between(value, 0, top(name))
}

faults contains sprintf("Policy data: euystacio.thresholds.%s is not a name that the policies know", [name]) if {
	some name, _ in configured
	not name in object.keys(defaults)
}

faults contains "Policy data: risk_low, risk_medium and risk_high do not rise" if not rising

rising if {
	limits.risk_low < limits.risk_medium
	limits.risk_medium < limits.risk_high
}

faults contains "Policy data: the weights of the risk are all zero" if {
	(limits.weight_trust + limits.weight_compliance) + limits.weight_alignment == 0
}
