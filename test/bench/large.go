package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const (
	largeRatio   = 1.2
	largeGrowth  = 64 << 20
	largeObjects = "400000" // about 300 MB
)

// measureLarge runs gitd's own benchmark: a large repository pushed to gitd and, behind the same kind of SSH
// server, to git receive-pack.
func measureLarge(ctx context.Context, b *bench, report func(figure)) error {
	b.note("a repository of %s objects is made and pushed; this takes minutes", largeObjects)
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkPush$", "-benchtime", "1x", "-timeout", "30m", "./gitd")
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "CSPH_BENCH_OBJECTS="+largeObjects)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench BenchmarkPush ./gitd: %w\n%s", err, out)
	}
	ours, err := benchmarkTime(out, "csph-stored")
	if err != nil {
		return err
	}
	stock, err := benchmarkTime(out, "stock-over-ssh")
	if err != nil {
		return err
	}
	growth, err := benchmarkField(out, "csph-stored", "rss-growth-MB")
	if err != nil {
		return err
	}
	report(ratioOf("push of "+largeObjects+" objects, to git receive-pack", []time.Duration{ours}, []time.Duration{stock}, largeRatio))
	report(growthOf("growth of the server's size meanwhile", int64(growth*(1<<20)), 0, largeGrowth))
	return nil
}

func benchmarkTime(out []byte, name string) (time.Duration, error) {
	nanoseconds, err := benchmarkField(out, name, "ns/op")
	return time.Duration(nanoseconds), err
}

// benchmarkField finds a value with its unit in the line of a sub-benchmark, as testing prints it.
func benchmarkField(out []byte, name, unit string) (float64, error) {
	line := regexp.MustCompile(`(?m)^BenchmarkPush/` + name + `(?:-\d+)?\s.*?([0-9.e+-]+) ` + regexp.QuoteMeta(unit))
	found := line.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("the benchmark printed no %s of %s:\n%s", unit, name, out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
