# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# allow has no default: for a bad provider it is undefined, not false.
package euystacio.peace_bonds

allow if input.provider.trust_weight >= 0.5

deny contains "Trust weight too low" if input.provider.trust_weight < 0.5
