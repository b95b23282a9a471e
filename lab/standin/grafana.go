// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dashboard is one that Grafana has, from a file or saved.
type dashboard struct {
	model       map[string]any
	text        string
	version     int
	folder      string
	provisioned bool
}

// grafana stands in for the part of Grafana's HTTP API that manages dashboards.
type grafana struct {
	mu         sync.Mutex
	root       string // the folder of provisioned dashboards
	login      string // user:password that may write
	token      string
	dashboards map[string]*dashboard
	mux        *http.ServeMux
}

var datasources = []map[string]any{{"id": 1, "uid": "prometheus", "name": "Prometheus", "type": "prometheus", "isDefault": true}}

func newGrafana(root, login, token string) *grafana {
	g := &grafana{root: root, login: login, token: token, dashboards: map[string]*dashboard{}, mux: http.NewServeMux()}
	g.mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"database": "ok", "version": "12.0.0", "commit": "stand-in"})
	})
	g.mux.HandleFunc("GET /api/search", g.search)
	g.mux.HandleFunc("GET /api/datasources", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, datasources) })
	g.mux.HandleFunc("GET /api/dashboards/uid/{uid}", g.get)
	g.mux.HandleFunc("DELETE /api/dashboards/uid/{uid}", g.remove)
	g.mux.HandleFunc("POST /api/dashboards/db", g.save)
	g.mux.HandleFunc("POST /api/admin/provisioning/dashboards/reload", func(w http.ResponseWriter, _ *http.Request) {
		g.load()
		answer(w, http.StatusOK, map[string]string{"message": "Dashboards config reloaded"})
	})
	g.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusNotFound, "Not found") })
	return g
}

// serveGrafana reads its folder at the start, and every RELOAD_SECONDS; 0 is never.
func serveGrafana() error {
	g := newGrafana(env("DASHBOARDS", "/dashboards"), env("LOGIN", "admin:lab-grafana-password"), os.Getenv("TOKEN"))
	g.load()
	every, err := time.ParseDuration(env("RELOAD_SECONDS", "1") + "s")
	if err != nil {
		return err
	}
	if every > 0 {
		go func() {
			for range time.Tick(every) {
				g.load()
			}
		}()
	}
	slog.Info("listening")
	server := &http.Server{Addr: env("LISTEN", ":3000"), Handler: g, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// ServeHTTP lets everybody read, and those write who have the login; a wrong one may nothing.
func (g *grafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, basic := r.BasicAuth()
	known := basic && user+":"+password == g.login || g.token != "" && r.Header.Get("Authorization") == "Bearer "+g.token
	if !known && (r.Header.Get("Authorization") != "" || r.Method != http.MethodGet) {
		say(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	g.mux.ServeHTTP(w, r)
}

// load takes what the folder holds: a file that is no dashboard changes nothing, as with Grafana.
func (g *grafana) load() {
	found := map[string]*dashboard{}
	err := filepath.WalkDir(g.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		var model map[string]any
		if err != nil || json.Unmarshal(text, &model) != nil {
			return nil
		}
		folder, _ := filepath.Rel(g.root, filepath.Dir(path))
		if uid, _ := model["uid"].(string); uid != "" && model["title"] != nil {
			found[uid] = &dashboard{model, string(text), 1, strings.TrimPrefix(folder, "."), true}
		}
		return nil
	})
	if err != nil {
		slog.Warn("the folder can't be read: " + err.Error())
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for uid, old := range g.dashboards {
		if old.provisioned && found[uid] == nil {
			delete(g.dashboards, uid)
		}
	}
	for uid, fresh := range found {
		if old := g.dashboards[uid]; old != nil {
			if old.text == fresh.text && old.folder == fresh.folder {
				continue
			}
			fresh.version = old.version + 1
		}
		g.dashboards[uid] = fresh
	}
}

func (g *grafana) search(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := []map[string]any{}
	if r.FormValue("type") != "dash-folder" {
		for uid, one := range g.dashboards {
			found = append(found, map[string]any{"uid": uid, "title": one.model["title"], "type": "dash-db", "folderTitle": one.folder})
		}
	}
	slices.SortFunc(found, func(a, b map[string]any) int { return strings.Compare(a["uid"].(string), b["uid"].(string)) })
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	page, _ := strconv.Atoi(r.FormValue("page"))
	if limit > 0 {
		start := min(max(page-1, 0)*limit, len(found))
		found = found[start:min(start+limit, len(found))]
	}
	answer(w, http.StatusOK, found)
}

func (g *grafana) get(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.dashboards[r.PathValue("uid")]
	if one == nil {
		say(w, http.StatusNotFound, "Dashboard not found")
		return
	}
	model := map[string]any{}
	for name, value := range one.model {
		model[name] = value
	}
	model["id"], model["version"] = 1, one.version
	answer(w, http.StatusOK, map[string]any{
		"dashboard": model,
		"meta":      map[string]any{"provisioned": one.provisioned, "folderUid": "", "folderTitle": one.folder, "version": one.version},
	})
}

func (g *grafana) remove(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.dashboards[r.PathValue("uid")]
	switch {
	case one == nil:
		say(w, http.StatusNotFound, "Dashboard not found")
	case one.provisioned:
		say(w, http.StatusBadRequest, "provisioned dashboard cannot be deleted")
	default:
		delete(g.dashboards, r.PathValue("uid"))
		say(w, http.StatusOK, "Dashboard deleted")
	}
}

func (g *grafana) save(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Dashboard map[string]any
		Overwrite bool
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<20)).Decode(&wish); err != nil {
		say(w, http.StatusBadRequest, "bad request data")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	uid, _ := wish.Dashboard["uid"].(string)
	version, _ := wish.Dashboard["version"].(float64)
	old, now := g.dashboards[uid], 0
	if old != nil {
		now = old.version
	}
	switch {
	case uid == "" || wish.Dashboard["title"] == nil:
		say(w, http.StatusBadRequest, "Dashboard title cannot be empty")
	case old != nil && old.provisioned:
		say(w, http.StatusBadRequest, "Cannot save provisioned dashboard")
	case !wish.Overwrite && now != int(version):
		answer(w, http.StatusPreconditionFailed, map[string]string{"message": "The dashboard has been changed by someone else", "status": "version-mismatch"})
	default:
		g.dashboards[uid] = &dashboard{model: wish.Dashboard, version: now + 1}
		answer(w, http.StatusOK, map[string]any{"uid": uid, "version": now + 1, "status": "success"})
	}
}

func say(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}
