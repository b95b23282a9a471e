# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control-plane size: no root and no containers; kwok plays nodes and pods, thousands of them."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from . import build, cluster, configs, pki, processes
from .api import Api
from .common import LabError, Progress, run, until
from .configs import Where
from .versions import Versions

MODULES = ["etcd", "kubernetes", "kwok"]
COMPONENTS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
PODS_PER_NODE = 1000


class ControlPlane:
    def __init__(self, folder: Path, versions: Versions, progress: Progress, nodes: int, pods: int) -> None:
        self.folder, self.versions, self.progress = folder, versions, progress
        self.name, self.nodes, self.pods = folder.name, nodes, pods
