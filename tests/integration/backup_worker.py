# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of their own beside the backup tests, without an end: one writes to the cluster, one backs it up.  Each says when it has begun.

python backup_worker.py write KUBECONFIG NAMESPACE PAIR
python backup_worker.py back_up KUBECONFIG NAMESPACE FOLDER
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.run import Backup
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.archive.select import Selection
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.options import StoreOptions
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._backup.store.repository import open_store
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.session import Cluster
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.age import recipients
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._sealing.keys import private_key


def write(cluster: Cluster, namespace: str, pair: str) -> None:
    """The ConfigMap of the pair is always as far as the Secret, or one ahead."""
    for number in count(1):
        for kind, data in (("configmaps", "data"), ("secrets", "stringData")):
            body = {"metadata": {"name": pair}, data: {"n": str(number)}}
            cluster.call("PUT", f"/api/v1/namespaces/{namespace}/{kind}/{pair}", body=body)
        if number == 1:
            print("begun", flush=True)


def back_up(cluster: Cluster, namespace: str, folder: str) -> None:
    key = private_key(f"{folder}/sign.pem")
    to = recipients([Path(folder, "recipient.txt").read_text()])
    store = open_store(StoreOptions(f"{folder}/backups"), make=True)
    print("begun", flush=True)
    while True:
        Backup(cluster, Selection(namespaces=(namespace,)), key, to, keep=2).write(store)


if __name__ == "__main__":
    what, kubeconfig, *rest = sys.argv[1:]
    {"write": write, "back_up": back_up}[what](Cluster.connect({"kubeconfig": kubeconfig}, timeout=30), *rest)
