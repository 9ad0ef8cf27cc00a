package main

import (
	"math"
	"testing"
	"time"

	"csph/api/wire"
)

func TestQuantilesAreWithinTheirBucket(t *testing.T) {
	bounds := []float64{1, 2, 4}
	for _, c := range []struct {
		counts []uint64
		share  float64
		want   float64
	}{
		{[]uint64{0, 0, 0, 0}, 0.5, 0},
		{[]uint64{10, 0, 0, 0}, 0.5, 0.5},
		{[]uint64{0, 10, 0, 0}, 0.5, 1.5},
		{[]uint64{50, 0, 50, 0}, 0.5, 1},
		{[]uint64{50, 0, 50, 0}, 0.75, 3},
		{[]uint64{98, 0, 0, 2}, 0.99, 4},
		{[]uint64{0, 0, 4, 0}, 1, 4},
	} {
		if got := quantile(c.counts, bounds, c.share); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%g of %v: %g, want %g", c.share, c.counts, got, c.want)
		}
	}
}

func TestLoadsAreTheDifferenceOfTwoCounts(t *testing.T) {
	at := func(seconds int, started int64, services ...wire.ServiceTraffic) wire.Traffic {
		return wire.Traffic{Time: time.Unix(int64(seconds), 0), Started: time.Unix(started, 0), Bounds: []float64{0.001, 0.01}, Services: services}
	}
	counted := func(id string, ok, failed uint64, latency ...uint64) wire.ServiceTraffic {
		return wire.ServiceTraffic{Service: id, Name: id, Requests: wire.Requests{Successful: ok, ServerErrors: failed}, Latency: latency}
	}
	before := at(100, 1, counted("a", 100, 0, 100, 0, 0), counted("b", 10, 10, 20, 0, 0), counted("gone", 1, 1, 1, 1, 1))
	now := at(102, 1, counted("a", 110, 0, 110, 0, 0), counted("b", 110, 20, 20, 110, 0), counted("new", 4, 0, 4, 0, 0))
	all := loads(before, now)
	if len(all) != 3 || all[0].Service != "b" || all[1].Service != "a" || all[2].Service != "new" {
		t.Fatalf("order: %+v", all)
	}
	if b := all[0]; b.Rate != 55 || b.Errors != 5 || math.Abs(b.P50-5.5) > 1e-9 {
		t.Errorf("b: %+v", b)
	}
	if a := all[1]; a.Rate != 5 || a.Errors != 0 || a.P50 != 0.5 {
		t.Errorf("a: %+v", a)
	}
	if fresh := all[2]; fresh.Rate != 2 {
		t.Errorf("new: %+v", fresh)
	}
	if again := loads(before, at(102, 101, counted("a", 6, 0, 6, 0, 0))); again[0].Rate != 3 {
		t.Errorf("after a restart: %+v", again)
	}
}

func TestTheUseOfCPUIsThatOfTheIntervalInPercentOfTheShape(t *testing.T) {
	at := func(cpu float64) *wire.ServiceUse {
		return &wire.ServiceUse{Spherelets: 2, CPU: cpu, MilliCPU: 500, Memory: 256 << 20, MemoryLimit: 1 << 30}
	}
	u := useOf(at(10), at(10.5), 2)
	if u.cpu() != "50 %" || u.memory() != "256 of 1024 MB" || u.Spherelets != 2 {
		t.Errorf("%+v: %s, %s", u, u.cpu(), u.memory())
	}
	if gone := useOf(at(10), at(4), 2); gone.CPU != 0 {
		t.Errorf("after one has gone: %+v", gone)
	}
	if fresh := useOf(nil, at(4), 2); fresh.CPU != 0 || fresh.Memory == 0 {
		t.Errorf("just begun: %+v", fresh)
	}
	if none := useOf(at(10), nil, 2); none != nil || none.cpu() != "-" || none.memory() != "-" {
		t.Errorf("suspended: %+v", none)
	}
}
