// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The stand-in for euystacio-api: every endpoint that the runbook names, and switches for faults.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	if len(os.Args) > 1 {
		other := map[string]func() error{"grafana": serveGrafana, "sidecar": watchConfigMaps, "textfile": serveTextfiles}[os.Args[1]]
		if other == nil {
			slog.Error("the argument is not grafana, sidecar or textfile: " + os.Args[1])
			os.Exit(2)
		}
		slog.Error("ended: " + other().Error())
		os.Exit(1)
	}
	faults, err := newSwitchboard(os.Getenv("FAULTS"), os.Getenv("FAULTS_FILE"))
	if err != nil {
		slog.Error("FAULTS can't be read: " + err.Error())
		os.Exit(2)
	}
	app := newApp(faults, env("VERSION", "1.0.0"), env("RED_CODE", "/app/red_code.json"))
	go faults.work()

	// Both ports serve everything: upstream's manifest names 9090 for metrics, its prometheus.yml scrapes 8000.
	failed := make(chan error, 2)
	var servers []*http.Server
	for _, address := range []string{env("LISTEN", ":8000"), env("LISTEN_METRICS", ":9090")} {
		server := &http.Server{Addr: address, Handler: app, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		go func() { failed <- server.ListenAndServe() }()
	}
	slog.Info("listening", "version", app.version)

	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		slog.Error("the server ended: " + err.Error())
		os.Exit(1)
	case <-terminate:
	}
	now := faults.current()
	if now.Graceful != nil && !*now.Graceful {
		slog.Warn("SIGTERM: leaving at once, requests under way are lost")
		os.Exit(143)
	}
	drain(app, servers, now.drain())
}

// drain serves on while the Service still sends requests, then ends. Each answer ends its connection meanwhile: to close the idle ones at
// once, as SetKeepAlivesEnabled does, would lose the request that a client is just sending on one.
func drain(app *app, servers []*http.Server, wait time.Duration) {
	slog.Info("SIGTERM: draining", "seconds", wait.Seconds())
	app.draining.Store(true)
	time.Sleep(wait)
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(deadline); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.Error("requests were still under way: " + err.Error())
		}
	}
	slog.Info("stopped")
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
