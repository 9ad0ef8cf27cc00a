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

// measureTable says what a large table costs: memory a route, time a swap, CPU and p99 of requests
// beside one that asks a table with a single route, and while it is swapped 100 times a second.
func measureTable(ctx context.Context, o options) error {
	if err := measureSwaps(ctx); err != nil {
		return err
	}
	return part(ctx, o, []string{"csph", fmt.Sprintf("csph, %d routes", many), "csph, 100 swaps/s"}, namedLoad{"HTTP/1.1, 128B", wrk("http", "/128B")})
}

// measureSwaps measures a table in this process.
func measureSwaps(ctx context.Context) (err error) {
	target := netip.MustParseAddrPort("127.0.0.1:9")
	table := tableOf(many, target)
	r := router.New(router.Config{})
	defer func() { err = errors.Join(err, r.Shutdown(ctx)) }()
	before := heap()
	if err := r.Install(table); err != nil {
		return err
	}
	table = router.Table{}
	fmt.Printf("\n%d routes: %d bytes a route\n", many, (heap()-before)/many)
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
	fmt.Printf("%d routes: a swap of targets takes %v, one of hosts %v (median of 100)\n", many, middle(targets), middle(hosts))
	return nil
}

func timeSwap(ctx context.Context, r *router.Router, service string, hosts []string, target netip.AddrPort) (time.Duration, error) {
	began := time.Now()
	_, err := r.Swap(ctx, service, hosts, []netip.AddrPort{target})
	return time.Since(began), err
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2].Round(time.Microsecond)
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
