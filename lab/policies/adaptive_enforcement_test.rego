# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

package euystacio.adaptive_enforcement_test

import data.euystacio.adaptive_enforcement

case(score, cpu) := {
	"provider": {"trust_weight": score, "compliance_score": score, "ethical_alignment": score},
	"symbiosis_score": 0.82,
	"metrics": {"cpu_usage": cpu, "memory_usage": 50, "qek_value": 0.938, "hvar_value": 0.043, "ethisches_ideal": 0.998},
}

test_one_action_for_each_case if {
	every wanted in [
		[case(0.9, 40), "allow", true],
		[case(0.9, 95), "monitor", false],
		[case(0.6, 40), "monitor", true],
		[case(0.6, 95), "restrict", false],
		[case(0.3, 40), "restrict", true],
		[case(0.3, 95), "restrict", false],
		[case(0.1, 40), "block", true],
		[case(0.1, 95), "block", false],
	] {
		answer := adaptive_enforcement with input as wanted[0]
		answer.enforcement_action == wanted[1]
		answer.system_healthy == wanted[2]
		answer.enforce == wanted[1] != "allow"
	}
}

test_the_limits_themselves_are_healthy if {
	limit := json.patch(case(0.9, 80), [{"op": "replace", "path": "/metrics/memory_usage", "value": 85}])
	adaptive_enforcement.system_healthy with input as limit
}

test_what_is_not_told_is_not_healthy if {
	every path in ["/metrics/cpu_usage", "/metrics/memory_usage", "/metrics/qek_value"] {
		answer := adaptive_enforcement with input as json.patch(case(0.9, 40), [{"op": "remove", "path": path}])
		answer.system_healthy == false
		answer.enforce == true
	}
}

test_no_input_is_blocked if {
	adaptive_enforcement == {"enforce": true, "enforcement_action": "block", "system_healthy": false}
}

test_wrong_settings_block_everyone if {
	answer := adaptive_enforcement with input as case(0.9, 40) with data.euystacio.thresholds as {"cpu_max": "80"}
	answer == {"enforce": true, "enforcement_action": "block", "system_healthy": false}
}
