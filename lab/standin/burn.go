// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"math"
	"runtime"
	"syscall"
	"time"
)

// burn uses so many cores for a step, in a thread for each of them. A thread that has not had its time yet, because the container is
// at its limit, goes on; there is never a second one for the same core.
func (b *switchboard) burn(cores float64, step time.Duration) {
	wanted := int32(math.Ceil(cores))
	for free := wanted - b.burning.Load(); free > 0; free-- {
		part := min(cores-float64(wanted-free), 1)
		b.burning.Add(1)
		go func() {
			defer b.burning.Add(-1)
			burnThread(time.Duration(float64(step)*part*0.95), func() bool { return b.current().CPUCores > 0 })
		}()
	}
}

// burnThread ends when its thread has used so much CPU time. The time of a clock goes on while a limit of the container holds the thread
// back, so by that it would use less than the limit allows.
func burnThread(span time.Duration, wanted func() bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := cpuOfThread() + span; cpuOfThread() < end && wanted(); {
		for range 1000 {
			_ = math.Sqrt(float64(end))
		}
	}
}

func cpuOfThread() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_THREAD, &usage) != nil {
		return math.MaxInt64 // nothing is burnt
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
