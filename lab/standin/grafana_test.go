// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(t *testing.T, g *grafana, method, path, login, body string) (int, string) {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if login != "" {
		request.SetBasicAuth("admin", login)
	}
	recorder := httptest.NewRecorder()
	g.ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

func maps(t *testing.T, text string) configMaps {
	t.Helper()
	var found configMaps
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesOfTheSidecarAreLoaded(t *testing.T) {
	folder := t.TempDir()
	g := newGrafana(folder, "admin:x", "")
	written := map[string]bool{}
	for _, step := range []struct{ given, path, wanted string }{
		{`{"items": [{"metadata": {"annotations": {"f": "../A b"}}, "data": {"../a.json": "{\"uid\": \"a\", \"title\": \"A\"}", "b.json": "{"}}]}`, "/api/dashboards/uid/a", `"folderTitle":"A b"`},
		{`{"items": [{"data": {"a.json": "{\"uid\": \"a\", \"title\": \"New\"}"}}]}`, "/api/dashboards/uid/a", `"title":"New"`},
		{`{"items": [{"data": {"a.json": "{\"uid\": \"a\", \"title\": \"New\"}"}}]}`, "/api/search", `"uid":"a"`},
		{`{"items": []}`, "/api/dashboards/uid/a", "Dashboard not found"},
	} {
		var err error
		if written, err = writeFiles(folder, "f", maps(t, step.given), written); err != nil {
			t.Fatal(err)
		}
		g.load()
		if _, body := ask(t, g, http.MethodGet, step.path, "", ""); !strings.Contains(body, step.wanted) {
			t.Errorf("%s gives %s", step.path, body)
		}
	}
}

func TestASaveIsOnAVersion(t *testing.T) {
	g := newGrafana(t.TempDir(), "admin:x", "")
	for _, step := range []struct {
		method, path, login, body string
		status                    int
	}{
		{http.MethodPost, "/api/dashboards/db", "", `{"dashboard": {"uid": "a", "title": "A", "version": 0}}`, http.StatusUnauthorized},
		{http.MethodGet, "/api/health", "wrong", "", http.StatusUnauthorized},
		{http.MethodPost, "/api/dashboards/db", "x", `{"dashboard": {"uid": "a", "title": "A", "version": 0}}`, http.StatusOK},
		{http.MethodPost, "/api/dashboards/db", "x", `{"dashboard": {"uid": "a", "title": "A", "version": 0}}`, http.StatusPreconditionFailed},
		{http.MethodPost, "/api/dashboards/db", "x", `{"dashboard": {"uid": "a", "title": "A", "version": 1}}`, http.StatusOK},
		{http.MethodPost, "/api/admin/provisioning/dashboards/reload", "x", "", http.StatusOK},
		{http.MethodGet, "/api/dashboards/uid/a", "", "", http.StatusOK},
		{http.MethodDelete, "/api/dashboards/uid/a", "x", "", http.StatusOK},
		{http.MethodDelete, "/api/dashboards/uid/a", "x", "", http.StatusNotFound},
		{http.MethodGet, "/login", "", "", http.StatusNotFound},
	} {
		if status, body := ask(t, g, step.method, step.path, step.login, step.body); status != step.status {
			t.Errorf("%s %s answers %d %s", step.method, step.path, status, body)
		}
	}
}
