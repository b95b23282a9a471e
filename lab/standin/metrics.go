// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// metric is one that the runbook sets limits for.
type metric struct {
	name, key, label string // in exposition text, in the API's JSON, in messages
	value, ideal     float64
	minimum, maximum *float64
	help             string
}

func limit(value float64) *float64 { return &value }

// Constant values: replicas that told different ones would disagree with each other without a fault.
var thresholds = []metric{
	{"qek_value", "QEK", "QEK", 0.938, 0.938, limit(0.85), nil, "Quantum ethical kernel."},
	{"hvar_value", "H_VAR", "H-VAR", 0.043, 0.043, nil, limit(0.10), "Volatility of the ethical metrics."},
	{"ethisches_ideal_value", "ETHISCHES_IDEAL", "Ethisches Ideal", 0.998, 1.0, limit(0.95), nil, "Ethical ideal."},
	{"symbiosis_score", "SYMBIOSIS", "Symbiosis score", 0.82, 1.0, limit(0.5), nil, "Symbiosis of humans and the system."},
}

// Counts that switches may set too.
var counts = map[string]float64{
	"peace_bonds_violations_total": 3,
	"risk_events_low":              14,
	"risk_events_medium":           5,
	"risk_events_high":             1,
	"risk_events_critical":         0,
}

// find is the metric of a name or alias; of a count, one without limits.
func find(name string) *metric {
	for i, m := range thresholds {
		if strings.EqualFold(name, m.name) || strings.EqualFold(name, m.key) {
			return &thresholds[i]
		}
	}
	if value, known := counts[name]; known {
		return &metric{name: name, key: name, value: value}
	}
	return nil
}

func listed(names []string, m *metric) bool {
	return slices.ContainsFunc(names, func(name string) bool { return find(name).name == m.name })
}

// read is the metric's value under the switches: absent, null, or a number that may be NaN.
func (m *metric) read(f Faults) (value float64, null, absent bool) {
	value = m.value
	for name, set := range f.Metrics {
		if find(name).name == m.name {
			value = set
		}
	}
	if listed(f.NaN, m) {
		value = math.NaN()
	}
	return value, listed(f.Null, m), listed(f.Missing, m)
}

func (m *metric) within(value float64) bool {
	return !math.IsNaN(value) && (m.minimum == nil || value >= *m.minimum) && (m.maximum == nil || value <= *m.maximum)
}

// breaches are the lines that upstream's ThresholdMonitor logs.
func breaches(f Faults) []string {
	var lines []string
	for i := range thresholds {
		m := &thresholds[i]
		value, null, absent := m.read(f)
		switch {
		case null || absent || math.IsNaN(value) || m.within(value):
		case m.minimum != nil:
			lines = append(lines, fmt.Sprintf("%s below minimum threshold: %.4f < %.2f", m.label, value, *m.minimum))
		default:
			lines = append(lines, fmt.Sprintf("%s exceeded maximum threshold: %.4f > %.2f", m.label, value, *m.maximum))
		}
	}
	return lines
}

var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

type requestKey struct{ method, path, code string }

type histogram struct {
	counts []uint64
	sum    float64
	total  uint64
}

// traffic counts the requests that were answered.
type traffic struct {
	mu       sync.Mutex
	requests map[requestKey]uint64
	duration map[string]*histogram
}

func newTraffic() *traffic {
	return &traffic{requests: map[requestKey]uint64{}, duration: map[string]*histogram{}}
}

func (t *traffic) add(method, path string, code int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[requestKey{method, path, strconv.Itoa(code)}]++
	h := t.duration[path]
	if h == nil {
		h = &histogram{counts: make([]uint64, len(buckets))}
		t.duration[path] = h
	}
	h.total++
	h.sum += took.Seconds()
	for i, bound := range buckets {
		if took.Seconds() <= bound {
			h.counts[i]++
		}
	}
}

// expose writes exposition text of everything.
func (a *app) expose(w io.Writer, f Faults) {
	a.exposeThresholds(w, f, thresholds)
	a.exposeRisk(w, f)
	a.traffic.expose(w)
	exposeProcess(w, a.faults.started)
	fmt.Fprintf(w, "# HELP euystacio_build_info The version that runs.\n# TYPE euystacio_build_info gauge\neuystacio_build_info{version=%q} 1\n", a.version)
}

func (a *app) exposeThresholds(w io.Writer, f Faults, metrics []metric) {
	for i := range metrics {
		m := &metrics[i]
		// Exposition text has no null: what the API tells as null is absent here.
		value, null, absent := m.read(f)
		if null || absent {
			continue
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s %s%s\n", m.name, m.help, m.name, m.name, number(value), stamp(f))
	}
}

func (a *app) exposeRisk(w io.Writer, f Faults) {
	fmt.Fprint(w, "# HELP risk_events_total Events of risk by severity.\n# TYPE risk_events_total counter\n")
	for _, severity := range severities {
		value, null, absent := find("risk_events_" + severity).read(f)
		if !null && !absent {
			fmt.Fprintf(w, "risk_events_total{severity=%q} %s%s\n", severity, number(value), stamp(f))
		}
	}
	value, null, absent := find("peace_bonds_violations_total").read(f)
	if !null && !absent {
		fmt.Fprintf(w, "# HELP peace_bonds_violations_total Requests that Peace Bonds denied.\n# TYPE peace_bonds_violations_total counter\npeace_bonds_violations_total %s%s\n", number(value), stamp(f))
	}
}

func (t *traffic) expose(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for key, count := range t.requests {
		lines = append(lines, fmt.Sprintf("http_requests_total{code=%q,method=%q,path=%q} %d\n", key.code, key.method, key.path, count))
	}
	slices.Sort(lines)
	fmt.Fprintf(w, "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n%s", strings.Join(lines, ""))
	fmt.Fprint(w, "# HELP http_request_duration_seconds Time until the answer was written.\n# TYPE http_request_duration_seconds histogram\n")
	paths := make([]string, 0, len(t.duration))
	for path := range t.duration {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		h := t.duration[path]
		for i, bound := range buckets {
			fmt.Fprintf(w, "http_request_duration_seconds_bucket{path=%q,le=\"%s\"} %d\n", path, number(bound), h.counts[i])
		}
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{path=%q,le=\"+Inf\"} %d\n", path, h.total)
		fmt.Fprintf(w, "http_request_duration_seconds_sum{path=%q} %s\nhttp_request_duration_seconds_count{path=%q} %d\n", path, number(h.sum), path, h.total)
	}
}

func exposeProcess(w io.Writer, started time.Time) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		fmt.Fprintf(w, "# HELP process_cpu_seconds_total CPU time used.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %s\n", number(cpu.Seconds()))
	}
	var size, resident int64
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(text), &size, &resident); err == nil {
			fmt.Fprintf(w, "# HELP process_resident_memory_bytes Memory held.\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %d\n", resident*int64(os.Getpagesize()))
		}
	}
	fmt.Fprintf(w, "# HELP process_start_time_seconds When the process started.\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %s\n", number(float64(started.UnixMilli())/1000))
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// stamp is a sample's own timestamp, which it has only when it is to be an old one.
func stamp(f Faults) string {
	if f.StaleSeconds == 0 {
		return ""
	}
	return " " + strconv.FormatInt(time.Now().Add(-seconds(f.StaleSeconds)).UnixMilli(), 10)
}
