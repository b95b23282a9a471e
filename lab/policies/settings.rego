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

default configured := {}

configured := data.euystacio.thresholds

# A document that is no object gives no limits at all: whatever needs one fails closed.
limits := object.union(defaults, configured)

# Whether every limit is a number in its range. The policies ask for each decision, so this is a few calls and no loop.
default ok := false

ok if {
	l := limits
	count(l) == count(defaults)
	all_between([l.cpu_max, l.memory_max], 100)
	all_between(
		[
			l.qek_min, l.hvar_max, l.ethisches_ideal_min, l.symbiosis_min,
			l.risk_low, l.risk_medium, l.risk_high, l.risk_max,
			l.weight_trust, l.weight_compliance, l.weight_alignment,
		],
		1,
	)
	l.risk_low < l.risk_medium
	l.risk_medium < l.risk_high
	(l.weight_trust + l.weight_compliance) + l.weight_alignment > 0
}

# sum() takes nothing but numbers; the comparisons alone would take any type, since Rego orders values of different types.
all_between(values, highest) if {
	sum(values) >= 0
	min(values) >= 0
	max(values) <= highest
}

# What is wrong, where it is not ok.
faults contains "Policy data: euystacio.thresholds is not an object" if not is_object(configured)

faults contains sprintf("Policy data: euystacio.thresholds.%s is not a number from 0 to %d", [name, highest]) if {
	not ok
	some name, value in limits
	highest := object.get({"cpu_max": 100, "memory_max": 100}, name, 1)
	not all_between([value], highest)
}

faults contains sprintf("Policy data: euystacio.thresholds.%s is not a name that the policies know", [name]) if {
	not ok
	some name, _ in configured
	not name in object.keys(defaults)
}

faults contains "Policy data: risk_low, risk_medium and risk_high do not rise" if {
	not ok
	levels := [limits.risk_low, limits.risk_medium, limits.risk_high]
	levels != [level | some level in {level | some level in levels}]
}

faults contains "Policy data: the weights of the risk are all zero" if {
	not ok
	(limits.weight_trust + limits.weight_compliance) + limits.weight_alignment == 0
}
