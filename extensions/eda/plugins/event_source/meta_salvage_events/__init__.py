# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the event source ``alerts``.

ansible-rulebook runs a source as one file, in a process where collections cannot be imported.  So the parts are a package of their own
beside that file, of the standard library and aiohttp, which ansible-rulebook brings.
"""
