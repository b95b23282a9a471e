// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Keeps the requirements of k8s.io/kubernetes/cmd/kubectl in go.mod.
package main

import (
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	_ "k8s.io/kubectl/pkg/cmd"
)
