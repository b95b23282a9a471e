# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The policy uses v1's keywords without importing them: OPA before 1.0 refuses to load it; OPA 1.x takes it.
package euystacio.peace_bonds

default allow := false

allow if input.provider.trust_weight >= 0.5

deny contains "Trust weight too low" if input.provider.trust_weight < 0.5
