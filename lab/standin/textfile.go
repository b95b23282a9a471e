// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// serveTextfiles is a node_exporter with nothing but its textfile collector: /metrics is what the *.prom files of a folder hold.
func serveTextfiles() error {
	folder := env("TEXTFILES", "/textfiles")
	http.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		paths, _ := filepath.Glob(filepath.Join(folder, "*.prom"))
		for _, path := range paths {
			if text, err := os.ReadFile(path); err == nil {
				w.Write(text)
			}
		}
	})
	server := &http.Server{Addr: env("LISTEN", ":9100"), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
