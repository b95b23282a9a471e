# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reasons for which the kubelet keeps a container waiting, and what each means for a rollout and for health."""

from __future__ import annotations

from collections.abc import Mapping

from .._core.status import CRITICAL

# True: final, the container can't start until somebody changes something.  False: the next try may succeed.
_IS_FINAL: Mapping[str, bool] = {
    "ErrImagePull": False,
    "CrashLoopBackOff": False,  # a rollout ends at its limit of restarts
    "ImagePullBackOff": True,
    "InvalidImageName": True,
    "ErrImageNeverPull": True,
    "ImageInspectError": True,
    "RegistryUnavailable": True,
    "SignatureValidationFailed": True,
    "CreateContainerConfigError": True,
    "CreateContainerError": True,
    "RunContainerError": True,
    "PostStartHookError": True,
}
FINAL_REASONS = frozenset(reason for reason, final in _IS_FINAL.items() if final)
# For health each of these is critical, also a temporary one: the container does not run.
SEVERITY: Mapping[str, str] = dict.fromkeys(_IS_FINAL, CRITICAL)
