# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the managed system where no option gives another: those of the runbook, and of the charts that it installs."""

NAMESPACE = "euystacio-ai"
MONITORING_NAMESPACE = "monitoring"
WORKLOAD = "euystacio-api"
# Field managers: under these names the API server keeps who wrote which field, until the next apply of manifests.
RESTORE_MANAGER = "euystacio-restore"
ROLLBACK_MANAGER = "euystacio-rollback"
API_URL = "service://euystacio-ai/euystacio-api:8000"
OPA_URL = "service://euystacio-ai/opa-service:8181"
PROMETHEUS_URL = "service://monitoring/prometheus-operator-kube-p-prometheus:9090"
ALERTMANAGER_URL = "service://monitoring/prometheus-operator-kube-p-alertmanager:9093"
