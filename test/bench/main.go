package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// bench is everything that the measurements share.
type bench struct {
	root   string // of the source tree
	bin    string
	rounds int
	apps   []string // titles of the apps that builds are measured of; empty: all
	note   func(format string, arguments ...any)
}

// measurement is one part of the run; it reports each figure as soon as it has it.
type measurement struct {
	name string
	run  func(ctx context.Context, b *bench, report func(figure)) error
}

func measurements() []measurement {
	return []measurement{
		{"push", measurePushes}, {"builds", measureBuilds}, {"config", measureConfig}, {"fence", measureFence},
		{"idle", measureIdle}, {"large", measureLarge}, {"records", measureRecords},
	}
}

func main() {
	root := flag.String("root", ".", "the source tree")
	bin := flag.String("bin", "", "the folder of csphd and the daemons (default: bin in the source tree)")
	only := flag.String("only", "", "measure only these, separated by commas: push, builds, config, fence, idle, large, records")
	rounds := flag.Int("rounds", 5, "rounds of which the median is taken")
	apps := flag.String("apps", "", "measure builds of only these, separated by commas: Go, Node, static, Python, Dockerfile")
	strict := flag.Bool("strict", false, "exit with 1 when a figure misses its target")
	flag.Parse()
	if flag.Arg(0) == witnessRole {
		if err := bearWitness(); err != nil {
			fmt.Fprintln(os.Stderr, "witness:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := &bench{rounds: max(*rounds, 1), apps: strings.FieldsFunc(*apps, func(r rune) bool { return r == ',' }), note: note}
	missed, err := b.run(ctx, *root, *bin, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Printf("%d figures miss their targets\n", missed)
		if *strict {
			os.Exit(1)
		}
	}
}

func (b *bench) run(ctx context.Context, root, bin, only string) (missed int, err error) {
	if os.Getuid() != 0 {
		return 0, errors.New("csphd starts containers: run as root")
	}
	if b.root, err = filepath.Abs(root); err != nil {
		return 0, fmt.Errorf("find the source tree: %w", err)
	}
	if b.bin, err = filepath.Abs(cmp.Or(bin, filepath.Join(b.root, "bin"))); err != nil {
		return 0, fmt.Errorf("find the binaries: %w", err)
	}
	chosen, err := choose(only)
	if err != nil {
		return 0, err
	}
	fmt.Println(heading)
	for _, m := range chosen {
		err := m.run(ctx, b, func(f figure) {
			fmt.Println(f)
			if !f.within {
				missed++
			}
		})
		if err != nil {
			return missed, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	return missed, nil
}

// note tells progress beside the figures.
func note(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "       "+format+"\n", arguments...)
}

func choose(only string) ([]measurement, error) {
	all := measurements()
	if only == "" {
		return all, nil
	}
	var chosen []measurement
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, m := range all {
			if m.name == name {
				chosen, found = append(chosen, m), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no measurement %q", name)
		}
	}
	return chosen, nil
}
