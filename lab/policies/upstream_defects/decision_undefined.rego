# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# decision needs a rule that is never defined, so OPA answers 200 without a result.
package euystacio.peace_bonds

default allow := false

allow if input.provider.trust_weight >= 0.5

deny contains "Trust weight too low" if input.provider.trust_weight < 0.5

decision := {"allow": allow, "deny": deny, "restrictions": restrictions}

restrictions := ["rate_limit"] if input.provider.level == "unheard of"
