package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"csph/platform"
	"csph/runtime/containerd"
)

// machine is the engine as those want it who look at what runs.
type machine struct{ *containerd.Engine }

// Use implements api.Runtime.
func (m machine) Use(spherelet string) (platform.Use, error) {
	u, err := m.Stats(spherelet)
	return platform.Use{CPU: u.CPU, Memory: u.Memory, MemoryLimit: u.MaxMemory}, err
}

// uses tells Prometheus what spherelets use.
type uses struct {
	machine             machine
	nameOf              func(service string) string
	cpu, memory, atMost *prometheus.Desc
}

func newUses(m machine, nameOf func(string) string) uses {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("csph_spherelet_"+name, help, []string{"service", "spherelet"}, nil)
	}
	return uses{
		machine: m, nameOf: nameOf,
		cpu:    desc("cpu_seconds_total", "CPU time that a spherelet has used."),
		memory: desc("memory_bytes", "Memory that a spherelet uses, without what the kernel can take back."),
		atMost: desc("memory_limit_bytes", "Memory that a spherelet may use."),
	}
}

// Describe implements prometheus.Collector.
func (u uses) Describe(out chan<- *prometheus.Desc) { out <- u.cpu; out <- u.memory; out <- u.atMost }

// Collect implements prometheus.Collector.
func (u uses) Collect(out chan<- prometheus.Metric) {
	for _, s := range u.machine.Spherelets("") {
		use, err := u.machine.Use(s.ID)
		if err != nil {
			continue // it does not run yet, or no more
		}
		service := u.nameOf(s.Service)
		out <- prometheus.MustNewConstMetric(u.cpu, prometheus.CounterValue, use.CPU.Seconds(), service, s.ID)
		out <- prometheus.MustNewConstMetric(u.memory, prometheus.GaugeValue, float64(use.Memory), service, s.ID)
		out <- prometheus.MustNewConstMetric(u.atMost, prometheus.GaugeValue, float64(use.MemoryLimit), service, s.ID)
	}
}
