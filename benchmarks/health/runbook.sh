#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The runbook's daily health check as it is printed there, with the services' address as its argument.
services=$1
echo "=== Euystacio AI Health Check ==="
echo "Date: $(date)"
echo "1. Pod Status:"
kubectl get pods -n euystacio-ai
echo "2. Current Metrics:"
curl -s "$services/api/metrics/thresholds" | jq '.metrics'
echo "3. OPA Policy Status:"
kubectl get pods -n euystacio-ai -l app=opa-peace-bonds
echo "4. Recent Alerts:"
curl -s "$services/api/v1/alerts" | jq '.data.alerts[] | select(.state=="firing")'
echo "Health check complete"
