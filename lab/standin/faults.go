// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Faults are the switches. The zero value is a healthy system.
type Faults struct {
	// The metrics: by exposition name, or an alias such as QEK.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Missing []string           `json:"missing,omitempty"`
	Null    []string           `json:"null,omitempty"`
	NaN     []string           `json:"nan,omitempty"`
	// What /api/metrics/thresholds answers: object (default), number or text.
	Shape string `json:"shape,omitempty"`
	// The age of the timestamps that are told.
	StaleSeconds float64 `json:"stale_seconds,omitempty"`
	// Quality of the input data behind QEK, 0 to 1.
	InputQuality *float64 `json:"input_quality,omitempty"`
	// Replaces the answer of /red_code.json.
	RedCode json.RawMessage `json:"red_code,omitempty"`

	// The answers of the paths that start with one of Paths; without it all but /health, /ready and /metrics.
	Paths     []string `json:"paths,omitempty"`
	LatencyMS float64  `json:"latency_ms,omitempty"`
	ErrorRate float64  `json:"error_rate,omitempty"`
	ErrorCode int      `json:"error_code,omitempty"`
	HTML      bool     `json:"html,omitempty"`
	Truncate  bool     `json:"truncate,omitempty"`
	Huge      bool     `json:"huge,omitempty"`

	// The process.
	NotReady         bool     `json:"not_ready,omitempty"`
	Unhealthy        bool     `json:"unhealthy,omitempty"`
	SlowStartSeconds float64  `json:"slow_start_seconds,omitempty"`
	CPUCores         float64  `json:"cpu_cores,omitempty"`
	LeakMBPerSecond  float64  `json:"leak_mb_per_second,omitempty"`
	Crash            *int     `json:"crash,omitempty"` // the exit code
	Graceful         *bool    `json:"graceful,omitempty"`
	DrainSeconds     *float64 `json:"drain_seconds,omitempty"`
	// Log so many lines, and these lines, once each time they are set.
	Dump int      `json:"dump,omitempty"`
	Log  []string `json:"log,omitempty"`
}

func (f Faults) drain() time.Duration {
	if f.DrainSeconds != nil {
		return seconds(*f.DrainSeconds)
	}
	return 3 * time.Second
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

// apply lays a JSON document of switches over f; what it doesn't name stays, null puts back.
func (f Faults) apply(document []byte) (Faults, error) {
	var next Faults
	current, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	merged, change := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(current, &merged); err != nil {
		return f, err
	}
	if err := json.Unmarshal(document, &change); err != nil {
		return f, err
	}
	for name, value := range change {
		merged[name] = value
	}
	if merged["red_code"] != nil && string(merged["red_code"]) == "null" {
		delete(merged, "red_code")
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return f, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&next); err != nil {
		return f, err
	}
	return next, next.check()
}

func (f Faults) check() error {
	names := append(append(append([]string{}, f.Missing...), f.Null...), f.NaN...)
	for name := range f.Metrics {
		names = append(names, name)
	}
	for _, name := range names {
		if find(name) == nil {
			return fmt.Errorf("there is no metric %q", name)
		}
	}
	if f.Shape != "" && f.Shape != "object" && f.Shape != "number" && f.Shape != "text" {
		return fmt.Errorf("shape is %q; it is object, number or text", f.Shape)
	}
	if f.ErrorRate < 0 || f.ErrorRate > 1 {
		return errors.New("error_rate is a share from 0 to 1")
	}
	return nil
}

// switchboard holds the switches of one process and does what they ask of it. They come from, later over earlier:
// the environment, a file (a ConfigMap's: the same for every replica and over a restart), POST /_fault.
type switchboard struct {
	mu      sync.Mutex
	initial Faults
	faults  Faults
	file    string
	text    string // of the file, as last read
	started time.Time
	leaked  [][]byte
	burning atomic.Int32 // threads
}

func newSwitchboard(initial, file string) (*switchboard, error) {
	board := &switchboard{file: file, started: time.Now()}
	if initial != "" {
		var err error
		if board.initial, err = (Faults{}).apply([]byte(initial)); err != nil {
			return nil, err
		}
	}
	board.set(board.initial)
	board.readFile()
	return board, nil
}

func (b *switchboard) current() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}

func (b *switchboard) apply(document []byte) error {
	next, err := b.current().apply(document)
	if err == nil {
		b.set(next)
	}
	return err
}

func (b *switchboard) reset() { b.set(b.initial) }

func (b *switchboard) set(next Faults) {
	for _, line := range next.Log {
		slog.Info(line)
	}
	for i := range next.Dump {
		slog.Info("diagnostic line", "line", i+1, "of", next.Dump)
	}
	next.Log, next.Dump = nil, 0
	for _, line := range breaches(next) {
		slog.Warn(line)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = next
	if next.LeakMBPerSecond == 0 {
		b.leaked = nil
	}
}

// readFile takes the switches of the file when it has changed. A file that is gone or wrong is no fault.
func (b *switchboard) readFile() {
	if b.file == "" {
		return
	}
	text, err := os.ReadFile(b.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Error("the file of faults can't be read: " + err.Error())
	}
	if string(text) == b.text {
		return
	}
	b.text = string(text)
	next := b.initial
	if strings.TrimSpace(b.text) != "" {
		if next, err = b.initial.apply(text); err != nil {
			slog.Error("the file of faults is wrong: " + err.Error())
			return
		}
	}
	b.set(next)
}

func (b *switchboard) starting(f Faults) bool {
	return time.Since(b.started) < seconds(f.SlowStartSeconds)
}

// work does the faults of the process, in steps of 100 ms.
func (b *switchboard) work() {
	const step = 100 * time.Millisecond
	ticker := time.NewTicker(step)
	for range ticker.C {
		b.readFile()
		now := b.current()
		if now.Crash != nil {
			slog.Error("panic: a fault was asked for", "exit", *now.Crash)
			os.Exit(*now.Crash)
		}
		if now.LeakMBPerSecond > 0 {
			b.leak(int(now.LeakMBPerSecond * (1 << 20) * step.Seconds()))
		}
		b.burn(now.CPUCores, step)
	}
}

func (b *switchboard) leak(size int) {
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1 // a page that is not written is not there
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaked = append(b.leaked, block)
}
