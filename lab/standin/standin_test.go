// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type client struct {
	*testing.T
	*httptest.Server
	app *app
}

func start(t *testing.T, faults string) client {
	board, err := newSwitchboard(faults, "")
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(board, "1.2.3", "")
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	return client{t, server, app}
}

func (c client) get(path string) (int, string) {
	c.Helper()
	answer, err := http.Get(c.Server.URL + path)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (c client) fault(document string) int {
	c.Helper()
	answer, err := http.Post(c.Server.URL+"/_fault", "application/json", strings.NewReader(document))
	if err != nil {
		c.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func (c client) thresholds(query string) map[string]any {
	c.Helper()
	_, text := c.get("/api/metrics/thresholds" + query)
	var document struct{ Metrics map[string]any }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		c.Fatalf("%v: %s", err, text)
	}
	return document.Metrics
}

func (c client) wants(path string, status int, parts ...string) {
	c.Helper()
	got, text := c.get(path)
	if got != status {
		c.Errorf("%s answers %d, not %d", path, got, status)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			c.Errorf("%s does not tell %s: %s", path, part, text)
		}
	}
}

func TestEveryPathOfAHealthySystem(t *testing.T) {
	c := start(t, "")
	c.wants("/health", 200, `"status":"healthy"`, `"version":"1.2.3"`)
	c.wants("/ready", 200, "ready")
	c.wants("/api/metrics/thresholds", 200, `"QEK"`, `"H_VAR"`, `"ETHISCHES_IDEAL"`, `"SYMBIOSIS"`, `"overall_compliant":true`)
	c.wants("/api/metrics/thresholds?shape=text", 200, "\nqek_value 0.938\n")
	c.wants("/api/metrics/qek/details", 200, `"inputs"`, `"current_value":0.938`)
	c.wants("/api/metrics/risk/events?limit=2", 200, `"limit":2`, `"total":20`)
	c.wants("/api/metrics/risk/events?limit=x", 400, "limit is a number")
	c.wants("/api/metrics/symbiosis", 200, "symbiosis_score 0.82")
	c.wants("/api/metrics/risk", 200, `risk_events_total{severity="high"} 1`)
	c.wants("/api/providers/provider-dusk/risk", 200, `"risk_level":"critical"`)
	c.wants("/api/providers/nobody/risk", 404, "nobody")
	c.wants("/red_code.json", 200, `"core_truth"`, `"verified": true`)
	c.wants("/nothing", 404, "/nothing")
	c.wants("/metrics", 200, `http_requests_total{code="404",method="GET",path="/api/providers/{id}/risk"} 1`,
		"process_resident_memory_bytes", "ethisches_ideal_value 0.998", `http_request_duration_seconds_bucket{path="/health",le="+Inf"} 1`)
}

func TestMetricSwitches(t *testing.T) {
	c := start(t, "")
	if got := c.fault(`{"metrics": {"QEK": 0.82}, "null": ["H_VAR"], "missing": ["symbiosis_score"], "nan": ["ethisches_ideal_value"]}`); got != 200 {
		t.Fatalf("the switches are refused with %d", got)
	}
	_, text := c.get("/api/metrics/thresholds?shape=number")
	for _, part := range []string{`"QEK":0.82`, `"H_VAR":null`, `"ETHISCHES_IDEAL":NaN`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
	if strings.Contains(text, "SYMBIOSIS") {
		t.Errorf("a missing metric is told: %s", text)
	}
	c.wants("/metrics", 200, "\nqek_value 0.82\n", "\nethisches_ideal_value NaN\n")
	c.fault(`{"nan": null}`)
	qek := c.thresholds("")["QEK"].(map[string]any)
	if qek["status"] != "alert" || qek["within_limits"] != false {
		t.Errorf("a breach is no alert: %v", qek)
	}
	if got := breaches(c.app.faults.current()); len(got) != 1 || got[0] != "QEK below minimum threshold: 0.8200 < 0.85" {
		t.Errorf("the log says %q", got)
	}
}

func TestWrongSwitchesAreRefused(t *testing.T) {
	c := start(t, "")
	for _, wrong := range []string{`{"metrics": {"speed": 1}}`, `{"latency": 5}`, `{"error_rate": 2}`, `{"shape": "round"}`, `[`} {
		if got := c.fault(wrong); got != 400 {
			t.Errorf("%s gives %d", wrong, got)
		}
	}
}

func TestAnswerSwitchesLeaveHealthAlone(t *testing.T) {
	c := start(t, `{"error_rate": 1, "error_code": 503}`)
	c.wants("/api/metrics/thresholds", 503)
	c.wants("/health", 200)
	c.fault(`{"error_rate": 0, "html": true, "paths": ["/health"]}`)
	c.wants("/api/metrics/thresholds", 200, "QEK")
	c.wants("/health", 200, "<html>")
}

func TestATruncatedBodyEndsEarly(t *testing.T) {
	c := start(t, `{"truncate": true}`)
	answer, err := http.Get(c.URL + "/api/metrics/thresholds")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading ends with %v", err)
	}
}

func TestAHugeBodyIsAGigabyte(t *testing.T) {
	c := start(t, `{"huge": true}`)
	answer, err := http.Get(c.URL + "/api/metrics/thresholds")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if size, _ := io.Copy(io.Discard, answer.Body); size < hugeSize {
		t.Errorf("it has %d bytes", size)
	}
}

func TestReadiness(t *testing.T) {
	c := start(t, `{"slow_start_seconds": 3600}`)
	c.wants("/ready", 503, "starting")
	c.fault(`{"slow_start_seconds": 0, "not_ready": true}`)
	c.wants("/ready", 503, "asked for")
	c.fault(`{"not_ready": false}`)
	c.wants("/ready", 200)
	c.app.draining.Store(true)
	c.wants("/ready", 503, "draining")
	answer, err := http.Get(c.URL + "/health")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 || !answer.Close {
		t.Errorf("while draining, /health answers %d and keeps the connection: %v", answer.StatusCode, !answer.Close)
	}
}

func TestTheFileOfFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.json")
	board, err := newSwitchboard(`{"latency_ms": 1}`, file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		board.readFile()
	}
	write(`{"not_ready": true}`)
	if got := board.current(); !got.NotReady || got.LatencyMS != 1 {
		t.Errorf("the file is not laid over the environment: %+v", got)
	}
	write(`{"wrong`)
	if !board.current().NotReady {
		t.Error("a wrong file changes something")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	board.readFile()
	if board.current().NotReady {
		t.Error("the faults outlive their file")
	}
}
