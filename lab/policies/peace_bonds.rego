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

# Input that has to be there, each a number from 0 to 1.
needed := {
	"provider.trust_weight",
	"provider.compliance_score",
	"provider.ethical_alignment",
	"symbiosis_score",
	"metrics.qek_value",
	"metrics.hvar_value",
	"metrics.ethisches_ideal",
}

given[name] := value if {
	some name in needed
	value := object.get(input, split(name, "."), null)
	settings.number_between(value, 0, 1)
}

requirements := needed | {"settings", "risk", "qek", "hvar", "ethisches_ideal", "symbiosis"}

met contains name if some name, _ in given

met contains "settings" if count(settings.faults) == 0

met contains "risk" if risk_score < limits.risk_max

met contains "qek" if given["metrics.qek_value"] >= limits.qek_min

met contains "hvar" if given["metrics.hvar_value"] <= limits.hvar_max

met contains "ethisches_ideal" if given["metrics.ethisches_ideal"] >= limits.ethisches_ideal_min

met contains "symbiosis" if given.symbiosis_score >= limits.symbiosis_min

default allow := false

allow if {
	met == requirements
	count(deny) == 0
}

deny contains sprintf("Input incomplete: %s is not a number from 0 to 1", [name]) if {
	some name in needed
	not name in met
}

deny contains fault if some fault in settings.faults

deny contains sprintf("High risk provider detected: risk_score=%v", [risk_score]) if not "risk" in met

deny contains sprintf("QEK below minimum threshold: %v < %v", [given["metrics.qek_value"], limits.qek_min]) if {
	not "qek" in met
}

deny contains sprintf("H-VAR exceeded maximum threshold: %v > %v", [given["metrics.hvar_value"], limits.hvar_max]) if {
	not "hvar" in met
}

deny contains sprintf("Ethisches Ideal below minimum threshold: %v < %v", [given["metrics.ethisches_ideal"], limits.ethisches_ideal_min]) if {
	not "ethisches_ideal" in met
}

deny contains sprintf("Symbiosis score below minimum threshold: %v < %v", [given.symbiosis_score, limits.symbiosis_min]) if {
	not "symbiosis" in met
}

# 0 is no risk, 1 is the highest; what can't be computed is the highest.
default risk_score := 1

risk_score := round((weighted / weights) * 10000) / 10000 if {
	count(settings.faults) == 0
	weighted := sum([
		limits.weight_trust * (1 - given["provider.trust_weight"]),
		limits.weight_compliance * (1 - given["provider.compliance_score"]),
		limits.weight_alignment * (1 - given["provider.ethical_alignment"]),
	])
	weights := (limits.weight_trust + limits.weight_compliance) + limits.weight_alignment
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
