# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# METADATA
# title: Adaptive enforcement
# description: How a provider is held while the system is under strain. One chain, so that two actions never conflict.
# entrypoint: true
package euystacio.adaptive_enforcement

import data.euystacio.peace_bonds
import data.euystacio.settings

default system_healthy := false

system_healthy if {
	peace_bonds.within_limits
	settings.all_between([input.metrics.cpu_usage], settings.limits.cpu_max)
	settings.all_between([input.metrics.memory_usage], settings.limits.memory_max)
}

enforcement_action := "block" if {
	peace_bonds.action == "block"
} else := "restrict" if {
	peace_bonds.action == "restrict"
} else := "restrict" if {
	peace_bonds.action == "monitor"
	not system_healthy
} else := "monitor" if {
	peace_bonds.action == "monitor"
} else := "monitor" if {
	not system_healthy
} else := "allow" if {
	peace_bonds.action == "allow"
} else := "block"

# Anything but a plain allow has to be enforced.
enforce := enforcement_action != "allow"
