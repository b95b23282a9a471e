// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed red_code.json
var embeddedRedCode []byte

const hugeSize = 1 << 30

var severities = []string{"low", "medium", "high", "critical"}

type app struct {
	faults   *switchboard
	version  string
	redCode  string // a file
	traffic  *traffic
	mux      *http.ServeMux
	draining atomic.Bool
}

func newApp(faults *switchboard, version, redCode string) *app {
	a := &app{faults: faults, version: version, redCode: redCode, traffic: newTraffic(), mux: http.NewServeMux()}
	a.mux.HandleFunc("GET /health", a.health)
	a.mux.HandleFunc("GET /ready", a.ready)
	a.mux.HandleFunc("GET /metrics", a.text(a.expose))
	a.mux.HandleFunc("GET /api/metrics/thresholds", a.thresholds)
	a.mux.HandleFunc("GET /api/metrics/symbiosis", a.text(func(w io.Writer, f Faults) { a.exposeThresholds(w, f, thresholds[3:]) }))
	a.mux.HandleFunc("GET /api/metrics/risk", a.text(a.exposeRisk))
	a.mux.HandleFunc("GET /api/metrics/qek/details", a.qekDetails)
	a.mux.HandleFunc("GET /api/metrics/risk/events", a.riskEvents)
	a.mux.HandleFunc("GET /api/providers/{id}/risk", a.providerRisk)
	a.mux.HandleFunc("GET /red_code.json", a.redCodeJSON)
	a.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"service": "euystacio-api", "version": a.version})
	})
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "nothing is at "+r.URL.Path)
	})
	return a
}

// recorder remembers the status that was written.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_fault" {
		a.fault(w, r)
		return
	}
	if a.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	began := time.Now()
	_, pattern := a.mux.Handler(r)
	path := pattern[strings.Index(pattern, "/"):] // of a pattern, not of the request: the label's values stay few
	answer := &recorder{w, http.StatusOK}
	if f := a.faults.current(); concerns(f, r.URL.Path) {
		a.serveFaulty(answer, r, f)
	} else {
		a.mux.ServeHTTP(answer, r)
	}
	a.traffic.add(r.Method, path, answer.status, time.Since(began))
}

