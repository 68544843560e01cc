package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
)

// figures are the measurements in the order in which they run.
var figures = []struct {
	name    string
	measure func(ctx context.Context, folder string, report func(name string, value float64, unit string)) error
}{
	{"claims", measureClaims},
	{"http", measureHTTP},
	{"export", measureExport},
	{"list", measureList},
	{"stores", measureStores},
	{"binary", measureBinary},
}

func main() {
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	only := flag.String("only", "", "comma-separated measurements to run; all when empty")
	part := flag.String("child", "", "a measurement that wants a process of its own; used by bench itself")
	home := flag.String("folder", "", "the folder of -child")
	flag.Parse()
	if *part != "" {
		if err := runChild(context.Background(), *part, *home); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(context.Background(), *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	folder, err := os.MkdirTemp("", "kaquan-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	for _, f := range figures {
		if only != "" && !strings.Contains(","+only+",", ","+f.name+",") {
			continue
		}
		report := func(name string, value float64, unit string) { fmt.Printf("%s %.3f %s\n", name, value, unit) }
		sub, err := os.MkdirTemp(folder, f.name+"-")
		if err != nil {
			return err
		}
		if err := f.measure(ctx, sub, report); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := os.RemoveAll(sub); err != nil {
			return err
		}
	}
	return nil
}
