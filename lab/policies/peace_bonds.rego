# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# METADATA
# title: Peace Bonds
# description: >-
#   Whether a provider may act. Everything asked for must be shown to hold: input or settings that are missing, of a wrong type or out
#   of range are a denial with its reason, never an allow.
# entrypoint: true
package euystacio.peace_bonds

import data.euystacio.settings

limits := settings.limits

# Whether all input is there, each a number from 0 to 1.
default complete := false

complete if settings.all_between(
	[
		input.provider.trust_weight,
		input.provider.compliance_score,
		input.provider.ethical_alignment,
		input.symbiosis_score,
		input.metrics.qek_value,
		input.metrics.hvar_value,
		input.metrics.ethisches_ideal,
	],
	1,
)

needed := {
	"provider.trust_weight",
	"provider.compliance_score",
	"provider.ethical_alignment",
	"symbiosis_score",
	"metrics.qek_value",
	"metrics.hvar_value",
	"metrics.ethisches_ideal",
}

default within_limits := false

within_limits if {
	complete
	settings.ok
	m := input.metrics
	l := limits
	m.qek_value >= l.qek_min
	m.hvar_value <= l.hvar_max
	m.ethisches_ideal >= l.ethisches_ideal_min
}

default allow := false

allow if {
	within_limits
	input.symbiosis_score >= limits.symbiosis_min
	risk_score < limits.risk_max
	count(deny) == 0
}

deny contains sprintf("Input incomplete: %s is not a number from 0 to 1", [name]) if {
	not complete
	some name in needed
	not told(name)
}

told(name) if settings.all_between([object.get(input, split(name, "."), null)], 1)

deny contains fault if {
	not settings.ok
	some fault in settings.faults
}

deny contains sprintf("High risk provider detected: risk_score=%v", [risk_score]) if risk_score >= limits.risk_max

deny contains sprintf("QEK below minimum threshold: %v < %v", [input.metrics.qek_value, limits.qek_min]) if {
	input.metrics.qek_value < limits.qek_min
}

deny contains sprintf("H-VAR exceeded maximum threshold: %v > %v", [input.metrics.hvar_value, limits.hvar_max]) if {
	input.metrics.hvar_value > limits.hvar_max
}

deny contains sprintf("Ethisches Ideal below minimum threshold: %v < %v", [input.metrics.ethisches_ideal, limits.ethisches_ideal_min]) if {
	input.metrics.ethisches_ideal < limits.ethisches_ideal_min
}

deny contains sprintf("Symbiosis score below minimum threshold: %v < %v", [input.symbiosis_score, limits.symbiosis_min]) if {
	input.symbiosis_score < limits.symbiosis_min
}

# 0 is no risk, 1 is the highest; what can't be computed is the highest.
default risk_score := 1

risk_score := round((weighted / weights) * 10000) / 10000 if {
	complete
	settings.ok
	p := input.provider
	l := limits
	weighted := sum([
		l.weight_trust * (1 - p.trust_weight),
		l.weight_compliance * (1 - p.compliance_score),
		l.weight_alignment * (1 - p.ethical_alignment),
	])
	weights := (l.weight_trust + l.weight_compliance) + l.weight_alignment
}

risk_level := "low" if {
	risk_score < limits.risk_low
} else := "medium" if {
	risk_score < limits.risk_medium
} else := "high" if {
	risk_score < limits.risk_high
} else := "critical"

# What follows for the provider.
action := "block" if {
	not allow
} else := "allow" if {
	risk_level == "low"
} else := "monitor" if {
	risk_level == "medium"
} else := "restrict"

decision := {
	"allow": allow,
	"deny": deny,
	"risk_score": risk_score,
	"risk_level": risk_level,
	"action": action,
}

# As Ansible Automation Platform's policy as code reads it.
allowed := allow

violations := sort([reason | some reason in deny])