func concerns(f Faults, path string) bool {
	if len(f.Paths) == 0 {
		return path != "/health" && path != "/ready" && path != "/metrics"
	}
	for _, prefix := range f.Paths {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func (a *app) serveFaulty(w http.ResponseWriter, r *http.Request, f Faults) {
	if f.LatencyMS > 0 {
		select {
		case <-time.After(seconds(f.LatencyMS / 1000)):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.ErrorRate > 0 && rand.Float64() < f.ErrorRate:
		code := f.ErrorCode
		if code == 0 {
			code = http.StatusInternalServerError
		}
		refuse(w, code, "a fault was asked for")
	case f.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n")
	case f.Huge:
		huge(w)
	case f.Truncate:
		whole := &buffer{header: w.Header(), status: http.StatusOK}
		a.mux.ServeHTTP(whole, r)
		w.Header().Set("Content-Length", strconv.Itoa(len(whole.body)))
		w.WriteHeader(whole.status)
		w.Write(whole.body[:len(whole.body)/2]) // the server closes the connection on what is too short
	default:
		a.mux.ServeHTTP(w, r)
	}
}

// buffer is an answer that is not sent yet.
type buffer struct {
	header http.Header
	status int
	body   []byte
}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { b.body = append(b.body, p...); return len(p), nil }

// huge sends a JSON document of 1 GB that never comes to its end.
func huge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"metrics":{"QEK":{"time_series":[`)
	block := []byte(strings.Repeat("0.938,", 1<<14))
	for sent := 0; sent < hugeSize; sent += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// fault reads (GET), changes (POST) or resets (DELETE) the switches.
func (a *app) fault(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = a.faults.apply(document)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	case http.MethodDelete:
		a.faults.reset()
	default:
		refuse(w, http.StatusMethodNotAllowed, "GET, POST or DELETE")
		return
	}
	answer(w, http.StatusOK, a.faults.current())
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	status, code := "healthy", http.StatusOK
	if a.faults.current().Unhealthy {
		status, code = "unhealthy", http.StatusServiceUnavailable
	}
	answer(w, code, map[string]string{"status": status, "timestamp": now(a.faults.current()), "version": a.version})
}

func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	f := a.faults.current()
	switch {
	case a.draining.Load():
		refuse(w, http.StatusServiceUnavailable, "draining")
	case f.NotReady:
		refuse(w, http.StatusServiceUnavailable, "a fault was asked for")
	case a.faults.starting(f):
		refuse(w, http.StatusServiceUnavailable, "starting")
	default:
		answer(w, http.StatusOK, map[string]string{"status": "ready", "version": a.version})
	}
}

func (a *app) text(write func(io.Writer, Faults)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		write(w, a.faults.current())
	}
}

func (a *app) thresholds(w http.ResponseWriter, r *http.Request) {
	f := a.faults.current()
	shape := f.Shape
	if asked := r.URL.Query().Get("shape"); asked != "" {
		shape = asked
	}
	if shape == "text" {
		a.text(func(w io.Writer, f Faults) { a.exposeThresholds(w, f, thresholds) })(w, r)
		return
	}
	metrics, compliant := map[string]any{}, true
	for i := range thresholds {
		m := &thresholds[i]
		value, null, absent := m.read(f)
		if absent {
			continue
		}
		compliant = compliant && (null || m.within(value)) // upstream's own: a null complies
		if shape == "number" {
			metrics[m.key] = jsonNumber(value, null)
			continue
		}
		metrics[m.key] = m.document(f, value, null)
	}
	answer(w, http.StatusOK, map[string]any{"timestamp": now(f), "metrics": metrics, "overall_compliant": compliant})
}

// document is the object that upstream's threshold monitor tells of a metric.
func (m *metric) document(f Faults, value float64, null bool) map[string]any {
	document := map[string]any{
		"current_value": jsonNumber(value, null),
		"ideal_value":   m.ideal,
		"min_threshold": m.minimum,
		"max_threshold": m.maximum,
		"timestamp":     now(f),
		"time_series":   m.series(f, value, null),
		"status":        "ok",
		"within_limits": true,
		"deviation_pct": jsonNumber((value-m.ideal)/m.ideal*100, null),
	}
	if !null && !m.within(value) {
		document["status"], document["within_limits"] = "alert", false
	}
	return document
}

// series are the last minutes, as if the value had always been this one.
func (m *metric) series(f Faults, value float64, null bool) []map[string]any {
	points := []map[string]any{}
	last := time.Now().Add(-seconds(f.StaleSeconds))
	for minutes := 4; minutes >= 0; minutes-- {
		points = append(points, map[string]any{"timestamp": rfc(last.Add(-time.Duration(minutes) * time.Minute)), "value": jsonNumber(value, null)})
	}
	return points
}

// literal is written as it is: Python's json module writes NaN, which is not JSON.
type literal string

func jsonNumber(value float64, null bool) any {
	switch {
	case null:
		return nil
	case math.IsNaN(value):
		return literal("NaN")
	default:
		return math.Round(value*1e6) / 1e6
	}
}

func (a *app) qekDetails(w http.ResponseWriter, _ *http.Request) {
	f := a.faults.current()
	quality := 0.97
	if f.InputQuality != nil {
		quality = *f.InputQuality
	}
	m := &thresholds[0]
	value, null, absent := m.read(f)
	document := m.document(f, value, null || absent)
	document["metric"] = m.key
	document["inputs"] = []map[string]any{
		{"name": "human_feedback", "weight": 0.5, "quality": quality, "records": 1840, "missing_ratio": round(1 - quality), "updated_at": now(f)},
		{"name": "kernel_reflections", "weight": 0.3, "quality": 0.99, "records": 612, "missing_ratio": 0.01, "updated_at": now(f)},
		{"name": "peace_bonds", "weight": 0.2, "quality": 1, "records": 97, "missing_ratio": 0, "updated_at": now(f)},
	}
	answer(w, http.StatusOK, document)
}

func round(value float64) float64 { return math.Round(value*1e4) / 1e4 }

type provider struct {
	TrustWeight      float64 `json:"trust_weight"`
	ComplianceScore  float64 `json:"compliance_score"`
	EthicalAlignment float64 `json:"ethical_alignment"`
}

var providers = map[string]provider{
	"provider-aurora": {0.95, 0.97, 0.96},
	"provider-boreas": {0.60, 0.70, 0.65},
	"provider-cinder": {0.30, 0.40, 0.35},
	"provider-dusk":   {0.10, 0.20, 0.15},
}

// risk is the score of the Peace Bonds policy for a provider on a system without faults.
func (p provider) risk() float64 {
	return round(0.4*(1-p.TrustWeight) + 0.3*(1-p.ComplianceScore) + 0.3*(1-p.EthicalAlignment))
}

func level(score float64) string {
	switch {
	case score < 0.3:
		return "low"
	case score < 0.6:
		return "medium"
	case score < 0.8:
		return "high"
	default:
		return "critical"
	}
}

func (a *app) providerRisk(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	p, known := providers[id]
	if !known {
		refuse(w, http.StatusNotFound, "there is no provider "+strconv.Quote(id))
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"provider_id": id, "provider": p, "risk_score": p.risk(), "risk_level": level(p.risk()), "timestamp": now(a.faults.current()),
	})
}

func (a *app) riskEvents(w http.ResponseWriter, r *http.Request) {
	count := 50
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil || count < 1 || count > 1000 {
			refuse(w, http.StatusBadRequest, "limit is a number from 1 to 1000")
			return
		}
	}
	f := a.faults.current()
	total := 0
	events := []map[string]any{}
	names := []string{"provider-aurora", "provider-boreas", "provider-cinder", "provider-dusk"}
	newest := time.Now().Add(-seconds(f.StaleSeconds)).Truncate(time.Minute)
	// The worst first in time, so that a short limit shows it.
	for i := len(severities) - 1; i >= 0; i-- {
		value, _, absent := find("risk_events_" + severities[i]).read(f)
		if absent {
			continue
		}
		for range int(value) {
			if total++; len(events) == count {
				continue
			}
			id := names[i]
			events = append(events, map[string]any{
				"id": fmt.Sprintf("risk-%05d", total), "timestamp": rfc(newest.Add(-time.Duration(total) * time.Minute)), "severity": severities[i],
				"provider_id": id, "risk_score": providers[id].risk(), "description": severities[i] + " risk of " + id,
			})
		}
	}
	answer(w, http.StatusOK, map[string]any{"events": events, "total": total, "limit": count})
}

func (a *app) redCodeJSON(w http.ResponseWriter, _ *http.Request) {
	document := []byte(a.faults.current().RedCode)
	if document == nil {
		var err error
		if document, err = os.ReadFile(a.redCode); err != nil {
			document = embeddedRedCode
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(document)
}

func now(f Faults) string { return rfc(time.Now().Add(-seconds(f.StaleSeconds))) }

func rfc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func refuse(w http.ResponseWriter, status int, reason string) {
	answer(w, status, map[string]string{"error": reason})
}

func answer(w http.ResponseWriter, status int, document any) {
	text, err := json.Marshal(document)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written"}`)
	}
	for from, to := range literals {
		text = []byte(strings.ReplaceAll(string(text), from, to))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// encoding/json refuses NaN, so it goes through as a marked string.
var literals = map[string]string{`"\u0000NaN"`: "NaN"}

func (l literal) MarshalText() ([]byte, error) { return []byte("\x00" + string(l)), nil }
