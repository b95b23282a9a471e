// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"runtime"
	"testing"
	"time"
)

// Twice as many threads as processors: each is held back half of the time, as by a limit, and has its CPU time nevertheless.
func TestAThreadThatIsHeldBackUsesItsTime(t *testing.T) {
	const span = 30 * time.Millisecond
	used := make(chan time.Duration)
	for range 2 * runtime.NumCPU() {
		go func() {
			runtime.LockOSThread()
			before := cpuOfThread()
			burnThread(span, func() bool { return true })
			used <- cpuOfThread() - before
		}()
	}
	for range 2 * runtime.NumCPU() {
		if got := <-used; got < span {
			t.Errorf("used %v of %v", got, span)
		}
	}
}

func TestEachCoreHasOneThreadAndNoneWhenItIsSwitchedOff(t *testing.T) {
	b := &switchboard{}
	b.set(Faults{CPUCores: 1.5})
	for range 5 {
		b.burn(1.5, time.Hour)
	}
	if got := b.burning.Load(); got != 2 {
		t.Errorf("%d threads for 1.5 cores", got)
	}
	b.set(Faults{})
	for b.burning.Load() != 0 {
		time.Sleep(time.Millisecond)
	}
}
