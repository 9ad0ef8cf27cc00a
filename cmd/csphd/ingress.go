package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"csph/router"
)

// ingressConfig is what csphd can be told about its router. Zero values take the router's defaults.
type ingressConfig struct {
	HTTP3          bool     `yaml:"http3"`           // HTTP/3 on the UDP port with the number of https
	TrustedProxies []string `yaml:"trusted_proxies"` // networks whose X-Forwarded-* and Forwarded are believed
	// ProxyProtocol are the networks of load balancers whose every connection starts with a PROXY protocol header.
	ProxyProtocol []string `yaml:"proxy_protocol"`

	HeaderKB    int   `yaml:"header_kb"`    // of a request's header
	HeaderCount int   `yaml:"header_count"` // fields of a header
	BodyMB      int64 `yaml:"body_mb"`      // of a request's body

	HeaderTimeout   time.Duration `yaml:"header_timeout"`   // first to last byte of a header
	IdleTimeout     time.Duration `yaml:"idle_timeout"`     // between two requests of a connection
	BodyTimeout     time.Duration `yaml:"body_timeout"`     // without a byte of progress in a body
	ResponseTimeout time.Duration `yaml:"response_timeout"` // until an app answers

	Connections          int           `yaml:"connections"`            // in all
	ConnectionsPerClient int           `yaml:"connections_per_client"` // of one address
	StreamDrain          time.Duration `yaml:"stream_drain"`           // that websockets and streams outlive their deployment
}

// config is what the router is made from.
func (c ingressConfig) config(logger *slog.Logger) (router.Config, error) {
	trusted, err := networks("router.trusted_proxies", c.TrustedProxies)
	from, err2 := networks("router.proxy_protocol", c.ProxyProtocol)
	return router.Config{
		Logger: logger, Trusted: trusted, ProxyFrom: from,
		Limits: router.Limits{
			HeaderBytes: c.HeaderKB << 10, HeaderCount: c.HeaderCount, BodyBytes: c.BodyMB << 20,
			HeadTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout, BodyTimeout: c.BodyTimeout, ResponseTimeout: c.ResponseTimeout,
			Connections: c.Connections, ConnectionsPerClient: c.ConnectionsPerClient, StreamDrain: c.StreamDrain,
		},
	}, errors.Join(err, err2, c.notNegative())
}

// notNegative refuses numbers that would otherwise quietly become a default.
func (c ingressConfig) notNegative() error {
	var errs []error
	for name, n := range map[string]int64{
		"header_kb": int64(c.HeaderKB), "header_count": int64(c.HeaderCount), "body_mb": c.BodyMB, "header_timeout": int64(c.HeaderTimeout),
		"idle_timeout": int64(c.IdleTimeout), "body_timeout": int64(c.BodyTimeout), "response_timeout": int64(c.ResponseTimeout),
		"connections": int64(c.Connections), "connections_per_client": int64(c.ConnectionsPerClient), "stream_drain": int64(c.StreamDrain),
	} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("router.%s: a negative number makes no sense; leave it out for the default", name))
		}
	}
	return errors.Join(errs...)
}

// networks reads networks such as 10.0.0.0/8, or single addresses.
func networks(name string, list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, single := netip.ParseAddr(text); single == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no network such as 10.0.0.0/8 and no address", name, text)
		}
		all = append(all, p)
	}
	return all, nil
}
