package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"csph/router"
)

// many is how many routes a large table has.
const many = 10_000

// same is how far two runs of the same may be apart.
const same = 1.1

// What a route may take, in bytes, and a swap.
const (
	routeMost = 2 << 10
	swapMost  = 10 * time.Millisecond
)

// measureTable says what a large table costs: memory a route, time a swap, CPU and p99 of requests
// beside one that asks a table with a single route, and while it is swapped 100 times a second.
func measureTable(ctx context.Context, o options) error {
	if err := measureSwaps(ctx, o.report); err != nil {
		return err
	}
	large := fmt.Sprintf("csph, %d routes", many)
	const swapped = "csph, 100 swaps/s"
	return part(ctx, o, []string{"csph", large, swapped}, namedLoad{"HTTP/1.1, 128B", wrk("http", "/128B"), []aim{
		{large, "csph", same, 0}, {swapped, large, 0, same},
	}, nil})
}

// measureSwaps measures a table in this process.
func measureSwaps(ctx context.Context, rep *report) (err error) {
	target := netip.MustParseAddrPort("127.0.0.1:9")
	table := tableOf(many, target)
	r := router.New(router.Config{})
	defer func() { err = errors.Join(err, r.Shutdown(ctx)) }()
	before := heap()
	if err := r.Install(table); err != nil {
		return err
	}
	table = router.Table{}
	each := (heap() - before) / many
	rep.add(fmt.Sprintf("%d routes: memory of one", many), fmt.Sprintf("%d B", each), fmt.Sprintf("%d B", routeMost), each <= routeMost)
	targets, hosts := make([]time.Duration, 0, 100), make([]time.Duration, 0, 100)
	for i := range 100 {
		service, host := fmt.Sprintf("svc_%d", 1+i*97), fmt.Sprintf("app-%d.example.test", 1+i*97)
		other := netip.AddrPortFrom(target.Addr(), uint16(1000+i))
		took, err := timeSwap(ctx, r, service, []string{host}, other)
		if err != nil {
			return err
		}
		targets = append(targets, took)
		if took, err = timeSwap(ctx, r, service, []string{host, "www." + host}, other); err != nil {
			return err
		}
		hosts = append(hosts, took)
	}
	rep.addSwap("targets", targets)
	rep.addSwap("hosts", hosts)
	return nil
}

func timeSwap(ctx context.Context, r *router.Router, service string, hosts []string, target netip.AddrPort) (time.Duration, error) {
	began := time.Now()
	_, err := r.Swap(ctx, service, hosts, []netip.AddrPort{target})
	return time.Since(began), err
}

// addSwap adds the slowest of the swaps.
func (r *report) addSwap(of string, took []time.Duration) {
	slices.Sort(took)
	median, slowest := took[len(took)/2].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond)
	r.add(fmt.Sprintf("%d routes: a swap of %s, the slowest of %d", many, of, len(took)),
		fmt.Sprintf("%v (median %v)", slowest, median), swapMost.String(), slowest <= swapMost)
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
