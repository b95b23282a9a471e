#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What scripts such as gather-diagnostics.sh do: each kind of the namespace as YAML, events, and the pods described. Nothing is redacted.
set -euo pipefail
namespace=$1
folder=$2
mkdir -p "$folder"
for kind in $(kubectl api-resources --namespaced --verbs=list -o name | grep -v '^secrets$\|metrics.k8s.io'); do
  kubectl get "$kind" -n "$namespace" -o yaml --ignore-not-found > "$folder/$kind.yaml"
done
for kind in nodes persistentvolumes storageclasses customresourcedefinitions apiservices; do
  kubectl get "$kind" -o yaml > "$folder/cluster-$kind.yaml"
done
kubectl get events -n "$namespace" --sort-by=.lastTimestamp > "$folder/events.txt"
tar czf "$folder.tar.gz" -C "$folder" .
