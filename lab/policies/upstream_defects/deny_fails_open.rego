# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Each denial needs its input: for partial input deny is empty and whoever asks only for deny lets everyone in.
package euystacio.peace_bonds

deny contains "Trust weight too low" if input.provider.trust_weight < 0.5

deny contains "QEK below minimum threshold" if input.metrics.qek_value < 0.85

allow if count(deny) == 0

risk_score := 1 - input.provider.trust_weight
