package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// measureBinary builds the program as it is shipped and reports its size, how long it
// takes from start to its first answer on a fresh folder, and its memory at rest.
func measureBinary(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	path := filepath.Join(folder, "kaquan")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, "kaquan")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	report("binary_mb", float64(info.Size())/(1<<20), "MB")

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "serve", "--data", filepath.Join(folder, "data"), "--listen", address)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	took, err := firstAnswer(ctx, "http://"+address+"/readyz", start)
	if err == nil {
		report("start_ms", float64(took.Microseconds())/1000, "ms")
		time.Sleep(3 * time.Second) // at rest
		var resident float64
		if resident, err = memory(cmd.Process.Pid, "VmRSS:"); err == nil {
			report("idle_rss_mb", resident, "MB")
		}
	}
	return errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
}

func firstAnswer(ctx context.Context, address string, start time.Time) (time.Duration, error) {
	for time.Since(start) < 20*time.Second {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return 0, err
		}
		if _, err := fetch(r); err == nil {
			return time.Since(start), nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return 0, errors.New("the program does not answer")
}
