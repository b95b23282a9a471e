// SPDX-License-Identifier: GPL-3.0-or-later

// pause does nothing, well: it holds the namespaces of a pod, or of a whole
// cluster, reaps the orphans that it inherits as their process 1, and ends on
// SIGTERM. It is the image of pod sandboxes and the first process of a cluster.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}
