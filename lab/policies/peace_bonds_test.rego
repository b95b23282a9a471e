# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

package euystacio.peace_bonds_test

import data.euystacio.peace_bonds

good := {
	"provider": {"trust_weight": 0.95, "compliance_score": 0.97, "ethical_alignment": 0.96},
	"symbiosis_score": 0.82,
	"metrics": {"cpu_usage": 40, "memory_usage": 50, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 0.998},
}

with_value(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

provider(score) := with_value("/provider", {"trust_weight": score, "compliance_score": score, "ethical_alignment": score})

defaults := data.euystacio.settings.defaults

test_a_good_provider_is_allowed if {
	answer := peace_bonds with input as good
	answer.decision == {"allow": true, "deny": set(), "risk_score": 0.041, "risk_level": "low", "action": "allow"}
	answer.allow == true
	answer.allowed == true
	answer.violations == []
}

test_a_risky_provider_is_denied if {
	answer := peace_bonds with input as provider(0.15)
	answer.decision.allow == false
	answer.risk_score == 0.85
	answer.risk_level == "critical"
	answer.decision.action == "block"
	answer.violations == ["High risk provider detected: risk_score=0.85"]
}

test_levels_and_actions_at_their_limits if {
	every score, wanted in {
		"0.71": ["low", "allow"],
		"0.7": ["medium", "monitor"],
		"0.41": ["medium", "monitor"],
		"0.4": ["high", "restrict"],
		"0.21": ["high", "restrict"],
		"0.2": ["critical", "block"],
	} {
		answer := peace_bonds with input as provider(to_number(score))
		[answer.risk_level, answer.action] == wanted
	}
}

test_every_level_is_reached if {
	levels := {level |
		some score in [1, 0.7, 0.4, 0]
		level := peace_bonds.risk_level with input as provider(score)
	}
	levels == {"low", "medium", "high", "critical"}
}

test_a_limit_itself_passes if {
	limit := json.patch(good, [
		{"op": "replace", "path": "/metrics/qek_value", "value": 0.85},
		{"op": "replace", "path": "/metrics/hvar_value", "value": 0.1},
		{"op": "replace", "path": "/metrics/ethisches_ideal", "value": 0.95},
		{"op": "replace", "path": "/symbiosis_score", "value": 0.5},
	])
	peace_bonds.allow with input as limit
}

test_each_breach_is_named if {
	breaches := {
		["/metrics/qek_value", 0.82, "QEK below minimum threshold: 0.82 < 0.85"],
		["/metrics/hvar_value", 0.12, "H-VAR exceeded maximum threshold: 0.12 > 0.1"],
		["/metrics/ethisches_ideal", 0.9, "Ethisches Ideal below minimum threshold: 0.9 < 0.95"],
		["/symbiosis_score", 0.4, "Symbiosis score below minimum threshold: 0.4 < 0.5"],
	}
	every breach in breaches {
		answer := peace_bonds with input as with_value(breach[0], breach[1])
		answer.allow == false
		answer.deny == {breach[2]}
	}
}

test_no_input_is_denied if {
	answer := peace_bonds
	answer.allow == false
	count(answer.deny) == count(peace_bonds.needed) + 1
	answer.risk_score == 1
	answer.risk_level == "critical"
	answer.decision.action == "block"
}

test_input_of_another_kind_is_denied if {
	every strange in [null, true, 5, "allow", [], {}, [good]] {
		answer := peace_bonds with input as strange
		answer.decision.allow == false
		count(answer.deny) > 0
	}
}

test_each_value_that_is_missing_or_wrong_is_denied if {
	every name in peace_bonds.needed {
		path := sprintf("/%s", [replace(name, ".", "/")])
		every wrong in [null, true, "1", -0.01, 1.01, [1], {}] {
			answer := peace_bonds with input as with_value(path, wrong)
			answer.allow == false
			sprintf("Input incomplete: %s is not a number from 0 to 1", [name]) in answer.deny
		}
		answer := peace_bonds with input as json.patch(good, [{"op": "remove", "path": path}])
		answer.allow == false
		answer.risk_score >= 0
	}
}

test_a_limit_is_data if {
	peace_bonds.allow with input as with_value("/metrics/qek_value", 0.82) with data.euystacio.thresholds as {"qek_min": 0.8}
	not peace_bonds.allow with input as good with data.euystacio.thresholds as {"qek_min": 0.95}
	peace_bonds.allow with input as provider(0.15) with data.euystacio.thresholds as {"risk_max": 0.9}
	peace_bonds.risk_level == "medium" with input as provider(0.75) with data.euystacio.thresholds as {"risk_low": 0.2}
}

test_without_the_data_document_the_defaults_hold if {
	peace_bonds.allow with input as good with data.euystacio.thresholds as {}
	not peace_bonds.allow with input as provider(0.15) with data.euystacio.thresholds as {}
}

test_wrong_settings_deny_everyone if {
	wrong := [
		"none",
		5,
		null,
		[],
		{"hvar_max": "0.1"},
		{"qek_min": null},
		{"qek_min": -1},
		{"cpu_max": 101},
		{"qek_mim": 0.8},
		{"risk_low": 0.7},
		{"weight_trust": 0, "weight_compliance": 0, "weight_alignment": 0},
	]
	every thresholds in wrong {
		answer := peace_bonds with input as good with data.euystacio.thresholds as thresholds
		answer.decision.allow == false
		answer.decision.action == "block"
		answer.risk_score == 1
		some reason in answer.deny
		startswith(reason, "Policy data: ")
	}
}

test_the_data_document_that_is_shipped_is_right if {
	data.euystacio.settings.faults == set()
	data.euystacio.thresholds == defaults
}
